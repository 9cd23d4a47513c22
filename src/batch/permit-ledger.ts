/**
 * Which permits are spent, and when is the next one free? The pure core of the permits: entries in, an
 * answer out, no clock and no file. It knows the requests that left and bounds when the vendor can have
 * counted them.
 *
 * The vendor counts by its own clock, which we cannot see. So a taken permit is not a moment but an interval
 * that holds the request's arrival whatever happened to our clocks, and it counts in every window that the
 * interval touches:
 *
 *     from    the permit's time, less CLOCK_ERROR_MS
 *     to      the end of the exchange (a request cannot arrive after its reply), plus CLOCK_ERROR_MS, plus
 *             what the wall clock gained on the monotonic clock in that run: the machine was suspended, or
 *             its clock was wrong at the start and corrected since, or is wrong now; we cannot tell which
 *
 * Permit time is what permit-ledger-run.ts makes of the two clocks: it never runs faster than true time
 * within a run, so minute windows of one run need no wall clock. Between two runs only the wall clock tells
 * how much time passed, so the ends of an earlier run's permits move up to twice the error later.
 *
 * A run that starts before the newest entry has a wall clock that is visibly wrong. Its permits may belong to
 * any later day, and count in all of them until a run starts whose clock is not behind.
 *
 * What is assumed, because nothing here could notice the opposite: when a run starts, the wall clock is
 * right to CLOCK_ERROR_MS, or behind the ledger. Should a run start days ahead, the vendor's own refusal is
 * what stops it.
 */
import { DAY_MS, type MarketDate, MINUTE_MS, type UnixMs } from '../domain/time.ts'
import type { Zone } from '../platform/zone.ts'

/** How wrong the wall clock may be when a run starts. */
export const CLOCK_ERROR_MS: number = MINUTE_MS

/** A window of the vendor's is a little longer in our count: its clock and ours differ by some ppm. */
const WINDOW_MS = MINUTE_MS + 100

/** Entries older than this cannot touch a day that still counts. */
const FORGET_MS = 4 * DAY_MS
const FORGET_COUNT_MIN = 4_096

export type LedgerLimits = {
  readonly callsPerMinute: number
  readonly callsPerDay: number
  readonly intervalMs: number
  /** Longest exchange, in ms of permit time. */
  readonly requestMaxMs: number
}

export type LedgerEntry =
  /** A run begins. `isBehind`: its wall clock stands before entries that were written earlier. */
  | { readonly kind: 'start'; readonly atMs: UnixMs; readonly isBehind: boolean }
  /** So much has the wall clock gained on the monotonic clock in this run. */
  | { readonly kind: 'unsure'; readonly atMs: UnixMs; readonly unsureMs: number }
  | { readonly kind: 'take'; readonly atMs: UnixMs }
  /** The vendor refused: nobody asks before `untilMs`. */
  | { readonly kind: 'pause'; readonly atMs: UnixMs; readonly untilMs: UnixMs }
  /** The vendor says that its day is spent, whatever we count. */
  | { readonly kind: 'spent'; readonly atMs: UnixMs; readonly date: MarketDate }

export type Verdict =
  | { readonly isFree: true }
  | { readonly isFree: false; readonly untilMs: UnixMs; readonly isDaySpent: boolean }

/** Times of permits; `endMs` and what follows are upper bounds, revised as more becomes known. */
type Take = { readonly atMs: number; leftMs: number; endMs: number; toMs: number; windowMs: number }

export class PermitLedger {
  readonly #limits: LedgerLimits
  readonly #zone: Zone
  #takes: Take[] = []
  #forgetAt = FORGET_COUNT_MIN
  /** Index in `#takes` of the first one of the run that goes on. */
  #runFrom = 0
  #unsureMs = 0
  #newestMs: UnixMs | null = null
  #pauseUntilMs = 0
  readonly #spentDates = new Set<MarketDate>()
  /** Takes by day, of the first `#countedTakes`; those without a bound are in every day. */
  readonly #byDate = new Map<MarketDate, number>()
  #boundlessCount = 0
  #countedTakes = 0
  /** The day that was asked about last. */
  #day = { date: '' as MarketDate, fromMs: 0, toMs: 0 }

