/** What do the items of both checklists have in common? How they are made, and what both look at. Pure. */
import type { ChecklistItem, ItemOutcome } from '../domain/checklist.ts'
import type { Json } from '../domain/event.ts'
import type { MarketDate } from '../domain/time.ts'
import type { TruthState } from '../domain/truth.ts'
import { formatBytes, plural } from '../terminal/figures.ts'

/** What an item may say beside its sentence. */
export type ItemMore = {
  readonly mend?: string
  readonly details?: readonly string[]
  readonly evidence?: { readonly [name: string]: Json }
}

export function itemOf(
  name: string,
  outcome: ItemOutcome,
  says: string,
  { mend, details = [], evidence = {} }: ItemMore = {},
): ChecklistItem {
  return { name, outcome, says, mend: outcome === 'ok' ? null : (mend ?? null), details, evidence }
}

const WORST: readonly ItemOutcome[] = ['fail', 'warn', 'ok']

export function worstOf(items: readonly ChecklistItem[]): ItemOutcome {
  return WORST.find((outcome) => items.some((item) => item.outcome === outcome)) ?? 'ok'
}

export type DiskFacts = { readonly freeBytes: number; readonly warnBytes: number; readonly stopBytes: number }

export function diskItem(disk: DiskFacts): ChecklistItem {
  const { freeBytes, warnBytes, stopBytes } = disk
  const free = `${formatBytes(freeBytes)} free`
  const more = {
    mend: 'chandler eod --archive DIR --prune-older-than DAYS --operator NAME',
    evidence: { free_bytes: freeBytes, warn_bytes: warnBytes, stop_bytes: stopBytes },
  }
  if (freeBytes < stopBytes) {
    return itemOf('disk', 'fail', `${free}: the worker ends below ${formatBytes(stopBytes)}`, more)
  }
  if (freeBytes < warnBytes) {
    return itemOf('disk', 'warn', `${free}, less than ${formatBytes(warnBytes)}`, more)
  }
  return itemOf('disk', 'ok', free, more)
}

export type ChainFacts = {
  readonly status: string
  readonly eventCount: number
  /** '' where nothing is wrong. */
  readonly says: string
}

export function chainItem({ status, eventCount, says }: ChainFacts, market: string): ChecklistItem {
  const more = {
    mend: `chandler audit verify --market ${market}`,
    evidence: { status, events: eventCount },
  }
  if (status === 'VERIFIED') return itemOf('chain', 'ok', `VERIFIED, ${plural(eventCount, 'event')}`, more)
  // What stands behind the last newline never became an event, and the next append sets it aside.
  return itemOf('chain', status === 'TORN_TAIL' ? 'warn' : 'fail', `${status}: ${says}`, more)
}

/** What waits for a person before anything may be evaluated. */
export function waitingItem(truth: TruthState | null, market: string): ChecklistItem {
  if (truth === null) {
    const more = { mend: `chandler audit verify --market ${market}` }
    return itemOf('waiting', 'fail', 'halts and reviews cannot be read from the chain', more)
  }
  const { halt, reviews, alerts, inspection } = truth
  const critical = alerts.filter(({ severity }) => severity === 'critical')
  const evidence = {
    halt: halt?.id ?? null,
    reviews: reviews.map(({ id }) => id),
    critical_alerts: critical.map(({ id }) => id),
    inspection,
  }
  const by = '--operator NAME --reason TEXT'
  if (halt !== null) {
    const mend = `chandler halt clear --market ${market} ${by}`
    return itemOf('waiting', 'fail', `halted (${halt.id}): ${halt.reason}`, { mend, evidence })
  }
  if (critical.length > 0) {
    const mend = `chandler review resolve ${critical[0]!.id} --market ${market} ${by}`
    const says = `${plural(critical.length, 'critical alert')}: ${critical[0]!.text}`
    return itemOf('waiting', 'fail', says, { mend, evidence })
  }
  if (reviews.length > 0) {
    const mend = `chandler review list --market ${market}`
    const says = `${plural(reviews.length, 'review')} to decide, the first about ${reviews[0]!.session}`
    return itemOf('waiting', 'warn', says, { mend, evidence })
  }
  if (inspection) {
    const mend = `chandler halt inspect off --market ${market} ${by}`
    return itemOf('waiting', 'warn', 'inspection mode is on: gate 2 fails', { mend, evidence })
  }
  return itemOf('waiting', 'ok', 'no halt, no review, no critical alert, inspection off', { evidence })
}

/** The newest word of gate 1 on a session; null: it has not judged it. */
export type IngestWord = { readonly verdict: string; readonly says: readonly string[] } | null

/** Settled, gated, canonical: `name` says of which day the item speaks. */
export function truthItem(
  name: string,
  facts: {
    readonly market: string
    readonly session: MarketDate
    readonly isSettled: boolean
    readonly word: IngestWord
    readonly ctt: MarketDate | null
  },
): ChecklistItem {
  const { market, session, isSettled, word, ctt } = facts
  const evidence = { session, settled: isSettled, verdict: word?.verdict ?? null, ctt }
  const settle = `chandler settle --market ${market} --date ${session}`
  const gate = `chandler gate ingest --market ${market} --date ${session}`
  if (!isSettled) {
    const mend = market === 'in' ? settle : `chandler batch daily --market ${market}`
    return itemOf(name, 'fail', `${session} is not settled`, { mend, evidence })
  }
  if (word === null) return itemOf(name, 'fail', `${session}: gate 1 has not run`, { mend: gate, evidence })
  const details = word.says
  if (word.verdict === 'review') {
    const mend = `chandler review list --market ${market}`
    return itemOf(name, 'warn', `${session}: gate 1 asks for a review`, { mend, details, evidence })
  }
  if (word.verdict !== 'pass') {
    const says = `${session}: gate 1 said ${word.verdict}`
    return itemOf(name, 'fail', says, { mend: gate, details, evidence })
  }
  if (ctt === null || ctt < session) {
    const says = `${session} passed gate 1, but CTT is ${ctt ?? 'nowhere'}: a session before it is missing`
    return itemOf(name, 'warn', says, { mend: `chandler epoch status --market ${market}`, evidence })
  }
  return itemOf(name, 'ok', `${session} is settled and passed gate 1, CTT is ${ctt}`, { evidence })
}
