/**
 * How often may a backfill be killed before an answer is lost or asked for twice? By hand:
 *
 *     npm run backfill-kills -- --count 100 --seed 1
 *
 * prints one line of JSON and ends with status 1 if a promise was broken.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { brokenBackfillPromises, runBackfillKills } from '../test/simulation/batch-kills.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    symbols: { type: 'string', default: '200' },
    'latency-ms': { type: 'string', default: '15' },
    'life-ms': { type: 'string', default: '400' },
    /** Where the lakes are kept to look at; without it they are removed when all is well. */
    dir: { type: 'string' },
  },
})

const dir =
  values.dir === undefined ? mkdtempSync(join(tmpdir(), 'chandler-backfill-kills-')) : resolve(values.dir)
mkdirSync(dir, { recursive: true })
const summary = await runBackfillKills({
  dir,
  count: Number(values.count),
  seed: Number(values.seed),
  symbolCount: Number(values.symbols),
  latencyMs: Number(values['latency-ms']),
  lifeMsMax: Number(values['life-ms']),
  onProgress: (text) => void process.stderr.write(`${text}\n`),
})
process.stdout.write(`${JSON.stringify(summary)}\n`)
const broken = brokenBackfillPromises(summary)
for (const one of broken) process.stderr.write(`broken: ${one}\n`)
if (broken.length > 0) process.stderr.write(`the lakes are kept in ${dir}\n`)
else if (values.dir === undefined) rmSync(dir, { recursive: true })
process.exitCode = broken.length === 0 && summary.kills === Number(values.count) ? 0 : 1
