/**
 * How does the day end? Gathers what the end-of-day checklist judges, archives where it was told to, signs.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Calendar, isSession } from '../calendars/calendar.ts'
import type { Checklist } from '../domain/checklist.ts'
import { messageOf, OperatingError } from '../domain/error.ts'
import type { ChainEvent } from '../domain/event.ts'
import type { SettleReport } from '../domain/settle-report.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'
import { listNames } from '../platform/durable.ts'
import { readTextFile } from '../platform/text-file.ts'
import { pathOf } from '../store/lake.ts'
import { entriesByPath, readManifest } from '../store/manifest.ts'
import { completeChecklist, signerOf } from './checklist-event.ts'
import { diskFacts, isDaemonHeld, isMarketHeld, isSettled, readTruth, type Truth } from './checklist-facts.ts'
import { archiveSession, sessionFiles } from './eod-archive.ts'
import { type ArchiveFacts, type EodFacts, eodItems } from './eod-items.ts'
import { orphansOf } from './eod-orphans.ts'
import { planRetirement, retire } from './eod-retire.ts'
import { INDIA, lockIndia } from './india-day.ts'
import { calendarOf, type Market, type TruthContext } from './truth-market.ts'
import { lockUs } from './us-market.ts'
import { usSymbols } from './us-universe.ts'
import { journalDates } from './verify.ts'

export type EodOptions = {
  readonly operator?: string | undefined
  /** Folder, best on another disk or machine. */
  readonly archive?: string | undefined
  /** Retires journals of archived, canonical sessions older than this. */
  readonly pruneOlderThanDays?: number | undefined
}

/** Throws USAGE for options that need each other, and what archiving throws. */
export function endOfDay(context: TruthContext, market: Market, options: EodOptions): Checklist {
  const signer = signerOf(options.operator)
  refuseHalf(market, options)
  const facts = eodFacts(context, market, { ...options, operator: signer ?? undefined })
  const { session, atMs, utcOffsetMs } = facts
  const look = { kind: 'eod', market, session, atMs, utcOffsetMs, items: eodItems(facts) } as const
  const suggestions = facts.suggestions.map(({ event_index }) => event_index)
  return completeChecklist(context, look, signer, { suggestions, archive: facts.archive.done?.dir ?? null })
}

function refuseHalf(market: Market, { operator, archive, pruneOlderThanDays }: EodOptions): void {
  if (pruneOlderThanDays === undefined) return
  const lacks =
    market !== INDIA
      ? 'only market in has journals'
      : archive === undefined
        ? '--archive is missing'
        : operator === undefined
          ? '--operator is missing'
          : null
  if (lacks === null) return
  throw new OperatingError(`reading --prune-older-than: ${lacks}; nothing was deleted`, { code: 'USAGE' })
}

function eodFacts(context: TruthContext, market: Market, options: EodOptions): EodFacts {
  const { config, clock } = context
  const calendar = calendarOf(config, market)
  const atMs = clock.wallMs()
  const session = sessionToEnd(calendar, atMs)
  const day = calendar.sessionOn(session)
  if (!isSession(day)) throw new Error(`${session} was found as a session and is none`)
  const truth = readTruth(context, market)
  const isHeld = isMarketHeld(context, market)
  const { published, partCount } = publishedOn(context, market, session)
  const orphans = orphansOf(config, market, session)
  return {
    market,
    session,
    atMs,
    utcOffsetMs: calendar.zone.offsetMs(atMs),
    sessionEndMs: calendar.tradingOf(day).toMs,
    isHeld,
    isDaemonRunning: isDaemonHeld(context, market),
    orphans,
    isSettled: isSettled(context, market, session),
    report: market === INDIA ? reportOf(context, session) : null,
    symbols: market === INDIA ? null : symbolsOf(context, truth, session),
    word: truth.wordOn(session),
    truth: truth.state,
    chain: truth.chain,
    disk: diskFacts(context),
    events: truth.events.filter((event) => isAbout(event, calendar, session)),
    published,
    partCount,
    suggestions: unseenSuggestions(truth.events),
    archive: archiveOf(context, market, session, { ...options, isHeld, truth, calendar }),
  }
}

