/**
 * What does the lake hold of a US symbol, and what was known of it at a moment? Read with DuckDB from the
 * files that curation writes; those of other symbols are not opened.
 *
 * What was known at a moment is a question to the vintages: of each session, the newest that had been fetched
 * by then; of each split and dividend likewise; and the adjustment is computed again from those alone. A
 * split of next week is thus in no price of an answer about last week.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DuckDBValue } from '@duckdb/node-api'
import { NEUTRAL_SQL } from '../curation/claims.ts'
import {
  claimsPath,
  DAILY,
  FIVE_MINUTES,
  type Frequency,
  groupOf,
  slotOf,
  slotPath,
  slotRoot,
} from '../curation/layout.ts'
import type { DailyCandle, IntradayCandle } from '../domain/daily-candle.ts'
import { OperatingError, systemCodeOf } from '../domain/error.ts'
import { DAY_MS, type MarketDate, type UnixMs } from '../domain/time.ts'
import { fileError } from '../platform/durable.ts'
import type { Zone } from '../platform/zone.ts'
import { firstLineOf, literal, openDuckDb } from '../store/read.ts'
import { type Action, adjust } from './us-adjustment.ts'

export type HistoryQuery = {
  readonly dataDir: string
  readonly market: 'us'
  readonly symbol: string
  readonly zone: Zone
}

/** Both included. */
export type DateRange = { readonly from: MarketDate; readonly to: MarketDate }

/** All sessions of a symbol, ascending. Throws NOT_FOUND where there are none. */
export async function readSessions(query: HistoryQuery): Promise<readonly DailyCandle[]> {
  const rows = await ask(query, filesOf(query, 'candles', DAILY), dailySql('true'))
  if (rows.length === 0) throw unknownSymbol(query)
  return rows.map(dailyCandle)
}

/** What was known before `untilMs`, ascending; no rows where nothing was. */
export async function readSessionsAsOf(
  query: HistoryQuery,
  untilMs: UnixMs,
): Promise<readonly DailyCandle[]> {
  const known = `epoch_ms(fetched_at) < ${untilMs}
    qualify row_number() over (partition by timestamp order by fetched_at desc) = 1`
  const rows = await ask(query, vintageFiles(query), dailySql(known))
  return adjust(rows.map(dailyCandle), await readActionsAsOf(query, untilMs))
}

/** When the first of all that is held of a symbol was fetched. Throws NOT_FOUND where nothing is held. */
export async function firstFetchMs(query: HistoryQuery): Promise<UnixMs> {
  const sql = (source: string): string =>
    `select epoch_ms(min(fetched_at))::double as first_ms from ${source}`
  const [row] = await ask(query, vintageFiles(query), sql)
  if (row === undefined || row.first_ms === null) throw unknownSymbol(query)
  return Number(row.first_ms) as UnixMs
}

/** Rows that hold, and those that they superseded. */
function vintageFiles(query: HistoryQuery): readonly string[] {
  return [...filesOf(query, 'candles', DAILY), ...filesOf(query, 'vintages', DAILY)]
}

/** Splits and dividends as they were known before `untilMs`, ascending. */
async function readActionsAsOf(query: HistoryQuery, untilMs: UnixMs): Promise<readonly Action[]> {
  const path = claimsPath(query.market)
  const files = existsSync(join(query.dataDir, path)) ? [path] : []
  const rows = await ask(query, files, (source) => winnersSql(source, untilMs))
  return rows.map(({ at_ms, kind, value }) => ({
    date: dateOf(Number(at_ms)),
    kind: kind as Action['kind'],
    value: Number(value),
  }))
}

/**
 * Which of what is claimed holds: as in curation (adjust.ts there), among the claims of that time. An answer
 * of its own beats the coefficients of daily rows for all dates that it covers; when it was last confirmed
 * before `untilMs` is not kept once it was confirmed later, so then it covers what it did when it was new.
 */
function winnersSql(source: string, untilMs: UnixMs): string {
  return `
    with known as (select * from ${source} where kind <> 'adjustment' and epoch_ms(fetched_at) < ${untilMs}),
    newest as (
      select * from known
      qualify row_number() over (partition by timestamp, kind, origin order by revision desc) = 1),
    covered as (
      select kind, max(case when epoch_ms(confirmed_at) < ${untilMs} then epoch_ms(confirmed_at)
                            else epoch_ms(fetched_at) end) as until_ms
      from known where origin <> 'DAILY_ADJUSTED' group by kind),
    paired as (
      select epoch_ms(timestamp) as ms, kind,
        max(value) filter (origin <> 'DAILY_ADJUSTED') as dedicated,
        max(value) filter (origin = 'DAILY_ADJUSTED') as told
      from newest group by ms, kind),
    decided as (
      select ms, kind,
        case when dedicated is not null then dedicated
             when until_ms is null or ms + ${DAY_MS} > until_ms then told
             else ${NEUTRAL_SQL} end as decision
      from paired left join covered using (kind))
    select ms::double as at_ms, kind, decision as value from decided
    where decision <> ${NEUTRAL_SQL} order by at_ms, kind`
}

