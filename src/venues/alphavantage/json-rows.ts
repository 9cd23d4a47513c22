/**
 * Which rows does a JSON of prices hold? An object of rows under a name, values as text, beside meta data.
 */
import type { BatchAnswer } from '../../domain/batch.ts'
import type { Column, TakeRow } from './csv-rows.ts'
import { decimalOf } from './decimal.ts'
import { isObject, type JsonObject, namedText, parseJson, plainName, refuse } from './words.ts'

export type JsonSeries = {
  readonly rows: JsonObject
  /** What stands in the brackets of `Time Series (5min)`. */
  readonly kind: string
  /** `Last Refreshed` as told; null where it is not. */
  readonly refreshed: string | null
}

const SERIES_KEY = /^Time Series \((\w+)\)$/
const ROW_KEY = /"\d{4}-\d\d-\d\d[^"]*"\s*:\s*\{/g

/** Opens the series of a symbol; an answer for another symbol is not understood. */
export function openSeries(body: string, symbol: string): BatchAnswer<JsonSeries> {
  const object = parseJson(body)
  if (!isObject(object)) return refuse('not_understood', 'not a JSON object')
  const meta = isObject(object['Meta Data']) ? object['Meta Data'] : {}
  if (isAnotherSymbol(object, symbol)) return refuse('not_understood', 'an answer for another symbol')
  for (const [key, rows] of Object.entries(object)) {
    const kind = SERIES_KEY.exec(key)?.[1]
    if (kind === undefined || !isObject(rows)) continue
    // Of a name that stands twice JSON keeps the second, and what the first said is lost.
    if ((body.match(ROW_KEY)?.length ?? 0) > Object.keys(rows).length) {
      return refuse('not_understood', 'a time that stands there twice')
    }
    return { ok: true, value: { rows, kind, refreshed: namedText(meta, 'last_refreshed') } }
  }
  return refuse('not_understood', 'no time series')
}

/** Dots, dashes and slashes are spellings of one symbol: BRK.B, BRK-B. An answer may also name none. */
export function isAnotherSymbol(object: JsonObject, symbol: string): boolean {
  const meta = object['Meta Data']
  const told = isObject(meta) ? namedText(meta, 'symbol') : namedText(object, 'symbol')
  return told !== null && spelling(told) !== spelling(symbol)
}

function spelling(symbol: string): string {
  return symbol.trim().toUpperCase().replace(/[./]/g, '-')
}

/** Answers what is wrong, or null. The order of an object's names means nothing. */
export function readJsonRows(rows: JsonObject, columns: readonly Column[], take: TakeRow): string | null {
  const indexOfKey = new Map<string, number>()
  const cells = new Float64Array(columns.length)
  for (const [stamp, row] of Object.entries(rows)) {
    if (!isObject(row)) return `${stamp}: not a row`
    const problem = fillCells(row, columns, cells, indexOfKey) ?? take(stamp, cells)
    if (problem !== null) return `${stamp}: ${problem}`
  }
  return null
}

function fillCells(
  row: JsonObject,
  columns: readonly Column[],
  cells: Float64Array,
  indexOfKey: Map<string, number>,
): string | null {
  cells.fill(Number.NaN)
  for (const [key, value] of Object.entries(row)) {
    let index = indexOfKey.get(key)
    if (index === undefined) {
      index = columns.findIndex(({ name }) => name === plainName(key))
      indexOfKey.set(key, index)
    }
    if (index < 0) continue
    if (!Number.isNaN(cells[index])) return `${key} stands there twice`
    cells[index] = decimalOf(value)
    if (Number.isNaN(cells[index])) return `${key} is not a number`
  }
  const missing = columns.find(({ isRequired }, index) => isRequired && Number.isNaN(cells[index]))
  return missing === undefined ? null : `no ${missing.name}`
}
