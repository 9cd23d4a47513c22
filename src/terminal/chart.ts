/**
 * What did the price do? A candlestick chart as text: price panel, a lane of marks, volume panel, time
 * axis, and lines that say in numbers what the picture shows.
 *
 * Nothing is invented: a minute without a candle keeps its place on the axis and stays empty. Marks are
 * made by glyph as well as by colour: `!` incomplete, `v` vendor, `·` missing, `S` split, `D` dividend.
 *
 * Candles of sessions and weeks stand on the same axis: each has a slot of one day, at the midnight of its
 * date, and the caller's intervals say which dates there are, so that weekends take no place.
 */
import type { Interval } from '../domain/session.ts'
import { DAY_MS, MINUTE_MS } from '../domain/time.ts'
import { actionGlyphs, actionLines, type ChartAction } from './chart-actions.ts'
import { priceScale } from './chart-axis.ts'
import { arrangeColumns, type ChartCandle, intervalsOf, isWithin, joinCandles } from './chart-columns.ts'
import { type ChartLayout, marksLane, pricePanel, timeAxis, volumePanel } from './chart-panels.ts'
import { type ChartWords, emptyLines, footerLine, legendLines, titleLine } from './chart-words.ts'
import { formatPrice } from './figures.ts'
import { createInk } from './ink.ts'
import { cutLine } from './line.ts'

export type ChartOptions = {
  readonly widthColumns: number
  /** Lines of the whole chart; fewer than 12 are taken as 12. */
  readonly heightRows: number
  readonly color: boolean
  /** False: ASCII only. */
  readonly unicode: boolean
  readonly utcOffsetMs: number
  readonly title: string
  /** Digits behind the point. */
  readonly priceDigits: number
  /** What the axis covers, usually the continuous session; without it, first to last candle of each date. */
  readonly intervals?: readonly Interval[]
  /** Minutes that each of `candles` stands for; 1 unless they were joined already. */
  readonly minutesPerCandle?: number
  /** What each of `candles` stands for, when it is not minutes: then its time is the midnight of a date. */
  readonly calendarUnit?: CalendarUnit
  readonly actions?: readonly ChartAction[]
  /** Takes the place of the offset of UTC in the title. */
  readonly zoneText?: string
}

export type CalendarUnit = 'session' | 'week'

const HEIGHT_ROWS_MIN = 12
const PRICE_ROWS_MIN = 3
const PLOT_COLUMNS_MIN = 10
const STEP_COLUMNS_MAX = 4
const LEGEND_LINES_MAX = 2
const ACTION_LINES_MAX = 2
/** Title, lane of marks, ruler, times, footer. */
const FIXED_ROWS = 5
/** Beyond this no calendar has a date. */
const TIME_MS_MAX = 8e15

/** Never throws, whatever the candles hold; no line is wider than `widthColumns`. No final line end. */
export function renderCandlestickChart(candles: readonly ChartCandle[], options: ChartOptions): string {
  const minutes = Math.max(1, options.minutesPerCandle ?? 1)
  const slotMs = options.calendarUnit === undefined ? minutes * MINUTE_MS : DAY_MS
  const readable = candles.filter(isReadable).sort((a, b) => a.timestampMs - b.timestampMs)
  const intervals = options.intervals ?? intervalsOf(readable, slotMs, options.utcOffsetMs)
  const drawn = readable.filter((candle) => isWithin(candle.timestampMs, intervals))
  const lines =
    drawn.length === 0
      ? emptyLines(options, candles.length)
      : chartLines(candles.length - drawn.length, drawn, intervals, slotMs, options)
  return lines.map((line) => cutLine(line.trimEnd(), options.widthColumns)).join('\n')
}

function chartLines(
  notShownCount: number,
  drawn: readonly ChartCandle[],
  intervals: readonly Interval[],
  slotMs: number,
  options: ChartOptions,
): string[] {
  const digits = Math.max(0, Math.min(10, Math.floor(options.priceDigits)))
  const whole = joinCandles(drawn)
  const labelColumns = Math.max(...[whole.low, whole.high].map((price) => formatPrice(price, digits).length))
  const axisColumns = options.widthColumns - labelColumns - 2 >= PLOT_COLUMNS_MIN ? labelColumns + 2 : 0
  const plotMax = Math.max(1, options.widthColumns - axisColumns)
  const arranged = arrangeColumns(drawn, intervals, slotMs, plotMax)
  const ink = createInk(options.color)
  const words: ChartWords = {
    ...options,
    actions: shownActions(options, drawn),
    priceDigits: digits,
    ink,
    drawn,
    whole,
    arranged,
    slotMs,
    notShownCount,
  }
  const legend = [
    ...legendLines(words).slice(0, LEGEND_LINES_MAX),
    ...actionLines(words.actions, options.utcOffsetMs, options.widthColumns, ACTION_LINES_MAX),
  ]

  const rowCount = Math.max(HEIGHT_ROWS_MIN, Math.floor(options.heightRows)) - FIXED_ROWS - legend.length
  const volumeRows = whole.volume === null ? 0 : Math.max(2, Math.floor(rowCount / 5))
  const priceRows = Math.max(PRICE_ROWS_MIN, rowCount - volumeRows)
  const stepColumns = Math.max(1, Math.min(STEP_COLUMNS_MAX, Math.floor(plotMax / arranged.columns.length)))
  const layout: ChartLayout = {
    arranged,
    scale: priceScale(whole.low, whole.high, priceRows, digits),
    volumeRows,
    plotColumns: Math.min(plotMax, Math.max(arranged.columns.length * stepColumns, PLOT_COLUMNS_MIN * 2)),
    stepColumns,
    axisColumns,
    priceDigits: digits,
    lastClose: whole.close,
    spanMs: arranged.slotsPerColumn * slotMs,
    utcOffsetMs: options.utcOffsetMs,
    isCalendar: options.calendarUnit !== undefined,
    actionGlyphs: actionGlyphs(arranged.columns, words.actions),
    color: options.color,
    unicode: options.unicode,
    ink,
  }
  return [
    titleLine(words),
    ...pricePanel(layout),
    ...marksLane(layout),
    ...volumePanel(layout),
    ...timeAxis(layout),
    ...legend,
    footerLine(words),
  ]
}

/** Those from the first candle to the end of the last, in order of time. */
function shownActions(
  { actions = [], calendarUnit }: ChartOptions,
  drawn: readonly ChartCandle[],
): ChartAction[] {
  const fromMs = drawn[0]!.timestampMs
  const toMs = drawn.at(-1)!.timestampMs + (calendarUnit === 'week' ? 7 : 1) * DAY_MS
  return actions.filter(({ atMs }) => atMs >= fromMs && atMs < toMs).sort((a, b) => a.atMs - b.atMs)
}

function isReadable(candle: ChartCandle): boolean {
  return (
    Math.abs(candle.timestampMs) <= TIME_MS_MAX &&
    [candle.open, candle.high, candle.low, candle.close].every(Number.isFinite)
  )
}
