import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EXCHANGES } from '../../src/domain/instrument.ts'
import type { PacketFields } from '../../src/domain/packet.ts'
import {
  ABSENT,
  ACCEPTED,
  MODES,
  REJECT_EXCHANGE,
  REJECT_LENGTH,
  REJECT_NO_PRICE,
  REJECT_RANGE,
  type TickFields,
} from '../../src/domain/tick.ts'
import { decodePacket, encodePacket, readPacket } from '../../src/venues/smartapi/index.ts'
import { anyPacket, SAMPLE_PACKET, spoiltTick } from './samples.ts'

const LENGTHS = { ltp: 51, quote: 123, snap_quote: 379, depth: 443 } as const

function encode(fields: PacketFields): Uint8Array {
  const out = new Uint8Array(443)
  return out.slice(0, encodePacket(fields, out, 0))
}

function decode(bytes: Uint8Array): { outcome: number; tick: TickFields } {
  const tick = spoiltTick()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { outcome: decodePacket(bytes, view, 0, bytes.byteLength, tick), tick }
}

/** What `decodePacket` must have written for `fields`, by the meaning of the modes. */
function expectedTick(fields: PacketFields, tokenOffset = 2): Record<string, number> {
  const hasPrice = fields.mode !== 'depth'
  const hasDay = fields.mode === 'quote' || fields.mode === 'snap_quote'
  return {
    mode: MODES.indexOf(fields.mode),
    exchange: EXCHANGES.indexOf(fields.exchange),
    tokenOffset,
    tokenLength: fields.token.length,
    sequence: hasPrice ? fields.sequence : ABSENT,
    exchangeMs: fields.exchangeMs,
    price: hasPrice ? fields.price : ABSENT,
    priceScale: fields.exchange === 'CDS' ? 10_000_000 : 100,
    lastQuantity: hasDay ? fields.lastQuantity : ABSENT,
    dayVolume: hasDay ? fields.dayVolume : ABSENT,
    dayOpen: hasDay ? fields.dayOpen : ABSENT,
    dayHigh: hasDay ? fields.dayHigh : ABSENT,
    dayLow: hasDay ? fields.dayLow : ABSENT,
    tradeMs: fields.mode === 'snap_quote' ? fields.tradeMs : ABSENT,
  }
}

test.each(MODES)('what is encoded as %s is decoded to the same numbers', (mode) => {
  fc.assert(
    fc.property(anyPacket(mode), (fields) => {
      const { outcome, tick } = decode(encode(fields))
      expect(outcome).toBe(mode === 'depth' ? REJECT_NO_PRICE : ACCEPTED)
      expect({ ...tick }).toEqual(expectedTick(fields))
    }),
    { numRuns: 500 },
  )
})

test.each(MODES)('what is encoded as %s is read back in full, book and all', (mode) => {
  fc.assert(
    fc.property(anyPacket(mode), (fields) => {
      const packet = readPacket(encode(fields))
      expect(packet).not.toBeNull()
      const again = encode(packet!)
      expect(again).toEqual(encode(fields))
      expect(again.byteLength).toBe(LENGTHS[mode])
      if (mode === 'snap_quote') expect(packet).toEqual(fields)
      if (mode === 'depth') {
        const { exchange, token, exchangeMs, buys, sells } = fields
        expect(packet).toMatchObject({ mode, exchange, token, exchangeMs, buys, sells })
      }
    }),
    { numRuns: 300 },
  )
})

test('only the exact length of a mode is a packet, neither a byte less nor one more', () => {
  for (const mode of MODES) {
    const packet = encode({ ...SAMPLE_PACKET, mode })
    for (const length of [0, 1, 2, 26, 27, 50, packet.length - 1, packet.length + 1, 500]) {
      const bytes = new Uint8Array(length)
      bytes.set(packet.subarray(0, length))
      expect(decode(bytes).outcome).toBe(REJECT_LENGTH)
      expect(readPacket(bytes)).toBeNull()
    }
  }
})

test('a length that another mode has is not the length of this one', () => {
  for (const mode of MODES) {
    for (const length of Object.values(LENGTHS)) {
      const bytes = new Uint8Array(length)
      bytes.set(encode({ ...SAMPLE_PACKET, mode }).subarray(0, length))
      const isOwn = length === LENGTHS[mode]
      expect(decode(bytes).outcome === REJECT_LENGTH).toBe(!isOwn)
    }
  }
})

