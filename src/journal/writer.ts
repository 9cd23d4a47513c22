/**
 * How do frames get from the ring to the disk, and when are they safe? One `turn` hands over what was
 * committed, makes it durable when that is due, rotates, and says how long nothing will be due. The
 * thread (writer-thread.ts) calls it for ever; nothing here waits, except for space on a full disk.
 *
 * Group commit: fdatasync 100 ms after the first unsynced byte, or at 1 MiB, or when half the ring is
 * unsynced, or on request. Frames stay in the ring until they are durable, because a failed fsync is
 * never repeated on the same file: the kernel has marked the lost pages clean, and the second call
 * would answer success. The file is set aside as poisoned and its frames are written again, to a new
 * file, from the ring.
 */
import { randomBytes } from 'node:crypto'
import type { ErrorCode } from '../domain/error.ts'
import { messageOf } from '../domain/error.ts'
import type { Clock } from '../platform/clock.ts'
import type { JournalFiles } from './files.ts'
import {
  buildFrame,
  CHAIN_NONE,
  CHAIN_SEAL,
  completeFrame,
  encodeHeartbeat,
  FRAME_HEAD_BYTES,
  padded,
  SEAL_CLEAN,
  SEAL_ROTATED,
  TYPE_HEARTBEAT,
  TYPE_RECOVERY,
} from './format.ts'
import type { SharedRing } from './ring.ts'
import {
  CLOSE,
  DURABLE,
  HEAD,
  SKIP_MARK,
  SYNC_BOUNDS_MS,
  SYNC_COUNTS,
  SYNC_TENTHS,
  SYNC_WANTED,
  TAIL,
  TELL,
  WRITTEN,
} from './ring.ts'
import { SegmentFile } from './segment-file.ts'

export type WriterMessage =
  | { readonly kind: 'moved' }
  | { readonly kind: 'sealed'; readonly path: string }
  | { readonly kind: 'degraded'; readonly message: string }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }

export type WriterOptions = {
  readonly dir: string
  /** Group commit: an unsynced byte waits this long at most, in real ms. */
  readonly commitMs: number
  readonly commitBytes: number
  readonly heartbeatMs: number
  readonly segmentMaxBytes: number
  readonly segmentMaxMs: number
  /** How long a full disk is waited for, and how often it is tried, in real ms. */
  readonly fullMaxMs: number
  readonly fullRetryMs: number
  readonly ballastPath: string
  readonly ballastBytes: number
}

export type WriterStart = {
  readonly generation: number
  readonly segment: number
  readonly firstSeq: number
  readonly chain: number
  readonly previousSha256: Uint8Array
  readonly bootId: Uint8Array
  /** JSON for the first frame when recovery had something to say. */
  readonly recovery: string | null
}

export type WriterSeams = {
  readonly files: JournalFiles
  /** Names moments in segment heads and heartbeats; may be simulated. */
  readonly wall: Clock
  /** Measures; always real. */
  readonly real: Clock
  readonly tell: (message: WriterMessage) => void
  /** Blocks this thread. */
  readonly pause: (durationMs: number) => void
  /** `free` is true when there was something to give up. */
  readonly ballast: { free(): boolean }
}

/** A sync that takes longer is reported: meanwhile entries pile up in the ring. */
const SLOW_SYNC_MS = 1_000

/** Frames are coalesced into writes of at most this size. */
const WRITE_MAX_BYTES = 1024 * 1024

export class JournalWriter {
  hasEnded = false
  readonly #options: WriterOptions
  readonly #seams: WriterSeams
  readonly #start: WriterStart
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #control: Int32Array
  readonly #mask: number
  readonly #syncBytes: number
  #file: SegmentFile
  #fileSinceMs = 0
  /** Next byte of the ring to hand over. */
  #at: number
  #writtenCount = 0
  #durableCount = 0
  /** Bytes handed over and not durable, and since when. */
  #unsyncedBytes = 0
  #unsyncedSinceMs = 0
  /** What the last frame on disk says of durability, and whether entries came after the last heartbeat. */
  #statedCount = 0
  #hasNews = false
  #heartbeatMs = 0
  #fullSinceMs = -1
  #isRescuing = false

  constructor(ring: SharedRing, options: WriterOptions, start: WriterStart, seams: WriterSeams) {
    this.#options = options
    this.#seams = seams
    this.#start = start
    this.#bytes = new Uint8Array(ring.data)
    this.#view = new DataView(ring.data)
    this.#control = new Int32Array(ring.control)
    this.#mask = ring.data.byteLength - 1
    // Not HEAD: the producer may have been faster than this thread's start.
    this.#at = Atomics.load(this.#control, TAIL)
    this.#syncBytes = Math.min(options.commitBytes, ring.data.byteLength / 2)
    this.#file = this.#create(start.segment, start.firstSeq, start.chain, start.previousSha256)
    if (start.recovery !== null) {
      const payload = new TextEncoder().encode(start.recovery)
      const seq = start.firstSeq - 1
      this.#file.write(buildFrame(TYPE_RECOVERY, 0, payload, seq, seq, this.#file.head.salt))
      this.#file.sync()
    }
    this.#heartbeatMs = seams.real.monoMs()
  }

