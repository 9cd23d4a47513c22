/** Does the venue hold for any text and any series, not only for those that we thought of? */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BATCH_FUNCTIONS, type BatchWish, type DailyBar } from '../../src/domain/batch.ts'
import { DAY_MS, type MarketDate } from '../../src/domain/time.ts'
import { alphavantage } from '../../src/venues/alphavantage/index.ts'
import {
  ADJUSTED_CSV,
  DAILY_CSV,
  DIVIDENDS_CSV,
  dailyJson,
  INTRADAY_CSV,
  KEY,
  LISTING_CSV,
  read,
  SPLITS_CSV,
  wishFor,
} from './alphavantage-samples.ts'

const SAMPLES = [ADJUSTED_CSV, DAILY_CSV, INTRADAY_CSV, SPLITS_CSV, DIVIDENDS_CSV, LISTING_CSV, dailyJson()]

/** A good answer with a piece cut out and another text put in: nearer to the truth than chance ever comes. */
const damaged = fc
  .tuple(fc.constantFrom(...SAMPLES), fc.nat(600), fc.nat(40), fc.string({ maxLength: 8, unit: 'binary' }))
  .map(([body, at, length, put]) => body.slice(0, at) + put + body.slice(at + length))

const texts = fc.oneof(
  { arbitrary: damaged, weight: 6 },
  fc.string({ unit: 'binary' }),
  fc.json(),
  fc.constantFrom('\ufeff', '{', '"', ',,,\n,,,', 'timestamp', '{"__proto__":{"a":1}}', '{"data":[null]}'),
)

const wishes: fc.Arbitrary<BatchWish> = fc
  .tuple(fc.constantFrom(...BATCH_FUNCTIONS), fc.constantFrom('csv' as const, 'json' as const))
  .map(([name, format]) => wishFor(name, 'IBM', format))

test('no text at all makes the venue throw, and every refusal is one line', () => {
  fc.assert(
    fc.property(
      wishes,
      texts,
      fc.constantFrom(200, 200, 200, 0, 302, 403, 429, 500),
      (wish, body, status) => {
        const answers = [
          alphavantage.judge(wish, { status, headers: {}, body }, KEY),
          alphavantage.readDaily(wish, body),
          alphavantage.readIntraday(wish, body),
          alphavantage.readSplits(wish, body),
          alphavantage.readDividends(wish, body),
          alphavantage.readListing(wish, body),
        ]
        for (const answer of answers) {
          if (answer.ok) continue
          expect(answer.refusal.message).toMatch(/^[^\n\r]{1,200}$/)
        }
      },
    ),
    { numRuns: 1_500 },
  )
})

const price = fc.integer({ min: 1, max: 9_999_999 }).map((tenthousandths) => tenthousandths / 10_000)

const bars: fc.Arbitrary<readonly DailyBar[]> = fc
  .uniqueArray(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 40 })
  .chain((days) =>
    fc.tuple(
      ...days
        .toSorted((left, right) => left - right)
        .map((day) =>
          fc.record({
            date: fc.constant(new Date(day * DAY_MS).toISOString().slice(0, 10) as MarketDate),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: fc.nat(2_000_000_000),
            adjustedClose: fc.double({ min: 1e-9, max: 1e6, noNaN: true }),
            dividend: fc.constantFrom(0, 0.25, 1.69),
            split: fc.constantFrom(1, 2, 1.046, 0.1),
          }),
        ),
    ),
  )

function cellsOf(bar: DailyBar): readonly string[] {
  const { open, high, low, close, volume, adjustedClose, dividend, split } = bar
  return [open, high, low, close, adjustedClose, volume, dividend, split].map(String)
}

const JSON_KEYS = [
  '1. open',
  '2. high',
  '3. low',
  '4. close',
  '5. adjusted close',
  '6. volume',
  '7. dividend amount',
  '8. split coefficient',
]

test('a series that is written as CSV or JSON, in any order, reads back equal', () => {
  const header = ADJUSTED_CSV.slice(0, ADJUSTED_CSV.indexOf('\n'))
  fc.assert(
    fc.property(bars, fc.boolean(), fc.constantFrom('\n', '\r\n'), (series, isReversed, lineEnd) => {
      const rows = isReversed ? series.toReversed() : series.toSorted((left, right) => left.open - right.open)
      const csv = [header, ...rows.map((bar) => [bar.date, ...cellsOf(bar)].join(','))].join(lineEnd)
      const told = rows.map((bar) => [
        bar.date,
        Object.fromEntries(cellsOf(bar).map((cell, at) => [JSON_KEYS[at], cell])),
      ])
      const json = JSON.stringify({
        'Meta Data': { '2. Symbol': 'IBM' },
        'Time Series (Daily)': Object.fromEntries(told),
      })
      const wish = wishFor('TIME_SERIES_DAILY_ADJUSTED')
      expect(read(alphavantage.readDaily(wish, csv)).bars).toEqual(series)
      expect(read(alphavantage.readDaily({ ...wish, format: 'json' }, json)).bars).toEqual(series)
    }),
    { numRuns: 120 },
  )
})

test('a decimal of any length is read as the number that it names', () => {
  const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(digits, digits, (whole, fraction) => {
      const body = `timestamp,open,high,low,close,volume\n2026-01-05,${whole}.${fraction},1,1,1,${whole}\n`
      const bar = read(alphavantage.readDaily(wishFor('TIME_SERIES_DAILY'), body)).bars[0]
      expect([bar?.open, bar?.volume]).toEqual([Number(`${whole}.${fraction}`), Number(whole)])
    }),
    { numRuns: 500 },
  )
})
