/** What does the chart say in words and numbers? Title, legend with the counts, and the range's prices. */
import { MINUTE_MS } from '../domain/time.ts'
import { actionCounts, type ChartAction } from './chart-actions.ts'
import { type ChartCandle, type ChartColumns, type ColumnCandle, spanText } from './chart-columns.ts'
import { directionOf } from './chart-glyphs.ts'
import {
  formatChange,
  formatCount,
  formatMarketDate,
  formatMarketMinute,
  formatPrice,
  formatUtcOffset,
  plural,
} from './figures.ts'
import { createInk, type Ink } from './ink.ts'
import { cleanText, spreadLine, visibleWidth, wrapParts } from './line.ts'

export type ChartWords = {
  readonly title: string
  readonly widthColumns: number
  readonly unicode: boolean
  readonly color: boolean
  readonly utcOffsetMs: number
  readonly priceDigits: number
  readonly slotMs: number
  readonly ink: Ink
  /** In order of time, not empty. */
  readonly drawn: readonly ChartCandle[]
  /** All of `drawn` as one. */
  readonly whole: ColumnCandle
  readonly arranged: ChartColumns
  /** Candles that lie outside the axis or have no usable price. */
  readonly notShownCount: number
  readonly calendarUnit?: 'session' | 'week'
  /** Those of the range, in order of time. */
  readonly actions: readonly ChartAction[]
  readonly zoneText?: string
}

export function titleLine(words: ChartWords): string {
  const { arranged, utcOffsetMs, ink } = words
  if (words.calendarUnit !== undefined) return calendarTitleLine(words)
  const fromMs = arranged.columns[0]!.startMs
  const last = arranged.columns.at(-1)!
  const toMs = last.startMs + last.slotCount * words.slotMs
  const dash = words.unicode ? '–' : '-'
  const dates = [fromMs, toMs - 1].map((timeMs) => formatMarketDate(timeMs, utcOffsetMs))
  const times = [fromMs, toMs].map((timeMs) => formatMarketMinute(timeMs, utcOffsetMs))
  const range = dates[0] === dates[1] ? `${dates[0]} ${times.join(dash)}` : `${dates[0]} ${dash} ${dates[1]}`
  const right = ink('dim', `${range} ${words.zoneText ?? formatUtcOffset(utcOffsetMs)}`)
  return spreadLine(ink('bold', cleanText(words.title)), right, words.widthColumns)
}

/** From the first candle's date to the last one's. */
function calendarTitleLine({
  title,
  drawn,
  utcOffsetMs,
  ink,
  unicode,
  widthColumns,
  zoneText,
}: ChartWords): string {
  const [from, to] = [drawn[0]!, drawn.at(-1)!].map((candle) =>
    formatMarketDate(candle.timestampMs, utcOffsetMs),
  )
  const range = from === to ? from! : `${from} ${unicode ? '–' : '-'} ${to}`
  const right = ink('dim', zoneText === undefined ? range : `${range} ${zoneText}`)
  return spreadLine(ink('bold', cleanText(title)), right, widthColumns)
}

/** The counts are of candles, however many share a column. */
export function legendLines(words: ChartWords): string[] {
  if (words.calendarUnit !== undefined) return calendarLegendLines(words, words.calendarUnit)
  const { drawn, arranged, ink, unicode, color, slotMs } = words
  const vendorCount = drawn.filter((candle) => candle.source === 'vendor').length
  const completeCount = drawn.filter((candle) => candle.source === 'ticks' && candle.complete).length
  const [rising, falling] = unicode ? ['┃', color ? '┃' : '█'] : ['O', '#']
  const bodies = ink('up', rising!) + ink('down', falling!)
  // A feed that tells neither is drawn without marks, and counted as what it is.
  const isTold = drawn.some(({ complete, source }) => complete !== undefined || source !== undefined)
  const counts = isTold
    ? [
        `${bodies} ${formatCount(completeCount)} complete`,
        `${ink('warn', '!')} ${formatCount(drawn.length - vendorCount - completeCount)} incomplete`,
        `${ink('accent', 'v')} ${formatCount(vendorCount)} vendor`,
      ]
    : [`${bodies} ${plural(drawn.length, 'candle')}`]
  counts.push(`${ink('dim', unicode ? '·' : '.')} ${formatCount(arranged.missingCount)} missing`)
  const joined = arranged.slotsPerColumn > 1
  const slots = slotMs === MINUTE_MS ? 'minutes' : `candles of ${spanText(1, slotMs)}`
  if (joined) counts.push(ink('bold', `each column joins ${arranged.slotsPerColumn} ${slots}`))
  else counts.push(ink('dim', `each column is ${spanText(1, slotMs)}`))
  if (words.notShownCount > 0) counts.push(ink('warn', `${formatCount(words.notShownCount)} not shown`))
  return wrapParts(counts, '   ', words.widthColumns)
}

function calendarLegendLines(words: ChartWords, unit: 'session' | 'week'): string[] {
  const { drawn, arranged, ink, unicode, color } = words
  const [rising, falling] = unicode ? ['┃', color ? '┃' : '█'] : ['O', '#']
  const counts = [
    `${ink('up', rising!)}${ink('down', falling!)} ${plural(drawn.length, unit)}`,
    ...actionCounts(words.actions, ink),
  ]
  if (arranged.missingCount > 0) {
    counts.push(`${ink('dim', unicode ? '·' : '.')} ${formatCount(arranged.missingCount)} missing`)
  }
  const joined = arranged.slotsPerColumn > 1
  const columnText = joined ? `joins ${plural(arranged.slotsPerColumn, unit)}` : `is 1 ${unit}`
  counts.push(ink(joined ? 'bold' : 'dim', `each column ${columnText}`))
  if (words.notShownCount > 0) counts.push(ink('warn', `${formatCount(words.notShownCount)} not shown`))
  return wrapParts(counts, '   ', words.widthColumns)
}

export function footerLine(words: ChartWords): string {
  const { whole, ink, widthColumns } = words
  const price = (value: number): string => formatPrice(value, words.priceDigits)
  const change = whole.open === 0 ? null : (whole.close - whole.open) / Math.abs(whole.open)
  const changeText = ink(
    directionOf(whole),
    words.unicode ? formatChange(change) : asciiOf(formatChange(change)),
  )
  const volume = whole.volume === null ? 'not carried' : formatCount(whole.volume)
  const lineOf = (names: readonly string[], gap: string): string =>
    [
      `${names[0]} ${price(whole.open)}`,
      `${names[1]} ${price(whole.high)}`,
      `${names[2]} ${price(whole.low)}`,
      `${names[3]} ${price(whole.close)} ${changeText}`,
      `${names[4]} ${volume}`,
    ].join(gap)
  const long = lineOf(['open', 'high', 'low', 'close', 'volume'], '   ')
  return visibleWidth(long) <= widthColumns ? long : lineOf(['O', 'H', 'L', 'C', 'V'], '  ')
}

export function emptyLines(
  options: { readonly title: string; readonly color: boolean },
  notShownCount: number,
): string[] {
  const ink = createInk(options.color)
  const note = notShownCount > 0 ? `; ${formatCount(notShownCount)} outside of it or without a price` : ''
  return [ink('bold', cleanText(options.title)), `no candle in this range${note}`]
}

function asciiOf(text: string): string {
  return text.replace('−', '-').replace('–', '-')
}
