/**
 * Which frames does a segment hold? A cursor over the segment's bytes that stops in front of damage
 * and, if asked, searches for the next frame that is whole. A damaged payload is therefore one lost
 * frame, not the end of the file.
 */
import { FRAME_HEAD_BYTES, FRAME_MAGIC, frameBytesAt, readU64, SEGMENT_HEAD_BYTES, viewOf } from './format.ts'

export class FrameCursor {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly endAt: number
  readonly #salt: number
  /** Where the next frame should begin. */
  at: number = SEGMENT_HEAD_BYTES
  /** The frame that `next` found. */
  frameAt: number = 0
  seq: number = 0
  type: number = 0
  count: number = 0
  payloadOffset: number = 0
  payloadLength: number = 0

  constructor(bytes: Uint8Array, salt: number) {
    this.bytes = bytes
    this.view = viewOf(bytes)
    this.endAt = bytes.byteLength
    this.#salt = salt
  }

  /** False at the end and in front of damage; `isAtEnd` tells which. */
  next(): boolean {
    const frameBytes = frameBytesAt(this.bytes, this.view, this.at, this.endAt, this.#salt)
    if (frameBytes === 0) return false
    this.frameAt = this.at
    this.payloadOffset = this.at + FRAME_HEAD_BYTES
    this.payloadLength = this.view.getUint32(this.at + 4, true)
    this.seq = readU64(this.view, this.at + 8)
    this.type = this.view.getUint16(this.at + 28, true)
    this.count = this.view.getUint16(this.at + 30, true)
    this.at += frameBytes
    return true
  }

  isAtEnd(): boolean {
    return this.at === this.endAt
  }

  /** Highest sequence number that was durable when the found frame was built. */
  syncedSeq(): number {
    return readU64(this.view, this.frameAt + 16)
  }

  /** Moves `at` to the next whole frame; false (and `at` at the end) when there is none. */
  resync(): boolean {
    let at = this.at
    if (at % 8 !== 0) at += 8 - (at % 8)
    for (at = Math.max(at, this.at + 1); at + FRAME_HEAD_BYTES <= this.endAt; at = (at + 8) & ~7) {
      if (at % 8 !== 0 || this.view.getUint32(at, true) !== FRAME_MAGIC) continue
      if (frameBytesAt(this.bytes, this.view, at, this.endAt, this.#salt) === 0) continue
      this.at = at
      return true
    }
    this.at = this.endAt
    return false
  }
}
