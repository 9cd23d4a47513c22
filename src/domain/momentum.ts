/**
 * What does one minute say about momentum, per instrument, as columns? The same conventions as the
 * candle's columns; NaN stands for null: the minute gave no answer (no volume, no history yet).
 */

/** Rows are sorted by symbol, then timestamp; (exchange, token, timestamp) is unique. */
export type MomentumColumns = {
  readonly rowCount: number
  /** Index into the `instruments` that travel with the columns. */
  readonly instrument: Int32Array
  /** Start of the minute, Unix ms. */
  readonly timestampMs: Float64Array
  /** How far the close stands from the day's volume-weighted price, as a ratio. */
  readonly vwapDistance: Float64Array
  /** How near the close stands to the day's high, as a ratio. */
  readonly highProximity: Float64Array
  /** The minute's volume against the usual one, as a ratio. */
  readonly relativeVolume: Float64Array
}

export function allocateMomentum(rowCount: number): MomentumColumns {
  return {
    rowCount,
    instrument: new Int32Array(rowCount),
    timestampMs: new Float64Array(rowCount),
    vwapDistance: new Float64Array(rowCount),
    highProximity: new Float64Array(rowCount),
    relativeVolume: new Float64Array(rowCount),
  }
}
