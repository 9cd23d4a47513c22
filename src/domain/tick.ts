/**
 * What does one vendor packet say, and why was it not accepted?
 *
 * The hot path allocates nothing: one `TickFields` is made at the start and overwritten by every
 * packet. Prices stay the vendor's integers; `priceScale` says how many of them make one unit of
 * currency. A field that the packet's mode does not carry holds `ABSENT`.
 */
import type { ExchangeOrdinal } from './instrument.ts'

export const ABSENT = -1

export const MODES = ['ltp', 'quote', 'snap_quote', 'depth'] as const
export type Mode = (typeof MODES)[number]

export class TickFields {
  /** Position in `MODES`: 0 ltp, 1 quote, 2 snap_quote, 3 depth. */
  mode: number = 0
  exchange: ExchangeOrdinal = 0
  /** Where the token's text lies in the bytes that were decoded. */
  tokenOffset: number = 0
  tokenLength: number = 0
  /** Grows over a whole exchange segment; says only newer or not newer. ABSENT in depth packets. */
  sequence: number = ABSENT
  /** Exchange time, Unix ms (whole seconds but for depth). */
  exchangeMs: number = 0
  /** Last traded price, integer, see `priceScale`. ABSENT in depth packets. */
  price: number = ABSENT
  /** Integers per unit of currency: 100 (paise), or 10,000,000 for currency derivatives. */
  priceScale: number = 100
  lastQuantity: number = ABSENT
  /** Cumulative volume of the day, shares. */
  dayVolume: number = ABSENT
  dayOpen: number = ABSENT
  dayHigh: number = ABSENT
  dayLow: number = ABSENT
  /** Time of the last trade, Unix ms; snap_quote only. */
  tradeMs: number = ABSENT
}

/** Why a packet was not used. The order is fixed: the position is the code on the hot path; 0 is accepted. */
export const PACKET_OUTCOMES = [
  'accepted',
  'length', // does not fit its mode, or the mode is unknown
  'exchange', // an exchange type that we do not know
  'range', // a number that cannot be (negative, or beyond 2^53)
  'no_price', // price zero or negative, or the packet carries none (depth)
  'token', // not an instrument of this session
  'stale', // exchange time on another market date
  'future', // exchange time beyond every open minute
  'sequence', // not newer than the last of the same token, mode and connection
  'volume_fell', // cumulative volume below the last accepted one
] as const
export type PacketOutcome = (typeof PACKET_OUTCOMES)[number]

export const ACCEPTED = 0
export const REJECT_LENGTH = 1
export const REJECT_EXCHANGE = 2
export const REJECT_RANGE = 3
export const REJECT_NO_PRICE = 4
export const REJECT_TOKEN = 5
export const REJECT_STALE = 6
export const REJECT_FUTURE = 7
export const REJECT_SEQUENCE = 8
export const REJECT_VOLUME_FELL = 9

/**
 * Reads the packet at [offset, offset + length) into `tick` and returns ACCEPTED or a rejection
 * code of the first five above (the decoder knows bytes, not the session). The token is given also with
 * REJECT_LENGTH, so that the loss has a name; empty where it cannot be read. `bytes` and `view`
 * cover the same memory. Never throws, never reads outside the interval, allocates nothing.
 */
export type DecodePacket = (
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  length: number,
  tick: TickFields,
) => number
