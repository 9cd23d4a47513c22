/**
 * How do packets leave a socket's bytes quickly? A market feed is one short binary frame after the other,
 * hundreds in each read of the socket, and `ws` spends about 120 ns on each: state machine, buffer list,
 * event. This lane stands in front of it. It finds the frames in a read and hands whole, final, unmasked
 * binary messages straight on; everything else, handshake, text, control frames, fragments, what is cut
 * by the end of a read, goes to `ws` as the bytes it is, and so do the protocol's errors.
 *
 *     read of the socket:  [rest of a frame][packet][packet][text][packet][first half of a packet]
 *     to ws:               [rest of a frame]                [text]        [first half of a packet]
 *     straight on:                          packet  packet        packet
 *
 * The order is kept, because bytes for `ws` are handed over first and `ws` reads them before the call
 * returns; where it does not (`isClear`), all that follows takes the long way too. Nothing is copied and
 * nothing is held back: the lane remembers only how far the frame reaches that a read has cut.
 */
import type { Readable } from 'node:stream'

export type LaneEnds = {
  /** Hands bytes to `ws`. False: it has enough for now. */
  readonly forward: (bytes: Buffer) => boolean
  /** A whole message; valid during the call. */
  readonly deliver: (bytes: Uint8Array) => void
  /** Whether `ws` has read all that was forwarded, and messages are still wanted. */
  readonly isClear: () => boolean
}

const BINARY_FINAL = 0x82
const FINAL_BIT = 0x80
const OPCODE_BITS = 0x0f
const MASK_BIT = 0x80
const LENGTH_BITS = 0x7f
const LENGTH_16 = 126
const LENGTH_64 = 127
const MASK_BYTES = 4
const HEAD_BYTES_MAX = 14
const TWO_32 = 4_294_967_296

export class FrameLane {
  readonly #ends: LaneEnds
  /** The owner asked for a pause or an end: from here on everything takes the long way. */
  isHeld = false
  /** The head of a frame that a read has cut, as far as it is known. */
  readonly #head: Buffer = Buffer.alloc(HEAD_BYTES_MAX)
  #headBytes = 0
  /** Bytes of the cut frame that are still to come, once its head is known. */
  #restBytes = 0
  #isInFragments = false

  constructor(ends: LaneEnds) {
    this.#ends = ends
  }

  /** Bytes that `ws` was given already, to know where their last frame ends. */
  passed(bytes: Buffer): void {
    this.#walk(bytes, false)
  }

  /** One read of the socket. False as `forward` says it. */
  take(bytes: Buffer): boolean {
    return this.#walk(bytes, true)
  }

  #walk(bytes: Buffer, isOurs: boolean): boolean {
    const end = bytes.length
    let at = this.#finishCut(bytes)
    /** From here on nothing was forwarded or delivered yet. */
    let from = 0
    let isOpen = isOurs && !this.isHeld && this.#ends.isClear()
    while (at < end) {
      const headBytes = headBytesOf(bytes, at, end)
      if (at + headBytes > end) {
        this.#headBytes = bytes.copy(this.#head, 0, at, end)
        break
      }
      const next = at + headBytes + payloadBytesOf(bytes, at)
      const isMessage = bytes[at] === BINARY_FINAL && bytes[at + 1]! < LENGTH_64 && !this.#isInFragments
      if (!isMessage) this.#noteFragments(bytes[at]!)
      if (next > end) {
        this.#restBytes = next - end
        break
      }
      if (isMessage && isOpen) {
        if (from < at) isOpen = this.#forward(bytes, from, at)
        if (isOpen) {
          this.#ends.deliver(bytes.subarray(at + headBytes, next))
          isOpen = !this.isHeld
          from = next
        } else from = at
      }
      at = next
    }
    if (!isOurs || from === end) return true
    return this.#ends.forward(from === 0 ? bytes : bytes.subarray(from))
  }

  #forward(bytes: Buffer, from: number, to: number): boolean {
    this.#ends.forward(bytes.subarray(from, to))
    return !this.isHeld && this.#ends.isClear()
  }

  /** Where the frame ends that an earlier read has cut. */
  #finishCut(bytes: Buffer): number {
    let at = 0
    while (this.#headBytes > 0 && at < bytes.length) {
      this.#head[this.#headBytes++] = bytes[at++]!
      if (headBytesOf(this.#head, 0, this.#headBytes) > this.#headBytes) continue
      this.#restBytes = payloadBytesOf(this.#head, 0)
      this.#noteFragments(this.#head[0]!)
      this.#headBytes = 0
    }
    const passed = Math.min(this.#restBytes, bytes.length - at)
    this.#restBytes -= passed
    return at + passed
  }

  #noteFragments(first: number): void {
    const opcode = first & OPCODE_BITS
    // Control frames may stand between fragments and change nothing.
    if (opcode < 8) this.#isInFragments = (first & FINAL_BIT) === 0
  }
}

/** Length of the head of the frame at `at`; more than there is, where `end` cuts it. */
function headBytesOf(bytes: Buffer, at: number, end: number): number {
  if (at + 2 > end) return 2
  const second = bytes[at + 1]!
  const length = second & LENGTH_BITS
  const lengthBytes = length === LENGTH_16 ? 2 : length === LENGTH_64 ? 8 : 0
  return 2 + lengthBytes + ((second & MASK_BIT) === 0 ? 0 : MASK_BYTES)
}

function payloadBytesOf(bytes: Buffer, at: number): number {
  const length = bytes[at + 1]! & LENGTH_BITS
  if (length < LENGTH_16) return length
  if (length === LENGTH_16) return bytes[at + 2]! * 256 + bytes[at + 3]!
  return bytes.readUInt32BE(at + 2) * TWO_32 + bytes.readUInt32BE(at + 6)
}

/** Puts a lane in front of whoever listens to `stream`, which has just been handed to `ws`. */
export function layLane(stream: Readable, deliver: LaneEnds['deliver'], isOpen: () => boolean): FrameLane {
  const push = stream.push.bind(stream)
  const lane = new FrameLane({
    forward: push,
    deliver,
    isClear: () => stream.readableLength === 0 && stream.readableFlowing === true && isOpen(),
  })
  // What came together with the handshake waits in the stream; reading it hands it to `ws`, as later reads.
  const early = stream.read() as Buffer | null
  if (early !== null) lane.passed(early)
  stream.push = (chunk: Buffer | null): boolean => (chunk === null ? push(null) : lane.take(chunk))
  return lane
}
