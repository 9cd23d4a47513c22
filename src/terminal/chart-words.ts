/** What does the chart say in words and numbers? Title, legend with the counts, and the range's prices. */
import type { Candle } from '../domain/candle.ts'
import { MINUTE_MS } from '../domain/time.ts'
import { type ChartColumns, type ColumnCandle, spanText } from './chart-columns.ts'
import { directionOf } from './chart-glyphs.ts'
import {
  formatChange,
  formatCount,
  formatMarketDate,
  formatMarketMinute,
  formatPrice,
  formatUtcOffset,
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
  readonly drawn: readonly Candle[]
  /** All of `drawn` as one. */
  readonly whole: ColumnCandle
  readonly arranged: ChartColumns
  /** Candles that lie outside the axis or have no usable price. */
  readonly notShownCount: number
}

export function titleLine(words: ChartWords): string {
  const { arranged, utcOffsetMs, ink } = words
  const fromMs = arranged.columns[0]!.startMs
  const last = arranged.columns.at(-1)!
  const toMs = last.startMs + last.slotCount * words.slotMs
  const dash = words.unicode ? '–' : '-'
  const dates = [fromMs, toMs - 1].map((timeMs) => formatMarketDate(timeMs, utcOffsetMs))
  const times = [fromMs, toMs].map((timeMs) => formatMarketMinute(timeMs, utcOffsetMs))
  const range = dates[0] === dates[1] ? `${dates[0]} ${times.join(dash)}` : `${dates[0]} ${dash} ${dates[1]}`
  const right = ink('dim', `${range} ${formatUtcOffset(utcOffsetMs)}`)
  return spreadLine(ink('bold', cleanText(words.title)), right, words.widthColumns)
}

/** The counts are of candles, however many share a column. */
export function legendLines(words: ChartWords): string[] {
  const { drawn, arranged, ink, unicode, color, slotMs } = words
  const vendorCount = drawn.filter((candle) => candle.source === 'vendor').length
  const completeCount = drawn.filter((candle) => candle.source === 'ticks' && candle.complete).length
  const [rising, falling] = unicode ? ['┃', color ? '┃' : '█'] : ['O', '#']
  const bodies = ink('up', rising!) + ink('down', falling!)
  const counts = [
    `${bodies} ${formatCount(completeCount)} complete`,
    `${ink('warn', '!')} ${formatCount(drawn.length - vendorCount - completeCount)} incomplete`,
    `${ink('accent', 'v')} ${formatCount(vendorCount)} vendor`,
    `${ink('dim', unicode ? '·' : '.')} ${formatCount(arranged.missingCount)} missing`,
  ]
  const joined = arranged.slotsPerColumn > 1
  const slots = slotMs === MINUTE_MS ? 'minutes' : `candles of ${spanText(1, slotMs)}`
  if (joined) counts.push(ink('bold', `each column joins ${arranged.slotsPerColumn} ${slots}`))
  else counts.push(ink('dim', `each column is ${spanText(1, slotMs)}`))
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
