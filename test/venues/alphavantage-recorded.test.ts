/** Is every recorded answer of the vendor read as what it says, or named as what it is? */
import { globSync } from 'node:fs'
import { relative } from 'node:path'
import { expect, test } from 'vitest'
import type { BatchFunction, BatchWish } from '../../src/domain/batch.ts'
import { alphavantage } from '../../src/venues/alphavantage/index.ts'
import {
  AV_DATA_ABSENT,
  KEY,
  kindOf,
  needsAvData,
  read,
  recorded,
  recordedDir,
  replyOf,
  wishFor,
} from './alphavantage-samples.ts'

const recordedTest = test.skipIf(AV_DATA_ABSENT)

type Expected = {
  readonly path: string
  readonly wish: BatchWish
  readonly rowCount: number
  /** First and last row as text: every value of them is checked. */
  readonly first: string
  readonly last: string
}

const DAILY: readonly (Expected & { readonly refreshed: string | null })[] = [
  {
    path: 'portfoliotree/TIME_SERIES_DAILY_42a08190.csv',
    wish: wishFor('TIME_SERIES_DAILY'),
    rowCount: 100,
    first: '2025-12-22 301.03 303.18 298.32 302.79 2612100 null null null',
    last: '2026-05-15 218.2 220.91 217.615 219.3 6154450 null null null',
    refreshed: null,
  },
  {
    path: 'portfoliotree/TIME_SERIES_DAILY_ADJUSTED_572d0539.csv',
    wish: wishFor('TIME_SERIES_DAILY_ADJUSTED'),
    rowCount: 100,
    first: '2025-12-22 301.03 303.18 298.32 302.79 2612100 298.85821743109733 0 1',
    last: '2026-05-15 218.2 220.91 217.615 219.3 6154450 219.3 0 1',
    refreshed: null,
  },
  {
    path: 'crazzyghost/daily.json',
    wish: wishFor('TIME_SERIES_DAILY', 'IBM', 'json'),
    rowCount: 2,
    first: '2020-05-07 122.98 123.26 120.85 121.23 4412047 null null null',
    last: '2020-05-08 122.67 122.8 121.06 121.79 2538547 null null null',
    refreshed: '2020-05-08 14:07:03',
  },
  {
    path: 'crazzyghost/dailyadjusted.json',
    wish: wishFor('TIME_SERIES_DAILY_ADJUSTED', 'IBM', 'json'),
    rowCount: 2,
    first: '2020-05-07 122.98 123.26 120.85 121.23 4412047 121.23 1.63 1',
    last: '2020-05-08 122.67 122.8 121.06 121.805 2542577 121.805 0 1',
    refreshed: '2020-05-08 14:07:57',
  },
]

for (const { path, wish, rowCount, first, last, refreshed } of DAILY) {
  recordedTest(`${path} holds ${rowCount} sessions${needsAvData}`, () => {
    const body = recorded(path)
    expect(alphavantage.judge(wish, replyOf(body), KEY)).toEqual({ ok: true, value: body })
    const series = read(alphavantage.readDaily(wish, body))
    expect(series.bars).toHaveLength(rowCount)
    const texts = series.bars.map((bar) =>
      [
        bar.date,
        bar.open,
        bar.high,
        bar.low,
        bar.close,
        bar.volume,
        bar.adjustedClose,
        bar.dividend,
        bar.split,
      ]
        .map(String)
        .join(' '),
    )
    expect(texts[0]).toBe(first)
    expect(texts.at(-1)).toBe(last)
    expect(texts).toEqual(texts.toSorted())
    expect(series.refreshed).toBe(refreshed)
  })
}

const INTRADAY: readonly (Expected & { readonly convention: string; readonly minutes: number })[] = [
  {
    path: 'portfoliotree/TIME_SERIES_INTRADAY_3dbdcdc7.csv',
    wish: wishFor('TIME_SERIES_INTRADAY'),
    rowCount: 100,
    convention: 'start',
    minutes: 5,
    first: '2026-05-15T15:40:00.000Z 217.98 218.42 217.96 218.14 62832',
    last: '2026-05-15T23:55:00.000Z 219.03 219.03 219 219 158',
  },
  {
    path: 'portfoliotree/testdata_intraday_5min_IBM.csv',
    wish: wishFor('TIME_SERIES_INTRADAY'),
    rowCount: 100,
    convention: 'end',
    minutes: 5,
    first: '2020-08-20T21:05:00.000Z 123.15 123.15 123.15 123.15 2916',
    last: '2020-08-21T23:35:00.000Z 123.17 123.17 123.17 123.17 825',
  },
  {
    path: 'romeltorres/mock_time_series_extended',
    wish: wishFor('TIME_SERIES_INTRADAY', 'MSFT'),
    rowCount: 11_190,
    convention: 'end',
    minutes: 1,
    first: '2020-11-23T09:00:00.000Z 211.5 211.5 211.5 211.5 162',
    last: '2020-12-19T00:59:00.000Z 218.79 218.79 218.75 218.75 1102',
  },
]

