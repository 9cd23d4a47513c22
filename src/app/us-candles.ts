/**
 * Which candles of the US market were asked for? Turns a command's words into rows: sessions, weeks, or what
 * is held of a day. History is short (a symbol has some thousand sessions), so a symbol's sessions are read
 * whole: that tells from where to where it is held, and an adjustment needs all that came later anyway.
 */
import type { Calendar } from '../calendars/calendar.ts'
import { addDays, weekdayOf } from '../calendars/dates.ts'
import type { Config } from '../config.ts'
import type { DailyCandle, IntradayCandle } from '../domain/daily-candle.ts'
import { OperatingError } from '../domain/error.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'
import type { Log } from '../platform/log.ts'
import { checkedDate } from '../store/lake.ts'
import { sessionOn, warnOfDate } from './market-date.ts'
import {
  type DateRange,
  firstFetchMs,
  type HistoryQuery,
  intradayDates,
  readIntraday,
  readSessions,
  readSessionsAsOf,
} from './us-history.ts'
import { US, usCalendar } from './us-market.ts'

export type UsCandleWords = {
  readonly symbol: string
  readonly date?: string
  readonly from?: string
  readonly to?: string
  /** `1d` when absent. */
  readonly every?: string
  /** Opens, highs, lows and closes as they compare with the newest session's. */
  readonly adjusted: boolean
  /** What was known at the end of that date in the market's zone. */
  readonly asOf?: string
}

export type FoundSessions = {
  readonly kind: 'sessions'
  readonly unit: 'session' | 'week'
  readonly title: string
  readonly rows: readonly DailyCandle[]
  /** Splits and dividends on their own dates, also where rows are weeks. */
  readonly actions: readonly ShareAction[]
  /** The dates that a chart's axis has, from the first row to the last: sessions, or the Mondays of weeks. */
  readonly dates: readonly MarketDate[]
}

export type ShareAction = Pick<DailyCandle, 'date' | 'dividend' | 'split'>

export type FoundIntraday = {
  readonly kind: 'intraday'
  readonly title: string
  readonly rows: readonly IntradayCandle[]
  readonly calendar: Calendar
}

type Range = { readonly from: MarketDate | null; readonly to: MarketDate | null }

/** Throws NOT_FOUND where the lake has no such symbol or date, USAGE for words that mean nothing. */
export async function queryUsCandles(
  { config, log }: { readonly config: Config; readonly log: Pick<Log, 'warn'> },
  words: UsCandleWords,
): Promise<FoundSessions | FoundIntraday> {
  const calendar = usCalendar(config)
  const every = everyOf(words)
  const range = rangeOf(words, calendar)
  const asOf = words.asOf === undefined ? null : checkedDate(words.asOf)
  for (const date of new Set([range.from, range.to, asOf])) {
    if (date !== null) warnOfDate(calendar, date, log)
  }
  const query: HistoryQuery = {
    dataDir: config.dataDir,
    market: US,
    symbol: words.symbol,
    zone: calendar.zone,
  }
  if (every === '5m') return await intraday(query, range, calendar)
  const all = asOf === null ? await readSessions(query) : await knownAt(query, calendar, asOf)
  const chosen = chosenRows(all, range, words.symbol)
  const rows = words.adjusted ? chosen.map(adjusted) : chosen
  const prices = words.adjusted ? 'adjusted' : 'as traded'
  const title = [`${words.symbol} ${every} ${prices}`, ...(asOf === null ? [] : [`as known on ${asOf}`])]
  const sessions = calendar.sessionsBetween(rows[0]!.date, rows.at(-1)!.date).map(({ date }) => date)
  const isWeekly = every === '1w'
  return {
    kind: 'sessions',
    unit: isWeekly ? 'week' : 'session',
    title: title.join(', '),
    rows: isWeekly ? weeksOf(rows) : rows,
    actions: rows.filter(({ dividend, split }) => dividend !== 0 || split !== 1),
    dates: isWeekly ? [...new Set(sessions.map(mondayOf))] : sessions,
  }
}

const WIDTHS = ['1d', '1w', '5m'] as const

function everyOf({ every = '1d', adjusted, asOf }: UsCandleWords): (typeof WIDTHS)[number] {
  const width = WIDTHS.find((known) => known === every)
  if (width === undefined) {
    throw usage(`--every: "${every}" is no width that the US market has; use ${WIDTHS.join(', ')}`)
  }
  if (width === '5m' && (adjusted || asOf !== undefined)) {
    throw usage('--every 5m: --adjusted and --as-of are for sessions and weeks; use --every 1d or 1w')
  }
  return width
}

