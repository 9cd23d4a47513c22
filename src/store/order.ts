/** In which order do rows stand? By symbol in code-unit order, then by time, then by the vendor's key. */
import type { CandleColumns, CandleTable } from '../domain/candle.ts'
import { bySymbol, type Instrument, instrumentKey } from '../domain/instrument.ts'

/** Throws when an instrument stands twice in the list. */
export function checkUnique(instruments: readonly Instrument[]): void {
  const keys = new Set<string>()
  for (const instrument of instruments) {
    const key = instrumentKey(instrument)
    if (keys.has(key)) throw new Error(`${key} is listed twice`)
    keys.add(key)
  }
}

/** Per instrument: the position of its symbol among the sorted symbols. */
export function rankSymbols(instruments: readonly Instrument[]): Int32Array {
  const symbols = [...new Set(instruments.map((instrument) => instrument.symbol))].sort()
  const rankOf = new Map(symbols.map((symbol, rank) => [symbol, rank]))
  return Int32Array.from(instruments, (instrument) => rankOf.get(instrument.symbol)!)
}

/** A table with the same rows, in order. */
export function sortCandles(table: CandleTable): CandleTable {
  const { columns, instruments } = table
  const ranks = rankSymbols(instruments)
  const within = Int32Array.from(sortedPositions(instruments))
  const { instrument, timestampMs } = columns
  const order = new Uint32Array(columns.rowCount).map((_, row) => row)
  order.sort((a, b) => {
    const ofA = instrument[a]!
    const ofB = instrument[b]!
    return ranks[ofA]! - ranks[ofB]! || timestampMs[a]! - timestampMs[b]! || within[ofA]! - within[ofB]!
  })
  return { instruments, columns: pickRows(columns, order) }
}

/** Per instrument its position in symbol order. */
function sortedPositions(instruments: readonly Instrument[]): number[] {
  const sorted = instruments.map((_, at) => at).sort((a, b) => bySymbol(instruments[a]!, instruments[b]!))
  const positions = new Array<number>(instruments.length)
  for (const [position, at] of sorted.entries()) positions[at] = position
  return positions
}

/** The rows that `rows` names, in its order, as fresh columns. */
export function pickRows(columns: CandleColumns, rows: Uint32Array): CandleColumns {
  return {
    rowCount: rows.length,
    instrument: pick(columns.instrument, rows, new Int32Array(rows.length)),
    timestampMs: pick(columns.timestampMs, rows, new Float64Array(rows.length)),
    open: pick(columns.open, rows, new Float64Array(rows.length)),
    high: pick(columns.high, rows, new Float64Array(rows.length)),
    low: pick(columns.low, rows, new Float64Array(rows.length)),
    close: pick(columns.close, rows, new Float64Array(rows.length)),
    volume: pick(columns.volume, rows, new Float64Array(rows.length)),
    vwap: pick(columns.vwap, rows, new Float64Array(rows.length)),
    tickCount: pick(columns.tickCount, rows, new Int32Array(rows.length)),
    dayHigh: pick(columns.dayHigh, rows, new Float64Array(rows.length)),
    dayLow: pick(columns.dayLow, rows, new Float64Array(rows.length)),
    firstTickMs: pick(columns.firstTickMs, rows, new Float64Array(rows.length)),
    lastTickMs: pick(columns.lastTickMs, rows, new Float64Array(rows.length)),
    complete: pick(columns.complete, rows, new Uint8Array(rows.length)),
    source: pick(columns.source, rows, new Uint8Array(rows.length)),
    revision: pick(columns.revision, rows, new Int32Array(rows.length)),
  }
}

function pick<Column extends Float64Array | Int32Array | Uint8Array>(
  from: Column,
  rows: Uint32Array,
  into: Column,
): Column {
  for (let at = 0; at < rows.length; at++) into[at] = from[rows[at]!]!
  return into
}
