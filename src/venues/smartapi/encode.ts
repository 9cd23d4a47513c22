/**
 * How is a packet made? For the stand-in and for tests; the layout is in `wire.ts`. Writes whatever
 * whole numbers it is given, also ones that no exchange would send, because a stand-in must be able to
 * misbehave.
 */
import type { BookLevel, EncodePacket, PacketFields } from '../../domain/packet.ts'
import {
  AVERAGE_PRICE_AT,
  BEST_FIVE_AT,
  BEST_FIVE_LEVEL_BYTES,
  BEST_LEVEL_COUNT,
  DAY_HIGH_AT,
  DAY_LOW_AT,
  DAY_OPEN_AT,
  DAY_VOLUME_AT,
  DEPTH_BUYS_AT,
  DEPTH_EXCHANGE_MS_AT,
  DEPTH_LEVEL_BYTES,
  DEPTH_LEVEL_COUNT,
  DEPTH_SELLS_AT,
  EXCHANGE_MS_AT,
  exchangeCode,
  FLAG_BUY,
  FLAG_SELL,
  LAST_QUANTITY_AT,
  LOWER_CIRCUIT_AT,
  modeCode,
  OPEN_INTEREST_AT,
  OPEN_INTEREST_CHANGE_AT,
  PACKET_BYTES,
  PREVIOUS_CLOSE_AT,
  PRICE_AT,
  SEQUENCE_AT,
  TOKEN_AT,
  TOKEN_BYTES_MAX,
  TOTAL_BUY_AT,
  TOTAL_SELL_AT,
  TRADE_SECONDS_AT,
  UPPER_CIRCUIT_AT,
  YEAR_HIGH_AT,
  YEAR_LOW_AT,
} from './wire.ts'

const TWO_32 = 4_294_967_296

/**
 * Levels beyond the mode's five or twenty are left out, missing ones are written as zeros. Throws
 * RangeError for what the wire cannot carry: a token that is not 1 to 25 ASCII characters, a number
 * that is not a safe integer, a depth level beyond 32 bits, too little room in `out`.
 */
export const encodePacket: EncodePacket = (fields, out, offset) => {
  const mode = modeCode(fields.mode)
  const length = PACKET_BYTES[mode]!
  if (offset < 0 || offset + length > out.byteLength) throw new RangeError(`no room for ${length} bytes`)
  const view = new DataView(out.buffer, out.byteOffset + offset, length)
  out.fill(0, offset, offset + length)
  view.setUint8(0, mode)
  view.setUint8(1, exchangeCode(fields.exchange))
  writeToken(view, fields.token)
  if (fields.mode === 'depth') {
    writeDepth(view, fields)
    return length
  }
  writeI64(view, SEQUENCE_AT, fields.sequence)
  writeI64(view, EXCHANGE_MS_AT, fields.exchangeMs)
  writeI64(view, PRICE_AT, fields.price)
  if (fields.mode !== 'ltp') writeDay(view, fields)
  if (fields.mode === 'snap_quote') writeSnap(view, fields)
  return length
}

function writeToken(view: DataView, token: string): void {
  if (token.length === 0 || token.length > TOKEN_BYTES_MAX) throw new RangeError(`token "${token}": length`)
  for (let at = 0; at < token.length; at += 1) {
    const code = token.charCodeAt(at)
    if (code === 0 || code > 127) throw new RangeError(`token "${token}": not ASCII`)
    view.setUint8(TOKEN_AT + at, code)
  }
}

function writeDay(view: DataView, fields: PacketFields): void {
  writeI64(view, LAST_QUANTITY_AT, fields.lastQuantity)
  writeI64(view, AVERAGE_PRICE_AT, fields.averagePrice)
  writeI64(view, DAY_VOLUME_AT, fields.dayVolume)
  view.setFloat64(TOTAL_BUY_AT, fields.totalBuyQuantity, true)
  view.setFloat64(TOTAL_SELL_AT, fields.totalSellQuantity, true)
  writeI64(view, DAY_OPEN_AT, fields.dayOpen)
  writeI64(view, DAY_HIGH_AT, fields.dayHigh)
  writeI64(view, DAY_LOW_AT, fields.dayLow)
  writeI64(view, PREVIOUS_CLOSE_AT, fields.previousClose)
}

function writeSnap(view: DataView, fields: PacketFields): void {
  writeI64(view, TRADE_SECONDS_AT, Math.floor(fields.tradeMs / 1000))
  writeI64(view, OPEN_INTEREST_AT, fields.openInterest)
  view.setFloat64(OPEN_INTEREST_CHANGE_AT, fields.openInterestChangeRatio, true)
  for (let level = 0; level < BEST_LEVEL_COUNT; level += 1) {
    const buyAt = BEST_FIVE_AT + level * BEST_FIVE_LEVEL_BYTES
    writeBestLevel(view, buyAt, FLAG_BUY, fields.buys[level])
    const sellAt = buyAt + BEST_LEVEL_COUNT * BEST_FIVE_LEVEL_BYTES
    writeBestLevel(view, sellAt, FLAG_SELL, fields.sells[level])
  }
  writeI64(view, UPPER_CIRCUIT_AT, fields.upperCircuit)
  writeI64(view, LOWER_CIRCUIT_AT, fields.lowerCircuit)
  writeI64(view, YEAR_HIGH_AT, fields.yearHigh)
  writeI64(view, YEAR_LOW_AT, fields.yearLow)
}

function writeBestLevel(view: DataView, at: number, flag: number, level: BookLevel | undefined): void {
  view.setInt16(at, flag, true)
  if (level === undefined) return
  writeI64(view, at + 2, level.quantity)
  writeI64(view, at + 10, level.price)
  view.setUint16(at + 18, within(level.orders, 0, 0xffff), true)
}

function writeDepth(view: DataView, fields: PacketFields): void {
  writeI64(view, DEPTH_EXCHANGE_MS_AT, fields.exchangeMs)
  for (let level = 0; level < DEPTH_LEVEL_COUNT; level += 1) {
    writeDepthLevel(view, DEPTH_BUYS_AT + level * DEPTH_LEVEL_BYTES, fields.buys[level])
    writeDepthLevel(view, DEPTH_SELLS_AT + level * DEPTH_LEVEL_BYTES, fields.sells[level])
  }
}

function writeDepthLevel(view: DataView, at: number, level: BookLevel | undefined): void {
  if (level === undefined) return
  view.setInt32(at, within(level.quantity, -0x8000_0000, 0x7fff_ffff), true)
  view.setInt32(at + 4, within(level.price, -0x8000_0000, 0x7fff_ffff), true)
  view.setUint16(at + 8, within(level.orders, 0, 0xffff), true)
}

function writeI64(view: DataView, at: number, value: number): void {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a safe integer`)
  view.setUint32(at, value >>> 0, true)
  view.setInt32(at + 4, Math.floor(value / TWO_32), true)
}

function within(value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${value} is not a whole number in [${min}, ${max}]`)
  }
  return value
}
