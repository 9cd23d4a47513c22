/** Three plain ratios a candle, from the session so far and nothing else. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addMomentum, growMomentum, type MomentumState, startMomentum } from '../../src/candles/momentum.ts'
import { allocateCandles, type CandleColumns } from '../../src/domain/candle.ts'

type Row = { readonly index: number; readonly close: number } & Partial<{
  readonly volume: number
  readonly vwap: number
  readonly high: number
  readonly dayHigh: number
}>

function minuteOf(timestampMs: number, rows: readonly Row[]): CandleColumns {
  const columns = allocateCandles(rows.length)
  for (const [row, { index, close, volume, vwap, high, dayHigh }] of rows.entries()) {
    columns.instrument[row] = index
    columns.timestampMs[row] = timestampMs
    columns.close[row] = close
    columns.high[row] = high ?? close
    columns.dayHigh[row] = dayHigh ?? high ?? close
    columns.volume[row] = volume ?? Number.NaN
    columns.vwap[row] = vwap ?? (volume === undefined || volume === 0 ? Number.NaN : close)
  }
  return columns
}

test('the distance is that of the close from the volume-weighted price of the session so far', () => {
  const state = startMomentum(1)
  const first = addMomentum(state, minuteOf(0, [{ index: 0, close: 100, volume: 30, vwap: 90 }]), 0)
  const second = addMomentum(state, minuteOf(60_000, [{ index: 0, close: 120, volume: 10, vwap: 110 }]), 1)
  expect(first.vwapDistance[0]).toBeCloseTo(100 / 90 - 1, 12)
  expect(second.vwapDistance[0]).toBeCloseTo(120 / 95 - 1, 12)
})

test('nearness to the high counts every high of the day, also one that no candle shows', () => {
  const state = startMomentum(1)
  const near = (row: Row): number => addMomentum(state, minuteOf(0, [row]), 0).highProximity[0]!
  expect(near({ index: 0, close: 100, high: 110 })).toBeCloseTo(100 / 110, 12)
  expect(near({ index: 0, close: 100, dayHigh: 125 })).toBeCloseTo(100 / 125, 12)
  expect(near({ index: 0, close: 125 })).toBe(1)
  expect(near({ index: 0, close: 100 })).toBeCloseTo(100 / 125, 12)
})

test('volume is held against the average minute before, and silent minutes count', () => {
  const state = startMomentum(1)
  const relative = (volume: number, minutesBefore: number): number =>
    addMomentum(state, minuteOf(0, [{ index: 0, close: 100, volume }]), minutesBefore).relativeVolume[0]!
  expect(relative(60, 0)).toBeNaN()
  expect(relative(60, 1)).toBe(1)
  // Two minutes of trading and two silent ones before: 30 a minute.
  expect(relative(90, 4)).toBe(3)
})

test('where nothing can be said, nothing is said', () => {
  const { vwapDistance, highProximity, relativeVolume } = addMomentum(
    startMomentum(2),
    minuteOf(0, [
      { index: 0, close: 100 },
      { index: 1, close: 100, volume: 0 },
    ]),
    7,
  )
  expect([...vwapDistance]).toEqual([Number.NaN, Number.NaN])
  expect([...relativeVolume]).toEqual([Number.NaN, Number.NaN])
  expect([...highProximity]).toEqual([1, 1])
})

test('the signals stand row by row beside the candles and share no memory with them', () => {
  const candles = minuteOf(120_000, [
    { index: 2, close: 100, volume: 1 },
    { index: 0, close: 50, volume: 1 },
  ])
  const signals = addMomentum(startMomentum(3), candles, 2)
  expect(signals.rowCount).toBe(2)
  expect([...signals.instrument]).toEqual([2, 0])
  expect([...signals.timestampMs]).toEqual([120_000, 120_000])
  expect(signals.instrument.buffer).not.toBe(candles.instrument.buffer)
  expect(signals.timestampMs.buffer).not.toBe(candles.timestampMs.buffer)
})

const row: fc.Arbitrary<Row> = fc.record({
  index: fc.integer({ min: 0, max: 3 }),
  close: fc.integer({ min: 1, max: 1_000 }),
  volume: fc.integer({ min: 0, max: 1_000 }),
  vwap: fc.integer({ min: 1, max: 1_000 }),
})

test('instruments do not meet: each has the signals that it would have alone, however the list grows', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 60 }), (rows) => {
      let together: MomentumState = startMomentum(0)
      const alone = [0, 1, 2, 3].map(() => startMomentum(1))
      for (const [minute, one] of rows.entries()) {
        if (together.high.length <= one.index) together = growMomentum(together, one.index + 1)
        const ours = addMomentum(together, minuteOf(minute, [one]), minute)
        const its = addMomentum(alone[one.index]!, minuteOf(minute, [{ ...one, index: 0 }]), minute)
        expect([ours.vwapDistance, ours.highProximity, ours.relativeVolume]).toEqual([
          its.vwapDistance,
          its.highProximity,
          its.relativeVolume,
        ])
      }
    }),
    { numRuns: 100 },
  )
})
