/**
 * What happens to what the sockets hear? It is appended to the journal and folded, in this order and
 * from the same bytes. Packets gather in a group, which is committed at the end of the turn of the event
 * loop or when it is full: copied into the journal's ring and folded. What the journal could not take is
 * not folded either, so live and replay see the same entries.
 *
 * The group gathers in memory of its own, for which room in the ring is reserved. To copy each packet into
 * the ring would be one copy less and three times slower: into shared memory short copies go byte by byte
 * (measured: 43 ns a packet against 9 here and 5 for its share of the group's copy), and this memory is
 * still in the processor's cache when it is folded.
 */
import type { CandleFold } from '../candles/fold.ts'
import {
  ENTRY_FACT,
  ENTRY_PACKETS,
  encodeFact,
  type Fact,
  PACKET_HEAD_BYTES,
  PACKETS_HEAD_BYTES,
} from '../domain/fact.ts'
import type { FeedSink } from '../domain/feed.ts'
import type { UnixMs } from '../domain/time.ts'
import type { JournalAppender } from '../journal/appender.ts'
import { atTurnEnd } from '../platform/clock.ts'

const COUNT_MAX = 65_535
/** A packet's length is 16 bits in the journal. What is longer is no packet; its beginning is evidence. */
const PACKET_MAX_BYTES = 65_535
/** A group of packets is one frame of the journal: one checksum, one hand-over. Any packet fits. */
const GROUP_MAX_BYTES = PACKETS_HEAD_BYTES + PACKET_HEAD_BYTES + PACKET_MAX_BYTES
/** Of the journal's ring: where more is in use, reading should stop. */
const FILLING_RATIO = 0.75

export type IngestOptions = {
  readonly journal: JournalAppender
  readonly fold: CandleFold
  /** Hears of each fact once it is journalled and folded. */
  readonly onFact?: (fact: Fact) => void
}

export class Ingest implements FeedSink {
  readonly #journal: JournalAppender
  readonly #fold: CandleFold
  readonly #onFact: (fact: Fact) => void
  /** The group that is being filled, and where in the ring its payload will go, or -1. */
  readonly #group = new Uint8Array(GROUP_MAX_BYTES)
  readonly #groupView = new DataView(this.#group.buffer)
  #groupAt = -1
  #groupBytes = 0
  #groupCount = 0
  #groupBaseMs = 0
  #isCommitDue = false
  /** Facts that found no room; they go first when there is some. */
  readonly #waitingFacts: { readonly fact: Fact; readonly folded: (seq: number) => void }[] = []
  #draining: Promise<void> | null = null
  droppedCount = 0
  /** Payload handed to the journal since the start of the run. */
  journalledBytes = 0

  constructor(options: IngestOptions) {
    this.#journal = options.journal
    this.#fold = options.fold
    this.#onFact = options.onFact ?? (() => {})
  }

  packet(connection: number, frame: Uint8Array, receivedMs: UnixMs): boolean {
    const bytes = frame.length > PACKET_MAX_BYTES ? frame.subarray(0, PACKET_MAX_BYTES) : frame
    const entryBytes = PACKET_HEAD_BYTES + bytes.length
    if (this.#groupAt >= 0 && !this.#hasRoom(entryBytes, receivedMs)) this.commit()
    if (this.#groupAt < 0 && !this.#openGroup(receivedMs)) {
      this.droppedCount++
      return false
    }
    const view = this.#groupView
    const at = this.#groupBytes
    view.setUint16(at, bytes.length, true)
    view.setUint16(at + 2, connection, true)
    view.setUint32(at + 4, receivedMs - this.#groupBaseMs, true)
    this.#group.set(bytes, at + PACKET_HEAD_BYTES)
    this.#groupBytes += entryBytes
    this.#groupCount++
    return true
  }

  #hasRoom(entryBytes: number, receivedMs: number): boolean {
    // Receive times are offsets from the group's first; a clock set back starts a new group.
    return (
      this.#groupBytes + entryBytes <= GROUP_MAX_BYTES &&
      this.#groupCount < COUNT_MAX &&
      receivedMs >= this.#groupBaseMs
    )
  }

  #openGroup(receivedMs: number): boolean {
    if (this.#waitingFacts.length > 0) return false
    const at = this.#journal.begin(ENTRY_PACKETS, GROUP_MAX_BYTES)
    this.isFilling = this.#journal.usedBytes() > this.#journal.ringBytes * FILLING_RATIO
    if (at < 0) return false
    this.#groupAt = at
    this.#groupBytes = PACKETS_HEAD_BYTES
    this.#groupCount = 0
    this.#groupBaseMs = receivedMs
    this.#groupView.setFloat64(0, receivedMs, true)
    if (!this.#isCommitDue) {
      this.#isCommitDue = true
      atTurnEnd(this.#onTurnEnd)
    }
    return true
  }

  readonly #onTurnEnd = (): void => {
    this.#isCommitDue = false
    this.commit()
  }

  /** Hands the open group to the journal and folds it. Called at each turn's end by itself. */
  commit(): void {
    if (this.#groupAt < 0) return
    this.#journal.bytes.set(this.#group.subarray(0, this.#groupBytes), this.#groupAt)
    this.#groupAt = -1
    this.#journal.commit(this.#groupBytes, this.#groupCount)
    this.journalledBytes += this.#groupBytes
    this.#fold.entry(ENTRY_PACKETS, this.#groupCount, this.#group, this.#groupView, 0, this.#groupBytes)
  }

  fact(fact: Fact): void {
    this.record(fact, () => {})
  }

  /** Like `fact`; `folded` is called with the entry's number when it was folded: at once if there is room. */
  record(fact: Fact, folded: (seq: number) => void): void {
    this.commit()
    if (this.#waitingFacts.length === 0) {
      const seq = this.#journal.append(ENTRY_FACT, encodeFact(fact))
      if (seq >= 0) {
        this.#take(fact, seq, folded)
        return
      }
    }
    this.#waitingFacts.push({ fact, folded })
    this.#draining ??= this.#drain()
  }

  #take(fact: Fact, seq: number, folded: (seq: number) => void): void {
    this.#fold.fact(fact)
    folded(seq)
    this.#onFact(fact)
  }

  /** Resolves when no fact waits for room any more, or the journal has failed and none ever will be taken. */
  async drained(): Promise<void> {
    await this.#draining
  }

  async #drain(): Promise<void> {
    try {
      for (let next = this.#waitingFacts[0]; next !== undefined; next = this.#waitingFacts[0]) {
        const payload = encodeFact(next.fact)
        await this.#journal.whenRoom(payload.byteLength)
        const seq = this.#journal.append(ENTRY_FACT, payload)
        if (seq < 0) continue
        this.#waitingFacts.shift()
        this.#take(next.fact, seq, next.folded)
      }
    } catch (error) {
      // Where the writer has failed its owner hears of it through `onFailure` and ends the run.
      if (this.#journal.failure() === null) throw error
    } finally {
      this.#draining = null
    }
  }

  /** Looked at once a group: a read of the sockets that goes on meanwhile finds room in the last quarter. */
  isFilling = false

  whenRoom(): Promise<void> {
    const { ringBytes } = this.#journal
    return this.#journal.whenRoom((ringBytes * 3) / 8)
  }
}
