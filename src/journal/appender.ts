/**
 * How does the main thread put an entry into the journal? It builds the frame in place, in the ring
 * that the writer's thread writes to disk from, so the payload is copied once, out of the socket's
 * buffer, and may be folded from the same memory right after `commit`.
 *
 * Three watermarks: committed (in memory) >= written (write() returned: survives kill -9) >= durable
 * (fdatasync returned: survives a power cut).
 *
 * The main thread learns that DURABLE moved by a message, posted only when somebody waits (TELL).
 */
import { messageOf, OperatingError } from '../domain/error.ts'
import type { HistogramFacts } from '../domain/histogram.ts'
import { FRAME_HEAD_BYTES, PAYLOAD_MAX_BYTES, padded, startFrame, TYPE_INTERNAL_MIN } from './format.ts'
import type { SharedRing } from './ring.ts'
import {
  CLOSE,
  DURABLE,
  FAILED,
  HEAD,
  SKIP_MARK,
  SYNC_BOUNDS_MS,
  SYNC_COUNTS,
  SYNC_TENTHS,
  SYNC_WANTED,
  TAIL,
  TELL,
  WRITTEN,
  wakeWriter,
} from './ring.ts'
import type { WriterMessage } from './writer.ts'

/** A run's entries are counted in 31 bits: at 10,000 a second, two and a half days. */
const ENTRIES_MAX = 0x7fff_ffff

type Waiter = {
  readonly ready: () => boolean
  readonly resolve: () => void
  readonly reject: (error: OperatingError) => void
}

/** What the appender needs of the writer's thread; a Worker fits. */
export interface WriterLink {
  on(event: 'message', hear: (message: WriterMessage) => void): unknown
  on(event: 'error', hear: (error: unknown) => void): unknown
  on(event: 'exit', hear: () => void): unknown
}

export type DegradedCallback = (report: string) => void

export class JournalAppender {
  /** The ring's memory; offsets given by `begin` count from its start. */
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly ringBytes: number
  readonly #control: Int32Array
  readonly #firstSeq: number
  readonly #ended: Promise<void>
  readonly #failureCallbacks: ((error: OperatingError) => void)[] = []
  readonly #degradedCallbacks: DegradedCallback[] = []
  readonly #sealedCallbacks: ((path: string) => void)[] = []
  readonly #closers: (() => Promise<void>)[] = []
  #waiters: Waiter[] = []
  #failure: OperatingError | null = null
  #head: number
  #committed = 0
  #isClosing = false
  /** The frame begun and not committed: where, how large at most, how many bytes are skipped before. */
  #at = -1
  #type = 0
  #payloadMaxBytes = 0
  #skipBytes = 0

