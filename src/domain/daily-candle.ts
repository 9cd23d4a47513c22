/**
 * What is the candle of a session, as a row? Prices as they were traded, with what is needed to compare them
 * across splits and dividends. Order and names of the Parquet columns are fixed; see the README.
 */
import type { MarketDate, UnixMs } from './time.ts'

export type DailyCandle = {
  readonly symbol: string
  readonly date: MarketDate
  /** As the lake has it. */
  readonly timestampMs: UnixMs
  /** Prices as traded, in the market's currency. */
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number | null
  /** The close as it compares with the newest session's; null: not known. */
  readonly adjustedClose: number | null
  /** Per share, on its ex-date; 0 on other days. */
  readonly dividend: number
  /** New shares for each old one, on the first day in new shares; 1 on other days. */
  readonly split: number
  readonly source: string
  readonly fetchedAtMs: UnixMs
}

/** Start of the candle in UTC; prices as the vendor has them. */
export type IntradayCandle = Pick<
  DailyCandle,
  'symbol' | 'timestampMs' | 'open' | 'high' | 'low' | 'close' | 'volume' | 'source' | 'fetchedAtMs'
>