function rangeOf({ date, from, to }: UsCandleWords, calendar: Calendar): Range {
  if (date !== undefined) {
    if (from !== undefined || to !== undefined) {
      throw usage('--date: it is one session; use it alone, or --from and --to')
    }
    const only = sessionOn(calendar, checkedDate(date)).date
    return { from: only, to: only }
  }
  const range = {
    from: from === undefined ? null : checkedDate(from),
    to: to === undefined ? null : checkedDate(to),
  }
  if (range.from !== null && range.to !== null && range.from > range.to) {
    throw usage(
      `--from ${range.from} and --to ${range.to}: nothing lies between; give the earlier date first`,
    )
  }
  return range
}

/** What a year of sessions is; the default, in every format. */
const DEFAULT_DAYS = 365

/** Without `from`, the year up to `to`, or up to the last row. */
function chosenRows(all: readonly DailyCandle[], range: Range, symbol: string): readonly DailyCandle[] {
  const to = range.to ?? all.at(-1)!.date
  const from = range.from ?? addDays(to, -DEFAULT_DAYS)
  const chosen = all.filter(({ date }) => date >= from && date <= to)
  if (chosen.length > 0) return chosen
  throw noneIn(symbol, { from, to }, { from: all[0]!.date, to: all.at(-1)!.date })
}

async function knownAt(
  query: HistoryQuery,
  calendar: Calendar,
  asOf: MarketDate,
): Promise<readonly DailyCandle[]> {
  const endMs = midnight(calendar, addDays(asOf, 1))
  const rows = await readSessionsAsOf(query, endMs)
  if (rows.length > 0) return rows
  const firstMs = await firstFetchMs(query)
  throw notFound(
    `reading candles of ${query.symbol} as known on ${asOf}: nothing was known yet; ` +
      `what is held was fetched from ${calendar.dateOf(firstMs)} on`,
  )
}

/** Without a range, the last date that has any. */
async function intraday(query: HistoryQuery, range: Range, calendar: Calendar): Promise<FoundIntraday> {
  const held = await intradayDates(query)
  const to = range.to ?? held.to
  const from = range.from ?? (range.to === null ? to : held.from)
  const fromMs = midnight(calendar, from)
  const toMs = midnight(calendar, addDays(to, 1))
  const rows = await readIntraday(query, fromMs, toMs)
  if (rows.length === 0) throw noneIn(query.symbol, { from, to }, held)
  const dates = [rows[0]!, rows.at(-1)!].map((row) => calendar.dateOf(row.timestampMs))
  const title = `${query.symbol} 5m ${[...new Set(dates)].join(' to ')}, as traded`
  return { kind: 'intraday', title, rows, calendar }
}

function midnight({ zone }: Calendar, date: MarketDate): UnixMs {
  const ms = zone.utcOf(date)
  if (ms === null) throw new Error(`${date} has no midnight in ${zone.name}`)
  return ms
}

function noneIn(symbol: string, { from, to }: DateRange, held: DateRange): OperatingError {
  const asked = from === to ? `on ${from}` : `from ${from} to ${to}`
  return notFound(
    `reading candles of ${symbol}: there are none ${asked}; held are ${held.from} to ${held.to}`,
  )
}

/** All prices by the factor of the close; unknown where that is. */
function adjusted(row: DailyCandle): DailyCandle {
  const factor = row.adjustedClose === null ? Number.NaN : row.adjustedClose / row.close
  const { open, high, low } = row
  return {
    ...row,
    open: open * factor,
    high: high * factor,
    low: low * factor,
    close: row.adjustedClose ?? Number.NaN,
  }
}

/** Weeks have the date of their Monday, session or not, so that they stand at equal distances. */
function weeksOf(rows: readonly DailyCandle[]): readonly DailyCandle[] {
  const weeks = Map.groupBy(rows, ({ date }) => mondayOf(date))
  return [...weeks].map(([monday, days]) => {
    const volumes = days.flatMap(({ volume }) => (volume === null ? [] : [volume]))
    return {
      ...days.at(-1)!,
      date: monday,
      timestampMs: days[0]!.timestampMs,
      open: days[0]!.open,
      high: Math.max(...days.map(({ high }) => high)),
      low: Math.min(...days.map(({ low }) => low)),
      volume: volumes.length === 0 ? null : volumes.reduce((sum, volume) => sum + volume, 0),
      dividend: days.reduce((sum, { dividend }) => sum + dividend, 0),
      split: days.reduce((product, { split }) => product * split, 1),
    }
  })
}

function mondayOf(date: MarketDate): MarketDate {
  return addDays(date, -((weekdayOf(date) + 6) % 7))
}

function usage(what: string): OperatingError {
  return new OperatingError(`reading ${what}`, { code: 'USAGE' })
}

function notFound(what: string): OperatingError {
  return new OperatingError(what, { code: 'NOT_FOUND' })
}
