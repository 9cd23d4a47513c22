/** Which packets, instruments and secrets do the tests of venues use? Made up, but of the right shape. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { EXCHANGES, type Instrument } from '../../src/domain/instrument.ts'
import type { BookLevel, PacketFields } from '../../src/domain/packet.ts'
import { Secret } from '../../src/domain/secret.ts'
import { type Mode, TickFields } from '../../src/domain/tick.ts'
import type { Credentials, HttpReply, Tokens } from '../../src/domain/venue.ts'

export const DATA_DIR: string = join(import.meta.dirname, '../../../shared/data/smartapi')
export const DATA_ABSENT: boolean = !existsSync(DATA_DIR)
/** To be put into the name of a test that needs the recorded data. */
export const needsData: string = DATA_ABSENT ? ' (skipped: ../shared/data/smartapi is absent)' : ''

export const CREDENTIALS: Credentials = {
  apiKey: new Secret('sample-api-key'),
  clientCode: new Secret('S0000001'),
  pin: new Secret('4711'),
  totpSecret: new Secret('JBSWY3DPEHPK3PXP'),
}

export const TOKENS: Tokens = {
  jwt: new Secret('sample-jwt'),
  refresh: new Secret('sample-refresh'),
  feed: new Secret('sample-feed'),
}

export const SBIN: Instrument = { exchange: 'NSE', token: '3045', symbol: 'SBIN' }
export const INFY: Instrument = { exchange: 'NSE', token: '1594', symbol: 'INFY' }
export const NIFTY: Instrument = { exchange: 'NSE', token: '99926000', symbol: 'NIFTY' }
export const RELIANCE_BSE: Instrument = { exchange: 'BSE', token: '500325', symbol: 'RELIANCE' }

export function manyInstruments(count: number): readonly Instrument[] {
  return Array.from({ length: count }, (_, index) => ({
    exchange: EXCHANGES[index % EXCHANGES.length]!,
    token: String(10_000 + index),
    symbol: `S${index}`,
  }))
}

export function reply(body: unknown, status = 200, headers: Record<string, string> = {}): HttpReply {
  return { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) }
}

export const SAMPLE_PACKET: PacketFields = {
  mode: 'snap_quote',
  exchange: 'NSE',
  token: '1594',
  sequence: 2_187_230,
  exchangeMs: 1_734_667_800_000,
  price: 195_540,
  lastQuantity: 13,
  averagePrice: 195_945,
  dayVolume: 1_604_041,
  totalBuyQuantity: 222_252,
  totalSellQuantity: 287_295,
  dayOpen: 197_515,
  dayHigh: 197_995,
  dayLow: 194_400,
  previousClose: 194_620,
  tradeMs: 1_734_667_800_000,
  openInterest: 81_872_000,
  openInterestChangeRatio: 0.104,
  buys: Array.from({ length: 20 }, (_, level) => ({ quantity: 100, price: 195_540 - 5 * level, orders: 2 })),
  sells: Array.from({ length: 20 }, (_, level) => ({ quantity: 90, price: 195_575 + 5 * level, orders: 1 })),
  upperCircuit: 214_080,
  lowerCircuit: 175_160,
  yearHigh: 200_645,
  yearLow: 135_835,
}

const EDGES = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52, Number.MAX_SAFE_INTEGER]

/** Any count that can be, the edges of its two words more often than chance would have it. */
export const anyCount: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(...EDGES),
  fc.integer({ min: 0, max: 10_000_000 }),
  fc.maxSafeNat(),
)
const anyPrice = anyCount.map((count) => Math.max(1, count))
const anySeconds = fc.oneof(
  fc.constantFrom(0, 1, 2 ** 32, Math.floor(Number.MAX_SAFE_INTEGER / 1000)),
  fc.integer({ min: 0, max: 2_000_000_000 }),
)
const anyDouble = fc.double({ noNaN: true }).map((value) => value + 0) // -0 becomes 0
const anyToken = fc.string({
  unit: fc.constantFrom(...'0123456789ABCxyz-&_ '),
  minLength: 1,
  maxLength: 25,
})

function anyLevel(mode: Mode): fc.Arbitrary<BookLevel> {
  const isDepth = mode === 'depth'
  const whole = isDepth ? fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) : fc.maxSafeInteger()
  return fc.record({ quantity: whole, price: whole, orders: fc.integer({ min: 0, max: 65_535 }) })
}

/** Any packet of `mode` that a well-behaved exchange could send; the book has the mode's depth. */
export function anyPacket(mode: Mode): fc.Arbitrary<PacketFields> {
  const levels = mode === 'depth' ? 20 : 5
  const side = fc.array(anyLevel(mode), { minLength: levels, maxLength: levels })
  return fc.record({
    mode: fc.constant(mode),
    exchange: fc.constantFrom(...EXCHANGES),
    token: anyToken,
    sequence: anyCount,
    exchangeMs: anyCount,
    price: anyPrice,
    lastQuantity: anyCount,
    averagePrice: anyCount,
    dayVolume: anyCount,
    totalBuyQuantity: anyDouble,
    totalSellQuantity: anyDouble,
    dayOpen: anyCount,
    dayHigh: anyCount,
    dayLow: anyCount,
    previousClose: anyCount,
    tradeMs: anySeconds.map((seconds) => seconds * 1000),
    openInterest: anyCount,
    openInterestChangeRatio: anyDouble,
    buys: side,
    sells: side,
    upperCircuit: anyCount,
    lowerCircuit: anyCount,
    yearHigh: anyCount,
    yearLow: anyCount,
  })
}

/** A tick whose every number is one that no decoder would leave behind by accident. */
export function spoiltTick(): TickFields {
  return Object.assign(new TickFields(), {
    mode: -7,
    exchange: -7,
    tokenOffset: -7,
    tokenLength: -7,
    sequence: -7,
    exchangeMs: -7,
    price: -7,
    priceScale: -7,
    lastQuantity: -7,
    dayVolume: -7,
    dayOpen: -7,
    dayHigh: -7,
    dayLow: -7,
    tradeMs: -7,
  })
}
