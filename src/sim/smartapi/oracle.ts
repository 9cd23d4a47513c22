/** What is true? The candles that a perfect listener, to whom nothing is conflated, would hold. */
import type { VendorCandle } from '../../domain/candle.ts'
import { DAY_MS, type UnixMs } from '../../domain/time.ts'
import { istDateOf, istMidnight } from './ist.ts'
import type { ListedInstrument, TickSource } from './source.ts'

export type InstrumentCandles = {
  readonly instrument: ListedInstrument
  readonly candles: readonly VendorCandle[]
}

/** All candles of the market date of `dayMs`, as known at `nowMs`. */
export function trueCandles(source: TickSource, dayMs: UnixMs, nowMs: UnixMs): readonly InstrumentCandles[] {
  const fromMs = istMidnight(istDateOf(dayMs))
  const toMs = (fromMs + DAY_MS) as UnixMs
  return source.instruments.map((instrument, at) => ({
    instrument,
    candles: source.candles(at, fromMs, toMs, nowMs),
  }))
}
