/**
 * What does a packet say, in full, order book and all? For tests and tools, where clarity counts more
 * than speed; the hot path is `decode.ts`.
 */
import { EXCHANGES } from '../../domain/instrument.ts'
import type { BookLevel, PacketFields } from '../../domain/packet.ts'
import { ABSENT, type Mode } from '../../domain/tick.ts'
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
  FLAG_BUY,
  FLAG_SELL,
  LAST_QUANTITY_AT,
  LOWER_CIRCUIT_AT,
  modeOfCode,
  OPEN_INTEREST_AT,
  OPEN_INTEREST_CHANGE_AT,
  ORDINAL_OF_CODE,
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

type Book = { readonly buys: readonly BookLevel[]; readonly sells: readonly BookLevel[] }

/**
 * Null where the length does not fit the mode or the exchange type is unknown. Fields that the mode
 * does not carry hold ABSENT, and its book is empty. Numbers are as they stand on the wire, also where
 * they make no sense; beyond 2^53 they are rounded.
 */
export function readPacket(bytes: Uint8Array): PacketFields | null {
  const mode = modeOfCode(bytes[0] ?? 0)
  const exchange = EXCHANGES[ORDINAL_OF_CODE[bytes[1] ?? 0]!]
  if (mode === null || exchange === undefined || bytes.byteLength !== PACKET_BYTES[bytes[0]!]) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const has = carries(mode)
  const i64 = (present: boolean, at: number): number => (present ? readI64(view, at) : ABSENT)
  const f64 = (present: boolean, at: number): number => (present ? view.getFloat64(at, true) : ABSENT)
  return {
    mode,
    exchange,
    token: readToken(bytes),
    sequence: i64(has.price, SEQUENCE_AT),
    exchangeMs: readI64(view, has.price ? EXCHANGE_MS_AT : DEPTH_EXCHANGE_MS_AT),
    price: i64(has.price, PRICE_AT),
    lastQuantity: i64(has.day, LAST_QUANTITY_AT),
    averagePrice: i64(has.day, AVERAGE_PRICE_AT),
    dayVolume: i64(has.day, DAY_VOLUME_AT),
    totalBuyQuantity: f64(has.day, TOTAL_BUY_AT),
    totalSellQuantity: f64(has.day, TOTAL_SELL_AT),
    dayOpen: i64(has.day, DAY_OPEN_AT),
    dayHigh: i64(has.day, DAY_HIGH_AT),
    dayLow: i64(has.day, DAY_LOW_AT),
    previousClose: i64(has.day, PREVIOUS_CLOSE_AT),
    tradeMs: has.snap ? readI64(view, TRADE_SECONDS_AT) * 1000 : ABSENT,
    openInterest: i64(has.snap, OPEN_INTEREST_AT),
    openInterestChangeRatio: f64(has.snap, OPEN_INTEREST_CHANGE_AT),
    ...readBook(view, mode),
    upperCircuit: i64(has.snap, UPPER_CIRCUIT_AT),
    lowerCircuit: i64(has.snap, LOWER_CIRCUIT_AT),
    yearHigh: i64(has.snap, YEAR_HIGH_AT),
    yearLow: i64(has.snap, YEAR_LOW_AT),
  }
}

function carries(mode: Mode): { readonly price: boolean; readonly day: boolean; readonly snap: boolean } {
  const snap = mode === 'snap_quote'
  return { price: mode !== 'depth', day: snap || mode === 'quote', snap }
}

function readToken(bytes: Uint8Array): string {
  let token = ''
  for (let at = TOKEN_AT; at < TOKEN_AT + TOKEN_BYTES_MAX && bytes[at] !== 0; at += 1) {
    token += String.fromCharCode(bytes[at]!)
  }
  return token
}

function readI64(view: DataView, at: number): number {
  return Number(view.getBigInt64(at, true))
}

function readBook(view: DataView, mode: Mode): Book {
  if (mode === 'snap_quote') return readBestFive(view)
  if (mode !== 'depth') return { buys: [], sells: [] }
  return { buys: readDepthLevels(view, DEPTH_BUYS_AT), sells: readDepthLevels(view, DEPTH_SELLS_AT) }
}

/** By flag, because recordings have the sides in either half; by position where the flag is neither. */
function readBestFive(view: DataView): Book {
  const buys: BookLevel[] = []
  const sells: BookLevel[] = []
  for (let index = 0; index < 2 * BEST_LEVEL_COUNT; index += 1) {
    const at = BEST_FIVE_AT + index * BEST_FIVE_LEVEL_BYTES
    const flag = view.getInt16(at, true)
    const isBuy = flag === FLAG_BUY || (flag !== FLAG_SELL && index < BEST_LEVEL_COUNT)
    const side = isBuy ? buys : sells
    side.push({
      quantity: readI64(view, at + 2),
      price: readI64(view, at + 10),
      orders: view.getUint16(at + 18, true),
    })
  }
  return { buys, sells }
}

function readDepthLevels(view: DataView, start: number): readonly BookLevel[] {
  return Array.from({ length: DEPTH_LEVEL_COUNT }, (_, level) => {
    const at = start + level * DEPTH_LEVEL_BYTES
    return {
      quantity: view.getInt32(at, true),
      price: view.getInt32(at + 4, true),
      orders: view.getUint16(at + 8, true),
    }
  })
}
