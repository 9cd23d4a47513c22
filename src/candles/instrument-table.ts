/**
 * Which instrument does a packet belong to? Finds the index of (exchange, token text) straight from
 * the packet's bytes: no string is made, nothing is allocated.
 *
 * An open-addressing table of at least four times the instruments, probed linearly. All that decides
 * about a token of up to eight bytes, as tokens are, stands in the slot itself, one line of the
 * processor's cache: the token as two words, its length and exchange, the index of the instrument plus
 * one. What goes beyond eight bytes is compared byte by byte; equality is never decided on the hash.
 */
import { EXCHANGES, type ExchangeOrdinal, type Instrument, instrumentKey } from '../domain/instrument.ts'

/** The wire has room for 25 bytes of token. */
export const TOKEN_MAX_BYTES = 25
const WORDS_BYTES = 8

// A slot, in 32-bit words.
const SLOT_WORDS = 4
const INDEX = 0 // plus one; 0 is an empty slot
const FIRST = 1
const SECOND = 2
const SHAPE = 3

export class InstrumentTable {
  readonly #slots: Int32Array
  readonly #mask: number
  readonly #tokens: Uint8Array

  constructor(instruments: readonly Instrument[]) {
    let slotCount = 16
    while (slotCount < instruments.length * 4) slotCount *= 2
    this.#slots = new Int32Array(slotCount * SLOT_WORDS)
    this.#mask = slotCount - 1
    this.#tokens = new Uint8Array(instruments.length * TOKEN_MAX_BYTES)
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
    const first = wordAt(token, 0, token.length)
    const second = wordAt(token, 4, token.length - 4)
    const shape = shapeOf(token.length, exchange)
    let slot = hashOf(first, second, shape) & this.#mask
    while (this.#slots[slot * SLOT_WORDS] !== 0) slot = (slot + 1) & this.#mask
    this.#slots.set([index + 1, first, second, shape], slot * SLOT_WORDS)
  }

  /** Index of the instrument, or -1. */
  find(bytes: Uint8Array, offset: number, length: number, exchange: ExchangeOrdinal): number {
    const slots = this.#slots
    const first = wordAt(bytes, offset, length)
    const second = wordAt(bytes, offset + 4, length - 4)
    const shape = shapeOf(length, exchange)
    let slot = hashOf(first, second, shape) & this.#mask
    for (;;) {
      const at = slot * SLOT_WORDS
      const index = slots[at + INDEX]! - 1
      if (index < 0) return -1
      if (
        slots[at + FIRST] === first &&
        slots[at + SECOND] === second &&
        slots[at + SHAPE] === shape &&
        (length <= WORDS_BYTES || this.#hasRest(index, bytes, offset, length))
      ) {
        return index
      }
      slot = (slot + 1) & this.#mask
    }
  }

  #hasRest(index: number, bytes: Uint8Array, offset: number, length: number): boolean {
    const start = index * TOKEN_MAX_BYTES
    for (let at = WORDS_BYTES; at < length; at++) {
      if (this.#tokens[start + at] !== bytes[offset + at]) return false
    }
    return true
  }
}

/** Up to four bytes as one number; 0 where there are none. */
function wordAt(bytes: Uint8Array, offset: number, length: number): number {
  if (length >= 4) {
    return (
      bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)
    )
  }
  let word = 0
  for (let at = 0; at < length; at++) word |= bytes[offset + at]! << (8 * at)
  return word
}

function shapeOf(length: number, exchange: number): number {
  return (exchange << 8) | length
}

function hashOf(first: number, second: number, shape: number): number {
  let hash = Math.imul(first ^ Math.imul(shape, 0x27d4eb2f), 0x9e3779b1 | 0)
  hash = Math.imul(hash ^ (hash >>> 15) ^ second, 0x85ebca6b | 0)
  return hash ^ (hash >>> 13)
}
