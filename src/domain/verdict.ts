/**
 * What did a gate find? A verdict is a value: the same evidence gives the same verdict, whenever and however
 * often the gate runs. It holds the evidence, so that it can be judged again years later.
 */
import type { Json } from './event.ts'
import type { MarketDate } from './time.ts'

/** `review` waits for an operator; `wait` means that evidence is not there yet. */
export type VerdictWord = 'pass' | 'fail' | 'review' | 'wait'

export type CheckOutcome = {
  /**
   * `schema`, `continuity.gap`, `integrity.ohlc`, `drift.move` … : stable names, dots from wide to narrow.
   */
  readonly check: string
  readonly outcome: VerdictWord
  /** One sentence with the numbers, for people. */
  readonly says: string
  readonly countChecked: number
  readonly countFound: number
  /** The limits that were applied, by name, so that another limit is another verdict. */
  readonly limits: { readonly [name: string]: Json }
  /** The first offending rows, at most ten. */
  readonly rows: readonly Json[]
  /** Symbols that this check holds back; the others of the session may still pass. */
  readonly symbols: readonly string[]
}

/** A file that was looked at, as it was. */
export type EvidenceFile = { readonly path: string; readonly sha256: string; readonly rowCount: number }

export type IngestVerdict = {
  readonly gate: 'ingest'
  readonly rules: string
  readonly market: string
  readonly session: MarketDate
  /** The session before, by the calendar; null where the calendar does not reach. */
  readonly previousSession: MarketDate | null
  readonly verdict: VerdictWord
  readonly checks: readonly CheckOutcome[]
  readonly files: readonly EvidenceFile[]
  /** All symbols that may call this session canonical, sorted; empty unless pass or review. */
  readonly symbols: readonly string[]
  /** SHA-256 of everything that decided, in canonical form: the same evidence has the same digest. */
  readonly evidenceSha256: string
}
