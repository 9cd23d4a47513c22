/**
 * Is a reply worth keeping? Looks at status, shape and words, not at rows: the body of a good answer is kept
 * as it came, but for the key, which the vendor has been seen to repeat.
 */
import type { BatchAnswer, BatchFunction, BatchWish } from '../../domain/batch.ts'
import type { Secret } from '../../domain/secret.ts'
import type { HttpReply } from '../../domain/venue.ts'
import { dailyColumns, PRICE_COLUMNS } from './daily.ts'
import { isAnotherSymbol } from './json-rows.ts'
import { LISTING_NAMES } from './listing.ts'
import { refusalOfBody, refusalOfStatus } from './refusals.ts'
import { INTERVAL_MINUTES } from './requests.ts'
import { isObject, parseJson, plainName, type Refused, redacted, refuse } from './words.ts'

const KEY_OF_DATA: Readonly<Record<BatchFunction, string>> = {
  TIME_SERIES_DAILY: 'Time Series (Daily)',
  TIME_SERIES_DAILY_ADJUSTED: 'Time Series (Daily)',
  TIME_SERIES_INTRADAY: `Time Series (${INTERVAL_MINUTES}min)`,
  SPLITS: 'data',
  DIVIDENDS: 'data',
  // Never asked for as JSON: there is none.
  LISTING_STATUS: 'data',
}

export function judge(wish: BatchWish, reply: HttpReply, key: Secret): BatchAnswer<string> {
  // First of all, so that nothing that is said about the body can hold the key.
  const body = redacted(reply.body, key)
  const format = wish.function === 'LISTING_STATUS' ? 'csv' : wish.format
  const refused =
    refusalOfStatus({ ...reply, body }) ??
    refusalOfStranger(wish, body, format) ??
    refusalOfBody(body, format) ??
    (format === 'csv' ? refusalOfCsv(wish, body) : refusalOfShape(wish, body))
  return refused ?? { ok: true, value: body }
}

function refusalOfCsv(wish: BatchWish, body: string): Refused | null {
  const headerEnd = body.search(/[\r\n]/)
  const header = headerEnd < 0 ? body : body.slice(0, headerEnd)
  const names = new Set(
    header
      .replace(/^\ufeff/, '')
      .split(',')
      .map(plainName),
  )
  const missing = namesOf(wish).filter((name) => !names.has(name))
  if (missing.length > 0) return refuse('not_understood', `a header without ${missing.join(', ')}`)
  const hasRows = headerEnd >= 0 && /\S/.test(body.slice(headerEnd))
  return hasRows ? null : refuse('no_data', 'a header without rows')
}

function namesOf(wish: BatchWish): readonly string[] {
  switch (wish.function) {
    case 'LISTING_STATUS':
      return LISTING_NAMES
    case 'SPLITS':
      return ['effective_date', 'split_factor']
    case 'DIVIDENDS':
      return ['ex_dividend_date', 'amount']
    case 'TIME_SERIES_INTRADAY':
      return PRICE_COLUMNS.map((column) => column.name)
    case 'TIME_SERIES_DAILY':
    case 'TIME_SERIES_DAILY_ADJUSTED':
      return dailyColumns(wish)
        .filter(({ isRequired }) => isRequired)
        .map((column) => column.name)
  }
}

/**
 * An answer for another symbol is not understood, however whole it is; that it holds nothing says nothing of
 * ours either. Nor does an empty object in place of a list: the vendor names the symbol that had no split.
 */
function refusalOfStranger(wish: BatchWish, body: string, format: 'csv' | 'json'): Refused | null {
  const object = format === 'json' ? parseJson(body) : undefined
  if (!isObject(object)) return null
  if (isAnotherSymbol(object, wish.symbol)) return refuse('not_understood', 'an answer for another symbol')
  const isList = KEY_OF_DATA[wish.function] === 'data'
  const isNothing = Object.keys(object).length === 0
  return isList && isNothing ? refuse('not_understood', 'an empty object in place of a list') : null
}

/** The answer to another question is not understood. */
function refusalOfShape(wish: BatchWish, body: string): Refused | null {
  const object = parseJson(body)
  if (!isObject(object)) return refuse('not_understood', 'not a JSON object')
  const key = KEY_OF_DATA[wish.function]
  const held = object[key]
  return typeof held === 'object' && held !== null ? null : refuse('not_understood', `nothing under ${key}`)
}