test('every mode and exchange number that the vendor does not use is refused', () => {
  const used: number[] = []
  for (let code = 0; code < 256; code += 1) {
    const bytes = encode({ ...SAMPLE_PACKET, mode: 'quote' })
    bytes[1] = code
    const { outcome, tick } = decode(bytes)
    if (outcome === ACCEPTED) used.push(code)
    else expect([outcome, tick, readPacket(bytes)]).toEqual([REJECT_EXCHANGE, spoiltTick(), null])
    if (code < 1 || code > 4) {
      bytes[0] = code
      expect(decode(bytes).outcome).toBe(REJECT_LENGTH)
    }
  }
  expect(used).toEqual([1, 2, 3, 4, 5, 7, 13])
})

test('a price of zero or below is no price, in any mode that has one', () => {
  for (const mode of ['ltp', 'quote', 'snap_quote'] as const) {
    for (const price of [0, -1, -195_540, -(2 ** 32), Number.MIN_SAFE_INTEGER]) {
      const fields = { ...SAMPLE_PACKET, mode, price }
      const { outcome, tick } = decode(encode(fields))
      expect(outcome).toBe(REJECT_NO_PRICE)
      expect({ ...tick }).toEqual({ ...expectedTick(fields), price: ABSENT })
    }
  }
})

const JUDGED = {
  27: 'sequence',
  35: 'time',
  51: 'quantity',
  67: 'volume',
  91: 'open',
  99: 'high',
  107: 'low',
}

test.each(Object.entries(JUDGED))('a number at %i (%s) that cannot be is refused', (at) => {
  for (const value of [2n ** 53n, 2n ** 63n - 1n, -1n, -(2n ** 63n), -(2n ** 32n)]) {
    const bytes = encode(SAMPLE_PACKET)
    new DataView(bytes.buffer).setBigInt64(Number(at), value, true)
    expect(decode(bytes).outcome).toBe(REJECT_RANGE)
  }
  const bytes = encode(SAMPLE_PACKET)
  new DataView(bytes.buffer).setBigInt64(Number(at), 2n ** 53n - 1n, true)
  expect(decode(bytes).outcome).toBe(ACCEPTED)
})

test('a price or trade time beyond exact numbers is refused', () => {
  for (const [at, value] of [
    [43, 2n ** 53n],
    [123, 2n ** 53n],
    [123, 9_007_199_254_741n], // seconds that are no exact number of milliseconds
    [123, -1n],
  ] as const) {
    const bytes = encode(SAMPLE_PACKET)
    new DataView(bytes.buffer).setBigInt64(at, value, true)
    expect(decode(bytes).outcome).toBe(REJECT_RANGE)
  }
})

test('a number that no tick takes may be absurd without costing the price', () => {
  for (const at of [59, 75, 83, 115, 131, 139, 149, 157, 347, 355, 363, 371]) {
    const bytes = encode(SAMPLE_PACKET)
    new DataView(bytes.buffer).setBigInt64(at, -1n, true)
    expect(decode(bytes).outcome).toBe(ACCEPTED)
  }
})

test('a token without a final zero ends at its 25th byte', () => {
  const token = '1234567890123456789012345'
  const bytes = encode({ ...SAMPLE_PACKET, token })
  expect(decode(bytes).tick.tokenLength).toBe(25)
  expect(readPacket(bytes)?.token).toBe(token)
})

test('a level whose flag is neither buy nor sell goes by its position, the others by flag', () => {
  const bytes = encode({ ...SAMPLE_PACKET, buys: SAMPLE_PACKET.buys.slice(0, 5), sells: [] })
  const view = new DataView(bytes.buffer)
  view.setInt16(147, 9, true)
  view.setInt16(247, -1, true)
  expect(readPacket(bytes)?.buys.map((level) => level.price)).toEqual([
    195540, 195535, 195530, 195525, 195520,
  ])
  for (let level = 0; level < 10; level += 1) view.setInt16(147 + 20 * level, level < 5 ? 0 : 1, true)
  expect(readPacket(bytes)?.sells[0]?.price).toBe(195_540) // the halves have changed sides
})

