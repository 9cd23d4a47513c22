import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, onTestFinished, test } from 'vitest'
import { type BusEvent, EventBus, TRUNCATED } from '../../src/bus/event-bus.ts'
import { openSeqFile } from '../../src/bus/seq-file.ts'
import type { UnixMs } from '../../src/domain/time.ts'

const AT = 1_782_877_500_000 as UnixMs
const seqsOf = (events: readonly BusEvent[]): readonly number[] => events.map(({ seq }) => seq)

test('T1 deterministic ordering: subscribers hear events in the order of their seq', () => {
  const bus = new EventBus()
  const heard: string[] = []
  bus.subscribe(({ seq, kind }) => heard.push(`a${seq}${kind}`))
  bus.subscribe(({ seq, kind }) => heard.push(`b${seq}${kind}`))
  for (const kind of ['x', 'y', 'x']) bus.publish(kind, AT)
  expect(heard).toEqual([])
  expect(bus.drain()).toBe(3)
  expect(heard).toEqual(['a1x', 'b1x', 'a2y', 'b2y', 'a3x', 'b3x'])
  expect(bus.drain()).toBe(0)
})

test('T2 ring buffer retention: the oldest event gives way, and seq goes on', () => {
  const bus = new EventBus({ ringSize: 4 })
  for (let i = 0; i < 10; i++) bus.publish('x', AT)
  expect(bus.recentSeq()).toBe(10)
  expect(seqsOf(bus.getSince(0))).toEqual([7, 8, 9, 10])
  expect(seqsOf(bus.getSince(8))).toEqual([9, 10])
  expect(bus.getSince(10)).toEqual([])
})

test('T3 kind filtering: a subscriber hears only the kinds that it asked for', () => {
  const bus = new EventBus()
  const heard: number[] = []
  const id = bus.subscribe(({ seq }) => heard.push(seq), { kinds: ['x', 'z'] })
  for (const kind of ['x', 'y', 'z']) bus.publish(kind, AT)
  bus.drain()
  expect(heard).toEqual([1, 3])
  bus.unsubscribe(id)
  bus.publish('x', AT)
  bus.drain()
  expect(heard).toEqual([1, 3])
})

test('T4 deferred drain semantics: what a handler publishes waits for the next drain', () => {
  const bus = new EventBus()
  const heard: string[] = []
  bus.subscribe(({ kind }) => {
    heard.push(`first ${kind}`)
    if (kind === 'cause') bus.publish('effect', AT)
  })
  bus.subscribe(({ kind }) => heard.push(`second ${kind}`))
  bus.publish('cause', AT)
  bus.publish('other', AT)
  bus.drain()
  expect(heard).toEqual(['first cause', 'second cause', 'first other', 'second other'])
  bus.drain()
  expect(heard.slice(4)).toEqual(['first effect', 'second effect'])
})

test('T5 bounded payload: what exceeds twelve items is cut off, and the payload says so', () => {
  const bus = new EventBus()
  bus.publish('x', AT, null, Object.fromEntries(Array.from({ length: 13 }, (_, i) => [`item${i}`, i])))
  bus.publish('x', AT, null, Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`item${i}`, i])))
  const [cut, whole] = bus.getSince(0)
  expect(Object.keys(cut!.payload)).toEqual([...Array.from({ length: 12 }, (_, i) => `item${i}`), TRUNCATED])
  expect(cut!.payload[TRUNCATED]).toBe(true)
  expect(Object.keys(whole!.payload)).toHaveLength(12)
  expect(bus.counts().truncated).toBe(1)
})

test('T6 KPI integration smoke: counters are subscribers and hear every fact once', () => {
  const bus = new EventBus()
  const counters = { candles: 0, volume: 0, gaps: 0 }
  bus.subscribe(
    ({ payload }) => {
      counters.candles += 1
      counters.volume += Number(payload.volume)
    },
    { kinds: ['candle'] },
  )
  bus.subscribe(() => (counters.gaps += 1), { kinds: ['gap'] })
  for (let i = 1; i <= 100; i++) {
    bus.publish('candle', AT, 'SBIN', { volume: i })
    if (i % 10 === 0) bus.publish('gap', AT)
    if (i % 7 === 0) bus.drain()
  }
  bus.drain()
  expect(counters).toEqual({ candles: 100, volume: 5_050, gaps: 10 })
})

