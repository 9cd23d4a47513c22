import { parse } from 'csv-parse/sync'
import { expect, test } from 'vitest'
import type { DailyCandle } from '../../src/domain/daily-candle.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import {
  historyToCsv,
  historyToJson,
  renderDailyTable,
  renderIntradayTable,
} from '../../src/terminal/daily-table.ts'

const FETCHED_MS = Date.parse('2026-03-06T22:00:00Z') as UnixMs

function row(date: string, close: number, rest: Partial<DailyCandle> = {}): DailyCandle {
  return {
    symbol: 'ACME',
    date: date as MarketDate,
    timestampMs: Date.parse(date) as UnixMs,
    open: close - 1,
    high: close + 1,
    low: close - 2,
    close,
    volume: 12_345,
    adjustedClose: close,
    dividend: 0,
    split: 1,
    source: 'alphavantage',
    fetchedAtMs: FETCHED_MS,
    ...rest,
  }
}

const ROWS = [
  row('2026-02-27', 400.5, { adjustedClose: 400.5 / 4 }),
  row('2026-03-02', 101, { split: 4, dividend: 0.25 }),
  row('2026-03-03', 102, { volume: null, adjustedClose: null }),
]

test('the table has raw and adjusted side by side, and columns for what happened', () => {
  expect(`\n${renderDailyTable(ROWS, 'ACME 1d as traded')}\n`).toMatchInlineSnapshot(`
    "
    ACME 1d as traded, alphavantage
    date          open    high     low   close  adj_close  volume  dividend  split
    ──────────  ──────  ──────  ──────  ──────  ─────────  ──────  ────────  ─────
    2026-02-27  399.50  401.50  398.50  400.50   100.1250  12,345
    2026-03-02  100.00  102.00   99.00  101.00   101.0000  12,345      0.25    4:1
    2026-03-03  101.00  103.00  100.00  102.00          –       –
    "
  `)
})

test('without dividends and splits there are no columns for them', () => {
  expect(renderDailyTable([row('2026-02-27', 10)], 'ACME')).not.toMatch(/dividend|split/)
})

test('five-minute candles show the time of the market, on both sides of a change of clocks', () => {
  const rows = ['2026-03-06T14:30:00Z', '2026-03-09T13:30:00Z'].map((text) =>
    row('2026-01-01', 10, { timestampMs: Date.parse(text) as UnixMs }),
  )
  const offsetOf = (ms: number): number => (ms < Date.parse('2026-03-08') ? -5 : -4) * 3_600_000
  const lines = renderIntradayTable(rows, 'ACME 5m', offsetOf).split('\n').slice(3)
  expect(lines.map((line) => line.slice(0, 17))).toEqual(['2026-03-06  09:30', '2026-03-09  09:30'])
})

test("CSV and JSON have the contract's columns in its order, and read back as the same values", () => {
  const names =
    'symbol,timestamp,open,high,low,close,volume,adj_close,dividend_amt,split_coef,source,fetched_at'
  const csv = historyToCsv(ROWS)
  expect(csv.split('\n', 1)).toEqual([names])
  const records = parse(csv, { columns: true }) as Record<string, string>[]
  expect(records.map(({ adj_close }) => adj_close)).toEqual(['100.125', '101', ''])
  const values = JSON.parse(historyToJson(ROWS)) as Record<string, unknown>[]
  expect(Object.keys(values[0]!).join(',')).toBe(names)
  expect(values[1]).toMatchObject({
    symbol: 'ACME',
    timestamp: '2026-03-02T00:00:00.000Z',
    close: 101,
    split_coef: 4,
    dividend_amt: 0.25,
    fetched_at: '2026-03-06T22:00:00.000Z',
  })
  expect(values[2]).toMatchObject({ volume: null, adj_close: null })
})
