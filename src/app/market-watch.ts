/**
 * How is a market, for those who watch it from outside: health, metrics and monitors? Gathered from what
 * lies on the disk and from what the running worker told; nothing is asked of it, nothing is changed, and
 * what is not known stays null. The chain is read again only when it has grown.
 */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readPermitStatus } from '../batch/permits.ts'
import { readRetryQueue } from '../batch/retry-queue.ts'
import type { ChainReport } from '../bus/verify-chain.ts'
import { type Calendar, isSession } from '../calendars/calendar.ts'
import type { Config } from '../config.ts'
import type { MarketView } from '../dashboard/market-view.ts'
import { OperatingError } from '../domain/error.ts'
import type { ChainEvent } from '../domain/event.ts'
import type { JobRecord } from '../domain/job.ts'
import { DAY_MS, type MarketDate, type UnixMs } from '../domain/time.ts'
import type { TruthState } from '../domain/truth.ts'
import type { WorkerSample } from '../domain/worker-sample.ts'
import { TruthFold } from '../gates/state.ts'
import { identityOf, type MonitorFacts, type MonitorName } from '../monitors/monitors.ts'
import type { Clock } from '../platform/clock.ts'
import { freeBytesAt } from '../platform/durable.ts'
import type { Log } from '../platform/log.ts'
import { verifyAudit } from './audit.ts'
import { chainDir } from './chain.ts'
import { recordOf } from './job-plan.ts'
import { calendarOf, type Market, truthOf } from './truth-market.ts'
import { usJobsDir } from './us-market.ts'
import { usSymbols } from './us-universe.ts'

export type WatchContext = { readonly config: Config; readonly clock: Clock; readonly log: Log }

/** What the daemon knows of the present moment and no file does. */
export type Present = {
  readonly worker: WorkerSample | null
  readonly runningJob: string | null
  readonly isWorkerDue: boolean
  readonly version: string
}

type ChainFacts = {
  readonly sizeBytes: number
  readonly report: ChainReport
  /** Null where the chain cannot be folded; `says` tells why. */
  readonly truth: TruthState | null
  readonly status: string
  readonly says: string
  readonly jobs: readonly (JobRecord & { readonly session: MarketDate })[]
  readonly suggestions: readonly {
    readonly identity: string
    readonly monitor: string
    readonly dayMs: number
  }[]
}

export class MarketWatch {
  readonly #context: WatchContext
  readonly #market: Market
  readonly #calendar: Calendar
  #chain: ChainFacts | null = null

  constructor(context: WatchContext, market: Market) {
    this.#context = context
    this.#market = market
    this.#calendar = calendarOf(context.config, market)
  }

  view(present: Present): MarketView {
    const atMs = this.#context.clock.wallMs()
    const { report, status, says, truth, jobs, suggestions } = this.#chainFacts()
    const permits = this.#permits()
    const queue = this.#queue()
    return {
      market: this.#market,
      version: present.version,
      atMs,
      worker: present.worker,
      runningJob: present.runningJob,
      isWorkerDue: present.isWorkerDue,
      jobCounts: countJobs(jobs),
      failedJobs: failedOf(jobs),
      truth: truth === null ? null : this.#truthView(truth, atMs),
      chain: { status, says, eventCount: report.eventCount },
      permits: permits === null ? null : { leftToday: permits.leftToday, leftThisMinute: null },
      queue: queue === null ? null : { waitingCount: queue.waiting, parkedCount: queue.parked },
      disk: this.#disk(),
      suggestionCounts: countSuggestions(suggestions.filter(({ dayMs }) => dayMs > atMs - DAY_MS)),
      daemonRssBytes: process.memoryUsage.rss(),
    }
  }

