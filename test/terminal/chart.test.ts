import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Candle } from '../../src/domain/candle.ts'
import { HOUR_MS, type UnixMs } from '../../src/domain/time.ts'
import { type ChartOptions, renderCandlestickChart } from '../../src/terminal/chart.ts'
import { stripInk, visibleWidth } from '../../src/terminal/line.ts'
import { after, candle, INDIA_MS, OPEN_MS } from './samples.ts'

const OPTIONS: ChartOptions = {
  widthColumns: 60,
  heightRows: 16,
  color: false,
  unicode: true,
  utcOffsetMs: INDIA_MS,
  title: 'RELIANCE',
  priceDigits: 2,
}

/** The lines of the price panel, without title, axis and everything below it. */
function pricesOf(chart: string): string[] {
  const lines = chart.split('\n').map(stripInk)
  const ruler = lines.findIndex((line) => /^[─┴]+┘$/.test(line))
  const axisColumn = lines[ruler]!.indexOf('┘')
  return lines.slice(1, ruler - 1).map((line) => line.slice(0, axisColumn))
}

/** No volume: the chart then is prices only. */
const SILENT = { volume: null }

const FIVE = [
  candle(0, [100, 104, 99, 103]),
  candle(1, [103, 103, 100, 101], { complete: false }),
  candle(3, [101, 105, 101, 105], { source: 'vendor' }),
  candle(4, [105, 105, 102, 102]),
]

test('a small day looks like this', () => {
  expect(`\n${renderCandlestickChart(FIVE, OPTIONS)}\n`).toMatchInlineSnapshot(`
    "
    RELIANCE                    2026-07-01 09:15–09:20 UTC+05:30
                 ┃  ▐█▌ ┤ 105.00
     │           ┃  ▐█▌ │
     ┃  ▐█▌      ┃  ▐█▌ │
     ┃  ▐█▌      ┃  ▝▀▘ ◂ 102.00
     ┃  ▐█▌      ┃      │
     ┃   │              ┤ 100.00
     │                  │
         !   ·   v      │
    ▃▃▃ ▅▅▅     ▇▇▇ ███ ┤   1400
    ███ ███     ███ ███ │
    ─────┴───────┴──────┘
       09:16   09:18
    ┃█ 2 complete   ! 1 incomplete   v 1 vendor   · 1 missing
    each column is 1 minute
    O 100.00  H 105.00  L 99.00  C 102.00 +2.00 %  V 4,800
    "
  `)
})

test('in color the bodies are blocks and each kind of candle has its own color', () => {
  const chart = renderCandlestickChart(FIVE, { ...OPTIONS, color: true })
  expect(`\n${stripInk(chart)}\n`).toMatchInlineSnapshot(`
    "
    RELIANCE                    2026-07-01 09:15–09:20 UTC+05:30
                ▐█▌ ▐█▌ ┤ 105.00
     │          ▐█▌ ▐█▌ │
    ▐█▌ ▐█▌     ▐█▌ ▐█▌ │
    ▐█▌ ▐█▌     ▐█▌ ▝▀▘ ◂ 102.00
    ▐█▌ ▐█▌     ▐█▌     │
    ▐█▌  │              ┤ 100.00
     │                  │
         !   ·   v      │
    ▃▃▃ ▅▅▅     ▇▇▇ ███ ┤   1400
    ███ ███     ███ ███ │
    ─────┴───────┴──────┘
       09:16   09:18
    ┃┃ 2 complete   ! 1 incomplete   v 1 vendor   · 1 missing
    each column is 1 minute
    O 100.00  H 105.00  L 99.00  C 102.00 +2.00 %  V 4,800
    "
  `)
  expect(chart).toContain('\u001b[32m▐█▌') // up, complete
  expect(chart).toContain('\u001b[2;31m▐█▌') // down, incomplete
  expect(chart).toContain('\u001b[36m▐█▌') // up, vendor
})

test('without unicode every character is ASCII', () => {
  const chart = renderCandlestickChart(FIVE, { ...OPTIONS, unicode: false, title: 'RELIANCE' })
  expect(`\n${chart}\n`).toMatchInlineSnapshot(`
    "
    RELIANCE                    2026-07-01 09:15-09:20 UTC+05:30
                 O   #  + 105.00
     |           O   #  |
     O   #       O   #  |
     O   #       O   #  < 102.00
     O   #       O      |
     O   |              + 100.00
     |                  |
         !   .   v      |
    ::: ===     ### ### +   1400
    ### ###     ### ### |
    -----+-------+------+
       09:16   09:18
    O# 2 complete   ! 1 incomplete   v 1 vendor   . 1 missing
    each column is 1 minute
    O 100.00  H 105.00  L 99.00  C 102.00 +2.00 %  V 4,800
    "
  `)
  expect([...chart].every((character) => character.charCodeAt(0) < 128)).toBe(true)
})

test('more minutes than columns: several share a column, and the chart says so', () => {
  const day = Array.from({ length: 375 }, (_, at) => candle(at, [100 + at / 100, 102 + at / 100, 99, 100]))
  const chart = renderCandlestickChart(day, OPTIONS)
  expect(chart).toContain('each column joins 8 minutes')
  expect(chart).toContain('375 complete')
})

test('a minute without a candle keeps its place and stays empty', () => {
  const chart = renderCandlestickChart(
    [candle(0, [1, 2, 1, 2], SILENT), candle(9, [2, 3, 2, 3], SILENT)],
    OPTIONS,
  )
  for (const row of pricesOf(chart)) expect(row.slice(3, 36).trim()).toBe('')
  expect(chart).toContain('8 missing')
})

