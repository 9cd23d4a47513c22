/**
 * How does one run take permits? It makes permit time out of the two clocks, asks the ledger, and writes
 * every entry before anything is done that the entry speaks of. Still no file and no waiting: those are
 * given.
 *
 * Permit time starts at the wall clock, or at the newest entry where that is later, and from there follows
 * the monotonic clock alone. So a wall clock that jumps ahead opens neither a day nor a window, and one
 * that jumps back reopens none. The monotonic clock stands still while the machine is suspended: minute
 * windows only get longer by that, but the day does not end later for the vendor. Hence what the wall gains
 * on the monotonic clock is kept as uncertainty: a suspension, an error, or the end of one; permits then
 * count in every day that any of the three would put them in.
 */
import { type MarketDate, MINUTE_MS, SECOND_MS, type UnixMs } from '../domain/time.ts'
import type { Zone } from '../platform/zone.ts'
import { CLOCK_ERROR_MS, type LedgerEntry, type PermitLedger, type Verdict } from './permit-ledger.ts'

/** Both clocks, read together. */
export type ClockReading = { readonly wallMs: number; readonly monoMs: number }

/** Refusals that concern the whole stream. */
export type StreamLimit = 'burst' | 'minute_limit' | 'day_limit'

export type PermitRunOptions = {
  readonly ledger: PermitLedger
  readonly zone: Zone
  /** Makes the entry durable, or throws: then the run takes no permit any more. */
  readonly write: (entry: LedgerEntry) => void
  readonly read: () => ClockReading
  readonly random: () => number
  /** Of the clock: reading two clocks is never one moment, and the less so the faster they run. */
  readonly speed: number
}

/** Smaller steps lie within CLOCK_ERROR_MS, and many of them add up to a larger one. */
const STEP_MIN_MS = 5 * SECOND_MS
/** The vendor asks for a second between two requests; less than 1.2 s has been refused. */
const BURST_PAUSE_MS = 1_200
const BURST_PAUSE_MAX_MS = MINUTE_MS
const MINUTE_PAUSE_MS = MINUTE_MS + SECOND_MS

export class PermitRun {
  readonly #options: PermitRunOptions
  readonly #startMs: number
  readonly #startMonoMs: number
  /** Wall less monotonic clock when they were last found to agree. */
  #offsetMs: number
  #unsureMs: number
  /** Refusals for speed in a row. */
  #burstCount = 0

  constructor(options: PermitRunOptions) {
    this.#options = options
    const { wallMs, monoMs } = options.read()
    const newestMs = options.ledger.newestMs ?? 0
    // Two right clocks may differ by one error each.
    const isBehind = wallMs < newestMs - 2 * CLOCK_ERROR_MS
    this.#startMs = Math.max(Math.floor(wallMs), newestMs)
    this.#startMonoMs = monoMs
    this.#offsetMs = wallMs - monoMs
    this.#unsureMs = isBehind ? Number.POSITIVE_INFINITY : 0
    this.#write({ kind: 'start', atMs: this.#startMs as UnixMs, isBehind })
  }

  get isBehind(): boolean {
    return this.#unsureMs === Number.POSITIVE_INFINITY
  }

  /** Permit time. */
  nowMs(): UnixMs {
    return this.#at(this.#options.read())
  }

  /** May a request leave now? `untilMs` is in permit time. */
  judge(): Verdict {
    this.#observe()
    return this.#options.ledger.judge(this.nowMs())
  }

  /** After a verdict that said free. The request leaves when this has returned. */
  take(): void {
    this.#write({ kind: 'take', atMs: this.nowMs() })
    // Writing took its time, and the machine may have slept in it.
    this.#observe()
    this.#options.ledger.noteLeft(this.nowMs())
  }

  /**
   * The exchange is over, and the vendor said this about our speed. Returns the pause that follows, in ms.
   */
  end(limit: StreamLimit | null): number {
    this.#observe()
    const atMs = this.nowMs()
    this.#options.ledger.noteEnd(atMs)
    if (limit === 'day_limit') this.#write({ kind: 'spent', atMs, date: this.#dateOf(atMs) })
    const pauseMs = this.#pauseAfter(limit)
    if (pauseMs > 0) this.#write({ kind: 'pause', atMs, untilMs: (atMs + pauseMs) as UnixMs })
    return pauseMs
  }

  #pauseAfter(limit: StreamLimit | null): number {
    if (limit === 'minute_limit') return MINUTE_PAUSE_MS
    if (limit !== 'burst') {
      this.#burstCount = 0
      return 0
    }
    // Never shorter than the doubled base: chance only lengthens it.
    const pauseMs = BURST_PAUSE_MS * 2 ** this.#burstCount * (1 + this.#options.random() / 2)
    this.#burstCount += 1
    return Math.ceil(Math.min(BURST_PAUSE_MAX_MS, pauseMs))
  }

  #observe(): void {
    const reading = this.#options.read()
    const gainedMs = reading.wallMs - reading.monoMs - this.#offsetMs
    if (Math.abs(gainedMs) < STEP_MIN_MS * Math.max(1, this.#options.speed)) return
    this.#offsetMs += gainedMs
    // A clock that was behind at the start may have been corrected, or half corrected: still without bound.
    if (gainedMs < 0 || this.isBehind) return
    this.#unsureMs = Math.ceil(this.#unsureMs + gainedMs)
    this.#write({ kind: 'unsure', atMs: this.#at(reading), unsureMs: this.#unsureMs })
  }

  #at(reading: ClockReading): UnixMs {
    return Math.floor(this.#startMs + reading.monoMs - this.#startMonoMs) as UnixMs
  }

  #dateOf(atMs: UnixMs): MarketDate {
    return this.#options.zone.dateOf(atMs)
  }

  #write(entry: LedgerEntry): void {
    this.#options.write(entry)
    this.#options.ledger.add(entry)
  }
}
