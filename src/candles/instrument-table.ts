/**
 * Which instrument does a packet belong to? Finds the index of (exchange, token text) straight from
 * the packet's bytes: no string is made, nothing is allocated.
 *
 * An open-addressing table of twice the capacity needed, probed linearly. A slot holds the index of
 * the instrument plus one; equality is decided on the bytes of the token, never on the hash alone.
 */
import { EXCHANGES, type ExchangeOrdinal, type Instrument, instrumentKey } from '../domain/instrument.ts'

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193
/** The wire has room for 25 bytes of token. */
export const TOKEN_MAX_BYTES = 25

export class InstrumentTable {
  readonly #slots: Int32Array
  readonly #mask: number
  readonly #tokens: Uint8Array
  readonly #tokenLengths: Uint8Array
  readonly #exchanges: Uint8Array

  constructor(instruments: readonly Instrument[]) {
    let slotCount = 16
    while (slotCount < instruments.length * 4) slotCount *= 2
    this.#slots = new Int32Array(slotCount)
    this.#mask = slotCount - 1
    this.#tokens = new Uint8Array(instruments.length * TOKEN_MAX_BYTES)
    this.#tokenLengths = new Uint8Array(instruments.length)
    this.#exchanges = new Uint8Array(instruments.length)
    for (const [index, instrument] of instruments.entries()) this.#insert(instrument, index)
  }

  #insert(instrument: Instrument, index: number): void {
    const token = new TextEncoder().encode(instrument.token)
    if (token.length === 0 || token.length > TOKEN_MAX_BYTES) {
      throw new Error(`token of ${instrumentKey(instrument)} does not fit a packet`)
    }
    const exchange = EXCHANGES.indexOf(instrument.exchange)
    if (this.find(token, 0, token.length, exchange) >= 0) {
      throw new Error(`instrument ${instrumentKey(instrument)} stands twice in the list`)
    }
    this.#tokens.set(token, index * TOKEN_MAX_BYTES)
    this.#tokenLengths[index] = token.length
    this.#exchanges[index] = exchange
    let slot = hashOf(token, 0, token.length, exchange) & this.#mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask
    this.#slots[slot] = index + 1
  }

  /** Index of the instrument, or -1. */
  find(bytes: Uint8Array, offset: number, length: number, exchange: ExchangeOrdinal): number {
    let slot = hashOf(bytes, offset, length, exchange) & this.#mask
    for (;;) {
      const index = this.#slots[slot]! - 1
      if (index < 0) return -1
      if (this.#exchanges[index] === exchange && this.#hasToken(index, bytes, offset, length)) return index
      slot = (slot + 1) & this.#mask
    }
  }

  #hasToken(index: number, bytes: Uint8Array, offset: number, length: number): boolean {
    if (this.#tokenLengths[index] !== length) return false
    const start = index * TOKEN_MAX_BYTES
    for (let at = 0; at < length; at++) {
      if (this.#tokens[start + at] !== bytes[offset + at]) return false
    }
    return true
  }
}

function hashOf(bytes: Uint8Array, offset: number, length: number, exchange: number): number {
  let hash = FNV_OFFSET ^ exchange
  for (let at = offset; at < offset + length; at++) hash = Math.imul(hash ^ bytes[at]!, FNV_PRIME)
  return hash ^ (hash >>> 15)
}
