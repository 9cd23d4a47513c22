import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allocateCandles, type CandleTable } from '../../src/domain/candle.ts'
import type { UnixMs } from '../../src/domain/time.ts'
import { aggregateCandles, bucketStart } from '../../src/store/aggregate.ts'
import { pickRows, sortCandles } from '../../src/store/order.ts'
import { tempFolder } from './kit.ts'
import { duckDb } from './readers.ts'
import { OPEN_MS, parquetOf, rowsOf, sampleTable } from './tables.ts'

const MINUTE_MS = 60_000

test('a bucket starts at the anchor, before it too', () => {
  const buckets = { widthMs: 5 * MINUTE_MS, anchorMs: OPEN_MS }
  const starts = [-6, -5, -1, 0, 4, 5].map((minute) => bucketStart(OPEN_MS + minute * MINUTE_MS, buckets))
  expect(starts.map((start) => (start - OPEN_MS) / MINUTE_MS)).toEqual([-10, -5, -5, 0, 0, 5])
})

test('wider candles are what SQL makes of the same minutes', async () => {
  const minutes = Array.from({ length: 47 }, (_, at) => at).filter((minute) => minute % 13 !== 4)
  for (const [width, seed] of [
    [5, 0],
    [7, 1],
    [60, 2],
  ] as const) {
    const table = sampleTable(9, minutes, seed)
    const path = join(tempFolder(), 'minutes.parquet')
    writeFileSync(path, parquetOf(table))
    const expected = await duckDb(`
      SELECT symbol,
        ${OPEN_MS} + ((epoch_ms(timestamp) - ${OPEN_MS}) // (${width} * 60000)) * ${width} * 60000 AS start,
        arg_min(open, timestamp) AS open, max(high) AS high, min(low) AS low,
        arg_max(close, timestamp) AS close, sum(volume)::DOUBLE AS volume,
        CASE WHEN bool_or(volume > 0 AND vwap IS NULL) THEN NULL
             ELSE sum(vwap * volume) FILTER (volume > 0) / nullif(sum(volume), 0) END AS vwap,
        sum(tick_count)::INT AS ticks, max(day_high) AS day_high, min(day_low) AS day_low,
        min(epoch_ms(first_tick_at)) AS first_ms, max(epoch_ms(last_tick_at)) AS last_ms,
        bool_and(complete) AS complete, max(source) AS source, max(revision) AS revision
      FROM read_parquet('${path}') GROUP BY ALL ORDER BY symbol, start`)
    const buckets = { widthMs: width * MINUTE_MS, anchorMs: OPEN_MS }
    const got = rowsOf(aggregateCandles(table, buckets)).map((candle) => ({
      symbol: candle.symbol,
      start: BigInt(candle.timestampMs),
      open: candle.open,
      high: candle.high,
      low: candle.low,
      close: candle.close,
      volume: candle.volume,
      vwap: candle.vwap,
      ticks: candle.tickCount,
      day_high: candle.dayHigh,
      day_low: candle.dayLow,
      first_ms: BigInt(candle.firstTickMs!),
      last_ms: BigInt(candle.lastTickMs!),
      complete: candle.complete,
      source: candle.source,
      revision: candle.revision,
    }))
    expect(got).toEqual(expected)
    expect(got.length).toBeGreaterThan(8)
  }
})

test('a bucket without volume anywhere has none, and one with a bare minute has no vwap', () => {
  const table = sampleTable(1, [0, 1, 2, 3])
  const buckets = { widthMs: 2 * MINUTE_MS, anchorMs: OPEN_MS }
  table.columns.volume.set([Number.NaN, Number.NaN, 10, 30])
  table.columns.vwap.set([Number.NaN, Number.NaN, Number.NaN, 101])
  expect(rowsOf(aggregateCandles(table, buckets))).toMatchObject([
    { volume: null, vwap: null },
    { volume: 40, vwap: null },
  ])
  table.columns.vwap.set([Number.NaN, Number.NaN, 97, 101])
  expect(rowsOf(aggregateCandles(table, buckets))[1]).toMatchObject({ volume: 40, vwap: 100 })
  table.columns.volume.set([0, Number.NaN, 0, 30])
  table.columns.vwap.set([Number.NaN, Number.NaN, Number.NaN, 101])
  expect(rowsOf(aggregateCandles(table, buckets))).toMatchObject([
    { volume: 0, vwap: null },
    { volume: 30, vwap: 101 },
  ])
})

test('the order of the rows that come in does not matter, nor that two instruments share a symbol', () => {
  const table = sampleTable(4, [0, 1, 2, 3, 4, 5, 6])
  const twins: CandleTable = {
    columns: table.columns,
    instruments: table.instruments.map((instrument, at) => ({
      ...instrument,
      symbol: at < 2 ? 'SAME' : 'X',
    })),
  }
  const buckets = { widthMs: 3 * MINUTE_MS, anchorMs: OPEN_MS as UnixMs }
  const expected = rowsOf(aggregateCandles(twins, buckets))
  expect(expected).toHaveLength(12)
  const rows = Array.from({ length: 28 }, (_, row) => row)
  fc.assert(
    fc.property(fc.shuffledSubarray(rows, { minLength: 28 }), (order) => {
      const columns = pickRows(table.columns, Uint32Array.from(order))
      expect(rowsOf(aggregateCandles({ ...twins, columns }, buckets))).toEqual(expected)
      expect(rowsOf(sortCandles({ ...twins, columns }))).toEqual(rowsOf(sortCandles(twins)))
    }),
    { numRuns: 50 },
  )
})

test('nothing gives nothing', () => {
  const table = { instruments: [], columns: allocateCandles(0) }
  expect(aggregateCandles(table, { widthMs: MINUTE_MS, anchorMs: OPEN_MS }).columns.rowCount).toBe(0)
})
