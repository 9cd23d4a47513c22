/**
 * How do candles of ours stand beside the trade bars of tardis-dev, on the same trades? Ours begin at the
 * vendor's bytes (decode and fold), theirs at ready-made trade messages, given to `compute` as its users
 * do. Then the three cases in which a bar that waits for the next trade goes wrong, asked of both.
 *
 * The trades are those of the four recorded symbol-days in `../shared/data/us-trades-2013-10`, played as four
 * instruments of one session; where they are absent, four instruments of the stand-in's generator.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { gunzipSync } from 'node:zlib'
import { CandleFold } from '../src/candles/fold.ts'
import type { Candle } from '../src/domain/candle.ts'
import { candleAt } from '../src/domain/candle.ts'
import type { Instrument } from '../src/domain/instrument.ts'
import type { PacketFields } from '../src/domain/packet.ts'
import { MINUTE_MS, SECOND_MS, type UnixMs } from '../src/domain/time.ts'
import { createGenerator } from '../src/sim/smartapi/generator.ts'
import { encodePacket, smartapi } from '../src/venues/smartapi/index.ts'
import { alternate, flag, medianOf, report, say, secondsOf, spreadOf } from './measure.ts'
import { DATE, type GeneratedDay, openOf, planBenchDay, QUOTE_BYTES, RecordedDay } from './session.ts'
import { type CaseVerdict, tardisCases } from './tardis-cases.ts'

const DATA_DIR = new URL('../../shared/data/us-trades-2013-10/', import.meta.url)
const FILES = ['bac-20131007', 'bac-20131008', 'spy-20131007', 'spy-20131008']
const NEW_YORK_OPEN_MS = (9 * 60 + 30) * MINUTE_MS
const SESSION_MINUTES = 375
/** Ours takes a twentieth of a second: several make a run that the clock can tell. */
const REPEATS = 6
/** The wire's price is a whole number: hundredths of a paisa would not fit, so the tape's cents are ours. */
const PRICE_SCALE = 100

/** Times from the open on; prices in integers of the wire. */
type Trade = {
  readonly at: number
  readonly sinceOpenMs: number
  readonly price: number
  readonly size: number
}

type TradeMessage = {
  readonly type: 'trade'
  readonly symbol: string
  readonly exchange: string
  readonly id: string
  readonly price: number
  readonly amount: number
  readonly side: 'buy'
  readonly timestamp: Date
  readonly localTimestamp: Date
}
type TradeBar = {
  readonly type: string
  readonly symbol: string
  readonly timestamp: Date
  readonly volume: number
} & Readonly<Record<'open' | 'high' | 'low' | 'close', number>>
type Tardis = {
  readonly compute: (
    messages: AsyncIterable<unknown>,
    ...computables: readonly unknown[]
  ) => AsyncIterable<TradeBar>
  readonly computeTradeBars: (options: { readonly kind: 'time'; readonly interval: number }) => unknown
}

const runs = flag('runs', 5)
const tardis = createRequire(import.meta.url)('tardis-dev') as Tardis
const isRecorded = existsSync(DATA_DIR)
say(isRecorded ? 'reading the recorded trades' : 'no recorded trades here: generating some')
const trades = isRecorded ? readTrades() : generateTrades()
const instruments: Instrument[] = FILES.map((symbol, at) => ({
  exchange: 'NSE',
  token: String(1_001 + at),
  symbol,
}))
const day = planBenchDay(instruments)
const openMs = openOf(day)
const recorded = new RecordedDay(packetsOf(trades), SESSION_MINUTES, trades.length)
const messages = trades.map(messageOf)

let ourCandles: Candle[] = []
function ours(): number {
  let seconds = 0
  for (let repeat = 0; repeat < REPEATS; repeat++) seconds += foldOnce()
  return (trades.length * REPEATS) / seconds
}

function foldOnce(): number {
  const kept: (() => Candle[])[] = []
  const fold = new CandleFold({
    venue: smartapi,
    lateness: 'live',
    onCandles: (_minute, columns) =>
      kept.push(() =>
        Array.from({ length: columns.rowCount }, (_, row) =>
          candleAt({ instruments: fold.instruments(), columns }, row),
        ),
      ),
  })
  const seconds = secondsOf(() => recorded.foldInto(fold))
  if (fold.outcomes().accepted !== trades.length) throw new Error('not every packet was accepted')
  ourCandles = kept.flatMap((read) => read())
  return seconds
}

let theirBars: TradeBar[] = []
async function theirs(): Promise<number> {
  theirBars = []
  const startMs = performance.now()
  const bars = tardis.compute(replay(), tardis.computeTradeBars({ kind: 'time', interval: MINUTE_MS }))
  for await (const bar of bars) if (bar.type === 'trade_bar') theirBars.push({ ...bar })
  return (trades.length / (performance.now() - startMs)) * 1_000
}

async function* replay(): AsyncGenerator<TradeMessage> {
  for (const message of messages) yield message
}

