import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MINUTE_MS, type UnixMs } from '../../src/domain/time.ts'
import { createGenerator, type Generator } from '../../src/sim/smartapi/generator.ts'
import type { UpdateBatch } from '../../src/sim/smartapi/source.ts'
import { ist } from './kit.ts'

const DATE = '2026-07-01' as never
const AUCTION_DATE = '2026-08-03' as never
const MORNING = ist('00:00:00') as UnixMs
const NIGHT = ist('23:59:00') as UnixMs

type Row = {
  readonly atMs: number
  readonly instrument: number
  readonly sequence: number
  readonly exchangeMs: number
  readonly price: number
  readonly lastQuantity: number
  readonly averagePrice: number
  readonly dayVolume: number
  readonly dayOpen: number
  readonly dayHigh: number
  readonly dayLow: number
  readonly tradeMs: number
}

function rowsFrom(generator: Generator, fromMs: UnixMs): readonly Row[] {
  const stream = generator.open(fromMs)
  const rows: Row[] = []
  for (let batch = stream.next() as UpdateBatch | null; batch !== null; ) {
    for (let row = 0; row < batch.count; row++) rows.push(rowAt(batch, row))
    batch = stream.next() as UpdateBatch | null
  }
  return rows
}

function rowAt(batch: UpdateBatch, row: number): Row {
  const { count: _, ...columns } = { ...batch }
  return Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [name, (column as Float64Array)[row]!]),
  ) as Row
}

function digest(rows: readonly Row[]): string {
  return createHash('sha256').update(JSON.stringify(rows)).digest('hex')
}

test('the same seed sends the same packets, another seed others', () => {
  const make = (seed: number): Generator =>
    createGenerator({ date: DATE, seed, instrumentCount: 20, packetsPerSecond: 2 })
  const first = rowsFrom(make(7), MORNING)
  expect(first.length).toBeGreaterThan(30_000)
  expect(digest(rowsFrom(make(7), MORNING))).toBe(digest(first))
  expect(digest(rowsFrom(make(8), MORNING))).not.toBe(digest(first))
})

test('a stand-in that starts at noon sends what one that started in the morning sends from noon on', () => {
  const noon = ist('12:00:30') as UnixMs
  const generator = createGenerator({ date: DATE, instrumentCount: 20, packetsPerSecond: 5 })
  const all = rowsFrom(generator, MORNING)
  const late = rowsFrom(generator, noon)
  expect(late.filter(({ atMs }) => atMs >= noon)).toEqual(all.filter(({ atMs }) => atMs >= noon))
  // And it knows the same state, by the last packet of each instrument before noon.
  const state = (rows: readonly Row[]): Map<number, Row> =>
    new Map(rows.filter(({ atMs }) => atMs < noon).map((row) => [row.instrument, row]))
  const stateOfAll = state(all)
  expect(stateOfAll.size).toBe(19) // all but the silent one
  for (const [instrument, row] of state(late)) expect(row).toEqual(stateOfAll.get(instrument))
  expect(state(late).size).toBe(stateOfAll.size)
})

test('Σ trade sizes = last cumulative volume, and the day’s high and low are those of the trades', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.constantFrom(DATE, AUCTION_DATE), (seed, date) => {
      const generator = createGenerator({ date, seed, instrumentCount: 14, packetsPerSecond: 1.5 })
      const last = new Map(rowsFrom(generator, MORNING).map((row) => [row.instrument, row]))
      for (const [instrument, row] of last) {
        const trades: [number, number][] = []
        generator.trades(instrument, (_, price, size) => trades.push([price, size]))
        const prices = trades.map(([price]) => price)
        expect(row.dayVolume).toBe(trades.reduce((sum, [, size]) => sum + size, 0))
        expect(row.dayHigh).toBe(prices.reduce((a, b) => Math.max(a, b), 0))
        expect(row.dayLow).toBe(prices.reduce((a, b) => Math.min(a, b), Number.MAX_SAFE_INTEGER))
        expect(row.dayOpen).toBe(prices[0])
        expect(row.price).toBe(prices.at(-1))
      }
    }),
    { numRuns: 8 },
  )
})

