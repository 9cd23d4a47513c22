/**
 * How does it stand? What `chandler status` found out from the outside: locks, journals, the lake and
 * the chain, without asking a running process. A null always means "not known" or "not yet", never zero.
 */
import type { Gap } from './gap.ts'
import type { PacketOutcome } from './tick.ts'
import type { MarketDate, UnixMs } from './time.ts'

export const TRUTH_STATES = ['SYNCHRONISED', 'PENDING_INGESTION', 'PENDING_EVALUATION', 'DRIFTING'] as const
export type TruthState = (typeof TRUTH_STATES)[number]

/** RDT, CTT and TE of one market; RDT >= CTT >= TE. */
export type TruthTimes = {
  /** Newest moment that the outside has given us, unjudged. */
  readonly rawDataTimeMs: UnixMs | null
  /** Newest session that the ingestion gate validated, with no gap before it; null: no gate has run. */
  readonly canonicalTruthTime: MarketDate | null
  /** Session of the authorised evaluation; null: no gate has run. */
  readonly truthEpoch: MarketDate | null
  readonly state: TruthState | null
}

export type JournalStatus = {
  readonly lastSeq: number
  readonly sizeBytes: number
  readonly segmentCount: number
}

export type JobStatus = {
  readonly name: string
  readonly outcome: 'done' | 'failed' | 'running' | 'skipped' | null
  /** When the job last ended; null while it never has. */
  readonly lastRunMs: UnixMs | null
  readonly nextRunMs: UnixMs | null
  /** One line, for a failure or a skip; '' otherwise. */
  readonly detail: string
}

export type QueueStatus = {
  readonly waitingCount: number
  readonly runningCount: number
  readonly failedCount: number
  /** Given up until an operator brings them back; only where a market parks. */
  readonly parkedCount?: number
}

/** Requests to a vendor that counts them by the day. */
export type PermitsStatus = {
  /** The vendor's day that is being counted. */
  readonly date: MarketDate
  readonly takenCount: number
  readonly leftCount: number
}

/** What of the market's truth needs a person, beside its times. */
export type TruthStatus = {
  /** Why the event chain could not be folded; '' where it could. */
  readonly chainFault: string
  readonly halt: { readonly id: string; readonly reason: string } | null
  readonly reviewCount: number
  readonly criticalAlertCount: number
  readonly isInspected: boolean
  readonly epochId: string | null
  readonly isEpochInvalidated: boolean
  readonly isEpochOverridden: boolean
  /** The session after which the override that the epoch stands on carried nothing any more. */
  readonly overrideExpiredAfter: MarketDate | null
}

export type MarketStatus = {
  /** The session that is spoken of; null: no session was ever recorded. */
  readonly sessionDate: MarketDate | null
  readonly utcOffsetMs: number
  /** True where another process holds the market's lock. */
  readonly workerRunning: boolean
  /** Shards by the state of their feed, as the journal last told it. */
  readonly feed: { readonly liveCount: number; readonly shardCount: number } | null
  readonly times: TruthTimes
  readonly truth?: TruthStatus
  readonly journal: JournalStatus | null
  /** Parts published for the session: minutes finalised live. */
  readonly partCount: number
  readonly settled: boolean
  readonly gaps: readonly Gap[]
  /** By reason; reasons that never occurred may be left out. */
  readonly rejected: Readonly<Partial<Record<PacketOutcome, number>>>
  readonly jobs: readonly JobStatus[]
  readonly queue: QueueStatus | null
  /** Only where a market's vendor counts requests. */
  readonly permits?: PermitsStatus
}

export type StatusReport = {
  readonly schema: 'chandler.status.v1'
  readonly atMs: UnixMs
  readonly dataDir: string
  /** By name of the market, as configured. */
  readonly markets: Readonly<Record<string, MarketStatus>>
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | null
}
