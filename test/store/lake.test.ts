import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OperatingError } from '../../src/domain/error.ts'
import { type MarketDate, type Minute, minuteOf } from '../../src/domain/time.ts'
import {
  checkedDate,
  dateOfFolder,
  hhmmOf,
  hhmmOfName,
  journalDir,
  type LakeDay,
  manifestPath,
  pathOf,
  tempDir,
} from '../../src/store/lake.ts'
import { DAY, OPEN_MS } from './tables.ts'

const IST_MS = 19_800_000

test('every file lies where the contract says', () => {
  expect(pathOf({ kind: 'part', day: DAY, hhmm: '0915' })).toBe(
    'staging/in/candles/date=2026-07-01/0915.parquet',
  )
  expect(pathOf({ kind: 'day', day: DAY })).toBe(
    'analytics/in/candles/frequency=1m/date=2026-07-01/candles.parquet',
  )
  expect(pathOf({ kind: 'momentum', day: DAY, hhmm: '1529' })).toBe(
    'staging/in/momentum/date=2026-07-01/1529.parquet',
  )
  expect(pathOf({ kind: 'report', day: DAY })).toBe('analytics/in/reports/date=2026-07-01/settle.json')
  expect(journalDir(DAY)).toBe('raw/in/journal/2026-07-01')
})

test('nothing but candles and momentum is met by a glob for Parquet', () => {
  for (const path of [manifestPath(DAY), tempDir('in')]) {
    expect(path).not.toMatch(/\.parquet$|^(staging|analytics)\//)
  }
})

test('a part is named by the wall clock of its market', () => {
  expect(hhmmOf(minuteOf(OPEN_MS), IST_MS)).toBe('0915')
  expect(hhmmOf(minuteOf(OPEN_MS), 0)).toBe('0345')
  expect(hhmmOf(minuteOf(OPEN_MS), -14_400_000)).toBe('2345')
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 40_000_000 }), (minute) => {
      const wall = new Date(minute * 60_000 + IST_MS).toISOString()
      expect(hhmmOf(minute as Minute, IST_MS)).toBe(wall.slice(11, 13) + wall.slice(14, 16))
    }),
  )
})

test('no text leads out of its folder: a date is a date and a market is a market', () => {
  const dates = ['../../etc', '2026-07-01/..', '2026-13-01', '2026-02-30', '20260701', '', '2026-07-01\n']
  for (const date of dates) {
    expect(() => pathOf({ kind: 'day', day: { market: 'in', date: date as MarketDate } }), date).toThrow(
      OperatingError,
    )
  }
  for (const market of ['..', 'IN', 'in/x', '', 'a', '.']) {
    expect(() => tempDir(market), market).toThrow(OperatingError)
  }
  for (const hhmm of ['../x', '2400', '0960', '915', '']) {
    expect(() => pathOf({ kind: 'part', day: DAY, hhmm }), hhmm).toThrow(/not a minute/)
  }
  fc.assert(
    fc.property(fc.string(), fc.string(), (market, date) => {
      let path: string
      try {
        path = pathOf({ kind: 'day', day: { market, date } as LakeDay })
      } catch (error) {
        expect(error).toBeInstanceOf(OperatingError)
        return
      }
      expect(path).toMatch(
        /^analytics\/[a-z]{2,8}\/candles\/frequency=1m\/date=\d{4}-\d\d-\d\d\/candles\.parquet$/,
      )
    }),
  )
})

test('only names of the lake are read back as parts and dates', () => {
  expect(hhmmOfName('0915.parquet')).toBe('0915')
  expect(['0915.parquet.tmp', '.0915.parquet', 'a0915.parquet', '0915.json'].map(hhmmOfName)).toEqual([
    null,
    null,
    null,
    null,
  ])
  expect(dateOfFolder('date=2026-07-01')).toBe('2026-07-01')
  expect(['date=x', '2026-07-01', 'date=2026-07-01.old'].map(dateOfFolder)).toEqual([null, null, null])
  expect(checkedDate('2024-02-29')).toBe('2024-02-29')
})