const result = await alternate(runs, ours, theirs)
const cases = await tardisCases(tardis)
const ourKeys = new Map(ourCandles.map((candle) => [`${candle.symbol} ${candle.timestampMs}`, candle]))
const equalCount = theirBars.filter((bar) => isSame(bar, ourKeys)).length
const figure = spreadOf(result.ours)
const ratio = medianOf(result.ratios)
report({
  name: 'tardis',
  what: 'trades into 1-minute candles, one thread; ours from the bytes of packets',
  figure: figure.median,
  unit: 'trades/s',
  ...figure,
  baseline: medianOf(result.theirs),
  baselineUnit: 'trades/s',
  baselineWhat: 'tardis-dev 13.35.3, compute with computeTradeBars, from ready-made messages',
  ratio,
  target: 'faster, and right about a late tick, a disconnect and the last candle',
  holds: ratio > 1 && cases.every((one) => one.ours.isRight),
  notes: {
    source: isRecorded ? 'recorded' : 'generated',
    trades: trades.length,
    candles: ourCandles.length,
    theirBars: theirBars.length,
    theirBarsEqualToOurs: equalCount,
    cases: Object.fromEntries(
      cases.map((one) => [one.name, { ours: words(one.ours), tardis: words(one.theirs) }]),
    ),
  },
})

function words({ isRight, got }: CaseVerdict): string {
  return `${isRight ? 'right' : 'wrong'}: ${got}`
}

function isSame(bar: TradeBar, candles: ReadonlyMap<string, Candle>): boolean {
  const candle = candles.get(`${bar.symbol} ${bar.timestamp.getTime() - MINUTE_MS}`)
  if (candle === undefined) return false
  return (
    (['open', 'high', 'low', 'close'] as const).every((name) => Math.abs(bar[name] - candle[name]) < 1e-9) &&
    bar.volume === candle.volume
  )
}

function readTrades(): readonly Trade[] {
  const found: Trade[] = []
  for (const [at, name] of FILES.entries()) {
    const text = gunzipSync(readFileSync(new URL(`${name}-trades.csv.gz`, DATA_DIR))).toString()
    for (const line of text.split('\n').slice(1)) {
      const [time, price, size, , setsPrice] = line.split(',')
      const sinceOpenMs = Number(time) - NEW_YORK_OPEN_MS
      if (setsPrice !== '1' || sinceOpenMs < 0 || sinceOpenMs >= SESSION_MINUTES * MINUTE_MS) continue
      found.push({ at, sinceOpenMs, price: Math.round(Number(price) * PRICE_SCALE), size: Number(size) })
    }
  }
  return found.sort((a, b) => a.sinceOpenMs - b.sinceOpenMs)
}

function generateTrades(): readonly Trade[] {
  const generator = createGenerator({ date: DATE, instrumentCount: FILES.length, packetsPerSecond: 40 })
  const openedMs = openOf(planBenchDay(generator.instruments))
  const found: Trade[] = []
  for (const at of FILES.keys()) {
    generator.trades(at, (timeMs, price, size) => {
      const sinceOpenMs = timeMs - openedMs
      if (sinceOpenMs >= 0 && sinceOpenMs < SESSION_MINUTES * MINUTE_MS) {
        found.push({ at, sinceOpenMs, price, size: Math.max(1, size) })
      }
    })
  }
  return found.sort((a, b) => a.sinceOpenMs - b.sinceOpenMs)
}

/** Each trade as a packet in quote mode, with the day's volume so far. */
function packetsOf(all: readonly Trade[]): GeneratedDay {
  const frame = new Uint8Array(QUOTE_BYTES)
  const volume = new Float64Array(FILES.length)
  return {
    day,
    shardOfListed: instruments.map(() => 0),
    walk: (_minutes, visit) => {
      for (const [n, trade] of all.entries()) {
        volume[trade.at]! += trade.size
        const timeMs = openMs + trade.sinceOpenMs
        encodePacket(fieldsOf(trade, n + 1, timeMs, volume[trade.at]!), frame, 0)
        visit(frame, timeMs, trade.at)
      }
    },
  }
}

function fieldsOf(trade: Trade, sequence: number, timeMs: number, dayVolume: number): PacketFields {
  const { price, size } = trade
  const none = { averagePrice: 0, totalBuyQuantity: 0, totalSellQuantity: 0, previousClose: 0, tradeMs: 0 }
  const limits = { upperCircuit: 0, lowerCircuit: 0, yearHigh: 0, yearLow: 0 }
  return {
    mode: 'quote',
    exchange: 'NSE',
    token: instruments[trade.at]!.token,
    sequence,
    exchangeMs: Math.floor(timeMs / SECOND_MS) * SECOND_MS,
    price,
    lastQuantity: size,
    dayVolume,
    dayOpen: price,
    dayHigh: price,
    dayLow: price,
    ...none,
    ...limits,
    openInterest: 0,
    openInterestChangeRatio: 0,
    buys: [],
    sells: [],
  }
}

function messageOf(trade: Trade, n: number): TradeMessage {
  const timestamp = new Date((openMs + trade.sinceOpenMs) as UnixMs)
  return {
    type: 'trade',
    symbol: FILES[trade.at]!,
    exchange: 'tape',
    id: String(n),
    price: trade.price / PRICE_SCALE,
    amount: trade.size,
    side: 'buy',
    timestamp,
    localTimestamp: timestamp,
  }
}
