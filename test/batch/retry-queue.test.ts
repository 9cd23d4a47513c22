/** Is no failed wish ever lost or doubled, wherever a crash falls? */
import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RetryQueue, readRetryQueue } from '../../src/batch/retry-queue.ts'
import type { BatchRefusal, BatchWish } from '../../src/domain/batch.ts'
import { HOUR_MS, MINUTE_MS, type UnixMs } from '../../src/domain/time.ts'
import { DAILY, emptyDir, keptLog } from './batch-kit.ts'

const OUTAGE: BatchRefusal = { kind: 'outage', message: 'no answer' }
const BAD: BatchRefusal = { kind: 'bad_symbol', message: 'never heard of it' }
const AT_MS = Date.parse('2026-07-01T20:30:00Z')

const at = (offsetMs: number): UnixMs => (AT_MS + offsetMs) as UnixMs
const wishOf = (symbol: string): BatchWish => ({ ...DAILY, symbol })
const open = (jobsDir: string, attemptsMax = 3): RetryQueue =>
  new RetryQueue({ jobsDir, attemptsMax, log: keptLog() })

test('a failure waits, longer each time, and is parked after too many', () => {
  const queue = open(emptyDir())
  expect(queue.add(DAILY, OUTAGE, at(0))).toMatchObject({ attempts: 1, nextMs: at(15 * MINUTE_MS) })
  expect(queue.due(at(15 * MINUTE_MS - 1))).toEqual([])
  expect(queue.due(at(15 * MINUTE_MS))).toHaveLength(1)
  expect(queue.add(DAILY, OUTAGE, at(HOUR_MS))).toMatchObject({ attempts: 2, nextMs: at(1.5 * HOUR_MS) })
  expect(queue.add(DAILY, OUTAGE, at(2 * HOUR_MS))).toMatchObject({ attempts: 3, nextMs: null })
  expect(queue.due(at(1_000 * HOUR_MS))).toEqual([])
  expect(queue.counts()).toMatchObject({ waiting: 0, parked: 1 })
})

test('the same failure told twice counts once; a format makes no other wish', () => {
  const queue = open(emptyDir())
  const first = queue.add(DAILY, OUTAGE, at(0))
  expect(queue.add({ ...DAILY, format: 'json' }, OUTAGE, at(0))).toEqual(first)
  expect(queue.park(DAILY, BAD, at(0))).toMatchObject({ attempts: 1, nextMs: null, reason: 'bad_symbol' })
  expect(queue.park(DAILY, BAD, at(0))).toMatchObject({ attempts: 1, nextMs: null })
  expect(queue.counts().items).toHaveLength(1)
  queue.settle(DAILY)
  queue.settle(DAILY)
  expect(queue.counts()).toEqual({ waiting: 0, parked: 0, items: [] })
})

type Step = { readonly act: 'add' | 'park' | 'settle' | 'reopen'; readonly symbol: string }
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    act: fc.constantFrom('add', 'add', 'park', 'settle', 'reopen'),
    symbol: fc.constantFrom('A', 'B', 'NA', 'Ü'),
  }),
  { maxLength: 12 },
)

test('after a crash at any byte the queue is what it was after some whole number of calls', () => {
  fc.assert(
    fc.property(steps, (played) => {
      const jobsDir = emptyDir()
      const path = join(jobsDir, 'retry.jsonl')
      let queue = open(jobsDir)
      /** Size of the file after each call -> what the queue then held. */
      const states = new Map<number, string>([[0, JSON.stringify(queue.counts())]])
      for (const [index, { act, symbol }] of played.entries()) {
        if (act === 'add') queue.add(wishOf(symbol), OUTAGE, at(index))
        else if (act === 'park') queue.park(wishOf(symbol), BAD, at(index))
        else if (act === 'settle') queue.settle(wishOf(symbol))
        else {
          queue.close()
          queue = open(jobsDir)
        }
        states.set(readFileSync(path).length, JSON.stringify(queue.counts()))
      }
      queue.close()
      expectEveryCutSound(path, states)
    }),
    { numRuns: 12 },
  )
})

/** Every byte is tried by reading; a few by opening, which also cuts the tail off and goes on. */
function expectEveryCutSound(path: string, states: ReadonlyMap<number, string>): void {
  const whole = readFileSync(path)
  const crashed = join(emptyDir(), 'us')
  mkdirSync(crashed)
  const copy = join(crashed, 'retry.jsonl')
  copyFileSync(path, copy)
  for (let sizeBytes = whole.length; sizeBytes >= 0; sizeBytes -= 1) {
    truncateSync(copy, sizeBytes)
    const lastWhole = Math.max(...[...states.keys()].filter((bytes) => bytes <= sizeBytes))
    expect(JSON.stringify(readRetryQueue(crashed))).toBe(states.get(lastWhole))
    if (sizeBytes % 97 !== 0) continue
    const queue = open(crashed)
    queue.add(wishOf('AFTER'), OUTAGE, at(1_000))
    queue.settle(wishOf('AFTER'))
    queue.close()
    expect(JSON.stringify(readRetryQueue(crashed))).toBe(states.get(lastWhole))
    writeFileSync(copy, whole.subarray(0, sizeBytes))
  }
}

test('a damaged line costs its own wish at most, is told, and stays in the file', () => {
  const jobsDir = emptyDir()
  const path = join(jobsDir, 'retry.jsonl')
  const queue = open(jobsDir)
  for (const symbol of ['A', 'B', 'C']) queue.add(wishOf(symbol), OUTAGE, at(0))
  queue.close()
  const damaged = readFileSync(path, 'utf8').replace('"B"', '"X"')
  writeFileSync(path, damaged)
  const log = keptLog()
  const reopened = new RetryQueue({ jobsDir, attemptsMax: 3, log })
  expect(reopened.counts().items.map(({ wish }) => wish.symbol)).toEqual(['A', 'C'])
  expect(log.lines).toHaveLength(1)
  expect(log.lines[0]).toContain('"line":2')
  reopened.close()
  expect(readFileSync(path, 'utf8')).toBe(damaged)
})

test('a long history is written anew at the next start, with the same items', () => {
  const jobsDir = emptyDir()
  const path = join(jobsDir, 'retry.jsonl')
  const queue = open(jobsDir)
  queue.add(wishOf('KEPT'), OUTAGE, at(0))
  for (let index = 0; index < 501; index += 1) {
    queue.add(wishOf('OFTEN'), OUTAGE, at(index))
    queue.settle(wishOf('OFTEN'))
  }
  const counts = queue.counts()
  queue.close()
  writeFileSync(`${path}.temp`, 'of a crash')
  const before = readFileSync(path).length
  const reopened = open(jobsDir)
  expect(reopened.counts()).toEqual(counts)
  expect(readFileSync(path).length).toBeLessThan(before / 100)
  reopened.add(wishOf('NEXT'), OUTAGE, at(9_999))
  expect(readRetryQueue(jobsDir)).toEqual(reopened.counts())
})
