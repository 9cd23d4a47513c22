/**
 * How do dated data and the operator's override answer the questions of a calendar? Days count as texts;
 * only moments know the zone. The offset of a session is that of its noon: clocks change at night before a
 * Sunday dawns, so that all of a session lies on one side of the change.
 */
import type { Interval, Phases, Session } from '../domain/session.ts'
import { HOUR_MS, type MarketDate, MINUTE_MS, type UnixMs } from '../domain/time.ts'
import { Zone } from '../platform/zone.ts'
import {
  type CalendarData,
  datesOf,
  type Hours,
  hoursOf,
  ruleFor,
  type Span,
  type SpecialHours,
  type SpecialSession,
  sound,
  spanOf,
  spansOf,
} from './data.ts'
import { addDays, isMarketDate, isUsSummer, isWeekend, utcMidnightMs } from './dates.ts'
import type { CalendarOverride } from './override.ts'

/** Exchanges never close for this many days; it only ends the search in broken data. */
const CLOSED_DAYS_MAX = 60

export type Closed = {
  readonly date: MarketDate
  /** Why, in words: `weekend`, `holiday`, or the operator's note. */
  readonly reason: string
  /** The next date that has a session. */
  readonly nextDate: MarketDate
}

/** What of an instrument decides its hours. */
export type Traded = { readonly exchange: string; readonly derivatives?: boolean }

/** What it promises is told by the interface `Calendar`, to which `loadCalendar` holds it. */
export class DatedCalendar {
  readonly name: string
  readonly market: string
  readonly zone: Zone
  readonly verifiedThrough: MarketDate
  readonly #data: CalendarData
  /** Date -> note. */
  readonly #holidays: ReadonlyMap<string, string>
  readonly #specials: ReadonlyMap<string, SpecialSession>

  constructor(data: CalendarData, override?: CalendarOverride) {
    this.name = data.name
    this.market = data.market
    this.zone = new Zone(data.zone)
    const verifiedThrough = override?.verifiedThrough ?? data.verifiedThrough
    this.verifiedThrough = sound(isMarketDate(verifiedThrough) ? verifiedThrough : null, verifiedThrough)
    this.#data = data
    const holidays = new Map(datesOf(data.holidays).map((date) => [date, 'holiday']))
    const specials = new Map(specialsOf(data).map((special) => [special.date, special]))
    for (const { date, note } of override?.holidays ?? []) {
      holidays.set(date, note)
      specials.delete(date)
    }
    for (const special of override?.sessions ?? []) specials.set(special.date, special)
    this.#holidays = holidays
    this.#specials = specials
  }

  dateOf(timeMs: UnixMs): MarketDate {
    return this.zone.dateOf(timeMs)
  }

  utcOffsetMsOn(date: MarketDate): number {
    // Noon of UTC is within the day in both zones, and past the hour at which clocks change.
    return this.zone.offsetMs((utcMidnightMs(date) + 12 * HOUR_MS) as UnixMs)
  }

  sessionOn(date: MarketDate): Session | Closed {
    const reason = this.#closedReason(date)
    if (reason !== null) return { date, reason, nextDate: this.#openDate(date, 1) }
    return this.#session(date)
  }

  nextSession(date: MarketDate): Session {
    return this.#session(this.#openDate(date, 1))
  }

  previousSession(date: MarketDate): Session {
    return this.#session(this.#openDate(date, -1))
  }

  sessionsBetween(from: MarketDate, to: MarketDate): readonly Session[] {
    return this.#openDates(from, to).map((date) => this.#session(date))
  }

  sessionsAhead(earlier: MarketDate, later: MarketDate): number {
    return this.#openDates(addDays(earlier, 1), later).length
  }

  tradingOf(session: Session): Interval {
    const spans = [false, true].flatMap((derivatives) => {
      const { continuous, closingAuction } = this.#hours(session.date, this.#main(derivatives))
      return closingAuction === null ? continuous : [...continuous, closingAuction]
    })
    const startMs = Math.min(...spans.map((span) => span.startMs))
    const endMs = Math.max(...spans.map((span) => span.endMs))
    return this.#interval(session.date, { startMs, endMs })
  }

  phasesFor(session: Session, instrument: Traded): Phases {
    const hours = this.#hours(session.date, instrument)
    const intervalOf = (span: Span): Interval => this.#interval(session.date, span)
    return {
      preOpen: hours.preOpen === null ? null : intervalOf(hours.preOpen),
      continuous: hours.continuous.map(intervalOf),
      closingAuction: hours.closingAuction === null ? null : intervalOf(hours.closingAuction),
    }
  }

  feedFor(session: Session, instruments: readonly Traded[]): Interval {
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
      utcOffsetMs: this.utcOffsetMsOn(date),
      feed: this.#interval(date, this.#hours(date, this.#main(false)).feed),
      note: this.#specials.get(date)?.note ?? null,
    }
  }

