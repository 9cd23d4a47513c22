import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import { readParquet } from 'parquet-wasm'
import { afterEach, expect, test } from 'vitest'
import { MARKET_DAYS } from './market-days.ts'
import { adjustedBar, type Bar, bar, differing, queryRows, RawLake } from './raw-lake.ts'

const DAILY_GLOB = 'analytics/us/candles/frequency=1d/**/*.parquet'
const VINTAGE_GLOB = 'analytics/us/vintages/frequency=1d/**/*.parquet'
const FINDING_GLOB = 'analytics/us/findings/findings.parquet'

const lakes: RawLake[] = []

function newLake(): RawLake {
  const lake = new RawLake()
  lakes.push(lake)
  return lake
}

afterEach(() => {
  for (const lake of lakes.splice(0)) lake.remove()
})

async function closes(lake: RawLake, symbol = 'AAA'): Promise<Record<string, number>> {
  const rows = await lake.rows(DAILY_GLOB, `where symbol = '${symbol}' order by timestamp`)
  return Object.fromEntries(rows.map((row) => [String(row.timestamp).slice(0, 10), Number(row.close)]))
}

async function findings(lake: RawLake): Promise<readonly string[]> {
  const rows = await lake.rows(FINDING_GLOB, 'order by kind, symbol, timestamp')
  return rows.map((row) => `${row.kind} ${row.symbol} ${String(row.timestamp).slice(0, 10)} ${row.detail}`)
}

test('a lake that grew day by day is byte for byte the one that is rebuilt from raw', async () => {
  const grown = newLake()
  for (const day of MARKET_DAYS) {
    day(grown)
    await grown.curate()
  }
  const tree = grown.tree()
  expect((await grown.curate()).files).toEqual([])
  grown.forget('staging', 'analytics')
  await grown.curate({ limits: { threadCount: 1 } })
  expect(differing(grown.tree(), tree)).toEqual([])
  grown.forget('analytics')
  const report = await grown.curate()
  expect(report.staged.batchCount).toBe(0)
  expect(differing(grown.tree(), tree)).toEqual([])
})

test('answers that are found late take their place in the order of fetching', async () => {
  const orderly = newLake()
  for (const day of MARKET_DAYS) day(orderly)
  await orderly.curate()
  const late = newLake()
  for (const at of [0, 3, 1, 2]) {
    MARKET_DAYS[at]!(late)
    await late.curate()
  }
  expect(differing(late.tree(), orderly.tree())).toEqual([])
})

test('daily candles have exactly the columns of the contract, in milliseconds of UTC', async () => {
  const lake = newLake()
  MARKET_DAYS[0]!(lake)
  const { files } = await lake.curate()
  for (const path of files.filter((file) => file.endsWith('.parquet'))) {
    const bytes = readFileSync(join(lake.dataDir, path))
    const decoded = tableFromIPC(readParquet(bytes).intoIPCStream())
    const [counted] = await lake.rows(path, 'select count(*)::integer as n')
    expect([path, decoded.numRows]).toEqual([path, counted!.n])
    const pages = await queryRows(
      `select distinct compression, stats_min_value is not null or num_values = stats_null_count as told
       from parquet_metadata('${join(lake.dataDir, path)}') where num_values > 0`,
    )
    if (decoded.numRows > 0) expect([path, pages]).toEqual([path, [{ compression: 'ZSTD', told: true }]])
    if (!path.includes('candles/frequency=1d')) continue
    expect(decoded.schema.fields.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'symbol Utf8',
      'timestamp Timestamp<MILLISECOND, UTC>',
      'open Float64',
      'high Float64',
      'low Float64',
      'close Float64',
      'volume Int64',
      'adj_close Float64',
      'dividend_amt Float64',
      'split_coef Float64',
      'source Utf8',
      'fetched_at Timestamp<MILLISECOND, UTC>',
    ])
  }
  const [first] = await lake.rows(DAILY_GLOB)
  expect(first).toMatchObject({ symbol: 'AAA', timestamp: '2025-12-29 00:00:00+00', volume: '1000' })
})

