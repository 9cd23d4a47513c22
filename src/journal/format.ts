/**
 * What do the bytes of a segment mean? FORMAT.md draws the boxes; this file is the only code that
 * reads or writes them. All integers are little endian, everything starts at a multiple of 8.
 */
import { crc32 } from 'node:zlib'
import { crcOfWords } from './crc.ts'

export const SEGMENT_HEAD_BYTES = 104
export const FRAME_HEAD_BYTES = 40
/** A longer payload would hold the hand-over too long; a longer length field is a lie. */
export const PAYLOAD_MAX_BYTES: number = 4 * 1024 * 1024

/** Types from here on belong to the journal itself: they take no sequence number of their own. */
export const TYPE_INTERNAL_MIN = 100
export const TYPE_SEAL = 100
export const TYPE_HEARTBEAT = 101
export const TYPE_RECOVERY = 102

/** Value of a seal's `count`: why did the segment end? */
export const SEAL_ROTATED = 0
export const SEAL_CLEAN = 1
export const SEAL_SALVAGED = 2

/** What `previousSha256` of a segment head is the hash of. */
export const CHAIN_NONE = 0 // the first segment, or the one before is poisoned
export const CHAIN_SEAL = 1 // the bytes before the seal of the segment before
export const CHAIN_BYTES = 2 // all bytes of the segment before, which has no seal

const SEGMENT_MAGIC_LOW = 0x45534a54 // "TJSE"
const SEGMENT_MAGIC_HIGH = 0x00313047 // "G01\0"
const FORMAT_VERSION = 1
export const FRAME_MAGIC = 0x52464a54 // "TJFR"
const TWO_32 = 4_294_967_296

export type SegmentHead = {
  readonly chain: number
  /** Grows by one with every start of a writer: an older writer's segment after a newer one's is refused. */
  readonly generation: number
  readonly segment: number
  /** Sequence number of the first entry; everything before it was durable when this segment began. */
  readonly firstSeq: number
  readonly createdWallMs: number
  readonly createdMonoMs: number
  /** Random per segment, repeated in every frame: blocks of another file do not pass for ours. */
  readonly salt: number
  readonly previousSha256: Uint8Array
  /** First 8 bytes of the machine's boot id. */
  readonly bootId: Uint8Array
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Bytes that a payload takes with its padding. */
export function padded(payloadBytes: number): number {
  return (payloadBytes + 7) & ~7
}

export function encodeSegmentHead(head: SegmentHead): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEAD_BYTES)
  const view = viewOf(bytes)
  view.setUint32(0, SEGMENT_MAGIC_LOW, true)
  view.setUint32(4, SEGMENT_MAGIC_HIGH, true)
  view.setUint16(8, FORMAT_VERSION, true)
  view.setUint16(10, SEGMENT_HEAD_BYTES, true)
  view.setUint32(12, head.chain, true)
  writeU64(view, 16, head.generation)
  writeU64(view, 24, head.segment)
  writeU64(view, 32, head.firstSeq)
  view.setBigUint64(40, nanosOf(head.createdWallMs), true)
  view.setBigUint64(48, nanosOf(head.createdMonoMs), true)
  view.setUint32(56, head.salt, true)
  bytes.set(head.previousSha256, 60)
  bytes.set(head.bootId, 92)
  view.setUint32(100, crc32(bytes.subarray(0, 100)), true)
  return bytes
}

/** Null when the bytes are not a head of ours: too short, another magic or version, a wrong checksum. */
export function decodeSegmentHead(bytes: Uint8Array): SegmentHead | null {
  if (bytes.byteLength < SEGMENT_HEAD_BYTES) return null
  const view = viewOf(bytes)
  if (view.getUint32(0, true) !== SEGMENT_MAGIC_LOW || view.getUint32(4, true) !== SEGMENT_MAGIC_HIGH)
    return null
  if (view.getUint16(8, true) !== FORMAT_VERSION || view.getUint16(10, true) !== SEGMENT_HEAD_BYTES)
    return null
  if (view.getUint32(100, true) !== crc32(bytes.subarray(0, 100))) return null
  return {
    chain: view.getUint32(12, true),
    generation: readU64(view, 16),
    segment: readU64(view, 24),
    firstSeq: readU64(view, 32),
    createdWallMs: Number(view.getBigUint64(40, true) / 1_000n) / 1_000,
    createdMonoMs: Number(view.getBigUint64(48, true) / 1_000n) / 1_000,
    salt: view.getUint32(56, true),
    previousSha256: bytes.slice(60, 92),
    bootId: bytes.slice(92, 100),
  }
}

