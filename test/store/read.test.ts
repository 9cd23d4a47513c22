import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { CandleTable } from '../../src/domain/candle.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import { partsDir, pathOf, settledDir } from '../../src/store/lake.ts'
import { type CandleQuery, type CandlesRead, candleDates, readCandles } from '../../src/store/read.ts'
import { publisherAt, tempFolder } from './kit.ts'
import { INSTRUMENTS, part, settled } from './requests.ts'
import { DAY, OPEN_MS, rowsOf, sampleTable } from './tables.ts'

const SYMBOL = INSTRUMENTS[3]!.symbol
const MINUTE_MS = 60_000

function read(dataDir: string, query: Partial<CandleQuery> = {}): Promise<CandlesRead> {
  return readCandles({ dataDir, market: 'in', fromDate: DAY.date, toDate: DAY.date, ...query })
}

function liveLake(minutes: readonly number[], dataDir: string = tempFolder()): string {
  const publisher = publisherAt(dataDir, INSTRUMENTS)
  for (const minute of minutes) publisher.publish(part(minute))
  return dataDir
}

function startsOf(table: CandleTable): readonly number[] {
  return rowsOf(table).map((candle) => (candle.timestampMs - OPEN_MS) / MINUTE_MS)
}

test('live parts come back as one table, sorted by symbol and then time', async () => {
  const { table, days } = await read(liveLake([2, 0, 1]))
  const expected = [0, 1, 2].flatMap((minute) => rowsOf(sampleTable(INSTRUMENTS.length, [minute])))
  expect(days).toEqual([{ date: DAY.date, origin: 'live' }])
  expect(rowsOf(table)).toEqual(
    expected.toSorted((a, b) =>
      a.symbol === b.symbol ? a.timestampMs - b.timestampMs : a.symbol < b.symbol ? -1 : 1,
    ),
  )
})

test('the settled day is preferred, and the live parts can still be asked for', async () => {
  const dataDir = liveLake([0, 1])
  publisherAt(dataDir, INSTRUMENTS).publish(settled(5))
  const preferred = await read(dataDir, { symbol: SYMBOL })
  expect(preferred.days).toEqual([{ date: DAY.date, origin: 'settled' }])
  expect(rowsOf(preferred.table).map((candle) => candle.revision)).toEqual([5, 5, 5])
  const live = await read(dataDir, { symbol: SYMBOL, prefer: 'live' })
  expect(live.days).toEqual([{ date: DAY.date, origin: 'live' }])
  expect(rowsOf(live.table).map((candle) => candle.revision)).toEqual([0, 0])
})

test('one symbol, one interval: half-open, in minutes', async () => {
  const dataDir = liveLake([0, 1, 2, 3, 4])
  const minute = (at: number): UnixMs => (OPEN_MS + at * MINUTE_MS) as UnixMs
  const { table } = await read(dataDir, { symbol: SYMBOL, fromMs: minute(1), toMs: minute(3) })
  expect(startsOf(table)).toEqual([1, 2])
  expect(new Set(rowsOf(table).map((candle) => candle.symbol))).toEqual(new Set([SYMBOL]))
})

test('a symbol is data: no text in it changes the question', async () => {
  const dataDir = liveLake([0])
  for (const symbol of ["' OR '1'='1", "x'; DROP TABLE y; --", '$symbol', '', '%', '../../x']) {
    expect((await read(dataDir, { symbol })).table.columns.rowCount, symbol).toBe(0)
  }
})

test('a data directory may have any name, and only its own files are read', async () => {
  // A reader that takes folders for columns would find a column here.
  const parent = join(tempFolder(), 'symbol=Z')
  // Read as a pattern, the first name means the second folder.
  const odd = liveLake([0], join(parent, "it's [a] *lake?"))
  liveLake([1], join(parent, "it's a xlakey"))
  const { table } = await read(odd, { symbol: SYMBOL })
  expect(startsOf(table)).toEqual([0])
})

test('files of a crash, or of somebody else, in the folder of the parts are never read', async () => {
  const dataDir = liveLake([0])
  const dir = join(dataDir, partsDir(DAY))
  for (const name of ['0916.parquet.tmp', '.0916.parquet', 'old.parquet', '0916.json']) {
    writeFileSync(join(dir, name), 'not Parquet')
  }
  expect(startsOf((await read(dataDir, { symbol: SYMBOL })).table)).toEqual([0])
})

test('a date without candles is told with the dates there are', async () => {
  const dataDir = liveLake([0])
  const missing = { fromDate: '2026-07-02' as MarketDate, toDate: '2026-07-02' as MarketDate }
  await expect(read(dataDir, missing)).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('there are 2026-07-01'),
  })
  await expect(read(tempFolder())).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('holds no candles yet'),
  })
  await expect(read(dataDir, { fromDate: '../..' as MarketDate })).rejects.toMatchObject({ code: 'USAGE' })
})

test('a range takes the dates that exist', async () => {
  const dataDir = liveLake([0])
  mkdirSync(join(dataDir, settledDir({ market: 'in', date: '2026-07-02' as MarketDate })), {
    recursive: true,
  })
  expect(candleDates(dataDir, 'in')).toEqual([DAY.date])
  const range = { fromDate: '2026-06-01' as MarketDate, toDate: '2026-07-31' as MarketDate }
  expect((await read(dataDir, range)).days).toEqual([{ date: DAY.date, origin: 'live' }])
})

test('a published file that is gone is an error, not a shorter answer', async () => {
  const dataDir = liveLake([0, 1, 2])
  rmSync(join(dataDir, pathOf({ kind: 'part', day: DAY, hhmm: '0916' })))
  await expect(read(dataDir)).rejects.toMatchObject({
    code: 'VERIFY_FAILED',
    message: expect.stringContaining('0916.parquet'),
  })
  publisherAt(dataDir, INSTRUMENTS).publish(settled(0))
  expect(startsOf((await read(dataDir, { symbol: SYMBOL })).table)).toEqual([0, 1, 2])
  rmSync(join(dataDir, pathOf({ kind: 'day', day: DAY })))
  await expect(read(dataDir)).rejects.toMatchObject({ code: 'VERIFY_FAILED' })
})

test('a damaged file is told as such', async () => {
  const dataDir = liveLake([0, 1])
  writeFileSync(
    join(dataDir, pathOf({ kind: 'part', day: DAY, hhmm: '0916' })),
    'PAR1 and not much more PAR1',
  )
  await expect(read(dataDir)).rejects.toMatchObject({
    code: 'PARQUET_INVALID',
    message: expect.stringContaining('chandler verify'),
  })
})

test('wider candles are whole even where the interval cuts them', async () => {
  const dataDir = liveLake(Array.from({ length: 12 }, (_, minute) => minute))
  const every = { minutes: 5, anchorMsOf: () => OPEN_MS }
  const fromMs = (OPEN_MS + 6 * MINUTE_MS) as UnixMs
  const toMs = (OPEN_MS + 7 * MINUTE_MS) as UnixMs
  const whole = await read(dataDir, { symbol: SYMBOL, every })
  expect(startsOf(whole.table)).toEqual([0, 5, 10])
  const cut = await read(dataDir, { symbol: SYMBOL, every, fromMs, toMs })
  expect(rowsOf(cut.table)).toEqual(rowsOf(whole.table).slice(1, 2))
})

test('DuckDB is loaded when candles are read, and not before', () => {
  const dataDir = liveLake([0])
  const child = join(import.meta.dirname, 'child.ts')
  expect(execFileSync(process.execPath, [child, 'read', dataDir]).toString()).toBe('false\ntrue\n')
})
