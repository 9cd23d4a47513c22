/** Are the permits kept, by this run and the next, whatever clocks and crashes do? */
import { appendFileSync, readdirSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type PermitLimits, Permits, readPermitStatus, type StreamLimit } from '../../src/batch/permits.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts'
import { emptyDir, keptLog, NEW_YORK, SleepingClock } from './batch-kit.ts'
import { runPermitSchedules } from './permit-schedules.ts'

const LIMITS: PermitLimits = { callsPerMinute: 5, callsPerDay: 25, intervalMs: 1_200, timeoutMs: 60_000 }
const NOON = '2026-07-01T16:00:00Z'
const signal = new AbortController().signal

function open(jobsDir: string, clock: SleepingClock, limits: PermitLimits = LIMITS): Permits {
  return new Permits({ jobsDir, limits, zone: NEW_YORK, clock, log: keptLog(), random: () => 0.5 })
}

function fileOf(jobsDir: string): string {
  const dir = join(jobsDir, 'permits')
  return join(dir, readdirSync(dir).toSorted().at(-1)!)
}

/** Sends until the day is spent or `count` have left; returns when they left. */
async function send(
  permits: Permits,
  clock: SleepingClock,
  count: number,
  limitOf: (index: number) => StreamLimit | null = () => null,
): Promise<readonly number[]> {
  const left: number[] = []
  for (let index = 0; index < count; index += 1) {
    const used = await permits.use(async () => {
      left.push(clock.wallMs())
      clock.pass(300)
      return { value: null, limit: limitOf(index) }
    }, signal)
    if (!used.granted) break
  }
  return left
}

test('no window of the vendor is ever overdrawn, whatever clocks, disks, crashes and refusals do', () => {
  const summary = runPermitSchedules({ count: 300, seed: 20 })
  expect(summary).toMatchObject({ overMinute: 0, overDay: 0, underInterval: 0, stuck: 0, firstBroken: null })
  expect(summary.requests).toBeGreaterThan(6_000)
  expect(summary.crashes).toBeGreaterThan(150)
})

test('a quiet day gives all its permits, in bursts of a minute', async () => {
  const clock = new SleepingClock(NOON)
  const permits = open(emptyDir(), clock)
  const left = await send(permits, clock, 100)
  expect(left).toHaveLength(25)
  expect(left[4]! - left[0]!).toBe(4 * 1_200)
  // Four full minutes and the rest: nothing is wasted beyond the end of an exchange and the margin.
  expect(left[24]! - left[0]!).toBeLessThan(4 * (MINUTE_MS + 1_000) + 5 * 1_200)
  expect(permits.status()).toMatchObject({
    date: '2026-07-01',
    takenToday: 25,
    leftToday: 0,
    isDaySpent: true,
  })
  // Midnight in New York is 04:00 UTC; a minute more for the clocks.
  expect(new Date(permits.status().nextFreeMs).toISOString()).toBe('2026-07-02T04:01:00.000Z')
})

test('75 a minute are 75 a minute', async () => {
  const clock = new SleepingClock(NOON)
  const limits = { ...LIMITS, callsPerMinute: 75, callsPerDay: 1_000_000, intervalMs: 0 }
  const left = await send(open(emptyDir(), clock, limits), clock, 75 * 2 + 1)
  expect((left.at(-1)! - left[0]!) / (2 * MINUTE_MS)).toBeLessThan(1.02)
})

test('the next run knows what this one took, and the next day begins anew', async () => {
  const clock = new SleepingClock(NOON)
  const jobsDir = emptyDir()
  const first = open(jobsDir, clock)
  await send(first, clock, 20)
  first.close()
  const second = open(jobsDir, clock)
  expect(second.status()).toMatchObject({ takenToday: 20, leftToday: 5 })
  expect(await send(second, clock, 100)).toHaveLength(5)
  second.close()
  clock.pass(DAY_MS)
  expect(readPermitStatus({ jobsDir, limits: LIMITS, zone: NEW_YORK, clock })).toMatchObject({
    date: '2026-07-02',
    takenToday: 0,
    leftToday: 25,
    isDaySpent: false,
  })
  expect(await send(open(jobsDir, clock), clock, 100)).toHaveLength(25)
})

