/**
 * How do the markets stand, look after look? What lies on the disk, read as `chandler status` reads it, and
 * what each daemon tells of itself. A look has to be cheap, for it is taken all day beside a feed: the
 * journal is folded from where the last look stopped, the chain is read again only when it has grown. Nothing
 * is written, nothing is asked of a worker, and what is not known stays null.
 */
import { describeChain } from '../bus/verify-chain.ts'
import { type Calendar, isSession, type Traded } from '../calendars/calendar.ts'
import { messageOf, OperatingError } from '../domain/error.ts'
import type { PlannedJob } from '../domain/job.ts'
import type { MarketStatus, StatusReport } from '../domain/status.ts'
import { DAY_MS, type MarketDate, type UnixMs } from '../domain/time.ts'
import { jobsOf } from '../scheduler/plan.ts'
import type { WatchDaemon, WatchJob, WatchMarket, WatchSnapshot } from '../terminal/watch-snapshot.ts'
import { INDIA, lockDir } from './india-day.ts'
import { readInstruments } from './instruments-file.ts'
import { planAround, sessionTimes } from './job-plan.ts'
import { isLockHeld } from './lock-held.ts'
import { type DayReadings, diskOf, indiaStatus } from './status.ts'
import { type ChainLook, ChainReading } from './status-chain.ts'
import { askDaemon } from './status-daemon.ts'
import { WorkerReading } from './status-worker.ts'
import { calendarOf, type Market } from './truth-market.ts'
import { NOTHING_KNOWN, truthPartOf } from './truth-status.ts'
import { US } from './us-market.ts'
import { noUsJobs, usStatus } from './us-status.ts'
import type { IndiaContext } from './vendor.ts'

export class StatusWatch {
  readonly #context: IndiaContext
  readonly #markets: readonly MarketReading[]
  #snapshot: WatchSnapshot | null = null

  constructor(context: IndiaContext, markets: readonly Market[]) {
    this.#context = context
    this.#markets = markets.map((market) => new MarketReading(context, market))
  }

  /**
   * A look that fails is told on the screen, over what the look before had seen; the first one throws. So
   * does a defect of ours at any time.
   */
  async look(): Promise<WatchSnapshot> {
    const { clock, config } = this.#context
    const known = this.#snapshot
    try {
      const markets = await Promise.all(this.#markets.map((market) => market.look()))
      const { dataDir } = config
      const atMs = clock.wallMs()
      this.#snapshot = { atMs, speed: clock.speed, dataDir, disk: diskOf(dataDir), markets, trouble: '' }
    } catch (error) {
      if (known === null || !(error instanceof OperatingError)) throw error
      this.#snapshot = { ...known, trouble: messageOf(error) }
    }
    return this.#snapshot
  }
}

/** The same, as one document: what `chandler status --json` has, without what only a screen wants. */
export function reportOf({ atMs, dataDir, disk, markets }: WatchSnapshot): StatusReport {
  const statuses = Object.fromEntries(markets.map(({ name, status }) => [name, status]))
  return { schema: 'chandler.status.v1', atMs, dataDir, markets: statuses, disk }
}

class MarketReading {
  readonly #context: IndiaContext
  readonly #market: Market
  readonly #calendar: Calendar
  readonly #instruments: readonly Traded[]
  readonly #chain: ChainReading
  readonly #worker: WorkerReading
  readonly #days: DayReadings = new Map()

  constructor(context: IndiaContext, market: Market) {
    this.#context = context
    this.#market = market
    this.#calendar = calendarOf(context.config, market)
    this.#instruments = market === INDIA ? listedOr(context.config.markets.in.instruments) : []
    this.#chain = new ChainReading(context, market)
    this.#worker = new WorkerReading(context.clock)
  }

