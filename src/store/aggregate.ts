/**
 * What is a five-minute candle? The candles of its minutes, put together; never the ticks again. A
 * bucket is [anchor + k × width, + width); the anchor is the session's open, so that the first bucket
 * of the day starts with trading.
 *
 * What a wider candle can and cannot say: a bucket without a minute has no row, as a silent minute has
 * none. `complete` is true when every minute present is complete. `volume` is null only where no minute
 * has one. `vwap` is null where a minute with volume lacks it (a vendor's bar): a mean over a part of
 * the volume is not the bucket's mean. `source` is `vendor` as soon as one minute is the vendor's.
 */
import { allocateCandles, CANDLE_SOURCES, type CandleColumns, type CandleTable } from '../domain/candle.ts'
import type { UnixMs } from '../domain/time.ts'
import { pickRows, sortCandles } from './order.ts'

const VENDOR = CANDLE_SOURCES.indexOf('vendor')

export type Buckets = { readonly widthMs: number; readonly anchorMs: UnixMs }

/** The start of the bucket that holds `timeMs`. */
export function bucketStart(timeMs: number, buckets: Buckets): number {
  const { anchorMs, widthMs } = buckets
  return anchorMs + Math.floor((timeMs - anchorMs) / widthMs) * widthMs
}

/** Rows may stand in any order; the result is sorted. */
export function aggregateCandles(table: CandleTable, buckets: Buckets): CandleTable {
  const minutes = byInstrument(table.columns)
  const out = allocateCandles(minutes.rowCount)
  let bucketCount = 0
  for (let row = 0; row < minutes.rowCount; ) {
    const end = bucketEnd(minutes, row, buckets)
    fillBucket(out, bucketCount, minutes, row, end)
    out.timestampMs[bucketCount] = bucketStart(minutes.timestampMs[row]!, buckets)
    bucketCount += 1
    row = end
  }
  return sortCandles({ instruments: table.instruments, columns: { ...out, rowCount: bucketCount } })
}

/** The rows of one instrument together, in time: two instruments may share a symbol. */
function byInstrument(columns: CandleColumns): CandleColumns {
  const { instrument, timestampMs } = columns
  const order = new Uint32Array(columns.rowCount).map((_, row) => row)
  order.sort((a, b) => instrument[a]! - instrument[b]! || timestampMs[a]! - timestampMs[b]!)
  return pickRows(columns, order)
}

function bucketEnd(minutes: CandleColumns, fromRow: number, buckets: Buckets): number {
  const start = bucketStart(minutes.timestampMs[fromRow]!, buckets)
  let row = fromRow + 1
  while (
    row < minutes.rowCount &&
    minutes.instrument[row] === minutes.instrument[fromRow] &&
    bucketStart(minutes.timestampMs[row]!, buckets) === start
  ) {
    row += 1
  }
  return row
}

function fillBucket(out: CandleColumns, at: number, minutes: CandleColumns, from: number, to: number): void {
  const last = to - 1
  out.instrument[at] = minutes.instrument[from]!
  out.open[at] = minutes.open[from]!
  out.close[at] = minutes.close[last]!
  out.high[at] = largest(minutes.high, from, to)
  out.low[at] = smallest(minutes.low, from, to)
  out.dayHigh[at] = largest(minutes.dayHigh, from, to)
  out.dayLow[at] = smallest(minutes.dayLow, from, to)
  out.firstTickMs[at] = smallest(minutes.firstTickMs, from, to)
  out.lastTickMs[at] = largest(minutes.lastTickMs, from, to)
  out.revision[at] = largest(minutes.revision, from, to)
  out.complete[at] = smallest(minutes.complete, from, to)
  out.source[at] = minutes.source.subarray(from, to).includes(VENDOR) ? VENDOR : minutes.source[from]!
  let tickCount = 0
  for (let row = from; row < to; row++) tickCount += minutes.tickCount[row]!
  out.tickCount[at] = tickCount
  fillVolume(out, at, minutes, from, to)
}

function fillVolume(out: CandleColumns, at: number, minutes: CandleColumns, from: number, to: number): void {
  let volume = Number.NaN
  let turnover = 0
  for (let row = from; row < to; row++) {
    const minuteVolume = minutes.volume[row]!
    if (Number.isNaN(minuteVolume)) continue
    volume = (Number.isNaN(volume) ? 0 : volume) + minuteVolume
    // A missing vwap makes the sum NaN, and so the bucket's null, unless the minute traded nothing.
    if (minuteVolume > 0) turnover += minutes.vwap[row]! * minuteVolume
  }
  out.volume[at] = volume
  out.vwap[at] = volume > 0 ? turnover / volume : Number.NaN
}

/** Nulls, which are NaN, do not count unless all are. */
function largest(values: Float64Array | Int32Array | Uint8Array, from: number, to: number): number {
  let result = values[from]!
  for (let row = from + 1; row < to; row++) {
    if (values[row]! > result || Number.isNaN(result)) result = values[row]!
  }
  return result
}

function smallest(values: Float64Array | Int32Array | Uint8Array, from: number, to: number): number {
  let result = values[from]!
  for (let row = from + 1; row < to; row++) {
    if (values[row]! < result || Number.isNaN(result)) result = values[row]!
  }
  return result
}
