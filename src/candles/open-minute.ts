/**
 * What has been seen of one minute so far, for every instrument? The open candles of a minute lie in
 * one Float64Array, `STRIDE` numbers an instrument: a tick touches two cache lines and nothing else.
 * Prices are the vendor's integers; they become currency when the minute is finalised.
 *
 * `open` is the first evidence and `close` the last by (time, cumulative volume, arrival), so a tick
 * that arrives out of order finds its place.
 */
import type { Minute } from '../domain/time.ts'
import type { StateReader, StateWriter } from '../platform/saved-state.ts'

const STRIDE = 16
const TICK_COUNT = 0
const OPEN = 1
const OPEN_MS = 2
const OPEN_VOLUME = 3
const CLOSE = 4
const CLOSE_MS = 5
const CLOSE_VOLUME = 6
const HIGH = 7
const LOW = 8
const VOLUME = 9
const PRICE_VOLUME = 10
const DAY_HIGH = 11
const DAY_LOW = 12
const DOUBTFUL = 13
const KNOWN_VOLUME = 14 // 1 once a tick said how much was traded

/** Which open candle of the minute a reader looks at, and what it holds. */
export type OpenCandle = {
  readonly tickCount: number
  readonly open: number
  readonly openMs: number
  readonly close: number
  readonly closeMs: number
  readonly high: number
  readonly low: number
  /** NaN where no tick said it. */
  readonly volume: number
  readonly priceVolume: number
  readonly dayHigh: number
  readonly dayLow: number
}

export class OpenMinute {
  minute: Minute
  #cells: Float64Array

  constructor(minute: Minute, instrumentCount: number) {
    this.minute = minute
    this.#cells = new Float64Array(instrumentCount * STRIDE)
  }

  /** Empties the minute for reuse under another label. */
  reset(minute: Minute): void {
    this.minute = minute
    this.#cells.fill(0)
  }

  grow(instrumentCount: number): void {
    const cells = new Float64Array(instrumentCount * STRIDE)
    cells.set(this.#cells)
    this.#cells = cells
  }

  /**
   * Evidence of a trade at `timeMs` with the day's volume at `dayVolume`, of which `rise` is new; a `rise`
   * below zero says that the feed carries no volume.
   */
  trade(index: number, price: number, timeMs: number, dayVolume: number, rise: number): void {
    const cells = this.#cells
    const at = index * STRIDE
    if (cells[at + TICK_COUNT] === 0) {
      cells[at + OPEN] = price
      cells[at + OPEN_MS] = timeMs
      cells[at + OPEN_VOLUME] = dayVolume
      cells[at + CLOSE] = price
      cells[at + CLOSE_MS] = timeMs
      cells[at + CLOSE_VOLUME] = dayVolume
      cells[at + HIGH] = price
      cells[at + LOW] = price
    } else {
      const closeMs = cells[at + CLOSE_MS]!
      if (timeMs > closeMs || (timeMs === closeMs && dayVolume >= cells[at + CLOSE_VOLUME]!)) {
        cells[at + CLOSE] = price
        cells[at + CLOSE_MS] = timeMs
        cells[at + CLOSE_VOLUME] = dayVolume
      } else {
        this.#maybeOpen(at, price, timeMs, dayVolume)
      }
      if (price > cells[at + HIGH]!) cells[at + HIGH] = price
      if (price < cells[at + LOW]!) cells[at + LOW] = price
    }
    cells[at + TICK_COUNT]!++
    if (rise < 0) return
    cells[at + KNOWN_VOLUME] = 1
    cells[at + VOLUME]! += rise
    cells[at + PRICE_VOLUME]! += price * rise
  }

  #maybeOpen(at: number, price: number, timeMs: number, dayVolume: number): void {
    const cells = this.#cells
    const openMs = cells[at + OPEN_MS]!
    if (timeMs > openMs || (timeMs === openMs && dayVolume >= cells[at + OPEN_VOLUME]!)) return
    cells[at + OPEN] = price
    cells[at + OPEN_MS] = timeMs
    cells[at + OPEN_VOLUME] = dayVolume
  }

  /** The day's extremes as the packets of this minute knew them. */
  extendDayRange(index: number, dayHigh: number, dayLow: number): void {
    const cells = this.#cells
    const at = index * STRIDE
    if (dayHigh > cells[at + DAY_HIGH]!) cells[at + DAY_HIGH] = dayHigh
    if (cells[at + DAY_LOW] === 0 || dayLow < cells[at + DAY_LOW]!) cells[at + DAY_LOW] = dayLow
  }

  /** A print that conflation hid, known only from a day high that moved. */
  widenHigh(index: number, price: number): void {
    const at = index * STRIDE + HIGH
    if (price > this.#cells[at]!) this.#cells[at] = price
  }

  widenLow(index: number, price: number): void {
    const at = index * STRIDE + LOW
    if (price < this.#cells[at]!) this.#cells[at] = price
  }

  /** Something about this instrument's minute is not known, whatever the shard says. */
  doubt(index: number): void {
    this.#cells[index * STRIDE + DOUBTFUL] = 1
  }

  isDoubtful(index: number): boolean {
    return this.#cells[index * STRIDE + DOUBTFUL] === 1
  }

  hasTradedSince(index: number, timeMs: number): boolean {
    return this.hasCandle(index) && this.#cells[index * STRIDE + CLOSE_MS]! > timeMs
  }

  hasCandle(index: number): boolean {
    return this.#cells[index * STRIDE + TICK_COUNT]! > 0
  }

  candleCount(): number {
    let count = 0
    for (let at = TICK_COUNT; at < this.#cells.length; at += STRIDE) if (this.#cells[at]! > 0) count++
    return count
  }

  save(writer: StateWriter): void {
    writer.cells(this.#cells)
  }

  load(reader: StateReader): void {
    this.#cells = reader.float64()
  }

  /** For finalisation and settle; allocates, so never per tick. */
  read(index: number): OpenCandle {
    const cells = this.#cells
    const at = index * STRIDE
    return {
      tickCount: cells[at + TICK_COUNT]!,
      open: cells[at + OPEN]!,
      openMs: cells[at + OPEN_MS]!,
      close: cells[at + CLOSE]!,
      closeMs: cells[at + CLOSE_MS]!,
      high: cells[at + HIGH]!,
      low: cells[at + LOW]!,
      volume: cells[at + KNOWN_VOLUME] === 1 ? cells[at + VOLUME]! : Number.NaN,
      priceVolume: cells[at + PRICE_VOLUME]!,
      dayHigh: cells[at + DAY_HIGH]!,
      dayLow: cells[at + DAY_LOW]!,
    }
  }
}
