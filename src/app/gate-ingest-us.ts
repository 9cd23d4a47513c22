/**
 * What does the lake hold about one US session, as evidence for the ingestion gate? The session's daily
 * candles of all symbols, each beside its own candle of the session before and its usual volume, what
 * curation found wrong, and whether the files are of the shape that they should be. Read with DuckDB, from
 * the years that are needed.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'
import { isSession } from '../calendars/calendar.ts'
import { addDays } from '../calendars/dates.ts'
import type { Config } from '../config.ts'
import { DAILY, findingsPath, markerPath, slotRoot } from '../curation/layout.ts'
import { readMarker } from '../curation/marker.ts'
import type { MarketDate } from '../domain/time.ts'
import { digestOf } from '../gates/digest.ts'
import type { DailyEvidence, DailyFinding, DailyPrices, DailyRow } from '../gates/ingest-daily-evidence.ts'
import type { FieldFacts } from '../gates/ingest-evidence.ts'
import { canonicalBefore, type JudgedSession } from '../gates/ingest-history.ts'
import { listNames } from '../platform/durable.ts'
import { firstLineOf, literal, openDuckDb } from '../store/read.ts'
import { US, usCalendar } from './us-market.ts'

/** A symbol's usual volume is that of the sessions in so many days before. */
const USUAL_DAYS = 40

export type UsQuestion = {
  readonly config: Config
  readonly date: MarketDate
  readonly judged: ReadonlyMap<MarketDate, JudgedSession>
  readonly required: readonly string[]
}

/** Throws what reading the marker of curation throws; files that cannot be read are evidence. */
export async function usEvidence({ config, date, judged, required }: UsQuestion): Promise<DailyEvidence> {
  const { dataDir } = config
  const calendar = usCalendar(config)
  const previousSession = calendar.previousSession(date).date
  const { file, rows, findings } = await readSession(dataDir, date, previousSession)
  return {
    market: US,
    session: date,
    previousSession,
    calendar: isSession(calendar.sessionOn(date)) ? {} : null,
    isCurated: existsSync(join(dataDir, markerPath(US))) && !readMarker(dataDir, US).underway,
    path: slotRoot(US, 'candles', DAILY),
    file,
    rows,
    rowsSha256: digestOf(rows),
    findings,
    // Vendors restate; what was used of the session before is in the rows, and so in the digest.
    before: canonicalBefore(judged, date, previousSession, true),
    required,
  }
}

type Read = Pick<DailyEvidence, 'file' | 'rows' | 'findings'>

