/**
 * What happens to one instrument in one minute, in sum? The plan comes before the trades: number of
 * packets and trades, open, high, low, close and volume are drawn first, and the trades are then laid
 * out so that they add up to exactly that.
 *
 * That order is what makes the stand-in cheap to ask. The whole day of an instrument is 400 draws, so
 * history is answered without making a single trade, and a stand-in that is started at noon knows
 * the state of the morning at once.
 *
 * Every minute has its own seed, (seed, date, instrument, minute). From the minute before it only
 * takes the last price.
 */
import { HOUR_MS } from '../../domain/time.ts'
import { chanceOf, type Prng } from '../prng.ts'
import { type Character, TICK_PAISE, toTick } from './listing.ts'

/** Minutes are counted from 09:00; the day of packets ends at 15:40. */
export const DAY_START_OFFSET_MS: number = 9 * HOUR_MS
export const DAY_MINUTES = 400
export const CONTINUOUS_FROM = 15
const CONTINUOUS_TO = 390
const OPENING_MATCH = 8
/** With the closing auction the continuous session ends at 15:15 and the match is after 15:30. */
const CONTINUOUS_TO_AUCTION = 375
const CLOSING_AUCTION_FIRST_DATE = '2026-08-03'
const HALT_FROM = 120
const HALT_TO = 150

/** Quotes without a trade, in phases that do not trade, relative to the continuous session. */
const QUIET_RATIO = 0.08
/** Distinct milliseconds must remain between two packets of one instrument. */
const PACKETS_PER_MINUTE_MAX = 10_000
const CIRCUIT_RATIO = 0.1

/** One instrument on one date. Prices in paise. */
export type Day = {
  readonly character: Character
  readonly previousClose: number
  readonly lowerCircuit: number
  readonly upperCircuit: number
  readonly closingAuction: boolean
  /** Packets of this instrument in an average minute of the continuous session. */
  readonly packetsPerMinute: number
}

export class MinutePlan {
  packetCount: number = 0
  tradeCount: number = 0
  open: number = 0
  high: number = 0
  low: number = 0
  close: number = 0
  volume: number = 0
  /** Whether the high came before the low. */
  highFirst: boolean = false
}

export function planDay(
  character: Character,
  date: string,
  packetsPerMinute: number,
  seed: number,
  at: number,
): Day {
  const previousClose = toTick(character.basePrice * (0.95 + 0.1 * chanceOf(seed, at, 77)))
  return {
    character,
    previousClose,
    lowerCircuit: Math.ceil((previousClose * (1 - CIRCUIT_RATIO)) / TICK_PAISE) * TICK_PAISE,
    upperCircuit: Math.floor((previousClose * (1 + CIRCUIT_RATIO)) / TICK_PAISE) * TICK_PAISE,
    closingAuction: character.derivatives === true && date >= CLOSING_AUCTION_FIRST_DATE,
    packetsPerMinute: character.weight * packetsPerMinute,
  }
}

/** Whether trades of the minute belong to the continuous session, and so to the vendor's history. */
export function isContinuous(day: Day, minute: number): boolean {
  return minute >= CONTINUOUS_FROM && minute < (day.closingAuction ? CONTINUOUS_TO_AUCTION : CONTINUOUS_TO)
}

/**
 * Draws the minute into `plan`. `price` is the last price before it. `prng` must be freshly seeded for
 * the minute, and is left where the layout of the trades continues.
 */
export function planMinute(plan: MinutePlan, day: Day, minute: number, price: number, prng: Prng): void {
  const { character } = day
  plan.tradeCount = 0
  plan.volume = 0
  plan.packetCount = 0
  if (character.part === 'silent') return
  if (character.part === 'halted' && minute >= HALT_FROM && minute < HALT_TO) return
  if (isMatch(day, minute)) {
    planMatch(plan, day, price, prng)
    return
  }
  const trading = isContinuous(day, minute)
  const busyRatio = trading ? busyRatioOf(minute) : QUIET_RATIO
  const wanted = Math.floor(day.packetsPerMinute * busyRatio + prng.next())
  plan.packetCount = Math.min(wanted, PACKETS_PER_MINUTE_MAX)
  if (!trading || plan.packetCount === 0) return
  plan.tradeCount = Math.floor(plan.packetCount * (0.9 + 0.8 * prng.next()) + prng.next())
  if (plan.tradeCount > 0) planPrices(plan, day, price, prng)
  if (character.tradeShares === 0) return
  const shares = plan.tradeCount * character.tradeShares * (0.4 + 1.2 * prng.next())
  plan.volume = Math.max(plan.tradeCount, Math.round(shares))
}

function planPrices(plan: MinutePlan, day: Day, price: number, prng: Prng): void {
  const { character, lowerCircuit, upperCircuit } = day
  const deviation = price * character.volatilityRatio
  const reach = deviation * Math.sqrt(Math.min(plan.tradeCount, 20) / 20)
  const drift = character.part === 'runaway' ? day.previousClose * 0.0015 : 0
  const limit = (wanted: number): number => Math.min(upperCircuit, Math.max(lowerCircuit, toTick(wanted)))
  plan.open = limit(price + drift + deviation * 0.2 * prng.bell())
  plan.close = plan.tradeCount === 1 ? plan.open : limit(plan.open + reach * prng.bell())
  plan.high = Math.max(plan.open, plan.close)
  plan.low = Math.min(plan.open, plan.close)
  plan.highFirst = prng.next() < 0.5
  // Two trades are the open and the close; a third can be one extreme, only a fourth the other.
  const above = limit(plan.high - Math.log(1 - prng.next()) * reach * 0.4)
  const below = limit(plan.low + Math.log(1 - prng.next()) * reach * 0.4)
  if (plan.tradeCount > 3 || (plan.tradeCount === 3 && plan.highFirst)) plan.high = above
  if (plan.tradeCount > 3 || (plan.tradeCount === 3 && !plan.highFirst)) plan.low = below
}

/** An auction is one trade, told in one packet. */
function planMatch(plan: MinutePlan, day: Day, price: number, prng: Prng): void {
  const { character, lowerCircuit, upperCircuit } = day
  const wanted = toTick(price * (1 + 4 * character.volatilityRatio * prng.bell()))
  plan.packetCount = 1
  plan.tradeCount = 1
  plan.open = Math.min(upperCircuit, Math.max(lowerCircuit, wanted))
  plan.high = plan.open
  plan.low = plan.open
  plan.close = plan.open
  plan.volume = Math.round(character.tradeShares * (20 + 80 * prng.next()))
}

function isMatch(day: Day, minute: number): boolean {
  if (minute === OPENING_MATCH) return true
  // The match lasts from 15:30 to 15:35 and does not reach all stocks at once.
  return day.closingAuction && minute === CONTINUOUS_TO + (day.character.latencyMs % 4)
}

/** Trading is busiest after the open and before the close; the average over the session is 1. */
function busyRatioOf(minute: number): number {
  return BUSY_RATIOS[minute - CONTINUOUS_FROM]!
}

const BUSY_RATIOS: readonly number[] = (() => {
  const length = CONTINUOUS_TO - CONTINUOUS_FROM
  const shape = Array.from(
    { length },
    (_, at) => 1 + 2.2 * Math.exp(-at / 20) + 1.4 * Math.exp((at - length) / 25),
  )
  const sum = shape.reduce((total, value) => total + value, 0)
  return shape.map((value) => (value * length) / sum)
})()
