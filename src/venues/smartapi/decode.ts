/**
 * What does a packet say? The hot path: every packet that is received, and every packet of a replay,
 * goes through here once, so it makes no object, no string and no BigInt.
 *
 * An i64 is read as two 32-bit words. It is a count that can be (0 <= n < 2^53) exactly when its high
 * word has none of the upper 11 bits set, and that can be asked of many numbers at once: OR their high
 * words, look at the upper bits of the result. Only numbers that a tick takes are judged: an absurd
 * open interest or circuit costs nobody a price.
 *
 * A packet longer than its mode's length is dropped like a shorter one. Reading the known part of a
 * longer packet would be guessing what the vendor changed; the drop is counted, and the packet is in
 * the journal for the day when the change is understood.
 */
import {
  ABSENT,
  ACCEPTED,
  type DecodePacket,
  REJECT_EXCHANGE,
  REJECT_LENGTH,
  REJECT_NO_PRICE,
  REJECT_RANGE,
  type TickFields,
} from '../../domain/tick.ts'
import {
  DAY_HIGH_AT,
  DAY_LOW_AT,
  DAY_OPEN_AT,
  DAY_VOLUME_AT,
  DEPTH_BYTES,
  DEPTH_EXCHANGE_MS_AT,
  EXCHANGE_MS_AT,
  LAST_QUANTITY_AT,
  LTP_BYTES,
  ORDINAL_OF_CODE,
  ORDINAL_UNKNOWN,
  PRICE_AT,
  PRICE_SCALES,
  QUOTE_BYTES,
  SEQUENCE_AT,
  SNAP_QUOTE_BYTES,
  TOKEN_AT,
  TOKEN_BYTES_MAX,
  TRADE_SECONDS_AT,
} from './wire.ts'

const TWO_32 = 4_294_967_296
/** Bits of a high word that are clear in every number below 2^53; the sign is one of them. */
const HIGH_BITS_MASK = 0xffe0_0000 | 0
const SECONDS_MAX = Math.floor(Number.MAX_SAFE_INTEGER / 1000)

const LTP = 1
const QUOTE = 2
const SNAP_QUOTE = 3
const DEPTH = 4

/**
 * After REJECT_EXCHANGE `tick` is as it was. After REJECT_LENGTH only exchange and token are of this packet,
 * and the token is empty where it cannot be read. After REJECT_RANGE only mode, exchange,
 * token and priceScale are of this packet; after REJECT_NO_PRICE everything but the price is.
 */
export const decodePacket: DecodePacket = (bytes, view, offset, length, tick) => {
  const mode = bytes[offset]!
  if (length < LTP_BYTES || offset + length > bytes.byteLength || !fits(mode, length)) {
    readName(bytes, offset, length, tick)
    return REJECT_LENGTH
  }
  const exchange = ORDINAL_OF_CODE[bytes[offset + 1]!]!
  if (exchange === ORDINAL_UNKNOWN) return REJECT_EXCHANGE
  tick.mode = mode - 1
  tick.exchange = exchange
  tick.priceScale = PRICE_SCALES[exchange]!
  tick.tokenOffset = offset + TOKEN_AT
  tick.tokenLength = tokenLength(bytes, offset + TOKEN_AT)
  if (mode === DEPTH) return decodeDepth(view, offset, tick)

  if (!readDay(view, offset, mode, tick)) return REJECT_RANGE
  const sequenceHigh = view.getInt32(offset + SEQUENCE_AT + 4, true)
  const timeHigh = view.getInt32(offset + EXCHANGE_MS_AT + 4, true)
  if (((sequenceHigh | timeHigh) & HIGH_BITS_MASK) !== 0) return REJECT_RANGE
  tick.sequence = sequenceHigh * TWO_32 + view.getUint32(offset + SEQUENCE_AT, true)
  tick.exchangeMs = timeHigh * TWO_32 + view.getUint32(offset + EXCHANGE_MS_AT, true)
  return readPrice(view, offset, tick)
}

/** Of a packet that is no packet: whose it was meant to be, as far as it has that. */
function readName(bytes: Uint8Array, offset: number, length: number, tick: TickFields): void {
  tick.tokenLength = 0
  if (length < TOKEN_AT + TOKEN_BYTES_MAX || offset + length > bytes.byteLength) return
  const exchange = ORDINAL_OF_CODE[bytes[offset + 1]!]!
  if (exchange === ORDINAL_UNKNOWN) return
  tick.exchange = exchange
  tick.tokenOffset = offset + TOKEN_AT
  tick.tokenLength = tokenLength(bytes, offset + TOKEN_AT)
}

