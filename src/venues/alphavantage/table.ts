/** Which rows does a small CSV hold? Listings and corporate actions: names in them may be quoted one day. */
import { CsvError, parse } from 'csv-parse/sync'
import type { BatchAnswer } from '../../domain/batch.ts'
import { plainName, refuse } from './words.ts'

export type TableRow = Readonly<Record<string, string>>

/** Rows by plain name of the column, cells as they stand. `no_data` where only the header is there. */
export function readTable(body: string, names: readonly string[]): BatchAnswer<readonly TableRow[]> {
  const lines = parseLines(body)
  if (typeof lines === 'string') return refuse('not_understood', lines)
  const [header = [], ...cells] = lines
  const columns = header.map(plainName)
  const missing = names.filter((name) => !columns.includes(name))
  if (missing.length > 0) return refuse('not_understood', `a header without ${missing.join(', ')}`)
  if (cells.length === 0) return refuse('no_data', 'an answer without rows')
  const rows = cells.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]!])))
  return { ok: true, value: rows }
}

/** Quotes within a name are part of it; a row with more or fewer cells than the header is an error. */
function parseLines(body: string): readonly (readonly string[])[] | string {
  try {
    return parse(body, { bom: true, relax_quotes: true, skip_empty_lines: true }) as string[][]
  } catch (error) {
    if (error instanceof CsvError) return `not CSV: ${error.code}`
    throw error
  }
}
