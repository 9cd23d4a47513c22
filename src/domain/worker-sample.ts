/**
 * What does a running worker tell about itself, once a second? Plain values: they travel between processes.
 */
import type { HistogramFacts } from './histogram.ts'
import type { MarketDate, UnixMs } from './time.ts'

/** Counts are of the session so far, restarts included, but for those that say otherwise. */
export type WorkerSample = {
  readonly kind: 'worker-sample'
  readonly atMs: UnixMs
  readonly market: string
  readonly session: MarketDate
  readonly packetCount: number
  readonly acceptedCount: number
  /** By reason. */
  readonly rejected: Readonly<Record<string, number>>
  readonly lateCount: number
  /** Packets that found the journal's ring full. */
  readonly overflowCount: number
  readonly candleCount: number
  readonly minuteCount: number
  /** How long after its exchange time a packet arrived; the exchange stamps whole seconds. */
  readonly lateness: HistogramFacts
  /** From a minute's end plus grace to its durable file, of this run. */
  readonly finalise: HistogramFacts
  /** Durations of fdatasync, of this run. */
  readonly sync: HistogramFacts
  readonly journalLagBytes: number
  readonly journalledBytes: number
  readonly gapCount: number
  readonly openGaps: readonly { readonly fromMs: UnixMs; readonly reason: string }[]
  readonly shardCount: number
  readonly liveCount: number
  /** Of this run. */
  readonly connectCount: number
  /** Whether silence would be suspicious now: continuous trading is on. */
  readonly isTrading: boolean
  /**
   * Since the quietest shard received anything, and since it received a tick; since the start if it never
   * has.
   */
  readonly silentMs: number
  readonly tickSilentMs: number
  readonly loopDelay: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number } | null
  readonly rssBytes: number
}
