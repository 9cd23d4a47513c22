/**
 * May we send one request now? Everybody who wants to send waits here, in one line, and is let through when
 * every limit has room. What is spent is in a ledger that is written before the request leaves, so a second
 * run today knows it, after a crash too.
 *
 * Bottleneck keeps the line: one at a time, in order. The limits themselves are the ledger's
 * (permit-ledger.ts): a reservoir in memory would be a second count of the same thing, forgotten at every
 * exit, and Bottleneck times its intervals by the wall clock, so a correction backwards would stop it for
 * as long. For the same reason a line is used until it is empty and then replaced.
 *
 * A refusal over speed is a pause of the line, not of the request that met it: it is in the ledger before the
 * next one is looked at. A spent day ends the run instead of sleeping till the next.
 */
import Bottleneck from 'bottleneck'
import { type MarketDate, MINUTE_MS, type UnixMs } from '../domain/time.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Zone } from '../platform/zone.ts'
import { type LedgerLimits, PermitLedger } from './permit-ledger.ts'
import { LedgerWriter, permitsDir, readLedgerFiles } from './permit-ledger-files.ts'
import { PermitRun, type StreamLimit } from './permit-ledger-run.ts'

export type { StreamLimit } from './permit-ledger-run.ts'

/** Part of `markets.us.batch`: a BatchConfig fits. */
export type PermitLimits = {
  readonly callsPerMinute: number
  readonly callsPerDay: number
  /** Between the beginnings of two requests, in ms of the clock. */
  readonly intervalMs: number
  /** Longest time that one request takes, in real ms. */
  readonly timeoutMs: number
}

export type PermitOptions = {
  /** `<dataDir>/jobs/us`; made if absent. The caller holds the market's lock. */
  readonly jobsDir: string
  readonly limits: PermitLimits
  /** The vendor's zone: its midnight begins a day. */
  readonly zone: Zone
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
}

/** What came of one request, and whether the vendor called it one too many. */
export type Tried<Value> = { readonly value: Value; readonly limit: StreamLimit | null }

export type Permitted<Value> =
  | { readonly granted: true; readonly value: Value }
  /** The day is spent: by our count or by the vendor's word. Nothing was sent. */
  | { readonly granted: false; readonly untilMs: UnixMs }

export type PermitStatus = {
  /** The vendor's day that is being counted. */
  readonly date: MarketDate
  readonly takenToday: number
  readonly leftToday: number
  /** When the next request may leave, in the clock's time; not after now: at once. */
  readonly nextFreeMs: UnixMs
  /** No more today: `nextFreeMs` lies in the vendor's next day. */
  readonly isDaySpent: boolean
}

/** A day that ends so soon is waited for. */
const DAY_END_WAIT_MAX_MS = 5 * MINUTE_MS

export class Permits {
  readonly #options: PermitOptions
  readonly #ledger: PermitLedger
  readonly #writer: LedgerWriter
  readonly #run: PermitRun
  #line: Bottleneck = newLine()

  /** Reads the ledger. Throws DIR_UNUSABLE or DISK_FULL. One per process and data directory. */
  constructor(options: PermitOptions) {
    const { jobsDir, limits, zone, clock, log, random } = options
    this.#options = options
    this.#ledger = new PermitLedger(ledgerLimits(limits, clock), zone)
    const dir = permitsDir(jobsDir)
    const unreadableCount = readLedgerFiles(dir, this.#ledger)
    if (unreadableCount > 0) log.warn('unreadable permits count as spent', { dir, lines: unreadableCount })
    this.#writer = new LedgerWriter(dir, (atMs) => zone.dateOf(atMs))
    this.#run = new PermitRun({
      ledger: this.#ledger,
      zone,
      write: (entry) => this.#writer.write(entry),
      read: () => ({ wallMs: clock.wallMs(), monoMs: clock.monoMs() }),
      random,
      speed: clock.speed,
    })
    if (this.#run.isBehind) {
      log.warn('the wall clock stands before permits that were taken: set it; until then few are given', {
        newestPermit: new Date(this.#run.nowMs()).toISOString(),
      })
    }
  }

