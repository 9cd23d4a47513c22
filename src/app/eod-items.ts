/** Is the day in good order? Facts to items, pure: what was seen after the close, judged. */
import type { ChecklistItem } from '../domain/checklist.ts'
import type { ChainEvent, Json } from '../domain/event.ts'
import type { SettleReport } from '../domain/settle-report.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'
import type { TruthState } from '../domain/truth.ts'
import { formatBytes, formatCount, formatMarketMinute, plural } from '../terminal/figures.ts'
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
import type { Orphan } from './eod-orphans.ts'

export type EodFacts = {
  readonly market: 'in' | 'us'
  readonly session: MarketDate
  readonly atMs: UnixMs
  readonly utcOffsetMs: number
  readonly sessionEndMs: UnixMs
  /** Somebody holds the market's lock. */
  readonly isHeld: boolean
  readonly isDaemonRunning: boolean
  readonly orphans: readonly Orphan[]
  readonly isSettled: boolean
  /** India; null: the day is not settled, or the market has none. */
  readonly report: SettleReport | null
  /** US: symbols that may call the session canonical, of those asked for. */
  readonly symbols: { readonly held: number; readonly wanted: number } | null
  readonly word: IngestWord
  readonly truth: TruthState | null
  readonly chain: ChainFacts
  readonly disk: DiskFacts
  /** Events about the session, oldest first. */
  readonly events: readonly ChainEvent[]
  /** Published for the session: path and digest. */
  readonly published: readonly { readonly path: string; readonly sha256: string; readonly rows: number }[]
  /** India: live parts. US: answers kept on that day. */
  readonly partCount: number
  /** Suggestions since the last signed end of day. */
  readonly suggestions: readonly ChainEvent[]
  readonly archive: ArchiveFacts
}

export type ArchiveFacts = {
  /** What may be archived of the session. */
  readonly fileCount: number
  readonly sizeBytes: number
  /** Where it went and was read back; null: no archive was named. */
  readonly done: { readonly dir: string; readonly isNew: boolean } | null
  /** Why it could not be done; '' otherwise. */
  readonly fault: string
  /** Journals on this disk, and those beyond the retention. */
  readonly journalCount: number
  readonly retention: {
    readonly days: number
    readonly readyCount: number
    readonly retiredCount: number
    readonly kept: readonly { readonly session: MarketDate; readonly why: string }[]
  } | null
}

export function eodItems(facts: EodFacts): readonly ChecklistItem[] {
  const { market, session, isSettled, word, truth, chain, disk } = facts
  return [
    processesItem(facts),
    orphansItem(facts),
    candlesItem(facts),
    truthItem('gate', { market, session, isSettled, word, ctt: truth?.ctt ?? null }),
    decisionsItem(facts),
    waitingItem(truth, market),
    chainItem(chain, market),
    archiveItem(facts),
    diskItem(disk),
    changesItem(facts),
    suggestionsItem(facts),
  ]
}

function processesItem(facts: EodFacts): ChecklistItem {
  const { market, atMs, sessionEndMs, isHeld, isDaemonRunning, utcOffsetMs } = facts
  const evidence = { market_lock_held: isHeld, daemon: isDaemonRunning }
  if (atMs < sessionEndMs) {
    const says = `the session is on until ${formatMarketMinute(sessionEndMs, utcOffsetMs)}`
    return itemOf('processes', 'fail', says, { mend: `chandler eod --market ${market}`, evidence })
  }
  if (isHeld) {
    const says = `somebody still works on ${market}: a worker, a settle or a batch job`
    return itemOf('processes', 'fail', says, { mend: 'chandler status', evidence })
  }
  const daemon = isDaemonRunning ? 'the daemon waits for the next session' : 'no daemon'
  return itemOf('processes', 'ok', `nobody works on ${market}; ${daemon}`, { evidence })
}

