import { expect, test } from 'vitest'
import { alertOfFlapping, FEED_LOST, WorkerBus, WorkerCounters } from '../../src/app/worker-bus.ts'
import type { Fact, LostReason } from '../../src/domain/fact.ts'
import type { Minute, UnixMs } from '../../src/domain/time.ts'
import { yieldTurn } from '../../src/platform/clock.ts'
import type { Log } from '../../src/platform/log.ts'

function desk(): { bus: WorkerBus; counters: WorkerCounters; errors: string[] } {
  const errors: string[] = []
  const log: Log = { info: () => {}, warn: () => {}, error: (text) => void errors.push(text), pass: () => {} }
  const bus = new WorkerBus(log, { startSeq: 7, reserve: () => Number.MAX_SAFE_INTEGER })
  const counters = new WorkerCounters(bus.bus)
  alertOfFlapping(bus.bus, log)
  return { bus, counters, errors }
}

function lost(atMs: number, reason: LostReason = 'disconnected'): Fact {
  return { kind: 'lost', shard: 0, fromMs: atMs as UnixMs, atMs: atMs as UnixMs, reason, detail: '' }
}

test('counters hear of what happened at the end of the turn, and not in its middle', async () => {
  const { bus, counters } = desk()
  bus.minutePublished(1 as Minute, 12, 100 as UnixMs)
  bus.minutePublished(2 as Minute, null, 200 as UnixMs)
  bus.fact({ kind: 'live', shard: 0, connection: 0, atMs: 100 as UnixMs })
  expect(counters.publishedMinutes).toBe(0)
  await yieldTurn()
  expect([counters.publishedMinutes, counters.liveCount, counters.latencies.count()]).toEqual([2, 1, 1])
  expect(bus.bus.recentSeq()).toBe(11)
})

test('a feed that is lost ten times within an hour is an error once, and a stop is none', async () => {
  const { bus, counters, errors } = desk()
  for (let at = 0; at < 9; at++) bus.fact(lost(at * 60_000))
  for (let at = 0; at < 20; at++) bus.fact(lost(at, 'stopped'))
  await yieldTurn()
  expect(errors).toEqual([])
  bus.fact(lost(600_000))
  await yieldTurn()
  expect(errors).toHaveLength(1)
  for (let at = 0; at < 9; at++) bus.fact(lost(20_000_000 + at * 600_000))
  await yieldTurn()
  expect(errors).toHaveLength(1)
  expect(counters.lostCount).toBe(39)
})

test('a subscriber that fails is told, and the others hear all the same', async () => {
  const { bus, counters, errors } = desk()
  bus.bus.subscribe(
    () => {
      throw new Error('a mistake')
    },
    { kinds: [FEED_LOST] },
  )
  bus.fact(lost(1))
  await yieldTurn()
  expect(errors).toEqual(['a subscriber failed'])
  expect(counters.lostCount).toBe(1)
})
