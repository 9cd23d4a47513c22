/**
 * How are candles of sessions written down? As an aligned table that has the price as it was traded beside
 * the one that compares across splits and dividends; as CSV and JSON under the contract's names, in its
 * order.
 */
import type { DailyCandle, IntradayCandle } from '../domain/daily-candle.ts'
import { splitText } from './chart-actions.ts'
import { formatCount, formatMarketDate, formatMarketMinute, formatPrice, priceDigitsOf } from './figures.ts'
import { cleanText, cutLine } from './line.ts'
import { csvLines, renderTable, safeJson, type TableColumn, type TableOptions } from './table.ts'

const LEFT = (title: string): TableColumn => ({ title, align: 'left' })
const RIGHT = (title: string): TableColumn => ({ title, align: 'right' })

/** More digits of an adjusted price are what division leaves. */
const DIGITS_MAX = 4

/** One line a candle. Columns for dividends and splits are there where there is one. */
export function renderDailyTable(
  rows: readonly DailyCandle[],
  title: string,
  options: TableOptions = {},
): string {
  const prices = rows.flatMap(({ open, high, low, close }) => [open, high, low, close])
  const digits = Math.min(DIGITS_MAX, priceDigitsOf(prices))
  const hasDividend = rows.some(({ dividend }) => dividend !== 0)
  const hasSplit = rows.some(({ split }) => split !== 1)
  const columns = [
    LEFT('date'),
    ...['open', 'high', 'low', 'close', 'adj_close', 'volume'].map(RIGHT),
    ...(hasDividend ? [RIGHT('dividend')] : []),
    ...(hasSplit ? [RIGHT('split')] : []),
  ]
  const cells = rows.map((row) => [
    row.date,
    ...[row.open, row.high, row.low, row.close].map((price) => formatPrice(price, digits)),
    formatPrice(row.adjustedClose, DIGITS_MAX),
    formatCount(row.volume),
    ...(hasDividend ? [row.dividend === 0 ? '' : String(row.dividend)] : []),
    ...(hasSplit ? [row.split === 1 ? '' : splitText(row.split)] : []),
  ])
  return captioned(title, rows, renderTable(columns, cells, options), options)
}

/** `utcOffsetMsAt`: what the market's clocks show ahead of UTC at a moment. */
export function renderIntradayTable(
  rows: readonly IntradayCandle[],
  title: string,
  utcOffsetMsAt: (ms: IntradayCandle['timestampMs']) => number,
  options: TableOptions = {},
): string {
  const prices = rows.flatMap(({ open, high, low, close }) => [open, high, low, close])
  const digits = Math.min(DIGITS_MAX, priceDigitsOf(prices))
  const columns = [
    LEFT('date'),
    LEFT('time'),
    ...['open', 'high', 'low', 'close', 'volume'].map((name) => RIGHT(name)),
  ]
  const cells = rows.map((row) => {
    const utcOffsetMs = utcOffsetMsAt(row.timestampMs)
    return [
      formatMarketDate(row.timestampMs, utcOffsetMs),
      formatMarketMinute(row.timestampMs, utcOffsetMs),
      ...[row.open, row.high, row.low, row.close].map((price) => formatPrice(price, digits)),
      formatCount(row.volume),
    ]
  })
  return captioned(title, rows, renderTable(columns, cells, options), options)
}

function captioned(
  title: string,
  rows: readonly { readonly source: string }[],
  table: string,
  { widthColumns = Number.POSITIVE_INFINITY }: TableOptions,
): string {
  const sources = [...new Set(rows.map(({ source }) => source))].join(', ')
  return `${cutLine(cleanText(`${title}, ${sources}`), widthColumns)}\n${table}`
}

type Cell = string | number | null

/** The contract's columns, in order. */
function dailyRecord(row: DailyCandle): Readonly<Record<string, Cell>> {
  return {
    ...pricesRecord(row),
    adj_close: row.adjustedClose,
    dividend_amt: row.dividend,
    split_coef: row.split,
    ...originRecord(row),
  }
}

function intradayRecord(row: IntradayCandle): Readonly<Record<string, Cell>> {
  return { ...pricesRecord(row), ...originRecord(row) }
}

function pricesRecord(row: IntradayCandle): Readonly<Record<string, Cell>> {
  const { symbol, timestampMs, open, high, low, close, volume } = row
  return { symbol, timestamp: isoOf(timestampMs), open, high, low, close, volume }
}

function originRecord({ source, fetchedAtMs }: IntradayCandle): Readonly<Record<string, Cell>> {
  return { source, fetched_at: isoOf(fetchedAtMs) }
}

function recordsOf(
  rows: readonly DailyCandle[] | readonly IntradayCandle[],
): Readonly<Record<string, Cell>>[] {
  return rows.map((row) => ('adjustedClose' in row ? dailyRecord(row as DailyCandle) : intradayRecord(row)))
}

/** RFC 4180 with a header and LF line ends, no final line end; `rows` is not empty. */
export function historyToCsv(rows: readonly DailyCandle[] | readonly IntradayCandle[]): string {
  const records = recordsOf(rows)
  return csvLines(Object.keys(records[0]!), records)
}

/** One JSON array, one candle a line. No final line end. */
export function historyToJson(rows: readonly DailyCandle[] | readonly IntradayCandle[]): string {
  return `[\n${recordsOf(rows).map(safeJson).join(',\n')}\n]`
}

function isoOf(timeMs: number): string {
  return new Date(timeMs).toISOString()
}
