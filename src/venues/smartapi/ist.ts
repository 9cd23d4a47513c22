/**
 * How does the vendor write a moment? Always as Indian wall time, in three notations, and twice
 * without saying so. India has one zone and no summer time: +05:30 since 1945.
 */
import { MINUTE_MS, type UnixMs } from '../../domain/time.ts'

const IST_OFFSET_MS = 330 * MINUTE_MS

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** `2026-11-20 09:15`, rounded down to the minute: the notation of history requests. */
export function istMinuteText(timeMs: number): string {
  return new Date(timeMs + IST_OFFSET_MS).toISOString().slice(0, 16).replace('T', ' ')
}

/** Reads `2026-11-20T09:15:00+05:30`, the stamp of a vendor candle. Null for anything else. */
export function parseCandleStamp(text: unknown): UnixMs | null {
  if (typeof text !== 'string') return null
  const match = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\+05:30$/.exec(text)
  if (match === null) return null
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as SixNumbers
  return istMoment(year, month, day, hour, minute, second)
}

/** Reads `20-Dec-2024 09:12:54`, the stamp of a quote: Indian time without saying so. */
export function parseQuoteStamp(text: unknown): UnixMs | null {
  if (typeof text !== 'string') return null
  const match = /^(\d\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d)$/.exec(text)
  if (match === null) return null
  const month = MONTHS.indexOf(match[2]!.toLowerCase()) + 1
  const [day, year, hour, minute, second] = [1, 3, 4, 5, 6].map((group) =>
    Number(match[group]),
  ) as FiveNumbers
  return istMoment(year, month, day, hour, minute, second)
}

type FiveNumbers = [number, number, number, number, number]
type SixNumbers = [...FiveNumbers, number]

/** Null where the calendar or the clock has no such moment (31 February, 24:00). */
function istMoment(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): UnixMs | null {
  // Years before 100 would be read as 19xx; no market of ours is that old.
  if (year < 1900 || hour > 23 || minute > 59 || second > 59) return null
  const wallMs = Date.UTC(year, month - 1, day, hour, minute, second)
  // A day that the month does not have, like a month that the year does not have, lands in another.
  if (new Date(wallMs).getUTCMonth() !== month - 1) return null
  return (wallMs - IST_OFFSET_MS) as UnixMs
}
