/**
 * Which instruments do we listen to? The operator's list, a CSV file:
 *
 *     exchange,token,symbol,derivatives
 *     NSE,3045,SBIN,true
 *     NSE,99926000,Nifty 50,
 *
 * `derivatives` may be left out; it is true for stocks that have derivatives (their continuous session ends
 * earlier). A spreadsheet's byte order mark and CRLF are accepted. Everything that is wrong is wrong at
 * start: a symbol listed twice would fill one column of candles from two sources.
 */
import { readFileSync } from 'node:fs'
import { messageOf, OperatingError } from '../domain/error.ts'
import { bySymbol, EXCHANGES, type Exchange, type Instrument, instrumentKey } from '../domain/instrument.ts'
import { type CsvLine, csvLines } from '../platform/csv-lines.ts'

/** The vendor's packet has room for a token of 25 bytes, the last of them zero. */
const TOKEN_BYTES_MAX = 24
const REQUIRED = ['exchange', 'token', 'symbol']
const COLUMNS = [...REQUIRED, 'derivatives']

/** Sorted by symbol. Throws INSTRUMENTS_INVALID with file and line. */
export function readInstruments(path: string): readonly Instrument[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw invalid(`${path}: ${messageOf(error)}; name the list as markets.in.instruments`, error)
  }
  return parseInstruments(text, path)
}

/** `path` is only named, not read. */
export function parseInstruments(text: string, path: string): readonly Instrument[] {
  const [header, ...rows] = csvLines(text, path, invalid)
  const columns = columnsOf(header, path)
  const lineOf = new Map<string, number>()
  const instruments: Instrument[] = []
  for (const row of rows) {
    const found = instrumentOf(row, columns)
    if (typeof found === 'string') throw invalid(`${path}:${row.line}: ${found}; correct the line`)
    const names = [`(exchange, token) ${instrumentKey(found)}`, `symbol "${found.symbol}"`]
    for (const name of names) {
      const line = lineOf.get(name)
      if (line !== undefined) {
        throw invalid(`${path}:${row.line}: ${name} stands in line ${line} already; remove one of the two`)
      }
      lineOf.set(name, row.line)
    }
    instruments.push(found)
  }
  if (instruments.length === 0) throw invalid(`${path}: no instrument below the header; add at least one`)
  return instruments.sort(bySymbol)
}

/** Column name -> position. */
function columnsOf(header: CsvLine | undefined, path: string): ReadonlyMap<string, number> {
  const names = header?.fields ?? []
  const missing = REQUIRED.filter((name) => !names.includes(name))
  if (missing.length > 0) {
    const line = header?.line ?? 1
    throw invalid(`${path}:${line}: the header lacks ${missing.join(', ')}; write ${COLUMNS.join(',')}`)
  }
  const odd = names.find((name, index) => !COLUMNS.includes(name) || names.indexOf(name) !== index)
  if (odd !== undefined) {
    throw invalid(`${path}:${header!.line}: unknown or repeated column "${odd}"; write ${COLUMNS.join(',')}`)
  }
  return new Map(names.map((name, index) => [name, index]))
}

/** The instrument, or what is wrong with the row. */
function instrumentOf(row: CsvLine, columns: ReadonlyMap<string, number>): Instrument | string {
  if (row.fields.length > columns.size) return `${row.fields.length} fields for ${columns.size} columns`
  const field = (name: string): string => row.fields[columns.get(name) ?? Number.NaN] ?? ''
  const [exchange, token, symbol] = [field('exchange'), field('token'), field('symbol')]
  const derivatives = field('derivatives').toLowerCase()
  if (!isExchange(exchange)) return `exchange "${exchange}" is none of ${EXCHANGES.join(', ')}`
  if (token === '') return 'the token is empty'
  if (!/^[\x21-\x7e]+$/.test(token)) return 'the token has characters other than printable ASCII'
  if (token.length > TOKEN_BYTES_MAX) return `the token is longer than ${TOKEN_BYTES_MAX} bytes`
  if (symbol === '') return 'the symbol is empty'
  if (!/^[A-Za-z0-9 &._-]+$/.test(symbol)) return 'the symbol may only have A-Z a-z 0-9 blank & . _ -'
  // Symbols become parts of file names: `..` must not be one.
  if (!/[A-Za-z0-9]/.test(symbol)) return 'the symbol needs a letter or a digit'
  if (!['', 'true', 'false'].includes(derivatives)) return 'derivatives is neither true nor false'
  return { exchange, token, symbol, ...(derivatives === 'true' ? { derivatives: true } : {}) }
}

function isExchange(text: string): text is Exchange {
  return (EXCHANGES as readonly string[]).includes(text)
}

function invalid(what: string, cause?: unknown): OperatingError {
  return new OperatingError(`reading instruments: ${what}`, { code: 'INSTRUMENTS_INVALID', cause })
}
