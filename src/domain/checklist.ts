/**
 * What was looked at before a market's day, and after it? A checklist is a value: each item says what was
 * seen and, where it is not as it should be, the command that mends it. Looking changes nothing.
 */
import type { Json } from './event.ts'
import type { MarketDate, UnixMs } from './time.ts'

export const CHECKLIST_KINDS = ['sod', 'eod'] as const
/** Start of day, end of day. */
export type ChecklistKind = (typeof CHECKLIST_KINDS)[number]

/** `warn`: the day may go on, a person should know. `fail`: it should not, until this is mended. */
export type ItemOutcome = 'ok' | 'warn' | 'fail'

export type ChecklistItem = {
  /** Stable, short: `clock`, `disk`, `yesterday`. */
  readonly name: string
  readonly outcome: ItemOutcome
  /** One sentence with the numbers. */
  readonly says: string
  /** What mends it, as it may be typed; null where nothing is to be mended. */
  readonly mend: string | null
  /** Lines for people who want to see it all: files, paths, suggestions. */
  readonly details: readonly string[]
  readonly evidence: { readonly [name: string]: Json }
}

export type Checklist = {
  readonly schema: 'chandler.checklist.v1'
  readonly kind: ChecklistKind
  readonly market: string
  /** The session that the day is about. */
  readonly session: MarketDate
  readonly atMs: UnixMs
  readonly utcOffsetMs: number
  /** The worst of the items. */
  readonly outcome: ItemOutcome
  readonly items: readonly ChecklistItem[]
  /** Null where nobody signed it: no operator was named, or an item failed. */
  readonly completed: {
    readonly operator: string
    readonly eventIndex: number
    /** False where the same checklist of the same session was signed before; that one stands. */
    readonly isNew: boolean
  } | null
}
