/** What does a question get where nothing stands against it? One table for each function of the vendor. */
import type { BatchFunction } from '../../domain/batch.ts'
import { DAY_MS, type MarketDate, type UnixMs } from '../../domain/time.ts'
import type { Company } from './companies.ts'
import { adjustedCloses, type DayRow, restated } from './history.ts'
import type { Market } from './market.ts'
import { BAR_MS } from './minutes.ts'
import type { Question } from './question.ts'
import { fixed, free, listJson, seriesJson, type Table } from './tables.ts'
import { newYork } from './trading-days.ts'

export type AnswerOptions = {
  readonly market: Market
  readonly question: Question
  /** Null for a listing. */
  readonly company: Company | null
  readonly nowMs: UnixMs
  /** Sessions before this date are restated; null for none. */
  readonly restatedBefore: MarketDate | null
  readonly stamps: 'start' | 'end'
}

const PRICE_NAMES = ['open', 'high', 'low', 'close', 'volume']
const ADJUSTED_CSV_NAMES =
  'timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient'.split(',')
const ADJUSTED_JSON_NAMES =
  'open,high,low,close,adjusted close,volume,dividend amount,split coefficient'.split(',')
const LISTING_NAMES = 'symbol,name,exchange,assetType,ipoDate,delistingDate,status'.split(',')
const SPLIT_NAMES = 'effective_date,split_factor'.split(',')
const DIVIDEND_NAMES = 'ex_dividend_date,declaration_date,record_date,payment_date,amount'.split(',')

const COMPACT_ROWS = 100
const RECENT_DAYS = 30

type MakeTable = (options: AnswerOptions, company: Company) => Table

const TABLES: Readonly<Record<Exclude<BatchFunction, 'LISTING_STATUS'>, MakeTable>> = {
  TIME_SERIES_DAILY: daily,
  TIME_SERIES_DAILY_ADJUSTED: dailyAdjusted,
  TIME_SERIES_INTRADAY: intraday,
  SPLITS: splits,
  DIVIDENDS: dividends,
}

export function tableFor(options: AnswerOptions): Table {
  const { question, company } = options
  if (question.function === 'LISTING_STATUS' || company === null) return listing(options)
  return TABLES[question.function](options, company)
}

function daily(options: AnswerOptions, company: Company): Table {
  const rows = historyFor(options, company).rows.map(({ date, open, high, low, close, volume }) => [
    date,
    ...[open, high, low, close].map(fixed),
    String(volume),
  ])
  const meta = dailyMeta(options, company, 'Daily Prices (open, high, low, close) and Volumes')
  return {
    rows: newestFirst(rows, options.question),
    csvNames: ['timestamp', ...PRICE_NAMES],
    json: seriesJson(meta, 'Daily', PRICE_NAMES),
  }
}

function dailyAdjusted(options: AnswerOptions, company: Company): Table {
  const { rows: days } = historyFor(options, company)
  const adjusted = adjustedCloses(days)
  const rows = days.map(({ date, open, high, low, close, volume, dividend, split }, at) => [
    date,
    ...[open, high, low, close, adjusted[at]!].map(free),
    String(volume),
    fixed(dividend),
    free(split),
  ])
  const meta = dailyMeta(options, company, 'Daily Time Series with Splits and Dividend Events')
  return {
    rows: newestFirst(rows, options.question),
    csvNames: ADJUSTED_CSV_NAMES,
    json: seriesJson(meta, 'Daily', ADJUSTED_JSON_NAMES),
  }
}

function intraday(options: AnswerOptions, company: Company): Table {
  const { market, question, nowMs, stamps } = options
  const [from, to] = spanOf(question, nowMs)
  const shiftMs = stamps === 'end' ? BAR_MS : 0
  const rows = market
    .barsOf(company, from, to, nowMs)
    .map((bar) => [
      wallText(bar.startMs + shiftMs),
      ...[bar.open, bar.high, bar.low, bar.close].map(fixed),
      String(bar.volume),
    ])
  const meta = {
    information: 'Intraday (5min) open, high, low, close prices and volume',
    symbol: company.symbol,
    refreshed: rows.at(-1)?.[0] ?? wallText(nowMs),
    interval: '5min',
    outputSize: question.outputSize === 'full' ? 'Full size' : 'Compact',
  }
  return {
    rows: newestFirst(rows, question),
    csvNames: ['timestamp', ...PRICE_NAMES],
    json: seriesJson(meta, '5min', PRICE_NAMES),
  }
}

/** The month, or the last 30 days. */
function spanOf(question: Question, nowMs: UnixMs): readonly [MarketDate, MarketDate] {
  if (question.month === null) {
    return [newYork.dateOf((nowMs - RECENT_DAYS * DAY_MS) as UnixMs), newYork.dateOf(nowMs)]
  }
  return [`${question.month}-01` as MarketDate, `${question.month}-31` as MarketDate]
}

function splits(options: AnswerOptions, company: Company): Table {
  const { rows } = historyFor(options, company)
  const told = rows.filter(({ split }) => split !== 1).map(({ date, split }) => [date, fixed(split)])
  return { rows: told.reverse(), csvNames: SPLIT_NAMES, json: listJson(company.symbol, SPLIT_NAMES) }
}

function dividends(options: AnswerOptions, company: Company): Table {
  const { rows } = historyFor(options, company)
  const told = rows
    .filter(({ dividend }) => dividend > 0)
    .map(({ date, dividend }) => [date, 'None', date, 'None', String(dividend)])
  return { rows: told.reverse(), csvNames: DIVIDEND_NAMES, json: listJson(company.symbol, DIVIDEND_NAMES) }
}

/** There is no JSON of a listing: the vendor sends CSV whatever was asked for. */
function listing({ market, question, nowMs }: AnswerOptions): Table {
  const { state } = question
  const rows = market.companies
    .listed(state, newYork.dateOf(nowMs))
    .map(({ symbol, name, exchange, assetType, ipoDate, delistingDate }) => [
      symbol,
      name,
      exchange,
      assetType,
      ipoDate,
      state === 'delisted' && delistingDate !== null ? delistingDate : 'null',
      state === 'delisted' ? 'Delisted' : 'Active',
    ])
  return { rows, csvNames: LISTING_NAMES, json: () => ({}) }
}

function historyFor(options: AnswerOptions, company: Company): ReturnType<Market['historyOf']> {
  const { market, nowMs, restatedBefore } = options
  const history = market.historyOf(company, nowMs)
  if (restatedBefore === null) return history
  return { ...history, rows: restated(history.rows, company.symbol, restatedBefore) }
}

/** `Last Refreshed` has a time of day while the session is on. */
function dailyMeta(
  options: AnswerOptions,
  company: Company,
  information: string,
): Parameters<typeof seriesJson>[0] {
  const { rows, isPartial } = options.market.historyOf(company, options.nowMs)
  const last: DayRow | undefined = rows.at(-1)
  return {
    information,
    symbol: company.symbol,
    refreshed: isPartial ? wallText(options.nowMs) : (last?.date ?? newYork.dateOf(options.nowMs)),
    interval: null,
    outputSize: options.question.outputSize === 'full' ? 'Full size' : 'Compact',
  }
}

function newestFirst<Row>(rows: Row[], { outputSize }: Question): Row[] {
  return (outputSize === 'full' ? rows : rows.slice(-COMPACT_ROWS)).reverse()
}

function wallText(atMs: number): string {
  return newYork
    .wallOf(atMs as UnixMs)
    .slice(0, 19)
    .replace('T', ' ')
}