  async look(): Promise<WatchMarket> {
    const atMs = this.#context.clock.wallMs()
    const daemon = await this.#daemon()
    const chain = this.#chain.look()
    const session = this.#session(atMs)
    const ageOf = (date: MarketDate | null): number | null =>
      date === null ? null : this.#calendar.sessionsAhead(date, this.#lastEnded(atMs))
    return {
      name: this.#market,
      status: this.#status(chain),
      session,
      cttAgeSessions: ageOf(chain.truth?.ctt ?? null),
      epochAgeSessions: ageOf(chain.truth?.epoch?.session ?? null),
      jobs: this.#jobs(session.date, chain, daemon, atMs),
      suggestions: chain.suggestions.filter((one) => one.atMs > atMs - DAY_MS).toReversed(),
      events: chain.events,
      reviews: (chain.truth?.reviews ?? []).map(
        ({ id, session: of, says }) => `${id} of ${of}: ${says.join('; ')}`,
      ),
      chain: {
        status: chain.report.status,
        says: chain.report.flaw?.says ?? '',
        eventCount: chain.report.eventCount,
      },
      daemon,
    }
  }

  #status({ report, truth }: ChainLook): MarketStatus {
    const context = this.#context
    const status =
      this.#market === INDIA ? indiaStatus(context, this.#days) : (usStatus(context)[US] ?? noUsJobs(context))
    if (truth === null) return { ...status, truth: { ...NOTHING_KNOWN, chainFault: describeChain(report) } }
    return { ...status, ...truthPartOf(context, this.#market, status.times, truth) }
  }

  /** Today's, or the next one where today has none. */
  #session(atMs: UnixMs): WatchMarket['session'] {
    const today = this.#calendar.dateOf(atMs)
    const found = this.#calendar.sessionOn(today)
    const session = isSession(found) ? found : this.#calendar.nextSession(today)
    const { fromMs, toMs } = this.#calendar.tradingOf(session)
    const next = this.#calendar.tradingOf(this.#calendar.nextSession(session.date))
    const isOpen = fromMs <= atMs && atMs < toMs
    return {
      date: session.date,
      isToday: session.date === today,
      isOpen,
      fromMs,
      toMs,
      nextFromMs: next.fromMs,
    }
  }

  #lastEnded(atMs: UnixMs): MarketDate {
    const session = this.#session(atMs)
    const today = this.#calendar.dateOf(atMs)
    return session.isToday && session.toMs <= atMs ? today : this.#calendar.previousSession(today).date
  }

  #jobs(date: MarketDate, chain: ChainLook, daemon: WatchDaemon, nowMs: UnixMs): readonly WatchJob[] {
    const calendar = this.#calendar
    const instruments = this.#instruments
    const { firstSession, records } = chain
    const running = daemon.kind === 'answers' ? daemon.running : null
    const planned = new Set(planAround({ calendar, instruments, firstSession, nowMs }).map(({ id }) => id))
    const stateOf = ({ id, dueMs }: PlannedJob): WatchJob['state'] => {
      const outcome = records.get(id)?.outcome
      if (outcome !== undefined) return outcome
      if (id === running) return 'running'
      if (dueMs > nowMs) return 'later'
      return planned.has(id) ? 'due' : 'none'
    }
    return jobsOf(sessionTimes(calendar, date, instruments))
      .map((job) => {
        const { name, dueMs, id } = job
        return { name, dueMs, state: stateOf(job), says: records.get(id)?.says ?? '' }
      })
      .toSorted((a, b) => a.dueMs - b.dueMs)
  }

  async #daemon(): Promise<WatchDaemon> {
    const { port } = this.#context.config.markets[this.#market].http
    if (!isLockHeld(lockDir(this.#context.config.dataDir), `daemon-${this.#market}`)) return { kind: 'none' }
    if (port === 0)
      return { kind: 'silent', why: 'markets.*.http.port is 0, so which one it took is not known' }
    const answer = await askDaemon(this.#market, port)
    if (answer.kind === 'silent') return answer
    const { metrics, ...rest } = answer
    return { ...rest, worker: this.#worker.read(metrics) }
  }
}

/** Whoever only looks must not fail for a list that the daemon will complain about. */
function listedOr(path: string): readonly Traded[] {
  try {
    return readInstruments(path)
  } catch (error) {
    if (error instanceof OperatingError) return []
    throw error
  }
}
