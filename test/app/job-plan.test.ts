import { expect, test } from 'vitest'
import { jobDraft, type PlanOptions, planAround, recordOf, sessionTimes } from '../../src/app/job-plan.ts'
import { loadCalendar } from '../../src/calendars/calendar.ts'
import type { ChainEvent } from '../../src/domain/event.ts'
import type { PlannedJob } from '../../src/domain/job.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import { jobsOf } from '../../src/scheduler/plan.ts'

const NSE = loadCalendar('nse')
const NYSE = loadCalendar('nyse')
const CASH = [{ exchange: 'NSE' }]
const FUTURES = [{ exchange: 'NSE' }, { exchange: 'NFO' }]

function india(date: string, instruments: PlanOptions['instruments'] = CASH): readonly PlannedJob[] {
  return jobsOf(sessionTimes(NSE, date as MarketDate, instruments))
}

function us(date: string): readonly PlannedJob[] {
  return jobsOf(sessionTimes(NYSE, date as MarketDate, []))
}

/** When the job is due, on the wall of its market. */
function dueOf(jobs: readonly PlannedJob[], name: string, zone: (typeof NSE)['zone']): readonly string[] {
  return jobs.filter((job) => job.name === name).map(({ dueMs }) => zone.wallOf(dueMs).slice(11, 16))
}

function around(calendar: typeof NSE, now: string, firstSession: string | null): readonly string[] {
  const nowMs = Date.parse(now) as UnixMs
  const plan = planAround({
    calendar,
    instruments: calendar === NSE ? CASH : [],
    firstSession: firstSession as MarketDate | null,
    nowMs,
  })
  return [...new Set(plan.map(({ session }) => session))]
}

test('India listens from 09:00 to 15:45, longer where derivatives trade longer, then settles', () => {
  expect([
    dueOf(india('2026-07-01'), 'stream', NSE.zone),
    dueOf(india('2026-07-01'), 'settle', NSE.zone),
  ]).toEqual([['09:00'], ['15:45']])
  expect(dueOf(india('2026-08-04', FUTURES), 'settle', NSE.zone)).toEqual(['15:55'])
})

test('a Muhurat evening is a session with its own times, and a weekend session is one too', () => {
  expect(dueOf(india('2025-10-21'), 'stream', NSE.zone)[0]! > '12:00').toBe(true)
  expect(dueOf(india('2026-02-01'), 'stream', NSE.zone)).toEqual(['09:00'])
})

test('New York keeps its own wall in summer and winter, and an early close ends the hourly passes', () => {
  for (const date of ['2026-07-01', '2026-01-07']) {
    expect(dueOf(us(date), 'daily', NYSE.zone)).toEqual(['17:00'])
    expect(dueOf(us(date), 'intraday', NYSE.zone)).toEqual([
      '10:30',
      '11:30',
      '12:30',
      '13:30',
      '14:30',
      '15:30',
    ])
  }
  expect(dueOf(us('2026-11-27'), 'intraday', NYSE.zone)).toEqual(['10:30', '11:30', '12:30'])
})

test('symbols are refreshed in the first session of a week, be it a Tuesday', () => {
  const names = (date: string): boolean => us(date).some(({ name }) => name === 'symbols')
  expect(['2026-07-06', '2026-07-07', '2026-09-08', '2026-09-09'].map(names)).toEqual([
    true,
    false,
    true,
    false,
  ])
})

test('a holiday brings no jobs, and the plan reaches to the next session', () => {
  expect(around(NSE, '2026-06-26T06:00:00Z', '2026-06-25')).toEqual(['2026-06-25', '2026-06-29'])
})

test('a first start has no duty of what is over; one that was away makes up for ten sessions', () => {
  expect(around(NSE, '2026-07-01T04:00:00Z', null)).toEqual(['2026-07-01', '2026-07-02'])
  expect(around(NSE, '2026-07-01T15:00:00Z', null)).toEqual(['2026-07-02'])
  const away = around(NSE, '2026-07-01T15:00:00Z', '2026-05-04')
  expect(away).toHaveLength(11)
  expect(away.at(-2)).toBe('2026-07-01')
})

test('a record that was written to the chain is read back, and nothing else is taken for one', () => {
  const job = india('2026-07-01')[1]!
  const record = { id: job.id, outcome: 'failed', attemptCount: 3, says: 'no answer' } as const
  const { type, payload } = jobDraft(job, record)
  const event = { event_type: type, payload } as ChainEvent
  expect(recordOf(event)).toEqual({ ...record, session: '2026-07-01' })
  expect(recordOf({ ...event, event_type: 'suggestion' })).toBeNull()
  expect(recordOf({ ...event, payload: { job: 'daily', outcome: 'done' } })).toBeNull()
})

test('a first start between the close and the evening still has that evening to do', () => {
  // 16:30 in New York: the session is over, its daily job is due at 17:00.
  expect(around(NYSE, '2026-07-01T20:30:00Z', null)).toEqual(['2026-07-01', '2026-07-02'])
  expect(around(NYSE, '2026-07-01T23:30:00Z', null)).toEqual(['2026-07-02'])
})