  constructor(limits: LedgerLimits, zone: Zone) {
    this.#limits = limits
    this.#zone = zone
  }

  /** Permit time of the newest entry: no later run starts before it. */
  get newestMs(): UnixMs | null {
    return this.#newestMs
  }

  /** In the order in which they were written. */
  add(entry: LedgerEntry): void {
    this.#newestMs = Math.max(this.#newestMs ?? 0, entry.atMs) as UnixMs
    switch (entry.kind) {
      case 'start':
        this.#start(entry.atMs, entry.isBehind)
        break
      case 'unsure':
        this.#widen(entry.unsureMs)
        break
      case 'take':
        this.#take(entry.atMs)
        break
      case 'pause':
        this.#pauseUntilMs = Math.max(this.#pauseUntilMs, entry.untilMs)
        break
      case 'spent':
        this.#spentDates.add(entry.date)
    }
  }

  /**
   * An entry that cannot be read: whatever it was, it counts as a permit, and of a time between its
   * neighbours.
   */
  addUnreadable(): void {
    this.#take(this.#newestMs ?? (0 as UnixMs))
    this.#takes.at(-1)!.toMs = Number.POSITIVE_INFINITY
  }

  /** The entry is written, the request leaves now: later than its entry says where the disk was slow. */
  noteLeft(nowMs: UnixMs): void {
    this.#takes.at(-1)!.leftMs = nowMs
    this.noteEnd(nowMs)
  }

  /** The exchange of the newest permit is over. Until then, and after a crash, its end is a bound. */
  noteEnd(nowMs: UnixMs): void {
    const take = this.#takes.at(-1)!
    take.endMs = nowMs
    take.windowMs = nowMs
    if (Number.isFinite(take.toMs)) take.toMs = nowMs + this.#unsureMs
  }

  /** For a permit at `nowMs`, permit time, when no exchange is open. */
  judge(nowMs: UnixMs): Verdict {
    const spentUntilMs = this.#spentUntil(nowMs)
    if (spentUntilMs !== null) return { isFree: false, untilMs: spentUntilMs, isDaySpent: true }
    const untilMs = Math.max(this.#pauseUntilMs, this.#intervalUntil(), this.#minuteUntil()) as UnixMs
    return untilMs <= nowMs ? { isFree: true } : { isFree: false, untilMs, isDaySpent: false }
  }

  /** Permits that may have counted on that day of the vendor's. */
  takenOn(date: MarketDate): number {
    this.#count()
    return (this.#byDate.get(date) ?? 0) + this.#boundlessCount
  }

  leftAt(nowMs: UnixMs): number {
    const dates = this.#datesOf(nowMs - CLOCK_ERROR_MS, this.#arrivalMaxMs(nowMs))
    const left = dates.map((date) =>
      this.#spentDates.has(date) ? 0 : this.#limits.callsPerDay - this.takenOn(date),
    )
    return Math.max(0, Math.min(...left))
  }

  #take(atMs: number): void {
    this.#forget(atMs)
    // The one before was over when this one was taken: requests go one at a time.
    this.#boundNewest(atMs)
    const endMs = atMs + this.#limits.requestMaxMs
    this.#takes.push({ atMs, leftMs: atMs, endMs, toMs: endMs + this.#unsureMs, windowMs: endMs })
  }

  #start(atMs: number, isBehind: boolean): void {
    this.#boundNewest(atMs)
    for (const take of this.#takes) {
      // What is written was written before now, and now is known again.
      if (!isBehind) take.toMs = Math.min(take.toMs, atMs + CLOCK_ERROR_MS)
      take.windowMs = Math.min(atMs, take.toMs + 2 * CLOCK_ERROR_MS)
      take.leftMs = take.windowMs
    }
    this.#runFrom = this.#takes.length
    this.#unsureMs = isBehind ? Number.POSITIVE_INFINITY : 0
    this.#recount()
  }

