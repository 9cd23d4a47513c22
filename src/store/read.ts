/**
 * What candles does the lake hold? Read with DuckDB, which is loaded only when somebody asks: the
 * worker that listens never pays for it. The settled day is preferred; before the settle, the live parts.
 *
 * Files are named one by one, never by a glob, and against the manifest: a published part that is gone
 * is an error, not a shorter answer. Symbols reach SQL as bound parameters only.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import type { CandleTable } from '../domain/candle.ts'
import { messageOf, OperatingError, systemCodeOf } from '../domain/error.ts'
import { type MarketDate, MINUTE_MS, type UnixMs } from '../domain/time.ts'
import { fileError } from '../platform/durable.ts'
import { aggregateCandles, type Buckets, bucketStart } from './aggregate.ts'
import { CandleRows } from './candle-rows.ts'
import {
  checkedDate,
  dateOfFolder,
  hhmmOfName,
  type LakeDay,
  type LakeFile,
  partsDir,
  partsRoot,
  pathOf,
  settledRoot,
} from './lake.ts'
import { entriesByPath, readManifest } from './manifest.ts'
import { sortCandles } from './order.ts'
import { CANDLE_FIELDS, type Field } from './schema.ts'

/** 'settled': the day's final candles; 'live': the parts as finalised during the session. */
export type CandleOrigin = 'settled' | 'live'

export type CandleQuery = {
  readonly dataDir: string
  readonly market: string
  /** Both inclusive; the same date twice for one day. */
  readonly fromDate: MarketDate
  readonly toDate: MarketDate
  /** All symbols when absent. */
  readonly symbol?: string
  /** Candles that start in [fromMs, toMs); with `every`, buckets that overlap it, whole. */
  readonly fromMs?: UnixMs
  readonly toMs?: UnixMs
  /** Wider candles, counted from each day's anchor, the session's open. */
  readonly every?: { readonly minutes: number; readonly anchorMsOf: (date: MarketDate) => UnixMs }
  /** Default 'settled'. The other origin is taken where the preferred one has nothing. */
  readonly prefer?: CandleOrigin
}

export type CandlesRead = {
  /** Sorted by symbol, then timestamp. No rows when the symbol had none. */
  readonly table: CandleTable
  readonly days: readonly { readonly date: MarketDate; readonly origin: CandleOrigin }[]
}

/**
 * Throws NOT_FOUND, naming the dates there are, when the lake holds none of the dates asked for,
 * VERIFY_FAILED when a published file is gone, and PARQUET_INVALID when one cannot be read.
 */