test('a crash while a permit is written costs that permit, at whichever byte', async () => {
  const jobsDir = emptyDir()
  const clock = new SleepingClock(NOON)
  const first = open(jobsDir, clock)
  await send(first, clock, 3)
  first.close()
  const path = fileOf(jobsDir)
  const whole = readFileSync(path)
  const lineBytes = whole.length - whole.lastIndexOf('\n', whole.length - 2) - 1
  for (let keptBytes = 1; keptBytes < lineBytes; keptBytes += 4) {
    const dir = emptyDir()
    open(dir, clock).close()
    const copy = fileOf(dir)
    truncateSync(copy)
    appendFileSync(copy, whole.subarray(0, whole.length - lineBytes + keptBytes))
    const next = open(dir, clock)
    expect(next.status().takenToday).toBe(3)
    next.close()
    // And once more, now that lines follow it.
    expect(readPermitStatus({ jobsDir: dir, limits: LIMITS, zone: NEW_YORK, clock }).takenToday).toBe(3)
  }
})

test('a refusal for speed pauses everybody, for bursts longer each time', async () => {
  const clock = new SleepingClock(NOON)
  const permits = open(emptyDir(), clock, { ...LIMITS, callsPerMinute: 25 })
  const left = await send(permits, clock, 5, (index) =>
    index < 3 ? 'burst' : index === 3 ? 'minute_limit' : null,
  )
  const gaps = left.slice(1).map((atMs, index) => atMs - left[index]! - 300)
  expect(gaps).toEqual([1_500, 3_000, 6_000, 61_000])
})

test("the vendor's word that the day is spent holds for the next run too", async () => {
  const clock = new SleepingClock(NOON)
  const jobsDir = emptyDir()
  const first = open(jobsDir, clock)
  expect(await send(first, clock, 9, (index) => (index === 2 ? 'day_limit' : null))).toHaveLength(3)
  first.close()
  const second = open(jobsDir, clock)
  expect(second.status()).toMatchObject({ takenToday: 3, leftToday: 0, isDaySpent: true })
  expect(await send(second, clock, 9)).toHaveLength(0)
})

test('a wall clock that jumps opens no day early, reopens none, and stops nobody for long', async () => {
  const clock = new SleepingClock(NOON)
  const permits = open(emptyDir(), clock)
  await send(permits, clock, 25)
  clock.jumpWall(3 * DAY_MS)
  expect(await send(permits, clock, 9)).toHaveLength(0)
  clock.jumpWall(-6 * DAY_MS)
  expect(await send(permits, clock, 9)).toHaveLength(0)
  const other = open(emptyDir(), clock)
  await send(other, clock, 2)
  clock.jumpWall(-HOUR_MS)
  const beforeMs = clock.monoMs()
  await send(other, clock, 1)
  expect(clock.monoMs() - beforeMs).toBeLessThan(2_000)
})

test('those who wait are served in order, one at a time', async () => {
  const clock = new SleepingClock(NOON)
  const permits = open(emptyDir(), clock)
  const served: number[] = []
  let openCount = 0
  const wishes = [0, 1, 2, 3, 4, 5, 6].map((name) =>
    permits.use(async () => {
      openCount += 1
      expect(openCount).toBe(1)
      await Promise.resolve()
      served.push(name)
      openCount -= 1
      return { value: null, limit: null }
    }, signal),
  )
  await Promise.all(wishes)
  expect(served).toEqual([0, 1, 2, 3, 4, 5, 6])
})

test('when the ledger cannot be written, nothing is sent', async () => {
  const permits = open(emptyDir(), new SleepingClock(NOON))
  permits.close()
  let sentCount = 0
  const used = permits.use(async () => {
    sentCount += 1
    return { value: null, limit: null }
  }, signal)
  await expect(used).rejects.toMatchObject({ code: 'DIR_UNUSABLE' })
  expect(sentCount).toBe(0)
})
