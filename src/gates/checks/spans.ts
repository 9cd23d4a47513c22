/**
 * Where do the rows of an instrument lie, and which minutes of the session do they fill? Worked out once, in
 * typed arrays, for all checks that look along an instrument.
 *
 * Rows are sorted by symbol and time, so an instrument is a run of rows. Two instruments of one symbol (a
 * token that was corrected) interleave, and a damaged file may be in any order: so rows are grouped, not
 * assumed.
 */
import type { CandleTable } from '../../domain/candle.ts'

export type InstrumentRows = {
  /** Row numbers by instrument, each instrument's in the file's order. */
  readonly rows: Uint32Array
  /** By instrument, where its rows begin in `rows`; one more at the end. */
  readonly starts: Uint32Array
}

export function rowsByInstrument({ columns, instruments }: CandleTable): InstrumentRows {
  const starts = new Uint32Array(instruments.length + 1)
  for (let row = 0; row < columns.rowCount; row++) starts[columns.instrument[row]! + 1]!++
  for (let at = 0; at < instruments.length; at++) starts[at + 1]! += starts[at]!
  const next = starts.slice()
  const rows = new Uint32Array(columns.rowCount)
  for (let row = 0; row < columns.rowCount; row++) rows[next[columns.instrument[row]!]!++] = row
  return { rows, starts }
}
