/**
 * Has this key asked too often? Rolling windows of a second and a minute, and the vendor's own day, from
 * midnight to midnight in New York. Every question counts for the second, refused ones too: that is what
 * makes a storm of retries keep itself alive. Only answered ones count for the minute and the day.
 */
import { MINUTE_MS, SECOND_MS, type UnixMs } from '../../domain/time.ts'
import { newYork } from './trading-days.ts'

/** Null for no limit. */
export type Limits = {
  readonly perSecond: number | null
  readonly perMinute: number | null
  readonly perDay: number | null
}

/** What the vendor gives for nothing today, and what its smallest paid plan has. */
export const FREE_LIMITS: Limits = { perSecond: 1, perMinute: null, perDay: 25 }
export const PREMIUM_LIMITS: Limits = { perSecond: null, perMinute: 75, perDay: null }

export type OverLimit = 'burst' | 'minute_limit' | 'day_limit'

type Asked = { lastSecondMs: number[]; lastMinuteMs: number[]; day: string; dayCount: number }

export class Quota {
  readonly #limits: Limits
  readonly #byKey = new Map<string, Asked>()

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** Counts the question; the answer is what it breaks, or null. */
  take(key: string, nowMs: UnixMs): OverLimit | null {
    const { perSecond, perMinute, perDay } = this.#limits
    const asked = this.#at(key, nowMs)
    asked.lastSecondMs.push(nowMs)
    if (perSecond !== null && asked.lastSecondMs.length > perSecond) return 'burst'
    if (perDay !== null && asked.dayCount >= perDay) return 'day_limit'
    if (perMinute !== null && asked.lastMinuteMs.length >= perMinute) return 'minute_limit'
    asked.lastMinuteMs.push(nowMs)
    asked.dayCount += 1
    return null
  }

  #at(key: string, nowMs: UnixMs): Asked {
    const day = newYork.dateOf(nowMs)
    const asked = this.#byKey.get(key) ?? { lastSecondMs: [], lastMinuteMs: [], day, dayCount: 0 }
    asked.lastSecondMs = asked.lastSecondMs.filter((atMs) => atMs > nowMs - SECOND_MS)
    asked.lastMinuteMs = asked.lastMinuteMs.filter((atMs) => atMs > nowMs - MINUTE_MS)
    if (asked.day !== day) asked.dayCount = 0
    asked.day = day
    this.#byKey.set(key, asked)
    return asked
  }
}
