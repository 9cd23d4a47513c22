import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { expect, test } from 'vitest'
import type { UnixMs } from '../../src/domain/time.ts'
import { Zone } from '../../src/platform/zone.ts'

const NEW_YORK = new Zone('America/New_York')
const KOLKATA = new Zone('Asia/Kolkata')

test('the open of New York lies at another hour of UTC after each change of daylight saving time', () => {
  const opens = ['2026-03-06', '2026-03-09', '2026-10-30', '2026-11-02'].map((date) =>
    new Date(NEW_YORK.utcOf(`${date} 09:30`)!).toISOString(),
  )
  expect(opens.map((text) => text.slice(11, 16))).toEqual(['14:30', '13:30', '13:30', '14:30'])
})

test('an hour that was skipped is no time, and of a repeated hour the first is meant', () => {
  expect(NEW_YORK.utcOf('2026-03-08 02:30:00')).toBeNull()
  expect(new Date(NEW_YORK.utcOf('2026-11-01 01:30:00')!).toISOString()).toBe('2026-11-01T05:30:00.000Z')
})

test('what is no time is null', () => {
  for (const text of [
    '',
    'null',
    '2026-02-30',
    '2026-01-05 24:00',
    '2026-1-5',
    '2026-01-05 10:61',
    '20260105',
  ]) {
    expect(NEW_YORK.utcOf(text), text).toBeNull()
  }
})

test('every moment of fifty years has the wall time that Temporal gives it, and comes back', () => {
  const moments = fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2040, 0) })
  fc.assert(
    fc.property(moments, fc.constantFrom(NEW_YORK, KOLKATA), (ms, zone) => {
      const atMs = (ms - (ms % 1_000)) as UnixMs
      const wall = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(zone.name)
      expect(zone.wallOf(atMs).slice(0, 19)).toBe(wall.toPlainDateTime().toString({ smallestUnit: 'second' }))
      const back = zone.utcOf(zone.wallOf(atMs).slice(0, 19))!
      expect(back === atMs || back === atMs - 3_600_000).toBe(true)
    }),
    { numRuns: 500 },
  )
})
