import { expect, test } from 'vitest'
import { type Closed, isSession, loadCalendar } from '../../src/calendars/calendar.ts'
import { parseCalendarOverride } from '../../src/calendars/override.ts'
import type { Exchange } from '../../src/domain/instrument.ts'
import type { Interval, Session } from '../../src/domain/session.ts'
import { DAY_MS, type MarketDate, type UnixMs } from '../../src/domain/time.ts'

const nse = loadCalendar('nse')
const day = (text: string): MarketDate => text as MarketDate

function sessionOn(date: string, calendar = nse): Session {
  const found = calendar.sessionOn(day(date))
  if (!isSession(found)) throw new Error(`${date}: ${found.reason}`)
  return found
}

function closedOn(date: string, calendar = nse): Closed {
  const found = calendar.sessionOn(day(date))
  if (isSession(found)) throw new Error(`${date} has a session`)
  return found
}

/** `09:15-15:30`, as the market's clocks show it; hours beyond 24 belong to the next day. */
function timesOf(interval: Interval | null, date: string): string {
  if (interval === null) return 'none'
  const midnightMs = Date.parse(`${date}T00:00:00+05:30`)
  const text = (timeMs: number): string => {
    const minutes = (timeMs - midnightMs) / 60_000
    return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
  }
  return `${text(interval.fromMs)}-${text(interval.toMs)}`
}

function phasesOn(date: string, exchange: Exchange, derivatives = false, calendar = nse): string {
  const phases = calendar.phasesFor(sessionOn(date, calendar), { exchange, derivatives })
  const continuous = phases.continuous.map((interval) => timesOf(interval, date)).join('+')
  return `${timesOf(phases.preOpen, date)} ${continuous} ${timesOf(phases.closingAuction, date)}`
}

test('a market date begins at midnight in India, half past six in the evening of UTC', () => {
  expect(nse.dateOf(Date.parse('2026-07-01T18:29:59.999Z') as UnixMs)).toBe('2026-07-01')
  expect(nse.dateOf(Date.parse('2026-07-01T18:30:00.000Z') as UnixMs)).toBe('2026-07-02')
})

test.each([
  ['2026-07-31', 'NSE', true, '09:00-09:15 09:15-15:30 none'],
  ['2026-08-03', 'NSE', true, '09:00-09:15 09:15-15:15 15:15-15:35'],
  ['2026-08-03', 'NSE', false, '09:00-09:15 09:15-15:30 none'],
  ['2026-08-03', 'BSE', true, '09:00-09:15 09:15-15:15 15:15-15:35'],
  ['2025-12-05', 'NFO', false, 'none 09:15-15:30 none'],
  ['2025-12-08', 'NFO', false, '09:00-09:15 09:15-15:30 none'],
  ['2026-07-31', 'BFO', false, '09:00-09:15 09:15-15:30 none'],
  ['2026-08-03', 'BFO', false, '09:00-09:15 09:15-15:40 none'],
  ['2026-08-03', 'CDS', false, 'none 09:00-17:00 none'],
  ['2026-08-03', 'NCDEX', false, 'none 09:00-17:00 none'],
  // New York: daylight saving until 2026-10-31, again from 2026-03-08.
  ['2026-10-30', 'MCX', false, 'none 09:00-23:30 none'],
  ['2026-11-02', 'MCX', false, 'none 09:00-23:55 none'],
  ['2026-03-06', 'MCX', false, 'none 09:00-23:55 none'],
  ['2026-03-09', 'MCX', false, 'none 09:00-23:30 none'],
] as const)(
  'hours hold from their date on: %s %s derivatives=%s',
  (date, exchange, derivatives, expected) => {
    expect(phasesOn(date, exchange, derivatives)).toBe(expected)
  },
)

test.each([
  ['2025-10-21', '13:30-13:45 13:45-14:45 none'], // muhurat, in the afternoon, on a holiday
  ['2024-11-01', '17:45-18:00 18:00-19:00 none'],
  ['2023-11-12', '18:00-18:15 18:15-19:15 none'], // a Sunday
  ['2024-03-02', '09:00-09:15 09:15-10:00+11:30-12:30 none'], // a Saturday, two short sessions
  ['2026-02-01', '09:00-09:15 09:15-15:30 none'], // budget Sunday, normal hours
])('special sessions have their own times: %s', (date, expected) => {
  expect(phasesOn(date, 'NSE')).toBe(expected)
  expect(sessionOn(date).note).not.toBeNull()
})

test('listening covers every instrument of the list, and not more', () => {
  const feed = (date: string, exchanges: readonly Exchange[]): string => {
    const instruments = exchanges.map((exchange) => ({ exchange }))
    return timesOf(nse.feedFor(sessionOn(date), instruments), date)
  }
  expect(feed('2026-07-31', ['NSE', 'NFO'])).toBe('09:00-15:45')
  expect(feed('2026-08-03', ['NSE', 'BSE'])).toBe('09:00-15:45')
  expect(feed('2026-08-03', ['NSE', 'NFO'])).toBe('09:00-15:55')
  expect(feed('2026-08-03', ['NSE', 'CDS'])).toBe('08:55-17:15')
  expect(feed('2026-11-02', ['MCX'])).toBe('08:55-24:00')
  expect(feed('2026-08-03', [])).toBe('09:00-15:45')
  expect(feed('2025-10-21', ['NSE', 'MCX'])).toBe('13:30-15:00')
  expect(timesOf(sessionOn('2026-08-03').feed, '2026-08-03')).toBe('09:00-15:45')
})

