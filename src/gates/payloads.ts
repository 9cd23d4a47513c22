/**
 * What do the events of the gates hold? One record for each type that moves, or stops, anything. Writers
 * build these records and the fold reads them through the shapes below, so that a line which lacks what it
 * should hold is found at its index and not three files later. Keys may be added; readers ignore what they
 * do not know.
 *
 * Types that others write (alerts of a job, of the feed) are read with patience: see `alertOf`.
 */
import { z } from 'zod'
import type { ChainEvent, EventPayload, EventType } from '../domain/event.ts'
import type { MarketDate } from '../domain/time.ts'
import type { Alert } from '../domain/truth.ts'
import type { VerdictWord } from '../domain/verdict.ts'

/** A definition by its names. */
export type ProxySetName = { readonly version: string; readonly sha256: string }
/** With the symbols that it requires: all that the fold needs to know of it. */
export type ProxySetRule = ProxySetName & { readonly required: readonly string[] }
export type CheckRecord = { readonly check: string; readonly outcome: VerdictWord; readonly says: string }

/** The verdict itself (IngestVerdict), with the proxy set under which it was recorded. */
export type IngestRecord = {
  readonly session: MarketDate
  readonly previousSession: MarketDate | null
  readonly verdict: VerdictWord
  readonly checks: readonly CheckRecord[]
  readonly symbols: readonly string[]
  readonly evidenceSha256: string
  readonly proxySet: ProxySetRule
}

export type ReviewRecord = {
  readonly reviewId: string
  readonly decision: 'accept' | 'reject'
  readonly session: MarketDate
  readonly evidenceSha256: string
  readonly operator: string
  readonly reason: string
}

export type EpochGateRecord = {
  readonly target: MarketDate
  readonly verdict: 'pass' | 'fail'
  readonly checks: readonly CheckRecord[]
  readonly proxySet: ProxySetRule
  readonly policySha256: string
  readonly evidenceSha256: string
}

type MoveRecord = {
  readonly epochId: string
  readonly generation: number
  readonly from: MarketDate | null
  readonly to: MarketDate
  readonly operator: string
  readonly proxySet: ProxySetName
}
/** `gateEvent` is the index of the verdict that it follows from, `evidenceSha256` that verdict's digest. */
export type AdvancedRecord = MoveRecord & { readonly gateEvent: number; readonly evidenceSha256: string }
export type OverriddenRecord = MoveRecord & {
  readonly reason: string
  readonly failedChecks: readonly string[]
  readonly expiresAfter: MarketDate
  readonly evidenceSha256: string
}
/** `restores`: the epoch whose session and proxy set hold again. */
export type RolledBackRecord = MoveRecord & {
  readonly reason: string
  readonly restores: string
  readonly overridden: boolean
}

export type InvalidatedRecord = {
  readonly epochId: string
  readonly was: ProxySetName
  readonly proxySet: ProxySetName
}

/** `causeEvent`: index of the verdict that it follows from; null where an operator raised it. */
export type HaltRecord = {
  readonly haltId: string
  readonly reason: string
  readonly failedChecks: readonly string[]
  readonly causeEvent: number | null
}
export type ClearedRecord = { readonly haltId: string; readonly operator: string; readonly reason: string }
export type InspectionRecord = { readonly on: boolean; readonly operator: string; readonly reason: string }

