/**
 * What is a candle, as a row and as columns? Columns are what moves through the system (a batch of
 * one minute, a part, a day): typed arrays of equal length, cheap to hand to another thread. The
 * order and names of the Parquet columns are fixed; see the README.
 */
import type { Instrument } from './instrument.ts'
import type { UnixMs } from './time.ts'

export const CANDLE_SOURCES = ['ticks', 'vendor'] as const
export type CandleSource = (typeof CANDLE_SOURCES)[number]

/** Rows are sorted by symbol, then timestamp; (exchange, token, timestamp) is unique. */
export type CandleColumns = {
  readonly rowCount: number
  /** Index into the `instruments` that travel with the columns. */
  readonly instrument: Int32Array
  /** Start of the minute, Unix ms. */
  readonly timestampMs: Float64Array
  readonly open: Float64Array
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
  /** Shares; NaN stands for null: the feed carries no volume. */
  readonly volume: Float64Array
  /** NaN stands for null: no volume in the minute. */
  readonly vwap: Float64Array
  readonly tickCount: Int32Array
  readonly dayHigh: Float64Array
  readonly dayLow: Float64Array
  /** NaN stands for null: a vendor's candle of a minute of which no tick was seen. */
  readonly firstTickMs: Float64Array
  readonly lastTickMs: Float64Array
  /** 1 or 0. */
  readonly complete: Uint8Array
  /** Position in CANDLE_SOURCES. */
  readonly source: Uint8Array
  readonly revision: Int32Array
}

export type CandleTable = {
  readonly instruments: readonly Instrument[]
  readonly columns: CandleColumns
}

/** One row, for people and tests; never on the hot path. */
export type Candle = {
  readonly symbol: string
  readonly exchange: string
  readonly token: string
  readonly timestampMs: UnixMs
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number | null
  readonly vwap: number | null
  readonly tickCount: number
  readonly dayHigh: number
  readonly dayLow: number
  /** Null where the vendor's candle stands for a minute of which no tick was seen. */
  readonly firstTickMs: UnixMs | null
  readonly lastTickMs: UnixMs | null
  readonly complete: boolean
  readonly source: CandleSource
  readonly revision: number
}

/** A one-minute bar as the vendor's history gives it: start of the minute, prices in currency. */
export type VendorCandle = {
  readonly timestampMs: UnixMs
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
}

export function allocateCandles(rowCount: number): CandleColumns {
  return {
    rowCount,
    instrument: new Int32Array(rowCount),
    timestampMs: new Float64Array(rowCount),
    open: new Float64Array(rowCount),
    high: new Float64Array(rowCount),
    low: new Float64Array(rowCount),
    close: new Float64Array(rowCount),
    volume: new Float64Array(rowCount),
    vwap: new Float64Array(rowCount),
    tickCount: new Int32Array(rowCount),
    dayHigh: new Float64Array(rowCount),
    dayLow: new Float64Array(rowCount),
    firstTickMs: new Float64Array(rowCount),
    lastTickMs: new Float64Array(rowCount),
    complete: new Uint8Array(rowCount),
    source: new Uint8Array(rowCount),
    revision: new Int32Array(rowCount),
  }
}

export function candleAt(table: CandleTable, row: number): Candle {
  const { columns, instruments } = table
  const instrument = instruments[columns.instrument[row]!]!
  return {
    symbol: instrument.symbol,
    exchange: instrument.exchange,
    token: instrument.token,
    timestampMs: columns.timestampMs[row]! as UnixMs,
    open: columns.open[row]!,
    high: columns.high[row]!,
    low: columns.low[row]!,
    close: columns.close[row]!,
    volume: nullIfNaN(columns.volume[row]!),
    vwap: nullIfNaN(columns.vwap[row]!),
    tickCount: columns.tickCount[row]!,
    dayHigh: columns.dayHigh[row]!,
    dayLow: columns.dayLow[row]!,
    firstTickMs: nullIfNaN(columns.firstTickMs[row]!),
    lastTickMs: nullIfNaN(columns.lastTickMs[row]!),
    complete: columns.complete[row] === 1,
    source: CANDLE_SOURCES[columns.source[row]!]!,
    revision: columns.revision[row]!,
  }
}

function nullIfNaN<Value extends number>(value: number): Value | null {
  return Number.isNaN(value) ? null : (value as Value)
}