  facts(present: Present): MonitorFacts {
    const atMs = this.#context.clock.wallMs()
    const today = this.#calendar.dateOf(atMs)
    const { status, says, truth } = this.#chainFacts()
    const { verifiedThrough } = this.#calendar
    const queue = this.#queue()
    const permits = this.#permits()
    const { callsPerDay } = this.#context.config.markets.us.batch
    return {
      market: this.#market,
      atMs,
      session: present.worker?.isTrading === true ? present.worker.session : null,
      today,
      feed: present.worker === null ? null : this.#feed(present.worker),
      clockDriftMs: driftOf(present.worker),
      disk: this.#diskFacts(),
      permits:
        permits === null || queue === null
          ? null
          : { leftToday: permits.leftToday, perDay: callsPerDay, wishCount: queue.waiting },
      queue:
        queue === null
          ? null
          : {
              waitingCount: queue.waiting,
              parkedCount: queue.parked,
              universeCount: this.#universeCount(),
            },
      calendar: {
        verifiedThrough,
        daysLeft: Math.floor((Date.parse(verifiedThrough) - Date.parse(today)) / DAY_MS),
      },
      chain: { status, says },
      truth: truth === null ? null : this.#drift(truth),
    }
  }

  /** Identities of the suggestions that the chain holds already. */
  knownSuggestions(): ReadonlySet<string> {
    return new Set(this.#chainFacts().suggestions.map(({ identity }) => identity))
  }

  #chainFacts(): ChainFacts {
    const { config } = this.#context
    const dir = chainDir(config.dataDir, this.#market)
    const file = join(dir, 'events.jsonl')
    const sizeBytes = existsSync(file) ? statSync(file).size : 0
    if (this.#chain !== null && this.#chain.sizeBytes === sizeBytes) return this.#chain
    const report = verifyAudit({ dataDir: config.dataDir, market: this.#market })
    this.#chain = { sizeBytes, report, ...this.#read(report) }
    return this.#chain
  }

  /** One event at a time: the chain of some years, held at once, is more than a daemon should weigh. */
  #read(report: ChainReport): Omit<ChainFacts, 'sizeBytes' | 'report'> {
    const jobs: ChainFacts['jobs'][number][] = []
    const suggestions: ChainFacts['suggestions'][number][] = []
    const { status } = report
    if (status !== 'VERIFIED') return { status, says: saysOf(report), truth: null, jobs, suggestions }
    const fold = new TruthFold(this.#market)
    let fault: OperatingError | null = null
    for (const event of truthOf(this.#context, this.#market).eachEvent()) {
      const job = recordOf(event)
      if (job !== null) jobs.push(job)
      suggestions.push(...suggestionOf(event))
      if (fault === null) fault = faultOf(fold, event)
    }
    if (fault === null) return { status, says: '', truth: fold.state(), jobs, suggestions }
    return { status: fault.code, says: fault.message, truth: null, jobs, suggestions }
  }

  #truthView(truth: TruthState, atMs: UnixMs): MarketView['truth'] {
    const ended = this.#lastEnded(atMs)
    const ageOf = (session: MarketDate | null): number | null =>
      session === null ? null : this.#calendar.sessionsAhead(session, ended)
    return {
      ctt: truth.ctt,
      epoch: truth.epoch?.session ?? null,
      cttAgeSessions: ageOf(truth.ctt),
      epochAgeSessions: ageOf(truth.epoch?.session ?? null),
      haltReason: truth.halt?.reason ?? null,
      reviewCount: truth.reviews.length,
    }
  }

  #lastEnded(atMs: UnixMs): MarketDate {
    const today = this.#calendar.dateOf(atMs)
    const session = this.#calendar.sessionOn(today)
    const isOver = isSession(session) && this.#calendar.tradingOf(session).toMs <= atMs
    return isOver ? today : this.#calendar.previousSession(today).date
  }

  #drift(truth: TruthState): MonitorFacts['truth'] {
    const { driftSessionsMax } = this.#context.config.markets[this.#market].gates
    const { ctt, epoch, halt } = truth
    // Before the first epoch there is nothing to drift from.
    const driftSessions =
      ctt === null || epoch === null ? 0 : this.#calendar.sessionsAhead(epoch.session, ctt)
    return { driftSessions, driftSessionsMax, halted: halt !== null }
  }

  #feed(worker: WorkerSample): MonitorFacts['feed'] {
    const { socketSilenceMs, dataSilenceMs } = this.#context.config.markets.in.stream
    const { shardCount, liveCount, silentMs, tickSilentMs, openGaps, packetCount, lateCount } = worker
    const limits = { silentMaxMs: socketSilenceMs, tickSilentMaxMs: dataSilenceMs }
    return { shardCount, liveCount, silentMs, tickSilentMs, ...limits, openGaps, packetCount, lateCount }
  }

  #permits(): { readonly leftToday: number } | null {
    const { config, clock } = this.#context
    const jobsDir = usJobsDir(config)
    if (this.#market !== 'us' || !existsSync(jobsDir)) return null
    return readPermitStatus({ jobsDir, limits: config.markets.us.batch, zone: this.#calendar.zone, clock })
  }

  /** 0 where there is no list and no universe, or none that can be read: then any failure is many. */
  #universeCount(): number {
    try {
      return usSymbols(this.#context.config).symbols.length
    } catch (error) {
      if (error instanceof OperatingError) return 0
      throw error
    }
  }

  #queue(): { readonly waiting: number; readonly parked: number } | null {
    const jobsDir = usJobsDir(this.#context.config)
    return this.#market === 'us' && existsSync(jobsDir) ? readRetryQueue(jobsDir) : null
  }

  #disk(): MarketView['disk'] {
    const facts = this.#diskFacts()
    return facts === null ? null : { freeBytes: facts.freeBytes, stopBytes: facts.stopBytes }
  }

  #diskFacts(): MonitorFacts['disk'] {
    const { dataDir, markets } = this.#context.config
    if (!existsSync(dataDir)) return null
    const { diskWarnBytes, diskStopBytes } = markets.in.journal
    return { freeBytes: freeBytesAt(dataDir), warnBytes: diskWarnBytes, stopBytes: diskStopBytes }
  }
}

/**
 * Ours minus the exchange's, as far as packets can tell: none arrives before it was stamped, and the
 * quickest of many takes next to no time; the stamp is cut to whole seconds.
 */
function driftOf(worker: WorkerSample | null): number | null {
  const leastMs = worker?.lateness.leastMs ?? null
  if (leastMs === null) return null
  return leastMs < 0 ? leastMs : Math.max(0, leastMs - 1_000)
}

function saysOf({ flaw }: ChainReport): string {
  return flaw === null ? '' : `event ${flaw.index}: ${flaw.says}`
}

/** Why the fold cannot take the event; null: it took it. */
function faultOf(fold: TruthFold, event: ChainEvent): OperatingError | null {
  try {
    fold.apply(event)
    return null
  } catch (error) {
    if (error instanceof OperatingError) return error
    throw error
  }
}

function suggestionOf({ event_type, event_time, payload }: ChainEvent): ChainFacts['suggestions'] {
  const { monitor, key, urgent } = payload
  if (event_type !== 'suggestion' || typeof monitor !== 'string' || typeof key !== 'string') return []
  const identity = identityOf({ monitor: monitor as MonitorName, key, isUrgent: urgent === true })
  return [{ identity, monitor, dayMs: Date.parse(event_time) }]
}

function countJobs(jobs: ChainFacts['jobs']): MarketView['jobCounts'] {
  const groups = Map.groupBy(jobs, ({ id, outcome }) => `${id.split('@')[0]} ${outcome}`)
  return [...groups].map(([name, { length }]) => {
    const [job = '', outcome = ''] = name.split(' ')
    return { job, outcome, count: length }
  })
}

/** Of the newest session that any job ended for: what failed then is what an operator can still mend. */
function failedOf(jobs: ChainFacts['jobs']): readonly string[] {
  const newest = jobs.reduce((most, { session }) => (session > most ? session : most), '')
  return jobs.filter(({ session, outcome }) => session === newest && outcome === 'failed').map(({ id }) => id)
}

function countSuggestions(suggestions: ChainFacts['suggestions']): MarketView['suggestionCounts'] {
  const groups = Map.groupBy(suggestions, ({ monitor }) => monitor)
  return [...groups].map(([monitor, { length }]) => ({ monitor, count: length }))
}
