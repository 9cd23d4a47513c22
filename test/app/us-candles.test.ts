import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Action, adjust } from '../../src/app/us-adjustment.ts'
import { type FoundSessions, queryUsCandles, type UsCandleWords } from '../../src/app/us-candles.ts'
import { loadConfig } from '../../src/config.ts'
import type { DailyCandle } from '../../src/domain/daily-candle.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import { writeUsLake } from './us-lake.ts'

const FEBRUARY = '2026-02-20T22:00:00Z'
/** After the split of March 2nd became known. */
const MARCH = '2026-03-06T22:00:00Z'

let dataDir: string
const warnings: string[] = []

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'us-candles-'))
  const symbol = 'ACME'
  const candles = [
    { symbol, date: '2026-02-18', close: 400, adjustedClose: 99, fetchedAt: FEBRUARY },
    { symbol, date: '2026-02-19', close: 400, adjustedClose: 99, fetchedAt: MARCH }, // was 404
    { symbol, date: '2026-02-20', close: 396, adjustedClose: 99, dividend: 4, fetchedAt: FEBRUARY },
    { symbol, date: '2026-02-27', close: 400, adjustedClose: 100, fetchedAt: MARCH },
    { symbol, date: '2026-03-02', close: 101, split: 4, fetchedAt: MARCH },
    { symbol, date: '2026-03-03', close: 102, fetchedAt: MARCH },
  ]
  await writeUsLake(dataDir, {
    candles,
    vintages: [{ symbol, date: '2026-02-19', close: 404, fetchedAt: FEBRUARY }],
    claims: [
      { symbol, date: '2026-02-20', kind: 'dividend', revision: 0, value: 4.04, fetchedAt: FEBRUARY },
      { symbol, date: '2026-02-20', kind: 'dividend', revision: 1, value: 4, fetchedAt: MARCH },
      { symbol, date: '2026-03-02', kind: 'split', revision: 0, value: 4, fetchedAt: MARCH },
      // A coefficient of a daily row, which the answers about splits have contradicted since.
      { symbol, date: '2026-02-20', kind: 'split', revision: 0, value: 2, fetchedAt: FEBRUARY, isTold: true },
    ],
    intraday: [
      { symbol, at: '2026-03-05T14:30:00Z', close: 100 },
      { symbol, at: '2026-03-06T14:30:00Z', close: 101 },
      { symbol, at: '2026-03-09T13:30:00Z', close: 102 }, // summer time
      { symbol, at: '2026-03-09T23:55:00Z', close: 103 }, // still the 9th in New York
    ],
  })
})

afterAll(() => rmSync(dataDir, { recursive: true }))

const log = { warn: (line: string): number => warnings.push(line) }

async function ask(words: Partial<UsCandleWords> = {}): ReturnType<typeof queryUsCandles> {
  return await queryUsCandles(
    { config: loadConfig({ file: undefined, dataDir }), log },
    { symbol: 'ACME', adjusted: false, ...words },
  )
}

async function sessions(words: Partial<UsCandleWords> = {}): Promise<FoundSessions> {
  const found = await ask(words)
  if (found.kind !== 'sessions') throw new Error('not sessions')
  return found
}

test('prices as traded stand beside those that compare, with what happened to the shares', async () => {
  const { rows, title, dates } = await sessions()
  expect(title).toBe('ACME 1d as traded')
  expect(rows.map(({ date, close, adjustedClose }) => [date, close, adjustedClose])).toEqual([
    ['2026-02-18', 400, 99],
    ['2026-02-19', 400, 99],
    ['2026-02-20', 396, 99],
    ['2026-02-27', 400, 100],
    ['2026-03-02', 101, 101],
    ['2026-03-03', 102, 102],
  ])
  expect(rows.filter(({ dividend, split }) => dividend !== 0 || split !== 1).map(({ date }) => date)).toEqual(
    ['2026-02-20', '2026-03-02'],
  )
  // The axis has the sessions that are missing, and no weekend.
  expect(dates).toHaveLength(10)
  expect(dates).toContain('2026-02-23')
  expect(dates).not.toContain('2026-02-21')
})

test('--adjusted brings all four prices to the scale of the close', async () => {
  const [row] = (await sessions({ adjusted: true, date: '2026-02-18' })).rows
  const factor = 99 / 400
  expect([row!.open, row!.high, row!.low, row!.close]).toEqual([
    399.99 * factor,
    400.01 * factor,
    399.98 * factor,
    99,
  ])
})

