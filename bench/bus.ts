/**
 * How fast does the bus tell, how soon is an event durable, how fast is a chain verified? One line of JSON
 * each.
 *
 *     node bench/bus.ts [--runs 5] [--events 2000000] [--flat 0]      --flat 100 adds the 100 M event run
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openChain } from '../src/bus/chain.ts'
import { EventBus } from '../src/bus/event-bus.ts'
import { verifyChain } from '../src/bus/verify-chain.ts'
import type { UnixMs } from '../src/domain/time.ts'
import { createClock } from '../src/platform/clock.ts'
import { writeAnchoredChain } from '../test/bus/anchored.ts'
import { draftOf, linesOf } from '../test/bus/lines.ts'
import { alternate, flag, quantileOf, report, say, secondsOf, spreadOf } from './measure.ts'

const RUNS = flag('runs', 5)
const EVENTS = flag('events', 2_000_000)
const APPENDS = 2_000
const VERIFIED = 300_000
const AT = 1_782_877_500_000 as UnixMs
let heard = 0
const handlers = [() => (heard += 1), () => (heard += 2), () => (heard += 3)]

function publishAll(count: number, bus: EventBus): number {
  return (
    count /
    secondsOf(() => {
      for (let i = 0; i < count; i++) {
        bus.publish('candle', AT, 'SBIN', { volume: i, close: 1.5 })
        if (i % 1_000 === 999) bus.drain()
      }
      bus.drain()
    })
  )
}

/** What it costs to make the same objects, put them into a list, and call three functions. */
function pushAll(count: number): number {
  return (
    count /
    secondsOf(() => {
      let list: object[] = []
      for (let i = 0; i < count; i++) {
        list.push({ seq: i, atMs: AT, kind: 'candle', subject: 'SBIN', payload: { volume: i, close: 1.5 } })
        if (i % 1_000 !== 999) continue
        for (let at = 0; at < list.length; at++) for (const handler of handlers) handler()
        list = []
      }
    })
  )
}

function busOfThree(): EventBus {
  const bus = new EventBus()
  for (const handler of handlers) bus.subscribe(handler)
  return bus
}

const bus = busOfThree()
const speed = await alternate(
  RUNS,
  () => publishAll(EVENTS, bus),
  () => pushAll(EVENTS),
)
const [ours, theirs, ratios] = [spreadOf(speed.ours), spreadOf(speed.theirs), spreadOf(speed.ratios)]
report({
  name: 'bus-publish',
  what: 'events published and told to three subscribers',
  figure: ours.median,
  unit: 'events/s',
  ...ours,
  baseline: theirs.median,
  baselineUnit: 'events/s',
  baselineWhat: 'array push and three calls, nothing frozen or kept',
  ratio: ratios.median,
  target: '>= 2,000,000 events/s',
  holds: ours.median >= 2e6,
  notes: { heard: heard > 0 },
})

const flatMillions = flag('flat', 0)
if (flatMillions > 0) {
  const flat = busOfThree()
  const heaps: number[] = []
  for (let i = 0; i < 10; i++) {
    publishAll(flatMillions * 1e5, flat)
    globalThis.gc?.()
    heaps.push(process.memoryUsage().heapUsed / 2 ** 20)
    say(`${i + 1} of 10: heap ${heaps.at(-1)!.toFixed(1)} MiB`)
  }
  const growth = heaps.at(-1)! - heaps[0]!
  report({
    name: 'bus-flat',
    what: `growth of the heap from the first tenth of ${flatMillions} M events to the last`,
    figure: growth,
    unit: 'MiB',
    ...spreadOf(heaps),
    baseline: null,
    baselineUnit: '',
    baselineWhat: '',
    ratio: null,
    target: '< 8 MiB (run with --expose-gc)',
    holds: growth < 8,
    notes: {},
  })
}

const dir = mkdtempSync(join(tmpdir(), 'chandler-bench-bus-'))
try {
  benchAppend(join(dir, 'append'))
  benchVerify(join(dir, 'verify'))
} finally {
  rmSync(dir, { recursive: true, force: true })
}

/** Beside each append, the same bytes written and synced without a chain: what of the wait is the disk's. */
function benchAppend(at: string): void {
  const chain = openChain({ dir: at, market: 'in', clock: createClock(), note: say })
  chain.append(draftOf(0))
  const bytes = Buffer.from(linesOf(1)[0]!)
  const fd = openSync(join(at, 'bare'), 'a')
  const [waits, bare]: [number[], number[]] = [[], []]
  for (let i = 0; i < APPENDS; i++) {
    waits.push(secondsOf(() => void chain.append(draftOf(i))) * 1_000)
    bare.push(
      secondsOf(() => {
        writeSync(fd, bytes)
        fdatasyncSync(fd)
      }) * 1_000,
    )
  }
  closeSync(fd)
  const [p99, bareP99] = [quantileOf(waits, 0.99), quantileOf(bare, 0.99)]
  report({
    name: 'chain-append',
    what: `one event appended and durable, p99 of ${APPENDS}`,
    figure: p99,
    unit: 'ms',
    ...spreadOf(waits),
    baseline: bareP99,
    baselineUnit: 'ms',
    baselineWhat: 'p99 of a bare write and fdatasync of the same bytes, by turns',
    ratio: p99 / bareP99,
    target: 'p99 <= 5 ms',
    holds: p99 <= 5,
    notes: { p50: quantileOf(waits, 0.5), p999: quantileOf(waits, 0.999), bareP50: quantileOf(bare, 0.5) },
  })
}

/** Of a chain with its checkpoints: the newest signature and every tree head are checked. */
function benchVerify(at: string): void {
  writeAnchoredChain(at, VERIFIED)
  const rate = spreadOf(rates(at, VERIFIED))
  report({
    name: 'chain-verify',
    what: `events of a chain of ${VERIFIED} with its checkpoints verified`,
    figure: rate.median,
    unit: 'events/s',
    ...rate,
    baseline: null,
    baselineUnit: '',
    baselineWhat: '',
    ratio: null,
    target: '>= 200,000 events/s',
    holds: rate.median >= 200_000,
    notes: { sizeBytes: statSync(join(at, 'events.jsonl')).size },
  })
}

function rates(at: string, count: number): readonly number[] {
  return Array.from({ length: RUNS }, () => {
    let status = ''
    const seconds = secondsOf(() => {
      status = verifyChain({ dir: at, market: 'in' }).status
    })
    if (status !== 'VERIFIED') throw new Error(`the chain is ${status}`)
    return count / seconds
  })
}
