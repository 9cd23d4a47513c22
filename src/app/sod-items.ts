/** May the day begin? Facts to items, pure: what was seen in the morning, judged. */
import type { ChecklistItem } from '../domain/checklist.ts'
import type { Interval } from '../domain/session.ts'
import { type MarketDate, MINUTE_MS, type UnixMs } from '../domain/time.ts'
import type { TruthState } from '../domain/truth.ts'
import { formatBytes, formatDuration, formatMarketMinute, plural } from '../terminal/figures.ts'
import {
  type ChainFacts,
  chainItem,
  type DiskFacts,
  diskItem,
  type IngestWord,
  itemOf,
  truthItem,
  waitingItem,
} from './checklist-items.ts'
import type { OpenFeed, RawFacts } from './sod-raw.ts'
import type { CredentialFacts, Reach } from './sod-reach.ts'

export type SodFacts = {
  readonly market: 'in' | 'us'
  readonly atMs: UnixMs
  readonly utcOffsetMs: number
  readonly reach: Reach
  readonly credentials: CredentialFacts
  /** Null where the vendor does not count by the day. */
  readonly permits: { readonly leftToday: number; readonly perDay: number; readonly wanted: number } | null
  readonly disk: DiskFacts
  /** How many are listened to or asked for, or why the list cannot be used. */
  readonly listed: { readonly count: number; readonly fault: string; readonly path: string }
  /** Null: today has no session. */
  readonly today: (OpenFeed & { readonly trading: Interval }) | null
  /** Why today has none, and the next one. */
  readonly closed: { readonly reason: string; readonly next: MarketDate } | null
  readonly calendar: {
    readonly name: string
    readonly verifiedThrough: MarketDate
    readonly daysLeft: number
    readonly warning: string | null
  }
  readonly before: {
    readonly session: MarketDate
    /** Anything at all was received of it. */
    readonly isRecorded: boolean
    readonly isSettled: boolean
    readonly word: IngestWord
    /** Nothing was received before it either. */
    readonly isFirstDay: boolean
  }
  readonly chain: ChainFacts
  readonly truth: TruthState | null
  readonly daemon: { readonly isRunning: boolean; readonly reasons: readonly string[] }
  readonly isWorkerRunning: boolean
  readonly raw: RawFacts
}

const CLOCK_OFF_WARN_MS = 2_000
/** A one-time code lives for 30 s: logins are refused from about here on. */
const CLOCK_OFF_FAIL_MS = 20_000
const CALENDAR_DAYS_MIN = 45

export function sodItems(facts: SodFacts): readonly ChecklistItem[] {
  const { market } = facts
  return [
    networkItem(facts),
    clockItem(facts),
    credentialsItem(facts),
    listItem(facts),
    permitsItem(facts),
    diskItem(facts.disk),
    yesterdayItem(facts),
    calendarItem(facts),
    waitingItem(facts.truth, market),
    chainItem(facts.chain, market),
    ingestionItem(facts),
    rawItem(facts),
  ]
}

function networkItem({ reach, market }: SodFacts): ChecklistItem {
  const { url } = reach
  if (!reach.isReached) {
    const more = { mend: `curl -sI ${url}`, evidence: { url, why: reach.why } }
    return itemOf('network', 'fail', reach.why, more)
  }
  const evidence = { url, status: reach.status, took_ms: Math.round(reach.tookMs), market }
  return itemOf('network', 'ok', `${url} answered in ${formatDuration(reach.tookMs)}`, { evidence })
}

function clockItem({ reach }: SodFacts): ChecklistItem {
  if (!reach.isReached || reach.clockOffMs === null) {
    const why = reach.isReached ? 'its answer was not dated, or time is simulated' : 'nobody answered'
    return itemOf('clock', reach.isReached ? 'ok' : 'warn', `not compared with the vendor's: ${why}`, {
      mend: 'timedatectl status',
    })
  }
  const offMs = Math.abs(reach.clockOffMs)
  const way = reach.clockOffMs > 0 ? 'ahead of' : 'behind'
  const more = { mend: 'timedatectl status', evidence: { off_ms: reach.clockOffMs } }
  if (offMs <= CLOCK_OFF_WARN_MS) return itemOf('clock', 'ok', "agrees with the vendor's", more)
  const says = `${formatDuration(offMs)} ${way} the vendor's`
  if (offMs <= CLOCK_OFF_FAIL_MS) return itemOf('clock', 'warn', says, more)
  return itemOf('clock', 'fail', `${says}: one-time codes are refused`, more)
}

