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
  readonly journal: JournalStatus | null
  /** Parts published for the session: minutes finalised live. */
  readonly partCount: number
  readonly settled: boolean
  readonly gaps: readonly Gap[]
  /** By reason; reasons that never occurred may be left out. */
  readonly rejected: Readonly<Partial<Record<PacketOutcome, number>>>
  readonly jobs: readonly JobStatus[]
  readonly queue: QueueStatus | null
}

export type StatusReport = {
  readonly schema: 'chandler.status.v1'
  readonly atMs: UnixMs
  readonly dataDir: string
  /** By name of the market, as configured. */
  readonly markets: Readonly<Record<string, MarketStatus>>
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | null
}