async function readSession(dataDir: string, date: MarketDate, previous: MarketDate): Promise<Read> {
  const files = filesSince(dataDir, addDays(date, -USUAL_DAYS), date)
  if (files.length === 0) return { file: null, rows: [], findings: [] }
  const { instance, connection } = await openDuckDb()
  try {
    const list = `[${files.map((path) => literal(join(dataDir, path))).join(', ')}]`
    const facts = await shapeOf(connection, list)
    const rows = (await rowsOf(connection, sessionSql(list, date, previous))).map(dailyRow)
    const findings = await findingsOf(connection, join(dataDir, findingsPath(US)), date)
    return { file: { ...facts, unreadable: null }, rows, findings }
  } catch (error) {
    const file = { schemaName: null, fields: [], unreadable: firstLineOf(error).replaceAll(dataDir, '') }
    return { file, rows: [], findings: [] }
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** The eras are `to-2025` and then one for each year; each has all of its sessions. */
function filesSince(dataDir: string, from: MarketDate, to: MarketDate): readonly string[] {
  const root = slotRoot(US, 'candles', DAILY)
  const isAsked = (era: string): boolean =>
    era.startsWith('to-')
      ? from.slice(0, 4) <= era.slice(3)
      : era >= from.slice(0, 4) && era <= to.slice(0, 4)
  return listNames(join(dataDir, root))
    .filter(isAsked)
    .toSorted()
    .flatMap((era) =>
      listNames(join(dataDir, root, era))
        .toSorted()
        .map((name) => `${root}/${era}/${name}`),
    )
}

type Row = Readonly<Record<string, DuckDBValue>>

async function rowsOf(connection: DuckDBConnection, sql: string): Promise<readonly Row[]> {
  return (await connection.runAndReadAll(sql)).getRowObjects()
}

function sessionSql(list: string, date: MarketDate, previous: MarketDate): string {
  const prices = ['open', 'high', 'low', 'close', 'volume']
  const columns = (table: string, prefix: string): string =>
    prices.map((name) => `${table}."${name}"::double as ${prefix}${name}`).join(', ')
  return `
    with held as (
      select *, strftime("timestamp" at time zone 'UTC', '%Y-%m-%d') as day
      from read_parquet(${list}, hive_partitioning = false)
      where "timestamp" >= timestamptz '${addDays(date, -USUAL_DAYS)} 00:00:00+00'
        and "timestamp" < timestamptz '${addDays(date, 1)} 00:00:00+00'),
    usual as (select symbol, avg(volume)::double as volume from held where day < '${date}' group by symbol)
    select t.symbol, t.source, ${columns('t', '')}, t.dividend_amt as dividend, t.split_coef as split,
      b.symbol is not null as has_previous, ${columns('b', 'previous_')}, u.volume as usual_volume
    from held t
    left join held b on b.symbol = t.symbol and b.day = '${previous}'
    left join usual u on u.symbol = t.symbol
    where t.day = '${date}' order by t.symbol, t.fetched_at`
}

function dailyRow(row: Row): DailyRow {
  return {
    symbol: String(row.symbol),
    source: String(row.source),
    ...pricesOf(row, ''),
    dividend: finiteOf(row.dividend) ?? 0,
    split: finiteOf(row.split) ?? 1,
    previous: row.has_previous === true ? pricesOf(row, 'previous_') : null,
    usualVolume: finiteOf(row.usual_volume),
  }
}

function pricesOf(row: Row, prefix: string): DailyPrices {
  const at = (name: string): number | null => finiteOf(row[`${prefix}${name}`])
  return { open: at('open'), high: at('high'), low: at('low'), close: at('close'), volume: at('volume') }
}

function finiteOf(value: DuckDBValue | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

async function findingsOf(
  connection: DuckDBConnection,
  path: string,
  date: MarketDate,
): Promise<DailyFinding[]> {
  if (!existsSync(path)) return []
  const sql = `select kind, symbol, detail from read_parquet(${literal(path)})
    where frequency = '1d' and strftime("timestamp" at time zone 'UTC', '%Y-%m-%d') = '${date}' order by all`
  const rows = await rowsOf(connection, sql)
  return rows.map(({ kind, symbol, detail }) => ({
    kind: String(kind),
    symbol: String(symbol),
    detail: String(detail),
  }))
}

type Shape = { readonly schemaName: string | null; readonly fields: readonly FieldFacts[] }

/** That of all files; where one differs in a column, the column's kinds are told beside each other. */
async function shapeOf(connection: DuckDBConnection, list: string): Promise<Shape> {
  const columns = await rowsOf(
    connection,
    `select name, place, string_agg(distinct kind, ' or ' order by kind) as kind from (
       select name, ${KIND_SQL} as kind,
         row_number() over (partition by file_name order by column_id) as place
       from parquet_schema(${list}) where type is not null)
     group by name, place order by place, name`,
  )
  const names = await rowsOf(
    connection,
    `select distinct json_extract_string(decode(value), '$.schema') as schema
     from parquet_kv_metadata(${list}) where decode(key) = 'chandler'`,
  )
  return {
    schemaName: names.length === 1 ? String(names[0]!.schema) : null,
    fields: columns.map(({ name, kind }) => ({
      name: String(name),
      kind: String(kind),
      nullable: true,
      nullCount: 0,
      nanCount: 0,
    })),
  }
}

/** The words of the gate for Parquet's types. */
const KIND_SQL = `case
  when duckdb_type = 'VARCHAR' then 'utf8'
  when duckdb_type = 'DOUBLE' then 'double'
  when duckdb_type = 'BIGINT' then 'int64'
  when duckdb_type = 'INTEGER' then 'int32'
  when duckdb_type = 'TIMESTAMP WITH TIME ZONE'
    and (converted_type = 'TIMESTAMP_MILLIS' or logical_type like '%MILLIS=MilliSeconds%')
    then 'timestamp[ms, UTC]'
  else lower(duckdb_type) end`
