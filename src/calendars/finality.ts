/**
 * Had a daily candle stopped growing when it was fetched, and which session does a moment belong to?
 *
 * Vendors show the candle of a day that is still being traded like any other. It is final some time after the
 * close: the closing auction prints within minutes of it, vendors of delayed prices publish 15 minutes later
 * (the US vendor calls a market closed at 16:15), and the clocks of both sides differ by a little. Half an
 * hour holds all of that. Volume may still be corrected in the evening; that comes the next day as a newer
 * vintage, which waiting till night would not spare us either.
 */
import type { Session } from '../domain/session.ts'
import { type MarketDate, MINUTE_MS, type UnixMs } from '../domain/time.ts'
import { type Calendar, isSession } from './calendar.ts'

export const FINAL_DELAY_MS: number = 30 * MINUTE_MS

/** The last date whose daily candle was final at `fetchedAtMs`: it and all dates before it are. */
export function lastFinalDate(
  calendar: Calendar,
  fetchedAtMs: UnixMs,
  delayMs: number = FINAL_DELAY_MS,
): MarketDate {
  const date = calendar.dateOf(fetchedAtMs)
  const session = calendar.sessionOn(date)
  if (isSession(session) && calendar.tradingOf(session).toMs + delayMs <= fetchedAtMs) return date
  return calendar.previousSession(date).date
}

/** Was a daily candle of `date` final when it was fetched? */
export function isFinal(
  calendar: Calendar,
  date: MarketDate,
  fetchedAtMs: UnixMs,
  delayMs: number = FINAL_DELAY_MS,
): boolean {
  return date <= lastFinalDate(calendar, fetchedAtMs, delayMs)
}

export type SessionAt = {
  readonly session: Session
  /** Between its opening and its close; false after it. */
  readonly isOpen: boolean
}

/** The session that is open at a moment on the market's main exchange, or the last one that was. */
export function sessionAt(calendar: Calendar, atMs: UnixMs): SessionAt {
  const date = calendar.dateOf(atMs)
  const session = calendar.sessionOn(date)
  if (!isSession(session)) return { session: calendar.previousSession(date), isOpen: false }
  const { fromMs, toMs } = calendar.tradingOf(session)
  if (atMs < fromMs) return { session: calendar.previousSession(date), isOpen: false }
  return { session, isOpen: atMs < toMs }
}
