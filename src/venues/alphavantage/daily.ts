/** What were the prices of each session? TIME_SERIES_DAILY and TIME_SERIES_DAILY_ADJUSTED, CSV and JSON. */
import type { BatchAnswer, BatchWish, DailyBar, DailySeries } from '../../domain/batch.ts'
import { type Column, readCsvRows, type TakeRow } from './csv-rows.ts'
import { openSeries, readJsonRows } from './json-rows.ts'
import { ascending } from './order.ts'
import { refusalOfBody } from './refusals.ts'
import { isDate } from './stamps.ts'
import { refuse } from './words.ts'

export const PRICE_COLUMNS: readonly Column[] = ['open', 'high', 'low', 'close', 'volume'].map((name) => ({
  name,
  isRequired: true,
}))

const ADJUSTMENT_NAMES = ['adjusted_close', 'dividend_amount', 'split_coefficient']

/** The adjusted function must tell the adjustment; the plain one may not, and then it is null. */
export function dailyColumns(wish: BatchWish): readonly Column[] {
  const isRequired = wish.function === 'TIME_SERIES_DAILY_ADJUSTED'
  return [...PRICE_COLUMNS, ...ADJUSTMENT_NAMES.map((name) => ({ name, isRequired }))]
}

export function readDaily(wish: BatchWish, body: string): BatchAnswer<DailySeries> {
  const refused = refusalOfBody(body, wish.format)
  if (refused !== null) return refused
  return wish.format === 'csv' ? readCsv(wish, body) : readJson(wish, body)
}

function readCsv(wish: BatchWish, body: string): BatchAnswer<DailySeries> {
  const bars: DailyBar[] = []
  return seriesOf(readCsvRows(body, dailyColumns(wish), barTaker(bars)), bars, null)
}

function readJson(wish: BatchWish, body: string): BatchAnswer<DailySeries> {
  const series = openSeries(body, wish.symbol)
  if (!series.ok) return series
  const { rows, kind, refreshed } = series.value
  if (kind !== 'Daily') return refuse('not_understood', `a series of ${kind}, not of days`)
  const bars: DailyBar[] = []
  return seriesOf(readJsonRows(rows, dailyColumns(wish), barTaker(bars)), bars, refreshed)
}

function seriesOf(
  problem: string | null,
  bars: DailyBar[],
  refreshed: string | null,
): BatchAnswer<DailySeries> {
  if (problem !== null) return refuse('not_understood', problem)
  if (bars.length === 0) return refuse('no_data', 'an answer without rows')
  const ordered = ascending(bars, byDate)
  if (ordered === null) return refuse('not_understood', 'two different rows of one date')
  return { ok: true, value: { refreshed, bars: ordered } }
}

function byDate(left: DailyBar, right: DailyBar): number {
  return left.date < right.date ? -1 : left.date > right.date ? 1 : 0
}

/** Whether a price makes sense, such as a negative one, is a question to the checks: here it is read. */
function barTaker(bars: DailyBar[]): TakeRow {
  return (date, cells) => {
    if (!isDate(date)) return 'not a date'
    if (cells[4]! < 0) return 'a negative volume'
    if (cells[6]! < 0) return 'a negative dividend'
    if (cells[7]! <= 0) return 'a split coefficient that is no factor'
    bars.push({
      date,
      open: cells[0]!,
      high: cells[1]!,
      low: cells[2]!,
      close: cells[3]!,
      volume: cells[4]!,
      adjustedClose: toldOrNull(cells[5]!),
      dividend: toldOrNull(cells[6]!),
      split: toldOrNull(cells[7]!),
    })
    return null
  }
}

function toldOrNull(cell: number): number | null {
  return Number.isNaN(cell) ? null : cell
}
