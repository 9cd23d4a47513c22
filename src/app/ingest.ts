/**
 * What happens to what the sockets hear? It is appended to the journal and folded, in this order and
 * from the same bytes: a packet is copied once, into the journal's ring, and folded there when its group
 * is committed, at the end of the turn of the event loop or when the group is full. What the journal
 * could not take is not folded either, so live and replay see the same entries.
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

/** A group of packets is one frame of the journal: one checksum, one hand-over. */
const GROUP_MAX_BYTES = 64 * 1024
const COUNT_MAX = 65_535
/** A packet's length is 16 bits in the journal. What is longer is no packet; its beginning is evidence. */
const PACKET_MAX_BYTES = 65_535

export type IngestOptions = {
  readonly journal: JournalAppender
  readonly fold: CandleFold
}

export class Ingest implements FeedSink {
  readonly #journal: JournalAppender
  readonly #fold: CandleFold
  /** The group that is being filled: where its payload begins in the ring, or -1. */
  #groupAt = -1
  #groupBytes = 0
  #groupCount = 0
  #groupBaseMs = 0
  #isCommitDue = false
  /** Facts that found no room; they go first when there is some. */
  readonly #waitingFacts: { readonly fact: Fact; readonly folded: (seq: number) => void }[] = []
  #isDraining = false
  droppedCount = 0

  constructor(options: IngestOptions) {
    this.#journal = options.journal
    this.#fold = options.fold
  }

  packet(connection: number, frame: Uint8Array, receivedMs: UnixMs): boolean {
    const bytes = frame.length > PACKET_MAX_BYTES ? frame.subarray(0, PACKET_MAX_BYTES) : frame
    const entryBytes = PACKET_HEAD_BYTES + bytes.length
    if (this.#groupAt >= 0 && !this.#hasRoom(entryBytes, receivedMs)) this.commit()
    if (this.#groupAt < 0 && !this.#openGroup(entryBytes, receivedMs)) {
      this.droppedCount++
      return false
    }
    const { view } = this.#journal
    const at = this.#groupAt + this.#groupBytes
    view.setUint16(at, bytes.length, true)
    view.setUint16(at + 2, connection, true)
    view.setUint32(at + 4, receivedMs - this.#groupBaseMs, true)
    this.#journal.bytes.set(bytes, at + PACKET_HEAD_BYTES)
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

  #openGroup(entryBytes: number, receivedMs: number): boolean {
    // A frame of the protocol may be larger than a usual group (a megabyte at most).
    const groupBytes = Math.max(GROUP_MAX_BYTES, PACKETS_HEAD_BYTES + entryBytes)
    if (this.#waitingFacts.length > 0) return false
    const at = this.#journal.begin(ENTRY_PACKETS, groupBytes)
    if (at < 0) return false
    this.#groupAt = at
    this.#groupBytes = PACKETS_HEAD_BYTES
    this.#groupCount = 0
    this.#groupBaseMs = receivedMs
    this.#journal.view.setFloat64(at, receivedMs, true)
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
    const { bytes, view } = this.#journal
    const at = this.#groupAt
    this.#groupAt = -1
    this.#journal.commit(this.#groupBytes, this.#groupCount)
    this.#fold.entry(ENTRY_PACKETS, this.#groupCount, bytes, view, at, this.#groupBytes)
  }

  fact(fact: Fact): void {
    this.record(fact, () => {})
  }

  /** Like `fact`; `folded` is called with the entry's number after it was folded, at once if there is room. */
  record(fact: Fact, folded: (seq: number) => void): void {
    this.commit()
    if (this.#waitingFacts.length === 0) {
      const seq = this.#journal.append(ENTRY_FACT, encodeFact(fact))
      if (seq >= 0) {
        this.#fold.fact(fact)
        folded(seq)
        return
      }
    }
    this.#waitingFacts.push({ fact, folded })
    void this.#drain()
  }

  async #drain(): Promise<void> {
    if (this.#isDraining) return
    this.#isDraining = true
    try {
      for (let next = this.#waitingFacts[0]; next !== undefined; next = this.#waitingFacts[0]) {
        const payload = encodeFact(next.fact)
        await this.#journal.whenRoom(payload.byteLength)
        const seq = this.#journal.append(ENTRY_FACT, payload)
        if (seq < 0) continue
        this.#waitingFacts.shift()
        this.#fold.fact(next.fact)
        next.folded(seq)
      }
    } catch {
      // The writer has failed; its owner hears of it through `onFailure` and ends the run.
    } finally {
      this.#isDraining = false
    }
  }

  whenRoom(): Promise<void> {
    return this.#journal.whenRoom(GROUP_MAX_BYTES)
  }
}
