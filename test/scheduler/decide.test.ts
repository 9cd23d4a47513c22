import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JobRecord, PlannedJob } from '../../src/domain/job.ts'
import { DAY_MS, HOUR_MS, type MarketDate, MINUTE_MS, type UnixMs } from '../../src/domain/time.ts'
import { againMs, decide, type JobFailure, outcomeOf } from '../../src/scheduler/decide.ts'
import { jobsOf, type SessionTimes } from '../../src/scheduler/plan.ts'

const MIDNIGHT_MS = Date.parse('2026-07-01T00:00:00Z')

/** A session of a market whose wall is UTC. */
function timesOf(market: string, day: number, isFirstOfWeek = false): SessionTimes {
  const dayMs = MIDNIGHT_MS + day * DAY_MS
  const at = (time: string): UnixMs => (dayMs + Date.parse(`1970-01-01T${time}Z`)) as UnixMs
  return {
    market,
    session: new Date(dayMs).toISOString().slice(0, 10) as MarketDate,
    feed: { fromMs: at('09:00'), toMs: at('15:45') },
    trading: { fromMs: at('09:30'), toMs: at('16:00') },
    isFirstOfWeek,
    at,
  }
}

function recordsOf(ids: readonly string[]): Map<string, JobRecord> {
  return new Map(ids.map((id) => [id, { id, outcome: 'done', attemptCount: 1, says: '' }]))
}

const INDIA = jobsOf(timesOf('in', 0))
const US = jobsOf(timesOf('us', 0, true))
const at = (time: string): UnixMs => timesOf('in', 0).at(time)

test('an Indian session is listened to, settled and gated, in this order', () => {
  expect(decide(INDIA, new Map(), at('08:59')).run).toBeNull()
  expect(decide(INDIA, new Map(), at('08:59')).nextMs).toBe(at('09:00'))
  expect(decide(INDIA, new Map(), at('09:00')).run?.name).toBe('stream')
  expect(decide(INDIA, recordsOf(['stream@2026-07-01']), at('15:45')).run?.name).toBe('settle')
  const settled = recordsOf(['stream@2026-07-01', 'settle@2026-07-01'])
  expect(decide(INDIA, settled, at('15:50')).run?.name).toBe('gate')
})

test('a feed that nobody listened to is skipped, and the day is settled all the same', () => {
  const { run, skip } = decide(INDIA, new Map(), at('20:00'))
  expect(skip.map(({ name }) => name)).toEqual(['stream'])
  expect(run?.name).toBe('settle')
})

test('a worker that was cut down at noon is begun again at noon', () => {
  expect(decide(INDIA, new Map(), at('12:00')).run?.name).toBe('stream')
})

test('a US session: symbols once a week, intraday each hour of trading, then daily, retry, gate', () => {
  const names = US.map(({ name }) => name)
  expect(names).toEqual(['symbols', ...Array(6).fill('intraday'), 'daily', 'retry', 'gate'])
  expect(jobsOf(timesOf('us', 1)).map(({ name }) => name)).not.toContain('symbols')
  const early = { ...timesOf('us', 0), trading: { fromMs: at('09:30'), toMs: at('13:00') } }
  expect(jobsOf(early).filter(({ name }) => name === 'intraday')).toHaveLength(3)
})

test('a machine that slept over the close makes up for daily, retry and gate, not for intraday', () => {
  const nowMs = (at('09:00') + DAY_MS) as UnixMs
  const done: string[] = ['symbols@2026-07-01']
  const ran: string[] = []
  for (;;) {
    const { run, skip } = decide(US, recordsOf(done), nowMs)
    done.push(...skip.map(({ id }) => id))
    if (run === null) break
    ran.push(run.name)
    done.push(run.id)
  }
  expect(ran).toEqual(['daily', 'retry', 'gate'])
  expect(done).toHaveLength(US.length)
})

