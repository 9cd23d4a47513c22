import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CandleTable } from '../../src/domain/candle.ts'
import { candleBatch, encodeInstruments, toArrowIpc } from '../../src/store/arrow.ts'
import { checkCandles } from '../../src/store/check.ts'
import { verifyParquet } from '../../src/store/encode.ts'
import { rankSymbols } from '../../src/store/order.ts'
import { readTable } from '../../src/store/table-file.ts'
import { anyTable } from './any-table.ts'
import { tempFolder } from './kit.ts'
import { duckDb, duckRows, liteRows } from './readers.ts'
import { parquetOf, rowsOf, sampleTable } from './tables.ts'

function write(table: CandleTable): string {
  const path = join(tempFolder(), 'candles.parquet')
  writeFileSync(path, parquetOf(table))
  return path
}

test('a file has exactly the columns of the contract, in order, with their types', async () => {
  const path = write(sampleTable(3, [0, 1]))
  const columns = await duckDb(`DESCRIBE SELECT * FROM read_parquet('${path}')`)
  expect(columns.map((column) => `${column.column_name} ${column.column_type}`)).toEqual([
    'symbol VARCHAR',
    'exchange VARCHAR',
    'token VARCHAR',
    'timestamp TIMESTAMP WITH TIME ZONE',
    'open DOUBLE',
    'high DOUBLE',
    'low DOUBLE',
    'close DOUBLE',
    'volume BIGINT',
    'vwap DOUBLE',
    'tick_count INTEGER',
    'day_high DOUBLE',
    'day_low DOUBLE',
    'first_tick_at TIMESTAMP WITH TIME ZONE',
    'last_tick_at TIMESTAMP WITH TIME ZONE',
    'complete BOOLEAN',
    'source VARCHAR',
    'revision INTEGER',
  ])
  const schema = await duckDb(
    `SELECT name, repetition_type, converted_type FROM parquet_schema('${path}') WHERE num_children IS NULL`,
  )
  const nullable = schema.filter((column) => column.repetition_type === 'OPTIONAL')
  expect(nullable.map((column) => column.name)).toEqual(['volume', 'vwap', 'first_tick_at', 'last_tick_at'])
  const times = schema.filter((column) => column.converted_type === 'TIMESTAMP_MILLIS')
  expect(times.map((column) => column.name)).toEqual(['timestamp', 'first_tick_at', 'last_tick_at'])
})

test('readers can skip row groups: every column has a minimum and a maximum', async () => {
  const path = write(
    sampleTable(
      400,
      Array.from({ length: 400 }, (_, minute) => minute),
    ),
  )
  const groups = await duckDb(`
    SELECT row_group_id AS id, row_group_num_rows AS rows, stats_min_value AS low, stats_max_value AS high
    FROM parquet_metadata('${path}') WHERE path_in_schema = 'symbol' ORDER BY id`)
  expect(groups.map((group) => Number(group.rows))).toEqual([122_880, 37_120])
  expect(groups[0]!.low).toBe('S00000-EQ')
  expect(groups[1]!.high).toBe('S00399-EQ')
  const bare = await duckDb(`SELECT 1 FROM parquet_metadata('${path}') WHERE stats_min_value IS NULL`)
  expect(bare).toEqual([])
  const withDictionary = await duckDb(`
    SELECT DISTINCT path_in_schema AS name FROM parquet_metadata('${path}')
    WHERE encodings LIKE '%DICTIONARY%' ORDER BY name`)
  expect(withDictionary.map(({ name }) => name)).toEqual(['exchange', 'source', 'symbol', 'token'])
})

test('what is written comes back equal in DuckDB, in parquetjs-lite and in our own reader', async () => {
  // More rows than a batch of our reader, more symbols than fit one byte of a dictionary.
  const table = sampleTable(
    600,
    Array.from({ length: 30 }, (_, minute) => minute),
  )
  const path = write(table)
  const rows = rowsOf(table)
  expect(await duckRows(path)).toEqual(rows)
  expect(await liteRows(path)).toEqual(rows)
  expect(rowsOf(readTable(path))).toEqual(rows)
})

test('a table without rows is a file with columns and no rows', async () => {
  const path = write(sampleTable(0, []))
  expect(await duckRows(path)).toEqual([])
  expect(await liteRows(path)).toEqual([])
  expect(readTable(path).columns.rowCount).toBe(0)
})

test('any table comes back equal: null, whole numbers to 2^53, any script in a symbol', async () => {
  await fc.assert(
    fc.asyncProperty(anyTable, async (table) => {
      checkCandles(table.columns, rankSymbols(table.instruments))
      const path = join(tempFolder(), 'any.parquet')
      const bytes = parquetOf(table)
      writeFileSync(path, bytes)
      const rows = rowsOf(table)
      expect(rowsOf(readTable(path))).toEqual(rows)
      expect(await duckRows(path)).toEqual(rows)
      expect(await liteRows(path)).toEqual(rows)
    }),
    { numRuns: 60 },
  )
})

