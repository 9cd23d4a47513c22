/** How are numbers and times written for people? Market time, thousands apart, few digits. */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../domain/time.ts'

/** What stands where a value is not known. */
export const UNKNOWN = '–'

const counts = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const BYTES_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const
const COUNT_UNITS = ['', ' k', ' M', ' G', ' T'] as const

/** `12,345,678` */
export function formatCount(count: number | null): string {
  return count === null || !Number.isFinite(count) ? UNKNOWN : counts.format(count)
}

/** `12.3 M`: for narrow places. */
export function formatShortCount(count: number): string {
  return scaled(count, 1_000, COUNT_UNITS, 9_999.5)
}

/** `3.4 MiB` */
export function formatBytes(sizeBytes: number): string {
  return scaled(sizeBytes, 1_024, [' B', ...BYTES_UNITS.slice(1).map((unit) => ` ${unit}`)], 1_023.5)
}

function scaled(value: number, base: number, units: readonly string[], firstMax: number): string {
  if (!Number.isFinite(value)) return UNKNOWN
  if (Math.abs(value) < firstMax) return `${Math.round(value)}${units[0]}`
  let rest = value
  let unit = 0
  while (unit < units.length - 1 && Math.abs(rest) >= base * 0.9995) {
    rest /= base
    unit += 1
  }
  return `${Math.abs(rest) < 99.95 ? rest.toFixed(1) : Math.round(rest)}${units[unit]}`
}

/** `850 ms`, `12.3 s`, `4 min 05 s`, `3 h 20 min`, `2 d 4 h` */
export function formatDuration(durationMs: number): string {
  if (!Number.isFinite(durationMs)) return UNKNOWN
  const ms = Math.max(0, durationMs)
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 9.95 * SECOND_MS) return `${(ms / SECOND_MS).toFixed(1)} s`
  if (ms < 59.5 * SECOND_MS) return `${Math.round(ms / SECOND_MS)} s`
  if (ms < HOUR_MS) return twoUnits(ms, MINUTE_MS, 'min', SECOND_MS, 's')
  if (ms < DAY_MS) return twoUnits(ms, HOUR_MS, 'h', MINUTE_MS, 'min')
  return twoUnits(ms, DAY_MS, 'd', HOUR_MS, 'h')
}

function twoUnits(ms: number, largeMs: number, large: string, smallMs: number, small: string): string {
  const rounded = Math.round(ms / smallMs) * smallMs
  const rest = Math.round((rounded % largeMs) / smallMs)
  return `${Math.floor(rounded / largeMs)} ${large} ${String(rest).padStart(2, '0')} ${small}`
}

/** `1.2 ms`, for latencies. */
export function formatLatency(latencyMs: number | null): string {
  if (latencyMs === null || !Number.isFinite(latencyMs)) return UNKNOWN
  return latencyMs < 99.95 ? `${latencyMs.toFixed(1)} ms` : formatDuration(latencyMs)
}

/** `09:15`, in the market's time. */
export function formatMarketMinute(timeMs: number, utcOffsetMs: number): string {
  return isoOf(timeMs + utcOffsetMs).slice(11, 16)
}

/** `09:15:07`, in the market's time. */
export function formatMarketSecond(timeMs: number, utcOffsetMs: number): string {
  return isoOf(timeMs + utcOffsetMs).slice(11, 19)
}

/** `2026-07-01`, in the market's time. */
export function formatMarketDate(timeMs: number, utcOffsetMs: number): string {
  return isoOf(timeMs + utcOffsetMs).slice(0, 10)
}

/** `UTC+05:30` */
export function formatUtcOffset(utcOffsetMs: number): string {
  const minutes = Math.round(Math.abs(utcOffsetMs) / MINUTE_MS)
  const [hour, minute] = [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, '0'))
  return minutes === 0 ? 'UTC' : `UTC${utcOffsetMs < 0 ? '-' : '+'}${hour}:${minute}`
}

/** A moment that no calendar has is shown as dashes, not thrown. */
function isoOf(timeMs: number): string {
  const time = new Date(timeMs)
  return Number.isNaN(time.getTime()) ? '????-??-??T??:??:??' : time.toISOString()
}

/** `1,432.50` */
export function formatPrice(price: number | null, digits: number): string {
  if (price === null || !Number.isFinite(price)) return UNKNOWN
  if (Math.abs(price) >= 1e15) return price.toPrecision(6)
  return priceFormat(digits).format(price)
}

/** One formatter per number of digits: making one costs more than a thousand uses of it. */
const priceFormats = new Map<number, Intl.NumberFormat>()

function priceFormat(digits: number): Intl.NumberFormat {
  const known = priceFormats.get(digits)
  if (known !== undefined) return known
  const made = new Intl.NumberFormat('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
  priceFormats.set(digits, made)
  return made
}

/** `+1.25 %`; no sign at zero. */
export function formatChange(ratio: number | null): string {
  if (ratio === null || !Number.isFinite(ratio)) return UNKNOWN
  const percent = (ratio * 100).toFixed(2)
  if (Number(percent) === 0) return '0.00 %'
  return `${ratio > 0 ? '+' : ''}${percent.replace('-', '−')} %`
}

const PRICE_DIGITS_MAX = 7

/** The fewest digits, 2 to 7, that show every price but for what is only the rounding of doubles. */
export function priceDigitsOf(prices: Iterable<number>): number {
  let digits = 2
  for (const price of prices) {
    if (!Number.isFinite(price) || Math.abs(price) >= 1e9) continue
    const noise = Math.max(1, Math.abs(price)) * 1e-11
    while (digits < PRICE_DIGITS_MAX && Math.abs(Number(price.toFixed(digits)) - price) > noise) digits += 1
  }
  return digits
}

/** `1 minute`, `2 minutes` */
export function plural(count: number, word: string, words: string = `${word}s`): string {
  return `${formatCount(count)} ${count === 1 ? word : words}`
}