test('phases lie inside the feed, in order, on every session from 2011 to 2026', () => {
  const exchanges: readonly Exchange[] = ['NSE', 'BSE', 'NFO', 'BFO', 'MCX', 'CDS', 'NCDEX']
  let sessionCount = 0
  for (let session = nse.nextSession(day('2010-12-31')); session.date < '2027'; sessionCount++) {
    for (const exchange of exchanges) {
      for (const derivatives of [false, true]) {
        const instrument = { exchange, derivatives }
        const { preOpen, continuous, closingAuction } = nse.phasesFor(session, instrument)
        const feed = nse.feedFor(session, [instrument])
        const edges = [preOpen, ...continuous, closingAuction]
          .filter((interval) => interval !== null)
          .flatMap(({ fromMs, toMs }) => [fromMs, toMs])
        const ordered = [feed.fromMs, ...edges, feed.toMs]
        expect(ordered, `${session.date} ${exchange}`).toEqual(ordered.toSorted((a, b) => a - b))
        expect(nse.dateOf(feed.fromMs)).toBe(session.date)
        expect(feed.toMs - feed.fromMs).toBeLessThan(DAY_MS)
      }
    }
    const next = nse.nextSession(session.date)
    expect(next.date > session.date).toBe(true)
    session = next
  }
  expect(sessionCount).toBe(3966)
})

test('a closed day says why, and when the next session is', () => {
  expect(closedOn('2026-11-21')).toEqual({ date: '2026-11-21', reason: 'weekend', nextDate: '2026-11-23' })
  expect(closedOn('2026-11-24')).toEqual({ date: '2026-11-24', reason: 'holiday', nextDate: '2026-11-25' })
  // From Friday 2026-01-30 the next session is the budget Sunday.
  expect(closedOn('2026-01-31').nextDate).toBe('2026-02-01')
  expect(nse.nextSession(day('2026-11-20')).date).toBe('2026-11-23')
})

test('a date beyond the verified ones is warned about, and so are assumed times', () => {
  expect(nse.warningFor(day('2026-12-31'))).toBeNull()
  expect(nse.warningFor(day('2027-01-01'))).toMatch(
    /verified from 2011-01-01 to 2026-12-31.*calendarOverride/,
  )
  expect(nse.warningFor(day('2010-12-31'))).toMatch(/cannot vouch/)
  expect(isSession(nse.sessionOn(day('2027-01-01')))).toBe(true)
  expect(timesOf(sessionOn('2010-06-01').feed, '2010-06-01')).toBe('09:00-15:45')
  expect(nse.warningFor(day('2026-11-08'))).toMatch(/times of the special session on 2026-11-08 are assumed/)
  expect(timesOf(sessionOn('2026-11-08').feed, '2026-11-08')).toBe('09:00-21:00')
})

test('the override adds holidays, sessions and confirmed times', () => {
  const text = `
verifiedThrough: 2027-12-31
holidays:
  - { date: 2027-01-26, note: Republic Day }
  - { date: 2026-02-01 }
sessions:
  - { date: 2026-11-08, note: muhurat, continuous: [['17:30', '18:30']] }
  - { date: 2027-02-06, note: budget }
`
  const calendar = loadCalendar('nse', parseCalendarOverride(text, 'o.yaml'))
  expect(closedOn('2027-01-26', calendar)).toMatchObject({ reason: 'Republic Day', nextDate: '2027-01-27' })
  expect(closedOn('2026-02-01', calendar).reason).toBe('holiday')
  expect(phasesOn('2026-11-08', 'NSE', true, calendar)).toBe('17:15-17:30 17:30-18:30 none')
  expect(calendar.warningFor(day('2026-11-08'))).toBeNull()
  expect(phasesOn('2027-02-06', 'NSE', true, calendar)).toBe('09:00-09:15 09:15-15:15 15:15-15:35')
  expect(calendar.warningFor(day('2027-06-01'))).toBeNull()
  expect(calendar.warningFor(day('2028-01-03'))).not.toBeNull()
  // The shipped calendar is not touched.
  expect(isSession(nse.sessionOn(day('2027-01-26')))).toBe(true)
})

test.each([
  ['holiday: []', /Unrecognized key.*holiday/],
  ['holidays:\n  - { date: 2026-02-30 }', /holidays\.0\.date: not a date that exists/],
  ['holidays:\n  - { date: 20260202 }', /holidays\.0\.date/],
  [
    "sessions:\n  - { date: 2026-11-08, continuous: [['18:00', '17:00']] }",
    /sessions\.0\.continuous: not \[/,
  ],
  [
    "sessions:\n  - { date: 2026-11-08, continuous: [['18:00', '25:00']] }",
    /sessions\.0\.continuous: not \[/,
  ],
  ['sessions:\n  - { date: 2026-11-08, continuous: [] }', /sessions\.0\.continuous: not \[/],
  ['holidays: [{ date: 2026-11-08 }]\nsessions: [{ date: 2026-11-08 }]', /2026-11-08 stands here twice/],
  ['holidays: [', /not YAML/],
  ['just words', /the file: /],
  ['holidays: *later', /Unresolved alias/],
])('a faulty override is refused with the path of the key: %s', (text, message) => {
  const parse = (): unknown => parseCalendarOverride(text, 'o.yaml')
  expect(parse).toThrow(message)
  expect(parse).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})

test('an empty override changes nothing; JSON is read too', () => {
  expect(parseCalendarOverride('', 'o.yaml')).toEqual({ holidays: [], sessions: [] })
  expect(parseCalendarOverride('{"holidays":[{"date":"2027-01-26"}]}', 'o.json').holidays).toHaveLength(1)
})

test('an unknown calendar is refused with the names that are known', () => {
  expect(() => loadCalendar('bse')).toThrow(/"bse" is not known; known: nse, nyse/)
})
