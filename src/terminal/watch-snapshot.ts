/** What does the watching screen show? One value, gathered as often as an operator's eye may come by. */
import type { MarketStatus, StatusReport } from '../domain/status.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'

/**
 * `due`: its time has come and it has neither begun nor ended; `none`: its time was before the daemon's first
 * day here, and it is nobody's duty.
 */
export type WatchJobState = 'done' | 'refused' | 'failed' | 'skipped' | 'running' | 'due' | 'later' | 'none'

export type WatchJob = {
  readonly name: string
  readonly dueMs: UnixMs
  readonly state: WatchJobState
  /** One line for a job that did not simply end well; '' otherwise. */
  readonly says: string
}

export type WatchSuggestion = {
  readonly atMs: UnixMs
  readonly isUrgent: boolean
  readonly text: string
  /** What the operator may run. */
  readonly command: string
}

/** What a running worker told its daemon. Counts are of the session so far; null: not told. */
export type WatchWorker = {
  readonly packetCount: number
  /** In real time, between the last two looks; null at the first. */
  readonly packetsPerSecond: number | null
  /** The same of the looks before, oldest first. */
  readonly packetRates: readonly number[]
  readonly candleCount: number | null
  readonly minuteCount: number | null
  readonly lateCount: number | null
  readonly rejectedCount: number
  readonly shardCount: number | null
  readonly liveCount: number | null
  readonly tickSilentMs: number | null
  readonly openGapCount: number | null
  readonly finaliseP50Ms: number | null
  readonly finaliseP99Ms: number | null
  readonly syncP99Ms: number | null
  readonly journalLagBytes: number | null
  readonly rssBytes: number | null
}

/**
 * The daemon of this market and this data directory. `none`: none holds its lock; `silent`: one does, and its
 * page does not answer.
 */
export type WatchDaemon =
  | { readonly kind: 'none' }
  | { readonly kind: 'silent'; readonly why: string }
  | {
      readonly kind: 'answers'
      readonly isWell: boolean
      readonly reasons: readonly string[]
      /** The job that runs now, by its id. */
      readonly running: string | null
      readonly worker: WatchWorker | null
    }

export type WatchMarket = {
  readonly name: string
  readonly status: MarketStatus
  /** Today, or the next session; `isOpen`: continuous trading is on. */
  readonly session: {
    readonly date: MarketDate
    readonly isToday: boolean
    readonly isOpen: boolean
    readonly fromMs: UnixMs
    readonly toMs: UnixMs
    /** When the session after it opens. */
    readonly nextFromMs: UnixMs
  }
  /** By how many sessions that have ended they are behind; null before the first. */
  readonly cttAgeSessions: number | null
  readonly epochAgeSessions: number | null
  /** Of that session, in the order of their times. */
  readonly jobs: readonly WatchJob[]
  /** Of the last day, newest first. */
  readonly suggestions: readonly WatchSuggestion[]
  /** What the chain was told last, newest first. */
  readonly events: readonly { readonly atMs: UnixMs; readonly text: string }[]
  /** One line for each verdict that waits for an operator. */
  readonly reviews: readonly string[]
  readonly chain: { readonly status: string; readonly says: string; readonly eventCount: number }
  readonly daemon: WatchDaemon
}

export type WatchSnapshot = {
  /** When it was gathered. */
  readonly atMs: UnixMs
  /** 1 but for simulated time. */
  readonly speed: number
  readonly dataDir: string
  readonly disk: StatusReport['disk']
  readonly markets: readonly WatchMarket[]
  /** Why the last look failed; '' where it did not: what is shown is then of the look before. */
  readonly trouble: string
}
