/**
 * What were the prices within the session? TIME_SERIES_INTRADAY, CSV and JSON, as bars by their start in
 * UTC.
 */
import type {
  BatchAnswer,
  BatchWish,
  IntradayBar,
  IntradaySeries,
  StampConvention,
} from '../../domain/batch.ts'
import { MINUTE_MS, type UnixMs } from '../../domain/time.ts'
import { conventionOf } from './convention.ts'
import { readCsvRows, type TakeRow } from './csv-rows.ts'
import { PRICE_COLUMNS } from './daily.ts'
import { openSeries, readJsonRows } from './json-rows.ts'
import { ascending } from './order.ts'
import { refusalOfBody } from './refusals.ts'
import { INTERVAL_MINUTES } from './requests.ts'
import { EasternDays, minuteOfDay } from './stamps.ts'
import { refuse } from './words.ts'

/** As it stands in the answer: `label` in minutes since midnight, `labelMs` the same moment in UTC. */
type LabelledBar = {
  readonly label: number
  readonly labelMs: UnixMs
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
}

export function readIntraday(wish: BatchWish, body: string): BatchAnswer<IntradaySeries> {
  const refused = refusalOfBody(body, wish.format)
  if (refused !== null) return refused
  return wish.format === 'csv' ? readCsv(body) : readJson(wish, body)
}

/** CSV does not tell the interval: labels off the grid that was asked for can only be bars of a minute. */
function readCsv(body: string): BatchAnswer<IntradaySeries> {
  const bars: LabelledBar[] = []
  const problem = readCsvRows(body, PRICE_COLUMNS, barTaker(bars))
  const isAsAsked = bars.every(({ label }) => label % INTERVAL_MINUTES === 0)
  return seriesOf(problem, bars, isAsAsked ? INTERVAL_MINUTES : 1)
}

function readJson(wish: BatchWish, body: string): BatchAnswer<IntradaySeries> {
  const series = openSeries(body, wish.symbol)
  if (!series.ok) return series
  const intervalMinutes = Number(/^(1|5|15|30|60)min$/.exec(series.value.kind)?.[1])
  if (Number.isNaN(intervalMinutes)) return refuse('not_understood', `a series of ${series.value.kind}`)
  const bars: LabelledBar[] = []
  return seriesOf(readJsonRows(series.value.rows, PRICE_COLUMNS, barTaker(bars)), bars, intervalMinutes)
}

function seriesOf(
  problem: string | null,
  bars: LabelledBar[],
  intervalMinutes: number,
): BatchAnswer<IntradaySeries> {
  if (problem !== null) return refuse('not_understood', problem)
  if (bars.length === 0) return refuse('no_data', 'an answer without rows')
  const ordered = ascending(bars, (left, right) => left.labelMs - right.labelMs)
  if (ordered === null) return refuse('not_understood', 'two different rows of one time')
  const convention = conventionOf(ordered, intervalMinutes)
  return {
    ok: true,
    value: { intervalMinutes, convention, bars: barsByStart(ordered, convention, intervalMinutes) },
  }
}

function barsByStart(
  bars: readonly LabelledBar[],
  convention: StampConvention,
  intervalMinutes: number,
): readonly IntradayBar[] {
  if (convention === 'unknown') return []
  const backMs = convention === 'end' ? intervalMinutes * MINUTE_MS : 0
  return bars.map(({ labelMs, open, high, low, close, volume }) => ({
    timestampMs: (labelMs - backMs) as UnixMs,
    open,
    high,
    low,
    close,
    volume,
  }))
}

function barTaker(bars: LabelledBar[]): TakeRow {
  const days = new EasternDays()
  return (stamp, cells) => {
    const label = minuteOfDay(stamp)
    const labelMs = Number.isNaN(label) ? null : days.utcOf(stamp, label)
    if (labelMs === null) return 'not a time'
    if (cells[4]! < 0) return 'a negative volume'
    bars.push({
      label,
      labelMs,
      open: cells[0]!,
      high: cells[1]!,
      low: cells[2]!,
      close: cells[3]!,
      volume: cells[4]!,
    })
    return null
  }
}
