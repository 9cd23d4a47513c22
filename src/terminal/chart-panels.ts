/** How are the panels of the chart drawn? Price, marks, volume and times, each as lines of one width. */
import { Canvas } from './canvas.ts'
import type { ActionGlyph } from './chart-actions.ts'
import { levelOf, type PriceScale, priceLabels, rowOfLevel, timeLabels } from './chart-axis.ts'
import type { ChartColumn, ChartColumns, ColumnCandle } from './chart-columns.ts'
import { type BodyShape, candleCell, directionOf, levelsOf, styleOf } from './chart-glyphs.ts'
import { formatPrice, formatShortCount } from './figures.ts'
import type { Ink, Style } from './ink.ts'
import { columnGlyphs } from './meter.ts'

export type ChartLayout = {
  readonly arranged: ChartColumns
  readonly scale: PriceScale
  /** 0: no volume is carried, and there is no panel. */
  readonly volumeRows: number
  readonly plotColumns: number
  /** Screen columns for each column of the chart. */
  readonly stepColumns: number
  /** Ruler and labels at the right; 0: no room for them. */
  readonly axisColumns: number
  readonly priceDigits: number
  readonly lastClose: number
  readonly spanMs: number
  readonly utcOffsetMs: number
  /** Columns are dates, not times. */
  readonly isCalendar: boolean
  /** One for each column. */
  readonly actionGlyphs: readonly (ActionGlyph | null)[]
  readonly color: boolean
  readonly unicode: boolean
  readonly ink: Ink
}

const WIDE_STEP_COLUMNS = 3

export function pricePanel(layout: ChartLayout): string[] {
  const { scale, unicode } = layout
  const canvas = new Canvas(layout.plotColumns, scale.rowCount)
  layout.arranged.columns.forEach(({ candle }, index) => {
    if (candle !== null) drawCandle(canvas, candle, positionOf(index, layout), layout)
  })
  const labels = priceLabels(scale, layout.priceDigits)
  const lastRow = rowOfLevel(levelOf(layout.lastClose, scale), scale)
  return canvas.lines(layout.ink).map((line, row) => {
    if (row !== lastRow) return line + axisText(labels[row] ?? null, layout)
    if (layout.axisColumns === 0) return line
    const last = formatPrice(layout.lastClose, layout.priceDigits).padStart(layout.axisColumns - 2)
    return `${line}${layout.ink('bold', `${unicode ? '◂' : '<'} ${last}`)}`
  })
}

function drawCandle(canvas: Canvas, candle: ColumnCandle, column: number, layout: ChartLayout): void {
  const { scale } = layout
  const levels = levelsOf(candle, scale)
  const shape = shapeOf(candle, layout)
  const left = shape === 'wide' && layout.unicode ? column - 1 : column
  const style = styleOf(candle)
  for (let row = rowOfLevel(levels.top, scale); row <= rowOfLevel(levels.bottom, scale); row += 1) {
    canvas.put(row, left, candleCell(candle, levels, row, scale.rowCount, shape, layout.unicode), style)
  }
}

/** Without colour only the falling body is filled. */
function shapeOf(candle: ColumnCandle, { color, stepColumns }: ChartLayout): BodyShape {
  if (!color && directionOf(candle) !== 'down') return 'line'
  if (stepColumns >= WIDE_STEP_COLUMNS) return 'wide'
  return color ? 'line' : 'block'
}

/** One line under the prices that says of each column what is not as it should be. */
export function marksLane(layout: ChartLayout): string[] {
  const canvas = new Canvas(layout.plotColumns, 1)
  layout.arranged.columns.forEach((column, index) => {
    const [glyph, style] = markOf(column, layout.actionGlyphs[index] ?? null, layout.unicode)
    canvas.put(0, positionOf(index, layout), glyph, style)
  })
  return canvas.lines(layout.ink).map((line) => line + axisText(null, layout))
}

function markOf(
  { candle, missingCount }: ChartColumn,
  action: ActionGlyph | null,
  unicode: boolean,
): [string, Style] {
  if (action !== null) return [action, 'accent']
  if (candle?.incomplete === true) return ['!', 'warn']
  if (candle?.vendor === true) return ['v', 'accent']
  return [missingCount > 0 ? (unicode ? '·' : '.') : ' ', 'dim']
}

export function volumePanel(layout: ChartLayout): string[] {
  const { volumeRows, unicode } = layout
  if (volumeRows === 0) return []
  const canvas = new Canvas(layout.plotColumns, volumeRows)
  const volumes = layout.arranged.columns.map(({ candle }) => candle?.volume ?? 0)
  const peak = volumes.reduce((most, volume) => Math.max(most, volume), 0)
  layout.arranged.columns.forEach(({ candle }, index) => {
    if (candle === null) return
    const glyphs = columnGlyphs(volumes[index]! / peak, volumeRows, unicode)
    const wide = layout.stepColumns > WIDE_STEP_COLUMNS
    glyphs.forEach((glyph, row) => {
      canvas.put(
        row,
        positionOf(index, layout) - Number(wide),
        glyph.repeat(wide ? 3 : 1),
        volumeStyle(candle),
      )
    })
  })
  return canvas
    .lines(layout.ink)
    .map((line, row) => line + axisText(row === 0 ? formatShortCount(peak) : null, layout))
}

/** Dimmer than the prices above, which are what the eye is to see first. */
function volumeStyle(candle: ColumnCandle): Style {
  return candle.vendor ? styleOf(candle) : `${directionOf(candle)}Dim`
}

/** The ruler, and the times under it. */
export function timeAxis(layout: ChartLayout): string[] {
  const { plotColumns, unicode, ink, arranged } = layout
  const labels = timeLabels({
    startsMs: arranged.columns.map((column) => column.startMs),
    spanMs: layout.spanMs,
    positions: arranged.columns.map((_, index) => positionOf(index, layout)),
    widthColumns: plotColumns + layout.axisColumns,
    utcOffsetMs: layout.utcOffsetMs,
    isCalendar: layout.isCalendar,
  })
  const ruler: string[] = Array.from({ length: plotColumns }, () => (unicode ? '─' : '-'))
  const times = new Canvas(plotColumns + layout.axisColumns, 1)
  for (const label of labels) {
    ruler[label.tickColumn] = unicode ? '┴' : '+'
    times.put(0, label.column, label.text, 'plain')
  }
  const corner = layout.axisColumns === 0 ? '' : unicode ? '┘' : '+'
  return [ink('dim', ruler.join('') + corner), ...times.lines(ink)]
}

function positionOf(index: number, { stepColumns }: ChartLayout): number {
  return index * stepColumns + (stepColumns >= WIDE_STEP_COLUMNS ? 1 : 0)
}

function axisText(label: string | null, { axisColumns, unicode, ink }: ChartLayout): string {
  if (axisColumns === 0) return ''
  if (label === null) return ink('dim', unicode ? '│' : '|')
  return `${ink('dim', unicode ? '┤' : '+')} ${label.padStart(axisColumns - 2)}`
}
