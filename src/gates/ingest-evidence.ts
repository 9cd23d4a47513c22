/**
 * What does the ingestion gate look at? Everything that decides stands here as a value, gathered before the
 * first check runs: the core has no clock, no file and no network, so the same evidence gives the same
 * verdict next year. What the evidence is silent about (null) was not there; that is a finding too.
 */
import type { CandleTable } from '../domain/candle.ts'
import type { Phases } from '../domain/session.ts'
import type { SettleReport } from '../domain/settle-report.ts'
import type { MarketDate } from '../domain/time.ts'

/** A column as the file has it, not as it should be. */
export type FieldFacts = {
  readonly name: string
  /** `utf8`, `timestamp[ms, UTC]`, `double`, `int64`, `int32`, `bool`, or the file's own word for another. */
  readonly kind: string
  readonly nullable: boolean
  readonly nullCount: number
  /** Of doubles: values that are NaN, not null. */
  readonly nanCount: number
}

export type FileFacts = {
  /** Relative to the data directory. */
  readonly path: string
  readonly sha256: string
  readonly sizeBytes: number
  readonly rowCount: number
  /** The name of the schema in the file's own metadata; null: none. */
  readonly schemaName: string | null
  readonly fields: readonly FieldFacts[]
  /** Words that are no exchange or no source, as `column: word`, each once. */
  readonly strangeWords: readonly string[]
  /** Why its columns could not be read; null: they were. */
  readonly unreadable: string | null
}

/** What the manifest says of a path: the line that holds. */
export type ListedFacts = {
  readonly sha256: string | null
  readonly sizeBytes: number
  readonly rowCount: number
}

/** How an instrument traded on the session before, when that is canonical. */
export type PreviousClose = {
  readonly close: number
  readonly high: number
  readonly low: number
  /** Sum of the candles; NaN: the feed carries none. */
  readonly volume: number
  readonly rowCount: number
}

/**
 * Something that moves a price without a trade, effective on this session. `factor` is what the previous
 * close is multiplied with: 0.5 for two shares instead of one; a dividend is (close - amount) / close.
 */
export type CorporateAction = {
  readonly symbol: string
  readonly kind: 'split' | 'dividend'
  readonly factor: number
}

/** Where the session stands among those that are canonical. */
export type CanonicalBefore = {
  /** `first`: no session before it is canonical; `follows`: the one before is; `hole`: an older one is. */
  readonly market: 'first' | 'follows' | 'hole'
  /** Symbols that were accepted on the session before, sorted; empty where it is not canonical. */
  readonly symbols: readonly string[]
  /** The file of the session before is still the one that was judged. */
  readonly fileIsAsJudged: boolean
}

/** Everything about one session of one-minute candles. */
export type SessionEvidence = {
  readonly market: string
  readonly session: MarketDate
  readonly previousSession: MarketDate | null
  /** By instrument of `table` its phases; null: the calendar has no session on this date. */
  readonly calendar: { readonly phases: readonly Phases[]; readonly phaseOf: readonly number[] } | null
  /** Null: the session is not settled. */
  readonly file: FileFacts | null
  /** Null where the file is missing, or so far from the schema that it has no candles to speak of. */
  readonly table: CandleTable | null
  readonly listed: ListedFacts | null
  readonly report: SettleReport | null
  /** Of the report's file; null where there is none. */
  readonly reportSha256: string | null
  readonly reportListed: ListedFacts | null
  readonly before: CanonicalBefore
  /** By symbol; empty where there is none. */
  readonly previousCloses: ReadonlyMap<string, PreviousClose>
  readonly actions: readonly CorporateAction[]
  /** Symbols of indices of volatility: no circuit breaker holds them, and they leap. Sorted. */
  readonly volatility: readonly string[]
  /** Symbols without which nothing is canonical. Sorted. */
  readonly required: readonly string[]
}
