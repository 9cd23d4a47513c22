/** Is there a session on a date that a command was given, and can the calendar vouch for it? */
import { type Calendar, isSession } from '../calendars/calendar.ts'
import { OperatingError } from '../domain/error.ts'
import type { Session } from '../domain/session.ts'
import type { MarketDate } from '../domain/time.ts'
import type { Log } from '../platform/log.ts'

/** The session of a date, or an error that says why there is none and when the next one is. */
export function sessionOn(calendar: Calendar, date: MarketDate): Session {
  const day = calendar.sessionOn(date)
  if (isSession(day)) return day
  throw new OperatingError(
    `looking for the session of ${date}: ${calendar.name} is closed (${day.reason}); ` +
      `the next session is ${day.nextDate}`,
    { code: 'NOT_FOUND' },
  )
}

/** Loudly, when the calendar cannot vouch for a date that a command works on. */
export function warnOfDate(calendar: Calendar, date: MarketDate, log: Pick<Log, 'warn'>): void {
  const warning = calendar.warningFor(date)
  if (warning !== null) log.warn(warning)
}