  #boundNewest(atMs: number): void {
    const newest = this.#takes.at(-1)
    if (newest === undefined || newest.endMs <= atMs) return
    const gainedMs = newest.endMs - atMs
    newest.endMs = atMs
    newest.toMs -= gainedMs
    newest.windowMs = Math.min(newest.windowMs, atMs)
  }

  /** The same doubt holds for the run's earlier permits: its start may have been the wrong moment. */
  #widen(unsureMs: number): void {
    this.#unsureMs = unsureMs
    for (const take of this.#takes.slice(this.#runFrom)) take.toMs = take.endMs + unsureMs
    this.#recount()
  }

  #intervalUntil(): number {
    const newest = this.#takes.at(-1)
    return newest === undefined ? 0 : newest.leftMs + this.#limits.intervalMs
  }

  #minuteUntil(): number {
    const first = this.#takes.at(-this.#limits.callsPerMinute)
    return first === undefined ? 0 : first.windowMs + WINDOW_MS
  }

  /** When the last of the days that the request could count in, and that are spent, is surely over. */
  #spentUntil(nowMs: UnixMs): UnixMs | null {
    const dates = this.#datesOf(nowMs - CLOCK_ERROR_MS, this.#arrivalMaxMs(nowMs))
    const spent = dates.findLast(
      (date) => this.#spentDates.has(date) || this.takenOn(date) >= this.#limits.callsPerDay,
    )
    if (spent === undefined) return null
    return (this.#zone.utcOf(dayAfter(spent))! + CLOCK_ERROR_MS) as UnixMs
  }

  /** Without a bound the days ahead that hold a count are looked at one by one: few, and finite. */
  #arrivalMaxMs(nowMs: UnixMs): number {
    const unsureMs = Number.isFinite(this.#unsureMs) ? this.#unsureMs : FORGET_MS
    return nowMs + this.#limits.requestMaxMs + unsureMs + CLOCK_ERROR_MS
  }

  #count(): void {
    for (; this.#countedTakes < this.#takes.length; this.#countedTakes += 1) {
      const take = this.#takes[this.#countedTakes]!
      if (!Number.isFinite(take.toMs)) {
        this.#boundlessCount += 1
        continue
      }
      for (const date of this.#datesOf(take.atMs - CLOCK_ERROR_MS, take.toMs + CLOCK_ERROR_MS)) {
        this.#byDate.set(date, (this.#byDate.get(date) ?? 0) + 1)
      }
    }
  }

  #recount(): void {
    this.#byDate.clear()
    this.#boundlessCount = 0
    this.#countedTakes = 0
  }

  #datesOf(fromMs: number, toMs: number): readonly MarketDate[] {
    const last = this.#dateOf(toMs as UnixMs)
    const dates = [this.#dateOf(fromMs as UnixMs)]
    while (dates.at(-1)! < last) dates.push(dayAfter(dates.at(-1)!))
    return dates
  }

  /** Nearly all that is asked about lies in one day. */
  #dateOf(atMs: UnixMs): MarketDate {
    if (atMs < this.#day.fromMs || atMs >= this.#day.toMs) {
      const date = this.#zone.dateOf(atMs)
      this.#day = { date, fromMs: this.#zone.utcOf(date)!, toMs: this.#zone.utcOf(dayAfter(date))! }
    }
    return this.#day.date
  }

  #forget(nowMs: number): void {
    if (this.#takes.length < this.#forgetAt) return
    const keptMin = this.#takes.length - this.#limits.callsPerMinute
    const isOld = (take: Take, index: number): boolean => index < keptMin && take.toMs < nowMs - FORGET_MS
    const forgottenCount = this.#takes.findIndex((take, index) => !isOld(take, index))
    this.#takes = this.#takes.slice(Math.max(0, forgottenCount))
    this.#runFrom = Math.max(0, this.#runFrom - Math.max(0, forgottenCount))
    this.#forgetAt = Math.max(FORGET_COUNT_MIN, 2 * this.#takes.length)
    this.#recount()
  }
}

export function dayAfter(date: MarketDate): MarketDate {
  return new Date(Date.parse(date) + DAY_MS).toISOString().slice(0, 10) as MarketDate
}
