import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isSession, loadCalendar } from '../../src/calendars/calendar.ts'
import type { MarketDate } from '../../src/domain/time.ts'
import { distanceOf, judgeSync, type MarketEpoch } from '../../src/gates/sync-gate.ts'

const NSE = loadCalendar('nse')
const NYSE = loadCalendar('nyse')

function india(session: string | null): MarketEpoch {
  return {
    market: 'in',
    session: session as MarketDate | null,
    isSession: (date) => isSession(NSE.sessionOn(date)),
  }
}
function us(session: string | null): MarketEpoch {
  return {
    market: 'us',
    session: session as MarketDate | null,
    isSession: (date) => isSession(NYSE.sessionOn(date)),
  }
}

test.each([
  ['the same date', '2026-07-01', '2026-07-01', 0],
  ['neighbours in the week', '2026-07-01', '2026-06-30', 1],
  ['Friday and Monday', '2026-06-15', '2026-06-12', 1],
  ['Thursday and Monday', '2026-06-15', '2026-06-11', 2],
  // Diwali 2026-11-10 is a holiday in India, Thanksgiving 2026-11-26 in the US, 4 July is kept on the 3rd.
  ['over a holiday of India alone', '2026-11-09', '2026-11-11', 1],
  ['over a holiday of the US alone', '2026-11-27', '2026-11-25', 1],
  ['a holiday of the US and a weekend', '2026-07-06', '2026-07-02', 1],
  ['a week', '2026-06-15', '2026-06-22', 4],
])('%s: India %s and the US %s are %i apart', (_name, inDate, usDate, expected) => {
  expect(distanceOf(india(inDate), us(usDate))).toBe(expected)
  expect(distanceOf(us(usDate), india(inDate))).toBe(expected)
})

test('apart beyond one is a warning, a refusal only where a dependency is declared', () => {
  expect(judgeSync(us('2026-06-15'), india('2026-06-12'), true).verdict).toBe('pass')
  expect(judgeSync(us('2026-06-15'), india('2026-06-11'), false)).toMatchObject({
    verdict: 'review',
    distance: 2,
  })
  expect(judgeSync(us('2026-06-15'), india('2026-06-11'), true).verdict).toBe('fail')
  expect(judgeSync(us('2026-06-15'), india(null), false)).toMatchObject({ verdict: 'wait', distance: null })
})

const dates = fc.integer({ min: 0, max: 900 }).map((day) => {
  return new Date(Date.UTC(2024, 0, 2 + day)).toISOString().slice(0, 10)
})

test('two markets that each stand on their last session of the same day never alarm, on any day', () => {
  fc.assert(
    fc.property(dates, (date) => {
      const own = NYSE.previousSession(date as MarketDate).date
      const other = NSE.previousSession(date as MarketDate).date
      expect(distanceOf(us(own), india(other))).toBe(0)
    }),
    { numRuns: 300 },
  )
})

test('the distance never exceeds the sessions that either market could have taken', () => {
  fc.assert(
    fc.property(dates, dates, (a, b) => {
      const [from, to] = [a, b].toSorted() as [MarketDate, MarketDate]
      const distance = distanceOf(us(a), india(b))!
      expect(distance).toBeLessThanOrEqual(NYSE.sessionsAhead(from, to))
      expect(distance).toBeLessThanOrEqual(NSE.sessionsAhead(from, to))
    }),
    { numRuns: 100 },
  )
})
