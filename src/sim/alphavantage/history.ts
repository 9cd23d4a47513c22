/**
 * What did a made-up company's shares do? One walk from its first day on, the same number of draws for every
 * day, so that a history that is asked for a day later is the same history and one day more. Prices are as
 * traded: a split divides them, a dividend leaves them on its ex-date.
 */
import type { MarketDate } from '../../domain/time.ts'
import { hashText, Prng } from '../prng.ts'
import type { Company } from './companies.ts'
import type { TradingDay } from './trading-days.ts'

export type DayRow = {
  readonly date: MarketDate
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
  /** USD a share on the ex-date, else 0. */
  readonly dividend: number
  /** New shares for an old one on the effective date, else 1. */
  readonly split: number
}

const SESSIONS_PER_QUARTER = 63
const SPLIT_ABOVE = 400
const REVERSE_BELOW = 3
const PAYERS_SHARE = 0.5

/** One row for each of `days` on which the company was listed. */
export function historyOf(seed: number, company: Company, days: readonly TradingDay[]): DayRow[] {
  const prng = new Prng(seed, hashText(company.symbol), 2)
  const volatility = 0.008 + 0.017 * prng.next()
  const usualVolume = Math.exp(11 + 5 * prng.next())
  const isPayer = prng.next() < PAYERS_SHARE
  const payday = prng.below(SESSIONS_PER_QUARTER)
  let before = 20 + 130 * prng.next()
  const rows: DayRow[] = []
  for (const [number, { date }] of listedDays(company, days).entries()) {
    const split = number === 0 ? 1 : splitAt(before)
    const isExDate = isPayer && number % SESSIONS_PER_QUARTER === payday
    const row = nextDay(prng, date, before / split, { split, isExDate, volatility, usualVolume })
    before = row.close
    rows.push(row)
  }
  return rows
}

export function listedDays(company: Company, days: readonly TradingDay[]): readonly TradingDay[] {
  const { ipoDate, delistingDate } = company
  return days.filter(({ date }) => date >= ipoDate && (delistingDate === null || date < delistingDate))
}

function splitAt(price: number): number {
  if (price > SPLIT_ABOVE) return 4
  return price < REVERSE_BELOW ? 0.1 : 1
}

type Circumstances = {
  readonly split: number
  readonly isExDate: boolean
  readonly volatility: number
  readonly usualVolume: number
}

function nextDay(prng: Prng, date: MarketDate, before: number, how: Circumstances): DayRow {
  const { split, isExDate, volatility, usualVolume } = how
  const dividend = isExDate ? cents(before * 0.005) : 0
  const base = before - dividend
  const open = cents(base * Math.exp(0.4 * volatility * prng.bell()))
  const close = cents(base * Math.exp(0.0002 + volatility * prng.bell()))
  const high = cents(Math.max(open, close) * (1 + 0.4 * volatility * Math.abs(prng.bell())))
  const low = cents(Math.min(open, close) * (1 - 0.4 * volatility * Math.abs(prng.bell())))
  const volume = Math.round(usualVolume * Math.exp(0.35 * prng.bell()))
  return { date, open, high, low, close, volume, dividend, split }
}

export function cents(price: number): number {
  return Math.max(1, Math.round(price * 100)) / 100
}

/**
 * The vendor's rule, found in its recorded answers: what a share and its dividend are worth on the ex-date
 * is what the share was worth before, so each earlier price shrinks by close / (close + dividend), and by
 * the split.
 */
export function adjustedCloses(rows: readonly DayRow[]): Float64Array {
  const closes = new Float64Array(rows.length)
  let factor = 1
  for (let at = rows.length - 1; at >= 0; at -= 1) {
    const { close, dividend, split } = rows[at]!
    closes[at] = close * factor
    factor *= close / (close + dividend) / split
  }
  return closes
}

/** One session in ten says something else than it did: what a vendor does when it restates its history. */
export function restated(rows: readonly DayRow[], symbol: string, before: MarketDate): DayRow[] {
  return rows.map((row) => {
    const isMet = row.date < before && hashText(`${symbol} ${row.date}`) % 10 === 0
    return isMet ? { ...row, high: cents(row.high + 0.01), volume: row.volume + 1_000 } : row
  })
}