test('the same table gives the same bytes in every process, in whatever order its metadata stands', () => {
  const table = sampleTable(50, [0, 1, 2])
  const metadata = { schema: 'x', market: 'in', date: '2026-07-01', revision: 3 }
  const here = hash('sha256', parquetOf(table, metadata))
  const shuffled = { revision: 3, date: '2026-07-01', market: 'in', schema: 'x' }
  expect(hash('sha256', parquetOf(table, shuffled))).toBe(here)
  const child = join(import.meta.dirname, 'child.ts')
  const elsewhere = [1, 2].map(() => execFileSync(process.execPath, [child, 'encode']).toString().trim())
  expect(elsewhere).toEqual([here, here])
})

test('metadata can be read by others', async () => {
  const path = join(tempFolder(), 'candles.parquet')
  writeFileSync(path, parquetOf(sampleTable(1, [0]), { schema: 'chandler.candles.v1', revision: 2 }))
  const [found] = await duckDb(
    `SELECT decode(value) AS json FROM parquet_kv_metadata('${path}') WHERE decode(key) = 'chandler'`,
  )
  expect(JSON.parse(String(found!.json))).toEqual({ schema: 'chandler.candles.v1', revision: 2 })
})

test('columns that share one memory are written right', () => {
  const table = sampleTable(40, [0])
  const { columns } = table
  const pool = new Float64Array(80).fill(7.5)
  const shared = {
    ...columns,
    high: columns.open,
    low: columns.open,
    close: pool.subarray(0, 40),
    dayHigh: pool,
  }
  const path = write({ ...table, columns: shared })
  expect(rowsOf(readTable(path))).toEqual(rowsOf({ ...table, columns: shared }))
})

test('a file that differs in one value from what went in is found before it is published', () => {
  const table = sampleTable(200, [0, 1])
  const batch = candleBatch(table.columns, encodeInstruments(table.instruments))
  verifyParquet(parquetOf(table), batch)
  const numbers = ['timestampMs', 'open', 'volume', 'vwap', 'tickCount', 'complete', 'source'] as const
  for (const name of numbers) {
    const other = sampleTable(200, [0, 1])
    other.columns[name][301] = name === 'complete' || name === 'source' ? 1 - other.columns[name][301]! : 77
    expect(() => verifyParquet(parquetOf(other), batch), name).toThrow(/came back different in row 301/)
  }
  const renamed = table.instruments.map((instrument) => ({ ...instrument, symbol: 'OTHER' }))
  expect(() => verifyParquet(parquetOf({ ...table, instruments: renamed }), batch)).toThrow(/symbol/)
  expect(() => verifyParquet(parquetOf(sampleTable(200, [0])), batch)).toThrow(/400 rows came back as 200/)
})

test('rows that break a promise of the lake are refused', () => {
  const ranks = rankSymbols(sampleTable(3, []).instruments)
  const refusal = (change: (columns: CandleTable['columns']) => unknown): string => {
    const { columns } = sampleTable(3, [0, 1])
    change(columns)
    try {
      checkCandles(columns, ranks)
    } catch (error) {
      return String(error)
    }
    return 'accepted'
  }
  expect(refusal(() => {})).toBe('accepted')
  expect(refusal((columns) => columns.timestampMs.reverse())).toContain('not sorted')
  expect(refusal((columns) => columns.instrument.reverse())).toContain('not sorted')
  expect(refusal((columns) => columns.timestampMs.fill(0))).toContain('row 1 repeats row 0')
  expect(refusal((columns) => columns.instrument.fill(9))).toContain('unknown')
  expect(refusal((columns) => columns.close.fill(Number.NaN))).toContain('cannot be written')
  expect(refusal((columns) => columns.high.fill(Number.POSITIVE_INFINITY))).toContain('cannot be written')
  expect(refusal((columns) => columns.volume.fill(1.5))).toContain('cannot be written')
  expect(refusal((columns) => columns.volume.fill(-1))).toContain('cannot be written')
  expect(refusal((columns) => columns.volume.fill(2 ** 53))).toContain('cannot be written')
  expect(refusal((columns) => columns.lastTickMs.fill(Number.NaN))).toContain('cannot be written')
  expect(refusal((columns) => columns.tickCount.fill(0))).toContain('cannot be written')
  expect(refusal((columns) => columns.source.fill(2))).toContain('cannot be written')
  expect(refusal((columns) => Object.assign(columns, { rowCount: 7 }))).toContain('shorter')
})

test('the Arrow stream holds the same rows', () => {
  const table = sampleTable(5, [0, 1, 2])
  const arrow = tableFromIPC(toArrowIpc(table))
  expect(arrow.numRows).toBe(15)
  expect(arrow.schema.fields.map((field) => field.name).slice(0, 4)).toEqual([
    'symbol',
    'exchange',
    'token',
    'timestamp',
  ])
  const closes = [...arrow.getChild('close')!]
  expect(closes).toEqual([...table.columns.close])
  const volumes = [...arrow.getChild('volume')!].map((volume) => (volume === null ? null : Number(volume)))
  expect(volumes).toEqual(rowsOf(table).map((candle) => candle.volume))
})
