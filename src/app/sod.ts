/**
 * How does the day begin? Gathers what the start-of-day checklist judges; changes nothing but its
 * signature.
 */
import { readPermitStatus } from '../batch/permits.ts'
import { type Calendar, isSession } from '../calendars/calendar.ts'
import type { Checklist } from '../domain/checklist.ts'
import { messageOf, OperatingError } from '../domain/error.ts'
import { DAY_MS, type MarketDate, SECOND_MS } from '../domain/time.ts'
import { createSender } from '../platform/http.ts'
import { completeChecklist, signerOf } from './checklist-event.ts'
import { diskFacts, isDaemonHeld, isMarketHeld, isSettled, readTruth, type Truth } from './checklist-facts.ts'
import { INDIA } from './india-day.ts'
import { readInstruments } from './instruments-file.ts'
import { type SodFacts, sodItems } from './sod-items.ts'
import { rawFacts } from './sod-raw.ts'
import { reachVendor, tryCredentials } from './sod-reach.ts'
import { calendarOf, type Market, rawSessionOf } from './truth-market.ts'
import { usJobsDir } from './us-market.ts'
import { usSymbols } from './us-universe.ts'
import type { IndiaContext } from './vendor.ts'
import { journalDates } from './verify.ts'

/** Throws USAGE for a name that is none, or on a day without a session; else what cannot be an item. */
export async function startOfDay(
  context: IndiaContext,
  market: Market,
  operator: string | undefined,
): Promise<Checklist> {
  const signer = signerOf(operator)
  if (signer !== null) refuseClosed(context, market)
  const facts = await sodFacts(context, market)
  const session = facts.today?.date ?? facts.closed!.next
  const { atMs, utcOffsetMs } = facts
  const look = { kind: 'sod', market, session, atMs, utcOffsetMs, items: sodItems(facts) } as const
  return completeChecklist(context, look, signer)
}

/** Else Saturday's signature would be Monday's. */
function refuseClosed({ config, clock }: IndiaContext, market: Market): void {
  const calendar = calendarOf(config, market)
  const closed = closedOf(calendar, calendar.dateOf(clock.wallMs()))
  if (closed === null) return
  throw new OperatingError(
    `signing the start of day of ${market}: there is no session today (${closed.reason}); ` +
      `look without --operator, and sign on ${closed.next}`,
    { code: 'USAGE' },
  )
}

async function sodFacts(context: IndiaContext, market: Market): Promise<SodFacts> {
  const { config, clock } = context
  const calendar = calendarOf(config, market)
  const atMs = clock.wallMs()
  const date = calendar.dateOf(atMs)
  const truth = readTruth(context, market)
  const listed = listOf(context, market)
  const isWorkerRunning = isMarketHeld(context, market)
  const reach = await reachVendor(context, market)
  const { isReached } = reach
  const credentials = await tryCredentials(context, market, { isReached, isWorkerRunning })
  const today = todayOf(context, calendar, date)
  return {
    market,
    atMs,
    utcOffsetMs: calendar.zone.offsetMs(atMs),
    reach,
    credentials,
    permits: market === INDIA ? null : permitsOf(context, calendar, listed.count),
    disk: diskFacts(context),
    listed,
    today,
    closed: closedOf(calendar, date),
    calendar: {
      name: calendar.name,
      verifiedThrough: calendar.verifiedThrough,
      daysLeft: Math.floor((Date.parse(calendar.verifiedThrough) - Date.parse(date)) / DAY_MS),
      warning: calendar.warningFor(date),
    },
    before: beforeOf(context, market, calendar.previousSession(date).date, truth),
    chain: truth.chain,
    truth: truth.state,
    daemon: await daemonOf(context, market),
    isWorkerRunning,
    raw: await rawFacts(context, market, today, isWorkerRunning),
  }
}