test('--as-of tells what was known that evening: prices, splits, dividends, and what follows', async () => {
  const { rows, title } = await sessions({ asOf: '2026-02-20' })
  expect(title).toBe('ACME 1d as traded, as known on 2026-02-20')
  const factor = 1 / 2 - 4.04 / 404
  expect(rows.map(({ date, close, adjustedClose, split }) => [date, close, adjustedClose, split])).toEqual([
    ['2026-02-18', 400, 400 * factor, 1],
    ['2026-02-19', 404, 404 * factor, 1],
    ['2026-02-20', 396, 396, 2],
  ])
  const later = await sessions({ asOf: '2026-03-06' })
  const now = await sessions()
  expect(later.rows.map(({ close }) => close)).toEqual(now.rows.map(({ close }) => close))
  for (const [n, { adjustedClose }] of later.rows.entries()) {
    expect(adjustedClose, later.rows[n]!.date).toBeCloseTo(now.rows[n]!.adjustedClose!, 9)
  }
})

test('the evening of --as-of ends at midnight in New York', async () => {
  // Fetched at 17:00 in New York on the 20th.
  expect((await sessions({ asOf: '2026-02-20' })).rows).toHaveLength(3)
  await expect(ask({ asOf: '2026-02-19' })).rejects.toThrow(
    'reading candles of ACME as known on 2026-02-19: nothing was known yet; ' +
      'what is held was fetched from 2026-02-20 on',
  )
})

test('weeks have the first open, the last close, and what happened in them', async () => {
  const { rows, dates, unit } = await sessions({ every: '1w' })
  expect(unit).toBe('week')
  expect(rows.map(({ date, open, close, volume, split }) => [date, open, close, volume, split])).toEqual([
    ['2026-02-16', 399.99, 396, 3000, 1],
    ['2026-02-23', 399.99, 400, 1000, 1],
    ['2026-03-02', 100.99, 102, 2000, 4],
  ])
  expect(dates).toEqual(['2026-02-16', '2026-02-23', '2026-03-02'])
})

test('candles of five minutes belong to the date that New York had', async () => {
  expect((await ask({ every: '5m' })).rows.map(({ close }) => close)).toEqual([102, 103])
  expect((await ask({ every: '5m', date: '2026-03-06' })).rows.map(({ close }) => close)).toEqual([101])
  expect((await ask({ every: '5m', from: '2026-03-05', to: '2026-03-06' })).rows).toHaveLength(2)
  await expect(ask({ every: '5m', date: '2026-03-10' })).rejects.toThrow(
    'there are none on 2026-03-10; held are 2026-03-05 to 2026-03-09',
  )
})

test.each<[Partial<UsCandleWords>, string, RegExp]>([
  [{ every: '7m' }, 'USAGE', /"7m" is no width.*1d, 1w, 5m/],
  [{ every: '5m', adjusted: true }, 'USAGE', /for sessions and weeks/],
  [{ date: '2026-02-30' }, 'USAGE', /is not a date/],
  [{ date: '2026-03-02', from: '2026-03-02' }, 'USAGE', /use it alone/],
  [{ from: '2026-03-02', to: '2026-03-01' }, 'USAGE', /earlier date first/],
  [{ asOf: 'yesterday' }, 'USAGE', /is not a date/],
  [{ date: '2026-02-21' }, 'NOT_FOUND', /closed \(weekend\); the next session is 2026-02-23/],
  [{ date: '2026-02-16' }, 'NOT_FOUND', /closed \(holiday\); the next session is 2026-02-17/],
  [{ date: '2026-02-23' }, 'NOT_FOUND', /none on 2026-02-23; held are 2026-02-18 to 2026-03-03/],
  [{ symbol: 'ACNE' }, 'NOT_FOUND', /candles of ACNE: none are held under .*check the symbol/],
  [{ symbol: "A' or 1=1 --" }, 'NOT_FOUND', /none are held/],
  [{ symbol: 'ACNE', every: '5m' }, 'NOT_FOUND', /none of 5 minutes are held.*chandler batch intraday/],
  [{ symbol: 'ACNE', asOf: '2026-03-06' }, 'NOT_FOUND', /none are held/],
])('what cannot be answered is told in one line: %j', async (words, code, message) => {
  const asked = ask(words)
  await expect(asked).rejects.toMatchObject({ code })
  await expect(asked).rejects.toThrow(message)
})