function credentialsItem({ credentials }: SodFacts): ChecklistItem {
  const { outcome, says } = credentials
  const word = outcome === 'refused' ? 'fail' : outcome === 'not tried' ? 'warn' : 'ok'
  const mend = 'see runbooks/credentials-rotated.md'
  return itemOf('credentials', word, says, { mend, evidence: { outcome } })
}

function listItem({ listed, market }: SodFacts): ChecklistItem {
  const name = market === 'in' ? 'instruments' : 'symbols'
  const { count, fault, path } = listed
  if (fault !== '') return itemOf(name, 'fail', fault, { mend: `$EDITOR ${path}`, evidence: { path } })
  const says = `${plural(count, name.slice(0, -1))} to ${market === 'in' ? 'listen to' : 'ask for'}`
  return itemOf(name, count === 0 ? 'fail' : 'ok', says, { mend: `$EDITOR ${path}`, evidence: { count } })
}

function permitsItem({ permits }: SodFacts): ChecklistItem {
  if (permits === null) return itemOf('permits', 'ok', 'the vendor counts by the second, not by the day')
  const { leftToday, perDay, wanted } = permits
  const more = { mend: 'chandler status', evidence: { left: leftToday, per_day: perDay, wanted } }
  const says = `${leftToday} of ${perDay} left today`
  if (leftToday === 0) return itemOf('permits', 'fail', `${says}: nothing can be asked`, more)
  if (leftToday < wanted) {
    return itemOf('permits', 'warn', `${says}, ${wanted} symbols: the rest has its turn tomorrow`, more)
  }
  return itemOf('permits', 'ok', says, more)
}

function yesterdayItem({ before, market, truth }: SodFacts): ChecklistItem {
  const { session, isRecorded, isSettled, word, isFirstDay } = before
  if (!isRecorded && isFirstDay) {
    return itemOf('yesterday', 'ok', `the first day: nothing was received before`)
  }
  if (!isRecorded) {
    const says = `nothing was received of ${session}: CTT stays before it`
    return itemOf('yesterday', 'warn', says, { mend: 'see runbooks/gap-found.md', evidence: { session } })
  }
  return truthItem('yesterday', { market, session, isSettled, word, ctt: truth?.ctt ?? null })
}

function calendarItem({ today, closed, calendar, utcOffsetMs, market }: SodFacts): ChecklistItem {
  const { name, verifiedThrough, daysLeft, warning } = calendar
  const evidence = { session: today?.date ?? null, verified_through: verifiedThrough }
  const mend = 'compare with the exchange, then markets.*.calendarOverride in the configuration'
  const hours =
    today === null
      ? `closed today (${closed?.reason ?? 'no session'}), next session ${closed?.next ?? 'unknown'}`
      : `session ${today.date}, ${spanText(today, market, utcOffsetMs)}`
  if (warning !== null) return itemOf('calendar', 'warn', warning, { mend, evidence })
  if (daysLeft < CALENDAR_DAYS_MIN) {
    const says = `${hours}; ${name} is verified for ${plural(daysLeft, 'more day')} only`
    return itemOf('calendar', 'warn', says, { mend, evidence })
  }
  return itemOf('calendar', 'ok', `${hours}; verified through ${verifiedThrough}`, { evidence })
}

/** India is listened to, the US is asked about what was traded. */
function spanText(
  { feedFromMs, feedToMs, trading }: NonNullable<SodFacts['today']>,
  market: SodFacts['market'],
  utcOffsetMs: number,
): string {
  const [from, to] = market === 'in' ? [feedFromMs, feedToMs] : [trading.fromMs, trading.toMs]
  return `${clockText(from, utcOffsetMs)} to ${clockText(to, utcOffsetMs)}`
}

