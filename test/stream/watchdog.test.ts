import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  hasSlept,
  type Pulse,
  startWatch,
  type Verdict,
  type WatchLimits,
  watch,
} from '../../src/stream/watchdog.ts'

const LIMITS: WatchLimits = {
  stallMs: 25_000,
  dataSilenceMs: 30_000,
  dataSilenceMaxMs: 900_000,
  muteInstrumentsMin: 50,
}

type Heard = 'tick' | 'pong' | 'nothing' | 'away'
type Told = Verdict & { readonly atSecond: number }

/** Plays seconds: per second and shard what was heard. Answers all verdicts with their second. */
function play(
  seconds: number,
  instrumentCounts: readonly number[],
  heard: (second: number, shard: number) => Heard,
  isTrading: (second: number) => boolean = () => true,
): Told[] {
  const totals = instrumentCounts.map(() => ({ received: 0, ticks: 0 }))
  let memory = startWatch(instrumentCounts.length, LIMITS)
  const told: Told[] = []
  for (let second = 1; second <= seconds; second += 1) {
    const pulses = instrumentCounts.map((instrumentCount, shard): Pulse => {
      const what = heard(second, shard)
      const total = totals[shard]!
      if (what === 'tick') total.ticks += 1
      if (what === 'tick' || what === 'pong') total.received += 1
      return {
        isListening: what !== 'away',
        receivedCount: total.received,
        tickCount: total.ticks,
        instrumentCount,
      }
    })
    const seen = watch(memory, pulses, 1_000, isTrading(second), LIMITS)
    memory = seen.memory
    told.push(...seen.verdicts.map((verdict) => ({ ...verdict, atSecond: second })))
  }
  return told
}

test('a socket on which nothing arrives is stalled after 25 s, in session or not', () => {
  for (const isTrading of [true, false]) {
    const told = play(
      26,
      [10],
      (second) => (second === 1 ? 'tick' : 'nothing'),
      () => isTrading,
    )
    expect(told).toEqual([{ shard: 0, reason: 'stalled', silentMs: 25_000, atSecond: 26 }])
  }
})

test('a socket that is mute from birth is noticed', () => {
  const told = play(35, [10], (second) => (second % 10 === 0 ? 'pong' : 'nothing'))
  expect(told).toEqual([{ shard: 0, reason: 'mute', silentMs: 30_000, atSecond: 30 }])
})

test('pongs count for the socket and do not count as data', () => {
  const told = play(60, [10], (second) => (second === 1 ? 'tick' : 'pong'))
  expect(told.map(({ reason, atSecond }) => [reason, atSecond])).toEqual([['mute', 31]])
})

test('nothing is mute outside the continuous session, and its start begins a new count', () => {
  const pongs = (): Heard => 'pong'
  expect(play(500, [100], pongs, () => false)).toEqual([])
  expect(play(140, [100], pongs, (second) => second > 100)[0]).toMatchObject({ atSecond: 130 })
})

test('a small shard may be quiet while others tick, a large one may not', () => {
  const onlyFirst = (_second: number, shard: number): Heard => (shard === 0 ? 'tick' : 'pong')
  expect(play(200, [1_000, 49], onlyFirst)).toEqual([])
  expect(play(35, [1_000, 50], onlyFirst)).toMatchObject([{ shard: 1, reason: 'mute', atSecond: 30 }])
})

test('a silent segment reconnects every shard once', () => {
  const told = play(45, [20, 20, 20], () => 'pong')
  expect(told.map(({ shard, atSecond }) => [shard, atSecond])).toEqual([
    [0, 30],
    [1, 30],
    [2, 30],
  ])
})

test('each reconnect that brought only silence doubles the patience; a tick restores it', () => {
  const seconds = play(4_000, [100], () => 'pong').map(({ atSecond }) => atSecond)
  const waits = seconds.map((second, index) => second - (seconds[index - 1] ?? 0))
  expect(waits.slice(0, 7)).toEqual([30, 60, 120, 240, 480, 900, 900])
  const withTick = play(140, [100], (second) => (second === 95 ? 'tick' : 'pong'))
  expect(withTick.map(({ atSecond }) => atSecond)).toEqual([30, 90, 125])
})

test('a shard that is away is never silent, and one that returns has its full time', () => {
  expect(play(300, [100], () => 'away')).toEqual([])
  const returns = play(70, [100], (second) => (second < 40 ? 'away' : 'pong'))
  expect(returns.map(({ atSecond }) => atSecond)).toEqual([69])
})

test('a shard that has only just come back is not blamed for the silence of the segment', () => {
  const heard = (second: number, shard: number): Heard => (shard === 1 && second < 25 ? 'away' : 'pong')
  expect(play(31, [20, 20], heard)).toMatchObject([{ shard: 0, reason: 'mute', atSecond: 30 }])
})

test('a shard that ticks within its limits is never reconnected', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 24 }), { minLength: 1, maxLength: 30 }), (pauses) => {
      const ticks = new Set<number>()
      let second = 0
      for (const pause of pauses) {
        second += pause
        ticks.add(second)
      }
      expect(play(second, [100], (at) => (ticks.has(at) ? 'tick' : 'nothing'))).toEqual([])
    }),
  )
})

test('sleep is long on the clock and long in truth', () => {
  expect(hasSlept(6_000, 1)).toBe(true)
  expect(hasSlept(4_000, 1)).toBe(false)
  expect(hasSlept(6_000, 60)).toBe(false)
  expect(hasSlept(16_000, 60)).toBe(true)
})