test('without any history, the line says how it is fetched', async () => {
  const config = loadConfig({ file: undefined, dataDir: join(dataDir, 'none') })
  const asked = queryUsCandles({ config, log }, { symbol: 'ACME', adjusted: false })
  await expect(asked).rejects.toThrow(/no history of the market us under .*chandler backfill/)
})

test('a date that the calendar cannot vouch for is warned about', async () => {
  warnings.length = 0
  await ask({ to: '2029-01-02', from: '2026-01-02' })
  expect(warnings).toEqual([expect.stringMatching(/nyse.*cannot vouch for 2029-01-02/)])
})

function dailyRow(date: string, close: number): DailyCandle {
  const rest = { volume: 1, adjustedClose: null, dividend: 0, split: 1, source: 'x' }
  const ms = Date.parse(date) as UnixMs
  const at = { date: date as MarketDate, timestampMs: ms, fetchedAtMs: ms }
  return { symbol: 'X', ...at, open: close, high: close, low: close, close, ...rest }
}

test('an adjusted return is the return of a holder: price, split and dividend, whatever comes when', () => {
  const action = fc.record({
    at: fc.integer({ min: 1, max: 29 }),
    kind: fc.constantFrom<Action['kind']>('split', 'dividend'),
    value: fc.constantFrom(0.1, 0.5, 2, 4),
  })
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 5, max: 500, noNaN: true }), { minLength: 30, maxLength: 30 }),
      fc.uniqueArray(action, { maxLength: 8, selector: ({ at }) => at }),
      (closes, actions) => {
        const dates = closes.map((_, n) => new Date(Date.UTC(2026, 0, 1 + n)).toISOString().slice(0, 10))
        const rows = closes.map((close, n) => dailyRow(dates[n]!, close))
        const told = actions.map(({ at, kind, value }) => ({ date: dates[at] as MarketDate, kind, value }))
        const adjusted = adjust(rows, told)
        expect(adjusted.at(-1)!.adjustedClose).toBe(closes.at(-1))
        for (let n = 1; n < rows.length; n++) {
          const { split, dividend, close } = adjusted[n]!
          // Old shares were worth that much of a new one, less what was paid out of them.
          const worth = closes[n - 1]! / split - dividend
          const expected = close / (worth > 0 ? worth : closes[n - 1]! / split)
          expect(adjusted[n]!.adjustedClose! / adjusted[n - 1]!.adjustedClose!).toBeCloseTo(expected, 9)
        }
      },
    ),
    { numRuns: 50 },
  )
})

const US_DAILY = '../shared/data/us-daily'

test.skipIf(!existsSync(US_DAILY)).each(['aapl', 'aig', 'bac', 'ibm', 'iwm', 'spy'])(
  `23 years adjusted by us agree with the recorded factors: %s (skipped without ${US_DAILY})`,
  (name) => {
    const lines = gunzipSync(readFileSync(`${US_DAILY}/${name}.csv.gz`))
      .toString()
      .trim()
      .split('\n')
    const rows = lines.slice(1).map((line) => {
      const cells = line.split(',')
      return dailyRow(cells[0]!, Number(cells[4]))
    })
    const factors = readFileSync(`${US_DAILY}/${name}-factors.csv`, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => {
        const [day, price, split] = line.split(',')
        const date = day!.replace(/(\d{4})(\d\d)(\d\d)/, '$1-$2-$3')
        return { date, price: Number(price), split: Number(split) }
      })
    const factorOn = (date: string): { price: number; split: number } =>
      factors.find((row) => date <= row.date) ?? { price: 1, split: 1 }
    const actions = rows.slice(1).flatMap((row, n): Action[] => {
      const [old, own] = [factorOn(rows[n]!.date), factorOn(row.date)]
      const dividend = rows[n]!.close * (1 - old.price / own.price)
      const split = own.split / old.split
      return [
        ...(Math.abs(dividend) > 1e-9
          ? [{ date: row.date, kind: 'dividend' as const, value: dividend }]
          : []),
        ...(Math.abs(split - 1) > 1e-9 ? [{ date: row.date, kind: 'split' as const, value: split }] : []),
      ]
    })
    expect(actions.length).toBeGreaterThan(4)
    const last = factorOn(rows.at(-1)!.date)
    let worst = 0
    for (const row of adjust(rows, actions)) {
      const factor = factorOn(row.date)
      const expected = (row.close * factor.price * factor.split) / (last.price * last.split)
      worst = Math.max(worst, Math.abs(row.adjustedClose! / expected - 1))
    }
    expect(worst).toBeLessThan(1e-9)
  },
)
