/**
 * What happens on the made-up exchange? All instrument days of one date, merged by time.
 *
 * The merge is a heap of cursors, one for each instrument, ordered by when its next packet leaves the
 * vendor. The sequence number is made of time and instrument instead of being counted, so that it is the
 * same whenever the stand-in was started; it rises over the whole segment, as the vendor's does.
 */
import type { VendorCandle } from '../../domain/candle.ts'
import { DAY_MS, type MarketDate, MINUTE_MS, SECOND_MS, type UnixMs } from '../../domain/time.ts'
import { hashText } from '../prng.ts'
import { InstrumentDay, type VisitTrade } from './instrument-day.ts'
import { istDateOf, istMidnight } from './ist.ts'
import { type Character, INSTRUMENT_COUNT_DEFAULT, listCharacters } from './listing.ts'
import { isContinuous, planDay } from './minute-plan.ts'
import {
  type ListedInstrument,
  type TickSource,
  UPDATE_BATCH_ROWS,
  UpdateBatch,
  type UpdateStream,
} from './source.ts'

export type GeneratorOptions = {
  readonly date: MarketDate
  readonly seed?: number
  readonly instrumentCount?: number
  /** Of all instruments together, on average over the continuous session; the open has three times more. */
  readonly packetsPerSecond?: number
}

export interface Generator extends TickSource {
  /** Every trade of one instrument on the date, in order: what conflation hides. */
  trades(instrument: number, visit: VisitTrade): void
}

export const PACKETS_PER_SECOND_DEFAULT = 500

type World = {
  readonly date: MarketDate
  readonly characters: readonly Character[]
  readonly seed: number
  readonly packetsPerMinute: number
}

export function createGenerator(options: GeneratorOptions): Generator {
  const { date, seed = 1, instrumentCount = INSTRUMENT_COUNT_DEFAULT } = options
  const { packetsPerSecond = PACKETS_PER_SECOND_DEFAULT } = options
  const world: World = {
    date,
    characters: listCharacters(instrumentCount, seed),
    seed,
    packetsPerMinute: (packetsPerSecond * 60) / instrumentCount,
  }
  return {
    instruments: world.characters.map((_, at) => listed(beginDay(world, date, at))),
    open: (fromMs) => new GeneratorStream(world, date, fromMs),
    candles: (instrument, fromMs, toMs, nowMs) => candlesOf(world, instrument, fromMs, toMs, nowMs),
    trades: (instrument, visit) => {
      const cursor = beginDay(world, date, instrument)
      cursor.onTrade = visit
      while (cursor.nextMinute()) while (cursor.nextPacket());
    },
  }
}

function beginDay(world: World, date: MarketDate, at: number): InstrumentDay {
  const daySeed = hashText(date) ^ world.seed
  const day = planDay(world.characters[at]!, date, world.packetsPerMinute, daySeed, at)
  return new InstrumentDay(day, daySeed, at, istMidnight(date))
}

function listed({ day }: InstrumentDay): ListedInstrument {
  const { exchange, token, symbol, derivatives, vendorSymbol, part } = day.character
  return {
    exchange,
    token,
    symbol,
    derivatives: derivatives === true,
    vendorSymbol,
    isIndex: part === 'index',
    previousClose: day.previousClose,
    lowerCircuit: day.lowerCircuit,
    upperCircuit: day.upperCircuit,
  }
}

/** A cursor that stands before the last minute in which something traded before `fromMs`. */
function cursorBefore(world: World, date: MarketDate, at: number, fromMs: number): InstrumentDay {
  const scout = beginDay(world, date, at)
  const arrivedMs = fromMs - scout.day.character.latencyMs
  let startAt = 0
  while (scout.nextMinute() && scout.minuteStartMs(scout.minute) < arrivedMs) {
    if (scout.plan.tradeCount > 0) startAt = scout.minute
  }
  const cursor = beginDay(world, date, at)
  while (cursor.minute < startAt - 1 && cursor.nextMinute());
  return cursor
}

class GeneratorStream implements UpdateStream {
  readonly #cursors: readonly InstrumentDay[]
  readonly #midnightMs: number
  readonly #batch = new UpdateBatch()
  /** Positions in #cursors, as a heap by (#nextMs, position). */
  readonly #heap: Int32Array
  readonly #nextMs: Float64Array
  #size = 0