function orphansItem({ orphans, market, report, utcOffsetMs }: EodFacts): ChecklistItem {
  const openGaps = (report?.gaps ?? []).filter(({ toMs }) => toMs === null)
  const counts = [...Map.groupBy(orphans, ({ kind }) => kind)].map(
    ([kind, found]) => [kind, found.length] as const,
  )
  const evidence: Record<string, Json> = { ...Object.fromEntries(counts), open_gaps: openGaps.length }
  const details = [
    ...orphans.map(({ kind, name }) => `${kind}: ${name}`),
    ...openGaps.map(
      ({ fromMs, reason }) => `gap open since ${formatMarketMinute(fromMs, utcOffsetMs)}: ${reason}`,
    ),
  ]
  if (details.length === 0) {
    return itemOf('orphans', 'ok', 'no temporary, unlisted or set-aside file, no open gap', { evidence })
  }
  const words = counts.map(([kind, count]) => `${count} ${kind}`)
  if (openGaps.length > 0) words.push(plural(openGaps.length, 'open gap'))
  const isUnlisted = orphans.some(({ kind }) => kind === 'unlisted')
  const mend = market === 'in' ? 'chandler verify --market in' : 'chandler batch retry --market us'
  return itemOf('orphans', isUnlisted ? 'fail' : 'warn', words.join(', '), { mend, details, evidence })
}

function candlesItem(facts: EodFacts): ChecklistItem {
  const { report, session, market, symbols } = facts
  if (market !== 'in') return symbolsItem(symbols, market)
  if (report === null) {
    const mend = `chandler settle --market in --date ${session}`
    return itemOf('candles', 'fail', `${session} has no settle report`, { mend })
  }
  const { instrumentCount, minuteCount, candles, conservation, history } = report
  const expected = instrumentCount * minuteCount
  const unbalanced = conservation.filter(({ balanced }) => !balanced)
  const { total, ticksComplete, ticksIncomplete, vendor, revised } = candles
  const missing = expected - total
  const evidence = {
    instruments: instrumentCount,
    minutes: minuteCount,
    expected,
    held: total,
    complete: ticksComplete,
    incomplete: ticksIncomplete,
    vendor,
    revised,
    missing,
    unbalanced: unbalanced.length,
    history_failed: history.failedCount,
  }
  const details = [
    `${formatCount(ticksComplete)} complete, ${formatCount(ticksIncomplete)} incomplete, ` +
      `${formatCount(vendor)} from the vendor, ${formatCount(revised)} revised`,
    `${formatCount(missing)} minutes without a row: nobody traded, or nobody can say`,
    ...unbalanced.map(({ symbol }) => `the volume of ${symbol} does not balance`),
    ...history.failures,
  ]
  const says =
    `${formatCount(total)} of ${formatCount(expected)} ` +
    `(${formatCount(instrumentCount)} instruments × ${formatCount(minuteCount)} minutes)`
  const more = { mend: `chandler settle --market in --date ${session}`, details, evidence }
  if (unbalanced.length > 0) {
    return itemOf('candles', 'fail', `${plural(unbalanced.length, 'instrument')} out of balance`, more)
  }
  if (history.failedCount > 0) {
    const failed = `the history of ${plural(history.failedCount, 'instrument')} is missing`
    return itemOf('candles', 'warn', `${says}; ${failed}`, more)
  }
  if (ticksIncomplete > 0) {
    return itemOf('candles', 'warn', `${says}; ${formatCount(ticksIncomplete)} incomplete`, {
      ...more,
      mend: 'see runbooks/gap-found.md',
    })
  }
  return itemOf('candles', 'ok', says, more)
}

function symbolsItem(symbols: EodFacts['symbols'], market: string): ChecklistItem {
  const mend = `chandler batch retry --market ${market}`
  if (symbols === null) return itemOf('candles', 'fail', 'the session was not judged', { mend })
  const { held, wanted } = symbols
  const says = `${formatCount(held)} of ${plural(wanted, 'symbol')} are canonical for the session`
  return itemOf('candles', held < wanted ? 'warn' : 'ok', says, { mend, evidence: { held, wanted } })
}

const DECISIONS: ReadonlySet<string> = new Set([
  'gate.ingest',
  'gate.epoch',
  'gate.sync',
  'review.decided',
  'epoch.advanced',
  'epoch.overridden',
  'epoch.rolled_back',
  'epoch.invalidated',
  'halt.raised',
  'halt.cleared',
  'inspection.changed',
])

