/**
 * On which days is there trading, and from when to when? The stand-in is told; weekdays are what it
 * assumes.
 */
import { DAY_MS, HOUR_MS, type MarketDate, MINUTE_MS, type UnixMs } from '../../domain/time.ts'
import { Zone } from '../../platform/zone.ts'

export type TradingDay = {
  readonly date: MarketDate
  readonly openMs: UnixMs
  readonly closeMs: UnixMs
}

/** Both ends included, ascending. */
export type DaysBetween = (from: MarketDate, to: MarketDate) => readonly TradingDay[]

export const newYork: Zone = new Zone('America/New_York')

const OPEN_MS = 9 * HOUR_MS + 30 * MINUTE_MS
const CLOSE_MS = 16 * HOUR_MS
const SUNDAY = 0
const SATURDAY = 6

/** No holidays and no early closes: for tests, and where nobody has a calendar. */
export const weekdaysBetween: DaysBetween = (from, to) => {
  const days: TradingDay[] = []
  for (let dayMs = Date.parse(from); dayMs <= Date.parse(to); dayMs += DAY_MS) {
    const day = new Date(dayMs)
    if (day.getUTCDay() === SUNDAY || day.getUTCDay() === SATURDAY) continue
    const date = day.toISOString().slice(0, 10) as MarketDate
    // Noon is on the same side of a change of the clocks as the session.
    const offsetMs = newYork.offsetMs((dayMs + 12 * HOUR_MS) as UnixMs)
    days.push({
      date,
      openMs: (dayMs + OPEN_MS - offsetMs) as UnixMs,
      closeMs: (dayMs + CLOSE_MS - offsetMs) as UnixMs,
    })
  }
  return days
}

/** The days of a market's past, looked up once and then only as far as time has gone on. */
export class TradingDays {
  readonly #between: DaysBetween
  readonly #from: MarketDate
  #known: readonly TradingDay[] = []
  #knownTo = ''

  constructor(between: DaysBetween, from: MarketDate) {
    this.#between = between
    this.#from = from
  }

  /** Every day whose session has begun by the moment. */
  begunBy(nowMs: UnixMs): readonly TradingDay[] {
    const today = newYork.dateOf(nowMs)
    if (today !== this.#knownTo) {
      this.#known = this.#between(this.#from, today)
      this.#knownTo = today
    }
    const last = this.#known.at(-1)
    return last !== undefined && last.openMs > nowMs ? this.#known.slice(0, -1) : this.#known
  }
}
