/**
 * What did a company do to its shares, and where does the chart say so? A split or a dividend explains a step
 * in the prices that no trade made: a letter stands in the lane of marks under the candle of the day, and the
 * legend tells the figures. `S` takes the place of `D` where both fall into one column.
 */
import type { ChartColumn } from './chart-columns.ts'
import { formatCount, formatMarketDate, plural } from './figures.ts'
import type { Ink } from './ink.ts'
import { wrapParts } from './line.ts'

export type ChartAction = {
  /** The first day that trades without the dividend, or in new shares; on the chart's axis. */
  readonly atMs: number
  /** New shares for each old one; null: no split. */
  readonly split: number | null
  /** Per share, in the currency of the prices; null: no dividend. */
  readonly dividend: number | null
}

export type ActionGlyph = 'S' | 'D'

/** For each column the letter that stands under it, or null. `columns` ascend in time. */
export function actionGlyphs(
  columns: readonly ChartColumn[],
  actions: readonly ChartAction[],
): readonly (ActionGlyph | null)[] {
  const glyphs: (ActionGlyph | null)[] = columns.map(() => null)
  for (const action of actions) {
    const at = columns.findLastIndex((column) => column.startMs <= action.atMs)
    if (at >= 0 && glyphs[at] !== 'S') glyphs[at] = action.split === null ? 'D' : 'S'
  }
  return glyphs
}

/** `S 1 split`, `D 4 dividends`; what there is none of is not named. */
export function actionCounts(actions: readonly ChartAction[], ink: Ink): string[] {
  const splitCount = actions.filter((action) => action.split !== null).length
  const dividendCount = actions.filter((action) => action.dividend !== null).length
  return [
    ...(splitCount === 0 ? [] : [`${ink('accent', 'S')} ${plural(splitCount, 'split')}`]),
    ...(dividendCount === 0 ? [] : [`${ink('accent', 'D')} ${plural(dividendCount, 'dividend')}`]),
  ]
}

/** In order of time, splits first because they are rare; what does not fit is counted. */
export function actionLines(
  actions: readonly ChartAction[],
  utcOffsetMs: number,
  widthColumns: number,
  linesMax: number,
): string[] {
  const bySplit = [...actions].sort((a, b) => Number(b.split !== null) - Number(a.split !== null))
  const texts = bySplit.flatMap((action) => actionTexts(action, formatMarketDate(action.atMs, utcOffsetMs)))
  for (let shownCount = texts.length; shownCount > 0; shownCount--) {
    const restCount = texts.length - shownCount
    const rest = restCount === 0 ? [] : [`and ${formatCount(restCount)} more`]
    const lines = wrapParts([...texts.slice(0, shownCount), ...rest], '   ', widthColumns)
    if (lines.length <= linesMax) return lines
  }
  return []
}

function actionTexts({ split, dividend }: ChartAction, date: string): string[] {
  return [
    ...(split === null ? [] : [`S ${date} ${splitText(split)}`]),
    ...(dividend === null ? [] : [`D ${date} ${shortest(dividend)}`]),
  ]
}

/** `4:1`: four new shares for an old one; `1:10`: one for ten. */
export function splitText(factor: number): string {
  return factor >= 1 ? `${shortest(factor)}:1` : `1:${shortest(1 / factor)}`
}

/** Six digits are more than any factor means, and hide what division adds. */
function shortest(value: number): string {
  return String(Number(value.toPrecision(6)))
}