test('a restated candle is replaced, its older vintages stay readable and are reported', async () => {
  const lake = newLake()
  lake.daily('AAA', '2026-01-05 18:00', [bar('2026-01-05', 10)])
  lake.daily('AAA', '2026-01-06 18:00', [bar('2026-01-05', 11)])
  await lake.curate()
  lake.daily('AAA', '2026-01-07 18:00', [bar('2026-01-05', 10)])
  lake.daily('AAA', '2026-01-08 18:00', [bar('2026-01-05', 10)])
  const report = await lake.curate()
  expect(report.candles).toEqual({ newCount: 0, restatedCount: 1 })
  expect(await closes(lake)).toEqual({ '2026-01-05': 10 })
  const older = await lake.rows(VINTAGE_GLOB, 'order by revision')
  expect(older.map(({ revision, close, superseded_at }) => [revision, close, superseded_at])).toEqual([
    [0, 10, '2026-01-06 23:00:00+00'],
    [1, 11, '2026-01-07 23:00:00+00'],
  ])
  const told = JSON.parse(readFileSync(join(lake.dataDir, 'analytics/us/restatements.json'), 'utf8'))
  expect(told.counts).toEqual({ '1d': 2 })
  expect(told.newest).toHaveLength(2)
})

const BAD_BARS: readonly (readonly [flaw: string, bar: Bar])[] = [
  ['a price is no number', ['2026-01-06', Number.NaN, 2, 1, 1, 5]],
  ['a price is no number', ['2026-01-06', 1, Number.POSITIVE_INFINITY, 1, 1, 5]],
  ['the volume is no number', ['2026-01-06', 1, 2, 1, 1, Number.NaN]],
  ['a price is not positive', ['2026-01-06', 1, 2, -1, 1, 5]],
  ['a price is not positive', ['2026-01-06', 0, 2, 0, 1, 5]],
  ['the volume is negative', ['2026-01-06', 1, 2, 1, 1, -5]],
  ['the volume is no whole number of shares', ['2026-01-06', 1, 2, 1, 1, 5.5]],
  ['the high is below another price', ['2026-01-06', 3, 2, 1, 1, 5]],
  ['the low is above another price', ['2026-01-06', 3, 4, 2, 1, 5]],
  ['not a session of the market', ['2026-01-03', 1, 2, 1, 1, 5]],
]

test('a row that no session can have never becomes canonical, and a finding says why', async () => {
  const lake = newLake()
  for (const at of BAD_BARS.keys()) {
    lake.daily(`BAD${at}`, '2026-01-06 18:00', [bar('2026-01-05', 10), bar('2026-01-06', 20)])
  }
  await lake.curate()
  for (const [at, [, bad]] of BAD_BARS.entries()) {
    lake.daily(`BAD${at}`, '2026-01-07 18:00', [bar('2026-01-05', 10), bad, bar('2026-01-07', 30)])
  }
  await lake.curate()
  const told = await findings(lake)
  for (const [at, [flaw, bad]] of BAD_BARS.entries()) {
    expect(await closes(lake, `BAD${at}`)).toEqual({ '2026-01-05': 10, '2026-01-06': 20, '2026-01-07': 30 })
    expect(told).toContain(`bad_row BAD${at} ${bad[0]} ${flaw}`)
  }
})

test('a bar dated after its fetch never becomes canonical, and a finding says so', async () => {
  const lake = newLake()
  lake.daily('AAA', '2026-01-07 18:00', [bar('2026-01-07', 10), bar('2026-01-08', 11)])
  lake.daily('BBB', '2026-01-07 12:00', [bar('2026-01-06', 10), bar('2026-01-07', 11)])
  await lake.curate()
  expect(await closes(lake)).toEqual({ '2026-01-07': 10 })
  expect(await findings(lake)).toEqual(['future_row AAA 2026-01-08 dated after the fetch'])
})

