/**
 * When is a market open, and in which phase is an instrument at a moment? All from dated data: holidays,
 * special sessions and hours by exchange, each holding from a date on. Nothing here reads a clock.
 *
 * A calendar is only as good as its last comparison with the exchange's list. Beyond `verifiedThrough`
 * weekdays are taken for open and `warningFor` says so, loudly: listening on a holiday costs nothing,
 * staying away on a trading day costs the day. Likewise a special session whose times nobody confirmed is
 * listened to from morning to night.
 */
import { OperatingError } from '../domain/error.ts'
import type { Interval, Phases, Session } from '../domain/session.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'
import type { Zone } from '../platform/zone.ts'
import type { CalendarData } from './data.ts'
import { type Closed, DatedCalendar, type Traded } from './dated-calendar.ts'
import nse from './nse.json' with { type: 'json' }
import nyse from './nyse.json' with { type: 'json' }
import type { CalendarOverride } from './override.ts'

export type { Closed, Traded } from './dated-calendar.ts'

export interface Calendar {
  readonly name: string
  readonly market: string
  readonly zone: Zone
  readonly verifiedThrough: MarketDate
  /** The market date at a moment, whether a session is on or not. */
  dateOf(timeMs: UnixMs): MarketDate
  /** What the market's clocks show ahead of UTC during a session of that date, in ms. */
  utcOffsetMsOn(date: MarketDate): number
  /** `Session.feed` is that of the market's main exchange; see `feedFor`. */
  sessionOn(date: MarketDate): Session | Closed
  /** The first session after `date`, `date` excluded. */
  nextSession(date: MarketDate): Session
  /** The last session before `date`, `date` excluded. */
  previousSession(date: MarketDate): Session
  /** Both ends included, ascending; empty where `from` is after `to`. */
  sessionsBetween(from: MarketDate, to: MarketDate): readonly Session[]
  /** By how many sessions `later` is ahead: those after `earlier`, up to `later` itself; 0 at least. */
  sessionsAhead(earlier: MarketDate, later: MarketDate): number
  /** From the opening of the main exchange to its close, closing auction included. */
  tradingOf(session: Session): Interval
  /** Throws a plain Error for an exchange that the calendar has no hours for. */
  phasesFor(session: Session, instrument: Traded): Phases
  /** From the first moment to the last at which one of `instruments` is to be listened to. */
  feedFor(session: Session, instruments: readonly Traded[]): Interval
  /** One line for the operator when the calendar cannot vouch for `date`, else null. */
  warningFor(date: MarketDate): string | null
}

export function isSession(day: Session | Closed): day is Session {
  return 'feed' in day
}

const CALENDARS: Readonly<Record<string, CalendarData>> = { nse, nyse }

/** Throws CONFIG_INVALID for a name that is not shipped. */
export function loadCalendar(name: string, override?: CalendarOverride): Calendar {
  const data = CALENDARS[name]
  if (data === undefined) {
    const known = Object.keys(CALENDARS).join(', ')
    throw new OperatingError(`loading the calendar: "${name}" is not known; known: ${known}`, {
      code: 'CONFIG_INVALID',
    })
  }
  return new DatedCalendar(data, override)
}
