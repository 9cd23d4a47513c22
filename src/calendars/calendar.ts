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
import type { Instrument } from '../domain/instrument.ts'
import type { Interval, Phases, Session } from '../domain/session.ts'
import { HOUR_MS, type MarketDate, MINUTE_MS, type UnixMs } from '../domain/time.ts'
import {
  type CalendarData,
  type Hours,
  holidaysOf,
  hoursOf,
  ruleFor,
  type Span,
  type SpecialSession,
  sound,
  spansOf,
} from './data.ts'
import { addDays, dateAt, isMarketDate, isUsSummer, isWeekend, utcMidnightMs } from './dates.ts'
import nse from './nse.json' with { type: 'json' }
import type { CalendarOverride } from './override.ts'

export type Closed = {
  readonly date: MarketDate
  /** Why, in words: `weekend`, `holiday`, or the operator's note. */
  readonly reason: string
  /** The next date that has a session. */
  readonly nextDate: MarketDate
}

export interface Calendar {
  readonly name: string
  readonly market: string
  readonly zone: string
  readonly utcOffsetMs: number
  readonly verifiedThrough: MarketDate
  /** The market date at a moment, whether a session is on or not. */
  dateOf(timeMs: UnixMs): MarketDate
  /** `Session.feed` is that of the cash segment; see `feedFor`. */
  sessionOn(date: MarketDate): Session | Closed
  /** The first session after `date`, `date` excluded. */
  nextSession(date: MarketDate): Session
  /** Throws a plain Error for an exchange that the calendar has no hours for. */
  phasesFor(session: Session, instrument: Pick<Instrument, 'exchange' | 'derivatives'>): Phases
  /** From the first moment to the last at which one of `instruments` is to be listened to. */
  feedFor(session: Session, instruments: readonly Pick<Instrument, 'exchange' | 'derivatives'>[]): Interval
  /** One line for the operator when the calendar cannot vouch for `date`, else null. */
  warningFor(date: MarketDate): string | null
}

export function isSession(day: Session | Closed): day is Session {
  return 'feed' in day
}

const CALENDARS: Readonly<Record<string, CalendarData>> = { nse }

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

/** Call auction before the first trades of a session at special times. */
const SPECIAL_PRE_OPEN_MS = 15 * MINUTE_MS
/** Listening goes on for this long after the last trades of a session at special times. */
const SPECIAL_TAIL_MS = 15 * MINUTE_MS
/** When to listen on a day whose special times nobody confirmed. */
const UNCONFIRMED_FEED: Span = { startMs: 9 * HOUR_MS, endMs: 21 * HOUR_MS }
/** Exchanges never close for this many days; it only ends the search in broken data. */
const CLOSED_DAYS_MAX = 60

class DatedCalendar implements Calendar {
  readonly name: string
  readonly market: string
  readonly zone: string
  readonly utcOffsetMs: number
  readonly verifiedThrough: MarketDate
  readonly #data: CalendarData
  /** Date -> note. */
  readonly #holidays: ReadonlyMap<string, string>
  readonly #specials: ReadonlyMap<string, SpecialSession>

  constructor(data: CalendarData, override?: CalendarOverride) {
    this.name = data.name
    this.market = data.market
    this.zone = data.zone
    this.utcOffsetMs = data.utcOffsetMs
    const verifiedThrough = override?.verifiedThrough ?? data.verifiedThrough
    this.verifiedThrough = sound(isMarketDate(verifiedThrough) ? verifiedThrough : null, verifiedThrough)
    this.#data = data
    const holidays = new Map(holidaysOf(data).map((date) => [date, 'holiday']))
    const specials = new Map(data.sessions.map((special) => [special.date, special]))
    for (const { date, note } of override?.holidays ?? []) {
      holidays.set(date, note)
      specials.delete(date)
    }
    for (const special of override?.sessions ?? []) specials.set(special.date, special)
    this.#holidays = holidays
    this.#specials = specials
  }

  dateOf(timeMs: UnixMs): MarketDate {
    return dateAt(timeMs, this.utcOffsetMs)
  }

