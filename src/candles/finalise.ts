/**
 * What does a minute's open candle say once it is final? Vendor integers become currency here, and
 * the statement `complete` is made. Rows come in the order of `order`, which sorts by symbol.
 */
import { allocateCandles, type CandleColumns } from '../domain/candle.ts'
import { type Minute, minuteStart } from '../domain/time.ts'
import { type InstrumentState, PRICE_SCALE } from './instrument-state.ts'
import type { OpenCandle, OpenMinute } from './open-minute.ts'

export type FinaliseParts = {
  readonly state: InstrumentState
  readonly isVouched: (index: number, minute: Minute) => boolean
}

export function finaliseMinute(
  open: OpenMinute | undefined,
  order: Int32Array,
  parts: FinaliseParts,
): CandleColumns {
  if (open === undefined) return allocateCandles(0)
  const columns = allocateCandles(open.candleCount())
  let row = 0
  for (const index of order) {
    if (!open.hasCandle(index)) continue
    const candle = open.read(index)
    writeRow(columns, row++, index, open.minute, candle, parts.state)
    columns.complete[row - 1] = parts.isVouched(index, open.minute) ? 1 : 0
  }
  return columns
}

function writeRow(
  columns: CandleColumns,
  row: number,
  index: number,
  minute: Minute,
  candle: OpenCandle,
  state: InstrumentState,
): void {
  const scale = state.get(index, PRICE_SCALE)
  columns.instrument[row] = index
  columns.timestampMs[row] = minuteStart(minute)
  columns.open[row] = candle.open / scale
  columns.high[row] = candle.high / scale
  columns.low[row] = candle.low / scale
  columns.close[row] = candle.close / scale
  columns.volume[row] = candle.volume
  columns.vwap[row] = candle.volume > 0 ? candle.priceVolume / candle.volume / scale : Number.NaN
  columns.tickCount[row] = candle.tickCount
  columns.dayHigh[row] = candle.dayHigh / scale
  columns.dayLow[row] = candle.dayLow / scale
  columns.firstTickMs[row] = candle.openMs
  columns.lastTickMs[row] = candle.closeMs
}
