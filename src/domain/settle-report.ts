/**
 * What did settling a day find? Every share that the vendor counted is accounted for: in a candle,
 * outside the session, or unattributed, and for each instrument the three add up to the day's volume.
 */
import type { Gap } from './gap.ts'
import type { PacketOutcome } from './tick.ts'
import type { MarketDate } from './time.ts'

/** All volumes in shares. */
export type ConservationRow = {
  readonly symbol: string
  /** Sum of the volumes of the settled candles. */
  readonly candleVolume: number
  readonly outsideVolume: {
    readonly preOpen: number
    readonly closingAuction: number
    readonly other: number
  }
  /**
   * In no settled candle: the rise across gaps of several minutes, plus what vendor candles replaced,
   * minus what they brought. Negative where the vendor counts more than its feed did.
   */
  readonly unattributedVolume: number
  /** Cumulative volume of the last accepted packet; null: the feed carries none. */
  readonly lastDayVolume: number | null
  /** candle + outside + unattributed = last day volume; true where the feed carries no volume. */
  readonly balanced: boolean
}

export type CandleCounts = {
  readonly total: number
  /** Made of ticks, minute whole. */
  readonly ticksComplete: number
  readonly ticksIncomplete: number
  /** Taken from the vendor's history. */
  readonly vendor: number
  /** Raised in revision by late ticks. */
  readonly revised: number
}

export type SettleReport = {
  readonly schema: 'chandler.settle_report.v1'
  readonly market: string
  readonly date: MarketDate
  readonly utcOffsetMs: number
  readonly instrumentCount: number
  /** Minutes of the continuous session. */
  readonly minuteCount: number
  readonly candles: CandleCounts
  readonly gaps: readonly Gap[]
  /** One for each instrument, by symbol. */
  readonly conservation: readonly ConservationRow[]
  readonly lateTickCount: number
  readonly acceptedCount: number
  readonly rejected: Readonly<Partial<Record<PacketOutcome, number>>>
  readonly history: {
    readonly askedCount: number
    readonly failedCount: number
    /** Of the bars that the answers held, how many became candles. */
    readonly usedBarCount: number
    /** One line for each failure, without secrets. */
    readonly failures: readonly string[]
  }
  /** The published file; null: nothing was published. */
  readonly file: {
    readonly path: string
    readonly sizeBytes: number
    readonly rowCount: number
    readonly sha256: string
  } | null
}
