/**
 * Is every harm to a chain of a thousand events found, with the index, and is no sound chain doubted?
 *
 *     node scripts/chain-tamper.ts [--events 1000] [--samples 20] [--step 1] [--parts 1] [--part 0]
 *
 * Exhaustive: another value at every byte, with and without anchors by turns; every deletion, insertion and
 * swap of neighbours; a cut at every byte, which must be ROLLED_BACK by the head that somebody else
 * remembers and TORN_TAIL without one (but for cuts of whole lines, which nobody can see). Sampled: every
 * value at some bytes, swaps of lines far apart. Takes half an hour; `--step 10` changes the bytes of every
 * tenth line only, and cuts at every tenth byte and at every end of a line. `--parts` divides the lines
 * among processes.
 *
 * Progress and misses on stderr, the result as one line of JSON on stdout; exit status 1 for a miss or a
 * false alarm.
 */
import { mkdtempSync, readFileSync, renameSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openChain } from '../src/bus/chain.ts'
import { type VerifyOptions, verifyChain } from '../src/bus/verify-chain.ts'
import type { ChainAnchor, ChainEvent } from '../src/domain/event.ts'
import { Prng } from '../src/sim/prng.ts'
import { AT, draftOf } from '../test/bus/lines.ts'
import { changeBytes, judge, judgeStored, newCounts, overwrite } from '../test/bus/tamper.ts'
import { ManualClock } from '../test/support/manual-clock.ts'

function flag(name: string, byDefault: number): number {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? byDefault : Number(process.argv[at + 1])
}

const eventCount = flag('events', 1_000)
const [step, samples] = [flag('step', 1), flag('samples', 20)]
const [parts, part] = [flag('parts', 1), flag('part', 0)]
const random = new Prng(1)
const dir = mkdtempSync(join(tmpdir(), 'chandler-tamper-'))
const path = join(dir, 'events.jsonl')
const plain: VerifyOptions = { dir, market: 'in' }
const falseAlarms: string[] = []

function expectSound(options: VerifyOptions, what: string): void {
  const { status, flaw } = verifyChain(options)
  soundCount++
  if (status !== 'VERIFIED') falseAlarms.push(`${what}: ${status} ${flaw?.says}`)
}

let soundCount = 0
const chain = openChain({
  dir,
  market: 'in',
  clock: new ManualClock(AT),
  note: (text) => void falseAlarms.push(text),
})
for (let i = 0; i < eventCount - 1; i++) {
  chain.append(draftOf(i))
  expectSound(plain, `a chain of ${i + 2} events`)
}
const notes = [{ text: chain.checkpoint(), where: 'a note elsewhere' }]
const events: readonly ChainEvent[] = [...chain.events()]
const heads = events.map(({ event_index, checksum }): ChainAnchor => {
  return { eventIndex: event_index, checksum, where: 'a head elsewhere' }
})
const anchored: VerifyOptions = { ...plain, notes, anchors: [heads.at(-1)!] }
for (let count = 1; count <= eventCount; count++) {
  expectSound({ ...plain, anchors: heads.slice(0, count) }, `with ${count} heads`)
}
const whole = readFileSync(path)
const lines = events.map((_, i) => lineOf(i))

function lineOf(index: number): Buffer {
  let start = 0
  for (let i = 0; i < index; i++) start = whole.indexOf(10, start) + 1
  return whole.subarray(start, whole.indexOf(10, start) + 1)
}

// What lies beside the chain goes away, to be seen with and without.
const [beside, hidden] = [join(dir, 'checkpoints.jsonl'), join(dir, 'checkpoints.hidden')]
const [bytes, values, changes, cuts] = [newCounts(), newCounts(), newCounts(), newCounts()]

function progress(text: string): void {
  process.stderr.write(`  ${text}\n`)
}

function otherThan(byte: number): number {
  return (byte + 1 + random.below(255)) % 256
}

function tryBytes(): void {
  let turn = 0
  for (let at = part; at < lines.length; at += step * parts) {
    changeBytes(bytes, turn++ % 2 === 0 ? plain : anchored, lines, at, (byte) => [otherThan(byte)])
    if (turn % 50 === 0) progress(`bytes of line ${at} of ${lines.length}, ${bytes.missed.length} missed`)
  }
  const all = Array.from({ length: 256 }, (_, value) => value)
  for (let sample = 0; sample < samples; sample++) {
    const at = random.below(lines.length)
    const chosen = random.below(lines[at]!.length)
    let i = -1
    changeBytes(values, plain, lines, at, () => (++i === chosen ? all : []))
  }
}

function tryLines(): void {
  const { length } = lines
  for (let at = part; at < length; at += parts) {
    const options = at % 2 === 0 ? plain : anchored
    const line = lines[at]!
    const [other, far] = [random.below(length), random.below(length)]
    // The last one is a cut.
    if (at < length - 1) {
      judge(changes, options, lines.toSpliced(at, 1), [at], `deletion of ${at}`)
      const swapped = lines.with(at, lines[at + 1]!).with(at + 1, line)
      judge(changes, options, swapped, [at], `swap of ${at} and the next`)
    }
    for (const put of ['\n', '{}\n', ' \n', 'null\n']) {
      judge(changes, options, lines.toSpliced(at, 0, Buffer.from(put)), [at], `${put} at ${at}`)
    }
    judge(changes, options, lines.toSpliced(at, 0, line), [at, at + 1], `${at} twice`)
    if (other !== at)
      judge(changes, options, lines.toSpliced(at, 0, lines[other]!), [at], `${other} at ${at}`)
    if (far === at) continue
    const exchanged = lines.with(at, lines[far]!).with(far, line)
    judge(changes, options, exchanged, [Math.min(at, far)], `swap of ${at} and ${far}`)
  }
}

/** From the end to the beginning, by making the file shorter. */
function tryCuts(): void {
  overwrite(path, whole)
  let kept = lines.length
  for (let size = whole.length - 1; size >= 0; size--) {
    if (whole[size] === 10) kept--
    const isAtLineEnd = size === 0 || whole[size - 1] === 10
    if (!isAtLineEnd && size % step !== 0) continue
    truncateSync(path, size)
    if (kept % parts !== part) continue
    judgeStored(cuts, anchored, [kept], `a cut at byte ${size}`, 'ROLLED_BACK')
    if (isAtLineEnd) continue
    renameSync(beside, hidden)
    judgeStored(cuts, plain, [kept], `an unanchored cut at byte ${size}`, 'TORN_TAIL')
    renameSync(hidden, beside)
    if (size % 50_000 === 0) progress(`cuts down to byte ${size}, ${cuts.missed.length} missed`)
  }
}

try {
  tryLines()
  tryBytes()
  tryCuts()
} finally {
  rmSync(dir, { recursive: true, force: true })
}
const kinds = { bytes, values, lines: changes, cuts }
const missed = Object.values(kinds).flatMap((counts) => counts.missed)
for (const miss of [...missed, ...falseAlarms]) process.stderr.write(`  MISSED ${miss}\n`)
const told = Object.entries(kinds).map(([kind, { tried, found }]) => [kind, { tried, found }] as const)
const isHeld = Object.values(kinds).every(({ tried, found }) => tried === found) && falseAlarms.length === 0
const result = {
  events: eventCount,
  ...Object.fromEntries(told),
  soundCount,
  falseAlarms: falseAlarms.length,
}
process.stdout.write(`${JSON.stringify({ ...result, holds: isHeld })}\n`)
process.exit(isHeld ? 0 : 1)