for (const { path, wish, rowCount, first, last, convention, minutes } of INTRADAY) {
  recordedTest(`${path} stamps the ${convention} of ${rowCount} bars${needsAvData}`, () => {
    const series = read(alphavantage.readIntraday(wish, recorded(path)))
    expect(series).toMatchObject({ convention, intervalMinutes: minutes })
    expect(series.bars).toHaveLength(rowCount)
    const texts = series.bars.map(({ timestampMs, open, high, low, close, volume }) =>
      [new Date(timestampMs).toISOString(), open, high, low, close, volume].join(' '),
    )
    expect(texts[0]).toBe(first)
    expect(texts.at(-1)).toBe(last)
    expect(texts).toEqual(texts.toSorted())
  })
}

recordedTest(`a recorded answer that does not show its convention gives no bars${needsAvData}`, () => {
  const cases = [
    ['crazzyghost/intraday.json', 'IBM', 5],
    ['romeltorres/mock_time_series', 'MSFT', 1],
  ] as const
  for (const [path, symbol, intervalMinutes] of cases) {
    const wish = wishFor('TIME_SERIES_INTRADAY', symbol, 'json')
    const series = read(alphavantage.readIntraday(wish, recorded(path)))
    expect(series).toEqual({ convention: 'unknown', intervalMinutes, bars: [] })
  }
})

recordedTest(
  `the opening auction of the recordings lies at 09:30 once the stamps are starts${needsAvData}`,
  () => {
    const wish = wishFor('TIME_SERIES_INTRADAY', 'MSFT')
    const { bars } = read(alphavantage.readIntraday(wish, recorded('romeltorres/mock_time_series_extended')))
    const auction = bars.find(({ timestampMs }) => timestampMs === Date.parse('2020-12-18T09:30:00-05:00'))
    expect(auction?.volume).toBe(6_499_753)
  },
)

recordedTest(`13,411 recorded listings are all read${needsAvData}`, () => {
  const body = recorded('portfoliotree/LISTING_STATUS_42ba3c24.csv')
  const wish = wishFor('LISTING_STATUS')
  expect(kindOf(alphavantage.judge(wish, replyOf(body), KEY))).toBe('ok')
  const rows = read(alphavantage.readListing(wish, body))
  expect(rows).toHaveLength(13_411)
  const counted = (name: 'exchange' | 'assetType' | 'status'): Record<string, number> =>
    Object.fromEntries([...Map.groupBy(rows, (row) => row[name])].map(([key, some]) => [key, some.length]))
  expect(counted('assetType')).toEqual({ Stock: 8_409, ETF: 5_002 })
  expect(counted('exchange')).toEqual({
    NASDAQ: 5_911,
    NYSE: 3_171,
    'NYSE ARCA': 2_757,
    BATS: 1_179,
    'NYSE MKT': 315,
    AMEX: 78,
  })
  expect(counted('status')).toEqual({ Active: 13_411 })
  expect(rows.filter(({ name }) => name === '')).toHaveLength(63)
  expect(rows.filter(({ name }) => /\s$/.test(name))).toEqual([])
  expect(rows.filter(({ delistingDate }) => delistingDate !== null)).toEqual([])
  expect(rows.filter(({ symbol }) => ['NA', 'NAN', 'TRUE'].includes(symbol)).length).toBeGreaterThanOrEqual(2)
  expect(rows[0]).toEqual({
    symbol: '-P-HIZ',
    name: 'Presurance Holdings Inc',
    exchange: 'NASDAQ',
    assetType: 'Stock',
    ipoDate: '2023-08-30',
    delistingDate: null,
    status: 'Active',
  })
})

recordedTest(`a recorded listing without its last line end is read whole${needsAvData}`, () => {
  const rows = read(
    alphavantage.readListing(
      wishFor('LISTING_STATUS'),
      recorded('portfoliotree/testdata_listing_status.csv'),
    ),
  )
  expect(rows.map(({ symbol }) => symbol)).toEqual([
    'A',
    'AA',
    'AAA',
    'AAAU',
    'AAC',
    'AAC-U',
    'AAC-WS',
    'AACG',
  ])
})

recordedTest(`recorded splits and dividends are all read${needsAvData}`, () => {
  const splits = alphavantage.readSplits(wishFor('SPLITS'), recorded('portfoliotree/SPLITS_358e2618.csv'))
  expect(read(splits)).toEqual([
    { date: '1999-05-27', factor: 2 },
    { date: '2021-11-04', factor: 1.046 },
  ])
  const wish = wishFor('DIVIDENDS')
  const dividends = read(alphavantage.readDividends(wish, recorded('portfoliotree/DIVIDENDS_5b9f5d9f.csv')))
  expect(dividends).toHaveLength(110)
  expect(dividends[0]).toEqual({ exDate: '1999-02-08', amount: 0.22 })
  expect(dividends.at(-1)).toEqual({ exDate: '2026-05-08', amount: 1.69 })
})

