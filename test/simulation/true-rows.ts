/**
 * What was really traded? The candles of the stand-in's exchange, made anew from its seed in this process: no
 * socket, no conflation and no worker lies between.
 */
import type { MarketDate } from '../../src/domain/time.ts'
import { DAY_MS, MINUTE_MS, type Minute, type UnixMs } from '../../src/domain/time.ts'
import { createGenerator } from '../../src/sim/smartapi/generator.ts'
import { keyOf, type LakeRow, type RowKey } from './lake-rows.ts'

export type TrueRow = {
  readonly symbol: string
  /** open, high, low, close */
  readonly prices: readonly number[]
  /** Shares; 0 for an index. */
  readonly volume: number
}

export type World = {
  readonly date: MarketDate
  readonly seed: number
  readonly instrumentCount: number
  readonly packetsPerSecond: number
}

/** Minutes in which an instrument traded, among those from `range.from` up to `range.to`, itself excluded. */
export function trueRows(
  world: World,
  range: { readonly from: Minute; readonly to: Minute },
): ReadonlyMap<RowKey, TrueRow> {
  const source = createGenerator(world)
  const fromMs = (range.from * MINUTE_MS) as UnixMs
  const toMs = (range.to * MINUTE_MS) as UnixMs
  const rows = new Map<RowKey, TrueRow>()
  for (const [at, instrument] of source.instruments.entries()) {
    for (const candle of source.candles(at, fromMs, toMs, (toMs + DAY_MS) as UnixMs)) {
      const { open, high, low, close, volume, timestampMs } = candle
      const { symbol } = instrument
      rows.set(keyOf({ ...instrument, timestampMs }), { symbol, prices: [open, high, low, close], volume })
    }
  }
  return rows
}

/**
 * Candles of ticks that say `complete` and have another volume than was traded. Prices are not compared:
 * conflation hides some, and the feed never tells them.
 */
export function untrueRows(rows: Iterable<LakeRow>, truth: ReadonlyMap<RowKey, TrueRow>): readonly LakeRow[] {
  return [...rows].filter((row) => {
    if (!row.complete || row.source !== 'ticks' || row.volume === null) return false
    return row.volume !== truth.get(keyOf(row))?.volume
  })
}
