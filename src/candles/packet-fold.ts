/**
 * What does one more packet change? The hot path: decode, find the instrument, apply the rules of the
 * candle, all on numbers in typed arrays. No allocation, no clock, no log.
 *
 * The feed is conflated (a packet may stand for several trades), stamped in whole seconds, and carries
 * the day's cumulative volume. So volume is only ever the rise of the cumulative volume, and the hard
 * question is which minute a rise belongs to. Four answers, and every share goes into exactly one:
 *
 *   a candle       the feed was trusted since the previous packet, or both lie in the same minute
 *   outside        the packet lies outside the continuous session (pre-open, closing auction, other)
 *   unattributed   a gap lies between the two packets and they are in different minutes: the shares
 *                  were traded, nobody can say when, and no candle gets them
 *   late           its minute was finalised already; settle puts it there
 *
 * The day begins at volume 0, so the first packet is not special: it is compared with a packet of
 * volume 0 before the pre-open, and if the feed was not trusted since then, a gap lies between.
 */

import { PACKET_HEAD_BYTES, PACKETS_HEAD_BYTES } from '../domain/fact.ts'
import { Histogram, type HistogramFacts } from '../domain/histogram.ts'
import { EXCHANGES } from '../domain/instrument.ts'
import {
  ABSENT,
  ACCEPTED,
  type DecodePacket,
  MODES,
  PACKET_OUTCOMES,
  REJECT_FUTURE,
  REJECT_SEQUENCE,
  REJECT_STALE,
  REJECT_TOKEN,
  REJECT_VOLUME_FELL,
  TickFields,
} from '../domain/tick.ts'
import { DAY_MS, MINUTE_MS } from '../domain/time.ts'
import type { Quote } from '../domain/venue.ts'
import type { StateReader, StateWriter } from '../platform/saved-state.ts'
import type { GapLedger } from './gap-ledger.ts'
import {
  IN_CANDLES,
  IN_PRE_OPEN,
  type InstrumentState,
  LATE,
  LATE_COUNT,
  MODE_COUNT,
  OWN_HIGH,
  OWN_LOW,
  PREVIOUS_EXCHANGE_MS,
  PREVIOUS_MINUTE,
  PREVIOUS_PRICE,
  PREVIOUS_SEGMENT,
  PREVIOUS_VOLUME,
  PRICE_SCALE,
  SEEN_EPOCH,
  STATE_STRIDE,
  UNATTRIBUTED,
} from './instrument-state.ts'
import type { InstrumentTable } from './instrument-table.ts'
import type { OpenMinute } from './open-minute.ts'
import type { OpenMinutes } from './open-minutes.ts'
import { KIND_CLOSING_AUCTION, KIND_CONTINUOUS, KIND_PRE_OPEN, type PhaseTable } from './phase-table.ts'
import { Rejections } from './rejections.ts'

/** Where quotes that came by REST stand in for packets: no connection, so no sequence to compare. */
const NO_CONNECTION = -1
const CONNECTIONS_MAX = 65_536
const LATENESS_BOUNDS_MS = [1_000, 2_000, 3_000, 5_000, 10_000, 30_000, 60_000, 120_000]

export type PacketFoldParts = {
  readonly decode: DecodePacket
  readonly state: InstrumentState
  readonly gaps: GapLedger
  readonly minutes: OpenMinutes
}

type SavedPackets = {
  readonly lateCount: number
  readonly packetCount: number
  readonly lateness: HistogramFacts
}

export class PacketFold {
  /** By outcome code, see PACKET_OUTCOMES; [0] is accepted. */
  readonly outcomes: Float64Array = new Float64Array(PACKET_OUTCOMES.length)
  lateCount = 0
  packetCount = 0
  /** From the exchange's stamp, whole seconds, to the arrival. */
  readonly lateness: Histogram = new Histogram(LATENESS_BOUNDS_MS)

