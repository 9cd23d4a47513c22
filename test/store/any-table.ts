/** What is any table at all? Sorted and unique as the lake promises, and else as odd as the types allow. */
import fc from 'fast-check'
import { allocateCandles, CANDLE_SOURCES, type CandleTable } from '../../src/domain/candle.ts'
import { bySymbol, EXCHANGES } from '../../src/domain/instrument.ts'

const anyText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
const anyPrice = fc.double({ noNaN: true, noDefaultInfinity: true })
const anyTime = fc.integer({ min: 0, max: 4_102_444_800_000 })
const anyInt32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })

const anyInstruments = fc
  .uniqueArray(fc.record({ exchange: fc.constantFrom(...EXCHANGES), token: anyText, symbol: anyText }), {
    selector: ({ exchange, token }) => `${exchange}:${token}`,
    minLength: 1,
    maxLength: 6,
  })
  .map((instruments) => instruments.toSorted(bySymbol))

const anyRow = fc.record({
  instrument: fc.nat(),
  timestampMs: anyTime,
  prices: fc.array(anyPrice, { minLength: 6, maxLength: 6 }),
  volume: fc.oneof(
    fc.constant(Number.NaN),
    fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1, 2 ** 53 - 1),
    fc.maxSafeNat(),
  ),
  vwap: fc.oneof(fc.constant(Number.NaN), anyPrice),
  tickCount: fc.oneof(fc.constant(0), anyInt32),
  revision: anyInt32,
  times: fc.array(anyTime, { minLength: 2, maxLength: 2 }),
  complete: fc.boolean(),
  source: fc.nat({ max: CANDLE_SOURCES.length - 1 }),
})

/** Tables as the lake promises them: sorted, unique; everything else is as odd as the types allow. */
export const anyTable: fc.Arbitrary<CandleTable> = fc
  .tuple(anyInstruments, fc.array(anyRow, { maxLength: 40 }))
  .map(([instruments, wild]) => {
    const keyed = wild.map((row) => ({ ...row, instrument: row.instrument % instruments.length }))
    const unique = new Map(keyed.map((row) => [`${row.instrument}:${row.timestampMs}`, row]))
    const symbolOf = (row: { instrument: number }): string => instruments[row.instrument]!.symbol
    const rows = [...unique.values()].toSorted((a, b) =>
      symbolOf(a) === symbolOf(b)
        ? a.timestampMs - b.timestampMs || a.instrument - b.instrument
        : symbolOf(a) < symbolOf(b)
          ? -1
          : 1,
    )
    const columns = allocateCandles(rows.length)
    for (const [at, row] of rows.entries()) {
      const [open, high, low, close, dayHigh, dayLow] = row.prices
      columns.instrument[at] = row.instrument
      columns.timestampMs[at] = row.timestampMs
      columns.open[at] = open!
      columns.high[at] = high!
      columns.low[at] = low!
      columns.close[at] = close!
      columns.dayHigh[at] = dayHigh!
      columns.dayLow[at] = dayLow!
      columns.volume[at] = row.volume
      columns.vwap[at] = row.vwap
      columns.tickCount[at] = row.tickCount
      columns.revision[at] = row.revision
      columns.firstTickMs[at] = row.tickCount === 0 ? Number.NaN : row.times[0]!
      columns.lastTickMs[at] = row.tickCount === 0 ? Number.NaN : row.times[1]!
      columns.complete[at] = row.complete ? 1 : 0
      columns.source[at] = row.source
    }
    return { instruments, columns }
  })
