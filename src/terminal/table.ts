/**
 * How are candles written down? As an aligned table for people, as CSV and JSON for programs. CSV and
 * JSON carry the contract's columns under the contract's names, in its order.
 */
import type { Candle } from '../domain/candle.ts'
import {
  formatCount,
  formatMarketDate,
  formatMarketMinute,
  formatPrice,
  formatUtcOffset,
  plural,
  priceDigitsOf,
} from './figures.ts'
import { createInk } from './ink.ts'
import { cleanText, cutLine } from './line.ts'

export type TableColumn = { readonly title: string; readonly align: 'left' | 'right' }

export type TableOptions = {
  /** Longer lines are cut; without it lines are as long as they are. */
  readonly widthColumns?: number
  readonly color?: boolean
  readonly unicode?: boolean
}

const COLUMN_GAP = '  '

/** A heading, a rule, and one line for each row; a row may be shorter than `columns`. No final line end. */
export function renderTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): string {
  const ink = createInk(options.color ?? false)
  const cells = rows.map((row) => columns.map((_, at) => cleanText(row[at] ?? '')))
  const widths = columns.map(({ title }, at) =>
    cells.reduce((widest, row) => Math.max(widest, row[at]!.length), title.length),
  )
  const lineOf = (texts: readonly string[]): string =>
    texts
      .map((text, at) =>
        columns[at]!.align === 'right' ? text.padStart(widths[at]!) : text.padEnd(widths[at]!),
      )
      .join(COLUMN_GAP)
      .trimEnd()
  const rule = widths.map((width) => (options.unicode === false ? '-' : '─').repeat(width)).join(COLUMN_GAP)
  const lines = [
    ink('bold', lineOf(columns.map((column) => column.title))),
    ink('dim', rule),
    ...cells.map(lineOf),
  ]
  return lines.map((line) => cutLine(line, options.widthColumns ?? Number.POSITIVE_INFINITY)).join('\n')
}

const LEFT = (title: string): TableColumn => ({ title, align: 'left' })
const RIGHT = (title: string): TableColumn => ({ title, align: 'right' })

/**
 * One line a candle in the order given, times in the market's time. A symbol or a date that all share
 * stands once, above. The marks are those of the chart, and a line below says what they mean.
 */
export function renderCandleTable(
  candles: readonly Candle[],
  utcOffsetMs: number,
  options: TableOptions = {},
): string {
  if (candles.length === 0) return 'no candle in this range'
  const digits = priceDigitsOf(candles.flatMap(({ open, high, low, close }) => [open, high, low, close]))
  const price = (value: number | null): string => formatPrice(value, digits)
  const dateOf = (candle: Candle): string => formatMarketDate(candle.timestampMs, utcOffsetMs)
  const oneSymbol = candles.every((candle) => candle.symbol === candles[0]!.symbol)
  const oneDate = candles.every((candle) => dateOf(candle) === dateOf(candles[0]!))
  const columns = [
    ...(oneSymbol ? [] : [LEFT('symbol')]),
    ...(oneDate ? [] : [LEFT('date')]),
    LEFT('time'),
    ...['open', 'high', 'low', 'close', 'volume', 'vwap', 'ticks'].map(RIGHT),
    LEFT(''),
  ]
  const rows = candles.map((candle) => [
    ...(oneSymbol ? [] : [candle.symbol]),
    ...(oneDate ? [] : [dateOf(candle)]),
    formatMarketMinute(candle.timestampMs, utcOffsetMs),
    ...[candle.open, candle.high, candle.low, candle.close].map(price),
    formatCount(candle.volume),
    price(candle.vwap),
    formatCount(candle.tickCount),
    marksOf(candle),
  ])
  const shared = [oneSymbol ? cleanText(candles[0]!.symbol) : '', oneDate ? dateOf(candles[0]!) : '']
  const caption = [...shared, formatUtcOffset(utcOffsetMs)].filter((text) => text !== '').join('  ')
  const width = options.widthColumns ?? Number.POSITIVE_INFINITY
  const lines = [cutLine(caption, width), renderTable(columns, rows, options), ...marksLegend(candles, width)]
  return lines.join('\n')
}

