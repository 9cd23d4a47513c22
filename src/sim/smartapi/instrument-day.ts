/**
 * Which packets, exactly, does one instrument send on one date? A cursor that walks the day minute by
 * minute and lays out each minute's plan as packets and trades.
 *
 * Conflation is in the layout: trades are spread over the packets of their minute, so that one packet
 * stands for none (a quote changed), one or several. The high and low of the day know all of them, the
 * last price only the last. Now and then the price of a packet is ahead of its volume, which the next
 * packet makes up for, in the same minute: so Σ of the volume rises of a minute is its true volume.
 */
import { MINUTE_MS, SECOND_MS, type UnixMs } from '../../domain/time.ts'
import { Prng } from '../prng.ts'
import { TICK_PAISE } from './listing.ts'
import { DAY_MINUTES, DAY_START_OFFSET_MS, type Day, MinutePlan, planMinute } from './minute-plan.ts'

/** How often a packet's volume lags behind its price. */
const VOLUME_LAG_RATIO = 0.08

export type VisitTrade = (timeMs: number, price: number, size: number) => void

export class InstrumentDay {
  readonly day: Day
  readonly plan: MinutePlan = new MinutePlan()
  /** Called for every single trade, in order; null for speed. */
  onTrade: VisitTrade | null = null

  // The packet that `nextPacket` came to.
  /** When it happened at the exchange, Unix ms; told to clients in whole seconds. */
  timeMs: number = 0
  price: number
  lastQuantity: number = 0
  /** As told: may lag. */
  dayVolume: number = 0
  dayOpen: number = 0
  dayHigh: number = 0
  dayLow: number = 0
  tradeMs: number = 0
  averagePrice: number = 0

  readonly #seed: number
  readonly #at: number
  readonly #midnightMs: number
  readonly #prng = new Prng()
  /** Minute that is being walked; −1 before the first. */
  #minute = -1
  #packet = 0
  #trade = 0
  #firstWay = 0
  #secondWay = 0
  // The true sums up to the start of the minute.
  #volumeBefore = 0
  #turnoverBefore = 0
  /** Shares traded in this minute so far. */
  #minuteVolume = 0

  /** `seed` is that of the date, `at` the instrument's position in the listing. */
  constructor(day: Day, seed: number, at: number, midnightMs: UnixMs) {
    this.day = day
    this.price = day.previousClose
    this.#seed = seed
    this.#at = at
    this.#midnightMs = midnightMs
  }

  get minute(): number {
    return this.#minute
  }

  minuteStartMs(minute: number): number {
    return this.#midnightMs + DAY_START_OFFSET_MS + minute * MINUTE_MS
  }

  /** Ends the present minute, walked or not, as planned, and plans the following one. */
  nextMinute(): boolean {
    if (this.#minute >= 0) this.#settleMinute()
    if (this.#minute + 1 >= DAY_MINUTES) return false
    this.#minute += 1
    this.#prng.reseed(this.#seed, this.#at, this.#minute, 1)
    planMinute(this.plan, this.day, this.#minute, this.price, this.#prng)
    this.#packet = 0
    this.#trade = 0
    this.#minuteVolume = 0
    this.#placeWays()
    return true
  }

  /** Moves on to the next packet of this minute; false when there is none. */
  nextPacket(): boolean {
    const { plan } = this
    if (this.#packet === plan.packetCount) return false
    const prng = this.#prng
    // At most three quarters of a slot: two packets never share a millisecond.
    const slot = (this.#packet + 0.75 * prng.next()) / plan.packetCount
    this.timeMs = this.minuteStartMs(this.#minute) + Math.floor(slot * MINUTE_MS)
    this.#packet += 1
    const last = this.#packet === plan.packetCount
    const share = last ? 1 : (this.#packet + prng.next()) / plan.packetCount
    const tradesUpTo = Math.min(plan.tradeCount, Math.floor(plan.tradeCount * share))
    const lags = !last && prng.next() < VOLUME_LAG_RATIO
    while (this.#trade < tradesUpTo) this.#takeTrade()
    if (!lags) this.dayVolume = this.#volumeBefore + this.#minuteVolume
    this.averagePrice = this.#average()
    return true
  }

  /** The state after the present minute, without its packets. */
  #settleMinute(): void {
    const { plan } = this
    if (plan.tradeCount > 0) {
      this.price = plan.close
      this.#widen(plan.high)
      this.#widen(plan.low)
      if (this.dayOpen === 0) this.dayOpen = plan.open
    }
    this.#turnoverBefore += plan.volume * typicalPrice(plan)
    this.#volumeBefore += plan.volume
    this.dayVolume = this.#volumeBefore
  }

  #takeTrade(): void {
    const { plan } = this
    const prng = this.#prng
    const price = this.#tradePrice(prng.bell())
    this.#trade += 1
    const left = this.#trade === plan.tradeCount ? 0 : prng.next()
    const extra = Math.floor(((plan.volume - plan.tradeCount) * (this.#trade + left)) / plan.tradeCount)
    const volume = plan.volume === 0 ? 0 : this.#trade + extra
    const size = volume - this.#minuteVolume
    this.#minuteVolume = volume
    this.price = price
    this.lastQuantity = size
    this.tradeMs = Math.floor(this.timeMs / SECOND_MS) * SECOND_MS
    if (this.dayOpen === 0) this.dayOpen = price
    this.#widen(price)
    if (this.onTrade !== null) this.onTrade(this.timeMs, price, size)
  }

  /** Between its way points the price moves in a line, with noise that stays inside high and low. */
  #tradePrice(noise: number): number {
    const { plan } = this
    const at = this.#trade
    const end = plan.tradeCount - 1
    const first = plan.highFirst ? plan.high : plan.low
    const second = plan.highFirst ? plan.low : plan.high
    if (at === 0) return plan.open
    if (at === end) return plan.close
    if (at === this.#firstWay) return first
    if (at === this.#secondWay) return second
    const line =
      at < this.#firstWay
        ? between(at, 0, plan.open, this.#firstWay, first)
        : at < this.#secondWay
          ? between(at, this.#firstWay, first, this.#secondWay, second)
          : between(at, this.#secondWay, second, end, plan.close)
    const wanted = line + noise * (plan.high - plan.low) * 0.15
    return Math.min(plan.high, Math.max(plan.low, Math.round(wanted / TICK_PAISE) * TICK_PAISE))
  }

  /** Chooses which trades make the high and the low of the minute. */
  #placeWays(): void {
    const { tradeCount } = this.plan
    this.#firstWay = 1
    this.#secondWay = 2
    if (tradeCount < 4) return
    this.#firstWay = 1 + this.#prng.below(tradeCount - 3)
    this.#secondWay = this.#firstWay + 1 + this.#prng.below(tradeCount - 2 - this.#firstWay)
  }

  #widen(price: number): void {
    if (price > this.dayHigh) this.dayHigh = price
    if (this.dayLow === 0 || price < this.dayLow) this.dayLow = price
  }

  #average(): number {
    const volume = this.#volumeBefore + this.#minuteVolume
    if (volume === 0) return 0
    return Math.round((this.#turnoverBefore + this.#minuteVolume * typicalPrice(this.plan)) / volume)
  }
}

function between(at: number, fromAt: number, from: number, toAt: number, to: number): number {
  return from + ((to - from) * (at - fromAt)) / (toAt - fromAt)
}

/** Stands for the average price of a minute, which is only known to the trades. */
function typicalPrice(plan: MinutePlan): number {
  return (plan.open + plan.high + plan.low + plan.close) / 4
}