/** First and last date with candles of five minutes. Throws NOT_FOUND where there are none. */
export async function intradayDates(query: HistoryQuery): Promise<DateRange> {
  const sql = (source: string): string =>
    `select epoch_ms(min(timestamp))::double as first_ms, epoch_ms(max(timestamp))::double as last_ms
     from ${source}`
  const [row] = await ask(query, filesOf(query, 'candles', FIVE_MINUTES), sql)
  if (row === undefined || row.first_ms === null) throw noIntraday(query)
  const dates = [row.first_ms, row.last_ms].map((ms) => query.zone.dateOf(Number(ms) as UnixMs))
  return { from: dates[0]!, to: dates[1]! }
}

/** Candles of five minutes that start in [fromMs, toMs), ascending. */
export async function readIntraday(
  query: HistoryQuery,
  fromMs: UnixMs,
  toMs: UnixMs,
): Promise<readonly IntradayCandle[]> {
  const sql = (source: string): string => `
    select ${PRICES_SQL} from ${source}
    where epoch_ms(timestamp) >= ${fromMs} and epoch_ms(timestamp) < ${toMs} order by timestamp`
  return (await ask(query, filesOf(query, 'candles', FIVE_MINUTES), sql)).map(intradayCandle)
}

/** Numbers as doubles, so that none comes as a bigint; times as unix ms. */
const PRICES_SQL = `symbol, epoch_ms(timestamp)::double as at_ms, open, high, low, close,
    volume::double as volume, source, epoch_ms(fetched_at)::double as fetched_at_ms`

/** Vintages have no adjustment of their own: there the three columns are null. */
function dailySql(condition: string): (source: string) => string {
  return (source) => `
    select ${PRICES_SQL}, adj_close, dividend_amt, split_coef from ${source}
    where ${condition} order by at_ms`
}

/** One file of each era: a symbol's place in the grid is the same in all of them. */
function filesOf(
  { dataDir, market, symbol }: HistoryQuery,
  kind: 'candles' | 'vintages',
  frequency: Frequency,
): readonly string[] {
  const slot = slotOf(groupOf(symbol), frequency)
  return namesIn(join(dataDir, slotRoot(market, kind, frequency)))
    .map((era) => slotPath(market, kind, frequency, { era, slot }))
    .filter((path) => existsSync(join(dataDir, path)))
}

type Row = Readonly<Record<string, DuckDBValue>>

/** `sqlOf` is given a source that has the symbol's rows and no others. */
async function ask(
  { dataDir, symbol }: HistoryQuery,
  files: readonly string[],
  sqlOf: (source: string) => string,
): Promise<readonly Row[]> {
  if (files.length === 0) return []
  const { instance, connection } = await openDuckDb()
  const list = files.map((path) => literal(join(dataDir, path))).join(', ')
  const parquet = `read_parquet([${list}], hive_partitioning = false, union_by_name = true)`
  try {
    const reader = await connection.runAndReadAll(sqlOf(`(from ${parquet} where symbol = $symbol)`), {
      symbol,
    })
    return reader.getRowObjects()
  } catch (error) {
    throw new OperatingError(
      `reading candles of ${symbol}: ${firstLineOf(error)}; a file there is damaged, curate once more`,
      { code: 'PARQUET_INVALID', cause: error },
    )
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

function dailyCandle(row: Row): DailyCandle {
  return {
    ...intradayCandle(row),
    date: dateOf(Number(row.at_ms)),
    adjustedClose: row.adj_close === null ? null : Number(row.adj_close),
    dividend: Number(row.dividend_amt ?? 0),
    split: Number(row.split_coef ?? 1),
  }
}

function intradayCandle(row: Row): IntradayCandle {
  return {
    symbol: String(row.symbol),
    timestampMs: Number(row.at_ms) as UnixMs,
    open: Number(row.open),
    high: Number(row.high),
    low: Number(row.low),
    close: Number(row.close),
    volume: row.volume === null ? null : Number(row.volume),
    source: String(row.source),
    fetchedAtMs: Number(row.fetched_at_ms) as UnixMs,
  }
}

/** A session's candle and an action are stamped with their date, as if the market's zone were UTC. */
function dateOf(atMs: number): MarketDate {
  return new Date(atMs).toISOString().slice(0, 10) as MarketDate
}

function unknownSymbol({ dataDir, market, symbol }: HistoryQuery): OperatingError {
  const isEmpty = namesIn(join(dataDir, slotRoot(market, 'candles', DAILY))).length === 0
  const what = isEmpty
    ? `there is no history of the market ${market} under ${dataDir} yet; run \`chandler backfill\` first`
    : `none are held under ${dataDir}; check the symbol, as the vendor writes it, or \`chandler backfill\` it`
  return new OperatingError(`reading candles of ${symbol}: ${what}`, { code: 'NOT_FOUND' })
}

/** A backfill asks for sessions only: who is sent there comes back with nothing. */
function noIntraday({ dataDir, symbol }: HistoryQuery): OperatingError {
  return new OperatingError(
    `reading candles of ${symbol}: none of 5 minutes are held under ${dataDir}; check the symbol, as the ` +
      'vendor writes it; `chandler batch intraday --market us` asks for those of the month',
    { code: 'NOT_FOUND' },
  )
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir).sort()
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw fileError('listing', dir, error)
  }
}
