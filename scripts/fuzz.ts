/** Mutates a million vendor frames and decodes each: every one must give ticks or a counted rejection. */
import { fuzzFrames } from '../test/venues/fuzz-frames.ts'

const COUNT = 1_000_000
const SEED = 20_260_701
const RSS_GROWTH_MAX_MB = 64

const before = process.memoryUsage().rss
const report = fuzzFrames(COUNT, SEED)
const grownMb = (process.memoryUsage().rss - before) / 1_048_576
process.stdout.write(`${JSON.stringify({ ...report, grownMb: Math.round(grownMb) })}\n`)
process.exit(grownMb <= RSS_GROWTH_MAX_MB ? 0 : 1)
