/**
 * What does the US market look like from the outside of a batch job: which calendar, which vendor, where its
 * state lies? Nothing of it is shared with another market.
 */
import { join } from 'node:path'
import { type Calendar, isSession, loadCalendar } from '../calendars/calendar.ts'
import { FINAL_DELAY_MS, lastFinalDate } from '../calendars/finality.ts'
import { readCalendarOverride } from '../calendars/override.ts'
import type { Config } from '../config.ts'
import type { BatchVenue } from '../domain/batch.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'
import { type Lock, takeLock } from '../platform/lock.ts'
import { alphavantage } from '../venues/alphavantage/index.ts'

export const US = 'us'
export const usVenue: BatchVenue = alphavantage

export function usCalendar(config: Config): Calendar {
  const { calendar, calendarOverride } = config.markets.us
  return loadCalendar(
    calendar,
    calendarOverride === null ? undefined : readCalendarOverride(calendarOverride),
  )
}

/** What is not data: permits, queue, universes, plans. */
export function usJobsDir(config: Config): string {
  return join(config.dataDir, 'jobs', US)
}

/** One process at a time works for the market. */
export function lockUs(config: Config): Lock {
  return takeLock(usLockDir(config), US)
}

export function usLockDir(config: Config): string {
  return join(config.dataDir, '.lock-us')
}

export type DoneSession = {
  readonly date: MarketDate
  /** From this moment on an answer has the session's final candle. */
  readonly finalMs: UnixMs
}

/** The last session whose daily candles no longer grow. */
export function doneSession(calendar: Calendar, atMs: UnixMs): DoneSession {
  const date = lastFinalDate(calendar, atMs)
  const session = calendar.sessionOn(date)
  if (!isSession(session)) throw new Error(`${date} is final and no session`)
  return { date, finalMs: (calendar.tradingOf(session).toMs + FINAL_DELAY_MS) as UnixMs }
}
