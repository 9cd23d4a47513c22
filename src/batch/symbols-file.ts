/**
 * Which symbols did the operator name? A CSV file with one column, and the same words on a command line:
 *
 *     symbol
 *     AAPL
 *     BRK-B
 *
 * Everything that is wrong is wrong at once and with its line: a symbol that the vendor does not know costs a
 * request every day. A spreadsheet's byte order mark and CRLF are accepted.
 */
import { messageOf, OperatingError } from '../domain/error.ts'
import { csvLines } from '../platform/csv-lines.ts'
import { readTextFile } from '../platform/text-file.ts'

const SYMBOL = /^[A-Z0-9]+([-.][A-Z0-9]+)*$/
const SYMBOL_LENGTH_MAX = 20
const HEADER = 'symbol'

/** In the file's order. Throws SYMBOLS_INVALID with file and line. */
export function readSymbols(path: string): readonly string[] {
  let text: string
  try {
    text = readTextFile(path)
  } catch (error) {
    throw invalid(`${path}: ${messageOf(error)}; check the path`, error)
  }
  return parseSymbols(text, path)
}

/** `path` is only named, not read. */
export function parseSymbols(text: string, path: string): readonly string[] {
  const [header, ...rows] = csvLines(text, path, invalid)
  if (header?.fields.join(',') !== HEADER) {
    throw invalid(`${path}:${header?.line ?? 1}: the header is not "${HEADER}"; write it as the first line`)
  }
  const lineOf = new Map<string, number>()
  for (const { line, fields } of rows) {
    const symbol = fields[0] ?? ''
    const fault = fields.length === 1 ? symbolFault(symbol) : `${fields.length} fields for 1 column`
    if (fault !== null) throw invalid(`${path}:${line}: ${fault}; correct the line`)
    const known = lineOf.get(symbol)
    if (known !== undefined) {
      throw invalid(`${path}:${line}: ${symbol} stands in line ${known} already; remove one of the two`)
    }
    lineOf.set(symbol, line)
  }
  if (lineOf.size === 0) throw invalid(`${path}: no symbol below the header; add at least one`)
  return [...lineOf.keys()]
}

/** Reads `AAPL,MSFT`. Throws USAGE; a symbol named twice is asked for once. */
export function parseSymbolList(text: string): readonly string[] {
  const symbols = text.split(',').map((symbol) => symbol.trim())
  for (const symbol of symbols) {
    const fault = symbolFault(symbol)
    if (fault === null) continue
    throw new OperatingError(`reading --symbols: ${fault}; write symbols like AAPL,BRK-B`, { code: 'USAGE' })
  }
  return [...new Set(symbols)]
}

/** What is wrong with the writing of a symbol, or null. */
function symbolFault(symbol: string): string | null {
  if (symbol === '') return 'the symbol is empty'
  if (symbol.length > SYMBOL_LENGTH_MAX) return `the symbol is longer than ${SYMBOL_LENGTH_MAX} characters`
  if (SYMBOL.test(symbol)) return null
  return `${JSON.stringify(symbol)} is not a symbol; A-Z and 0-9, with - or . before a share class`
}

function invalid(what: string, cause?: unknown): OperatingError {
  return new OperatingError(`reading symbols: ${what}`, { code: 'SYMBOLS_INVALID', cause })
}