  #main(derivatives: boolean): Traded {
    return { exchange: this.#data.exchange, derivatives }
  }

  /** Null on open days. A special session reopens a holiday: muhurat is held on one. */
  #closedReason(date: MarketDate): string | null {
    if (this.#specials.has(date)) return null
    return this.#holidays.get(date) ?? (isWeekend(date) ? 'weekend' : null)
  }

  #openDate(date: MarketDate, step: 1 | -1): MarketDate {
    for (let dayCount = 1; dayCount <= CLOSED_DAYS_MAX; dayCount++) {
      const candidate = addDays(date, step * dayCount)
      if (this.#closedReason(candidate) === null) return candidate
    }
    throw new Error(`calendar ${this.name}: no session within ${CLOSED_DAYS_MAX} days of ${date}`)
  }

  #openDates(from: MarketDate, to: MarketDate): MarketDate[] {
    const dates: MarketDate[] = []
    for (let date = from; date <= to; date = addDays(date, 1)) {
      if (this.#closedReason(date) === null) dates.push(date)
    }
    return dates
  }

  #hours(date: MarketDate, instrument: Traded): Hours {
    const special = this.#specials.get(date)
    if (special?.continuous !== undefined)
      return specialHours(this.#data.special, special, special.continuous)
    // Before the data begin, the oldest hours are the best guess; `warningFor` says that it is one.
    const dated = date < this.#data.coversFrom ? this.#data.coversFrom : date
    const rule = ruleFor(this.#data, {
      date: dated,
      exchange: instrument.exchange,
      derivatives: instrument.derivatives ?? false,
      usSummer: isUsSummer(date),
      earlyClose: special?.earlyClose ?? false,
    })
    return hoursOf(sound(rule, `${this.name}: hours of ${instrument.exchange} on ${date}`))
  }

  #interval(date: MarketDate, span: Span): Interval {
    const midnightMs = utcMidnightMs(date) - this.utcOffsetMsOn(date)
    return {
      fromMs: (midnightMs + span.startMs) as UnixMs,
      toMs: (midnightMs + span.endMs) as UnixMs,
    }
  }
}

function specialsOf(data: CalendarData): readonly SpecialSession[] {
  const early = datesOf(data.earlyCloses ?? {}).map((date) => ({
    date,
    note: 'early close',
    earlyClose: true,
  }))
  return [...early, ...data.sessions]
}

/** The same for every exchange; a special session has no closing auction. */
function specialHours(
  around: SpecialHours,
  special: SpecialSession,
  times: readonly (readonly string[])[],
): Hours {
  const continuous = sound(spansOf(times), special)
  const openMs = continuous[0]!.startMs
  const preOpenMs = around.preOpenMinutes * MINUTE_MS
  const feed = {
    startMs: openMs - around.leadMinutes * MINUTE_MS,
    endMs: continuous.at(-1)!.endMs + around.tailMinutes * MINUTE_MS,
  }
  return {
    preOpen: preOpenMs === 0 ? null : { startMs: openMs - preOpenMs, endMs: openMs },
    continuous,
    closingAuction: null,
    feed: special.confirmed === false ? sound(spanOf(around.unconfirmedFeed), around) : feed,
  }
}
