/**
 * Which instruments does the vendor know today? One JSON array of about 150,000 rows, all values text,
 * rebuilt before the open, on a host of its own and without login. It has been served as `null`, cut
 * off, and as HTML; whoever replaces yesterday's list by today's also looks at the number of rows.
 */
import type { Exchange } from '../../domain/instrument.ts'
import type { Answer, HttpRequest, MasterRow, Refusal } from '../../domain/venue.ts'
import { isObject, type JsonObject, numberOf, parseJson } from './json.ts'
import { notUnderstood, refuse } from './refusals.ts'

export const masterBaseUrl = 'https://margincalculator.angelone.in'
export const masterPath = '/OpenAPI_File/files/OpenAPIScripMaster.json'

export type Master = {
  readonly rows: readonly MasterRow[]
  /** Rows of segments that we do not trade, such as foreign ones that the vendor may add. */
  readonly foreignCount: number
  /** Rows of our segments without a token, a symbol or a number where one must be. */
  readonly malformedCount: number
}

/** The second spelling stands in the vendor's documentation, the first in the file. */
const EXCHANGE_OF_SEGMENT: ReadonlyMap<string, Exchange> = new Map([
  ['NSE', 'NSE'],
  ['nse_cm', 'NSE'],
  ['NFO', 'NFO'],
  ['nse_fo', 'NFO'],
  ['BSE', 'BSE'],
  ['bse_cm', 'BSE'],
  ['BFO', 'BFO'],
  ['bse_fo', 'BFO'],
  ['MCX', 'MCX'],
  ['mcx_fo', 'MCX'],
  ['NCDEX', 'NCDEX'],
  ['ncx_fo', 'NCDEX'],
  ['CDS', 'CDS'],
  ['cde_fo', 'CDS'],
])

/** `tick_size` is in paise. Whether that holds for currency derivatives, nobody has written down. */
const PAISE_PER_RUPEE = 100

export function masterRequest(): HttpRequest {
  return { method: 'GET', path: masterPath, headers: { Accept: 'application/json' } }
}

export function parseMaster(body: string): Answer<readonly MasterRow[]> {
  const master = surveyMaster(body)
  return master.ok ? { ok: true, value: master.value.rows } : master
}

/** As `parseMaster`, and says how much was left out. Not understood without a single usable row. */
export function surveyMaster(body: string): Answer<Master> {
  const list = parseJson(body)
  if (!Array.isArray(list)) return refuse(notAList(body, list))
  const rows: MasterRow[] = []
  let foreignCount = 0
  let malformedCount = 0
  for (const item of list as readonly unknown[]) {
    const exchange = isObject(item) ? EXCHANGE_OF_SEGMENT.get(String(item.exch_seg)) : undefined
    const row = isObject(item) && exchange !== undefined ? readRow(item, exchange) : null
    if (row !== null) rows.push(row)
    else if (isObject(item) && exchange === undefined) foreignCount += 1
    else malformedCount += 1
  }
  if (rows.length === 0) return refuse(notUnderstood(`no usable row among ${list.length} of the master`))
  return { ok: true, value: { rows, foreignCount, malformedCount } }
}

function notAList(body: string, parsed: unknown): Refusal {
  if (parsed !== undefined) return notUnderstood('the master is JSON, but not a list')
  const start = body.trimStart()
  if (start.startsWith('<')) return { kind: 'outage', code: '', message: 'the master is an HTML page' }
  if (start.startsWith('[')) return { kind: 'outage', code: '', message: 'the master is cut off' }
  return notUnderstood('the master is not JSON')
}

function readRow(item: JsonObject, exchange: Exchange): MasterRow | null {
  const token = item.token
  const symbol = item.symbol
  const tickSize = numberOf(item.tick_size)
  const lotSize = numberOf(item.lotsize)
  if (typeof token !== 'string' || token === '' || typeof symbol !== 'string' || symbol === '') return null
  if (tickSize === null || tickSize < 0 || lotSize === null || lotSize < 0) return null
  return {
    exchange,
    token,
    symbol,
    name: optionalText(item.name),
    expiry: optionalText(item.expiry),
    instrumentType: optionalText(item.instrumenttype),
    tickSize: tickSize / PAISE_PER_RUPEE,
    lotSize,
  }
}

function optionalText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
