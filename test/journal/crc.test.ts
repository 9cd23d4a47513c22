import { crc32 } from 'node:zlib'
import { array, assert, integer, property, uint8Array } from 'fast-check'
import { expect, test } from 'vitest'
import { crcOfWords } from '../../src/journal/crc.ts'
import { buildFrame, frameBytesAt, viewOf } from '../../src/journal/format.ts'

test('our checksum of words is zlib’s checksum of bytes', () => {
  const words = array(uint8Array({ minLength: 4, maxLength: 4 }), { maxLength: 20 })
  assert(
    property(words, integer({ min: 0, max: 0xffff_ffff }), (parts, seed) => {
      const bytes = Uint8Array.from(parts.flatMap((part) => [...part]))
      expect(crcOfWords(viewOf(bytes), 0, parts.length, seed)).toBe(crc32(bytes, seed))
    }),
  )
})

test('any burst of up to 32 wrong bits in a frame is noticed', () => {
  const payload = uint8Array({ minLength: 1, maxLength: 60 })
  const burst = integer({ min: 1, max: 0xffff_ffff })
  assert(
    property(payload, burst, integer({ min: 0, max: 1_000 }), (content, mask, place) => {
      const frame = buildFrame(7, 1, content, 12, 11, 99)
      const view = viewOf(frame)
      const at = place % (frame.byteLength - 3)
      view.setUint32(at, (view.getUint32(at) ^ mask) >>> 0)
      expect(frameBytesAt(frame, view, 0, frame.byteLength, 99)).toBe(0)
    }),
    { numRuns: 2_000 },
  )
})

test('any bytes at all are read without an error and without reading past the end', () => {
  assert(
    property(uint8Array({ maxLength: 200 }), integer({ min: 0, max: 220 }), (bytes, at) => {
      expect(frameBytesAt(bytes, viewOf(bytes), at, bytes.byteLength, 0)).toBe(0)
    }),
  )
})
