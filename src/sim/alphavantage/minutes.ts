/**
 * How did a day go, in bars of five minutes? They lead from the day's open to its close and never leave its
 * range, so that the functions of the vendor agree; the auctions' volume is in the day alone. Quiet companies
 * have bars without a trade, and such bars are left out, as the vendor does.
 */
import { MINUTE_MS, type UnixMs } from '../../domain/time.ts'
import { hashText, Prng } from '../prng.ts'
import { cents, type DayRow } from './history.ts'
import type { TradingDay } from './trading-days.ts'

export type BarRow = {
  readonly startMs: UnixMs
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
}

export const BAR_MS: number = 5 * MINUTE_MS

const AUCTION_SHARE = 0.15
const QUIET_BELOW_VOLUME = 150_000
const QUIET_CHANCE = 0.15

/** The bars of the day that had ended by the moment. */
export function barsOf(seed: number, symbol: string, day: TradingDay, row: DayRow, nowMs: number): BarRow[] {
  const count = Math.floor((day.closeMs - day.openMs) / BAR_MS)
  const prng = new Prng(seed, hashText(symbol), 3, hashText(day.date))
  const highAt = prng.below(count)
  const lowAt = prng.below(count)
  const usualVolume = (row.volume * (1 - AUCTION_SHARE)) / (count + 2)
  const bars: BarRow[] = []
  let open = row.open
  for (let at = 0; at < count; at += 1) {
    const startMs = (day.openMs + at * BAR_MS) as UnixMs
    if (startMs + BAR_MS > nowMs) break
    const isLast = at === count - 1
    const way = row.open + ((row.close - row.open) * (at + 1)) / count
    const wish = cents(way + (row.high - row.low) * 0.15 * prng.bell())
    const close = isLast ? row.close : Math.min(row.high, Math.max(row.low, wish))
    const high = at === highAt ? row.high : Math.max(open, close)
    const low = at === lowAt ? row.low : Math.min(open, close)
    // The first bar holds the crowd of the open.
    const volume = Math.floor(usualVolume * (at === 0 ? 2.5 : 0.6 + 0.4 * prng.next()))
    const isQuiet = row.volume < QUIET_BELOW_VOLUME && prng.next() < QUIET_CHANCE
    if (volume > 0 && (at === 0 || isLast || !isQuiet)) bars.push({ startMs, open, high, low, close, volume })
    open = close
  }
  return bars
}

/** What the day looks like while it lasts; null before its first bar has ended. */
export function partialDay(row: DayRow, bars: readonly BarRow[]): DayRow | null {
  const last = bars.at(-1)
  if (last === undefined) return null
  return {
    ...row,
    high: Math.max(...bars.map(({ high }) => high)),
    low: Math.min(...bars.map(({ low }) => low)),
    close: last.close,
    volume: bars.reduce((sum, { volume }) => sum + volume, 0),
  }
}