function fits(mode: number, length: number): boolean {
  switch (mode) {
    case LTP:
      return length === LTP_BYTES
    case QUOTE:
      return length === QUOTE_BYTES
    case SNAP_QUOTE:
      return length === SNAP_QUOTE_BYTES
    case DEPTH:
      return length === DEPTH_BYTES
    default:
      return false
  }
}

function tokenLength(bytes: Uint8Array, start: number): number {
  let length = 0
  while (length < TOKEN_BYTES_MAX && bytes[start + length] !== 0) length += 1
  return length
}

/** The part that ltp does not have. False where a number cannot be. */
function readDay(view: DataView, offset: number, mode: number, tick: TickFields): boolean {
  tick.tradeMs = ABSENT
  if (mode === LTP) {
    tick.lastQuantity = ABSENT
    tick.dayVolume = ABSENT
    tick.dayOpen = ABSENT
    tick.dayHigh = ABSENT
    tick.dayLow = ABSENT
    return true
  }
  const quantityHigh = view.getInt32(offset + LAST_QUANTITY_AT + 4, true)
  const volumeHigh = view.getInt32(offset + DAY_VOLUME_AT + 4, true)
  const openHigh = view.getInt32(offset + DAY_OPEN_AT + 4, true)
  const highHigh = view.getInt32(offset + DAY_HIGH_AT + 4, true)
  const lowHigh = view.getInt32(offset + DAY_LOW_AT + 4, true)
  if (((quantityHigh | volumeHigh | openHigh | highHigh | lowHigh) & HIGH_BITS_MASK) !== 0) return false
  tick.lastQuantity = quantityHigh * TWO_32 + view.getUint32(offset + LAST_QUANTITY_AT, true)
  tick.dayVolume = volumeHigh * TWO_32 + view.getUint32(offset + DAY_VOLUME_AT, true)
  tick.dayOpen = openHigh * TWO_32 + view.getUint32(offset + DAY_OPEN_AT, true)
  tick.dayHigh = highHigh * TWO_32 + view.getUint32(offset + DAY_HIGH_AT, true)
  tick.dayLow = lowHigh * TWO_32 + view.getUint32(offset + DAY_LOW_AT, true)
  return mode === QUOTE || readTradeTime(view, offset, tick)
}

function readTradeTime(view: DataView, offset: number, tick: TickFields): boolean {
  const high = view.getInt32(offset + TRADE_SECONDS_AT + 4, true)
  if ((high & HIGH_BITS_MASK) !== 0) return false
  const seconds = high * TWO_32 + view.getUint32(offset + TRADE_SECONDS_AT, true)
  if (seconds > SECONDS_MAX) return false
  tick.tradeMs = seconds * 1000
  return true
}

function readPrice(view: DataView, offset: number, tick: TickFields): number {
  tick.price = ABSENT
  const high = view.getInt32(offset + PRICE_AT + 4, true)
  if (high < 0) return REJECT_NO_PRICE
  if ((high & HIGH_BITS_MASK) !== 0) return REJECT_RANGE
  const price = high * TWO_32 + view.getUint32(offset + PRICE_AT, true)
  if (price === 0) return REJECT_NO_PRICE
  tick.price = price
  return ACCEPTED
}

function decodeDepth(view: DataView, offset: number, tick: TickFields): number {
  tick.sequence = ABSENT
  tick.price = ABSENT
  tick.lastQuantity = ABSENT
  tick.dayVolume = ABSENT
  tick.dayOpen = ABSENT
  tick.dayHigh = ABSENT
  tick.dayLow = ABSENT
  tick.tradeMs = ABSENT
  const timeHigh = view.getInt32(offset + DEPTH_EXCHANGE_MS_AT + 4, true)
  if ((timeHigh & HIGH_BITS_MASK) !== 0) return REJECT_RANGE
  tick.exchangeMs = timeHigh * TWO_32 + view.getUint32(offset + DEPTH_EXCHANGE_MS_AT, true)
  return REJECT_NO_PRICE
}