  constructor(world: World, date: MarketDate, fromMs: UnixMs) {
    this.#cursors = world.characters.map((_, at) => cursorBefore(world, date, at, fromMs))
    this.#midnightMs = istMidnight(date)
    this.#heap = new Int32Array(this.#cursors.length)
    this.#nextMs = new Float64Array(this.#cursors.length)
    for (let at = 0; at < this.#cursors.length; at++) {
      if (this.#advance(at)) this.#heap[this.#size++] = at
    }
    for (let at = (this.#size >> 1) - 1; at >= 0; at--) this.#sink(at)
  }

  next(): UpdateBatch | null {
    const batch = this.#batch
    batch.count = 0
    while (this.#size > 0 && batch.count < UPDATE_BATCH_ROWS) {
      const at = this.#heap[0]!
      this.#write(batch, batch.count++, at)
      if (!this.#advance(at)) this.#heap[0] = this.#heap[--this.#size]!
      this.#sink(0)
    }
    return batch.count === 0 ? null : batch
  }

  close(): void {
    this.#size = 0
  }

  /** Brings cursor `at` to its next packet of the day; false after the last one. */
  #advance(at: number): boolean {
    const cursor = this.#cursors[at]!
    while (!cursor.nextPacket()) {
      if (!cursor.nextMinute()) return false
    }
    this.#nextMs[at] = cursor.timeMs + cursor.day.character.latencyMs
    return true
  }

  #write(batch: UpdateBatch, row: number, at: number): void {
    const cursor = this.#cursors[at]!
    const index = cursor.day.character.part === 'index'
    batch.atMs[row] = this.#nextMs[at]!
    batch.instrument[row] = at
    batch.sequence[row] = index ? 0 : (cursor.timeMs - this.#midnightMs) * this.#cursors.length + at
    batch.exchangeMs[row] = Math.floor(cursor.timeMs / SECOND_MS) * SECOND_MS
    batch.price[row] = cursor.price
    batch.lastQuantity[row] = cursor.lastQuantity
    batch.averagePrice[row] = cursor.averagePrice
    batch.dayVolume[row] = cursor.dayVolume
    batch.dayOpen[row] = cursor.dayOpen
    batch.dayHigh[row] = cursor.dayHigh
    batch.dayLow[row] = cursor.dayLow
    batch.tradeMs[row] = cursor.tradeMs
  }

  #sink(from: number): void {
    const heap = this.#heap
    const size = this.#size
    let parent = from
    for (;;) {
      let child = 2 * parent + 1
      if (child >= size) return
      if (child + 1 < size && this.#isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (!this.#isBefore(heap[child]!, heap[parent]!)) return
      const moved = heap[parent]!
      heap[parent] = heap[child]!
      heap[child] = moved
      parent = child
    }
  }

  #isBefore(left: number, right: number): boolean {
    const leftMs = this.#nextMs[left]!
    const rightMs = this.#nextMs[right]!
    return leftMs < rightMs || (leftMs === rightMs && left < right)
  }
}

function candlesOf(
  world: World,
  instrument: number,
  fromMs: UnixMs,
  toMs: UnixMs,
  nowMs: UnixMs,
): readonly VendorCandle[] {
  const candles: VendorCandle[] = []
  for (let dayMs = istMidnight(istDateOf(fromMs)); dayMs < toMs; dayMs = (dayMs + DAY_MS) as UnixMs) {
    const date = istDateOf(dayMs)
    if (date !== world.date && isWeekend(date)) continue
    const cursor = beginDay(world, date, instrument)
    while (cursor.nextMinute()) {
      const startMs = cursor.minuteStartMs(cursor.minute)
      if (startMs >= toMs || startMs > nowMs) return candles
      if (startMs < fromMs || !isContinuous(cursor.day, cursor.minute)) continue
      const candle = candleOf(cursor, startMs as UnixMs, nowMs)
      if (candle !== null) candles.push(candle)
    }
  }
  return candles
}

/** The minute that is running at `nowMs` is walked up to there; any other is its plan. */
function candleOf(cursor: InstrumentDay, timestampMs: UnixMs, nowMs: number): VendorCandle | null {
  const { plan } = cursor
  const arrivedMs = nowMs - cursor.day.character.latencyMs
  if (timestampMs + MINUTE_MS <= arrivedMs) {
    if (plan.tradeCount === 0) return null
    return rupees(candle(timestampMs, plan.open, plan.high, plan.low, plan.close, plan.volume))
  }
  let running: VendorCandle | null = null
  cursor.onTrade = (timeMs, price, size) => {
    if (timeMs > arrivedMs) return
    const { open, high, low, volume } = running ?? candle(timestampMs, price, price, price, price, 0)
    running = candle(timestampMs, open, Math.max(high, price), Math.min(low, price), price, volume + size)
  }
  while (cursor.nextPacket());
  cursor.onTrade = null
  return running === null ? null : rupees(running)
}

function candle(
  timestampMs: UnixMs,
  open: number,
  high: number,
  low: number,
  close: number,
  volume: number,
): VendorCandle {
  return { timestampMs, open, high, low, close, volume }
}

function rupees(paise: VendorCandle): VendorCandle {
  const { timestampMs, open, high, low, close, volume } = paise
  return candle(timestampMs, open / 100, high / 100, low / 100, close / 100, volume)
}

function isWeekend(date: MarketDate): boolean {
  const weekday = new Date(`${date}T00:00:00Z`).getUTCDay()
  return weekday === 0 || weekday === 6
}
