/**
 * What does a calendar's dated data look like, and is it sound? The data are facts with a date from
 * which they hold, kept as JSON beside this file with their provenance. A mistake in them is a
 * programmer's error and stops the program at start.
 */
import { isMarketDate, timeOfDayMs } from './dates.ts'

/** Start and end in market time, `HH:MM`. */
export type Times = readonly string[]

/** Hours of normal days. Of all rules that fit a date and an instrument, the one listed last holds. */
export type HoursRule = {
  readonly exchanges: readonly string[]
  readonly from: string
  /** Only for stocks that have derivatives. */
  readonly derivatives?: boolean
  /** Only while New York has daylight saving. */
  readonly usSummer?: boolean
  /** Only on the days of `earlyCloses`. */
  readonly earlyClose?: boolean
  readonly preOpen?: Times
  readonly continuous: readonly Times[]
  readonly closingAuction?: Times
  /** When to listen. */
  readonly feed: Times
}

/** A session at unusual times or on an unusual day. */
export type SpecialSession = {
  readonly date: string
  readonly note: string
  /** Absent: normal hours. */
  readonly continuous?: readonly Times[]
  /** The hours of the rules with `earlyClose`. */
  readonly earlyClose?: boolean
  /** False: no notice of the exchange was found for the times; they are the usual ones of the kind. */
  readonly confirmed?: boolean
}

export type CalendarData = {
  readonly name: string
  readonly market: string
  /** IANA name. Times of this file are what clocks show there. */
  readonly zone: string
  /** Whose hours are the market's own: `Session.feed`, opening and close. */
  readonly exchange: string
  readonly coversFrom: string
  /** The last date for which the list was compared with the exchange's own. */
  readonly verifiedThrough: string
  readonly provenance: readonly string[]
  readonly hours: readonly HoursRule[]
  readonly special: SpecialHours
  readonly sessions: readonly SpecialSession[]
  /** Days of the rules with `earlyClose`, written like `holidays`. */
  readonly earlyCloses?: DaysByYear
  /** Closed weekdays. */
  readonly holidays: DaysByYear
}

/** Year -> `MM-DD`, separated by blanks. */
export type DaysByYear = Readonly<Record<string, string>>

/** What stands around the trading times of a special session. */
export type SpecialHours = {
  /** Call auction before the first trades. */
  readonly preOpenMinutes: number
  /** Listening begins so long before the first trades, and ends so long after the last ones. */
  readonly leadMinutes: number
  readonly tailMinutes: number
  /** When to listen on a day whose special times nobody confirmed. */
  readonly unconfirmedFeed: Times
}

/** Hours with their times as ms since midnight. */
export type Hours = {
  readonly preOpen: Span | null
  readonly continuous: readonly Span[]
  readonly closingAuction: Span | null
  readonly feed: Span
}

export type Span = { readonly startMs: number; readonly endMs: number }

/** Null when `times` is not `[start, end]` with start before end. */
export function spanOf(times: Times): Span | null {
  const startMs = timeOfDayMs(times[0] ?? '')
  const endMs = timeOfDayMs(times[1] ?? '')
  if (times.length !== 2 || startMs === null || endMs === null || startMs >= endMs) return null
  return { startMs, endMs }
}

/** Null when one is not a span, or when they overlap or are out of order. */
export function spansOf(list: readonly Times[]): readonly Span[] | null {
  const spans = list.map(spanOf)
  if (spans.length === 0) return null
  for (const [index, span] of spans.entries()) {
    const before = spans[index - 1]
    if (span === null || (before && before.endMs > span.startMs)) return null
  }
  return spans as Span[]
}

export function hoursOf(rule: HoursRule): Hours {
  return {
    preOpen: rule.preOpen === undefined ? null : sound(spanOf(rule.preOpen), rule),
    continuous: sound(spansOf(rule.continuous), rule),
    closingAuction: rule.closingAuction === undefined ? null : sound(spanOf(rule.closingAuction), rule),
    feed: sound(spanOf(rule.feed), rule),
  }
}

export type DayKind = {
  readonly date: string
  readonly exchange: string
  readonly derivatives: boolean
  readonly usSummer: boolean
  readonly earlyClose: boolean
}

/** The last rule that holds for such a day; null where there is none. */
export function ruleFor(data: CalendarData, day: DayKind): HoursRule | null {
  const asks = (wanted: boolean | undefined, is: boolean): boolean => wanted === undefined || wanted === is
  const fits = (rule: HoursRule): boolean =>
    rule.exchanges.includes(day.exchange) &&
    rule.from <= day.date &&
    asks(rule.derivatives, day.derivatives) &&
    asks(rule.usSummer, day.usSummer) &&
    asks(rule.earlyClose, day.earlyClose)
  return data.hours.findLast(fits) ?? null
}

export function datesOf(daysByYear: DaysByYear): string[] {
  const dates = Object.entries(daysByYear).flatMap(([year, days]) =>
    days.split(' ').map((day) => `${year}-${day}`),
  )
  for (const date of dates) sound(isMarketDate(date) ? date : null, date)
  return dates
}

export function sound<Value>(value: Value | null, what: unknown): Value {
  if (value === null) throw new Error(`calendar data: not sound: ${JSON.stringify(what)}`)
  return value
}
