/**
 * What does every batch job of the US market work with? Opened once under the market's lock, in an order in
 * which nothing is asked, and nothing spent, before all that can be wrong at home has been looked at.
 */
import { Asking } from '../batch/asking.ts'
import { Permits } from '../batch/permits.ts'
import { listRawAnswers, RawAnswers, readRawAnswer } from '../batch/raw-answers.ts'
import { RetryQueue } from '../batch/retry-queue.ts'
import type { Calendar } from '../calendars/calendar.ts'
import type { Config } from '../config.ts'
import { refuseSimulatedTime } from '../config.ts'
import { readMarker } from '../curation/marker.ts'
import type { AppendEvent } from '../domain/event.ts'
import type { Secret } from '../domain/secret.ts'
import type { Clock, ClockSimulation } from '../platform/clock.ts'
import { createSender, HTTP_LIMITS } from '../platform/http.ts'
import type { Log, Scrubber } from '../platform/log.ts'
import { Entitlements } from './batch-entitlement.ts'
import { KnownAnswers } from './batch-known.ts'
import { BatchRun } from './batch-run.ts'
import { openMarketChain } from './chain.ts'
import { IdentifiedAsking } from './us-answer-identity.ts'
import { type DoneSession, doneSession, lockUs, US, usCalendar, usJobsDir, usVenue } from './us-market.ts'

/** What a command of the US market is given. */
export type UsContext = {
  readonly config: Config
  readonly clock: Clock
  readonly simulation: ClockSimulation | undefined
  readonly log: Log
  readonly scrubber: Scrubber
  readonly random: () => number
  readonly signal: AbortSignal
  /** Throws CREDENTIALS_MISSING. Asked for only by what talks to the vendor. */
  readonly apiKey: () => Secret
}

export type UsDesk = {
  readonly context: UsContext
  readonly calendar: Calendar
  readonly session: DoneSession
  readonly jobsDir: string
  readonly append: AppendEvent
  readonly permits: Permits
  readonly queue: RetryQueue
  readonly raw: RawAnswers
  readonly known: KnownAnswers
  readonly rights: Entitlements
  /** A new one for each pass through the symbols. */
  readonly newRun: () => BatchRun
  readonly close: () => void
}

/** Throws CONFIG_INVALID, CREDENTIALS_MISSING, LOCK_HELD, LAKE_NEWER or what the disk says. */
export function openUsDesk(context: UsContext): UsDesk {
  const { config, simulation, scrubber, clock, log } = context
  const { batch } = config.markets.us
  // A lake that we may not write to is no reason to spend permits.
  readMarker(config.dataDir, US)
  refuseSimulatedTime(simulation, [batch.restUrl], usVenue.realHosts)
  const key = context.apiKey()
  scrubber.add(key)
  const calendar = usCalendar(config)
  const session = doneSession(calendar, clock.wallMs())
  const warning = calendar.warningFor(calendar.dateOf(clock.wallMs()))
  if (warning !== null) log.warn(warning)
  const lock = lockUs(config)
  const opened: { close(): void }[] = [{ close: () => lock.release() }]
  const close = (): void => {
    for (const one of opened.splice(0).reverse()) one.close()
  }
  try {
    const chain = openMarketChain({
      dataDir: config.dataDir,
      market: US,
      clock,
      note: (text) => log.warn(text),
    })
    const store = openStore(context, calendar, opened)
    const send = createSender(batch.restUrl, { ...HTTP_LIMITS, timeoutMs: batch.timeoutMs })
    const asking = new Asking({ ...context, venue: usVenue, key, send, permits: store.permits })
    const identified = new IdentifiedAsking({
      asking,
      venue: usVenue,
      known: store.known,
      readBody: (answer) => readRawAnswer(config.dataDir, answer),
      log,
    })
    const newRun = (): BatchRun => new BatchRun({ ...context, ...store, venue: usVenue, asking: identified })
    return { context, calendar, session, append: chain.append, ...store, newRun, close }
  } catch (error) {
    close()
    throw error
  }
}

type Store = Pick<UsDesk, 'jobsDir' | 'permits' | 'queue' | 'raw' | 'known' | 'rights'>

/** Puts into `opened` what is to be closed again. */
function openStore(context: UsContext, calendar: Calendar, opened: { close(): void }[]): Store {
  const { config, clock, log, random } = context
  const { batch } = config.markets.us
  const { zone } = calendar
  const jobsDir = usJobsDir(config)
  const rights = new Entitlements(jobsDir)
  const raw = new RawAnswers(config.dataDir, zone)
  const known = new KnownAnswers(jobsDir, listRawAnswers(config.dataDir, zone).answers)
  opened.push(known)
  const queue = new RetryQueue({ jobsDir, attemptsMax: batch.attemptsMax, log })
  opened.push(queue)
  settleKnown(queue, known)
  const permits = new Permits({ jobsDir, limits: batch, zone, clock, log, random })
  opened.push(permits)
  return { jobsDir, permits, queue, raw, known, rights }
}

/**
 * A kill between keeping an answer and settling its wish left the wish in the queue. And of a parked wish
 * any answer of its series will do: it says that the vendor knows the symbol after all, which is how an
 * operator's backfill brings it back.
 */
export function settleKnown(queue: RetryQueue, known: KnownAnswers): void {
  for (const { wish, failedAtMs, nextMs } of queue.counts().items) {
    const like = nextMs === null ? known.newestLike(wish) : null
    if (Math.max(known.fetchedMs(wish), like?.fetchedAtMs ?? 0) >= failedAtMs) queue.settle(wish)
  }
}