  readonly #tick = new TickFields()
  readonly #decode: DecodePacket
  readonly #state: InstrumentState
  readonly #gaps: GapLedger
  readonly #minutes: OpenMinutes
  readonly #rejections: Rejections
  readonly #shardOfConnection = new Int32Array(CONNECTIONS_MAX).fill(-1)
  #table: InstrumentTable | null = null
  #phases: PhaseTable | null = null
  #dayStartMs = 0

  constructor(parts: PacketFoldParts) {
    this.#decode = parts.decode
    this.#state = parts.state
    this.#gaps = parts.gaps
    this.#minutes = parts.minutes
    this.#rejections = new Rejections(parts)
  }

  start(table: InstrumentTable, phases: PhaseTable, dayStartMs: number, graceMs: number): void {
    this.#table = table
    this.#phases = phases
    this.#dayStartMs = dayStartMs
    this.#rejections.start(table, phases, graceMs)
  }

  connect(connection: number, shardId: number): void {
    this.#shardOfConnection[connection] = shardId
  }

  /** All but what `start` says. `connectionCount`: how many connections there were so far. */
  save(writer: StateWriter, connectionCount: number): void {
    const { lateCount, packetCount } = this
    const saved: SavedPackets = { lateCount, packetCount, lateness: this.lateness.facts() }
    writer.value(saved)
    writer.cells(this.outcomes)
    writer.cells(this.#shardOfConnection.subarray(0, connectionCount))
    this.#rejections.save(writer)
  }

  load(reader: StateReader): void {
    const { lateCount, packetCount, lateness } = reader.value<SavedPackets>()
    this.lateCount = lateCount
    this.packetCount = packetCount
    this.lateness.resume(lateness)
    this.outcomes.set(reader.float64())
    this.#shardOfConnection.set(reader.int32())
    this.#rejections.load(reader)
  }

  /** Folds a PACKETS payload; `bytes` and `view` cover the same memory. */
  packets(bytes: Uint8Array, view: DataView, offset: number, count: number): void {
    this.packetCount += count
    if (this.#table === null) {
      // The entry that says whose packets these are is not readable.
      this.outcomes[REJECT_TOKEN]! += count
      return
    }
    const tick = this.#tick
    const received = this.#gaps.lastReceivedMs
    const baseMs = view.getFloat64(offset, true)
    let at = offset + PACKETS_HEAD_BYTES
    for (let n = 0; n < count; n++) {
      const length = view.getUint16(at, true)
      const connection = view.getUint16(at + 2, true)
      const receivedMs = baseMs + view.getUint32(at + 4, true)
      at += PACKET_HEAD_BYTES
      let outcome = this.#decode(bytes, view, at, length, tick)
      if (outcome === ACCEPTED) outcome = this.#applyTick(bytes, connection)
      this.outcomes[outcome]!++
      const shardId = this.#shardOfConnection[connection]!
      if (shardId >= 0) {
        if (receivedMs > received[shardId]!) received[shardId] = receivedMs
        if (outcome === ACCEPTED) {
          this.#gaps.tell(shardId, tick.exchangeMs, receivedMs)
          this.lateness.add(receivedMs - tick.exchangeMs)
        }
      }
      if (outcome !== ACCEPTED) this.#rejections.add(outcome, tick, bytes, connection, receivedMs)
      at += length
    }
  }

  /** Folds one REST quote, as a packet that has a trade time and no sequence. */
  quote(quote: Quote, priceScale: number): void {
    const token = new TextEncoder().encode(quote.token)
    const tick = this.#tick
    tick.mode = MODES.indexOf('snap_quote')
    tick.exchange = EXCHANGES.indexOf(quote.exchange)
    tick.tokenOffset = 0
    tick.tokenLength = token.length
    tick.sequence = ABSENT
    tick.exchangeMs = quote.exchangeMs
    tick.tradeMs = quote.tradeMs
    tick.priceScale = priceScale
    tick.price = Math.round(quote.price * priceScale)
    tick.dayVolume = quote.dayVolume
    tick.dayHigh = Math.round(quote.dayHigh * priceScale)
    tick.dayLow = Math.round(quote.dayLow * priceScale)
    this.outcomes[this.#applyTick(token, NO_CONNECTION)]!++
    this.packetCount++
  }

  #applyTick(bytes: Uint8Array, connection: number): number {
    const tick = this.#tick
    const state = this.#state
    const index = this.#table!.find(bytes, tick.tokenOffset, tick.tokenLength, tick.exchange)
    if (index < 0) return REJECT_TOKEN
    const sinceDayStartMs = tick.exchangeMs - this.#dayStartMs
    if (sinceDayStartMs < 0 || sinceDayStartMs >= DAY_MS) return REJECT_STALE
    const slot = index * MODE_COUNT + tick.mode
    const isNumbered = connection !== NO_CONNECTION && state.hasSequence[index] === 1
    if (
      isNumbered &&
      state.lastConnection[slot] === connection &&
      tick.sequence <= state.lastSequence[slot]!
    ) {
      return REJECT_SEQUENCE
    }
    const cells = state.cells
    const at = index * STATE_STRIDE
    const isVolumeKnown = tick.dayVolume !== ABSENT && state.hasVolume[index] === 1
    const rise = isVolumeKnown ? tick.dayVolume - cells[at + PREVIOUS_VOLUME]! : 0
    if (rise < 0) return REJECT_VOLUME_FELL

    const isFirst = cells[at + PREVIOUS_PRICE] === 0
    const shardId = state.shardId[index]!
    const isAcrossGap = cells[at + SEEN_EPOCH] !== this.#gaps.epoch[shardId]!
    const isEvidence =
      !isVolumeKnown ||
      (isFirst ? rise > 0 && !isAcrossGap : rise > 0 || tick.price !== cells[at + PREVIOUS_PRICE])
    const timeMs = isEvidence ? this.#tradeTimeMs() : tick.exchangeMs
    const phaseClass = state.phaseClass[index]!
    const segment = this.#phases!.segmentAt(phaseClass, timeMs)
    const kind = this.#phases!.kindOf(phaseClass, segment)
    const minute = (timeMs / MINUTE_MS) | 0
    if (kind === KIND_CONTINUOUS && minute > this.#minutes.lastOpen()) return REJECT_FUTURE

    if (isNumbered) {
      state.lastConnection[slot] = connection
      state.lastSequence[slot] = tick.sequence
    }
    if (kind === KIND_CONTINUOUS) {
      const isDetached = isAcrossGap && cells[at + PREVIOUS_MINUTE] !== minute
      this.#applyContinuous(index, minute, timeMs, rise, isEvidence, isDetached)
    } else {
      const isDetached = isAcrossGap && cells[at + PREVIOUS_SEGMENT] !== segment
      if (isDetached) this.#leaveUnattributed(index, rise)
      else cells[at + outsideFieldOf(kind)]! += rise
      this.#noteRange(at)
    }
    cells[at + PREVIOUS_PRICE] = tick.price
    if (isVolumeKnown) cells[at + PREVIOUS_VOLUME] = tick.dayVolume
    cells[at + PREVIOUS_MINUTE] = minute
    cells[at + PREVIOUS_EXCHANGE_MS] = tick.exchangeMs
    cells[at + PREVIOUS_SEGMENT] = segment
    cells[at + SEEN_EPOCH] = this.#gaps.mark[shardId]!
    cells[at + PRICE_SCALE] = tick.priceScale
    return ACCEPTED
  }

  /** The trade's own time where the packet has one that can be, else the exchange's. */
  #tradeTimeMs(): number {
    const { tradeMs, exchangeMs } = this.#tick
    return tradeMs >= this.#dayStartMs && tradeMs <= exchangeMs ? tradeMs : exchangeMs
  }

  /** A tick of the continuous session. `isDetached`: a gap hides in which minute `rise` was traded. */
  #applyContinuous(
    index: number,
    minute: number,
    timeMs: number,
    rise: number,
    isEvidence: boolean,
    isDetached: boolean,
  ): void {
    const cells = this.#state.cells
    const at = index * STATE_STRIDE
    const open = this.#minutes.find(minute)
    if (isDetached) {
      this.#leaveUnattributed(index, rise)
      if (rise > 0) open?.doubt(index)
    } else if (open === undefined) cells[at + LATE]! += rise
    else cells[at + IN_CANDLES]! += rise
    if (open === undefined) {
      if (isEvidence) {
        this.lateCount++
        cells[at + LATE_COUNT]!++
      }
      this.#noteRange(at)
      return
    }
    if (isEvidence) {
      const { price, dayVolume } = this.#tick
      const isVolumeKnown = dayVolume !== ABSENT && this.#state.hasVolume[index] === 1
      const own = !isVolumeKnown ? ABSENT : isDetached ? 0 : rise
      open.trade(index, price, timeMs, dayVolume, own)
    }
    if (this.#isFarOutsideDay()) open.doubt(index)
    if (isDetached || cells[at + OWN_HIGH] === 0) this.#noteRange(at)
    else if (open.hasCandle(index)) this.#widen(open, index, at)
    if (isEvidence) this.#noteDayRange(open, index, at)
  }

  /** A gap hides when `rise` was traded. */
  #leaveUnattributed(index: number, rise: number): void {
    if (rise === 0) return
    this.#state.cells[index * STATE_STRIDE + UNATTRIBUTED]! += rise
    this.#gaps.noteUnattributed(this.#state.shardId[index]!, rise)
  }

