import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { type Calendar, isSession, loadCalendar } from '../../src/calendars/calendar.ts'
import { addDays, isWeekend } from '../../src/calendars/dates.ts'
import type { Session } from '../../src/domain/session.ts'
import type { MarketDate } from '../../src/domain/time.ts'

const DATA = '../shared/data/calendars'
const XBOM = `${DATA}/exchange_calendars/xbom.csv`
const HOLIDAYS = `${DATA}/zero65_indian-stock-market_4.5.3/holidays.json`
const SPECIAL_DAYS = `${DATA}/zero65_indian-stock-market_4.5.3/special-days.json`

const nse = loadCalendar('nse')

/** Every date of 2011 to 2026 on which we have a session. */
function sessionDates(): Set<string> {
  const dates = new Set<string>()
  for (let date = '2011-01-01' as MarketDate; date < '2027'; date = addDays(date, 1)) {
    if (isSession(nse.sessionOn(date))) dates.add(date)
  }
  return dates
}

/** Dates of which only one of the two sets has a session, with who has it. */
function differences(ours: ReadonlySet<string>, theirs: ReadonlySet<string>): Record<string, string> {
  const lines = [
    ...[...ours.difference(theirs)].map((date) => [date, 'ours']),
    ...[...theirs.difference(ours)].map((date) => [date, 'theirs']),
  ]
  return Object.fromEntries(lines.toSorted((a, b) => (a[0]! < b[0]! ? -1 : 1)))
}

/** The whole table: any other difference fails. That list holds no muhurat and few weekend sessions. */
const XBOM_DIFFERENCES: Record<string, string> = {
  '2012-01-07': 'ours', // Saturday system test
  '2012-03-03': 'ours', // Saturday system test
  '2012-04-28': 'ours', // Saturday system test
  '2012-09-08': 'ours', // Saturday system test
  '2012-11-11': 'ours', // Sunday special session
  '2013-05-11': 'ours', // Saturday system test
  '2013-11-03': 'ours', // muhurat Sunday
  '2013-11-14': 'ours', // Muharram was moved to the 15th by notice; that list has the first plan
  '2013-11-15': 'theirs', // Muharram, as moved
  '2014-03-22': 'ours', // Saturday system test
  '2014-10-23': 'ours', // muhurat
  '2015-02-28': 'ours', // budget Saturday
  '2015-11-11': 'ours', // muhurat
  '2016-10-30': 'ours', // muhurat Sunday
  '2017-10-19': 'ours', // muhurat
  '2018-11-07': 'ours', // muhurat
  '2019-10-27': 'ours', // muhurat Sunday
  '2020-02-01': 'ours', // budget Saturday
  '2020-11-14': 'ours', // muhurat Saturday
  '2021-11-04': 'ours', // muhurat
  '2022-10-24': 'ours', // muhurat
  '2023-11-12': 'ours', // muhurat Sunday
  '2024-03-02': 'ours', // disaster-recovery Saturday
  '2024-05-18': 'ours', // disaster-recovery Saturday
  '2024-11-01': 'ours', // muhurat
  '2025-10-21': 'ours', // muhurat
  '2026-02-01': 'ours', // budget Sunday
  '2026-11-08': 'ours', // muhurat Sunday
}

test.skipIf(!existsSync(XBOM))(
  `sessions 2011..2026 equal exchange_calendars XBOM but for explained days (skipped without ${XBOM})`,
  () => {
    const lines = readFileSync(XBOM, 'utf8').split('\n').slice(1)
    const theirs = lines.map((line) => line.slice(0, 10)).filter((date) => date >= '2011' && date < '2027')
    expect(theirs.length).toBeGreaterThan(3900)
    expect(differences(sessionDates(), new Set(theirs))).toEqual(XBOM_DIFFERENCES)
  },
)

type DatesByYear = Record<string, Record<string, number[]>>

function datesIn(path: string): Set<string> {
  const years = JSON.parse(readFileSync(path, 'utf8')) as DatesByYear
  const pad = (part: string | number): string => String(part).padStart(2, '0')
  return new Set(
    Object.entries(years).flatMap(([year, months]) =>
      Object.entries(months).flatMap(([month, days]) =>
        days.map((dayOfMonth) => `${year}-${pad(month)}-${pad(dayOfMonth)}`),
      ),
    ),
  )
}

test.skipIf(!existsSync(HOLIDAYS))(
  `sessions 2011..2026 equal the NSE lists of zero65 on every day (skipped without ${HOLIDAYS})`,
  () => {
    const holidays = datesIn(HOLIDAYS)
    const specials = datesIn(SPECIAL_DAYS)
    const theirs = new Set<string>()
    for (let date = '2011-01-01' as MarketDate; date < '2027'; date = addDays(date, 1)) {
      if (specials.has(date) || (!isWeekend(date) && !holidays.has(date))) theirs.add(date)
    }
    expect(differences(sessionDates(), theirs)).toEqual({})
  },
)

/** That list has these as ordinary days; they were an hour of muhurat, or an interrupted day. */
const ONLY_OUR_SPECIALS = [
  '2011-10-26', // muhurat
  '2012-11-13', // muhurat
  '2014-10-23', // muhurat
  '2015-11-11', // muhurat
  '2017-10-19', // muhurat
  '2018-11-07', // muhurat
  '2021-02-24', // NSE outage
  '2021-11-04', // muhurat
  '2022-10-24', // muhurat
]