test('a bar that an answer has twice never becomes canonical', async () => {
  const lake = newLake()
  lake.daily('AAA', '2026-01-07 18:00', [bar('2026-01-06', 10), bar('2026-01-06', 11), bar('2026-01-07', 12)])
  await lake.curate()
  expect(await closes(lake)).toEqual({ '2026-01-07': 12 })
  expect(await findings(lake)).toEqual(['bad_row AAA 2026-01-06 the answer has this bar more than once'])
})

test('the bar of a session that was still running waits for an answer from after its end', async () => {
  const lake = newLake()
  lake.daily('AAA', '2026-01-06 12:00', [bar('2026-01-05', 10), bar('2026-01-06', 11)])
  await lake.curate()
  expect(await closes(lake)).toEqual({ '2026-01-05': 10 })
  expect(await findings(lake)).toEqual([])
  lake.daily('AAA', '2026-01-06 16:20', [bar('2026-01-05', 10), bar('2026-01-06', 12)])
  await lake.curate()
  expect(await closes(lake)).toEqual({ '2026-01-05': 10, '2026-01-06': 12 })
})

test('a bar of 5 minutes waits for its end, the newest of an answer for that of the session', async () => {
  const lake = newLake()
  const rows = ['09:30', '09:35', '09:40'].map((time) => `2026-01-06 ${time},10,11,9,10,500\n`).join('')
  lake.add('TIME_SERIES_INTRADAY', 'AAA', '2026-01-06 09:46', rows, 'recent')
  await lake.curate()
  const glob = 'analytics/us/candles/frequency=5m/**/*.parquet'
  const starts = async () => (await lake.rows(glob)).map(({ timestamp }) => String(timestamp).slice(11, 16))
  expect(await starts()).toEqual(['14:30', '14:35'])
  lake.add('TIME_SERIES_INTRADAY', 'AAA', '2026-01-06 17:00', rows, 'recent')
  await lake.curate()
  expect(await starts()).toEqual(['14:30', '14:35', '14:40'])
})

test('an answer without rows, refused, or lacking sessions replaces nothing and is told', async () => {
  const lake = newLake()
  lake.daily('AAA', '2026-01-07 18:00', [bar('2026-01-05', 10), bar('2026-01-06', 11), bar('2026-01-07', 12)])
  await lake.curate()
  lake.daily('AAA', '2026-01-08 18:00', [])
  lake.add('TIME_SERIES_DAILY', 'AAA', '2026-01-08 18:01', 'refused')
  lake.daily('AAA', '2026-01-08 18:02', [bar('2026-01-05', 10), bar('2026-01-07', 12), bar('2026-01-08', 13)])
  lake.splits('AAA', '2026-01-08 18:03', [])
  await lake.curate()
  expect(Object.values(await closes(lake))).toEqual([10, 11, 12, 13])
  expect(await findings(lake)).toEqual([
    'empty_answer AAA null TIME_SERIES_DAILY compact: no_data, an answer without rows',
    'lost_row AAA 2026-01-06 the answer covers this time and lacks it; what we hold stays',
    'refused_answer AAA null TIME_SERIES_DAILY compact: not_understood, no table',
  ])
})

test('a full history that begins later than ours loses nothing, and the lost sessions are told', async () => {
  const lake = newLake()
  lake.daily('AAA', '2026-01-07 18:00', [bar('2019-01-07', 9), bar('2026-01-05', 10), bar('2026-01-06', 11)])
  await lake.curate()
  lake.daily('AAA', '2026-01-08 18:00', [bar('2026-01-06', 11), bar('2026-01-07', 12)], 'full')
  await lake.curate()
  expect(Object.values(await closes(lake))).toEqual([9, 10, 11, 12])
  expect((await findings(lake)).map((text) => text.slice(0, 23))).toEqual([
    'lost_row AAA 2019-01-07',
    'lost_row AAA 2026-01-05',
  ])
})