  constructor(writer: WriterLink, ring: SharedRing, firstSeq: number) {
    this.bytes = new Uint8Array(ring.data)
    this.view = new DataView(ring.data)
    this.ringBytes = ring.data.byteLength
    this.#control = new Int32Array(ring.control)
    this.#firstSeq = firstSeq
    this.#head = Atomics.load(this.#control, HEAD)
    writer.on('message', (message: WriterMessage) => this.#hear(message))
    writer.on('error', (error) => this.#fail(writerDied(messageOf(error), error)))
    this.#ended = new Promise((resolve) => {
      writer.on('exit', () => {
        if (this.#isClosing) this.#settleWaiters()
        else this.#fail(writerDied('it ended by itself', undefined))
        resolve()
      })
    })
  }

  /**
   * Reserves a frame and returns where its payload goes, an offset into `bytes`, a multiple of 8; -1
   * when there is no room (nothing is overwritten) or the writer has failed. Allocates nothing.
   * A `begin` without `commit` is forgotten by the next `begin`.
   */
  begin(type: number, payloadMaxBytes: number): number {
    const frameBytes = FRAME_HEAD_BYTES + padded(payloadMaxBytes)
    if (payloadMaxBytes < 1 || payloadMaxBytes > PAYLOAD_MAX_BYTES || frameBytes > this.ringBytes / 2) {
      throw new Error(
        `a payload of ${payloadMaxBytes} bytes does not fit the journal's frames or half its ring`,
      )
    }
    if (type < 1 || type >= TYPE_INTERNAL_MIN)
      throw new Error(`entry type ${type} is not the caller's to use`)
    if (this.#isClosing) throw new Error('the journal is closed')
    this.#at = -1
    if (!this.#fits(frameBytes)) {
      this.requestSync()
      return -1
    }
    const place = this.#head & (this.ringBytes - 1)
    const contiguousBytes = this.ringBytes - place
    this.#skipBytes = frameBytes > contiguousBytes ? contiguousBytes : 0
    this.#at = this.#skipBytes > 0 ? 0 : place
    this.#type = type
    this.#payloadMaxBytes = payloadMaxBytes
    return this.#at + FRAME_HEAD_BYTES
  }

  /** Hands the begun frame over and returns its sequence number. The payload must not change any more. */
  commit(payloadBytes: number, count: number): number {
    if (this.#at < 0) throw new Error('commit without begin')
    if (payloadBytes < 1 || payloadBytes > this.#payloadMaxBytes) {
      throw new Error(`commit of ${payloadBytes} bytes after begin of ${this.#payloadMaxBytes}`)
    }
    if (this.#committed === ENTRIES_MAX) throw new Error('a run of the journal holds 2^31 - 1 entries')
    startFrame(this.bytes, this.view, this.#at, this.#type, count, payloadBytes)
    if (this.#skipBytes > 0) this.view.setUint32(this.#head & (this.ringBytes - 1), SKIP_MARK, true)
    this.#head = (this.#head + this.#skipBytes + FRAME_HEAD_BYTES + padded(payloadBytes)) | 0
    this.#at = -1
    this.#committed++
    Atomics.store(this.#control, HEAD, this.#head)
    wakeWriter(this.#control, false)
    return this.#firstSeq + this.#committed - 1
  }

  /** `begin`, copy, `commit` in one; -1 when there is no room. */
  append(type: number, payload: Uint8Array): number {
    const at = this.begin(type, payload.byteLength)
    if (at < 0) return -1
    this.bytes.set(payload, at)
    return this.commit(payload.byteLength, 1)
  }

  /** Everything committed so far becomes durable as soon as the disk can. */
  requestSync(): void {
    Atomics.store(this.#control, SYNC_WANTED, this.#committed)
    wakeWriter(this.#control, true)
  }

  committedSeq(): number {
    return this.#firstSeq + this.#committed - 1
  }

  /** Entries up to here survive kill -9 of this process. */
  writtenSeq(): number {
    return this.#firstSeq + Atomics.load(this.#control, WRITTEN) - 1
  }

  /** Entries up to here survive a power cut. */
  durableSeq(): number {
    return this.#firstSeq + Atomics.load(this.#control, DURABLE) - 1
  }

  /** Durations of the writer's syncs, of this run. */
  syncTimes(): HistogramFacts {
    const places = [...SYNC_BOUNDS_MS, Number.POSITIVE_INFINITY]
    return {
      boundsMs: SYNC_BOUNDS_MS,
      counts: places.map((_, place) => Atomics.load(this.#control, SYNC_COUNTS + place)),
      sumMs: Atomics.load(this.#control, SYNC_TENTHS) / 10,
      leastMs: null,
    }
  }

  usedBytes(): number {
    return (this.#head - Atomics.load(this.#control, TAIL)) | 0
  }

  /** Rejects with JOURNAL_FAILED or DISK_FULL when the writer has failed before `seq` was durable. */
  whenDurable(seq: number): Promise<void> {
    if (seq < 0 || seq > this.committedSeq()) throw new Error(`entry ${seq} is not committed`)
    return this.#when(() => this.durableSeq() >= seq)
  }

  /** Resolves when `begin` would find room for a payload of `freeBytes`. Rejects like `whenDurable`. */
  whenRoom(freeBytes: number): Promise<void> {
    const frameBytes = FRAME_HEAD_BYTES + padded(freeBytes)
    if (frameBytes > this.ringBytes / 2) throw new Error(`there is never room for ${freeBytes} bytes`)
    if (!this.#fits(frameBytes)) this.requestSync()
    return this.#when(() => this.#fits(frameBytes))
  }

  failure(): OperatingError | null {
    return this.#failure
  }

  /** `callback` is called once, at once if the writer has failed already. */
  onFailure(callback: (error: OperatingError) => void): void {
    if (this.#failure !== null) callback(this.#failure)
    else this.#failureCallbacks.push(callback)
  }

  /** `callback` is called whenever a failure was survived (a failed fsync, above all): tell the operator. */
  onDegraded(callback: DegradedCallback): void {
    this.#degradedCallbacks.push(callback)
  }

  /** `callback` is called with the path of every segment that will not change any more. */
  onSealed(callback: (path: string) => void): void {
    this.#sealedCallbacks.push(callback)
  }

  /** `finish` is awaited by `close`, after the writer's thread has ended. */
  beforeClosed(finish: () => Promise<void>): void {
    this.#closers.push(finish)
  }

  /** Tells those who registered with `onDegraded`. */
  reportDegraded(report: string): void {
    for (const callback of this.#degradedCallbacks) callback(report)
  }

  /** Everything committed becomes durable, the segment is sealed as clean, the thread ends. */
  async close(): Promise<void> {
    this.#isClosing = true
    Atomics.store(this.#control, CLOSE, 1)
    wakeWriter(this.#control, true)
    await this.#ended
    for (const finish of this.#closers) await finish()
    if (this.#failure !== null) throw this.#failure
  }

  #fits(frameBytes: number): boolean {
    if (Atomics.load(this.#control, FAILED) !== 0) return false
    const contiguousBytes = this.ringBytes - (this.#head & (this.ringBytes - 1))
    const skipBytes = frameBytes > contiguousBytes ? contiguousBytes : 0
    return this.usedBytes() + skipBytes + frameBytes <= this.ringBytes
  }

  #when(ready: () => boolean): Promise<void> {
    if (ready()) return Promise.resolve()
    if (this.#failure !== null) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#waiters.push({ ready, resolve, reject })
      // Asked to tell before looking again, or the move between the two would never be told.
      Atomics.store(this.#control, TELL, 1)
      this.#settleWaiters()
    })
  }

  #settleWaiters(): void {
    if (this.#waiters.length === 0) return
    const waiting: Waiter[] = []
    for (const waiter of this.#waiters) {
      if (waiter.ready()) waiter.resolve()
      else if (this.#failure !== null) waiter.reject(this.#failure)
      else waiting.push(waiter)
    }
    this.#waiters = waiting
  }

  #hear(message: WriterMessage): void {
    if (message.kind === 'failed') {
      this.#fail(new OperatingError(message.message, { code: message.code }))
      return
    }
    if (message.kind === 'degraded') this.reportDegraded(message.message)
    if (message.kind === 'sealed') for (const callback of this.#sealedCallbacks) callback(message.path)
    if (this.#waiters.length === 0) return
    Atomics.store(this.#control, TELL, 1)
    this.#settleWaiters()
  }

  #fail(error: OperatingError): void {
    if (this.#failure !== null) return
    this.#failure = error
    Atomics.store(this.#control, FAILED, 1)
    this.#settleWaiters()
    for (const callback of this.#failureCallbacks) callback(error)
  }
}

function writerDied(what: string, cause: unknown): OperatingError {
  return new OperatingError(
    `writing the journal: the writer's thread died: ${what}; restart, recovery will run`,
    { code: 'JOURNAL_FAILED', cause },
  )
}
