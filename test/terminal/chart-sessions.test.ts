import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Interval } from '../../src/domain/session.ts'
import { DAY_MS, type UnixMs } from '../../src/domain/time.ts'
import { type ChartOptions, renderCandlestickChart } from '../../src/terminal/chart.ts'
import { type ChartAction, splitText } from '../../src/terminal/chart-actions.ts'
import type { ChartCandle } from '../../src/terminal/chart-columns.ts'
import { dateLabelTicks } from '../../src/terminal/chart-dates.ts'
import { stripInk, visibleWidth } from '../../src/terminal/line.ts'

const at = (date: string): UnixMs => Date.parse(date) as UnixMs
const dayOf = (date: string): Interval => ({ fromMs: at(date), toMs: (at(date) + DAY_MS) as UnixMs })

function session(date: string, [open, high, low, close]: readonly number[]): ChartCandle {
  return { timestampMs: at(date), open: open!, high: high!, low: low!, close: close!, volume: 1_000 }
}

const OPTIONS: ChartOptions = {
  widthColumns: 60,
  heightRows: 16,
  color: false,
  unicode: true,
  utcOffsetMs: 0,
  zoneText: 'New York',
  title: 'ACME 1d as traded',
  priceDigits: 2,
  calendarUnit: 'session',
}

const CANDLES = [
  session('2026-02-26', [396, 404, 392, 400]),
  session('2026-02-27', [400, 408, 400, 404]),
  session('2026-03-03', [101, 103, 99, 100]),
  session('2026-03-04', [100, 105, 100, 104]),
]
const ACTIONS: readonly ChartAction[] = [
  { atMs: at('2026-02-27'), split: null, dividend: 0.25 },
  { atMs: at('2026-03-03'), split: 4, dividend: null },
  { atMs: at('2026-06-01'), split: 2, dividend: null },
]
const DATES = ['2026-02-26', '2026-02-27', '2026-03-02', '2026-03-03', '2026-03-04']

test('a missing session keeps its place, and a step that no trade made is explained', () => {
  const chart = renderCandlestickChart(CANDLES, {
    ...OPTIONS,
    intervals: DATES.map(dayOf),
    actions: ACTIONS,
  })
  expect(`\n${chart}\n`).toMatchInlineSnapshot(`
    "
    ACME 1d as traded           2026-02-26 – 2026-03-04 New York
     ╹   ╹              ┤ 400.00
                        │
                        │
                        │
                        ┤ 200.00
                ▗▄▖  ╻  ◂ 104.00
         D   ·   S      │
    ███ ███     ███ ███ ┤   1000
    ███ ███     ███ ███ │
    ─────┴───────┴──────┘
       02-27   03-03
    ┃█ 4 sessions   S 1 split   D 1 dividend   · 1 missing
    each column is 1 session
    S 2026-03-03 4:1   D 2026-02-27 0.25
    O 396.00  H 408.00  L 99.00  C 104.00 −73.74 %  V 4,000
    "
  `)
})

test('in ASCII the marks are still there', () => {
  const options = {
    ...OPTIONS,
    unicode: false,
    intervals: DATES.map(dayOf),
    actions: ACTIONS,
  }
  const lines = renderCandlestickChart(CANDLES, options).split('\n')
  expect(lines.some((line) => /D\s+\.\s*S/.test(line))).toBe(true)
  expect(lines.join('\n')).toMatch(/S 2026-03-03 4:1/)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what is asserted is that there are none.
  expect(lines.join('\n')).toMatch(/^[\u0000-\u007f]*$/)
})

test('weeks are called weeks, and what happened within the last one is marked', () => {
  const mondays = ['2026-02-23', '2026-03-02']
  const candles = mondays.map((date) => session(date, [100, 110, 90, 105]))
  const options = {
    ...OPTIONS,
    calendarUnit: 'week' as const,
    intervals: mondays.map(dayOf),
    actions: ACTIONS,
  }
  const chart = renderCandlestickChart(candles, options)
  expect(chart).toMatch(/2 weeks {3}S 1 split {3}D 1 dividend/)
  expect(chart).toMatch(/S 2026-03-03 4:1 {3}D 2026-02-27 0.25/)
})

