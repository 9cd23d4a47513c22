/**
 * Which symbols does the vendor know? About 13,000 active ones and more that have gone; a symbol may stand
 * in both lists and several times among the gone, since exchanges give them out again. `NA`, `NAN` and
 * `TRUE` are companies: a cell is a text here and nothing else, but for the word `null` where a date is
 * missing.
 */
import type { BatchAnswer, BatchWish, ListingRow } from '../../domain/batch.ts'
import type { MarketDate } from '../../domain/time.ts'
import { refusalOfBody } from './refusals.ts'
import { isDate } from './stamps.ts'
import { readTable, type TableRow } from './table.ts'
import { refuse } from './words.ts'

/** The last two are not in lower case in the file; names are compared without case. */
export const LISTING_NAMES: readonly string[] = [
  'symbol',
  'name',
  'exchange',
  'assettype',
  'ipodate',
  'delistingdate',
  'status',
]

const NO_DATE: ReadonlySet<string> = new Set(['null', 'None', ''])

/** In the vendor's order. There is no JSON of a listing, whatever the wish says. */
export function readListing(_wish: BatchWish, body: string): BatchAnswer<readonly ListingRow[]> {
  const refused = refusalOfBody(body, 'csv')
  if (refused !== null) return refused
  const table = readTable(body, LISTING_NAMES)
  if (!table.ok) return table
  const rows: ListingRow[] = []
  for (const [at, row] of table.value.entries()) {
    const listed = readRow(row)
    if (typeof listed === 'string') return refuse('not_understood', `row ${at + 1}: ${listed}`)
    rows.push(listed)
  }
  return { ok: true, value: rows }
}

function readRow(row: TableRow): ListingRow | string {
  const ipoDate = dateOrNull(row.ipodate!)
  const delistingDate = dateOrNull(row.delistingdate!)
  if (ipoDate === undefined || delistingDate === undefined) return 'not a date'
  if (row.symbol! === '') return 'no symbol'
  return {
    symbol: row.symbol!,
    name: row.name!.trimEnd(),
    exchange: row.exchange!,
    assetType: row.assettype!,
    ipoDate,
    delistingDate,
    status: row.status!,
  }
}

/** `undefined` where the text is neither a date nor the word for none. */
function dateOrNull(text: string): MarketDate | null | undefined {
  if (NO_DATE.has(text)) return null
  return isDate(text) ? text : undefined
}