test('with the session given, silence before the first candle and after the last one is shown too', () => {
  const intervals = [{ fromMs: OPEN_MS, toMs: after(20) }]
  const chart = renderCandlestickChart([candle(5, [1, 2, 1, 2])], { ...OPTIONS, intervals })
  expect(chart).toContain('19 missing')
  expect(chart).toContain('09:15–09:35')
})

test('the night between two dates is nobody’s missing minute', () => {
  const chart = renderCandlestickChart([candle(0, [1, 2, 1, 2]), candle(1_440, [2, 3, 2, 3])], OPTIONS)
  expect(chart).toContain('0 missing')
  expect(chart).toContain('07-02')
})

test('candles that are not drawn are counted', () => {
  const intervals = [{ fromMs: OPEN_MS, toMs: after(2) }]
  const chart = renderCandlestickChart([candle(0, [1, 2, 1, 2]), candle(9, [2, 3, 2, 3])], {
    ...OPTIONS,
    widthColumns: 100,
    intervals,
  })
  expect(chart).toContain('1 not shown')
})

test('no candle is a sentence, not an empty picture', () => {
  expect(renderCandlestickChart([], OPTIONS)).toBe('RELIANCE\nno candle in this range')
})

test('a price that never moved is one row', () => {
  const flat = Array.from({ length: 10 }, (_, at) => candle(at, [50, 50, 50, 50], { volume: null }))
  const rows = pricesOf(renderCandlestickChart(flat, OPTIONS))
  expect(rows.filter((row) => row.trim() !== '')).toHaveLength(1)
})

const price = fc.oneof(
  fc.integer({ min: 1, max: 200_000 }).map((paise) => paise / 100),
  fc.double(),
  fc.constantFrom(0, 100, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE),
)
const anyCandle: fc.Arbitrary<Candle> = fc
  .record({
    minute: fc.oneof(fc.nat(400), fc.integer({ min: -1e6, max: 1e6 }), fc.double()),
    prices: fc.tuple(price, price, price, price),
    volume: fc.oneof(fc.constant(null), fc.nat(), fc.double()),
    complete: fc.boolean(),
    source: fc.constantFrom('ticks' as const, 'vendor' as const),
  })
  .map(({ minute, prices, ...rest }) => candle(minute, prices, rest))

const anyOptions: fc.Arbitrary<ChartOptions> = fc.record({
  widthColumns: fc.integer({ min: 1, max: 120 }),
  heightRows: fc.integer({ min: 0, max: 40 }),
  color: fc.boolean(),
  unicode: fc.boolean(),
  utcOffsetMs: fc.constantFrom(0, INDIA_MS, -4 * HOUR_MS),
  title: fc.string({ unit: 'binary' }),
  priceDigits: fc.integer({ min: 0, max: 7 }),
  minutesPerCandle: fc.constantFrom(1, 5, 60),
})

test('whatever the candles hold, the chart fits the screen and passes no control character', () => {
  fc.assert(
    fc.property(fc.array(anyCandle, { maxLength: 30 }), anyOptions, (candles, options) => {
      const lines = renderCandlestickChart(candles, options).split('\n')
      expect(lines.length).toBeLessThanOrEqual(Math.max(12, options.heightRows))
      for (const line of lines) {
        expect(visibleWidth(line)).toBeLessThanOrEqual(options.widthColumns)
        // biome-ignore lint/suspicious/noControlCharactersInRegex: that is the promise
        expect(stripInk(line)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
      }
    }),
    { numRuns: 300 },
  )
})

test('the highest high touches the top row and the lowest low the bottom row', () => {
  const four = fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 4, maxLength: 4 })
  fc.assert(
    fc.property(fc.array(four, { minLength: 1, maxLength: 40 }), (rows) => {
      fc.pre(Math.max(...rows.flat()) > Math.min(...rows.flat()))
      const candles = rows.map((row, minute) => {
        const [low, open, close, high] = [...row].sort((a, b) => a - b) as [number, number, number, number]
        return candle(minute, [open, high, low, close], SILENT)
      })
      const prices = pricesOf(renderCandlestickChart(candles, OPTIONS))
      expect(prices[0]!.trim()).not.toBe('')
      expect(prices.at(-1)!.trim()).not.toBe('')
    }),
    { numRuns: 100 },
  )
})

const SPY = '../shared/data/us-trades-2013-10/spy-20131007-minute-bars.csv'

test.skipIf(!existsSync(SPY))(`a real day of SPY is drawn in full (skipped where ${SPY} is absent)`, () => {
  const midnightMs = Date.UTC(2013, 9, 7, 4)
  const candles = readFileSync(SPY, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',').map(Number) as [number, number, number, number, number, number])
    .filter(([start]) => start >= 9.5 * HOUR_MS && start < 16 * HOUR_MS)
    .map(([start, open, high, low, close, volume]) =>
      candle(0, [open, high, low, close], { timestampMs: (midnightMs + start) as UnixMs, volume }),
    )
  const chart = renderCandlestickChart(candles, {
    ...OPTIONS,
    utcOffsetMs: -4 * HOUR_MS,
    widthColumns: 80,
    heightRows: 24,
    title: 'SPY',
  })
  expect(chart.split('\n')).toHaveLength(24)
  expect(chart).toContain('2013-10-07 09:30–16:00 UTC-04:00')
  expect(chart).toContain('390 complete')
  expect(chart).toContain('H 168.45  L 167.25')
})
