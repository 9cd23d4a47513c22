/** What does the live screen show? One value, taken by the wiring as often as the screen is painted. */
import type { Interval } from '../domain/session.ts'
import type { PacketOutcome } from '../domain/tick.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'

export const LIVE_PHASES = ['before', 'pre-open', 'continuous', 'break', 'closing auction', 'after'] as const
export type LivePhase = (typeof LIVE_PHASES)[number]

export type ShardState = 'connecting' | 'live' | 'lost' | 'backing off'

export type LiveShard = {
  readonly shard: number
  readonly state: ShardState
  /** Since when it is in this state. */
  readonly sinceMs: UnixMs
  readonly connectCount: number
  readonly instrumentCount: number
}

export type LiveSymbol = {
  readonly symbol: string
  readonly lastPrice: number | null
  /** What the change is measured against, usually the previous close. */
  readonly referencePrice: number | null
  /** Closes of the candles so far, oldest first; null for a minute without a candle. */
  readonly closes: readonly (number | null)[]
}

export type LiveSnapshot = {
  /** `demo` or `stream`. */
  readonly title: string
  readonly market: string
  readonly date: MarketDate
  /** The clock's wall time. */
  readonly atMs: UnixMs
  readonly utcOffsetMs: number
  /** 1 but for simulated time. */
  readonly speed: number
  readonly phase: LivePhase
  /** What the progress bar spans. */
  readonly session: Interval
  readonly shards: readonly LiveShard[]
  readonly packetsPerSecond: number
  /** Packets per second of the recent past, oldest first. */
  readonly packetRates: readonly number[]
  readonly acceptedCount: number
  readonly rejected: Readonly<Partial<Record<PacketOutcome, number>>>
  readonly lateTickCount: number
  readonly journal: {
    readonly writtenSeq: number
    readonly durableSeq: number
    /** Written, not yet durable. */
    readonly lagBytes: number
    readonly sizeBytes: number
  }
  readonly candleCount: number
  readonly minuteCount: number
  /** From the end of a minute's grace to its part; null before the first. */
  readonly finaliseP50Ms: number | null
  readonly finaliseP99Ms: number | null
  readonly openGapCount: number
  readonly gapCount: number
  readonly symbols: readonly LiveSymbol[]
  /** Oldest first; the screen shows the end of it. */
  readonly logLines: readonly string[]
}