test('every job of any days is run or skipped exactly once, however often and whenever anybody looks', () => {
  const plan = [...Array(4).keys()].flatMap((day) => [
    ...jobsOf(timesOf('in', day)),
    ...jobsOf(timesOf('us', day, day === 0)).map((job) => ({
      ...job,
      id: `us ${job.id}`,
      after: job.after.map((id) => `us ${id}`),
    })),
  ])
  const looks = fc.array(
    fc.record({
      waitMs: fc.integer({ min: 1, max: 40 * HOUR_MS }),
      runMs: fc.integer({ min: 1, max: 9 * HOUR_MS }),
      isCutDown: fc.boolean(),
    }),
    { minLength: 1, maxLength: 60 },
  )
  fc.assert(
    fc.property(looks, (steps) => {
      const records = new Map<string, JobRecord>()
      const begun: PlannedJob[] = []
      let nowMs = MIDNIGHT_MS as UnixMs
      const end = (id: string, outcome: JobRecord['outcome']): void => {
        expect(records.has(id), id).toBe(false)
        records.set(id, { id, outcome, attemptCount: 1, says: '' })
      }
      const look = (runMs: number, isCutDown: boolean): boolean => {
        const { run, skip } = decide(plan, records, nowMs)
        for (const { id, missed } of skip) {
          expect(missed).toBe('skip')
          end(id, 'skipped')
        }
        if (run === null) return false
        expect(run.dueMs).toBeLessThanOrEqual(nowMs)
        expect(run.after.every((id) => records.has(id))).toBe(true)
        begun.push(run)
        nowMs = (nowMs + runMs) as UnixMs
        if (!isCutDown) end(run.id, 'done')
        return true
      }
      for (const { waitMs, runMs, isCutDown } of steps) {
        nowMs = (nowMs + waitMs) as UnixMs
        look(runMs, isCutDown)
      }
      nowMs = Math.max(nowMs, MIDNIGHT_MS + 10 * DAY_MS) as UnixMs
      while (look(MINUTE_MS, false)) {}
      expect(records.size).toBe(plan.length)
      for (const job of plan) {
        if (job.missed === 'run') expect(records.get(job.id)!.outcome, job.id).toBe('done')
      }
    }),
    { numRuns: 300 },
  )
})

test('a failed job is begun again, later each time, and given up when it is too late', () => {
  const [stream, settle] = INDIA as readonly [PlannedJob, PlannedJob]
  const nowMs = at('10:00')
  const failed = (attemptCount: number, status = 1, code: JobFailure['code'] = null): JobFailure => ({
    status,
    code,
    attemptCount,
  })
  expect(againMs(settle, failed(1), nowMs)).toBe(nowMs + 5_000)
  expect(againMs(settle, failed(2), nowMs)).toBe(nowMs + 10_000)
  expect(againMs(settle, failed(3), nowMs)).toBeNull()
  expect(againMs(stream, failed(50), nowMs)).toBe(nowMs + 300_000)
  expect(againMs(stream, failed(50), at('15:43'))).toBeNull()
  expect(againMs(stream, failed(1, 2), nowMs)).toBeNull()
})

test('wrong credentials are never tried again: a vendor blocks accounts for less', () => {
  const [stream] = INDIA as readonly [PlannedJob]
  const failed = (attemptCount: number, code: JobFailure['code']): JobFailure => ({
    status: 1,
    code,
    attemptCount,
  })
  for (const code of ['LOGIN_REFUSED', 'CREDENTIALS_MISSING', 'KEY_REFUSED', 'CONFIG_INVALID'] as const) {
    expect(againMs(stream, failed(1, code), at('10:00')), code).toBeNull()
  }
  expect(againMs(stream, failed(2, 'TOTP_REFUSED'), at('10:00'))).not.toBeNull()
  expect(againMs(stream, failed(3, 'TOTP_REFUSED'), at('10:00'))).toBeNull()
  expect(againMs(stream, failed(9, 'VENDOR_UNREACHABLE'), at('10:00'))).not.toBeNull()
})

test('a refusal by a gate is an answer, anything else but 0 is a failure, being killed too', () => {
  expect([0, 3, 1, 75, null].map(outcomeOf)).toEqual(['done', 'refused', 'failed', 'failed', 'failed'])
})
