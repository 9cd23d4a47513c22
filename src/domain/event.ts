/**
 * What is a fact that the chain keeps? One canonical JSON object a line, each linked to the one before by
 * its checksum. Ticks are not events: events are few (hundreds a day) and each may have to be proved years
 * later. A room that has something to tell is given an `AppendEvent`; it never sees the chain.
 */
import type { UnixMs } from './time.ts'

export const EVENT_SCHEMA = 'chandler.event.v1'

/** Adding is allowed, renaming is not: chains of years hold these words. */
export const EVENT_TYPES = [
  'chain.started', // the first event of a generation of the chain
  'chain.repaired', // a torn tail was set aside
  'gate.ingest', // verdict on one session, with its evidence; `pass` moves CTT
  'gate.epoch', // verdict on a target epoch; a halt follows from a failure
  'gate.sync', // how far the markets' epochs are apart
  'review.decided', // an operator accepted or rejected what a gate asked about
  'epoch.advanced', // TE moved forward, by an operator's hand
  'epoch.overridden', // TE moved against failed checks
  'epoch.rolled_back', // TE moved back: a new generation
  'epoch.invalidated', // the proxy set is another than the epoch was made with
  'halt.raised',
  'halt.cleared',
  'alert.raised', // critical until it is resolved
  'alert.resolved',
  'inspection.changed', // inspection mode on or off
  'job.run', // a batch or scheduled job ended, or was skipped
  'feed.connected',
  'feed.lost',
  'gap.recorded',
  'session.settled', // India: a settled day; US: a curated session
  'suggestion', // the only output of a monitor
  'checklist.completed', // start or end of day
  'journal.retired', // a session's journal was deleted here; it names the archive that holds it
] as const
export type EventType = (typeof EVENT_TYPES)[number]

/** Canonical JSON keeps no 64-bit integers: what may exceed 2^53 is a string. No undefined anywhere. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
export type EventPayload = { readonly [key: string]: Json }

export type ChainEvent = {
  readonly schema_version: typeof EVENT_SCHEMA
  /** 0, 1, 2 … without a break. */
  readonly event_index: number
  /** Deterministic: derived from market, index and content. */
  readonly event_id: string
  readonly event_type: EventType
  readonly market: string
  /** The moment that it is about, ISO 8601 UTC with milliseconds. All logic uses this one. */
  readonly event_time: string
  /** When it was written down; evidence only, no decision looks at it. */
  readonly recorded_at: string
  /** `operator:NAME` or `system:PART`. */
  readonly actor: string
  readonly payload: EventPayload
  readonly previous_checksum: string
  readonly checksum: string
}

export type EventDraft = {
  readonly type: EventType
  readonly atMs: UnixMs
  readonly actor: string
  readonly payload: EventPayload
}

/**
 * Durable when it returns: only then may the effect be shown. Throws OperatingError when the chain cannot be
 * written or is not intact; then the effect must not take place.
 */
export type AppendEvent = (draft: EventDraft) => ChainEvent

/**
 * Where a chain ended at some moment. Repeated outside the chain (in a journal's seals, in manifests, off the
 * machine), it contradicts a chain that was cut or written anew afterwards.
 */
export type ChainHead = {
  /** The `event_index` of the last event; -1 before the first. */
  readonly eventIndex: number
  /** Of that event; 64 zeros before the first. */
  readonly checksum: string
  /** Of the chain; absent: the first. An operator begins another one when a chain is not intact any more. */
  readonly generation?: number
}

/** A head that somebody else remembers; `where` says who, for the operator: `journal 2026-07-01`, a path. */
export type ChainAnchor = ChainHead & { readonly where: string }
