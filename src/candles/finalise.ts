/**
 * What does a minute's open candle say once it is final? Vendor integers become currency here, and
 * the statement `complete` is made. Rows come in the order of `order`, which sorts by symbol.
 */
import { allocateCandles, type CandleColumns } from '../domain/candle.ts'
import { type Minute, minuteEnd, minuteStart } from '../domain/time.ts'
import type { GapLedger } from './gap-ledger.ts'
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
    columns.complete[row - 1] = !candle.doubtful && parts.isVouched(index, open.minute) ? 1 : 0
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
  columns.volume[row] = state.hasVolume[index] === 1 ? candle.volume : Number.NaN
  columns.vwap[row] = candle.volume > 0 ? candle.priceVolume / candle.volume / scale : Number.NaN
  columns.tickCount[row] = candle.tickCount
  columns.dayHigh[row] = candle.dayHigh / scale
  columns.dayLow[row] = candle.dayLow / scale
  columns.firstTickMs[row] = candle.openMs
  columns.lastTickMs[row] = candle.closeMs
}

/** Whether the shards that carried an instrument vouch for a minute; see `GapLedger`. */
export function isVouchedBy(gaps: GapLedger, shardIds: readonly number[], minute: Minute): boolean {
  const fromMs = minuteStart(minute)
  const toMs = minuteEnd(minute)
  const carrying = shardIds.at(-1)
  if (carrying === undefined || gaps.lastReceivedMs[carrying]! < toMs) return false
  return shardIds.every((shardId) => !gaps.overlaps(shardId, fromMs, toMs))
}