  /**
   * Waits for a permit, writes it down, and runs `attempt`, which sends exactly one request. One at a time;
   * the others wait in order of asking. Rejects with the signal's reason, with what `attempt` rejects with,
   * or with an OperatingError when the ledger cannot be written (then nothing was sent).
   */
  use<Value>(attempt: () => Promise<Tried<Value>>, signal: AbortSignal): Promise<Permitted<Value>> {
    if (this.#line.empty() && this.#line.counts().EXECUTING === 0) this.#line = newLine()
    return this.#line.schedule(() => this.#use(attempt, signal))
  }

  status(): PermitStatus {
    return statusOf(this.#ledger, this.#options.zone, this.#run.nowMs(), this.#options.clock.wallMs())
  }

  close(): void {
    this.#writer.close()
  }

  async #use<Value>(attempt: () => Promise<Tried<Value>>, signal: AbortSignal): Promise<Permitted<Value>> {
    const spentUntilMs = await this.#waitForRoom(signal)
    if (spentUntilMs !== null) return { granted: false, untilMs: spentUntilMs }
    this.#run.take()
    let limit: StreamLimit | null = null
    try {
      const tried = await attempt()
      limit = tried.limit
      return { granted: true, value: tried.value }
    } finally {
      this.#end(limit)
    }
  }

  /** Null when a request may leave; otherwise when the vendor's next day begins. */
  async #waitForRoom(signal: AbortSignal): Promise<UnixMs | null> {
    for (;;) {
      signal.throwIfAborted()
      const verdict = this.#run.judge()
      if (verdict.isFree) return null
      const waitMs = verdict.untilMs - this.#run.nowMs()
      if (verdict.isDaySpent && waitMs > DAY_END_WAIT_MAX_MS) return verdict.untilMs
      await this.#options.clock.sleep(waitMs, signal)
    }
  }

  #end(limit: StreamLimit | null): void {
    const pauseMs = this.#run.end(limit)
    if (limit !== null) this.#options.log.warn('the vendor refused for speed', { limit, pauseMs })
  }
}

/** The same from outside, for `status` and estimates: writes nothing, needs no lock. */
export function readPermitStatus(
  options: Pick<PermitOptions, 'jobsDir' | 'limits' | 'zone' | 'clock'>,
): PermitStatus {
  const { jobsDir, limits, zone, clock } = options
  const ledger = new PermitLedger(ledgerLimits(limits, clock), zone)
  readLedgerFiles(permitsDir(jobsDir), ledger)
  const wallMs = clock.wallMs()
  return statusOf(ledger, zone, Math.max(wallMs, ledger.newestMs ?? 0) as UnixMs, wallMs)
}

/** `nowMs` is permit time; what is told is told in wall time. */
function statusOf(ledger: PermitLedger, zone: Zone, nowMs: UnixMs, wallMs: UnixMs): PermitStatus {
  const verdict = ledger.judge(nowMs)
  const date = zone.dateOf(nowMs)
  return {
    date,
    takenToday: ledger.takenOn(date),
    leftToday: ledger.leftAt(nowMs),
    nextFreeMs: (verdict.isFree ? wallMs : wallMs + verdict.untilMs - nowMs) as UnixMs,
    isDaySpent: !verdict.isFree && verdict.isDaySpent,
  }
}

function ledgerLimits(limits: PermitLimits, { speed }: Clock): LedgerLimits {
  const { callsPerMinute, callsPerDay, intervalMs, timeoutMs } = limits
  return { callsPerMinute, callsPerDay, intervalMs, requestMaxMs: timeoutMs * speed }
}

function newLine(): Bottleneck {
  return new Bottleneck({ maxConcurrent: 1 })
}
