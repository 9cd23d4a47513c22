import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Answer } from '../../src/domain/venue.ts'
import { smartapi } from '../../src/venues/smartapi/index.ts'
import { DATA_ABSENT, DATA_DIR, needsData, reply } from './samples.ts'

function ok(data: unknown): ReturnType<typeof reply> {
  return reply({ status: true, message: 'SUCCESS', errorcode: '', data })
}

function understood<Value>(answer: Answer<Value>): Value {
  if (!answer.ok) throw new Error(`refused: ${answer.refusal.message}`)
  return answer.value
}

function kindOf(answer: Answer<unknown>): string {
  return answer.ok ? 'read' : answer.refusal.kind
}

function recorded(id: string): ReturnType<typeof reply> {
  const { bodies } = JSON.parse(readFileSync(join(DATA_DIR, 'rest_bodies.json'), 'utf8'))
  const found = bodies.find((body: { readonly id: string }) => body.id === id)
  return reply(found.body, found.http)
}

test.skipIf(DATA_ABSENT)(`recorded logins give their three tokens${needsData}`, () => {
  for (const id of ['login_ok', 'generate_tokens_ok']) {
    const tokens = understood(smartapi.parseTokens(recorded(id)))
    const revealed = [tokens.jwt, tokens.refresh, tokens.feed].map((secret) => secret.reveal())
    expect(revealed.every((text) => text.startsWith('eyJhbGciOiJIUzUxMiJ9.'))).toBe(true)
    expect(new Set(revealed).size).toBe(3)
  }
})

test.skipIf(DATA_ABSENT)(`recorded candles are read in rupees and start at their stamp${needsData}`, () => {
  expect(understood(smartapi.parseHistory(recorded('candles_index_1h')))).toEqual([
    {
      timestampMs: Date.parse('2023-09-06T05:45:00Z'),
      open: 19571.2,
      high: 19573.35,
      low: 19534.4,
      close: 19552.05,
      volume: 0,
    },
  ])
  const candles = understood(smartapi.parseHistory(recorded('candles_10m')))
  expect(candles.map((candle) => new Date(candle.timestampMs).toISOString())).toEqual([
    '2021-05-14T04:15:00.000Z',
    '2021-05-14T04:25:00.000Z',
  ])
  expect(candles.map((candle) => candle.open)).toEqual([1390, 1391.25])
  expect(candles.map((candle) => candle.volume)).toEqual([173826, 248194])
})

test.skipIf(DATA_ABSENT)(`an answer to another question is not taken for candles${needsData}`, () => {
  expect(kindOf(smartapi.parseHistory(recorded('oi_data')))).toBe('not_understood')
  expect(kindOf(smartapi.parseHistory(recorded('login_ok')))).toBe('not_understood')
  expect(kindOf(smartapi.parseQuotes(recorded('candles_10m')))).toBe('not_understood')
  expect(kindOf(smartapi.parseTokens(recorded('candles_10m')))).toBe('not_understood')
})

test('a login counts only with all three tokens, each fit for a header', () => {
  const good = { jwtToken: 'Bearer abc', refreshToken: 'def', feedToken: 'ghi' }
  expect(understood(smartapi.parseTokens(ok(good))).jwt.reveal()).toBe('abc')
  for (const bad of [null, undefined, '', 7, 'a\r\nX-Evil: 1', 'a b', 'é']) {
    for (const name of Object.keys(good)) {
      expect(kindOf(smartapi.parseTokens(ok({ ...good, [name]: bad })))).toBe('not_understood')
    }
  }
  for (const data of [null, '', [], 'tokens']) {
    expect(kindOf(smartapi.parseTokens(ok(data)))).toBe('not_understood')
  }
})

const ROW: readonly unknown[] = ['2026-11-20T09:15:00+05:30', 100.5, 101, 99.95, 100, 1_234]

test('no candles are no candles, however the vendor says so', () => {
  expect(understood(smartapi.parseHistory(ok([])))).toEqual([])
  expect(understood(smartapi.parseHistory(ok(null)))).toEqual([])
})

test('one malformed candle makes the answer not understood, because half a history looks whole', () => {
  const stamps = [
    '2026-11-20 09:15',
    '2026-11-20T09:15:00',
    '2026-11-20T09:15:00Z',
    '2026-11-20T09:15:01+05:30',
    '2026-11-31T09:15:00+05:30',
    '2026-02-29T09:15:00+05:30',
    '2026-11-20T24:00:00+05:30',
    '0026-11-20T09:15:00+05:30',
    1_700_000_000,
    null,
  ]
  const bad: unknown[] = [
    null,
    {},
    [],
    ROW.slice(0, 5),
    ...stamps.map((stamp) => [stamp, ...ROW.slice(1)]),
    ...[0, -1, '100', null, Number.NaN].flatMap((price) => [1, 2, 3, 4].map((at) => ROW.with(at, price))),
    ...[-1, 1.5, '7', null, 2 ** 53].map((volume) => ROW.with(5, volume)),
  ]
  for (const row of bad) expect(kindOf(smartapi.parseHistory(ok([ROW, row])))).toBe('not_understood')
})