test('packets keep the order that the vendor keeps', () => {
  const rows = rowsFrom(createGenerator({ date: DATE, instrumentCount: 20, packetsPerSecond: 10 }), MORNING)
  const before = new Map<number, Row>()
  let atMs = 0
  for (const row of rows) {
    const previous = before.get(row.instrument)
    if (row.atMs < atMs) expect.fail(`a packet goes back in time at ${row.atMs}`)
    atMs = row.atMs
    before.set(row.instrument, row)
    if (row.exchangeMs % 1_000 !== 0 || row.exchangeMs > row.atMs) expect.fail(`stamp ${row.exchangeMs}`)
    if (previous === undefined) continue
    const isIndex = row.instrument === 5
    if (isIndex ? row.sequence !== 0 : row.sequence <= previous.sequence) expect.fail('sequence')
    if (row.dayVolume < previous.dayVolume || row.dayHigh < previous.dayHigh) expect.fail('falls')
    if (row.dayVolume > 0 && (row.price > row.dayHigh || row.price < row.dayLow)) expect.fail('range')
    if (row.price % 5 !== 0) expect.fail(`price ${row.price} is no multiple of a tick`)
  }
  expect(before.size).toBe(19)
})

test('conflation hides trades, quotes come without trades, and prices run ahead of volume', () => {
  const generator = createGenerator({ date: DATE, instrumentCount: 3, packetsPerSecond: 3 })
  const rows = rowsFrom(generator, MORNING).filter(({ instrument }) => instrument === 0)
  let tradeCount = 0
  generator.trades(0, () => {
    tradeCount += 1
  })
  let quoteCount = 0
  let aheadCount = 0
  for (const [at, row] of rows.entries()) {
    const previous = rows[at - 1]
    if (previous === undefined || row.dayVolume !== previous.dayVolume) continue
    if (row.price === previous.price) quoteCount += 1
    else aheadCount += 1
  }
  expect(tradeCount).toBeGreaterThan(rows.length)
  expect(quoteCount).toBeGreaterThan(rows.length / 20)
  expect(aheadCount).toBeGreaterThan(rows.length / 50)
})

/** Candles by the most naive rule there is, from single trades. */
function candlesOfTrades(generator: Generator, instrument: number, fromMs: number, toMs: number): unknown[] {
  const minutes = new Map<number, { prices: number[]; volume: number }>()
  generator.trades(instrument, (timeMs, price, size) => {
    if (timeMs < fromMs || timeMs >= toMs) return
    const start = Math.floor(timeMs / MINUTE_MS) * MINUTE_MS
    const minute = minutes.get(start) ?? { prices: [], volume: 0 }
    minutes.set(start, { prices: [...minute.prices, price], volume: minute.volume + size })
  })
  return [...minutes].map(([timestampMs, { prices, volume }]) => ({
    timestampMs,
    open: prices[0]! / 100,
    high: Math.max(...prices) / 100,
    low: Math.min(...prices) / 100,
    close: prices.at(-1)! / 100,
    volume,
  }))
}

test('history equals the candles of the single trades', () => {
  const generator = createGenerator({ date: DATE, instrumentCount: 14, packetsPerSecond: 4 })
  for (const instrument of generator.instruments.keys()) {
    const expected = candlesOfTrades(generator, instrument, ist('09:15:00'), ist('15:30:00'))
    expect(generator.candles(instrument, MORNING, NIGHT, NIGHT)).toEqual(expected)
  }
  expect(generator.candles(0, MORNING, NIGHT, NIGHT).length).toBeGreaterThan(350)
})

test('the running candle holds the trades whose packets have been sent, and no others', () => {
  const generator = createGenerator({ date: DATE, instrumentCount: 2, packetsPerSecond: 20 })
  const nowMs = ist('10:00:20') as UnixMs
  const sent = rowsFrom(generator, MORNING).filter((row) => row.instrument === 0 && row.atMs <= nowMs)
  const running = generator.candles(0, ist('10:00:00') as UnixMs, NIGHT, nowMs)
  expect(running).toHaveLength(1)
  expect(running[0]!.close).toBe(sent.at(-1)!.price / 100)
  expect(running[0]!.timestampMs).toBe(ist('10:00:00'))
})

