import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isSession, loadCalendar } from '../../src/calendars/calendar.ts'
import { addDays, weekdayOf } from '../../src/calendars/dates.ts'
import { isFinal, lastFinalDate, sessionAt } from '../../src/calendars/finality.ts'
import { parseCalendarOverride } from '../../src/calendars/override.ts'
import type { Session } from '../../src/domain/session.ts'
import { DAY_MS, HOUR_MS, type MarketDate, type UnixMs } from '../../src/domain/time.ts'

const nyse = loadCalendar('nyse')
const nse = loadCalendar('nse')
const day = (text: string): MarketDate => text as MarketDate
const at = (text: string): UnixMs => Date.parse(text) as UnixMs

function sessionOn(date: string, calendar = nyse): Session {
  const found = calendar.sessionOn(day(date))
  if (!isSession(found)) throw new Error(`${date}: ${found.reason}`)
  return found
}

/** Opening, close and what is listened to, in UTC. */
function timesOn(date: string, calendar = nyse): string {
  const session = sessionOn(date, calendar)
  const { fromMs, toMs } = calendar.tradingOf(session)
  return [fromMs, toMs, session.feed.fromMs, session.feed.toMs]
    .map((ms) => new Date(ms).toISOString().slice(5, 16))
    .join(' ')
}

test.each([
  ['2026-03-06', '03-06T14:30 03-06T21:00 03-06T09:00 03-07T01:00'], // the last session of winter
  ['2026-03-09', '03-09T13:30 03-09T20:00 03-09T08:00 03-10T00:00'],
  ['2026-10-30', '10-30T13:30 10-30T20:00 10-30T08:00 10-31T00:00'],
  ['2026-11-02', '11-02T14:30 11-02T21:00 11-02T09:00 11-03T01:00'],
  ['2006-04-03', '04-03T13:30 04-03T20:00 04-03T08:00 04-04T00:00'], // summer began in April then
  ['2006-03-31', '03-31T14:30 03-31T21:00 03-31T09:00 04-01T01:00'],
  ['2026-11-27', '11-27T14:30 11-27T18:00 11-27T09:00 11-27T22:00'], // early close
  ['1992-12-24', '12-24T14:30 12-24T19:00 12-24T09:00 12-24T23:00'], // an hour later in those years
  ['1996-01-08', '01-08T16:00 01-08T19:00 01-08T10:30 01-08T23:00'], // snow
])('a session of New York has the offset of its own date: %s', (date, expected) => {
  expect(timesOn(date)).toBe(expected)
})

test('the offset of a session holds from its first moment to its last, 1990 to 2028', () => {
  for (const session of nyse.sessionsBetween(day('1990-01-01'), day('2028-12-31'))) {
    for (const ms of [session.feed.fromMs, session.feed.toMs - 1]) {
      expect(nyse.zone.offsetMs(ms as UnixMs), session.date).toBe(session.utcOffsetMs)
      expect(nyse.dateOf(ms as UnixMs)).toBe(session.date)
    }
  }
})

/** The anonymous Gregorian rule, then two days back. */
function goodFriday(year: number): MarketDate {
  const a = year % 19
  const b = Math.floor(year / 100)
  const c = year % 100
  const g = Math.floor((b - Math.floor((b + 8) / 25) + 1) / 3)
  const h = (19 * a + b - Math.floor(b / 4) - g + 15) % 30
  const l = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - h - (c % 4)) % 7
  const m = Math.floor((a + 11 * h + 22 * l) / 451)
  const easter = addDays(day(`${year}-03-01`), h + l - 7 * m + 21)
  return addDays(easter, -2)
}

/** The `count`th such weekday from `from` on. */
function nth(from: string, weekday: number, count: number): MarketDate {
  return addDays(day(from), ((weekday - weekdayOf(day(from)) + 7) % 7) + 7 * (count - 1))
}

/** On a Saturday the Friday before is kept, on a Sunday the Monday after. */
function observed(date: string): MarketDate {
  const weekday = weekdayOf(day(date))
  return addDays(day(date), weekday === 6 ? -1 : weekday === 0 ? 1 : 0)
}

