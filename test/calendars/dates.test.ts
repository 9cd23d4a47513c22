import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addDays, isMarketDate, isUsSummer, timeOfDayMs, weekdayOf } from '../../src/calendars/dates.ts'
import type { MarketDate } from '../../src/domain/time.ts'

const dates = fc
  .date({ min: new Date('1900-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10) as MarketDate)

test('adding days and taking them away again gives the same date, and weekdays follow', () => {
  fc.assert(
    fc.property(dates, fc.integer({ min: -5000, max: 5000 }), (date, dayCount) => {
      const moved = addDays(date, dayCount)
      expect(isMarketDate(moved)).toBe(true)
      expect(addDays(moved, -dayCount)).toBe(date)
      expect((weekdayOf(date) + dayCount + 7000) % 7).toBe(weekdayOf(moved))
      expect(weekdayOf(date)).toBe(new Date(`${date}T00:00:00Z`).getUTCDay())
    }),
  )
})

test('only days that exist are dates', () => {
  expect(['2024-02-29', '2026-12-31'].every(isMarketDate)).toBe(true)
  const none = ['2026-02-29', '2026-13-01', '2026-00-10', '26-01-01', '2026-1-1', '2026-01-01T00', '']
  expect(none.filter(isMarketDate)).toEqual([])
})

test('a time of day is HH:MM up to 24:00', () => {
  expect(timeOfDayMs('09:15')).toBe(33_300_000)
  expect(timeOfDayMs('24:00')).toBe(86_400_000)
  expect(['24:01', '9:15', '09:60', '', '09:15:00'].map(timeOfDayMs)).toEqual([null, null, null, null, null])
})

test('New York summer agrees with the zone data of this Node, 2007 to 2040', () => {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', timeZoneName: 'short' })
  for (let date = '2007-01-01' as MarketDate; date < '2041'; date = addDays(date, 1)) {
    expect(isUsSummer(date), date).toBe(format.format(new Date(`${date}T17:00:00Z`)).endsWith('EDT'))
  }
})
