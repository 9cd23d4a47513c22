/**
 * Which instruments does the made-up exchange list? Names are made up too, so that nobody takes a
 * demo for the price of a real company. A few positions have a part to play; everything else is an
 * ordinary share, the first ones busy and the last ones slow.
 */
import type { Instrument } from '../../domain/instrument.ts'
import { Prng } from '../prng.ts'

export type Part =
  | 'share'
  | 'index' // no volume, no sequence
  | 'halted' // trading stops for half an hour
  | 'silent' // never trades, never quotes
  | 'runaway' // rises until it is locked at its upper circuit limit

/** How one instrument behaves on every date. */
export type Character = Instrument & {
  readonly vendorSymbol: string
  readonly part: Part
  /** Share of the traffic, relative to the average instrument. */
  readonly weight: number
  /** Where its price comes from, paise. */
  readonly basePrice: number
  /** Deviation of the price over one minute, as a ratio. */
  readonly volatilityRatio: number
  /** Average size of a trade, shares. */
  readonly tradeShares: number
  /** Time from the exchange to the vendor's socket. */
  readonly latencyMs: number
}

export const INSTRUMENT_COUNT_DEFAULT = 200

/** All prices are multiples of this many paise. */
export const TICK_PAISE = 5

const PART_AT: ReadonlyMap<number, Part> = new Map([
  [5, 'index'],
  [7, 'halted'],
  [9, 'silent'],
  [11, 'runaway'],
])
const INDEX = { token: '99926000', symbol: 'NIFTY50', vendorSymbol: 'Nifty 50' }
const DERIVATIVES_RATIO = 0.4

// biome-ignore format: a list of syllables is read as a list
const FRONTS = [
  'AKASH', 'ANAND', 'BHARA', 'CHAND', 'DEEPA', 'GANGA', 'HIMA', 'INDRA', 'JYOTI', 'KAVER', 'LOTUS', 'MALWA',
  'NARMA', 'OMKAR', 'PADMA', 'RATNA', 'SAGAR', 'TARA', 'UDAYA', 'VAYU', 'YAMUN', 'ZENIT', 'SURYA', 'MEGHA',
]
// biome-ignore format: a list of syllables is read as a list
const BACKS = [
  'STEEL', 'CHEM', 'BANK', 'PHARM', 'TECH', 'POWER', 'MOTOR', 'CEM', 'TEX', 'FOODS', 'FIN', 'PORT', 'GAS',
  'AGRO', 'GLASS', 'PAPER', 'TYRE', 'INFRA', 'MEDIA', 'HOTEL', 'SHIP', 'MINES', 'SOFT', 'PAINT', 'SUGAR',
]
const TOKEN_FIRST = 1_001
/** Tokens of the real exchange are not dense either. */
const TOKEN_STEP = 7

/** The same list for the same arguments; the first `n` of a longer list differ only in `weight`. */
export function listCharacters(count: number = INSTRUMENT_COUNT_DEFAULT, seed = 1): readonly Character[] {
  const draws = Array.from({ length: count }, (_, at) => drawCharacter(at, seed))
  const weightSum = draws.reduce((sum, draw) => sum + draw.weight, 0)
  return draws.map((draw) => ({ ...draw, weight: (draw.weight * count) / weightSum }))
}

/** What an instruments file of the demo holds. */
export function demoInstruments(count: number = INSTRUMENT_COUNT_DEFAULT): readonly Instrument[] {
  return listCharacters(count).map(({ exchange, token, symbol, derivatives }) => ({
    exchange,
    token,
    symbol,
    derivatives: derivatives === true,
  }))
}

function drawCharacter(at: number, seed: number): Character {
  const prng = new Prng(seed, at, 0x11_57, 0)
  const part = PART_AT.get(at) ?? 'share'
  const name = nameAt(at)
  const index = part === 'index'
  return {
    exchange: 'NSE',
    token: index ? INDEX.token : String(TOKEN_FIRST + at * TOKEN_STEP),
    symbol: index ? INDEX.symbol : name,
    vendorSymbol: index ? INDEX.vendorSymbol : `${name}-EQ`,
    part,
    derivatives: part === 'share' && prng.next() < DERIVATIVES_RATIO,
    weight: part === 'silent' ? 0 : 1 / Math.sqrt(4 + at),
    basePrice: index ? 2_450_000 : toTick(Math.exp(8.5 + 4 * prng.next())),
    volatilityRatio: index ? 0.0002 : 0.0003 + 0.0008 * prng.next(),
    tradeShares: index ? 0 : Math.ceil(5 + 200 * prng.next() ** 2),
    latencyMs: 20 + prng.below(250),
  }
}

function nameAt(at: number): string {
  const round = Math.floor(at / (FRONTS.length * BACKS.length))
  const front = FRONTS[at % FRONTS.length]!
  const back = BACKS[Math.floor(at / FRONTS.length) % BACKS.length]!
  return `${front}${back}${round === 0 ? '' : round + 1}`
}

/** The nearest price that can be traded, at least one tick. */
export function toTick(price: number): number {
  return Math.max(TICK_PAISE, Math.round(price / TICK_PAISE) * TICK_PAISE)
}