/** What the producer knows when it lays a frame down; the writer's thread completes it. */
export function startFrame(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  type: number,
  count: number,
  payloadBytes: number,
): void {
  view.setUint32(at, FRAME_MAGIC, true)
  view.setUint32(at + 4, payloadBytes, true)
  view.setUint16(at + 28, type, true)
  view.setUint16(at + 30, count, true)
  const end = at + FRAME_HEAD_BYTES + payloadBytes
  const paddedEnd = at + FRAME_HEAD_BYTES + padded(payloadBytes)
  for (let i = end; i < paddedEnd; i++) bytes[i] = 0
}

/** Numbers, dates and checksums a started frame. Doing it again with other numbers is allowed. */
export function completeFrame(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  seq: number,
  syncedSeq: number,
  salt: number,
): void {
  writeU64(view, at + 8, seq)
  writeU64(view, at + 16, syncedSeq)
  view.setUint32(at + 24, salt, true)
  const payloadAt = at + FRAME_HEAD_BYTES
  const crc = crc32(bytes.subarray(at, at + 32))
  view.setUint32(
    at + 32,
    crc32(bytes.subarray(payloadAt, payloadAt + view.getUint32(at + 4, true)), crc),
    true,
  )
  view.setUint32(at + 36, crc32(bytes.subarray(at + 32, at + 36), crc), true)
}

/** A whole frame in memory of its own, for the journal's own types. */
export function buildFrame(
  type: number,
  count: number,
  payload: Uint8Array,
  seq: number,
  syncedSeq: number,
  salt: number,
): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEAD_BYTES + padded(payload.byteLength))
  const view = viewOf(bytes)
  bytes.set(payload, FRAME_HEAD_BYTES)
  startFrame(bytes, view, 0, type, count, payload.byteLength)
  completeFrame(bytes, view, 0, seq, syncedSeq, salt)
  return bytes
}

/**
 * Length in bytes, padding included, of the valid frame at `at`, or 0 when there is none: another
 * magic or salt, a length that does not fit, a wrong checksum, padding that is not zero.
 */
export function frameBytesAt(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  salt: number,
): number {
  if (at + FRAME_HEAD_BYTES > end || view.getUint32(at, true) !== FRAME_MAGIC) return 0
  if (view.getUint32(at + 24, true) !== salt) return 0
  const crc = crcOfWords(view, at, 8, 0)
  if (view.getUint32(at + 36, true) !== crcOfWords(view, at + 32, 1, crc)) return 0
  const payloadBytes = view.getUint32(at + 4, true)
  const frameBytes = FRAME_HEAD_BYTES + padded(payloadBytes)
  if (payloadBytes === 0 || payloadBytes > PAYLOAD_MAX_BYTES || at + frameBytes > end) return 0
  const payloadAt = at + FRAME_HEAD_BYTES
  const payloadEnd = payloadAt + payloadBytes
  if (view.getUint32(at + 32, true) !== crc32(bytes.subarray(payloadAt, payloadEnd), crc)) return 0
  for (let i = payloadEnd; i < at + frameBytes; i++) if (bytes[i] !== 0) return 0
  return frameBytes
}

export function readU64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * TWO_32
}

export function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true)
  view.setUint32(at + 4, Math.floor(value / TWO_32), true)
}

function nanosOf(ms: number): bigint {
  return BigInt(Math.round(ms * 1_000)) * 1_000n
}

const SEAL_PAYLOAD_BYTES = 48

/** SEAL payload: SHA-256 of every byte of the segment before the seal, how many they are, wall time. */
export function encodeSeal(sha256: Uint8Array, sizeBytes: number, wallMs: number): Uint8Array {
  const bytes = new Uint8Array(SEAL_PAYLOAD_BYTES)
  bytes.set(sha256)
  writeU64(viewOf(bytes), 32, sizeBytes)
  viewOf(bytes).setFloat64(40, wallMs, true)
  return bytes
}

/** Bytes of a seal's frame, the last of its segment. */
export const SEAL_FRAME_BYTES: number = FRAME_HEAD_BYTES + SEAL_PAYLOAD_BYTES

/** Null unless `bytes` are exactly a whole frame of a seal. */
export function decodeSealFrame(
  bytes: Uint8Array,
  salt: number,
): { readonly sha256: Uint8Array; readonly sizeBytes: number } | null {
  const view = viewOf(bytes)
  const frameBytes = frameBytesAt(bytes, view, 0, bytes.byteLength, salt)
  if (frameBytes !== SEAL_FRAME_BYTES || frameBytes !== bytes.byteLength) return null
  if (view.getUint16(28, true) !== TYPE_SEAL) return null
  const sha256 = bytes.slice(FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + 32)
  return { sha256, sizeBytes: readU64(view, FRAME_HEAD_BYTES + 32) }
}

export function encodeHeartbeat(wallMs: number): Uint8Array {
  const bytes = new Uint8Array(8)
  viewOf(bytes).setFloat64(0, wallMs, true)
  return bytes
}