test('candles come in order of time, each minute once, and contradictions are not understood', () => {
  const second = ROW.with(0, '2026-11-20T09:16:00+05:30')
  const candles = understood(smartapi.parseHistory(ok([second, ROW, second])))
  expect(candles.map((candle) => new Date(candle.timestampMs).toISOString().slice(11, 16))).toEqual([
    '03:45',
    '03:46',
  ])
  expect(kindOf(smartapi.parseHistory(ok([ROW, ROW.with(5, 1_235)])))).toBe('not_understood')
})

const QUOTE = {
  exchange: 'NSE',
  tradingSymbol: 'ZOMATO-EQ',
  symbolToken: '5097',
  ltp: 290,
  open: 290,
  high: 290.5,
  low: 289.5,
  close: 288.15,
  tradeVolume: 132_803,
  exchFeedTime: '20-Dec-2024 09:12:54',
  exchTradeTime: '20-Dec-2024 09:07:58',
}

test('a quote is read with Indian times and prices in rupees', () => {
  expect(understood(smartapi.parseQuotes(ok({ fetched: [QUOTE], unfetched: [] })))).toEqual([
    {
      exchange: 'NSE',
      token: '5097',
      price: 290,
      dayVolume: 132_803,
      dayHigh: 290.5,
      dayLow: 289.5,
      exchangeMs: Date.parse('2024-12-20T03:42:54Z'),
      tradeMs: Date.parse('2024-12-20T03:37:58Z'),
    },
  ])
})

test('an index, which is not traded, has no volume and its feed time as the time of its price', () => {
  const index = { ...QUOTE, symbolToken: '99926000', tradeVolume: null, exchTradeTime: '' }
  const [quote] = understood(smartapi.parseQuotes(ok({ fetched: [index] })))
  expect([quote?.dayVolume, quote?.tradeMs]).toEqual([0, quote?.exchangeMs])
})

test('a quote without a price or a time is left out, and costs the others nothing', () => {
  const useless = [
    { ltp: 0 },
    { ltp: -1 },
    { ltp: null },
    { ltp: 'n/a' },
    { exchFeedTime: '' },
    { exchFeedTime: '31-Feb-2024 09:12:54' },
    { exchFeedTime: '20-Dez-2024 09:12:54' },
    { exchFeedTime: '20-Dec-2024 25:12:54' },
    { exchange: 'NYSE' },
    { tradeVolume: -1 },
    { high: null },
  ].map((part) => ({ ...QUOTE, ...part }))
  expect(understood(smartapi.parseQuotes(ok({ fetched: [...useless, QUOTE] })))).toHaveLength(1)
  expect(understood(smartapi.parseQuotes(ok({ fetched: [], unfetched: [{}] })))).toEqual([])
})

test('a list that does not hold quotes is not understood', () => {
  for (const data of [null, [], {}, { fetched: null }, { fetched: [null] }, { fetched: [{ a: 1 }] }, 'x']) {
    expect(kindOf(smartapi.parseQuotes(ok(data)))).toBe('not_understood')
  }
})

test('every moment that the vendor can write is read as that moment, in both notations', () => {
  const anySecond = fc.integer({ min: Date.UTC(2000, 0) / 1000, max: Date.UTC(2099, 0) / 1000 })
  fc.assert(
    fc.property(anySecond, (seconds) => {
      const wall = new Date((seconds + 19_800) * 1000)
      const month = wall.toLocaleString('en-US', { month: 'short', timeZone: 'UTC' })
      const [date, time] = wall.toISOString().slice(0, 19).split('T') as [string, string]
      const stamp = `${date.slice(8)}-${month}-${date.slice(0, 4)} ${time}`
      const quote = { ...QUOTE, exchFeedTime: stamp }
      expect(understood(smartapi.parseQuotes(ok({ fetched: [quote] })))[0]?.exchangeMs).toBe(seconds * 1000)
      const row = ROW.with(0, `${date}T${time.slice(0, 5)}:00+05:30`)
      const minuteMs = Math.floor(seconds / 60) * 60_000
      expect(understood(smartapi.parseHistory(ok([row])))[0]?.timestampMs).toBe(minuteMs)
    }),
  )
})