  /**
   * A day high above every price that we know of is a print that conflation hid; it was traded since
   * the previous packet. Without a candle to widen it stays unnoted, and the next evidence finds it.
   */
  #widen(open: OpenMinute, index: number, at: number): void {
    const { dayHigh, dayLow } = this.#tick
    const cells = this.#state.cells
    if (dayHigh > cells[at + OWN_HIGH]!) open.widenHigh(index, dayHigh)
    if (dayLow > 0 && dayLow < cells[at + OWN_LOW]!) open.widenLow(index, dayLow)
    this.#noteRange(at)
  }

  /**
   * The day's range may lag behind the price, a packet or two. It does not stay behind by half of it: such a
   * packet contradicts itself, and which of its numbers is false cannot be said.
   */
  #isFarOutsideDay(): boolean {
    const { price, dayHigh, dayLow } = this.#tick
    return (dayHigh > 0 && price > 2 * dayHigh) || (dayLow > 0 && 2 * price < dayLow)
  }

  /** Takes the packet's price and day range into the range that we know of. */
  #noteRange(at: number): void {
    const { price, dayHigh, dayLow } = this.#tick
    const cells = this.#state.cells
    const high = Math.max(dayHigh, price)
    const low = dayLow > 0 && dayLow < price ? dayLow : price
    if (high > cells[at + OWN_HIGH]!) cells[at + OWN_HIGH] = high
    if (cells[at + OWN_LOW] === 0 || low < cells[at + OWN_LOW]!) cells[at + OWN_LOW] = low
  }

  #noteDayRange(open: OpenMinute, index: number, at: number): void {
    const { price, dayHigh, dayLow } = this.#tick
    const cells = this.#state.cells
    // A feed without a day range has only our own; a feed with one knows better what was known then.
    const high = dayHigh === ABSENT ? cells[at + OWN_HIGH]! : Math.max(dayHigh, price)
    const low = dayLow <= 0 ? cells[at + OWN_LOW]! : Math.min(dayLow, price)
    open.extendDayRange(index, high, low)
  }
}

function outsideFieldOf(kind: number): number {
  return IN_PRE_OPEN + (kind === KIND_PRE_OPEN ? 0 : kind === KIND_CLOSING_AUCTION ? 1 : 2)
}
