/**
 * How does an update become bytes on a socket? Once for each mode that somebody wants, and then the
 * same bytes for all who want it: one packet in one binary WebSocket frame of a server (never masked).
 */
import type { BookLevel, PacketFields } from '../../domain/packet.ts'
import type { StandInVenue } from '../../domain/stand-in.ts'
import { MODES } from '../../domain/tick.ts'
import { chanceOf } from '../prng.ts'
import { TICK_PAISE } from './listing.ts'
import type { ListedInstrument, UpdateBatch } from './source.ts'

type Writable<Shape> = { -readonly [Field in keyof Shape]: Shape[Field] }

const FRAME_BINARY_FINAL = 0x82
const FRAME_HEAD_BYTES_MAX = 4
/** Longest payload whose length fits into the frame's second byte. */
const SHORT_PAYLOAD_BYTES_MAX = 125
/** Room for packets that are deliberately too long. */
const EXCESS_BYTES_MAX = 64
const BOOK_LEVELS_MAX = 20

/** What a fault does to the bytes of a packet. */
export type Damage = {
  /** Added to the length of the packet. */
  readonly lengthChange: number
  /** In [0, 1): which bytes are flipped; negative for none. */
  readonly flipAt: number
}

export const NO_DAMAGE: Damage = { lengthChange: 0, flipAt: -1 }

export class PacketMaker {
  readonly #venue: StandInVenue
  readonly #instruments: readonly ListedInstrument[]
  readonly #bytes: Uint8Array
  readonly #fields: Writable<PacketFields>
  readonly #buys: Writable<BookLevel>[] = emptyBook()
  readonly #sells: Writable<BookLevel>[] = emptyBook()

  constructor(venue: StandInVenue, instruments: readonly ListedInstrument[]) {
    this.#venue = venue
    this.#instruments = instruments
    this.#bytes = new Uint8Array(FRAME_HEAD_BYTES_MAX + venue.packetBytesMax + EXCESS_BYTES_MAX)
    this.#fields = { ...EMPTY_FIELDS, buys: this.#buys, sells: this.#sells }
  }

  /** The whole frame. The memory is the maker's and only valid until the next call. */
  frame(updates: UpdateBatch, row: number, mode: number, damage: Damage = NO_DAMAGE): Uint8Array {
    const fields = this.#fill(updates, row, mode)
    const bytes = this.#bytes
    const encodedBytes = this.#venue.encodePacket(fields, bytes, FRAME_HEAD_BYTES_MAX)
    const payloadBytes = Math.max(1, encodedBytes + damage.lengthChange)
    const end = FRAME_HEAD_BYTES_MAX + payloadBytes
    if (damage.lengthChange > 0) bytes.fill(0, FRAME_HEAD_BYTES_MAX + encodedBytes, end)
    if (damage.flipAt >= 0) flip(bytes, FRAME_HEAD_BYTES_MAX, payloadBytes, damage.flipAt)
    const start = payloadBytes <= SHORT_PAYLOAD_BYTES_MAX ? 2 : 0
    bytes[start] = FRAME_BINARY_FINAL
    bytes[start + 1] = start === 2 ? payloadBytes : 126
    if (start === 0) {
      bytes[2] = payloadBytes >> 8
      bytes[3] = payloadBytes & 0xff
    }
    return bytes.subarray(start, end)
  }

  #fill(updates: UpdateBatch, row: number, mode: number): PacketFields {
    const fields = this.#fields
    const instrument = this.#instruments[updates.instrument[row]!]!
    fields.mode = MODES[mode]!
    fields.exchange = instrument.exchange
    fields.token = instrument.token
    fields.sequence = updates.sequence[row]!
    fields.exchangeMs = updates.exchangeMs[row]!
    fields.price = updates.price[row]!
    fields.lastQuantity = updates.lastQuantity[row]!
    fields.averagePrice = updates.averagePrice[row]!
    fields.dayVolume = updates.dayVolume[row]!
    fields.dayOpen = updates.dayOpen[row]!
    fields.dayHigh = updates.dayHigh[row]!
    fields.dayLow = updates.dayLow[row]!
    fields.previousClose = instrument.previousClose
    fields.tradeMs = updates.tradeMs[row]!
    fields.upperCircuit = instrument.upperCircuit
    fields.lowerCircuit = instrument.lowerCircuit
    fields.yearHigh = Math.max(instrument.upperCircuit, fields.price)
    fields.yearLow = Math.min(instrument.lowerCircuit, fields.price)
    this.#fillBook(updates, row, instrument.isIndex)
    return fields
  }

  /** The book is scenery: plausible, of the right order, and the same for the same update. */
  #fillBook(updates: UpdateBatch, row: number, isIndex: boolean): void {
    const fields = this.#fields
    const chance = isIndex ? 0 : chanceOf(1, updates.sequence[row]!, updates.instrument[row]!)
    fields.totalBuyQuantity = Math.floor(chance * 300_000)
    fields.totalSellQuantity = isIndex ? 0 : Math.floor((1 - chance) * 300_000)
    const levels = fields.mode === 'depth' ? BOOK_LEVELS_MAX : fields.mode === 'snap_quote' ? 5 : 0
    for (let at = 0; at < levels; at++) {
      const quantity = isIndex ? 0 : 1 + ((Math.floor(chance * 10_007) + at * 37) % 500)
      setLevel(this.#buys[at]!, quantity, Math.max(TICK_PAISE, fields.price - at * TICK_PAISE))
      setLevel(this.#sells[at]!, quantity + at, fields.price + (at + 1) * TICK_PAISE)
    }
  }
}

function setLevel(level: Writable<BookLevel>, quantity: number, price: number): void {
  level.quantity = quantity
  level.price = price
  level.orders = 1 + (quantity % 7)
}

/** Flips bits of three bytes that lie a third of the packet apart. */
function flip(bytes: Uint8Array, offset: number, length: number, flipAt: number): void {
  const first = Math.floor(flipAt * length)
  for (const step of [0, 1, 2]) {
    const at = offset + ((first + Math.floor((step * length) / 3)) % length)
    bytes[at] = bytes[at]! ^ (0x80 >> step) ^ 0x01
  }
}

function emptyBook(): Writable<BookLevel>[] {
  return Array.from({ length: BOOK_LEVELS_MAX }, () => ({ quantity: 0, price: 0, orders: 0 }))
}

/** A packet that says nothing: what a recording does not tell stays so. */
export const EMPTY_FIELDS: PacketFields = {
  mode: 'ltp',
  exchange: 'NSE',
  token: '0',
  sequence: 0,
  exchangeMs: 0,
  price: 0,
  lastQuantity: 0,
  averagePrice: 0,
  dayVolume: 0,
  totalBuyQuantity: 0,
  totalSellQuantity: 0,
  dayOpen: 0,
  dayHigh: 0,
  dayLow: 0,
  previousClose: 0,
  tradeMs: 0,
  openInterest: 0,
  openInterestChangeRatio: 0,
  buys: [],
  sells: [],
  upperCircuit: 0,
  lowerCircuit: 0,
  yearHigh: 0,
  yearLow: 0,
}
