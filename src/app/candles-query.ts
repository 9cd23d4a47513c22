/** Which candles were asked for? Turns a command's words into a query of the lake. */
import { isSession } from '../calendars/calendar.ts'
import type { Config } from '../config.ts'
import { type Candle, type CandleTable, candleAt } from '../domain/candle.ts'
import { OperatingError } from '../domain/error.ts'
import type { Interval } from '../domain/session.ts'
import { type MarketDate, MINUTE_MS, type UnixMs } from '../domain/time.ts'
import type { Log } from '../platform/log.ts'
import { checkedDate } from '../store/lake.ts'
import { type CandleQuery, candleDates, readCandles } from '../store/read.ts'
import { INDIA, indiaCalendar } from './india-day.ts'
import { warnOfDate } from './market-date.ts'

export type CandleWords = {
  readonly symbol: string
  readonly date?: string
  readonly from?: string
  readonly to?: string
  readonly every: string
  readonly live: boolean
}

export type FoundCandles = {
  readonly table: CandleTable
  readonly candles: readonly Candle[]
  readonly date: MarketDate
  readonly utcOffsetMs: number
  readonly title: string
  /** What the time axis of a chart covers. */
  readonly intervals: readonly Interval[]
  readonly minutes: number
}

const DAY_MINUTES = 1_440

/** Throws NOT_FOUND where the lake has no such date or symbol, USAGE for words that mean nothing. */
export async function queryCandles(
  { config, log }: { readonly config: Config; readonly log: Pick<Log, 'warn'> },
  words: CandleWords,
): Promise<FoundCandles> {
  const calendar = indiaCalendar(config)
  const date = words.date === undefined ? lastDate(config) : checkedDate(words.date)
  warnOfDate(calendar, date, log)
  const utcOffsetMs = calendar.utcOffsetMsOn(date)
  const midnightMs = Date.parse(`${date}T00:00:00Z`) - utcOffsetMs
  const day = calendar.sessionOn(date)
  const phases = isSession(day) ? calendar.phasesFor(day, { exchange: 'NSE' }) : null
  const openMs = (phases?.continuous[0]?.fromMs ?? midnightMs) as UnixMs
  const minutes = minutesOf(words.every)
  const fromMs = momentOf(words.from, midnightMs, '--from')
  const toMs = momentOf(words.to, midnightMs, '--to')
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs) {
    throw new OperatingError(
      `reading --from ${words.from} and --to ${words.to}: nothing lies between; give the earlier time first`,
      { code: 'USAGE' },
    )
  }
  const wanted: CandleQuery = {
    dataDir: config.dataDir,
    market: INDIA,
    fromDate: date,
    toDate: date,
    symbol: words.symbol,
    prefer: words.live ? 'live' : 'settled',
  }
  const { table, days } = await readCandles({
    ...wanted,
    ...(fromMs === undefined ? {} : { fromMs }),
    ...(toMs === undefined ? {} : { toMs }),
    ...(minutes === 1 ? {} : { every: { minutes, anchorMsOf: () => openMs } }),
  })
  if (table.columns.rowCount === 0) await refuseUnknown(config, wanted)
  const candles = Array.from({ length: table.columns.rowCount }, (_, row) => candleAt(table, row))
  const origin = days[0]?.origin === 'settled' ? 'settled' : 'live, not settled yet'
  const axis = phases === null ? [] : cut(phases.continuous, fromMs, toMs)
  return {
    table,
    candles,
    date,
    utcOffsetMs,
    title: `${words.symbol} ${date} ${words.every} ${origin}`,
    intervals: axis,
    minutes,
  }
}

/** Nothing in a range of times is an answer; nothing of a symbol on a whole date is a slip of the pen. */
async function refuseUnknown(config: Config, wanted: CandleQuery): Promise<void> {
  const { table } = await readCandles(wanted)
  if (table.columns.rowCount > 0) return
  throw new OperatingError(
    `reading candles of ${wanted.symbol}: there are none on ${wanted.fromDate} under ${config.dataDir}; ` +
      `check the symbol against ${config.markets.in.instruments}`,
    { code: 'NOT_FOUND' },
  )
}

function lastDate(config: Config): MarketDate {
  const date = candleDates(config.dataDir, INDIA).at(-1)
  if (date !== undefined) return date
  throw new OperatingError(
    `reading candles: there are none under ${config.dataDir}; ` +
      'run `chandler stream` or `chandler demo` first, or give another --data-dir',
    { code: 'NOT_FOUND' },
  )
}

function minutesOf(text: string): number {
  const match = /^(\d{1,4})m?$/.exec(text)
  const minutes = Number(match?.[1])
  if (minutes >= 1 && minutes <= DAY_MINUTES) return minutes
  throw new OperatingError(`reading --every: "${text}" is no number of minutes; write it as 5m`, {
    code: 'USAGE',
  })
}

function momentOf(text: string | undefined, midnightMs: number, name: string): UnixMs | undefined {
  if (text === undefined) return undefined
  const match = /^([01]\d|2[0-4]):([0-5]\d)$/.exec(text)
  if (match === null) {
    throw new OperatingError(`reading ${name}: "${text}" is not a time; write it as 09:15`, { code: 'USAGE' })
  }
  return (midnightMs + (Number(match[1]) * 60 + Number(match[2])) * MINUTE_MS) as UnixMs
}

function cut(
  intervals: readonly Interval[],
  fromMs: UnixMs | undefined,
  toMs: UnixMs | undefined,
): readonly Interval[] {
  return intervals
    .map((interval) => ({
      fromMs: Math.max(interval.fromMs, fromMs ?? interval.fromMs) as UnixMs,
      toMs: Math.min(interval.toMs, toMs ?? interval.toMs) as UnixMs,
    }))
    .filter((interval) => interval.fromMs < interval.toMs)
}
