/** What does the ingestion gate look at where a session is one candle for each symbol? */
import type { MarketDate } from '../domain/time.ts'
import type { FieldWanted } from './checks/schema.ts'
import type { CanonicalBefore, FieldFacts } from './ingest-evidence.ts'

/** Prices as traded. Null: the value is not there, or is no finite number. */
export type DailyPrices = {
  readonly open: number | null
  readonly high: number | null
  readonly low: number | null
  readonly close: number | null
  readonly volume: number | null
}

export type DailyRow = DailyPrices & {
  readonly symbol: string
  /** Per share, with its ex-date on this session; 0: none. */
  readonly dividend: number
  /** New shares for each old one, effective on this session; 1: none. */
  readonly split: number
  readonly source: string
  /** The symbol's candle of the session before; null: it has none. */
  readonly previous: DailyPrices | null
  /** Mean of the volumes of some weeks before; null: none are known. */
  readonly usualVolume: number | null
}

/** Curation's own finding about a row of this session. */
export type DailyFinding = { readonly kind: string; readonly symbol: string; readonly detail: string }

export type DailyEvidence = {
  readonly market: string
  readonly session: MarketDate
  readonly previousSession: MarketDate | null
  /** Null: the calendar has no session on this date. */
  readonly calendar: Record<string, never> | null
  /** False while a curation is under way, or was killed: files of two states lie beside each other. */
  readonly isCurated: boolean
  /** The folder that holds the files, relative to the data directory. */
  readonly path: string
  /** The worst of all files that were asked; null where there are none. */
  readonly file: {
    readonly schemaName: string | null
    readonly fields: readonly FieldFacts[]
    readonly unreadable: string | null
  } | null
  /** Sorted by symbol. */
  readonly rows: readonly DailyRow[]
  /** Of the rows as traded. */
  readonly rowsSha256: string
  readonly findings: readonly DailyFinding[]
  readonly before: CanonicalBefore
  /** Sorted. */
  readonly required: readonly string[]
}

/**
 * The fixed columns of daily candles, stated apart from the writer. All but the symbol may be null in
 * Parquet.
 */
export const DAILY_FIELDS_WANTED: readonly FieldWanted[] = (
  [
    ['symbol', 'utf8'],
    ['timestamp', 'timestamp[ms, UTC]'],
    ['open', 'double'],
    ['high', 'double'],
    ['low', 'double'],
    ['close', 'double'],
    ['volume', 'int64'],
    ['adj_close', 'double'],
    ['dividend_amt', 'double'],
    ['split_coef', 'double'],
    ['source', 'utf8'],
    ['fetched_at', 'timestamp[ms, UTC]'],
  ] as const
).map(([name, kind]) => ({ name, kind, nullable: true }))

export const DAILY_SCHEMA_WANTED = 'chandler.us_daily.v1'
