/** Which tables do the tests of the lake use? Made from numbers, the same in every process. */
import { allocateCandles, type Candle, type CandleTable, candleAt } from '../../src/domain/candle.ts'
import type { Instrument } from '../../src/domain/instrument.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import { candleBatch, encodeInstruments } from '../../src/store/arrow.ts'
import { encodeParquet, type Metadata } from '../../src/store/encode.ts'
import type { LakeDay } from '../../src/store/lake.ts'

export const DAY: LakeDay = { market: 'in', date: '2026-07-01' as MarketDate }
/** 09:15 in India. */
export const OPEN_MS = Date.parse('2026-07-01T03:45:00Z') as UnixMs

/** Values differ by row and by `seed`, and all are exact in a double. */
export function sampleTable(symbolCount: number, minutes: readonly number[], seed = 0): CandleTable {
  const instruments = sampleInstruments(symbolCount)
  const columns = allocateCandles(symbolCount * minutes.length)
  let row = 0
  for (let at = 0; at < symbolCount; at++) {
    for (const minute of minutes) {
      const price = 100 + at + ((row * 7 + seed) % 40) / 4
      columns.instrument[row] = at
      columns.timestampMs[row] = OPEN_MS + minute * 60_000
      columns.open[row] = price
      columns.high[row] = price + 1
      columns.low[row] = price - 1
      columns.close[row] = price + 0.25
      const silent = (row + seed) % 5 === 3
      columns.volume[row] = silent ? Number.NaN : (row * 31 + seed) % 97
      columns.vwap[row] = silent || columns.volume[row] === 0 ? Number.NaN : price + 0.125
      // A vendor's candle, sometimes of a minute of which no tick was seen.
      const isVendor = row % 11 === 10
      const isUnseen = row % 22 === 21
      columns.tickCount[row] = isUnseen ? 0 : 1 + (row % 9)
      columns.dayHigh[row] = price + 4
      columns.dayLow[row] = price - 4
      columns.firstTickMs[row] = isUnseen ? Number.NaN : columns.timestampMs[row]! + 1_000
      columns.lastTickMs[row] = isUnseen ? Number.NaN : columns.timestampMs[row]! + 59_000
      columns.complete[row] = row % 7 === 6 ? 0 : 1
      columns.source[row] = isVendor ? 1 : 0
      columns.revision[row] = seed
      row += 1
    }
  }
  return { instruments, columns }
}

export function sampleInstruments(count: number): readonly Instrument[] {
  return Array.from({ length: count }, (_, at) => ({
    exchange: 'NSE' as const,
    token: String(1_000 + at * 7),
    symbol: `S${String(at).padStart(5, '0')}-EQ`,
  }))
}

export function rowsOf(table: CandleTable): Candle[] {
  return Array.from({ length: table.columns.rowCount }, (_, row) => candleAt(table, row))
}

export function parquetOf(table: CandleTable, metadata: Metadata = {}): Uint8Array {
  return encodeParquet(candleBatch(table.columns, encodeInstruments(table.instruments)), metadata)
}
