/** What did companies do to their shares? SPLITS and DIVIDENDS: a list under `data`, or a CSV. */
import type { BatchAnswer, BatchWish, DividendRow, SplitRow } from '../../domain/batch.ts'
import { decimalOf } from './decimal.ts'
import { isAnotherSymbol } from './json-rows.ts'
import { ascending } from './order.ts'
import { refusalOfBody } from './refusals.ts'
import { isDate } from './stamps.ts'
import { readTable } from './table.ts'
import { isObject, type JsonObject, parseJson, type Refused, refuse } from './words.ts'

const SPLIT_NAMES = ['effective_date', 'split_factor']
const DIVIDEND_NAMES = ['ex_dividend_date', 'amount']

export function readSplits(wish: BatchWish, body: string): BatchAnswer<readonly SplitRow[]> {
  const rows = rowsOf(wish, body, SPLIT_NAMES)
  if (!rows.ok) return rows
  const splits: SplitRow[] = []
  for (const { effective_date: date, split_factor: told } of rows.value) {
    const factor = decimalOf(told)
    if (!isDateText(date)) return refuse('not_understood', 'a split without a date')
    if (!(factor > 0)) return refuse('not_understood', `${date}: a split factor that is no factor`)
    splits.push({ date, factor })
  }
  const ordered = ascending(splits, (left, right) => order(left.date, right.date))
  if (ordered === null) return refuse('not_understood', 'two different splits on one date')
  return { ok: true, value: ordered }
}

/** A row that stands there twice is one payment; different rows of one ex-date are two, and add up. */
export function readDividends(wish: BatchWish, body: string): BatchAnswer<readonly DividendRow[]> {
  const rows = rowsOf(wish, body, DIVIDEND_NAMES)
  if (!rows.ok) return rows
  const payments = new Map<string, DividendRow>()
  for (const row of rows.value) {
    const exDate = row.ex_dividend_date
    const amount = decimalOf(row.amount)
    if (!isDateText(exDate)) return refuse('not_understood', 'a dividend without its ex-date')
    if (!(amount >= 0)) return refuse('not_understood', `${exDate}: an amount that is no amount`)
    payments.set(JSON.stringify(row), { exDate, amount })
  }
  return { ok: true, value: sumByDate([...payments.values()]) }
}

/** Rounded far below a cent: the sum of 1.69 and 5 is 6.69, not what binary fractions make of it. */
function sumByDate(payments: readonly DividendRow[]): readonly DividendRow[] {
  const byDate = Map.groupBy(payments, ({ exDate }) => exDate)
  const sums = [...byDate].map(([exDate, some]) => ({
    exDate,
    amount: some.length === 1 ? some[0]!.amount : sumOf(some.map(({ amount }) => amount)),
  }))
  return sums.sort((left, right) => order(left.exDate, right.exDate))
}

function sumOf(amounts: readonly number[]): number {
  return Number(amounts.reduce((sum, amount) => sum + amount, 0).toFixed(9))
}

function rowsOf(
  wish: BatchWish,
  body: string,
  names: readonly string[],
): { readonly ok: true; readonly value: readonly JsonObject[] } | Refused {
  const refused = refusalOfBody(body, wish.format)
  if (refused !== null) return refused
  return wish.format === 'csv' ? readTable(body, names) : readList(wish, body)
}

function readList(wish: BatchWish, body: string): BatchAnswer<readonly JsonObject[]> {
  const object = parseJson(body)
  const list = isObject(object) ? object.data : undefined
  if (!isObject(object) || !Array.isArray(list)) return refuse('not_understood', 'no list of data')
  if (isAnotherSymbol(object, wish.symbol)) return refuse('not_understood', 'an answer for another symbol')
  const rows: readonly unknown[] = list
  if (!rows.every(isObject)) return refuse('not_understood', 'a list with something else in it')
  return { ok: true, value: rows }
}

function isDateText(value: unknown): value is SplitRow['date'] {
  return typeof value === 'string' && isDate(value)
}

function order(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