function todayOf(context: IndiaContext, calendar: Calendar, date: MarketDate): SodFacts['today'] {
  const session = calendar.sessionOn(date)
  if (!isSession(session)) return null
  const { fromMs, toMs } = feedOf(context, calendar, date) ?? session.feed
  const trading = calendar.tradingOf(session)
  return { date, feedFromMs: fromMs, feedToMs: toMs, trading }
}

/** By what is listened to; null where the list cannot be read, which is an item of its own. */
function feedOf(
  { config }: IndiaContext,
  calendar: Calendar,
  date: MarketDate,
): ReturnType<Calendar['feedFor']> | null {
  const session = calendar.sessionOn(date)
  if (calendar.market !== INDIA || !isSession(session)) return null
  try {
    return calendar.feedFor(session, readInstruments(config.markets.in.instruments))
  } catch (error) {
    if (error instanceof OperatingError) return null
    throw error
  }
}

function closedOf(calendar: Calendar, date: MarketDate): SodFacts['closed'] {
  const day = calendar.sessionOn(date)
  return isSession(day) ? null : { reason: day.reason, next: day.nextDate }
}

function listOf({ config }: IndiaContext, market: Market): SodFacts['listed'] {
  const path = market === INDIA ? config.markets.in.instruments : config.markets.us.batch.symbols
  try {
    const count = market === INDIA ? readInstruments(path).length : usSymbols(config).symbols.length
    return { count, fault: '', path }
  } catch (error) {
    if (error instanceof OperatingError) return { count: 0, fault: error.message, path }
    throw error
  }
}

function permitsOf({ config, clock }: IndiaContext, { zone }: Calendar, wanted: number): SodFacts['permits'] {
  const limits = config.markets.us.batch
  const { leftToday } = readPermitStatus({ jobsDir: usJobsDir(config), limits, zone, clock })
  return { leftToday, perDay: limits.callsPerDay, wanted }
}

function beforeOf(
  context: IndiaContext,
  market: Market,
  session: MarketDate,
  truth: Truth,
): SodFacts['before'] {
  const settled = isSettled(context, market, session)
  const received = receivedDates(context, market)
  return {
    session,
    // The journal of a settled session may be retired.
    isRecorded: settled || received.some((date) => date >= session),
    isSettled: settled,
    word: truth.wordOn(session),
    isFirstDay: !settled && !received.some((date) => date < session),
  }
}

/** India: dates that have a journal, up to yesterday. US: the session of the newest answer. */
function receivedDates({ config, clock }: IndiaContext, market: Market): readonly MarketDate[] {
  if (market === INDIA) {
    const today = calendarOf(config, market).dateOf(clock.wallMs())
    return journalDates(config).filter((date) => date < today)
  }
  const newest = rawSessionOf(config, market)
  return newest === null ? [] : [newest]
}

const HEALTH_LIMITS = { timeoutMs: 2 * SECOND_MS, bodyMaxBytes: 65_536 }

async function daemonOf(context: IndiaContext, market: Market): Promise<SodFacts['daemon']> {
  if (!isDaemonHeld(context, market)) return { isRunning: false, reasons: [] }
  const { port } = context.config.markets[market].http
  // Port 0 is whatever was free: only the daemon knows it.
  if (port === 0) return { isRunning: true, reasons: [] }
  const send = createSender(`http://127.0.0.1:${port}`, HEALTH_LIMITS)
  try {
    const { body } = await send({ method: 'GET', path: '/health', headers: {} })
    return { isRunning: true, reasons: reasonsIn(body) }
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error
    return {
      isRunning: true,
      reasons: [`its page /health does not answer: ${messageOf(error).split(';')[0]}`],
    }
  }
}

function reasonsIn(body: string): readonly string[] {
  try {
    const { reasons } = JSON.parse(body) as { reasons?: unknown }
    return Array.isArray(reasons) ? reasons.map(String) : ['its page /health is not ours']
  } catch (error) {
    if (error instanceof SyntaxError) return ['its page /health is not ours']
    throw error
  }
}
