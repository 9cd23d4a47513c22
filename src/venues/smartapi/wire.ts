/**
 * Where does what lie in a packet of the smart-stream, version 2? All little endian, one packet a
 * frame. `i64` are whole numbers that in practice stay below 2^53.
 *
 *     ltp (51)         0 u8 mode | 1 u8 exchange type | 2 25 bytes token, ends at the first NUL
 *                      27 i64 sequence | 35 i64 exchange time, ms | 43 i64 last price
 *     quote (123)      adds 51 i64 last quantity | 59 i64 average price | 67 i64 volume of the day
 *                      75 f64 total buy | 83 f64 total sell | 91 i64 open | 99 high | 107 low
 *                      115 i64 close of the session before
 *     snap_quote (379) adds 123 i64 last trade, SECONDS | 131 i64 open interest | 139 f64 its change
 *                      147 ten levels of 20 bytes | 347 i64 upper circuit | 355 lower circuit
 *                      363 i64 year high | 371 i64 year low
 *     depth (443)      0, 1, 2 as above | 27 i64 exchange time, ms | 35 i64 always 0
 *                      43 twenty buys of 10 bytes | 243 twenty sells
 *
 * A level of snap_quote: i16 flag (1 buy, 0 sell), i64 quantity, i64 price, u16 orders. A level of
 * depth: i32 quantity, i32 price, u16 orders. The vendor's own clients disagree about the width of the
 * price in ltp (i32 or i64) and about the flag; i64 and "1 is buy" are what recordings show.
 */
import { EXCHANGES, type Exchange } from '../../domain/instrument.ts'
import { MODES, type Mode } from '../../domain/tick.ts'

export const LTP_BYTES = 51
export const QUOTE_BYTES = 123
export const SNAP_QUOTE_BYTES = 379
export const DEPTH_BYTES = 443

/** Length of a packet by mode number; modes count from 1. */
export const PACKET_BYTES: readonly number[] = [0, LTP_BYTES, QUOTE_BYTES, SNAP_QUOTE_BYTES, DEPTH_BYTES]

export const TOKEN_AT = 2
export const TOKEN_BYTES_MAX = 25

export const SEQUENCE_AT = 27
export const EXCHANGE_MS_AT = 35
export const PRICE_AT = 43
export const LAST_QUANTITY_AT = 51
export const AVERAGE_PRICE_AT = 59
export const DAY_VOLUME_AT = 67
export const TOTAL_BUY_AT = 75
export const TOTAL_SELL_AT = 83
export const DAY_OPEN_AT = 91
export const DAY_HIGH_AT = 99
export const DAY_LOW_AT = 107
export const PREVIOUS_CLOSE_AT = 115
export const TRADE_SECONDS_AT = 123
export const OPEN_INTEREST_AT = 131
export const OPEN_INTEREST_CHANGE_AT = 139
export const BEST_FIVE_AT = 147
export const BEST_FIVE_LEVEL_BYTES = 20
export const UPPER_CIRCUIT_AT = 347
export const LOWER_CIRCUIT_AT = 355
export const YEAR_HIGH_AT = 363
export const YEAR_LOW_AT = 371

export const DEPTH_EXCHANGE_MS_AT = 27
export const DEPTH_BUYS_AT = 43
export const DEPTH_SELLS_AT = 243
export const DEPTH_LEVEL_BYTES = 10

export const BEST_LEVEL_COUNT = 5
export const DEPTH_LEVEL_COUNT = 20
export const FLAG_BUY = 1
export const FLAG_SELL = 0

const EXCHANGE_CODES: Readonly<Record<Exchange, number>> = {
  NSE: 1,
  NFO: 2,
  BSE: 3,
  BFO: 4,
  MCX: 5,
  NCDEX: 7,
  CDS: 13,
}

export const ORDINAL_UNKNOWN = 255

/** Position in EXCHANGES by exchange type, for all 256 values of the byte. */
export const ORDINAL_OF_CODE: Uint8Array = new Uint8Array(256).fill(ORDINAL_UNKNOWN)
for (const [ordinal, exchange] of EXCHANGES.entries()) ORDINAL_OF_CODE[EXCHANGE_CODES[exchange]] = ordinal

/** Integers of a price per unit of currency, by position in EXCHANGES. */
export const PRICE_SCALES: readonly number[] = EXCHANGES.map((exchange) =>
  exchange === 'CDS' ? 10_000_000 : 100,
)

export function exchangeCode(exchange: Exchange): number {
  return EXCHANGE_CODES[exchange]
}

/** Null for a number that is no exchange type. */
export function exchangeOfCode(code: number): Exchange | null {
  return EXCHANGES[ORDINAL_OF_CODE[code] ?? ORDINAL_UNKNOWN] ?? null
}

export function modeCode(mode: Mode): number {
  return MODES.indexOf(mode) + 1
}

/** Null for a number that is no mode. */
export function modeOfCode(code: number): Mode | null {
  return MODES[code - 1] ?? null
}
