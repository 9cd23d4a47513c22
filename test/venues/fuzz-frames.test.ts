import { expect, test } from 'vitest'
import { fuzzFrames } from './fuzz-frames.ts'

test('100,000 damaged packets are judged as the layout says, and none reads beyond its ends', () => {
  const report = fuzzFrames(100_000, 20_241_220)
  // Damage that never led to one of the outcomes would have tested nothing of it.
  for (const outcome of ['accepted', 'length', 'exchange', 'range', 'no_price']) {
    expect(report.outcomes[outcome], outcome).toBeGreaterThan(1_000)
  }
})

test('a seed names its damage: the same again gives the same results', () => {
  expect(fuzzFrames(2_000, 7)).toEqual(fuzzFrames(2_000, 7))
  expect(fuzzFrames(2_000, 8).digest).not.toBe(fuzzFrames(2_000, 7).digest)
})
