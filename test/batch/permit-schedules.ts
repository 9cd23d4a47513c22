/**
 * Do we ever ask more than we may, as the vendor counts? Random lives of the permits on virtual time:
 * requests, idle hours, wall clocks that jump both ways, suspended machines, slow disks, slow networks,
 * storms of refusals, and crashes at any byte of any entry. The vendor here knows true time and nothing
 * else.
 *
 * A wall clock at a start is right to a minute, or behind (the two cases that permit-ledger.ts speaks of);
 * between starts it does what it likes.
 */

import { type LedgerEntry, type LedgerLimits, PermitLedger } from '../../src/batch/permit-ledger.ts'
import { foldLedgerFile, formatLedgerLine } from '../../src/batch/permit-ledger-lines.ts'
import { PermitRun, type StreamLimit } from '../../src/batch/permit-ledger-run.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, type UnixMs } from '../../src/domain/time.ts'
import { Zone } from '../../src/platform/zone.ts'
import { Prng } from '../../src/sim/prng.ts'

const NEW_YORK = new Zone('America/New_York')
/** Two changes of daylight saving time, a year's end, and days like any other. */
const STARTS = [
  '2026-03-08T03:00:00Z',
  '2026-11-01T02:00:00Z',
  '2026-12-31T23:00:00Z',
  '2026-07-01T20:00:00Z',
]
const STEPS = 60
const REQUEST_MAX_MS = 60 * SECOND_MS

class Crash extends Error {}

/** One machine with one data directory, through many runs. */
class Life {
  readonly chance: Prng
  readonly limits: LedgerLimits
  /** When requests left, and when they reached the vendor, in true time. */
  readonly left: number[] = []
  readonly arrivals: number[] = []
  crashCount = 0
  refusalCount = 0
  #trueMs: number
  #wallErrorMs = 0
  #monoMs = 0
  #file = Buffer.alloc(0)
  #crashChance = 0
  #run: PermitRun | null = null
  #stormLeft = 0

  constructor(seed: number, index: number) {
    this.chance = new Prng(seed, index)
    this.#trueMs = Date.parse(STARTS[this.#below(STARTS.length)]!) + this.#below(DAY_MS)
    this.limits = {
      callsPerMinute: 1 + this.#below(6),
      callsPerDay: 6 + this.#below(30),
      intervalMs: this.#below(2) * 1_200,
      requestMaxMs: REQUEST_MAX_MS,
    }
    this.#crashChance = this.#below(3) * 0.02
    this.#wallErrorMs = this.#smallError()
  }