test.skipIf(!existsSync(SPECIAL_DAYS))(
  `special sessions equal those of zero65 but for explained days (skipped without ${SPECIAL_DAYS})`,
  () => {
    const ours = [...sessionDates()].filter((date) => {
      const session = nse.sessionOn(date as MarketDate)
      return isSession(session) && session.note !== null
    })
    const theirs = datesIn(SPECIAL_DAYS)
    expect(ours.filter((date) => !theirs.has(date))).toEqual(ONLY_OUR_SPECIALS)
    expect([...theirs.difference(new Set(ours))]).toEqual([])
  },
)

const XNYS = `${DATA}/exchange_calendars/xnys.csv`
const nyse = loadCalendar('nyse')

/** `14:30-21:00`, in UTC: moments, so that the offset is compared too. */
function tradingTimes(calendar: Calendar, session: Session): string {
  const { fromMs, toMs } = calendar.tradingOf(session)
  return [fromMs, toMs].map((ms) => new Date(ms).toISOString().slice(11, 16)).join('-')
}

/** Unplanned: that list has the hours that the day was meant to have. The exchange's own list has these. */
const XNYS_DIFFERENCES: Record<string, string> = {
  '1990-12-27': '16:00-21:00 for 14:30-21:00', // electricity
  '1994-02-11': '14:30-19:30 for 14:30-21:00', // snow
  '1995-12-18': '15:30-21:00 for 14:30-21:00', // computers
  '1996-01-08': '16:00-19:00 for 14:30-21:00', // snow
  '1997-10-27': '14:30-20:30 for 14:30-21:00', // circuit breaker
  '2002-09-11': '16:00-20:00 for 13:30-20:00', // day of remembrance
  '2005-06-01': '13:30-19:56 for 13:30-20:00', // communications
}

test.skipIf(!existsSync(XNYS))(
  `sessions and hours 1990..2023-01 equal XNYS but for explained days (skipped without ${XNYS})`,
  () => {
    const theirs = new Map<string, string>()
    for (const line of readFileSync(XNYS, 'utf8').trim().split('\n').slice(1)) {
      const [date, open, close] = line.split(',') as [string, string, string]
      theirs.set(date.slice(0, 10), `${open.slice(11, 16)}-${close.slice(11, 16)}`)
    }
    expect(theirs.size).toBe(8324)
    const sessions = nyse.sessionsBetween('1990-01-01' as MarketDate, [...theirs.keys()].at(-1) as MarketDate)
    expect(sessions.map(({ date }) => date)).toEqual([...theirs.keys()])
    const different: Record<string, string> = {}
    for (const session of sessions) {
      const [own, other] = [tradingTimes(nyse, session), theirs.get(session.date)]
      if (own !== other) different[session.date] = `${own} for ${other}`
    }
    expect(different).toEqual(XNYS_DIFFERENCES)
  },
)

test.skipIf(!existsSync(XBOM))(
  `openings and closes of ordinary days 2011..2023 equal exchange_calendars XBOM (skipped without ${XBOM})`,
  () => {
    let dayCount = 0
    for (const line of readFileSync(XBOM, 'utf8').trim().split('\n').slice(1)) {
      const [date, open, close] = line.split(',') as [string, string, string]
      const session = nse.sessionOn(date.slice(0, 10) as MarketDate)
      if (date < '2011' || date >= '2023' || !isSession(session) || session.note !== null) continue
      expect(tradingTimes(nse, session), date).toBe(`${open.slice(11, 16)}-${close.slice(11, 16)}`)
      dayCount++
    }
    expect(dayCount).toBeGreaterThan(2_900)
  },
)

const US_DAILY = '../shared/data/us-daily'
/** First and last recorded session, and how many sessions between have no bar, with the reason. */
const US_DAILY_FILES: Record<string, readonly [from: string, to: string, missing: number]> = {
  aapl: ['1998-01-02', '2021-03-31', 0],
  aig: ['1998-01-02', '2021-03-31', 0],
  bac: ['1998-01-02', '2021-03-31', 0],
  // Hardly traded before the fund of today took the name in April 2003: days without a trade, no bar.
  eem: ['1998-01-06', '2021-03-31', 602],
  ibm: ['1998-01-02', '2021-03-31', 0],
  iwm: ['2000-05-26', '2021-03-31', 0],
  // It was QQQQ from 2004-12-01 to 2011-03-22, and this file has only QQQ.
  qqq: ['1999-03-10', '2021-03-31', 1588],
  spy: ['1998-01-02', '2021-03-31', 0],
}

/** From the first to the last missing date of a file. */
const US_DAILY_MISSING: Record<string, readonly [first: string, last: string]> = {
  eem: ['1998-01-07', '2003-08-15'],
  qqq: ['2004-12-01', '2011-03-22'],
}

test.skipIf(!existsSync(US_DAILY)).each(Object.entries(US_DAILY_FILES))(
  `each recorded daily bar is a session, each session has its bar: %s (skipped without ${US_DAILY})`,
  (name, [from, to, missingCount]) => {
    const text = gunzipSync(readFileSync(`${US_DAILY}/${name}.csv.gz`)).toString()
    const bars = text
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.slice(0, 10))
    expect([bars[0], bars.at(-1)]).toEqual([from, to])
    const sessions = nyse.sessionsBetween(from as MarketDate, to as MarketDate).map(({ date }) => date)
    expect([...new Set(bars).difference(new Set<string>(sessions))]).toEqual([])
    const missing = [...new Set<string>(sessions).difference(new Set(bars))]
    expect(missing).toHaveLength(missingCount)
    expect(missing.length === 0 ? undefined : [missing[0], missing.at(-1)]).toEqual(US_DAILY_MISSING[name])
  },
)
