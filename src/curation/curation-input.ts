/** What does curation need, and what does it tell? Rooms do not know each other: readers are functions. */
import type { BatchVenue, RawAnswer } from '../domain/batch.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'
import type { Log } from '../platform/log.ts'
import type { Zone } from '../platform/zone.ts'

/** The part of a venue that curation needs: its readers of kept bodies. */
export type AnswerReaders = Pick<
  BatchVenue,
  'name' | 'readDaily' | 'readIntraday' | 'readSplits' | 'readDividends'
>

export type CurationInput = {
  readonly dataDir: string
  readonly market: 'us'
  readonly venue: AnswerReaders
  /** Every kept answer of the market, in any order, not only the new ones; LISTING_STATUS is passed over. */
  readonly answers: readonly RawAnswer[]
  /** The answer's body as it came; called once for each answer of an hour that is not staged yet. */
  readonly readBody: (answer: RawAnswer) => string
  /** Time zone of the market: which session a bar of five minutes belongs to. */
  readonly zone: Zone
  readonly isSession: (date: MarketDate) => boolean
  /** Whether a bar of that session, fetched then, can no longer grow. Asked of sessions only. */
  readonly isFinal: (date: MarketDate, fetchedAtMs: UnixMs) => boolean
  readonly log: Log
  readonly limits?: CurationLimits
}

export type CurationLimits = {
  /** Of DuckDB, without what Node itself needs. Default 512 MiB. */
  readonly memoryBytesMax?: number
  /** Default 2. The bytes of the lake do not depend on it. */
  readonly threadCount?: number
}

export type CurationReport = {
  /** Hours of raw answers that were staged, and how many answers and rows they held. */
  readonly staged: { readonly batchCount: number; readonly answerCount: number; readonly rowCount: number }
  /** Rows of `analytics` that are new or have new values. */
  readonly candles: { readonly newCount: number; readonly restatedCount: number }
  /** Symbols whose splits or dividends changed, so that their whole adjusted history was written again. */
  readonly readjustedSymbolCount: number
  /** All that the lake knows of, by kind; the list is in analytics/us/findings.json. */
  readonly findings: Readonly<Record<string, number>>
  readonly restatementCount: number
  /** Files written, relative to the data directory, in the order of writing. */
  readonly files: readonly string[]
}
