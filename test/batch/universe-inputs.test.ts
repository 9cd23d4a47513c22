import { expect, test } from 'vitest'
import { type EstimateInput, estimateOf, estimateText } from '../../src/batch/estimate.ts'
import { parseSymbolList, parseSymbols } from '../../src/batch/symbols-file.ts'

test('the symbols file is read in its order, with a byte order mark and CRLF too', () => {
  expect(parseSymbols('symbol\nBRK-B\nNA\nAAPL\n', 'f')).toEqual(['BRK-B', 'NA', 'AAPL'])
  expect(parseSymbols('\uFEFFsymbol\r\nNAN\r\n\r\nTRUE\r\n', 'f')).toEqual(['NAN', 'TRUE'])
})

test.each([
  ['', 'f:1: the header is not "symbol"'],
  ['AAPL\nMSFT\n', 'f:1: the header is not "symbol"'],
  ['symbol\n', 'f: no symbol below the header'],
  ['symbol\nAAPL\naapl\n', 'f:3: "aapl" is not a symbol'],
  ['symbol\nAAPL,NYSE\n', 'f:2: 2 fields for 1 column'],
  ['symbol\nA\nB\nA\n', 'f:4: A stands in line 2 already'],
  ['symbol\n../../x\n', 'f:2: "../../x" is not a symbol'],
  ['symbol\n-P-HIZ\n', 'f:2: "-P-HIZ" is not a symbol'],
  ['symbol\n"A\n', 'f:2: not CSV'],
])('a malformed symbols file is one clear line: %j', (text, complaint) => {
  expect(() => parseSymbols(text, 'f')).toThrow(complaint)
})

test('symbols of the command line are checked alike', () => {
  expect(parseSymbolList('AAPL, BRK-B,AAPL')).toEqual(['AAPL', 'BRK-B'])
  expect(() => parseSymbolList('AAPL,,MSFT')).toThrow('the symbol is empty')
  expect(() => parseSymbolList('aapl')).toThrow('"aapl" is not a symbol')
})

const PREMIUM: EstimateInput = {
  symbolCount: 8_400,
  requestCount: 8_400,
  callsPerMinute: 75,
  callsPerDay: 1_000_000,
  intervalMs: 0,
  leftToday: 1_000_000,
}

test('the estimate is honest: days where the day is the limit, hours where the minute is', () => {
  expect(estimateText(estimateOf(PREMIUM))).toBe('8,400 symbols, 8,400 requests at 75 a minute: 1 h 52 min')
  const free = { ...PREMIUM, callsPerMinute: 5, callsPerDay: 25, intervalMs: 1_200, leftToday: 25 }
  expect(estimateText(estimateOf(free))).toBe(
    '8,400 symbols, 8,400 requests at 25 a day: 336 days; at 75 a minute (a premium key): 1 h 52 min',
  )
  const fallback = { ...free, symbolCount: 10, requestCount: 30, leftToday: 5 }
  expect(estimateText(estimateOf(fallback))).toMatch(/^10 symbols, 30 requests at 25 a day: 2 days; at 75 /)
  expect(estimateOf({ ...fallback, leftToday: 0 }).dayCount).toBe(2)
  expect(estimateText(estimateOf({ ...free, symbolCount: 1, requestCount: 1 }))).toBe(
    '1 symbol, 1 request at 5 a minute: 12 s',
  )
  expect(estimateText(estimateOf({ ...free, requestCount: 0 }))).toBe('8,400 symbols: nothing to ask')
})

test('the smallest time between two requests counts where it is the tighter limit', () => {
  const paced = { ...PREMIUM, intervalMs: 1_200 }
  expect(estimateText(estimateOf(paced))).toBe('8,400 symbols, 8,400 requests at 50 a minute: 2 h 48 min')
})

test('a day ends when it is over, however many permits are left', () => {
  const slow = { ...PREMIUM, callsPerMinute: 1, requestCount: 3_000 }
  expect(estimateOf(slow).dayCount).toBe(3)
})
