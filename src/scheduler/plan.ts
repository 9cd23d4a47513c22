/**
 * Which jobs does a session bring? One list for each market, from the session's own times, so that an early
 * close, a Muhurat evening or a longer closing auction needs no rule of its own here. A day without a session
 * brings nothing.
 *
 *     in   stream   while the feed is open     missed: skipped, the feed cannot be heard afterwards
 *          settle   when it has closed         missed: run, the journal and the vendor's history wait
 *          gate     after settle               missed: run
 *     us   symbols  06:00 of the week's first  missed: run
 *          intraday each full hour of trading  missed: skipped, the next one brings its bars as well
 *          daily    17:00                      missed: run
 *          retry    18:30, after daily         missed: run
 *          gate     after retry                missed: run
 */
import type { PlannedJob } from '../domain/job.ts'
import type { Interval } from '../domain/session.ts'
import { DAY_MS, HOUR_MS, type MarketDate, type UnixMs } from '../domain/time.ts'

/** What a plan must know of a session. */
export type SessionTimes = {
  readonly market: string
  readonly session: MarketDate
  /** When the feed is to be listened to. */
  readonly feed: Interval
  /** Continuous trading, first open to last close. */
  readonly trading: Interval
  readonly isFirstOfWeek: boolean
  /** UTC of a time of that day in the market, `17:00`. */
  readonly at: (time: string) => UnixMs
}

/** Throws for a market that has no jobs: a defect of the caller. */
export function jobsOf(times: SessionTimes): readonly PlannedJob[] {
  if (times.market === 'in') return indiaJobs(times)
  if (times.market === 'us') return usJobs(times)
  throw new Error(`no jobs are planned for market ${times.market}`)
}

function indiaJobs(times: SessionTimes): readonly PlannedJob[] {
  const { session, feed } = times
  const stream = jobOf(times, 'stream', feed.fromMs, {
    untilMs: feed.toMs,
    missed: 'skip',
    again: 'until',
    args: ['stream', '--market', 'in'],
  })
  const settle = jobOf(times, 'settle', feed.toMs, {
    after: [stream.id],
    args: ['settle', '--market', 'in', '--date', session],
  })
  return [stream, settle, gateOf(times, feed.toMs, settle.id)]
}

function usJobs(times: SessionTimes): readonly PlannedJob[] {
  const { at, trading, isFirstOfWeek } = times
  const batch = (name: string): readonly string[] => ['batch', name, '--market', 'us']
  const symbols = jobOf(times, 'symbols', at('06:00'), { args: batch('symbols') })
  const daily = jobOf(times, 'daily', at('17:00'), { args: batch('daily') })
  const retry = jobOf(times, 'retry', at('18:30'), { after: [daily.id], args: batch('retry') })
  const intraday = fullHours(trading).map((dueMs) => ({
    ...jobOf(times, 'intraday', dueMs, {
      untilMs: (dueMs + HOUR_MS) as UnixMs,
      missed: 'skip',
      args: batch('intraday'),
    }),
    id: `intraday@${new Date(dueMs).toISOString().slice(0, 16)}Z`,
  }))
  return [
    ...(isFirstOfWeek ? [symbols] : []),
    ...intraday,
    daily,
    retry,
    gateOf(times, retry.dueMs, retry.id),
  ]
}

function gateOf(times: SessionTimes, dueMs: UnixMs, after: string): PlannedJob {
  const { market, session } = times
  // Not this session alone: one whose data were late had to wait, and holds back all that follow.
  const args = ['gate', 'ingest', '--market', market, '--through', session]
  return jobOf(times, 'gate', dueMs, { after: [after], args })
}

type JobRules = Pick<PlannedJob, 'args'> & Partial<PlannedJob>

function jobOf(times: SessionTimes, name: string, dueMs: UnixMs, rules: JobRules): PlannedJob {
  return {
    id: `${name}@${times.session}`,
    name,
    session: times.session,
    dueMs,
    untilMs: (dueMs + DAY_MS) as UnixMs,
    missed: 'run',
    after: [],
    again: 'few',
    ...rules,
  }
}

/** One hour after the open, two hours, and so on, to the close. */
function fullHours({ fromMs, toMs }: Interval): readonly UnixMs[] {
  const count = Math.floor((toMs - fromMs) / HOUR_MS)
  return Array.from({ length: count }, (_, index) => (fromMs + (index + 1) * HOUR_MS) as UnixMs)
}
