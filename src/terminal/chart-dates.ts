/**
 * Which dates stand under a chart of sessions or weeks? Where a year begins, its number; between, months or
 * days, as dense as they can be read. The chart's times are dates here, midnight of the chart's offset.
 */
import { formatMarketDate } from './figures.ts'

export type DateTick = { readonly at: number; readonly text: string; readonly rank: number }

export type DateColumns = {
  readonly startsMs: readonly number[]
  readonly positions: readonly number[]
  readonly utcOffsetMs: number
}

const LABEL_GAP_COLUMNS = 3

type Level = {
  /** How many characters of `YYYY-MM-DD` change where a day, a month or a year begins. */
  readonly until: number
  /** From which character on they are written. */
  readonly from: number
  readonly every: number
}

const DAYS: readonly Level[] = [1, 2, 5].map((every) => ({ until: 10, from: 5, every }))
const MONTHS: readonly Level[] = [1, 3, 6].map((every) => ({ until: 7, from: 0, every }))
const YEARS: readonly Level[] = [1, 2, 5, 10, 20].map((every) => ({ until: 4, from: 0, every }))
/** With so many months on the axis, days that are counted off say less than months. */
const MONTHS_MIN = 3

/** Ticks of lower rank are placed first; the first column comes last, when there is still room for it. */
export function dateLabelTicks(columns: DateColumns): DateTick[] {
  const dates = columns.startsMs.map((startMs) => formatMarketDate(startMs, columns.utcOffsetMs))
  const ticksOf = (level: Level, rank: number): DateTick[] =>
    beginningsOf(dates, level).map((index) => ({
      at: columns.positions[index]!,
      text: dates[index]!.slice(level.from, level.until),
      rank,
    }))
  const monthCount = new Set(dates.map((date) => date.slice(0, 7))).size
  const levels = [...(monthCount < MONTHS_MIN ? DAYS : DAYS.slice(0, 1)), ...MONTHS, ...YEARS]
  const firstReadable = (candidates: readonly Level[], rank: number): DateTick[] =>
    candidates.map((level) => ticksOf(level, rank)).find(isReadable) ?? []
  const first = dates[0] === undefined ? [] : [{ at: columns.positions[0]!, text: dates[0], rank: 2 }]
  return [...firstReadable(YEARS, 0), ...firstReadable(levels, 1), ...first]
}

/** Indices at which a day, month or year begins; months and years by their number, days counted off. */
function beginningsOf(dates: readonly string[], { until, every }: Level): number[] {
  const begins = dates.flatMap((date, index) =>
    index > 0 && date.slice(0, until) !== dates[index - 1]!.slice(0, until) ? [index] : [],
  )
  return begins.filter((index, count) => {
    const date = dates[index]!
    const number =
      until === 10 ? count : until === 7 ? Number(date.slice(5, 7)) - 1 : Number(date.slice(0, 4))
    return number % every === 0
  })
}

function isReadable(ticks: readonly DateTick[]): boolean {
  return ticks.every((tick, index) => {
    const before = ticks[index - 1]
    return before === undefined || tick.at - before.at >= tick.text.length + LABEL_GAP_COLUMNS
  })
}