  sessionOn(date: MarketDate): Session | Closed {
    const reason = this.#closedReason(date)
    if (reason !== null) return { date, reason, nextDate: this.#nextOpenDate(date) }
    return this.#session(date)
  }

  nextSession(date: MarketDate): Session {
    return this.#session(this.#nextOpenDate(date))
  }

  phasesFor(session: Session, instrument: Pick<Instrument, 'exchange' | 'derivatives'>): Phases {
    const hours = this.#hours(session.date, instrument)
    const intervalOf = (span: Span): Interval => this.#interval(session.date, span)
    return {
      preOpen: hours.preOpen === null ? null : intervalOf(hours.preOpen),
      continuous: hours.continuous.map(intervalOf),
      closingAuction: hours.closingAuction === null ? null : intervalOf(hours.closingAuction),
    }
  }

  feedFor(session: Session, instruments: readonly Pick<Instrument, 'exchange' | 'derivatives'>[]): Interval {
    if (instruments.length === 0) return session.feed
    let startMs = Number.POSITIVE_INFINITY
    let endMs = Number.NEGATIVE_INFINITY
    for (const instrument of instruments) {
      const { feed } = this.#hours(session.date, instrument)
      startMs = Math.min(startMs, feed.startMs)
      endMs = Math.max(endMs, feed.endMs)
    }
    return this.#interval(session.date, { startMs, endMs })
  }

  warningFor(date: MarketDate): string | null {
    const until = this.verifiedThrough
    if (date > until || date < this.#data.coversFrom) {
      return (
        `calendar ${this.name} is verified from ${this.#data.coversFrom} to ${until} and cannot vouch for ` +
        `${date}: weekdays are taken for open; put holidays and verifiedThrough into calendarOverride`
      )
    }
    if (this.#specials.get(date)?.confirmed !== false) return null
    return (
      `calendar ${this.name}: the times of the special session on ${date} are assumed, no notice of the ` +
      'exchange was found; put the times into calendarOverride'
    )
  }

  #session(date: MarketDate): Session {
    return {
      market: this.market,
      date,
      utcOffsetMs: this.utcOffsetMs,
      feed: this.#interval(date, this.#hours(date, { exchange: 'NSE' }).feed),
      note: this.#specials.get(date)?.note ?? null,
    }
  }

  /** Null on open days. A special session reopens a holiday: muhurat is held on one. */
  #closedReason(date: MarketDate): string | null {
    if (this.#specials.has(date)) return null
    return this.#holidays.get(date) ?? (isWeekend(date) ? 'weekend' : null)
  }

  #nextOpenDate(date: MarketDate): MarketDate {
    for (let dayCount = 1; dayCount <= CLOSED_DAYS_MAX; dayCount++) {
      const candidate = addDays(date, dayCount)
      if (this.#closedReason(candidate) === null) return candidate
    }
    throw new Error(`calendar ${this.name}: no session within ${CLOSED_DAYS_MAX} days after ${date}`)
  }

  #hours(date: MarketDate, instrument: Pick<Instrument, 'exchange' | 'derivatives'>): Hours {
    const special = this.#specials.get(date)
    if (special?.continuous !== undefined) return specialHours(special, special.continuous)
    const derivatives = instrument.derivatives ?? false
    // Before the data begin, the oldest hours are the best guess; `warningFor` says that it is one.
    const dated = date < this.#data.coversFrom ? this.#data.coversFrom : date
    const rule = ruleFor(this.#data, dated, isUsSummer(date), instrument.exchange, derivatives)
    return hoursOf(sound(rule, `${this.name}: hours of ${instrument.exchange} on ${date}`))
  }

  #interval(date: MarketDate, span: Span): Interval {
    const midnightMs = utcMidnightMs(date) - this.utcOffsetMs
    return {
      fromMs: (midnightMs + span.startMs) as UnixMs,
      toMs: (midnightMs + span.endMs) as UnixMs,
    }
  }
}

/** The same for every exchange; a special session has no closing auction. */
function specialHours(special: SpecialSession, times: readonly (readonly string[])[]): Hours {
  const continuous = sound(spansOf(times), special)
  const openMs = continuous[0]!.startMs
  const preOpen = { startMs: openMs - SPECIAL_PRE_OPEN_MS, endMs: openMs }
  const feed = { startMs: preOpen.startMs, endMs: continuous.at(-1)!.endMs + SPECIAL_TAIL_MS }
  return {
    preOpen,
    continuous,
    closingAuction: null,
    feed: special.confirmed === false ? UNCONFIRMED_FEED : feed,
  }
}
