/**
 * What do batch jobs ask for, and what comes back? A wish names one answer of the vendor; the answer is kept
 * verbatim and read by the venue, now or in ten years. The venue is pure, like every venue.
 */
import type { Secret } from './secret.ts'
import type { MarketDate, UnixMs } from './time.ts'
import type { Answer, HttpReply, HttpRequest } from './venue.ts'

export const BATCH_FUNCTIONS = [
  'LISTING_STATUS',
  'TIME_SERIES_DAILY_ADJUSTED',
  'TIME_SERIES_DAILY',
  'TIME_SERIES_INTRADAY',
  'SPLITS',
  'DIVIDENDS',
] as const
export type BatchFunction = (typeof BATCH_FUNCTIONS)[number]

export type BatchWish = {
  readonly function: BatchFunction
  /** The vendor's symbol; '' for LISTING_STATUS. */
  readonly symbol: string
  /**
   * `compact` or `full` for daily series; `YYYY-MM` (one month) or `recent` for intraday; `active` or
   * `delisted` for listings; '' for splits and dividends.
   */
  readonly variant: string
  readonly format: 'csv' | 'json'
}

/** Classes of protocol 2.7 and of plain HTTP. The text of a refusal never decides outside the venue. */
export type BatchRefusalKind =
  | 'burst' // too fast: the whole stream waits a little
  | 'minute_limit' // the whole stream waits a minute
  | 'day_limit' // the whole stream stops till the vendor's next day
  | 'not_entitled' // never with this key: another function
  | 'key_refused' // stop everything
  | 'bad_symbol' // once more, then the symbol is marked
  | 'no_data' // an answer without rows: never replaces data
  | 'outage' // the vendor's or the network's fault: try again later
  | 'not_understood' // not the shape that we know: kept for looking at, never used

export type BatchRefusal = {
  readonly kind: BatchRefusalKind
  /** One line, without the key. */
  readonly message: string
}

export type BatchAnswer<Value> = Answer<Value, BatchRefusal>

/** Prices as traded, in USD. `adjustedClose` etc. null where the function does not tell them. */
export type DailyBar = {
  readonly date: MarketDate
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
  readonly adjustedClose: number | null
  /** USD per share, on the ex-date; 0 on other days. */
  readonly dividend: number | null
  /** New shares for each old one, on the effective date; 1 on other days. */
  readonly split: number | null
}

export type DailySeries = {
  /**
   * The session whose bar may still be growing: the answer was refreshed within it ("Last Refreshed" with a
   * time of day, or the day of the fetch before its close). The venue knows only the first; null: unknown.
   */
  readonly refreshed: string | null
  /** Ascending by date, dates unique. */
  readonly bars: readonly DailyBar[]
}

/** How the answer stamps its bars; recorded with every row that is made of it. */
export type StampConvention = 'start' | 'end' | 'unknown'

export type IntradayBar = {
  /** Start of the bar, UTC, whatever the answer's convention was. */
  readonly timestampMs: UnixMs
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
}

export type IntradaySeries = {
  readonly intervalMinutes: number
  readonly convention: StampConvention
  /** Ascending, unique. With convention `unknown` none: nothing is guessed. */
  readonly bars: readonly IntradayBar[]
}

export type SplitRow = { readonly date: MarketDate; readonly factor: number }

export type DividendRow = { readonly exDate: MarketDate; readonly amount: number }

export type ListingRow = {
  readonly symbol: string
  readonly name: string
  readonly exchange: string
  readonly assetType: string
  readonly ipoDate: MarketDate | null
  readonly delistingDate: MarketDate | null
  readonly status: string
}

export interface BatchVenue {
  readonly name: string
  /** Hosts of the real vendor: simulated time is refused against them. */
  readonly realHosts: readonly string[]
  /** The path holds the key: it is never logged; `describe` is. */
  request(wish: BatchWish, key: Secret): HttpRequest
  /** The wish in words, without the key: `TIME_SERIES_DAILY AAPL compact`. */
  describe(wish: BatchWish): string
  /**
   * Judges a reply without reading its rows: ok with the body to keep verbatim (the key replaced by
   * `[redacted]` should the vendor echo it), or a refusal. Never throws, whatever came.
   */
  judge(wish: BatchWish, reply: HttpReply, key: Secret): BatchAnswer<string>
  /** Readers of kept bodies. Each takes any text at all and never throws. */
  readDaily(wish: BatchWish, body: string): BatchAnswer<DailySeries>
  readIntraday(wish: BatchWish, body: string): BatchAnswer<IntradaySeries>
  readSplits(wish: BatchWish, body: string): BatchAnswer<readonly SplitRow[]>
  readDividends(wish: BatchWish, body: string): BatchAnswer<readonly DividendRow[]>
  readListing(wish: BatchWish, body: string): BatchAnswer<readonly ListingRow[]>
}

/**
 * One kept answer. Its file is raw/us/<date of the fetch in New
 * York>/<symbol>_<function>[_<variant>]_<fetched at, UTC, as 20260102T210500123Z>.<csv|json>.zst; the symbol
 * percent-encoded, LISTING_STATUS under `_`. The name says all there is to know, so no index can disagree
 * with the files.
 */
export type RawAnswer = {
  readonly wish: BatchWish
  readonly fetchedAtMs: UnixMs
  /** Relative to the data directory, forward slashes. */
  readonly path: string
}