function decisionsItem({ events, market, session }: EodFacts): ChecklistItem {
  const decisions = events.filter(({ event_type }) => DECISIONS.has(event_type))
  const details = decisions.map(
    ({ event_index, event_type, actor, payload }) =>
      `event ${event_index}: ${event_type}${wordIn(payload.verdict)} by ${actor}`,
  )
  const evidence = { events: decisions.map(({ event_index }) => event_index) }
  if (decisions.length === 0) {
    const mend = `chandler gate ingest --market ${market} --date ${session}`
    return itemOf('decisions', 'fail', `no gate has said anything about ${session}`, { mend, evidence })
  }
  return itemOf('decisions', 'ok', plural(decisions.length, 'decision'), { details, evidence })
}

function wordIn(verdict: Json | undefined): string {
  return typeof verdict === 'string' ? ` ${verdict}` : ''
}

function archiveItem({ archive, market, isHeld }: EodFacts): ChecklistItem {
  const { fileCount, sizeBytes, done, fault, retention, journalCount } = archive
  const what = `${plural(fileCount, 'file')}, ${formatBytes(sizeBytes)}`
  const stays = 'candles, reports and events are never deleted'
  const details = [
    market === 'in' ? `${plural(journalCount, 'journal')} on this disk; ${stays}` : `answers, ${stays}`,
    ...(retention === null
      ? []
      : [
          `older than ${retention.days} days: ${retention.readyCount} may go, ` +
            `${retention.retiredCount} retired now`,
          ...retention.kept.map(({ session, why }) => `kept ${session}: ${why}`),
        ]),
  ]
  const evidence = {
    files: fileCount,
    bytes: sizeBytes,
    archive: done?.dir ?? null,
    journals: journalCount,
    retired: retention?.retiredCount ?? 0,
  }
  const mend = `chandler eod --market ${market} --archive DIR`
  const more = { mend, details, evidence }
  if (fault !== '') return itemOf('archive', 'fail', fault, more)
  if (done === null) {
    const why = isHeld ? 'not while somebody works on the market' : 'no --archive was named'
    return itemOf('archive', 'warn', `not archived: ${what}; ${why}`, more)
  }
  const how = done.isNew ? 'copied and read back' : 'archived before, read back again'
  return itemOf('archive', 'ok', `${what} ${how}: ${done.dir}`, more)
}

function changesItem({ market, published, partCount, events }: EodFacts): ChecklistItem {
  const byType = [...Map.groupBy(events, ({ event_type }) => event_type)]
    .map(([type, found]) => [type, found.length] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  const details = [
    ...published.map(
      ({ path, sha256, rows }) =>
        `${path}  ${sha256.slice(0, 12)}${rows === 0 ? '' : `  ${plural(rows, 'row')}`}`,
    ),
    byType.map(([type, count]) => `${type} ${count}`).join(', '),
  ].filter((line) => line !== '')
  const files =
    market === 'in'
      ? `${plural(partCount + published.length, 'file')} published`
      : `${plural(partCount, 'answer')} kept`
  const says = `${files}, ${plural(events.length, 'event')}`
  return itemOf('changes', 'ok', says, {
    details,
    evidence: {
      parts: partCount,
      files: published.map(({ path, sha256 }) => ({ path, sha256 })),
      events: Object.fromEntries(byType),
    },
  })
}

function suggestionsItem({ suggestions, market }: EodFacts): ChecklistItem {
  if (suggestions.length === 0) {
    return itemOf('suggestions', 'ok', 'none since the last signed end of day')
  }
  const details = suggestions.map(({ event_index, payload }) => {
    const urgent = payload.urgent === true ? 'URGENT: ' : ''
    return `event ${event_index}: ${urgent}${String(payload.text ?? '')} → ${String(payload.command ?? '')}`
  })
  const evidence = { events: suggestions.map(({ event_index }) => event_index) }
  const says = `${plural(suggestions.length, 'suggestion')} since the last signed end of day`
  // Signing is what acknowledges them; what a suggestion recommends is done by a person, or not at all.
  const mend = `chandler eod --market ${market} --operator NAME`
  return itemOf('suggestions', 'warn', says, { mend, details, evidence })
}
