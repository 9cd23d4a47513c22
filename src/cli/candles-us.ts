/** How are candles of the US market shown? Dates stand on the axis where minutes do elsewhere. */
import {
  type FoundIntraday,
  type FoundSessions,
  queryUsCandles,
  type UsCandleWords,
} from '../app/us-candles.ts'
import type { Interval } from '../domain/session.ts'
import { DAY_MS, MINUTE_MS, type UnixMs } from '../domain/time.ts'
import { historyToArrow } from '../store/history-arrow.ts'
import { renderCandlestickChart } from '../terminal/chart.ts'
import type { ChartAction } from '../terminal/chart-actions.ts'
import type { ChartCandle } from '../terminal/chart-columns.ts'
import {
  historyToCsv,
  historyToJson,
  renderDailyTable,
  renderIntradayTable,
} from '../terminal/daily-table.ts'
import { priceDigitsOf } from '../terminal/figures.ts'
import { sizeOf } from '../terminal/output.ts'
import { CHART_DIGITS_MAX, type Format, ROWS_BELOW_CHART } from './candles-format.ts'
import { print, type Runtime } from './runtime.ts'

type Found = FoundSessions | FoundIntraday

const INTRADAY_MS = 5 * MINUTE_MS
const ZONE_TEXT = 'New York'

export async function showUsCandles(runtime: Runtime, words: UsCandleWords, format: Format): Promise<void> {
  const found = await queryUsCandles(runtime, words)
  switch (format) {
    case 'arrow':
      process.stdout.write(historyToArrow(found.rows))
      return
    case 'csv':
      return print(historyToCsv(found.rows))
    case 'json':
      return print(historyToJson(found.rows))
    case 'table':
      return print(tableOf(found, runtime))
    case 'chart':
      return print(chartOf(found, runtime))
  }
}

function tableOf(found: Found, runtime: Runtime): string {
  const { title } = found
  if (found.kind === 'sessions') return renderDailyTable(found.rows, title, runtime)
  const { zone } = found.calendar
  return renderIntradayTable(found.rows, title, (ms) => zone.offsetMs(ms), runtime)
}

/** Times on the axis are what clocks in New York show, so that no change of them bends it. */
function chartOf(found: Found, runtime: Runtime): string {
  const { widthColumns, heightRows } = sizeOf(process.stdout)
  const prices = found.rows.flatMap(({ open, high, low, close }) => [open, high, low, close])
  const rows = found.kind === 'sessions' ? dated(found) : timed(found)
  return renderCandlestickChart(rows, {
    ...runtime,
    widthColumns,
    heightRows: heightRows - ROWS_BELOW_CHART,
    utcOffsetMs: 0,
    zoneText: ZONE_TEXT,
    title: found.title,
    priceDigits: Math.min(CHART_DIGITS_MAX, priceDigitsOf(prices)),
    ...(found.kind === 'sessions'
      ? { calendarUnit: found.unit, intervals: found.dates.map(dayOf), actions: actionsOf(found) }
      : { minutesPerCandle: INTRADAY_MS / MINUTE_MS, intervals: sessionsOf(found) }),
  })
}

function dated({ rows }: FoundSessions): ChartCandle[] {
  return rows.map(({ date, open, high, low, close, volume }) => {
    return { timestampMs: midnightOf(date), open, high, low, close, volume }
  })
}

function timed({ rows, calendar }: FoundIntraday): ChartCandle[] {
  return rows.map(({ timestampMs, open, high, low, close, volume }) => {
    const shownMs = (timestampMs + calendar.zone.offsetMs(timestampMs)) as UnixMs
    return { timestampMs: shownMs, open, high, low, close, volume }
  })
}

/** Of each session the regular hours, and before and after them as far as there are rows. */
function sessionsOf({ rows, calendar }: FoundIntraday): Interval[] {
  const [from, to] = [rows[0]!, rows.at(-1)!].map((row) => calendar.dateOf(row.timestampMs))
  const byDate = Map.groupBy(rows, (row) => calendar.dateOf(row.timestampMs))
  return calendar.sessionsBetween(from!, to!).map((session) => {
    const { fromMs, toMs } = calendar.tradingOf(session)
    const own = byDate.get(session.date) ?? []
    const firstMs = Math.min(fromMs, own[0]?.timestampMs ?? fromMs)
    const endMs = Math.max(toMs, (own.at(-1)?.timestampMs ?? 0) + INTRADAY_MS)
    return {
      fromMs: (firstMs + session.utcOffsetMs) as UnixMs,
      toMs: (endMs + session.utcOffsetMs) as UnixMs,
    }
  })
}

function actionsOf({ actions }: FoundSessions): ChartAction[] {
  return actions.map(({ date, dividend, split }) => ({
    atMs: midnightOf(date),
    split: split === 1 ? null : split,
    dividend: dividend === 0 ? null : dividend,
  }))
}

function midnightOf(date: string): UnixMs {
  return Date.parse(`${date}T00:00:00Z`) as UnixMs
}

function dayOf(date: string): Interval {
  return { fromMs: midnightOf(date), toMs: (midnightOf(date) + DAY_MS) as UnixMs }
}
