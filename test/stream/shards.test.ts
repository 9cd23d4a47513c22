import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planShards } from '../../src/stream/shards.ts'
import { instrumentsOf, LIMITS } from '../support/stream-kit.ts'

const countsOf = (shards: readonly number[]): number[] => {
  const counts: number[] = []
  for (const shard of shards) counts[shard] = (counts[shard] ?? 0) + 1
  return counts
}

test('as few sockets as possible, none over its limit, filled evenly', () => {
  fc.assert(
    fc.property(fc.nat({ max: 300 }), (count) => {
      const limits = { socketsMax: 3, instrumentsPerSocketMax: 100 }
      const counts = countsOf(planShards(instrumentsOf(count), limits, 'plain'))
      expect(counts.length).toBe(Math.ceil(count / 100))
      expect(counts.reduce((sum, size) => sum + size, 0)).toBe(count)
      if (count === 0) return
      expect(Math.max(...counts)).toBeLessThanOrEqual(100)
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
    }),
  )
})

test('the plan follows the symbols, whatever the order of the list', () => {
  const instruments = instrumentsOf(2_500)
  const bySymbol = new Map(
    planShards(instruments, LIMITS, 'plain').map((s, i) => [instruments[i]!.symbol, s]),
  )
  const turned = instruments.toReversed()
  planShards(turned, LIMITS, 'plain').forEach((shard, index) => {
    expect(shard).toBe(bySymbol.get(turned[index]!.symbol))
  })
  expect(bySymbol.get('S0000')).toBe(0)
  expect(bySymbol.get('S2499')).toBe(2)
})

test('more instruments than capacity is refused with the numbers', () => {
  expect(() => planShards(instrumentsOf(3_007), LIMITS, 'plain')).toThrow(
    expect.objectContaining({
      code: 'CAPACITY_EXCEEDED',
      message: expect.stringMatching(/3007 instruments.*at most 3000.*3 sockets of 1000.*take 7 off/),
    }),
  )
  expect(planShards(instrumentsOf(3_000), LIMITS, 'plain')).toHaveLength(3_000)
})
