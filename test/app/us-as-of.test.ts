import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { readSessions, readSessionsAsOf } from '../../src/app/us-history.ts'
import type { DailyCandle } from '../../src/domain/daily-candle.ts'
import type { MarketDate } from '../../src/domain/time.ts'
import { type Bar, NEW_YORK, newYork, RawLake } from '../curation/raw-lake.ts'

const SYMBOL = 'ACME'
const DATES = ['2026-03-02', '2026-03-03', '2026-03-04', '2026-03-05', '2026-03-06', '2026-03-09'] as const

let lake: RawLake | null = null
afterEach(() => {
  lake?.remove()
  lake = null
})

/** What the vendor says on the evening of one date: of all sessions up to it, and of what happened. */
type Evening = {
  readonly closes: readonly number[]
  /** By index of the date; null: the vendor was not asked that evening. */
  readonly splits: readonly (readonly [number, number])[] | null
  readonly dividends: readonly (readonly [number, number])[] | null
}

function bar(date: string, close: number): Bar {
  return [date, close, close + 1, close - 1, close, 1_000]
}

/** Prices and what makes them comparable; without what a reader's choice of a date does not change. */
function told(rows: readonly DailyCandle[]): unknown[] {
  return rows.map(({ date, close, adjustedClose, dividend, split }) => {
    return [date, close, Number(adjustedClose!.toPrecision(12)), dividend, split]
  })
}

async function live(evenings: readonly Evening[]): Promise<unknown[][]> {
  lake = new RawLake()
  const query = { dataDir: lake.dataDir, market: 'us' as const, symbol: SYMBOL, zone: NEW_YORK }
  const seen: unknown[][] = []
  const dated = (rows: readonly (readonly [number, number])[]): [string, number][] =>
    rows.map(([at, value]) => [DATES[at]!, value])
  for (const [n, { closes, splits, dividends }] of evenings.entries()) {
    const date = DATES[n]!
    lake.daily(
      SYMBOL,
      `${date} 17:00`,
      closes.slice(0, n + 1).map((close, at) => bar(DATES[at]!, close)),
    )
    if (splits !== null) lake.splits(SYMBOL, `${date} 17:01`, dated(splits))
    if (dividends !== null) lake.dividends(SYMBOL, `${date} 17:02`, dated(dividends))
    await lake.curate()
    seen.push(told(await readSessions(query)))
  }
  for (const [n, expected] of seen.entries()) {
    const midnightMs = NEW_YORK.utcOf(`${DATES[n]} 23:59`)!
    expect(told(await readSessionsAsOf(query, midnightMs)), `as of ${DATES[n] as MarketDate}`).toEqual(
      expected,
    )
  }
  return seen
}

test('what was known on a date is what was read on its evening, whatever came since', async () => {
  const closes = [400, 404, 396, 101, 102, 103]
  const seen = await live([
    { closes, splits: [], dividends: [] },
    { closes: [401, 404], splits: null, dividends: null }, // the first close is restated
    { closes: [401, 404, 396], splits: null, dividends: [[1, 2]] },
    { closes: [401, 404, 396, 101], splits: [[3, 4]], dividends: null },
    { closes: [401, 404, 396, 101, 102], splits: null, dividends: [[1, 2.5]] }, // the dividend is restated
    { closes, splits: null, dividends: null }, // the first close as it was once
  ])
  expect(seen[0]).toEqual([['2026-03-02', 400, 400, 0, 1]])
  expect(seen[5]![0]).toEqual([
    '2026-03-02',
    400,
    Number(((400 * (1 - 2.5 / 400)) / 4).toPrecision(12)),
    0,
    1,
  ])
  // A moment within the evening: the bars had come, the split had not.
  const query = { dataDir: lake!.dataDir, market: 'us' as const, symbol: SYMBOL, zone: NEW_YORK }
  const between = await readSessionsAsOf(query, newYork('2026-03-05 17:01'))
  expect(between.map(({ split }) => split)).toEqual([1, 1, 1, 1])
  expect(between).toHaveLength(4)
})

test('coefficients of daily rows count until a dedicated answer covers the date, then as now', async () => {
  lake = new RawLake()
  const query = { dataDir: lake.dataDir, market: 'us' as const, symbol: SYMBOL, zone: NEW_YORK }
  const seen: unknown[][] = []
  for (const [n, date] of DATES.entries()) {
    const bars = DATES.slice(0, n + 1).map((of, at): Bar => {
      const [adjusted, dividend, split] = [100 + at, at === 1 ? 2 : 0, at === 3 ? 2 : 1]
      return [of, 100 + at, 101 + at, 99 + at, 100 + at, 1_000, adjusted, dividend, split]
    })
    lake.adjusted(SYMBOL, `${date} 17:00`, bars)
    if (n === 2) lake.dividends(SYMBOL, `${date} 17:01`, [[DATES[1], 2.5]])
    // It knows of no split of the fourth date.
    if (n === 4) lake.splits(SYMBOL, `${date} 17:02`, [[DATES[2], 3]])
    await lake.curate()
    seen.push(told(await readSessions(query)))
  }
  expect(seen.map((rows) => (rows.at(-1) as unknown[])[4])).toEqual([1, 1, 1, 2, 1, 1])
  for (const [n, expected] of seen.entries()) {
    const known = await readSessionsAsOf(query, NEW_YORK.utcOf(`${DATES[n]} 23:59`)!)
    expect(told(known), `as of ${DATES[n]}`).toEqual(expected)
  }
})

const actions = fc.option(
  fc.uniqueArray(
    fc.tuple(
      fc.nat(4).map((n) => n + 1),
      fc.constantFrom(0.5, 2, 3),
    ),
    {
      maxLength: 2,
      selector: ([at]) => at,
    },
  ),
)
const evening = fc.record({
  closes: fc.array(fc.integer({ min: 50, max: 55 }), { minLength: 6, maxLength: 6 }),
  splits: actions,
  dividends: actions,
})

test('whatever the vendor restates, no later evening changes what was known on an earlier one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(evening, { minLength: 3, maxLength: 3 }), async (evenings) => {
      await live(evenings)
      lake?.remove()
    }),
    { numRuns: 2 },
  )
}, 60_000)
