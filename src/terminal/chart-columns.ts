/**
 * Which minute stands in which column of the chart?
 *
 * The axis is made of slots: every minute of the intervals, whether it has a candle or not, so that a
 * silent minute keeps its place and stays empty. Without intervals each market date reaches from its
 * first candle to its last; the night between two dates is no minute of anything. When there are more
 * slots than columns, neighbours of one interval share a column, as many as are needed.
 */
import type { Candle } from '../domain/candle.ts'
import type { Interval } from '../domain/session.ts'
import { DAY_MS, MINUTE_MS } from '../domain/time.ts'

/** What of a candle is drawn. Without `complete` or `source`, there is nothing about it to mark. */
export type ChartCandle = Pick<Candle, 'timestampMs' | 'open' | 'high' | 'low' | 'close' | 'volume'> &
  Partial<Pick<Candle, 'complete' | 'source'>>

export type ChartColumn = {
  /** Start of the first slot of the column, Unix ms. */
  readonly startMs: number
  readonly slotCount: number
  /** Slots of the column without a candle. */
  readonly missingCount: number
  /** Null: the column is empty. */
  readonly candle: ColumnCandle | null
}

export type ColumnCandle = {
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  /** Null: the feed carries no volume. */
  readonly volume: number | null
  readonly incomplete: boolean
  readonly vendor: boolean
}

export type ChartColumns = {
  readonly columns: readonly ChartColumn[]
  readonly slotsPerColumn: number
  readonly slotCount: number
  readonly missingCount: number
}

/** Slots per column go up this ladder, so that a column is a span of time with a name. */
const SPANS: readonly number[] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 60, 120, 180, 240, 360, 720, 1440]

/** `candles` in order of time, prices finite; at most `columnsMax` columns come back (at least 1 allowed). */
export function arrangeColumns(
  candles: readonly ChartCandle[],
  intervals: readonly Interval[],
  slotMs: number,
  columnsMax: number,
): ChartColumns {
  const runs = intervals.map((interval) => slotsOf(interval, slotMs))
  const slotCount = runs.reduce((sum, run) => sum + run.length, 0)
  const slotsPerColumn = spanFor(runs, Math.max(1, columnsMax))
  // More intervals than columns: only then does a column reach over the end of an interval.
  const joined = columnCountOf(runs, slotsPerColumn) > columnsMax ? [runs.flat()] : runs
  const bySlot = Map.groupBy(candles, (candle) => slotStartOf(candle.timestampMs, intervals, slotMs))
  const columns: ChartColumn[] = []
  for (const run of joined) {
    for (let at = 0; at < run.length; at += slotsPerColumn) {
      columns.push(columnOf(run.slice(at, at + slotsPerColumn), bySlot))
    }
  }
  const missingCount = columns.reduce((sum, column) => sum + column.missingCount, 0)
  return { columns, slotsPerColumn, slotCount, missingCount }
}

/** Each market date from its first candle to its last. */
export function intervalsOf(
  candles: readonly ChartCandle[],
  slotMs: number,
  utcOffsetMs: number,
): Interval[] {
  const dates = Map.groupBy(candles, ({ timestampMs }) => Math.floor((timestampMs + utcOffsetMs) / DAY_MS))
  return [...dates.values()].map((ofDate) => ({
    fromMs: ofDate[0]!.timestampMs,
    toMs: (ofDate.at(-1)!.timestampMs + slotMs) as Interval['toMs'],
  }))
}

export function isWithin(timeMs: number, intervals: readonly Interval[]): boolean {
  return intervals.some(({ fromMs, toMs }) => timeMs >= fromMs && timeMs < toMs)
}

function slotsOf({ fromMs, toMs }: Interval, slotMs: number): number[] {
  const count = Math.max(0, Math.ceil((toMs - fromMs) / slotMs))
  return Array.from({ length: count }, (_, at) => fromMs + at * slotMs)
}

function slotStartOf(timeMs: number, intervals: readonly Interval[], slotMs: number): number {
  const interval = intervals.find(({ fromMs, toMs }) => timeMs >= fromMs && timeMs < toMs)
  if (interval === undefined) return Number.NaN
  return interval.fromMs + Math.floor((timeMs - interval.fromMs) / slotMs) * slotMs
}

function columnCountOf(runs: readonly (readonly number[])[], slotsPerColumn: number): number {
  return runs.reduce((sum, run) => sum + Math.ceil(run.length / slotsPerColumn), 0)
}

function spanFor(runs: readonly (readonly number[])[], columnsMax: number): number {
  const fitting = SPANS.find((span) => columnCountOf(runs, span) <= columnsMax)
  if (fitting !== undefined) return fitting
  const slotCount = runs.reduce((sum, run) => sum + run.length, 0)
  return Math.ceil(slotCount / columnsMax)
}

function columnOf(
  slots: readonly number[],
  bySlot: ReadonlyMap<number, readonly ChartCandle[]>,
): ChartColumn {
  const candles = slots.flatMap((slot) => bySlot.get(slot) ?? [])
  return {
    startMs: slots[0]!,
    slotCount: slots.length,
    missingCount: slots.filter((slot) => !bySlot.has(slot)).length,
    candle: candles.length === 0 ? null : joinCandles(candles),
  }
}

/** Open of the first, close of the last; marked when any of them is marked. `candles` is not empty. */
export function joinCandles(candles: readonly ChartCandle[]): ColumnCandle {
  const first = candles[0]!
  let high = first.high
  let low = first.low
  let volume: number | null = null
  for (const candle of candles) {
    // All four prices count, so that a candle whose high is below its open is shown as it is.
    high = Math.max(high, candle.open, candle.high, candle.low, candle.close)
    low = Math.min(low, candle.open, candle.high, candle.low, candle.close)
    if (candle.volume !== null) volume = (volume ?? 0) + candle.volume
  }
  return {
    open: first.open,
    high,
    low,
    close: candles.at(-1)!.close,
    volume,
    incomplete: candles.some(({ complete, source }) => complete === false && source !== 'vendor'),
    vendor: candles.some((candle) => candle.source === 'vendor'),
  }
}

/** `1 minute`, `15 minutes`, `2 hours`: the span of one column. */
export function spanText(slotsPerColumn: number, slotMs: number): string {
  const minutes = (slotsPerColumn * slotMs) / MINUTE_MS
  if (minutes % 60 === 0 && minutes >= 60) return minutes === 60 ? '1 hour' : `${minutes / 60} hours`
  return minutes === 1 ? '1 minute' : `${Number(minutes.toFixed(2))} minutes`
}