/** Today's, once its feed has opened; else the one before. */
function sessionToEnd(calendar: Calendar, atMs: UnixMs): MarketDate {
  const today = calendar.dateOf(atMs)
  const session = calendar.sessionOn(today)
  if (isSession(session) && session.feed.fromMs <= atMs) return today
  return calendar.previousSession(today).date
}

function isAbout({ payload, event_time }: ChainEvent, calendar: Calendar, session: MarketDate): boolean {
  const about = payload.session ?? payload.target ?? payload.to
  if (typeof about === 'string') return about === session
  return calendar.dateOf(Date.parse(event_time) as UnixMs) === session
}

function unseenSuggestions(events: readonly ChainEvent[]): readonly ChainEvent[] {
  const signed = events.findLastIndex(
    ({ event_type, payload }) => event_type === 'checklist.completed' && payload.kind === 'eod',
  )
  return events.slice(signed + 1).filter(({ event_type }) => event_type === 'suggestion')
}

function publishedOn(
  { config }: TruthContext,
  market: Market,
  date: MarketDate,
): Pick<EodFacts, 'published' | 'partCount'> {
  if (market !== INDIA) {
    const kept = listNames(join(config.dataDir, 'raw', market, date)).filter((name) => name.endsWith('.zst'))
    return { published: [], partCount: kept.length }
  }
  const entries = [...entriesByPath(readManifest(config.dataDir, { market, date })).values()]
  const isPart = (kind: string): boolean => kind === 'part' || kind === 'momentum'
  const published = entries.flatMap(({ kind, path, sha256, rows }) =>
    isPart(kind) || sha256 === null ? [] : [{ path, sha256, rows }],
  )
  const partCount = entries.filter(({ kind, sha256 }) => isPart(kind) && sha256 !== null).length
  return { published, partCount }
}

function reportOf({ config }: TruthContext, date: MarketDate): SettleReport | null {
  const path = join(config.dataDir, pathOf({ kind: 'report', day: { market: INDIA, date } }))
  return existsSync(path) ? (JSON.parse(readTextFile(path)) as SettleReport) : null
}

function symbolsOf({ config }: TruthContext, { events }: Truth, session: MarketDate): EodFacts['symbols'] {
  const verdict = events.findLast(
    ({ event_type, payload }) => event_type === 'gate.ingest' && payload.session === session,
  )
  const held = verdict?.payload.symbols
  if (!Array.isArray(held)) return null
  try {
    return { held: held.length, wanted: usSymbols(config).symbols.length }
  } catch (error) {
    if (error instanceof OperatingError) return null
    throw error
  }
}

type ArchiveQuestion = EodOptions & {
  readonly isHeld: boolean
  readonly truth: Truth
  readonly calendar: Calendar
}

function archiveOf(
  context: TruthContext,
  market: Market,
  session: MarketDate,
  question: ArchiveQuestion,
): ArchiveFacts {
  const { config } = context
  const journalCount = market === INDIA ? journalDates(config).length : 0
  const none = { fileCount: 0, sizeBytes: 0, done: null, fault: '', journalCount, retention: null }
  try {
    const files = sessionFiles(config, market, session)
    const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0)
    const facts = { ...none, fileCount: files.length, sizeBytes }
    if (question.archive === undefined || question.isHeld) return facts
    const { dir, isNew } = locked(context, market, () =>
      archiveSession(config, market, session, question.archive!),
    )
    return { ...facts, done: { dir, isNew }, retention: retentionOf(context, question) }
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error
    return { ...none, fault: messageOf(error) }
  }
}

function locked<Result>({ config }: TruthContext, market: Market, work: () => Result): Result {
  const lock = market === INDIA ? lockIndia(config) : lockUs(config)
  try {
    return work()
  } finally {
    lock.release()
  }
}

function retentionOf(context: TruthContext, question: ArchiveQuestion): ArchiveFacts['retention'] {
  const { pruneOlderThanDays: days, archive, operator, truth, calendar } = question
  if (days === undefined || archive === undefined || operator === undefined) return null
  const today = calendar.dateOf(context.clock.wallMs())
  const ctt = truth.state?.ctt ?? null
  const plan = planRetirement(context.config, { today, days, ctt, archive })
  retire(context, plan, operator)
  const count = plan.ready.length
  return { days, readyCount: count, retiredCount: count, kept: plan.kept }
}
