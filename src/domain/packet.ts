/**
 * What can be said in one vendor packet, in full? Used where packets are made (the stand-in) or shown
 * (tests, tools). The hot path uses `TickFields` instead. Integers are the vendor's: prices in
 * 1/priceScale of a unit of currency, quantities in shares, times in Unix ms.
 */
import type { Exchange } from './instrument.ts'
import type { Mode } from './tick.ts'

export type BookLevel = { readonly quantity: number; readonly price: number; readonly orders: number }

export type PacketFields = {
  readonly mode: Mode
  readonly exchange: Exchange
  readonly token: string
  readonly sequence: number
  readonly exchangeMs: number
  readonly price: number
  readonly lastQuantity: number
  readonly averagePrice: number
  readonly dayVolume: number
  readonly totalBuyQuantity: number
  readonly totalSellQuantity: number
  readonly dayOpen: number
  readonly dayHigh: number
  readonly dayLow: number
  readonly previousClose: number
  /** Whole seconds: the wire carries seconds. */
  readonly tradeMs: number
  readonly openInterest: number
  readonly openInterestChangeRatio: number
  /** Five levels in snap_quote, twenty in depth; best first. */
  readonly buys: readonly BookLevel[]
  readonly sells: readonly BookLevel[]
  readonly upperCircuit: number
  readonly lowerCircuit: number
  readonly yearHigh: number
  readonly yearLow: number
}

/** Writes the packet of `fields.mode` into `out` at `offset`; returns its length in bytes. */
export type EncodePacket = (fields: PacketFields, out: Uint8Array, offset: number) => number