function ruledHolidays(year: number): MarketDate[] {
  const newYear = day(`${year}-01-01`)
  return [
    // A New Year's Day on a Saturday is not made up for: the Friday belongs to the year before.
    ...(weekdayOf(newYear) === 6 ? [] : [observed(newYear)]),
    ...(year >= 1998 ? [nth(`${year}-01-01`, 1, 3)] : []),
    nth(`${year}-02-01`, 1, 3),
    goodFriday(year),
    nth(`${year}-05-25`, 1, 1),
    ...(year >= 2022 ? [observed(`${year}-06-19`)] : []),
    observed(`${year}-07-04`),
    nth(`${year}-09-01`, 1, 1),
    nth(`${year}-11-01`, 4, 4),
    observed(`${year}-12-25`),
  ]
}

const UNRULED = [
  '1994-04-27', // mourning
  '2001-09-11', // attacks, to the 14th
  '2001-09-12',
  '2001-09-13',
  '2001-09-14',
  '2004-06-11', // mourning
  '2007-01-02', // mourning
  '2012-10-29', // hurricane
  '2012-10-30',
  '2018-12-05', // mourning
  '2025-01-09', // mourning
]

test('holidays of 1990 to 2028 are those of the rules, and eleven closings that no rule gives', () => {
  const ruled = new Set<string>()
  for (let year = 1990; year <= 2028; year++) for (const date of ruledHolidays(year)) ruled.add(date)
  const closed = new Set<string>()
  for (let date = day('1990-01-01'); date < '2029'; date = addDays(date, 1)) {
    const found = nyse.sessionOn(date)
    if (!isSession(found) && found.reason !== 'weekend') closed.add(date)
  }
  expect([...closed.difference(ruled)]).toEqual(UNRULED)
  expect([...ruled.difference(closed)]).toEqual([])
})

test('early closes since 2014: before the Fourth, after Thanksgiving, on Christmas Eve', () => {
  // A day that is itself the kept holiday (Christmas Eve when Christmas is a Saturday) drops out.
  const ruled: string[] = []
  for (let year = 2014; year <= 2028; year++) {
    const eves = [`${year}-07-03`, addDays(nth(`${year}-11-01`, 4, 4), 1), `${year}-12-24`]
    ruled.push(...eves.filter((date) => isSession(nyse.sessionOn(day(date)))))
  }
  const early = nyse
    .sessionsBetween(day('2014-01-01'), day('2028-12-31'))
    .filter((session) => session.note !== null)
    .map(({ date }) => date)
  expect(early).toEqual(ruled)
  expect(early).toHaveLength(31)
})

for (const calendar of [nse, nyse]) {
  const first = calendar === nse ? '2011-01-03' : '1990-01-02'
  const last = calendar === nse ? '2026-12-31' : '2028-12-29'
  const dates = fc
    .integer({ min: Date.parse(first) / DAY_MS, max: Date.parse(last) / DAY_MS })
    .map((dayNumber) => addDays(day('1970-01-01'), dayNumber))

  test(`${calendar.name}: the session before the next one is the one itself, and the other way round`, () => {
    fc.assert(
      fc.property(dates, (date) => {
        const next = calendar.nextSession(date)
        const previous = calendar.previousSession(date)
        const found = calendar.sessionOn(date)
        const own = isSession(found) ? found : null
        expect(calendar.previousSession(next.date)).toEqual(own ?? previous)
        expect(calendar.nextSession(previous.date)).toEqual(own ?? next)
        if (!isSession(found)) expect(found.nextDate).toBe(next.date)
      }),
    )
  })

  test(`${calendar.name}: counts agree with lists, and lists with single days`, () => {
    fc.assert(
      fc.property(dates, fc.integer({ min: -10, max: 400 }), (from, dayCount) => {
        const to = addDays(from, dayCount)
        const list = calendar.sessionsBetween(from, to)
        const own = isSession(calendar.sessionOn(from)) && dayCount >= 0 ? 1 : 0
        expect(calendar.sessionsAhead(from, to)).toBe(list.length - own)
        let expected = 0
        for (let date = from; date <= to; date = addDays(date, 1)) {
          if (isSession(calendar.sessionOn(date))) expected++
        }
        expect(list).toHaveLength(expected)
        for (const session of list) expect(calendar.sessionOn(session.date)).toEqual(session)
      }),
      { numRuns: 50 },
    )
  })

  test(`${calendar.name}: at every moment one session is the last, and what is final grows with time`, () => {
    const moments = fc.integer({ min: Date.parse(first) + 7 * DAY_MS, max: Date.parse(last) })
    fc.assert(
      fc.property(moments, fc.integer({ min: 0, max: 5 * DAY_MS }), (earlierMs, aheadMs) => {
        const [earlier, later] = [earlierMs as UnixMs, (earlierMs + aheadMs) as UnixMs]
        const { session, isOpen } = sessionAt(calendar, earlier)
        const trading = calendar.tradingOf(session)
        expect(trading.fromMs <= earlier && isOpen === earlier < trading.toMs).toBe(true)
        expect(calendar.tradingOf(calendar.nextSession(session.date)).fromMs).toBeGreaterThan(earlier)
        const final = lastFinalDate(calendar, earlier)
        expect(final <= lastFinalDate(calendar, later)).toBe(true)
        expect(final <= session.date).toBe(true)
        if (isOpen) expect(isFinal(calendar, session.date, earlier)).toBe(false)
        if (isFinal(calendar, session.date, earlier))
          expect(isFinal(calendar, session.date, later)).toBe(true)
      }),
    )
  })
}