  play(): void {
    for (let step = 0; step < STEPS; step += 1) {
      // The clock is what it is when a run starts, so the next run starts before anything else happens.
      while (this.#run === null) this.#guarded(() => this.#restart())
      this.#meetTrouble()
      if (this.#run !== null) this.#guarded(() => this.#ask())
    }
  }

  /** Trouble ends, a run starts with a right clock, two days pass in it: then there must be room. */
  mayAskInTheEnd(): boolean {
    this.#crashChance = 0
    this.#run = null
    this.#wallErrorMs = 0
    const run = this.#open()
    this.#pass(2 * DAY_MS)
    return run.judge().isFree
  }

  #meetTrouble(): void {
    const what = this.#below(24)
    if (what === 0) this.#wallErrorMs += this.#jump()
    if (what === 1) this.#wallErrorMs = this.#smallError()
    // Suspended: true time and the wall go on, the monotonic clock does not.
    if (what === 2) this.#trueMs += this.#below(16 * HOUR_MS)
    if (what === 3) this.#run = null
    if (what === 4) this.#stormLeft = this.#below(8)
    if (what === 5) this.#pass(this.#below(30 * HOUR_MS))
    if (what < 12) this.#pass(this.#below(3 * MINUTE_MS))
  }

  #ask(): void {
    const run = this.#open()
    const verdict = run.judge()
    if (!verdict.isFree) {
      const waitMs = verdict.untilMs - run.nowMs()
      // As the real one: a minute is waited for, a day is not, but sometimes somebody comes back then.
      if (!verdict.isDaySpent || this.#below(3) === 0) this.#pass(Math.max(1, waitMs))
      return
    }
    run.take()
    this.left.push(this.#trueMs)
    const wayMs = this.#below(4) === 0 ? this.#below(REQUEST_MAX_MS / 3) : this.#below(400)
    // A request may be on its way when the machine is suspended: the reply is read when it wakes.
    this.#pass(wayMs)
    this.arrivals.push(this.#trueMs)
    if (this.#happens(this.#crashChance)) throw new Crash()
    this.#pass(this.#below(300))
    run.end(this.#refusal())
  }

  #refusal(): StreamLimit | null {
    if (this.#stormLeft === 0) return null
    this.#stormLeft -= 1
    this.refusalCount += 1
    const kind = this.#below(12)
    return kind === 0 ? 'day_limit' : kind < 5 ? 'minute_limit' : 'burst'
  }

  #open(): PermitRun {
    if (this.#run !== null) return this.#run
    const ledger = new PermitLedger(this.limits, NEW_YORK)
    foldLedgerFile(this.#file, ledger)
    if (this.#file.length > 0 && this.#file.at(-1) !== 0x0a) this.#file = Buffer.concat([this.#file, NEWLINE])
    this.#run = new PermitRun({
      ledger,
      zone: NEW_YORK,
      write: (entry) => this.#write(entry),
      read: () => ({ wallMs: this.#trueMs + this.#wallErrorMs, monoMs: this.#monoMs }),
      random: () => this.chance.next(),
      speed: 1,
    })
    return this.#run
  }

  /** A crash tears the entry at any byte, or comes right after it was written. */
  #write(entry: LedgerEntry): void {
    const line = Buffer.from(formatLedgerLine(entry))
    const isTorn = this.#happens(this.#crashChance)
    const keptBytes = isTorn ? this.#below(line.length + 1) : line.length
    this.#file = Buffer.concat([this.#file, line.subarray(0, keptBytes)])
    if (isTorn) throw new Crash()
    this.#pass(this.#below(20) === 0 ? this.#below(3 * SECOND_MS) : this.#below(5))
  }

  #guarded(act: () => void): void {
    try {
      act()
    } catch (error) {
      if (!(error instanceof Crash)) throw error
      this.crashCount += 1
      this.#run = null
    }
  }

  #restart(): void {
    if (this.#file.length > 0) this.#pass(this.#below(5 * SECOND_MS))
    // Another process, perhaps another boot: its monotonic clock starts anywhere.
    this.#monoMs = this.#below(DAY_MS)
    this.#wallErrorMs = this.#below(5) === 0 ? this.#behind() : this.#smallError()
    this.#open()
  }

  /** A clock that is wrong at a start is behind what is written, or it would be believed. */
  #behind(): number {
    const newestMs = this.#newestMs()
    if (newestMs === null) return this.#smallError()
    return newestMs - this.#trueMs - 2 * MINUTE_MS - 1 - this.#below(3 * DAY_MS)
  }

  #newestMs(): number | null {
    const ledger = new PermitLedger(this.limits, NEW_YORK)
    foldLedgerFile(this.#file, ledger)
    return ledger.newestMs as UnixMs | null
  }

  #jump(): number {
    const sizeMs = [10 * SECOND_MS, 10 * MINUTE_MS, 12 * HOUR_MS, 3 * DAY_MS][this.#below(4)]!
    return this.#below(2 * sizeMs) - sizeMs
  }

  #smallError(): number {
    return this.#below(2 * MINUTE_MS - 2) - MINUTE_MS + 1
  }

  #pass(durationMs: number): void {
    this.#trueMs += durationMs
    this.#monoMs += durationMs
  }

  #happens(chance: number): boolean {
    return this.chance.next() < chance
  }

  #below(limit: number): number {
    return this.chance.below(limit)
  }
}

const NEWLINE = Buffer.from('\n')

export type PermitSchedulesSummary = {
  readonly schedules: number
  readonly requests: number
  readonly crashes: number
  readonly refusals: number
  readonly overMinute: number
  readonly overDay: number
  readonly underInterval: number
  /** Schedules after which no permit was free, though a run had two quiet days. */
  readonly stuck: number
  /** Index of the first schedule that broke a promise. */
  readonly firstBroken: number | null
}

export function runPermitSchedules(options: {
  readonly count: number
  readonly seed: number
}): PermitSchedulesSummary {
  const sum = { requests: 0, crashes: 0, refusals: 0, overMinute: 0, overDay: 0, underInterval: 0, stuck: 0 }
  let firstBroken: number | null = null
  for (let index = 0; index < options.count; index += 1) {
    const life = new Life(options.seed, index)
    life.play()
    const broken = brokenOf(life)
    sum.requests += life.arrivals.length
    sum.crashes += life.crashCount
    sum.refusals += life.refusalCount
    sum.overMinute += broken.overMinute
    sum.overDay += broken.overDay
    sum.underInterval += broken.underInterval
    const isStuck = !life.mayAskInTheEnd()
    if (isStuck) sum.stuck += 1
    if (isStuck || broken.overMinute + broken.overDay + broken.underInterval > 0) firstBroken ??= index
  }
  return { schedules: options.count, ...sum, firstBroken }
}

/** As the vendor counts: every window of a minute, every day of New York. */
function brokenOf({ arrivals, left, limits }: Life): {
  readonly overMinute: number
  readonly overDay: number
  readonly underInterval: number
} {
  const byDate = new Map<string, number>()
  for (const atMs of arrivals) {
    const date = NEW_YORK.dateOf(atMs as UnixMs)
    byDate.set(date, (byDate.get(date) ?? 0) + 1)
  }
  return {
    overMinute: arrivals.filter((atMs, index) => {
      const first = arrivals[index - limits.callsPerMinute]
      return first !== undefined && atMs - first < MINUTE_MS
    }).length,
    overDay: [...byDate.values()].filter((count) => count > limits.callsPerDay).length,
    underInterval: left.filter((atMs, index) => index > 0 && atMs - left[index - 1]! < limits.intervalMs)
      .length,
  }
}