test('a split or dividend adjusts all of the past, in the files of other years too', async () => {
  const lake = newLake()
  lake.daily('AAA', '2026-01-07 18:00', [bar('2019-01-07', 40), bar('2026-01-05', 50), bar('2026-01-06', 60)])
  lake.splits('AAA', '2026-01-07 18:01', [['2026-01-06', 2]])
  lake.dividends('AAA', '2026-01-07 18:02', [
    ['2026-01-05', 4],
    ['2026-01-08', 6],
  ])
  await lake.curate()
  const adjusted = async () => (await lake.rows(DAILY_GLOB, 'order by timestamp')).map((row) => row.adj_close)
  expect(await adjusted()).toEqual([40 * 0.5 * 0.9, 25, 60])
  lake.daily('AAA', '2026-01-08 18:00', [bar('2026-01-08', 55)])
  await lake.curate()
  expect(await adjusted()).toEqual([40 * (0.9 * 0.5 * 0.9), 50 * (0.9 * 0.5), 60 * 0.9, 55])
  const [, , , last] = await lake.rows(DAILY_GLOB, 'order by timestamp')
  expect(last).toMatchObject({ dividend_amt: 6, split_coef: 1 })
})

test("a vendor's adjusted close that its splits and dividends do not explain is a finding", async () => {
  const lake = newLake()
  lake.adjusted('AAA', '2026-01-07 18:00', [
    adjustedBar('2026-01-05', 100, 98),
    adjustedBar('2026-01-06', 100, 98),
    adjustedBar('2026-01-07', 100, 100, 1),
  ])
  await lake.curate()
  expect(await findings(lake)).toEqual([
    "adjustment_disagrees AAA 2026-01-07 the vendor's adjusted close steps by 0.98, our factor is 0.99",
  ])
})

test('where daily rows and SPLITS or DIVIDENDS differ, the latter hold and a finding says so', async () => {
  const lake = newLake()
  lake.adjusted('AAA', '2026-01-07 18:00', [
    adjustedBar('2026-01-05', 100, 49),
    adjustedBar('2026-01-06', 50, 49, 0, 4),
    adjustedBar('2026-01-07', 50, 50, 1),
  ])
  lake.splits('AAA', '2026-01-08 09:00', [['2026-01-06', 2]])
  lake.dividends('AAA', '2026-01-08 09:00', [['2025-11-03', 1]])
  await lake.curate()
  const rows = await lake.rows(DAILY_GLOB, 'order by timestamp')
  expect(rows.map(({ adj_close }) => adj_close)).toEqual([50, 50, 50])
  expect(await findings(lake)).toEqual([
    'action_disagrees AAA 2026-01-06 split of 4.0 in the daily row, 2.0 in SPLITS, which holds',
    'action_disagrees AAA 2026-01-07 dividend of 1.0 in the daily row ' +
      'is unknown to the answer about dividends, which holds',
    "adjustment_disagrees AAA 2026-01-07 the vendor's adjusted close steps by 0.98, our factor is 1.0",
  ])
})

test('a lake of a newer version is refused and left alone', async () => {
  const lake = newLake()
  MARKET_DAYS[0]!(lake)
  await lake.curate()
  const marker = join(lake.dataDir, 'analytics/us/curation.json')
  writeFileSync(marker, readFileSync(marker, 'utf8').replace('curation.v1', 'curation.v2'))
  const tree = lake.tree()
  MARKET_DAYS[1]!(lake)
  await expect(lake.curate()).rejects.toMatchObject({ code: 'LAKE_NEWER' })
  expect(differing(lake.tree(), tree)).toEqual([])
})

test('a damaged file of the lake is one clear error, and without it the lake is made again', async () => {
  const lake = newLake()
  MARKET_DAYS[0]!(lake)
  await lake.curate()
  const tree = lake.tree()
  const claims = join(lake.dataDir, 'analytics/us/vintages/actions/claims.parquet')
  writeFileSync(claims, 'not a table')
  await expect(lake.curate()).rejects.toMatchObject({ code: 'PARQUET_INVALID' })
  lake.forget('staging', 'analytics')
  await lake.curate()
  expect(differing(lake.tree(), tree)).toEqual([])
})
