import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { MarketDate } from '../../src/domain/time.ts'
import { Records } from '../../src/gates/records.ts'

const dates = Array.from(
  { length: 12 },
  (_, at) => new Date(Date.UTC(2026, 0, 1 + at)).toISOString().slice(0, 10) as MarketDate,
)
const NAMES = ['A', 'B']

/** What a record is, said in the plainest way: the sessions next to each other around the first accepted. */
function expected(accepted: readonly number[]): readonly [number, number] | null {
  const [first] = accepted
  if (first === undefined) return null
  let [since, until] = [first, first]
  while (accepted.includes(since - 1)) since--
  while (accepted.includes(until + 1)) until++
  return [since, until]
}

const history = fc.array(
  fc.record({ at: fc.nat(dates.length - 1), names: fc.subarray(NAMES, { minLength: 1 }) }),
  { maxLength: 40 },
)

test('a record is what lies without a gap around its first session, in whatever order sessions came', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const records = new Records()
      const accepted = new Map<string, number[]>()
      for (const { at, names } of steps) {
        records.accept(dates[at]!, dates[at - 1] ?? null, names)
        for (const name of names) accepted.set(name, [...(accepted.get(name) ?? []), at])
        for (const [name, { since, until }] of records.runs()) {
          const span = [dates.indexOf(since), dates.indexOf(until)]
          expect(span).toEqual(expected(accepted.get(name)!))
        }
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a symbol that rested once does not make every later session dearer', () => {
  const records = new Records()
  const names = Array.from({ length: 500 }, (_, at) => `S${at}`)
  const days = Array.from({ length: 2_000 }, (_, at) => new Date(at * 86_400_000).toISOString().slice(0, 10))
  for (const [at, day] of days.entries()) {
    const here = at === 1 ? names.slice(1) : names
    records.accept(day as MarketDate, (days[at - 1] ?? null) as MarketDate | null, here)
  }
  const runs = new Map(records.runs())
  expect(runs.get('S0')).toMatchObject({ since: days[0], until: days[0], waiting: { length: 1 } })
  expect(runs.get('S1')).toMatchObject({ since: days[0], until: days.at(-1) })
  records.accept(days[1] as MarketDate, days[0] as MarketDate, ['S0'])
  expect(new Map(records.runs()).get('S0')).toMatchObject({ until: days.at(-1), waiting: null })
})
