/** What do the clocks in Mumbai say? +05:30 all year, so plain arithmetic on Unix time is enough. */
import { DAY_MS, type MarketDate, type UnixMs } from '../../domain/time.ts'

export const IST_OFFSET_MS = 19_800_000

export function istDateOf(timeMs: number): MarketDate {
  return istText(timeMs).slice(0, 10) as MarketDate
}

/** The moment at which `date` begins. */
export function istMidnight(date: MarketDate): UnixMs {
  return (Date.parse(`${date}T00:00:00Z`) - IST_OFFSET_MS) as UnixMs
}

/** The midnight after `timeMs`, at which tokens die. */
export function nextIstMidnight(timeMs: number): UnixMs {
  return (istMidnight(istDateOf(timeMs)) + DAY_MS) as UnixMs
}

/** `2026-07-01T09:15:00+05:30` */
export function istIso(timeMs: number): string {
  return `${istText(timeMs).slice(0, 19)}+05:30`
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `01-Jul-2026 09:15:00`, as the quote call writes times. */
export function istQuoteTime(timeMs: number): string {
  const text = istText(timeMs)
  const month = MONTHS[Number(text.slice(5, 7)) - 1]!
  return `${text.slice(8, 10)}-${month}-${text.slice(0, 4)} ${text.slice(11, 19)}`
}

/** Reads `2026-07-01 09:15`; null when it is not a moment in that form. */
export function parseIstMinute(text: unknown): UnixMs | null {
  if (typeof text !== 'string' || !/^\d{4}-\d\d-\d\d \d\d:\d\d$/.test(text)) return null
  const utcMs = Date.parse(`${text.slice(0, 10)}T${text.slice(11)}:00Z`)
  return Number.isNaN(utcMs) ? null : ((utcMs - IST_OFFSET_MS) as UnixMs)
}

function istText(timeMs: number): string {
  return new Date(timeMs + IST_OFFSET_MS).toISOString()
}