  /** Returns after how many ms the next turn is due if nobody wakes the thread. */
  turn(): number {
    const isClosing = Atomics.load(this.#control, CLOSE) === 1
    this.#handOver(Atomics.load(this.#control, HEAD))
    const nowMs = this.#seams.real.monoMs()
    if (isClosing) return this.#end()
    if (this.#isSyncDue(nowMs)) this.#sync()
    if (nowMs - this.#fileSinceMs >= this.#options.segmentMaxMs && this.#file.entryCount > 0) this.#rotate()
    if (nowMs - this.#heartbeatMs >= this.#options.heartbeatMs) this.#heartbeat(nowMs)
    const untilHeartbeatMs = this.#heartbeatMs + this.#options.heartbeatMs - nowMs
    if (this.#unsyncedBytes === 0) return Math.max(0, untilHeartbeatMs)
    return Math.max(0, Math.min(untilHeartbeatMs, this.#unsyncedSinceMs + this.#options.commitMs - nowMs))
  }

  /** True while a sync or the end is asked for and not done: then there must be no rest. */
  isWanted(): boolean {
    return (
      Atomics.load(this.#control, SYNC_WANTED) > this.#durableCount ||
      Atomics.load(this.#control, CLOSE) === 1
    )
  }

  /** True while the producer has committed what was not handed over. */
  hasWork(): boolean {
    return Atomics.load(this.#control, HEAD) !== this.#at
  }

  #handOver(head: number): void {
    while (this.#at !== head) {
      const startAt = this.#at & this.#mask
      if (this.#view.getUint32(startAt, true) === SKIP_MARK) {
        this.#unsyncedBytes += this.#mask + 1 - startAt
        this.#at = (this.#at + this.#mask + 1 - startAt) | 0
        continue
      }
      if (this.#file.sizeBytes + this.#frameBytesAt(startAt) > this.#options.segmentMaxBytes) {
        if (this.#file.entryCount > 0) this.#rotate()
      }
      this.#writeRun(startAt, head)
      if (this.#unsyncedBytes >= this.#syncBytes) this.#sync()
    }
  }

  /** Completes and writes as many neighbouring frames as fit one write and the segment. */
  #writeRun(startAt: number, head: number): void {
    const roomBytes = Math.min(WRITE_MAX_BYTES, this.#options.segmentMaxBytes - this.#file.sizeBytes)
    let runBytes = 0
    let count = 0
    while (((this.#at + runBytes) | 0) !== head) {
      const at = startAt + runBytes
      if (at > this.#mask || this.#view.getUint32(at, true) === SKIP_MARK) break
      const frameBytes = this.#frameBytesAt(at)
      if (count > 0 && runBytes + frameBytes > roomBytes) break
      count++
      completeFrame(this.#bytes, this.#view, at, this.#seqOf(count), this.#durableSeq(), this.#file.head.salt)
      runBytes += frameBytes
    }
    if (!this.#write(this.#bytes.subarray(startAt, startAt + runBytes))) return
    this.#at = (this.#at + runBytes) | 0
    this.#file.entryCount += count
    this.#writtenCount += count
    this.#statedCount = this.#durableCount
    this.#hasNews = true
    // After a poisoned file the same entries are written again; the mark never falls.
    if (this.#writtenCount > Atomics.load(this.#control, WRITTEN)) {
      Atomics.store(this.#control, WRITTEN, this.#writtenCount)
    }
  }

  /** False when the file failed: it was replaced, and `bytes`, made for the old one, was not written. */
  #write(bytes: Uint8Array): boolean {
    if (this.#unsyncedBytes === 0) this.#unsyncedSinceMs = this.#seams.real.monoMs()
    try {
      this.#file.write(bytes)
    } catch (error) {
      this.#poison(error)
      return false
    }
    this.#fullSinceMs = -1
    this.#unsyncedBytes += bytes.byteLength
    return true
  }

  #isSyncDue(nowMs: number): boolean {
    if (this.#unsyncedBytes === 0) return false
    if (Atomics.load(this.#control, SYNC_WANTED) > this.#durableCount) return true
    return nowMs - this.#unsyncedSinceMs >= this.#options.commitMs
  }

  #sync(): void {
    const sinceMs = this.#seams.real.monoMs()
    try {
      this.#file.sync()
    } catch (error) {
      this.#poison(error)
    }
    this.#noteSync(this.#seams.real.monoMs() - sinceMs)
    this.#unsyncedBytes = 0
    this.#durableCount = this.#writtenCount
    Atomics.store(this.#control, DURABLE, this.#durableCount)
    Atomics.store(this.#control, TAIL, this.#at)
    if (Atomics.exchange(this.#control, TELL, 0) === 1) this.#seams.tell({ kind: 'moved' })
  }

  /**
   * The file's unsynced content is lost, whatever reading it says: set it aside, write the frames that
   * the ring still holds to a new file. A failure of that one, or a disk that stays full, is the end.
   */
  #poison(error: unknown): void {
    if (this.#isRescuing || this.#isFullTooLong()) throw error
    this.#isRescuing = true
    const lost = this.#file
    const head = this.#at
    lost.close()
    this.#seams.files.rename(lost.path, `${lost.path}.poison`)
    this.#file = this.#create(lost.head.segment + 1, this.#seqOf(1, this.#durableCount), CHAIN_NONE, NO_HASH)
    this.#at = Atomics.load(this.#control, TAIL)
    this.#writtenCount = this.#durableCount
    while (this.#at !== head) {
      const startAt = this.#at & this.#mask
      if (this.#view.getUint32(startAt, true) === SKIP_MARK) {
        this.#at = (this.#at + this.#mask + 1 - startAt) | 0
      } else {
        this.#writeRun(startAt, head)
      }
    }
    this.#file.sync()
    this.#isRescuing = false
    this.#seams.tell({
      kind: 'degraded',
      message:
        `making ${lost.path} durable: ${messageOf(error)}; its entries were written again to ` +
        `${this.#file.path} and are safe, the failed file was kept as .poison: check the disk`,
    })
  }

  #rotate(): void {
    this.#sync()
    const { head, path } = this.#file
    const sha256 = this.#seal(SEAL_ROTATED)
    if (sha256 === null) return
    this.#file = this.#create(head.segment + 1, this.#durableSeq() + 1, CHAIN_SEAL, sha256)
    this.#seams.tell({ kind: 'sealed', path })
  }

  #noteSync(durationMs: number): void {
    const within = SYNC_BOUNDS_MS.findIndex((boundMs) => durationMs <= boundMs)
    Atomics.add(this.#control, SYNC_COUNTS + (within < 0 ? SYNC_BOUNDS_MS.length : within), 1)
    Atomics.add(this.#control, SYNC_TENTHS, Math.round(durationMs * 10))
    if (durationMs < SLOW_SYNC_MS) return
    const took = `took ${Math.round(durationMs)} ms: check the disk's load`
    this.#seams.tell({ kind: 'degraded', message: `making ${this.#file.path} durable ${took}` })
  }

  /** Null when the disk failed under it; then a new file is open already, and the entries are safe. */
  #seal(why: number): Uint8Array | null {
    try {
      return this.#file.seal(why, this.#durableSeq(), this.#seams.wall.wallMs())
    } catch (error) {
      this.#poison(error)
      return null
    }
  }

  /** States durability that no later frame states, and gives recovery a time to count the loss from. */
  #heartbeat(nowMs: number): void {
    this.#heartbeatMs = nowMs
    if (!this.#hasNews && this.#statedCount === this.#durableCount) return
    this.#hasNews = false
    this.#statedCount = this.#durableCount
    const payload = encodeHeartbeat(this.#seams.wall.wallMs())
    const seq = this.#seqOf(0)
    this.#write(buildFrame(TYPE_HEARTBEAT, 0, payload, seq, this.#durableSeq(), this.#file.head.salt))
  }

  #end(): number {
    this.#sync()
    if (this.#seal(SEAL_CLEAN) === null) return 0
    this.#seams.tell({ kind: 'sealed', path: this.#file.path })
    this.hasEnded = true
    return 0
  }

  #create(segment: number, firstSeq: number, chain: number, previousSha256: Uint8Array): SegmentFile {
    this.#fileSinceMs = this.#seams.real.monoMs()
    const head = {
      chain,
      generation: this.#start.generation,
      segment,
      firstSeq,
      createdWallMs: this.#seams.wall.wallMs(),
      createdMonoMs: this.#fileSinceMs,
      salt: randomBytes(4).readUInt32LE(),
      previousSha256,
      bootId: this.#start.bootId,
    }
    const file = SegmentFile.create(this.#options.dir, head, this.#seams.files, (error) =>
      this.#waitForSpace(error),
    )
    this.#fullSinceMs = -1
    return file
  }

  #waitForSpace(error: Error): void {
    if (this.#fullSinceMs < 0) this.#beginWaiting()
    if (this.#isFullTooLong()) throw error
    if (!this.#seams.ballast.free()) this.#seams.pause(this.#options.fullRetryMs)
  }

  /** The operator has this long to do something, so he hears of it now and not when it is over. */
  #beginWaiting(): void {
    const { dir, fullMaxMs } = this.#options
    this.#fullSinceMs = this.#seams.real.monoMs()
    const until = `entries wait in memory for up to ${fullMaxMs / 1_000} s`
    this.#seams.tell({
      kind: 'degraded',
      message: `writing the journal in ${dir}: the disk is full; ${until}: free space there`,
    })
  }

  #isFullTooLong(): boolean {
    return this.#fullSinceMs >= 0 && this.#seams.real.monoMs() - this.#fullSinceMs > this.#options.fullMaxMs
  }

  #frameBytesAt(at: number): number {
    return FRAME_HEAD_BYTES + padded(this.#view.getUint32(at + 4, true))
  }

  /** Sequence number of the n-th entry after those counted. */
  #seqOf(n: number, count: number = this.#writtenCount): number {
    return this.#start.firstSeq + count + n - 1
  }

  #durableSeq(): number {
    return this.#seqOf(0, this.#durableCount)
  }
}

const NO_HASH = new Uint8Array(32)