test('a packet is decoded in shared memory, at any alignment', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(1_024))
  const view = new DataView(shared.buffer)
  for (let offset = 0; offset < 17; offset += 1) {
    const length = encodePacket(SAMPLE_PACKET, shared, offset)
    const tick = spoiltTick()
    expect(decodePacket(shared, view, offset, length, tick)).toBe(ACCEPTED)
    expect({ ...tick }).toEqual(expectedTick(SAMPLE_PACKET, offset + 2))
  }
})

test('an interval beyond the end of the memory is refused, not read', () => {
  const memory = new Uint8Array(400)
  const length = encodePacket(SAMPLE_PACKET, memory, 10)
  const bytes = memory.subarray(0, 10 + length - 1)
  const view = new DataView(bytes.buffer, 0, bytes.length)
  expect(decodePacket(bytes, view, 10, length, spoiltTick())).toBe(REJECT_LENGTH)
})

test('of a packet of a wrong length only the name is read, and that from its own bytes', () => {
  for (const mode of MODES) {
    const packet = encode({ ...SAMPLE_PACKET, mode })
    for (const length of [0, 1, 26, 27, 50, packet.length - 1, packet.length + 1]) {
      const bytes = new Uint8Array(length)
      bytes.set(packet.subarray(0, length))
      const { tick } = decode(bytes)
      const token = bytes.subarray(tick.tokenOffset, tick.tokenOffset + tick.tokenLength)
      expect(new TextDecoder().decode(token)).toBe(length < 27 ? '' : SAMPLE_PACKET.token)
      const { exchange, tokenOffset, tokenLength } = tick
      expect(tick).toEqual({ ...spoiltTick(), exchange, tokenOffset, tokenLength })
    }
  }
})

test('any bytes at all are judged without a throw, and a rejected length gives no number', () => {
  const modeByte = fc.oneof(fc.constantFrom(1, 2, 3, 4), fc.nat(255))
  const length = fc.oneof(fc.constantFrom(51, 123, 379, 443), fc.nat(500))
  const anyBytes = fc
    .tuple(length, modeByte, fc.infiniteStream(fc.nat(255)))
    .map(([size, mode, stream]) => Uint8Array.from([mode, ...stream.take(size)].slice(0, size)))
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const { outcome, tick } = decode(bytes)
      expect([0, 1, 2, 3, 4]).toContain(outcome)
      if (outcome === REJECT_LENGTH) {
        const { exchange, tokenOffset, tokenLength } = tick
        expect(tick).toEqual({ ...spoiltTick(), exchange, tokenOffset, tokenLength })
      }
      const isWhole = outcome !== REJECT_LENGTH && outcome !== REJECT_EXCHANGE
      expect(readPacket(bytes) !== null).toBe(isWhole)
    }),
    { numRuns: 500 },
  )
})

test('what the wire cannot carry is refused when it is encoded', () => {
  const out = new Uint8Array(443)
  const deep = { quantity: 2 ** 31, price: 1, orders: 1 }
  const impossible: readonly Partial<PacketFields>[] = [
    { token: '' },
    { token: '12345678901234567890123456' },
    { token: 'é' },
    { token: '1\u00002' },
    { price: 1.5 },
    { price: 2 ** 53 },
    { price: Number.NaN },
    { buys: [{ quantity: 1, price: 1, orders: 65_536 }] },
    { mode: 'depth', sells: [deep] },
  ]
  for (const part of impossible) {
    expect(() => encodePacket({ ...SAMPLE_PACKET, ...part }, out, 0)).toThrow(RangeError)
  }
  expect(() => encodePacket(SAMPLE_PACKET, out, 443 - 378)).toThrow(RangeError)
  expect(encodePacket(SAMPLE_PACKET, out, 443 - 379)).toBe(379)
})

test('a packet leaves nothing behind in a buffer that is used again', () => {
  const out = new Uint8Array(443).fill(0xff)
  const length = encodePacket({ ...SAMPLE_PACKET, token: '1', buys: [], sells: [] }, out, 0)
  expect(out.slice(0, length)).toEqual(encode({ ...SAMPLE_PACKET, token: '1', buys: [], sells: [] }))
  expect(out.slice(length)).toEqual(new Uint8Array(443 - length).fill(0xff))
})
