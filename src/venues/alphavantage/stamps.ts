/** Which date, which minute of the day? The vendor writes wall time of New York, without an offset. */
import { DAY_MS, type MarketDate, MINUTE_MS, type UnixMs } from '../../domain/time.ts'
import { Zone } from '../../platform/zone.ts'

const MONTH_DAYS: readonly number[] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const YEAR_MIN = 1900
const ZERO = 48
const DASH = 45
const COLON = 58

/**
 * `2026-01-05`, a day that the calendar has. A pattern and a `Date` for each of millions of rows cost more.
 */
export function isDate(text: string): text is MarketDate {
  return text.length === 10 && startsWithDate(text)
}

function startsWithDate(text: string): boolean {
  if (text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH) return false
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2)
  const month = twoDigits(text, 5)
  const day = twoDigits(text, 8)
  // A digit that is none makes a NaN, and no comparison with it is true.
  if (!(year >= YEAR_MIN && month >= 1 && month <= 12 && day >= 1)) return false
  const isLeap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return day <= MONTH_DAYS[month - 1]! + (isLeap ? 1 : 0)
}

/** Minutes since midnight of `2026-01-05 19:55:00`; NaN where it is no such stamp. */
export function minuteOfDay(text: string): number {
  if (text.length !== 19 || text.charCodeAt(10) !== 32 || !startsWithDate(text)) return Number.NaN
  if (text.charCodeAt(13) !== COLON || !text.endsWith(':00')) return Number.NaN
  const hour = twoDigits(text, 11)
  const minute = twoDigits(text, 14)
  return hour < 24 && minute < 60 ? hour * 60 + minute : Number.NaN
}

function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO
  const ones = text.charCodeAt(at + 1) - ZERO
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN
}

const newYork = new Zone('America/New_York')

/** Dates whose bars are next to each other share one look-up, and a day has at most 960 of them. */
export class EasternDays {
  #date = ''
  /** Midnight of the date in UTC, or null on the two days a year on which the offset changes. */
  #midnightMs: number | null = null

  /** Null for the hour that a spring change skips. The stamp has passed `minuteOfDay`. */
  utcOf(stamp: string, minute: number): UnixMs | null {
    const date = stamp.slice(0, 10)
    if (date !== this.#date) this.#open(date)
    if (this.#midnightMs === null) return newYork.utcOf(stamp)
    return (this.#midnightMs + minute * MINUTE_MS) as UnixMs
  }

  #open(date: string): void {
    const startMs = newYork.utcOf(date)
    const nextDate = new Date(Date.parse(date) + DAY_MS).toISOString().slice(0, 10)
    const endMs = newYork.utcOf(nextDate)
    const isEven = startMs !== null && endMs !== null && endMs - startMs === DAY_MS
    this.#date = date
    this.#midnightMs = isEven ? startMs : null
  }
}