const day = z.custom<MarketDate>((value) => typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value), {
  error: 'not a market date',
})
const digest = z.string().regex(/^[0-9a-f]{64}$/)
const index = z.int().min(0)
const name = z.string().min(1)
const words = z.array(z.string())
/** By hand: a year of sessions with thousands of symbols is millions of names, and z.array copies them. */
const symbols = z.custom<readonly string[]>(
  (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
  { error: 'not a list of symbols' },
)
const proxySet = z.object({ version: name, sha256: digest })
const rule = proxySet.extend({ required: words })
const word = z.enum(['pass', 'fail', 'review', 'wait'])
const checks = z.array(z.object({ check: name, outcome: word, says: z.string() }))
const move = {
  epochId: name,
  generation: z.int().min(1),
  from: day.nullable(),
  to: day,
  operator: name,
  proxySet,
}

const SHAPES: {
  readonly 'gate.ingest': z.ZodType<IngestRecord>
  readonly 'review.decided': z.ZodType<ReviewRecord>
  readonly 'gate.epoch': z.ZodType<EpochGateRecord>
  readonly 'epoch.advanced': z.ZodType<AdvancedRecord>
  readonly 'epoch.overridden': z.ZodType<OverriddenRecord>
  readonly 'epoch.rolled_back': z.ZodType<RolledBackRecord>
  readonly 'epoch.invalidated': z.ZodType<InvalidatedRecord>
  readonly 'halt.raised': z.ZodType<HaltRecord>
  readonly 'halt.cleared': z.ZodType<ClearedRecord>
  readonly 'inspection.changed': z.ZodType<InspectionRecord>
} = {
  'gate.ingest': z.object({
    session: day,
    previousSession: day.nullable(),
    verdict: word,
    checks,
    symbols,
    evidenceSha256: digest,
    proxySet: rule,
  }),
  'review.decided': z.object({
    reviewId: name,
    decision: z.enum(['accept', 'reject']),
    session: day,
    evidenceSha256: digest,
    operator: name,
    reason: name,
  }),
  'gate.epoch': z.object({
    target: day,
    verdict: z.enum(['pass', 'fail']),
    checks,
    proxySet: rule,
    policySha256: digest,
    evidenceSha256: digest,
  }),
  'epoch.advanced': z.object({ ...move, gateEvent: index, evidenceSha256: digest }),
  'epoch.overridden': z.object({
    ...move,
    reason: name,
    failedChecks: words.min(1),
    expiresAfter: day,
    evidenceSha256: digest,
  }),
  'epoch.rolled_back': z.object({ ...move, reason: name, restores: name, overridden: z.boolean() }),
  'epoch.invalidated': z.object({ epochId: name, was: proxySet, proxySet }),
  'halt.raised': z.object({
    haltId: name,
    reason: name,
    failedChecks: words,
    causeEvent: index.nullable(),
  }),
  'halt.cleared': z.object({ haltId: name, operator: name, reason: name }),
  'inspection.changed': z.object({ on: z.boolean(), operator: name, reason: name }),
}

type Shapes = typeof SHAPES
/** The types of events that are read strictly. */
export type StrictType = keyof Shapes
export type RecordOf<Type extends StrictType> = z.infer<Shapes[Type]>

export function isStrict(type: EventType): type is StrictType {
  return type in SHAPES
}

/** The payload as a record, or one line that says what is wrong with it. */
export function readPayload<Type extends StrictType>(
  type: Type,
  payload: EventPayload,
): { readonly record: RecordOf<Type> } | { readonly fault: string } {
  const result = SHAPES[type].safeParse(payload)
  if (result.success) return { record: result.data as RecordOf<Type> }
  const issue = result.error.issues[0]!
  return { fault: `${issue.path.join('.') || 'its payload'}: ${issue.message}` }
}

/**
 * An alert as whoever raised it wrote it. It is critical until it says otherwise, and is known by its `id`,
 * or by the event's own: an alert that was badly written must not be an alert that nobody hears.
 */
export function alertOf({ event_id, event_index, payload }: ChainEvent): Alert {
  return {
    id: alertIdOf(payload) ?? event_id,
    severity: payload.severity === 'warning' ? 'warning' : 'critical',
    text: typeof payload.text === 'string' ? payload.text : JSON.stringify(payload),
    eventIndex: event_index,
  }
}

export function alertIdOf({ id }: EventPayload): string | null {
  return typeof id === 'string' && id !== '' ? id : null
}