recordedTest(`the recorded adjustment is close / (close + dividend) of each ex-date${needsAvData}`, () => {
  const body = recorded('portfoliotree/TIME_SERIES_DAILY_ADJUSTED_572d0539.csv')
  const { bars } = read(alphavantage.readDaily(wishFor('TIME_SERIES_DAILY_ADJUSTED'), body))
  let factor = 1
  for (const { close, adjustedClose, dividend, split } of bars.toReversed()) {
    expect(adjustedClose! / (close * factor)).toBeCloseTo(1, 9)
    factor *= close / (close + dividend!) / split!
  }
})

/** Functions that we never ask for: none may pass for the answer to another question. */
const FOREIGN: readonly (readonly [string, 'csv' | 'json', string])[] = [
  ['portfoliotree/GLOBAL_QUOTE_db7544f0.csv', 'csv', 'not_understood'],
  ['portfoliotree/SYMBOL_SEARCH_c3e00cd4.csv', 'csv', 'not_understood'],
  ['portfoliotree/MARKET_STATUS_b3880d61.json', 'json', 'not_understood'],
  ['portfoliotree/REALTIME_BULK_QUOTES_505ed5cc.json', 'json', 'not_entitled'],
  ['portfoliotree/index.json', 'json', 'not_understood'],
  ['crazzyghost/realtimebulkquote.json', 'json', 'not_entitled'],
  ['crazzyghost/globalquote.json', 'json', 'not_understood'],
  ['crazzyghost/weekly.json', 'json', 'not_understood'],
  ['crazzyghost/weeklyadjusted.json', 'json', 'not_understood'],
  ['crazzyghost/monthly.json', 'json', 'not_understood'],
  ['crazzyghost/monthlyadjusted.json', 'json', 'not_understood'],
  ['romeltorres/global_quote', 'json', 'not_understood'],
  ['romeltorres/symbol_search', 'json', 'not_understood'],
]

for (const [path, format, kind] of FOREIGN) {
  recordedTest(`${path} is ${kind} whatever was asked for${needsAvData}`, () => {
    const body = recorded(path)
    const asked: readonly BatchFunction[] = [
      'TIME_SERIES_DAILY',
      'TIME_SERIES_INTRADAY',
      'SPLITS',
      'DIVIDENDS',
    ]
    for (const name of asked) {
      const wish = wishFor(name, 'IBM', format)
      expect(`${name} ${kindOf(alphavantage.judge(wish, replyOf(body), KEY))}`).toBe(`${name} ${kind}`)
    }
    expect(kindOf(alphavantage.readDaily(wishFor('TIME_SERIES_DAILY', 'IBM', format), body))).toBe(kind)
    expect(kindOf(alphavantage.readIntraday(wishFor('TIME_SERIES_INTRADAY', 'IBM', format), body))).toBe(kind)
    expect(kindOf(alphavantage.readSplits(wishFor('SPLITS', 'IBM', format), body))).toBe(kind)
    expect(kindOf(alphavantage.readDividends(wishFor('DIVIDENDS', 'IBM', format), body))).toBe(kind)
  })
}

const KIND_OF_CLASS: Readonly<Record<string, string>> = {
  rate_day: 'day_limit',
  rate_burst: 'burst',
  premium: 'not_entitled',
  premium_param: 'not_entitled',
  bad_key: 'key_refused',
  bad_call: 'bad_symbol',
  rate_legacy: 'minute_limit',
  empty: 'no_data',
  empty_quote: 'no_data',
}

recordedTest(`every published text of a refusal under status 200 gets its class${needsAvData}`, () => {
  const { bodies } = JSON.parse(recorded('http200_failures.json')) as {
    readonly bodies: readonly { readonly class: string; readonly body: object }[]
  }
  expect(bodies).toHaveLength(10)
  for (const { class: name, body } of bodies) {
    for (const format of ['csv', 'json'] as const) {
      const answer = alphavantage.judge(wishFor('TIME_SERIES_DAILY', 'IBM', format), replyOf(body), KEY)
      expect(`${name} ${kindOf(answer)}`).toBe(`${name} ${KIND_OF_CLASS[name]}`)
    }
  }
})

recordedTest(`no recorded file is left out of these tests${needsAvData}`, () => {
  const covered = new Set([
    ...[...DAILY, ...INTRADAY].map(({ path }) => path),
    ...FOREIGN.map(([path]) => path),
    'crazzyghost/intraday.json',
    'romeltorres/mock_time_series',
    'portfoliotree/LISTING_STATUS_42ba3c24.csv',
    'portfoliotree/testdata_listing_status.csv',
    'portfoliotree/SPLITS_358e2618.csv',
    'portfoliotree/DIVIDENDS_5b9f5d9f.csv',
    'http200_failures.json',
  ])
  const left = globSync(`${recordedDir()}/**/*`, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('LICENSE'))
    .map((entry) => relative(recordedDir(), `${entry.parentPath}/${entry.name}`))
    .filter((path) => !covered.has(path))
  expect(left).toEqual([])
})
