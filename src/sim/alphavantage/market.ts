/**
 * What has happened on the made-up market up to a moment? The one truth from which every function is told.
 */
import type { MarketDate, UnixMs } from '../../domain/time.ts'
import { Companies, type Company } from './companies.ts'
import { type DayRow, historyOf } from './history.ts'
import { type BarRow, barsOf, partialDay } from './minutes.ts'
import { type DaysBetween, TradingDays } from './trading-days.ts'

export type MarketOptions = {
  readonly seed: number
  readonly symbolCount: number
  readonly symbols: readonly string[]
  readonly historyFrom: MarketDate
  readonly daysBetween: DaysBetween
}

export type History = {
  /** Ascending; the last one is partial while its session is on. */
  readonly rows: readonly DayRow[]
  readonly isPartial: boolean
}

export class Market {
  readonly companies: Companies
  readonly #seed: number
  readonly #days: TradingDays

  constructor({ seed, symbolCount, symbols, historyFrom, daysBetween }: MarketOptions) {
    this.#seed = seed
    this.#days = new TradingDays(daysBetween, historyFrom)
    this.companies = new Companies({ seed, count: symbolCount, symbols, from: historyFrom })
  }

  historyOf(company: Company, nowMs: UnixMs): History {
    const days = this.#days.begunBy(nowMs)
    const rows = historyOf(this.#seed, company, days)
    const today = days.at(-1)
    const whole = rows.at(-1)
    const isPartial = today !== undefined && nowMs < today.closeMs && whole?.date === today.date
    if (!isPartial) return { rows, isPartial }
    rows.pop()
    const soFar = partialDay(whole, barsOf(this.#seed, company.symbol, today, whole, nowMs))
    if (soFar !== null) rows.push(soFar)
    return { rows, isPartial: soFar !== null }
  }

  /** Bars of the days whose date is in [from, to]. */
  barsOf(company: Company, from: MarketDate, to: MarketDate, nowMs: UnixMs): readonly BarRow[] {
    const days = this.#days.begunBy(nowMs)
    const rowOfDate = new Map(historyOf(this.#seed, company, days).map((row) => [row.date, row]))
    return days
      .filter(({ date }) => date >= from && date <= to)
      .flatMap((day) => {
        const row = rowOfDate.get(day.date)
        return row === undefined ? [] : barsOf(this.#seed, company.symbol, day, row, nowMs)
      })
  }
}