test("today's candle is final half an hour after the close, by the close of its own day", () => {
  const final = (date: string, fetched: string): boolean => isFinal(nyse, day(date), at(fetched))
  expect(final('2026-11-20', '2026-11-20T21:29:59Z')).toBe(false)
  expect(final('2026-11-20', '2026-11-20T21:30:00Z')).toBe(true)
  expect(final('2026-07-01', '2026-07-01T20:30:00Z')).toBe(true) // summer
  expect(final('2026-11-27', '2026-11-27T18:29:59Z')).toBe(false) // early close at 13:00
  expect(final('2026-11-27', '2026-11-27T18:30:00Z')).toBe(true)
  expect(final('2026-11-23', '2026-11-20T23:00:00Z')).toBe(false) // a date to come
  // Already Saturday in London, still Friday in New York.
  expect(lastFinalDate(nyse, at('2026-11-21T02:00:00Z'))).toBe('2026-11-20')
  expect(lastFinalDate(nyse, at('2026-11-22T12:00:00Z'))).toBe('2026-11-20')
  expect(lastFinalDate(nse, at('2026-11-20T10:34:59Z'))).toBe('2026-11-19') // auction to 15:35, since August
  expect(lastFinalDate(nse, at('2026-11-20T10:35:00Z'))).toBe('2026-11-20')
  expect(lastFinalDate(nse, at('2026-07-01T10:30:00Z'), 15 * 60_000)).toBe('2026-07-01')
})

test('before its opening a day is not the last session; from then on it is', () => {
  const shown = (text: string): string => {
    const { session, isOpen } = sessionAt(nyse, at(text))
    return `${session.date} ${isOpen ? 'open' : 'over'}`
  }
  expect(shown('2026-11-23T14:29:59Z')).toBe('2026-11-20 over')
  expect(shown('2026-11-23T14:30:00Z')).toBe('2026-11-23 open')
  expect(shown('2026-11-23T21:00:00Z')).toBe('2026-11-23 over')
  expect(shown('2026-11-26T18:00:00Z')).toBe('2026-11-25 over') // Thanksgiving
})

test('an unplanned closing comes by the override, and so does an early close', () => {
  const text = `
holidays:
  - { date: 2027-03-04, note: day of mourning }
  - { date: 2026-11-27 }
sessions:
  - { date: 2027-03-05, note: closed early, continuous: [['09:30', '13:00']] }
  - { date: 2026-12-24, note: normal after all }
`
  const calendar = loadCalendar('nyse', parseCalendarOverride(text, 'o.yaml'))
  expect(calendar.sessionOn(day('2027-03-04'))).toMatchObject({ reason: 'day of mourning' })
  expect(calendar.sessionOn(day('2026-11-27'))).toMatchObject({ reason: 'holiday', nextDate: '2026-11-30' })
  expect(timesOn('2027-03-05', calendar)).toBe('03-05T14:30 03-05T18:00 03-05T09:00 03-05T22:00')
  expect(timesOn('2026-12-24', calendar)).toBe('12-24T14:30 12-24T21:00 12-24T09:00 12-25T01:00')
  expect(calendar.phasesFor(sessionOn('2027-03-05', calendar), { exchange: 'NASDAQ' })).toMatchObject({
    preOpen: null,
    closingAuction: null,
  })
})

test('New York is vouched for to the end of 2028', () => {
  expect(nyse.warningFor(day('2028-12-29'))).toBeNull()
  expect(nyse.warningFor(day('2029-01-02'))).toMatch(/nyse is verified from 1990-01-01 to 2028-12-31/)
  expect(sessionOn('2026-11-20').utcOffsetMs).toBe(-5 * HOUR_MS)
})