const MARKS: readonly {
  readonly glyph: string
  readonly word: string
  readonly has: (c: Candle) => boolean
}[] = [
  { glyph: '!', word: 'incomplete', has: (candle) => !candle.complete },
  { glyph: 'v', word: 'vendor', has: (candle) => candle.source === 'vendor' },
  { glyph: 'r', word: 'revised', has: (candle) => candle.revision > 0 },
]

/** What sets the candle apart; empty for a complete one made of ticks. */
function marksOf(candle: Candle): string {
  return MARKS.map(({ glyph, has }) => (has(candle) ? glyph : '')).join('')
}

function marksLegend(candles: readonly Candle[], widthColumns: number): string[] {
  const parts = MARKS.map(({ glyph, word, has }) => ({ glyph, word, count: candles.filter(has).length }))
    .filter(({ count }) => count > 0)
    .map(({ glyph, word, count }) => `${glyph} ${formatCount(count)} ${word}`)
  return parts.length === 0
    ? []
    : [cutLine([plural(candles.length, 'candle'), ...parts].join('   '), widthColumns)]
}

/** The contract's columns, in order. */
export const CANDLE_COLUMN_NAMES = [
  'symbol',
  'exchange',
  'token',
  'timestamp',
  'open',
  'high',
  'low',
  'close',
  'volume',
  'vwap',
  'tick_count',
  'day_high',
  'day_low',
  'first_tick_at',
  'last_tick_at',
  'complete',
  'source',
  'revision',
] as const

type CandleRecord = Readonly<Record<(typeof CANDLE_COLUMN_NAMES)[number], string | number | boolean | null>>

function recordOf(candle: Candle): CandleRecord {
  return {
    symbol: candle.symbol,
    exchange: candle.exchange,
    token: candle.token,
    timestamp: isoUtc(candle.timestampMs),
    open: candle.open,
    high: candle.high,
    low: candle.low,
    close: candle.close,
    volume: candle.volume,
    vwap: candle.vwap,
    tick_count: candle.tickCount,
    day_high: candle.dayHigh,
    day_low: candle.dayLow,
    first_tick_at: isoUtc(candle.firstTickMs),
    last_tick_at: isoUtc(candle.lastTickMs),
    complete: candle.complete,
    source: candle.source,
    revision: candle.revision,
  }
}

/** Null for a moment that no calendar has. */
function isoUtc(timeMs: number | null): string | null {
  const time = new Date(timeMs ?? Number.NaN)
  return Number.isNaN(time.getTime()) ? null : time.toISOString()
}

/**
 * RFC 4180 with a header and LF line ends, no final line end. Null is empty, times are ISO 8601 in UTC,
 * numbers are the shortest that read back as the same double.
 */
export function candlesToCsv(candles: Iterable<Candle>): string {
  return [...candleCsvLines(candles)].join('\n')
}

/** The same line by line, for a day that is too long for one text. */
export function* candleCsvLines(candles: Iterable<Candle>): Generator<string> {
  yield CANDLE_COLUMN_NAMES.join(',')
  for (const candle of candles) {
    const record = recordOf(candle)
    yield CANDLE_COLUMN_NAMES.map((name) => csvField(record[name])).join(',')
  }
}

/** Any records as CSV: a header of `names`, then one line a record. */
export function csvLines(
  names: readonly string[],
  records: readonly Readonly<Record<string, string | number | boolean | null>>[],
): string {
  const lines = records.map((record) => names.map((name) => csvField(record[name] ?? null)).join(','))
  return [names.join(','), ...lines].join('\n')
}

function csvField(value: string | number | boolean | null): string {
  if (value === null) return ''
  // CSV is printed to terminals too, and no name that means anything holds a control character.
  const text = typeof value === 'string' ? cleanText(value) : String(value)
  return /[",]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

// DEL, the C1 controls and the separators are legal in JSON but not safe to print.
const UNSAFE_IN_JSON =
  /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g

/** One JSON array, one candle a line, keys as in the contract. No final line end. */
export function candlesToJson(candles: readonly Candle[]): string {
  if (candles.length === 0) return '[]'
  return `[\n${candles.map((candle) => safeJson(recordOf(candle))).join(',\n')}\n]`
}

/** JSON in which what a terminal could obey is written as an escape; it parses to the same value. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(
    UNSAFE_IN_JSON,
    (unsafe) => `\\u${unsafe.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
