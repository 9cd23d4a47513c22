import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Candle } from '../../src/domain/candle.ts'
import type { UnixMs } from '../../src/domain/time.ts'
import { cleanText, visibleWidth } from '../../src/terminal/line.ts'
import {
  CANDLE_COLUMN_NAMES,
  candlesToCsv,
  candlesToJson,
  renderCandleTable,
  renderTable,
} from '../../src/terminal/table.ts'
import { candle, INDIA_MS } from './samples.ts'

const SOME = [
  candle(0, [1432.5, 1434, 1431.05, 1433]),
  candle(1, [1433, 1433, 1430, 1430.5], { complete: false }),
  candle(2, [1430.5, 1431, 1430, 1431], { source: 'vendor', revision: 1, vwap: null, volume: null }),
]

test('a table of candles says once what all share, and marks what is not complete', () => {
  expect(`\n${renderCandleTable(SOME, INDIA_MS)}\n`).toMatchInlineSnapshot(`
    "
    RELIANCE  2026-07-01  UTC+05:30
    time       open      high       low     close  volume      vwap  ticks
    ─────  ────────  ────────  ────────  ────────  ──────  ────────  ─────  ──
    09:15  1,432.50  1,434.00  1,431.05  1,433.00   1,000  1,432.53     42
    09:16  1,433.00  1,433.00  1,430.00  1,430.50   1,100  1,431.50     42  !
    09:17  1,430.50  1,431.00  1,430.00  1,431.00       –         –     42  vr
    3 candles   ! 1 incomplete   v 1 vendor   r 1 revised
    "
  `)
})

test('two symbols on two dates have columns of their own', () => {
  const table = renderCandleTable([SOME[0]!, candle(1_440, [1, 2, 1, 2], { symbol: 'TCS' })], INDIA_MS)
  expect(table).toMatch(/TCS +2026-07-02 +09:15/)
})

test('prices keep as many digits as they need', () => {
  expect(renderCandleTable([candle(0, [84.0025, 84.01, 84, 84.005])], INDIA_MS)).toContain('84.0025')
})

test('CSV has the columns of the contract, in its order', () => {
  const [header, first] = candlesToCsv(SOME).split('\n')
  expect(header).toBe(
    'symbol,exchange,token,timestamp,open,high,low,close,volume,vwap,tick_count,day_high,day_low,' +
      'first_tick_at,last_tick_at,complete,source,revision',
  )
  expect(first).toBe(
    'RELIANCE,NSE,2885,2026-07-01T03:45:00.000Z,1432.5,1434,1431.05,1433,1000,1432.525,42,1434,1431.05,' +
      '2026-07-01T03:45:01.000Z,2026-07-01T03:45:58.000Z,true,ticks,0',
  )
  expect(candlesToCsv([])).toBe(header)
})

const anyCandle: fc.Arbitrary<Candle> = fc
  .record({
    symbol: fc.string({ unit: 'binary', minLength: 1 }),
    token: fc.string({ unit: 'grapheme-ascii' }),
    open: fc.double({ noNaN: true, noDefaultInfinity: true }),
    close: fc.double({ noNaN: true, noDefaultInfinity: true }),
    volume: fc.option(fc.nat()),
    vwap: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
    timestampMs: fc.nat({ max: 4e12 }).map((time) => time as UnixMs),
    complete: fc.boolean(),
  })
  .map((changes) => candle(0, [1, 2, 1, 2], changes))

test('CSV parses back to the same values', () => {
  fc.assert(
    fc.property(fc.array(anyCandle, { maxLength: 10 }), (candles) => {
      const rows: Record<string, string>[] = parse(candlesToCsv(candles), { columns: true })
      expect(rows).toHaveLength(candles.length)
      rows.forEach((row, at) => {
        const wanted = candles[at]!
        expect(Object.keys(row)).toEqual([...CANDLE_COLUMN_NAMES])
        expect(row.symbol).toBe(cleanText(wanted.symbol))
        expect(row.token).toBe(wanted.token)
        expect(Date.parse(row.timestamp!)).toBe(wanted.timestampMs)
        // Adding 0 makes the one double that text does not tell apart, minus zero, a zero.
        expect(Number(row.open) + 0).toBe(wanted.open + 0)
        expect(Number(row.close) + 0).toBe(wanted.close + 0)
        expect(row.volume === '' ? null : Number(row.volume)).toBe(wanted.volume)
        expect(row.vwap === '').toBe(wanted.vwap === null)
        expect(row.complete).toBe(String(wanted.complete))
      })
    }),
  )
})

test('JSON keeps every value and still holds no character that a terminal obeys', () => {
  const hostile = 'A\u001b[2J\u009b31m\u0007\u202eB'
  const json = candlesToJson([candle(0, [1, 2, 1, 2], { symbol: hostile, volume: null })])
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is the promise
  expect(json.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/)
  const [row] = JSON.parse(json)
  expect(Object.keys(row)).toEqual([...CANDLE_COLUMN_NAMES])
  expect(row).toMatchObject({ symbol: hostile, volume: null, timestamp: '2026-07-01T03:45:00.000Z' })
  expect(JSON.parse(candlesToJson([]))).toEqual([])
})

test('a table cut to a width is never wider, and its cells pass no control character', () => {
  const column = fc.record({
    title: fc.constantFrom('a', 'name', 'volume'),
    align: fc.constantFrom('left', 'right'),
  })
  fc.assert(
    fc.property(
      fc.array(column as fc.Arbitrary<{ title: string; align: 'left' | 'right' }>, {
        minLength: 1,
        maxLength: 5,
      }),
      fc.array(fc.array(fc.string({ unit: 'binary' }), { maxLength: 6 }), { maxLength: 5 }),
      fc.integer({ min: 1, max: 60 }),
      (columns, rows, widthColumns) => {
        const lines = renderTable(columns, rows, { widthColumns }).split('\n')
        expect(lines).toHaveLength(rows.length + 2)
        for (const line of lines) {
          expect(visibleWidth(line)).toBeLessThanOrEqual(widthColumns)
          // biome-ignore lint/suspicious/noControlCharactersInRegex: that is the promise
          expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
        }
      },
    ),
  )
})