test('volume rises of a minute are its true volume, although prices run ahead', () => {
  const generator = createGenerator({ date: DATE, instrumentCount: 3, packetsPerSecond: 6 })
  const volumes = new Map<number, number>()
  let before = 0
  for (const row of rowsFrom(generator, MORNING)) {
    if (row.instrument !== 1) continue
    const start = Math.floor(row.exchangeMs / MINUTE_MS) * MINUTE_MS
    volumes.set(start, (volumes.get(start) ?? 0) + row.dayVolume - before)
    before = row.dayVolume
  }
  for (const { timestampMs, volume } of generator.candles(1, MORNING, NIGHT, NIGHT)) {
    expect(volumes.get(timestampMs)).toBe(volume)
  }
})

test('some instruments have a part to play: index, halted, silent, locked at the limit', () => {
  const generator = createGenerator({ date: DATE, instrumentCount: 14, packetsPerSecond: 8 })
  const rows = rowsFrom(generator, MORNING)
  const of = (instrument: number): readonly Row[] => rows.filter((row) => row.instrument === instrument)
  expect(generator.instruments[5]!.token).toBe('99926000')
  expect(of(5).every(({ dayVolume, lastQuantity }) => dayVolume === 0 && lastQuantity === 0)).toBe(true)
  expect(generator.candles(5, MORNING, NIGHT, NIGHT).length).toBeGreaterThan(300)
  const halted = of(7).filter(({ atMs }) => atMs >= ist('11:00:01') && atMs < ist('11:30:00'))
  expect(halted).toEqual([])
  expect(of(7).length).toBeGreaterThan(100)
  expect(of(9)).toEqual([])
  const { upperCircuit } = generator.instruments[11]!
  expect(of(11).at(-1)!.price).toBe(upperCircuit)
  expect(rows.some((row) => row.price > generator.instruments[row.instrument]!.upperCircuit)).toBe(false)
})

test('the opening auction is matched about 09:08, with volume before the first minute of the session', () => {
  const generator = createGenerator({ date: DATE, instrumentCount: 3, packetsPerSecond: 5 })
  const early = rowsFrom(generator, MORNING).filter(({ exchangeMs }) => exchangeMs < ist('09:15:00'))
  const priced = early.filter(({ dayVolume }) => dayVolume > 0)
  expect(early[0]!.dayVolume).toBe(0)
  expect(Math.min(...priced.map(({ exchangeMs }) => exchangeMs))).toBeGreaterThanOrEqual(ist('09:08:00'))
  expect(Math.min(...priced.map(({ exchangeMs }) => exchangeMs))).toBeLessThan(ist('09:09:00'))
  expect(generator.candles(0, MORNING, NIGHT, NIGHT)[0]!.timestampMs).toBe(ist('09:15:00'))
})

test('since 2026-08-03 a stock with derivatives rests from 15:15 and prints once after 15:30', () => {
  const at = (time: string): number => Date.parse(`${AUCTION_DATE}T${time}+05:30`)
  const generator = createGenerator({ date: AUCTION_DATE, instrumentCount: 14, packetsPerSecond: 20 })
  const rows = rowsFrom(generator, at('00:00:00') as UnixMs)
  const withAuction = generator.instruments.findIndex(({ derivatives }) => derivatives === true)
  const without = generator.instruments.findIndex(({ derivatives }) => derivatives !== true)
  const volumeAt = (instrument: number, time: string): number =>
    rows.filter((row) => row.instrument === instrument && row.exchangeMs < at(time)).at(-1)!.dayVolume
  expect(volumeAt(withAuction, '15:30:00')).toBe(volumeAt(withAuction, '15:15:00'))
  expect(volumeAt(withAuction, '15:35:00')).toBeGreaterThan(volumeAt(withAuction, '15:30:00'))
  expect(volumeAt(without, '15:30:00')).toBeGreaterThan(volumeAt(without, '15:15:00'))
  expect(volumeAt(without, '15:40:00')).toBe(volumeAt(without, '15:30:00'))
  const last = generator.candles(
    withAuction,
    at('00:00:00') as UnixMs,
    at('23:00:00') as UnixMs,
    (NIGHT * 2) as UnixMs,
  )
  expect(last.at(-1)!.timestampMs).toBe(at('15:14:00'))
})
