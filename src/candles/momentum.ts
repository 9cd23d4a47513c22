/**
 * Where does each symbol stand in its session after this minute? Three plain ratios a finalised
 * candle: distance from the session's VWAP, nearness to the high of the day, volume against the
 * session's average minute before it. Logged to the lake, never acted on.
 */
import type { CandleColumns } from '../domain/candle.ts'
import type { MomentumColumns } from '../domain/momentum.ts'

/** Running sums of one session; one slot an instrument. */
export type MomentumState = {
  readonly priceVolume: Float64Array
  readonly volume: Float64Array
  readonly high: Float64Array
}

export function startMomentum(instrumentCount: number): MomentumState {
  return {
    priceVolume: new Float64Array(instrumentCount),
    volume: new Float64Array(instrumentCount),
    high: new Float64Array(instrumentCount),
  }
}

/** The same sums with room for more instruments. */
export function growMomentum(state: MomentumState, instrumentCount: number): MomentumState {
  const grown = startMomentum(instrumentCount)
  grown.priceVolume.set(state.priceVolume)
  grown.volume.set(state.volume)
  grown.high.set(state.high)
  return grown
}

/**
 * Takes one finalised batch into `state` and returns its signals, one row a candle, in its order.
 * `minutesBefore` counts the session's minutes before this one, silent ones too.
 *
 * - vwapDistance: close / session VWAP − 1 (ratio; NaN until volume was traded)
 * - highProximity: close / high of the day (ratio, at most 1)
 * - relativeVolume: volume / average volume of the minutes before (ratio; NaN without any)
 */
export function addMomentum(
  state: MomentumState,
  candles: CandleColumns,
  minutesBefore: number,
): MomentumColumns {
  const count = candles.rowCount
  const vwapDistance = new Float64Array(count)
  const highProximity = new Float64Array(count)
  const relativeVolume = new Float64Array(count)
  for (let row = 0; row < count; row++) {
    const index = candles.instrument[row]!
    const close = candles.close[row]!
    const volume = candles.volume[row]!
    const averageVolume = state.volume[index]! / minutesBefore
    if (volume > 0) {
      state.volume[index]! += volume
      state.priceVolume[index]! += volume * candles.vwap[row]!
    }
    state.high[index] = Math.max(state.high[index]!, candles.high[row]!, candles.dayHigh[row]!)
    const sessionVwap = state.priceVolume[index]! / state.volume[index]!
    vwapDistance[row] = close / sessionVwap - 1
    highProximity[row] = close / state.high[index]!
    relativeVolume[row] = averageVolume > 0 ? volume / averageVolume : Number.NaN
  }
  return {
    rowCount: count,
    instrument: candles.instrument.slice(),
    timestampMs: candles.timestampMs.slice(),
    vwapDistance,
    highProximity,
    relativeVolume,
  }
}
