/** When may what be traded on one market date? Made by `calendars`, carried in the journal's start entry. */
import type { MarketDate, UnixMs } from './time.ts'

export type Interval = { readonly fromMs: UnixMs; readonly toMs: UnixMs }

/** The phases of one class of instruments on one date; all intervals half-open, in order, disjoint. */
export type Phases = {
  readonly preOpen: Interval | null
  /** More than one on days with two short sessions. */
  readonly continuous: readonly Interval[]
  readonly closingAuction: Interval | null
}

export type Session = {
  readonly market: string
  readonly date: MarketDate
  /** Offset of the market's wall clock from UTC on that date, in ms (India: 19,800,000). */
  readonly utcOffsetMs: number
  /** From when to when the worker listens. */
  readonly feed: Interval
  readonly note: string | null
}
