/**
 * How do market dates count? A date is a text, `YYYY-MM-DD`; arithmetic goes through the number of days
 * since 1970-01-01, which knows no zone and no daylight saving. Text order is date order.
 */
import { DAY_MS, HOUR_MS, type MarketDate, MINUTE_MS, type UnixMs } from '../domain/time.ts'

/** True for a day that exists, written `YYYY-MM-DD`: 2026-02-30 is none. */
export function isMarketDate(text: string): text is MarketDate {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const startMs = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(startMs) && textOf(startMs) === text
}

/** The date that clocks show at `timeMs` where local time is UTC + `utcOffsetMs`. */
export function dateAt(timeMs: number, utcOffsetMs: number): MarketDate {
  return textOf(timeMs + utcOffsetMs) as MarketDate
}

/** Midnight at the start of `date` as if the zone were UTC, in ms. */
export function utcMidnightMs(date: MarketDate): UnixMs {
  return Date.UTC(Number(date.slice(0, 4)), Number(date.slice(5, 7)) - 1, Number(date.slice(8))) as UnixMs
}

export function addDays(date: MarketDate, dayCount: number): MarketDate {
  return textOf(utcMidnightMs(date) + dayCount * DAY_MS) as MarketDate
}

/** 0 is Sunday. 1970-01-01 was a Thursday. */
export function weekdayOf(date: MarketDate): number {
  return (((utcMidnightMs(date) / DAY_MS + 4) % 7) + 7) % 7
}

export function isWeekend(date: MarketDate): boolean {
  const weekday = weekdayOf(date)
  return weekday === 0 || weekday === 6
}

/** `HH:MM`, up to 24:00, as ms since midnight; null when it is not such a text. */
export function timeOfDayMs(text: string): number | null {
  const match = /^(\d{2}):(\d{2})$/.exec(text)
  if (match === null) return null
  const ms = Number(match[1]) * HOUR_MS + Number(match[2]) * MINUTE_MS
  return Number(match[2]) < 60 && ms <= DAY_MS ? ms : null
}

/**
 * Whether New York has daylight saving on `date`: from the second Sunday of March to the day before the
 * first Sunday of November (the rule since 2007). Indian commodity exchanges end their day by it.
 */
export function isUsSummer(date: MarketDate): boolean {
  const year = date.slice(0, 4)
  const begin = firstSunday(`${year}-03-08` as MarketDate)
  const end = firstSunday(`${year}-11-01` as MarketDate)
  return begin <= date && date < end
}

function firstSunday(from: MarketDate): MarketDate {
  return addDays(from, (7 - weekdayOf(from)) % 7)
}

function textOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10)
}
