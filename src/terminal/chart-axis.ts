/** Where do the labels of the axes stand? At round prices and round times of the market's clock. */
import { MINUTE_MS } from '../domain/time.ts'
import { dateLabelTicks } from './chart-dates.ts'
import { formatMarketDate, formatMarketMinute, formatPrice } from './figures.ts'

/** Prices onto half cells: level 0 is the lower half of the lowest row. */
export type PriceScale = {
  readonly low: number
  readonly high: number
  readonly rowCount: number
}

/** Equal prices get a span of their own around them, or there would be nothing to divide by. */
export function priceScale(low: number, high: number, rowCount: number, digits: number): PriceScale {
  if (high > low) return { low, high, rowCount }
  const half = Math.max(10 ** -digits, Math.abs(high) * 1e-12) * Math.max(1, rowCount / 4)
  return { low: low - half, high: high + half, rowCount }
}

/** The half cell in which `price` lies, from 0 at the bottom to 2 * rowCount - 1 at the top. */
export function levelOf(price: number, scale: PriceScale): number {
  const levels = scale.rowCount * 2
  // Divided first: the span of two very large prices may be beyond what a double holds.
  const ratio = (price / 2 - scale.low / 2) / (scale.high / 2 - scale.low / 2)
  return Math.max(0, Math.min(levels - 1, Math.floor(ratio * levels)))
}

/** The row of the screen (0 is the top) that shows `level`. */
export function rowOfLevel(level: number, scale: PriceScale): number {
  return scale.rowCount - 1 - Math.floor(level / 2)
}

const ROWS_BETWEEN_LABELS = 3
const LABELS_MAX = 64

/** The label of each row, or null. Steps are 1, 2 or 5 times a power of ten, and no finer than the prices. */
export function priceLabels(scale: PriceScale, digits: number): (string | null)[] {
  const labels: (string | null)[] = Array.from({ length: scale.rowCount }, () => null)
  const wanted = Math.max(1, Math.floor(scale.rowCount / ROWS_BETWEEN_LABELS))
  const step = roundStep((scale.high - scale.low) / wanted, 10 ** -digits)
  const first = Math.ceil(scale.low / step)
  for (let count = 0; count < LABELS_MAX; count += 1) {
    const price = (first + count) * step
    if (!(price <= scale.high)) break
    const row = rowOfLevel(levelOf(price, scale), scale)
    labels[row] ??= formatPrice(price, digits)
  }
  return labels
}

function roundStep(raw: number, finest: number): number {
  if (!Number.isFinite(raw) || raw <= finest) return finest
  const power = 10 ** Math.floor(Math.log10(raw))
  const factor = [1, 2, 5, 10].find((round) => round * power >= raw * 0.999_999) ?? 10
  return factor * power
}

export type TimeLabel = { readonly column: number; readonly text: string; readonly tickColumn: number }

/** What of a chart's columns the time axis needs to know. */
export type TimeColumns = {
  /** Starts of the columns, Unix ms, ascending. */
  readonly startsMs: readonly number[]
  readonly spanMs: number
  /** The screen column of each. */
  readonly positions: readonly number[]
  readonly widthColumns: number
  readonly utcOffsetMs: number
  /** Columns are dates, not times. */
  readonly isCalendar: boolean
}

const TIME_STEPS_MINUTES: readonly number[] = [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440]
const LABEL_GAP_COLUMNS = 3

type Tick = { readonly at: number; readonly text: string; readonly rank: number }

/**
 * Labels of the time axis, left to right, none touching another. Round times stand at the column that
 * contains them; where a date begins, the date takes precedence; the first column comes last.
 */
export function timeLabels(columns: TimeColumns): TimeLabel[] {
  if (columns.isCalendar) return placeLabels(dateLabelTicks(columns), columns.widthColumns)
  const dates = dateTicks(columns)
  const dense = TIME_STEPS_MINUTES.map((step) => roundTicks(columns, step * MINUTE_MS)).find(isReadable) ?? []
  return placeLabels([...dates, ...dense, ...firstTick(columns)], columns.widthColumns)
}

function dateTicks({ startsMs, positions, utcOffsetMs }: TimeColumns): Tick[] {
  const dates = startsMs.map((startMs) => formatMarketDate(startMs, utcOffsetMs))
  return dates.flatMap((date, index) =>
    index > 0 && date !== dates[index - 1] ? [{ at: positions[index]!, text: date.slice(5), rank: 0 }] : [],
  )
}

function roundTicks({ startsMs, spanMs, positions, utcOffsetMs }: TimeColumns, stepMs: number): Tick[] {
  return startsMs.flatMap((startMs, index) => {
    const roundMs = Math.ceil((startMs + utcOffsetMs) / stepMs) * stepMs - utcOffsetMs
    if (roundMs >= startMs + spanMs) return []
    return [{ at: positions[index]!, text: formatMarketMinute(roundMs, utcOffsetMs), rank: 1 }]
  })
}

function firstTick({ startsMs, positions, utcOffsetMs }: TimeColumns): Tick[] {
  if (startsMs.length === 0) return []
  return [{ at: positions[0]!, text: formatMarketMinute(startsMs[0]!, utcOffsetMs), rank: 2 }]
}

function isReadable(ticks: readonly Tick[]): boolean {
  return ticks.every((tick, index) => {
    const before = ticks[index - 1]
    return before === undefined || tick.at - before.at >= tick.text.length + LABEL_GAP_COLUMNS
  })
}

function placeLabels(ticks: readonly Tick[], widthColumns: number): TimeLabel[] {
  const placed: TimeLabel[] = []
  for (const { at, text } of [...ticks].sort((a, b) => a.rank - b.rank || a.at - b.at)) {
    const column = Math.max(0, Math.min(widthColumns - text.length, at - Math.floor(text.length / 2)))
    const end = column + text.length
    if (end > widthColumns) continue
    if (placed.some((other) => column <= other.column + other.text.length && end >= other.column)) continue
    placed.push({ column, text, tickColumn: at })
  }
  return placed.sort((a, b) => a.column - b.column)
}