export async function readCandles(query: CandleQuery): Promise<CandlesRead> {
  const dates = datesAsked(query)
  const { instance, connection } = await openDuckDb()
  try {
    const rows = new CandleRows()
    const days: { date: MarketDate; origin: CandleOrigin }[] = []
    for (const date of dates) {
      const { origin, paths } = filesOf(query, date)
      rows.addTable(await readDay(connection, query, date, paths))
      days.push({ date, origin })
    }
    return { table: sortCandles(rows.table()), days }
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** Dates with candles, settled or live, in order. */
export function candleDates(dataDir: string, market: string): readonly MarketDate[] {
  const dates = new Set<MarketDate>()
  for (const root of [settledRoot(market), partsRoot(market)]) {
    for (const folder of namesIn(join(dataDir, root))) {
      const date = dateOfFolder(folder)
      if (date !== null && namesIn(join(dataDir, root, folder)).length > 0) dates.add(date)
    }
  }
  return [...dates].sort()
}

function datesAsked(query: CandleQuery): readonly MarketDate[] {
  const { dataDir, market } = query
  const fromDate = checkedDate(query.fromDate)
  const toDate = checkedDate(query.toDate)
  const existing = candleDates(dataDir, market)
  const asked = existing.filter((date) => date >= fromDate && date <= toDate)
  if (asked.length > 0) return asked
  const range = fromDate === toDate ? fromDate : `${fromDate} to ${toDate}`
  throw new OperatingError(`reading candles of ${range}: there are none in ${dataDir}; ${told(existing)}`, {
    code: 'NOT_FOUND',
  })
}

const DATES_TOLD_MAX = 10

function told(dates: readonly MarketDate[]): string {
  if (dates.length === 0) return 'the lake holds no candles yet, run `chandler stream` or `chandler demo`'
  const last = dates.slice(-DATES_TOLD_MAX).join(', ')
  return dates.length <= DATES_TOLD_MAX
    ? `there are ${last}`
    : `there are ${dates.length} dates from ${dates[0]}, the last are ${last}`
}

function filesOf(query: CandleQuery, date: MarketDate): { origin: CandleOrigin; paths: string[] } {
  const day: LakeDay = { market: query.market, date }
  const settled = pathOf({ kind: 'day', day })
  const listed = [...entriesByPath(readManifest(query.dataDir, day)).values()]
  const settledPaths = existsSync(join(query.dataDir, settled)) ? [settled] : []
  const live = namesIn(join(query.dataDir, partsDir(day)))
    .filter((name) => hhmmOfName(name) !== null)
    .map((name) => `${partsDir(day)}/${name}`)
  const wantLive = query.prefer === 'live' ? live.length > 0 : settledPaths.length === 0
  const origin: CandleOrigin = wantLive ? 'live' : 'settled'
  const paths = wantLive ? live : settledPaths
  // A settled day stands in for all parts; parts do not stand in, unasked, for a settled day that is gone.
  const wanted = (kind: LakeFile['kind']): boolean =>
    (kind === 'part' && wantLive) || (kind === 'day' && query.prefer !== 'live')
  const required = listed.filter((entry) => entry.sha256 !== null && wanted(entry.kind))
  const gone = required.find((entry) => !existsSync(join(query.dataDir, entry.path)))
  if (gone !== undefined) {
    throw new OperatingError(
      `reading candles of ${date}: ${gone.path} was published and is gone; run \`chandler verify\``,
      { code: 'VERIFY_FAILED' },
    )
  }
  return { origin, paths }
}

async function readDay(
  connection: DuckDBConnection,
  query: CandleQuery,
  date: MarketDate,
  paths: readonly string[],
): Promise<CandleTable> {
  const rows = new CandleRows()
  if (paths.length === 0) return rows.table()
  const { dataDir, every } = query
  const buckets: Buckets | undefined = every && {
    widthMs: every.minutes * MINUTE_MS,
    anchorMs: every.anchorMsOf(date),
  }
  const { conditions, values } = filterOf(query, buckets)
  const columns = CANDLE_FIELDS.map(selected).join(', ')
  const files = paths.map((path) => literal(join(dataDir, path))).join(', ')
  // Without hive partitioning, or a folder `symbol=…` above the lake would take a column's place.
  const source = `read_parquet([${files}], hive_partitioning = false)`
  const sql = `SELECT ${columns} FROM ${source} WHERE ${conditions.join(' AND ')}`
  try {
    await collect(connection, sql, values, rows)
  } catch (error) {
    throw new OperatingError(
      `reading candles of ${date}: ${firstLineOf(error)}; a file there is damaged, run \`chandler verify\``,
      { code: 'PARQUET_INVALID', cause: error },
    )
  }
  return buckets === undefined ? rows.table() : aggregateCandles(rows.table(), buckets)
}

/** DuckDB explains itself over many lines. */
export function firstLineOf(error: unknown): string {
  return messageOf(error).split('\n', 1)[0]!
}

type Filter = { readonly conditions: readonly string[]; readonly values: Record<string, string | number> }

/** With buckets, the bounds are widened to whole buckets: half a bucket would pass for a whole one. */
function filterOf({ symbol, fromMs, toMs }: CandleQuery, buckets: Buckets | undefined): Filter {
  const conditions = ['true']
  const values: Record<string, string | number> = {}
  if (symbol !== undefined) {
    conditions.push('symbol = $symbol')
    values.symbol = symbol
  }
  if (fromMs !== undefined) {
    conditions.push('epoch_ms(timestamp) >= $fromMs')
    values.fromMs = buckets === undefined ? fromMs : bucketStart(fromMs, buckets)
  }
  if (toMs !== undefined) {
    conditions.push('epoch_ms(timestamp) < $toMs')
    values.toMs = buckets === undefined ? toMs : bucketStart(toMs - 1, buckets) + buckets.widthMs
  }
  return { conditions, values }
}

/** Numbers come as doubles, so that no value is boxed: times as Unix ms, null as NaN. */
function selected({ name, kind }: Field): string {
  if (kind === 'timestamp') return `coalesce(epoch_ms(${name})::DOUBLE, 'NaN'::DOUBLE) AS ${name}`
  if (kind === 'int64' || kind === 'double') return `coalesce(${name}::DOUBLE, 'NaN'::DOUBLE) AS ${name}`
  return name
}

/** A path as SQL text. A path that exists means that file, whatever glob characters stand in it. */
export function literal(path: string): string {
  return `'${path.replaceAll("'", "''")}'`
}

async function collect(
  connection: DuckDBConnection,
  sql: string,
  values: Record<string, string | number>,
  rows: CandleRows,
): Promise<void> {
  const result = await connection.run(sql, values)
  const columnOf = new Map(result.columnNames().map((name, at) => [name, at]))
  for (;;) {
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) return
    const column = (name: string): unknown => chunk.getColumnValues(columnOf.get(name)!)
    rows.add(chunk.rowCount, {
      text: (name) => column(name) as string[],
      number: (name) => column(name) as number[],
      flag: (name) => column(name) as boolean[],
    })
  }
}

export type DuckDb = { readonly instance: DuckDBInstance; readonly connection: DuckDBConnection }

/** Nothing here may reach the network: extensions are neither installed nor loaded. */
export async function openDuckDb(): Promise<DuckDb> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  return { instance, connection: await instance.connect() }
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir).sort()
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw fileError('listing', dir, error)
  }
}
