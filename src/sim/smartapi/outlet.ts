/**
 * How do packets leave through one client's socket? Frames gather in one buffer and go out in one
 * write per turn. A client that does not keep up fills a bounded queue; beyond it the stand-in does
 * what the vendor does: it remembers which instruments have news and sends, once there is room, only
 * the state that they are in by then.
 */
import type { ServerSocket } from '../../platform/server.ts'

/** First byte of a frame of a server, whole. */
const TEXT_FINAL = 0x81
const PONG_FINAL = 0x8a
/** Longest payload whose length fits into a frame's second byte. */
const SHORT_PAYLOAD_BYTES_MAX = 125

/** An instrument in a mode, as one number. */
export type FeedKey = number

const GATHER_BYTES_START = 16 * 1024

export class Outlet {
  readonly #socket: ServerSocket
  readonly #queueBytesMax: number
  #gathered: Uint8Array = Buffer.allocUnsafe(GATHER_BYTES_START)
  #gatheredBytes = 0
  /** Waiting behind a slow link; empty without one. */
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #permittedBytes = 0
  #permittedAtMs = 0
  readonly #conflated = new Set<FeedKey>()
  frameCount: number = 0
  conflatedCount: number = 0

  constructor(socket: ServerSocket, queueBytesMax: number) {
    this.#socket = socket
    this.#queueBytesMax = queueBytesMax
  }

  /** Copies the frame. */
  send(frame: Uint8Array, key: FeedKey): void {
    if (this.#conflated.has(key) || this.queuedBytes() > this.#queueBytesMax) {
      this.#conflated.add(key)
      this.conflatedCount += 1
      return
    }
    this.#append(frame)
    this.frameCount += 1
  }

  /** Answers in words, behind all that was sent before: a socket keeps the order. */
  say(text: string): void {
    this.#gather(TEXT_FINAL, Buffer.from(text))
  }

  pong(payload: Uint8Array): void {
    this.#gather(PONG_FINAL, payload)
  }

  #gather(first: number, payload: Uint8Array): void {
    const length = payload.byteLength
    const isShort = length <= SHORT_PAYLOAD_BYTES_MAX
    const head = isShort ? [first, length] : [first, 126, length >> 8, length & 0xff]
    this.#append(head)
    this.#append(payload)
  }

  #append(bytes: ArrayLike<number>): void {
    this.#reserve(bytes.length)
    this.#gathered.set(bytes, this.#gatheredBytes)
    this.#gatheredBytes += bytes.length
  }

  queuedBytes(): number {
    return this.#gatheredBytes + this.#waitingBytes + this.#socket.bufferedBytes()
  }

  /** What was conflated, handed out once there is room for it; the caller sends the present states. */
  takeConflated(): readonly FeedKey[] {
    if (this.#conflated.size === 0 || this.queuedBytes() > this.#queueBytesMax / 2) return NONE
    const keys = [...this.#conflated]
    this.#conflated.clear()
    return keys
  }

  /**
   * Writes what was gathered, always in whole frames; with a limit, no more than the time since the last
   * call permits, but for the frame that exceeds it.
   */
  flush(nowMs: number, bytesPerSecond: number | null): void {
    if (this.#gatheredBytes > 0) {
      this.#waiting.push(Buffer.copyBytesFrom(this.#gathered, 0, this.#gatheredBytes))
      this.#waitingBytes += this.#gatheredBytes
      this.#gatheredBytes = 0
    }
    if (bytesPerSecond === null) this.#permittedBytes = Number.POSITIVE_INFINITY
    else this.#permit(nowMs, bytesPerSecond)
    this.#permittedAtMs = nowMs
    while (this.#waiting.length > 0 && this.#permittedBytes > 0) this.#writeFirst()
  }

  /** Half a frame, then the end of the connection. */
  breakOff(halfFrame: Uint8Array): void {
    this.#socket.breakOff(halfFrame.slice())
  }

  #permit(nowMs: number, bytesPerSecond: number): void {
    const earned = ((nowMs - this.#permittedAtMs) * bytesPerSecond) / 1_000
    const before = Number.isFinite(this.#permittedBytes) ? this.#permittedBytes : 0
    // A pause does not save up for more than one second's burst.
    this.#permittedBytes = Math.min(bytesPerSecond, before + earned)
  }

  /**
   * All that is first in line, or one frame of it where bytes are counted: the closing handshake takes
   * another way to the socket and must not fall into the middle of a packet.
   */
  #writeFirst(): void {
    const first = this.#waiting[0]!
    const part = this.#permittedBytes === Number.POSITIVE_INFINITY ? first : firstFrameOf(first)
    this.#socket.writeFrames(part)
    this.#permittedBytes -= part.byteLength
    this.#waitingBytes -= part.byteLength
    if (part.byteLength === first.byteLength) this.#waiting.shift()
    else this.#waiting[0] = first.subarray(part.byteLength)
  }

  #reserve(extraBytes: number): void {
    const neededBytes = this.#gatheredBytes + extraBytes
    if (neededBytes <= this.#gathered.byteLength) return
    const larger = Buffer.allocUnsafe(Math.max(neededBytes, this.#gathered.byteLength * 2))
    larger.set(this.#gathered.subarray(0, this.#gatheredBytes))
    this.#gathered = larger
  }
}

/** Frames of a server have a head of two bytes, or of four where the payload is longer than 125. */
function firstFrameOf(frames: Uint8Array): Uint8Array {
  const shortLength = frames[1]!
  const end = shortLength < 126 ? 2 + shortLength : 4 + frames[2]! * 256 + frames[3]!
  return frames.subarray(0, end)
}

const NONE: readonly FeedKey[] = []