test('more actions than fit are counted', () => {
  const dates = Array.from({ length: 60 }, (_, n) =>
    new Date(Date.UTC(2020, n, 15)).toISOString().slice(0, 10),
  )
  const candles = dates.map((date) => session(date, [100, 110, 90, 105]))
  const actions = dates.map((date) => ({ atMs: at(date), split: null, dividend: 0.1 }))
  const chart = renderCandlestickChart(candles, { ...OPTIONS, intervals: dates.map(dayOf), actions })
  expect(chart).toMatch(/D 60 dividends/)
  expect(chart).toMatch(/D 2020-01-15 0.1 {3}D .* and 55 more|and \d+ more/)
})

test.each([
  [4, '4:1'],
  [1.5, '1.5:1'],
  [0.1, '1:10'],
  [1 / 3, '1:3'],
  [1.0481, '1.0481:1'],
])('a split factor of %d is told as %s', (factor, text) => {
  expect(splitText(factor)).toBe(text)
})

function ticks(dates: readonly string[], stepColumns: number): string {
  const positions = dates.map((_, n) => n * stepColumns)
  const labels = dateLabelTicks({ startsMs: dates.map(at), positions, utcOffsetMs: 0 })
  return labels
    .filter(({ rank }) => rank === 1)
    .map(({ text }) => text)
    .join(' ')
}

function days(from: string, count: number, step = 1): string[] {
  return Array.from({ length: count }, (_, n) =>
    new Date(at(from) + n * step * DAY_MS).toISOString().slice(0, 10),
  )
}

test('dates are labelled as densely as they can be read: days, months, years', () => {
  expect(ticks(days('2026-03-02', 4), 10)).toBe('03-03 03-04 03-05')
  expect(ticks(days('2025-11-03', 60, 4), 1)).toBe('2026-01 2026-04')
  expect(ticks(days('2020-01-01', 80, 30), 1)).toMatch(/^2021 2022 2023/)
  expect(ticks([], 1)).toBe('')
})

const numbers = fc.oneof(fc.double(), fc.integer({ min: 1, max: 1000 }))
const candles = fc.array(
  fc.record({
    timestampMs: fc.integer({ min: 0, max: 400 }).map((n) => (at('2025-06-02') + n * DAY_MS) as UnixMs),
    open: numbers,
    high: numbers,
    low: numbers,
    close: numbers,
    volume: fc.option(fc.nat()),
  }),
  { maxLength: 60 },
)
const actions = fc.array(
  fc.record({
    atMs: fc.integer({ min: 0, max: 400 }).map((n) => at('2025-06-02') + n * DAY_MS),
    split: fc.option(fc.double({ min: 1e-3, max: 1e3, noNaN: true })),
    dividend: fc.option(fc.double({ min: 0, max: 1e3, noNaN: true })),
  }),
  { maxLength: 30 },
)

test('no chart of sessions throws or is wider than the terminal, whatever it is given', () => {
  fc.assert(
    fc.property(
      candles,
      actions,
      fc.constantFrom<'session' | 'week'>('session', 'week'),
      fc.integer({ min: 1, max: 140 }),
      fc.boolean(),
      (drawn, told, calendarUnit, widthColumns, unicode) => {
        const intervals = days('2025-06-02', 401).map(dayOf)
        const options = { ...OPTIONS, calendarUnit, widthColumns, unicode, intervals, actions: told }
        for (const line of renderCandlestickChart(drawn, options).split('\n')) {
          expect(visibleWidth(stripInk(line))).toBeLessThanOrEqual(widthColumns)
        }
      },
    ),
    { numRuns: 60 },
  )
})
