/**
 * The main job, one session long: recover and replay today's journal, publish what a crash left
 * unpublished, then listen, finalise and publish until the session is over. Reads like that sentence.
 */

import { isSession } from '../calendars/calendar.ts'
import { runMinuteTimer } from '../candles/minute-timer.ts'
import {
  type MarketDate,
  MINUTE_MS,
  type Minute,
  minuteEnd,
  nextMinute,
  type UnixMs,
} from '../domain/time.ts'
import { yieldTurn } from '../platform/clock.ts'
import { createFeed, FEED_CONFIG, type FeedConfig } from '../stream/feed.ts'
import { planShards } from '../stream/shards.ts'
import { watchDisk } from './disk-watch.ts'
import { fetchGapHistory } from './gap-history.ts'
import { classify, indiaCalendar, lockIndia, venue } from './india-day.ts'
import { readInstruments } from './instruments-file.ts'
import { type DayPlan, type LiveDay, openLiveDay, type StreamSummary } from './live-day.ts'
import { warnOfDate } from './market-date.ts'
import type { StreamProbe } from './stream-probe.ts'
import { connectVendor, type IndiaContext, type Vendor } from './vendor.ts'
import { tellParentOf } from './worker-sampler.ts'

export type StreamResult =
  | {
      readonly kind: 'closed'
      readonly date: MarketDate
      readonly reason: string
      readonly nextDate: MarketDate
    }
  | { readonly kind: 'done'; readonly date: MarketDate; readonly summary: StreamSummary }
  /** Asked to stop before it began to listen. */
  | { readonly kind: 'stopped'; readonly date: MarketDate }

/**
 * A feed that is live before anything can be traded knows the day's volume from zero; one that connects at
 * the first trade does not.
 */
const LEAD_MS = 5 * MINUTE_MS

export type StreamOptions = {
  readonly onStarted?: (probe: StreamProbe) => void
}

/** Rejects with an OperatingError that says what to do; what was received until then is in the journal. */
export async function runStream(context: IndiaContext, options: StreamOptions = {}): Promise<StreamResult> {
  const { config, clock, log } = context
  const calendar = indiaCalendar(config)
  const instruments = readInstruments(config.markets.in.instruments)
  const shards = planShards(instruments, venue.limits, venue.name, config.markets.in.instruments)
  const vendor = connectVendor(context, calendar.zone.offsetMs(clock.wallMs()))
  const lock = lockIndia(config)
  try {
    const date = calendar.dateOf(clock.wallMs())
    warnOfDate(calendar, date, log)
    // Before the calendar has its say: wrong credentials are worth knowing on a holiday too.
    if (!(await hasLoggedIn(context, vendor))) return { kind: 'stopped', date }
    const session = calendar.sessionOn(date)
    if (!isSession(session)) {
      const { reason, nextDate } = session
      log.info(`no session on ${date} (${reason}); the next one is on ${nextDate}`)
      return { kind: 'closed', date, reason, nextDate }
    }
    const window = calendar.feedFor(session, instruments)
    const feed = { ...window, fromMs: (window.fromMs - LEAD_MS) as UnixMs }
    const classes = classify(calendar, session, instruments)
    const plan = { session: { ...session, feed }, instruments, shards, ...classes }
    return { kind: 'done', date, summary: await runDay(context, vendor, plan, options) }
  } finally {
    lock.release()
  }
}

/** False: asked to stop meanwhile, which is no failure. */
async function hasLoggedIn({ signal, log }: IndiaContext, vendor: Vendor): Promise<boolean> {
  try {
    await vendor.tokens.take()
    return true
  } catch (error) {
    if (!signal.aborted) throw error
    log.info('asked to stop before the session')
    return false
  }
}

async function runDay(
  context: IndiaContext,
  vendor: Vendor,
  plan: DayPlan,
  options: StreamOptions,
): Promise<StreamSummary> {
  const ending = new FirstFailure()
  const stopWatching = watchDisk(context, ending.fail)
  try {
    const day = await openLiveDay(context, plan, ending.fail)
    const summary = await listen(context, vendor, day, { ...options, plan, ending }).catch(ending.fail)
    await day.end().catch(ending.fail)
    ending.check()
    context.log.info('worker ended', { date: plan.session.date })
    return summary!
  } finally {
    stopWatching()
  }
}

type ListenOptions = StreamOptions & { readonly plan: DayPlan; readonly ending: FirstFailure }

async function listen(
  context: IndiaContext,
  vendor: Vendor,
  day: LiveDay,
  options: ListenOptions,
): Promise<StreamSummary> {
  const { clock, config } = context
  const { plan, ending } = options
  const signal = AbortSignal.any([context.signal, ending.signal])
  day.start()
  const feed = createFeed({
    ...context,
    ...vendor,
    venue,
    mode: config.markets.in.stream.mode,
    config: feedConfig(context),
    instruments: plan.instruments,
    shards: plan.shards,
    firstConnection: day.fold.connectionsMax() + 1,
    streamUrl: config.markets.in.stream.streamUrl,
    sink: day.ingest,
    session: { feed: plan.session.feed, continuous: plan.phases.flatMap(({ continuous }) => continuous) },
    signal,
  })
  const probe: StreamProbe = { day, session: plan.session, feed: () => feed.status() }
  options.onStarted?.(probe)
  const stopTelling = tellParentOf(probe, clock)
  const timer = runMinuteTimer({
    clock,
    graceMs: config.markets.in.stream.graceMs,
    from: day.fold.firstOpenMinute(),
    to: day.fold.minuteRange().to,
    onMinute: (minute) => day.finalise(minute),
    yieldTurn,
    signal,
  })
  const running = [timer, feed.run(), fetchGapHistory(context, vendor, day, signal)]
  for (const one of running) one.catch(ending.fail)
  await clock.sleepUntil(plan.session.feed.toMs, signal)
  ending.end()
  await Promise.allSettled(running)
  stopTelling()
  ending.check()
  finish(context, day)
  await day.published()
  return day.summary()
}

/** Ends a run, and keeps the first failure that ended it or met its end. */
class FirstFailure {
  readonly #ending = new AbortController()
  #failure: unknown

  get signal(): AbortSignal {
    return this.#ending.signal
  }

  readonly fail = (error: unknown): undefined => {
    this.#failure ??= error
    this.#ending.abort()
  }

  end(): void {
    this.#ending.abort()
  }

  check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }
}

/** Finalises the minutes that are over. One in progress stays open: a restart or settle goes on with it. */
function finish(context: IndiaContext, day: LiveDay): void {
  const nowMs = context.clock.wallMs()
  for (let minute = day.fold.firstOpenMinute(); isOver(day, minute, nowMs); minute = nextMinute(minute)) {
    day.finalise(minute)
  }
  const isEarly = day.fold.firstOpenMinute() < day.fold.minuteRange().to
  day.stop(isEarly ? 'asked to stop' : 'the session is over')
}

function isOver(day: LiveDay, minute: Minute, nowMs: UnixMs): boolean {
  return minute < day.fold.minuteRange().to && minuteEnd(minute) <= nowMs
}

function feedConfig({ config }: IndiaContext): FeedConfig {
  const { stream } = config.markets.in
  return {
    ...FEED_CONFIG,
    pingIntervalMs: stream.pingIntervalMs,
    backoffCapMs: stream.backoffCapMs,
    stallMs: stream.socketSilenceMs,
    dataSilenceMs: stream.dataSilenceMs,
    failuresMax: stream.fallbackFailuresMax,
    failureWindowMs: stream.fallbackWindowMs,
  }
}
