/**
 * Which jobs are planned around now, and which have ended? The one from the calendar, the other from the
 * chain.
 */
import type { Calendar } from '../calendars/calendar.ts'
import { isSession, type Traded } from '../calendars/calendar.ts'
import { addDays } from '../calendars/dates.ts'
import type { ChainEvent, EventDraft } from '../domain/event.ts'
import type { JobOutcome, JobRecord, PlannedJob } from '../domain/job.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'
import { jobsOf, type SessionTimes } from '../scheduler/plan.ts'

/** A daemon that was away for longer makes up for the last sessions only; older ones are for an operator. */
const SESSIONS_BACK_MAX = 10
/** A holiday season is shorter than this. */
const DAYS_BACK = 30
const OUTCOMES: readonly string[] = ['done', 'refused', 'failed', 'skipped'] satisfies readonly JobOutcome[]

export type PlanOptions = {
  readonly calendar: Calendar
  /** What is listened to: it decides how long the feed is open. */
  readonly instruments: readonly Traded[]
  /**
   * The first session of which this lake's daemon has a record; null: none, so what is over is nobody's
   * duty.
   */
  readonly firstSession: MarketDate | null
  readonly nowMs: UnixMs
}

/** Jobs of the sessions that may still be made up for, of today's, and of the next one. */
export function planAround({
  calendar,
  instruments,
  firstSession,
  nowMs,
}: PlanOptions): readonly PlannedJob[] {
  const today = calendar.dateOf(nowMs)
  const earliest = firstSession !== null && firstSession < today ? firstSession : today
  const from = earliest > addDays(today, -DAYS_BACK) ? earliest : addDays(today, -DAYS_BACK)
  const jobsOn = ({ date }: { readonly date: MarketDate }): readonly PlannedJob[] =>
    jobsOf(sessionTimes(calendar, date, instruments))
  const past = calendar
    .sessionsBetween(from, today)
    .map(jobsOn)
    .filter((jobs) => firstSession !== null || jobs.some(({ dueMs }) => dueMs > nowMs))
    .slice(-SESSIONS_BACK_MAX)
  return [...past.flat(), ...jobsOn(calendar.nextSession(today))]
}

/** Throws a plain Error for a date without a session. */
export function sessionTimes(
  calendar: Calendar,
  date: MarketDate,
  instruments: readonly Traded[],
): SessionTimes {
  const session = calendar.sessionOn(date)
  if (!isSession(session)) throw new Error(`${date} has no session`)
  return {
    market: calendar.market,
    session: date,
    feed: calendar.feedFor(session, instruments),
    trading: calendar.tradingOf(session),
    isFirstOfWeek: weekOf(calendar.previousSession(date).date) !== weekOf(date),
    at: (time) => {
      const atMs = calendar.zone.utcOf(`${date} ${time}`)
      if (atMs === null) throw new Error(`${date} ${time} is no time in ${calendar.zone.name}`)
      return atMs
    },
  }
}

/** Weeks begin on Monday; 1970-01-05 was one. */
function weekOf(date: MarketDate): number {
  return Math.floor((Date.parse(`${date}T00:00:00Z`) / 86_400_000 - 4) / 7)
}

/** The event that says how a planned job ended. */
export function jobDraft(job: PlannedJob, record: JobRecord): EventDraft {
  const { outcome, attemptCount, says } = record
  return {
    type: 'job.run',
    atMs: job.dueMs,
    actor: 'system:scheduler',
    payload: { planned: job.id, session: job.session, outcome, attempts: attemptCount, says },
  }
}

/** Reads one event; null where it is none of ours. */
export function recordOf({ event_type, payload }: ChainEvent): (JobRecord & { session: MarketDate }) | null {
  const { planned, session, outcome, attempts, says } = payload
  if (event_type !== 'job.run' || typeof planned !== 'string' || typeof session !== 'string') return null
  if (typeof outcome !== 'string' || !OUTCOMES.includes(outcome)) return null
  return {
    id: planned,
    session: session as MarketDate,
    outcome: outcome as JobOutcome,
    attemptCount: typeof attempts === 'number' ? attempts : 0,
    says: typeof says === 'string' ? says : '',
  }
}
