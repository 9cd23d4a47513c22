/**
 * How long will it take? Said before a long run starts, from the requests that are really needed and the
 * permits that are really left; nothing here is measured, so nothing is promised beyond arithmetic.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../domain/time.ts'

export type EstimateInput = {
  readonly symbolCount: number
  readonly requestCount: number
  readonly callsPerMinute: number
  readonly callsPerDay: number
  /** Smallest time between two requests. */
  readonly intervalMs: number
  /** Permits left today. */
  readonly leftToday: number
}

export type Estimate = EstimateInput & {
  /** Days on which requests are sent, today included where permits are left; 0 for nothing to ask. */
  readonly dayCount: number
  /** Time of asking, without the waiting for another day. */
  readonly askingMs: number
}

export function estimateOf(input: EstimateInput): Estimate {
  const { requestCount, callsPerMinute, callsPerDay, intervalMs } = input
  const spacingMs = Math.max(MINUTE_MS / callsPerMinute, intervalMs)
  const askingMs = requestCount * spacingMs
  // A day also ends when it is over, however many permits are left.
  const perDay = Math.min(callsPerDay, Math.floor(DAY_MS / spacingMs))
  const leftToday = Math.min(input.leftToday, perDay)
  const later = Math.max(0, requestCount - leftToday)
  const dayCount = (requestCount > 0 && leftToday > 0 ? 1 : 0) + Math.ceil(later / perDay)
  return { ...input, dayCount, askingMs }
}

/** The vendor's smallest plan without a limit for the day. */
const PREMIUM_PER_MINUTE = 75

/**
 * `8,400 symbols, 8,400 requests at 75 a minute: 1 h 52 min`; where the day is the limit, also what a key
 * without it would take.
 */
export function estimateText(estimate: Estimate): string {
  const { symbolCount, requestCount, dayCount, callsPerDay, leftToday } = estimate
  const what = `${counted(symbolCount, 'symbol')}, ${counted(requestCount, 'request')}`
  if (requestCount === 0) return `${counted(symbolCount, 'symbol')}: nothing to ask`
  if (dayCount <= 1 && leftToday >= requestCount)
    return `${what} ${rateText(estimate)}: ${durationText(estimate.askingMs)}`
  const premium = durationText((requestCount * MINUTE_MS) / PREMIUM_PER_MINUTE)
  const days = `${callsPerDay.toLocaleString('en-US')} a day: ${counted(dayCount, 'day')}`
  return `${what} at ${days}; at ${PREMIUM_PER_MINUTE} a minute (a premium key): ${premium}`
}

function rateText({ callsPerMinute, intervalMs }: Estimate): string {
  const perMinute = Math.min(callsPerMinute, intervalMs === 0 ? callsPerMinute : MINUTE_MS / intervalMs)
  return `at ${Number(perMinute.toFixed(1)).toLocaleString('en-US')} a minute`
}

function counted(count: number, word: string): string {
  return `${count.toLocaleString('en-US')} ${word}${count === 1 ? '' : 's'}`
}

/** Rounded up to whole minutes: an estimate that is too short is the one that is remembered. */
function durationText(durationMs: number): string {
  if (durationMs < MINUTE_MS) return `${Math.ceil(durationMs / SECOND_MS)} s`
  const minutes = Math.ceil(durationMs / MINUTE_MS)
  const hours = Math.floor((minutes * MINUTE_MS) / HOUR_MS)
  if (hours === 0) return `${minutes} min`
  const rest = minutes - hours * 60
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`
}