test('a handler that throws is reported and counted, and costs nobody else an event', () => {
  const reported: string[] = []
  const bus = new EventBus({
    onHandlerError: (error, { seq }, id) => reported.push(`${(error as Error).message} ${seq} ${id}`),
  })
  const heard: number[] = []
  bus.subscribe(() => {
    throw new Error('oops')
  })
  bus.subscribe(({ seq }) => heard.push(seq))
  bus.publish('x', AT)
  bus.publish('x', AT)
  bus.drain()
  expect(heard).toEqual([1, 2])
  expect(reported).toEqual(['oops 1 1', 'oops 2 1'])
  expect(bus.counts()).toMatchObject({ delivered: 2, failed: 2 })
})

test('an event and its payload cannot be changed by whoever hears of it', () => {
  const bus = new EventBus()
  bus.publish('x', AT, 'SBIN', { volume: 1 })
  const event = bus.getSince(0)[0]! as unknown as { kind: string; payload: { volume: number } }
  expect(() => (event.kind = 'y')).toThrow(TypeError)
  expect(() => (event.payload.volume = 2)).toThrow(TypeError)
  expect(() => bus.publish('x', AT, null, { rows: [] as never })).toThrow(/not a plain value/)
})

test('more events than the ring holds between two drains: the oldest are missed, and counted', () => {
  const bus = new EventBus({ ringSize: 4 })
  const heard: number[] = []
  bus.subscribe(({ seq }) => heard.push(seq))
  for (let i = 0; i < 10; i++) bus.publish('x', AT)
  expect(bus.drain()).toBe(4)
  expect(heard).toEqual([7, 8, 9, 10])
  expect(bus.counts()).toMatchObject({ published: 10, missed: 6, delivered: 4 })
})

test('a handler that floods the ring makes nobody hear an event twice or out of order', () => {
  const bus = new EventBus({ ringSize: 4 })
  const heard: number[] = []
  bus.subscribe(({ seq, kind }) => {
    heard.push(seq)
    if (kind === 'flood') for (let i = 0; i < 6; i++) bus.publish('x', AT)
  })
  for (const kind of ['flood', 'x', 'x']) bus.publish(kind, AT)
  bus.drain()
  expect(heard).toEqual([1])
  bus.drain()
  expect(heard).toEqual([1, 6, 7, 8, 9])
  expect(bus.counts()).toMatchObject({ published: 9, missed: 4 })
})

test('seq survives a crash: no event of a later run has a seq that was ever given', () => {
  const dir = mkdtempSync(join(tmpdir(), 'chandler-bus-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const path = join(dir, 'bus', 'seq')
  const given: number[] = []
  for (const publishCount of [3, 25, 1, 10]) {
    const bus = new EventBus({ seqs: openSeqFile(path, 10) })
    for (let i = 0; i < publishCount; i++) given.push(bus.publish('x', AT))
    expect(bus.getSince(0)).toHaveLength(publishCount)
  }
  expect(given.every((seq, i) => i === 0 || seq > given[i - 1]!)).toBe(true)
  expect(Number(readFileSync(path, 'utf8'))).toBeGreaterThanOrEqual(given.at(-1)!)
  writeFileSync(path, 'x')
  expect(() => openSeqFile(path)).toThrow(/holds no number/)
})

test('two million events leave the heap as it was', () => {
  const bus = new EventBus()
  let volume = 0
  bus.subscribe(({ payload }) => (volume += Number(payload.volume)))
  const publish = (count: number): void => {
    for (let i = 0; i < count; i++) {
      bus.publish('candle', AT, 'SBIN', { volume: 1 })
      if (i % 1_000 === 999) bus.drain()
    }
  }
  publish(200_000)
  const before = heapAfterCollection()
  publish(2_000_000)
  const growthBytes = heapAfterCollection() - before
  expect(volume).toBe(2_200_000)
  // A list of them would hold 200 MB more.
  expect(growthBytes).toBeLessThan(8 * 1024 * 1024)
})

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}
