/**
 * When did it happen? A minute is the half-open interval [start, end) of wall time, in UTC.
 *
 * Time comes in two units that must never be mixed, so each has its own type: `UnixMs` names a
 * moment, `Minute` names a bucket. A tick at exactly 09:16:00.000 belongs to 09:16, not to 09:15.
 */

/** Milliseconds since the Unix epoch. */
export type UnixMs = number & { readonly unit: 'unix-ms' }

/** Minutes since the Unix epoch, rounded down. */
export type Minute = number & { readonly unit: 'unix-minute' }

/** A market date, `YYYY-MM-DD`, in the market's own time zone. */
export type MarketDate = string & { readonly unit: 'market-date' }

export const SECOND_MS = 1_000
export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000
export const DAY_MS = 86_400_000

export function minuteOf(timeMs: number): Minute {
  return Math.floor(timeMs / MINUTE_MS) as Minute
}

export function minuteStart(minute: Minute): UnixMs {
  return (minute * MINUTE_MS) as UnixMs
}

export function minuteEnd(minute: Minute): UnixMs {
  return ((minute + 1) * MINUTE_MS) as UnixMs
}

export function nextMinute(minute: Minute): Minute {
  return (minute + 1) as Minute
}