function ingestionItem(facts: SodFacts): ChecklistItem {
  const { market, today, atMs, daemon, isWorkerRunning, utcOffsetMs } = facts
  const start = `chandler daemon --market ${market}`
  const evidence = { daemon: daemon.isRunning, worker: isWorkerRunning, reasons: [...daemon.reasons] }
  const more = { mend: start, evidence, details: daemon.reasons.slice(1) }
  if (today === null || atMs >= today.feedToMs) {
    return itemOf('ingestion', 'ok', 'no session is to come today', { evidence })
  }
  const opens =
    market === 'in'
      ? `the feed opens at ${clockText(today.feedFromMs, utcOffsetMs)}`
      : 'jobs are due until the evening'
  const isDue = atMs >= today.feedFromMs + MINUTE_MS && market === 'in'
  if (isDue && !isWorkerRunning) {
    const why = daemon.isRunning ? 'the daemon is up, but no worker listens' : 'nobody listens'
    const mend = daemon.isRunning ? 'see runbooks/feed-down.md' : start
    return itemOf('ingestion', 'fail', `${why}, and the feed is open`, { ...more, mend })
  }
  if (isDue && daemon.reasons.length > 0) {
    return itemOf('ingestion', 'fail', daemon.reasons[0]!, { ...more, mend: 'see runbooks/feed-down.md' })
  }
  if (!daemon.isRunning && !isWorkerRunning) {
    return itemOf('ingestion', 'fail', `nothing is running that would begin: ${opens}`, more)
  }
  if (daemon.reasons.length > 0) {
    return itemOf('ingestion', 'warn', daemon.reasons[0]!, { ...more, mend: 'chandler status' })
  }
  const who = daemon.isRunning ? 'the daemon is up' : 'a worker runs, without a daemon'
  return itemOf('ingestion', 'ok', isDue ? `${who} and listens` : `${who}; ${opens}`, { evidence })
}

function rawItem({ raw, today, atMs, utcOffsetMs, market }: SodFacts): ChecklistItem {
  if (raw.kind === 'answers') {
    const { session, expected } = raw
    const evidence = { session, expected }
    const mend = `chandler batch daily --market ${market}`
    if (session === null) return itemOf('raw', 'warn', 'no answer was ever kept', { mend, evidence })
    if (session < expected) {
      const says = `the newest answer is of ${session}, ${expected} has ended since`
      return itemOf('raw', 'warn', says, { mend, evidence })
    }
    return itemOf('raw', 'ok', `answers are there up to ${session}`, { evidence })
  }
  const { sizeBytes, packetCount, tookMs } = raw
  const evidence = { size_bytes: sizeBytes, packets: packetCount }
  if (today === null || atMs >= today.feedToMs) return itemOf('raw', 'ok', 'nothing is to come today')
  if (atMs < today.feedFromMs) {
    const says = `nothing can come before ${clockText(today.feedFromMs, utcOffsetMs)}: look again then`
    return itemOf('raw', 'warn', says, { mend: `chandler sod --market ${market}`, evidence })
  }
  const held = `the journal holds ${formatBytes(sizeBytes)}`
  if (packetCount > 0) {
    const came = `${plural(packetCount, 'packet')} in ${formatDuration(tookMs)}`
    return itemOf('raw', 'ok', `the journal grows: ${came}; ${held}`, { evidence })
  }
  const isTrading = atMs >= today.trading.fromMs && atMs < today.trading.toMs
  const says = `no packet came in ${formatDuration(tookMs)}; ${held}`
  return itemOf('raw', isTrading ? 'fail' : 'warn', says, { mend: 'see runbooks/feed-down.md', evidence })
}

function clockText(timeMs: number, utcOffsetMs: number): string {
  return formatMarketMinute(timeMs, utcOffsetMs)
}
