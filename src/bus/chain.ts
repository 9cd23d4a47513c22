/**
 * How does a fact become a line of the chain, and stay one?
 *
 * Several processes append to one chain: the stream worker, the operator's gate command, a job. So an append
 * takes a lock of its own for a moment, looks how far the others have come, writes one line, and calls it
 * appended when the disk has it:
 *
 *     lock   fstat   (read what is new)   write of one line, O_APPEND   fdatasync   unlock
 *
 * What others appended is checked before it is built upon (chain-tail.ts). Nothing is repaired but a torn
 * tail.
 *
 * A torn tail is what stands behind the last newline. It was never acknowledged, because a line is synced
 * with its newline, so it is set aside and cut off, and `chain.repaired` says so. If a checkpoint knows more
 * bytes than there are whole lines, it is no torn tail but a loss, and is left alone.
 *
 * Checkpoints come after the event, which is durable by then. If one cannot be written that must not look as
 * if the event had failed, so it is noted, and owed: the next append tries again. One of every 64th event is
 * not synced: a power cut may take it along, and the next one says all that it said.
 */

import { hash } from 'node:crypto'
import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { messageOf, OperatingError } from '../domain/error.ts'
import type { AppendEvent, ChainEvent, ChainHead, EventDraft, EventType, Json } from '../domain/event.ts'
import type { Clock } from '../platform/clock.ts'
import {
  fileError,
  removeFile,
  syncData,
  syncDir,
  syncFile,
  writeFully,
  writeNewFile,
} from '../platform/durable.ts'
import { eventsPath, readingFile, storedLines } from './chain-file.ts'
import { sealEvent } from './chain-line.ts'
import { takeChainLock } from './chain-lock.ts'
import { ChainTail } from './chain-tail.ts'
import { CHAIN_START, type ChainMark, markOf, stepOver } from './chain-walk.ts'
import { isSignedBy, keyPath, openSigningKey, type SigningKey } from './checkpoint.ts'
import { appendCheckpoint, readNewestCheckpoint } from './checkpoint-file.ts'
import { originOf } from './generation.ts'
import { readSnapshotFile, type Snapshot, writeSnapshotFile } from './snapshot.ts'

export type { ChainMark, Snapshot }

export type ChainOptions = {
  /** `<dataDir>/events/<market>`; made when it is not there. */
  readonly dir: string
  readonly market: string
  readonly clock: Clock
  /** Hears in one line each of what did not stop an append: a repair, a checkpoint that is owed. */
  readonly note: (text: string) => void
  /** Where the key of the checkpoints lies; `<dir>/checkpoint.key` by default. */
  readonly keyFile?: string
  /** How long an append waits for another process's append, in real time; 10,000 ms by default. */
  readonly lockPatienceMs?: number
}

export type Chain = {
  readonly market: string
  /**
   * Durable when it returns. The first append of all puts `chain.started` before it (index 0). Throws
   * CHAIN_BROKEN (not intact), DISK_FULL, DIR_UNUSABLE or LOCK_HELD as OperatingError: then nothing was
   * appended. A payload that canonical JSON cannot say is a plain Error.
   */
  readonly append: AppendEvent
  /**
   * Runs `work` while no other process can append: read the events, decide, append, and nothing slipped in
   * between. Synchronous, so `work` must not wait for anything; `append` within it needs no further lock.
   */
  exclusively<Result>(work: (append: AppendEvent) => Result): Result
  /** Where the chain ends now, whoever appended; `eventIndex` -1 before the first event. */
  head(): ChainMark
  /** The head in the form in which other files repeat it; null before the first event. */
  anchorHead(): ChainHead | null
  /**
   * Every event after `after` (all by default), each checked. Throws CHAIN_BROKEN at the first that is not
   * sound.
   */
  events(after?: ChainMark): Generator<ChainEvent, void, void>
  /** The stored fold, if the chain still holds the event that it was taken at; else null: fold anew. */
  readSnapshot(): Snapshot | null
  /** Atomically replaces state-snapshot.json. A cache: losing it costs time only. */
  writeSnapshot(fold: Json, mark: ChainMark): void
  /**
   * Signs the head as it is, whether or not one is due. Returns the signed note. NOT_FOUND for an empty
   * chain.
   */
  checkpoint(): string
}

const CHAIN_ACTOR = 'system:chain'
const CHECKPOINT_EVENTS = 64

/** What moves CTT, TE or a halt is signed at once. */
const SIGNED_AT_ONCE: ReadonlySet<string> = new Set<EventType>([
  'gate.ingest',
  'gate.epoch',
  'review.decided',
  'epoch.advanced',
  'epoch.overridden',
  'epoch.rolled_back',
  'epoch.invalidated',
  'halt.raised',
  'halt.cleared',
])

/** Touches nothing until it is first used, and writes nothing until the first append. */
export function openChain(options: ChainOptions): Chain {
  return new FileChain(options)
}

class FileChain implements Chain {
  readonly market: string
  readonly append: AppendEvent
  readonly #options: ChainOptions
  readonly #path: string
  readonly #tail: ChainTail
  #key: SigningKey | null = null
  /** The newest event that is to be signed at once, and its checkpoint; -1 for none. */
  #owedIndex = -1
  /** Events that the newest checkpoint covers, as far as this process knows. */
  #signedCount = 0
  #generation = 1
  #isHeld = false
  /** After a failed sync: the kernel may have dropped the bytes, and no later call can tell. */
  #isFailed = false

  constructor(options: ChainOptions) {
    this.#options = options
    this.market = options.market
    this.#path = eventsPath(options.dir)
    this.#tail = new ChainTail(options.dir, options.market, (event) => {
      if (SIGNED_AT_ONCE.has(event.event_type)) this.#owedIndex = event.event_index
    })
    this.append = (draft) =>
      this.#isHeld ? this.#appendHeld(draft) : this.exclusively((append) => append(draft))
  }

  exclusively<Result>(work: (append: AppendEvent) => Result): Result {
    if (this.#isHeld) throw new Error('exclusively() within itself')
    const { dir, lockPatienceMs } = this.#options
    const lock = takeChainLock(dir, lockPatienceMs)
    this.#isHeld = true
    try {
      const tornBytes = this.#tail.catchUp()
      this.#meetGeneration()
      if (tornBytes > 0) this.#setTailAside(tornBytes)
      return work(this.append)
    } finally {
      this.#isHeld = false
      lock.release()
    }
  }

  /** What was known of signatures is not of this chain, if an operator set that one aside. */
  #meetGeneration(): void {
    const { generation, mark } = this.#tail
    if (generation === this.#generation) return
    this.#generation = generation
    this.#signedCount = 0
    this.#owedIndex = Math.min(this.#owedIndex, mark.eventIndex)
  }

  head(): ChainMark {
    if (!this.#isHeld) this.#tail.catchUp()
    return this.#tail.mark
  }

  anchorHead(): ChainHead | null {
    const { eventIndex, checksum } = this.head()
    const { generation } = this.#tail
    if (eventIndex < 0) return null
    return generation === 1 ? { eventIndex, checksum } : { eventIndex, checksum, generation }
  }

  *events(after: ChainMark = CHAIN_START): Generator<ChainEvent, void, void> {
    const { sizeBytes } = this.head()
    if (sizeBytes <= after.sizeBytes) return
    const fd = openSync(this.#path, 'r')
    try {
      let before: ChainHead = after
      for (const line of storedLines(fd, after.sizeBytes, sizeBytes)) {
        const step = stepOver(line, before, this.market)
        if ('flaw' in step) {
          throw this.#tail.broken(`event ${before.eventIndex + 1} is not sound: ${step.flaw.says}`)
        }
        before = markOf(step.event, line)
        yield step.event
      }
    } finally {
      closeSync(fd)
    }
  }

  readSnapshot(): Snapshot | null {
    return readSnapshotFile(this.#options.dir, this.#path)
  }

  writeSnapshot(fold: Json, mark: ChainMark): void {
    const write = (): void => writeSnapshotFile(this.#options.dir, { ...mark, fold })
    if (this.#isHeld) write()
    else this.exclusively(write)
  }

  checkpoint(): string {
    return this.exclusively(() => {
      if (this.#tail.mark.eventIndex < 0) {
        throw new OperatingError(`signing the chain ${this.#path}: it has no events yet; nothing to anchor`, {
          code: 'NOT_FOUND',
        })
      }
      const newest = readNewestCheckpoint(this.#tail.checkpointsPath)
      if (newest?.note.checkpoint.head === this.#tail.mark.checksum) {
        syncFile(this.#tail.checkpointsPath)
        return newest.note.text
      }
      return this.#writeCheckpoint('durable')
    })
  }

  #appendHeld(draft: EventDraft): ChainEvent {
    if (this.#tail.mark.eventIndex < 0) {
      const checkpoint_key = this.#signingKey().verifier
      this.#writeEvent(this.#ownDraft('chain.started', { generation: 1, checkpoint_key }))
    }
    const event = this.#writeEvent(draft)
    this.#writeDueCheckpoint()
    return event
  }

  #ownDraft(type: EventType, payload: EventDraft['payload']): EventDraft {
    return { type, atMs: this.#options.clock.wallMs(), actor: CHAIN_ACTOR, payload }
  }

  #writeEvent(draft: EventDraft): ChainEvent {
    const { eventIndex, checksum, sizeBytes } = this.#tail.mark
    const { event, line } = sealEvent(draft, {
      market: this.market,
      eventIndex: eventIndex + 1,
      previousChecksum: checksum,
      recordedAtMs: this.#options.clock.wallMs(),
    })
    const bytes = Buffer.from(line)
    const inode = this.#writeBytes(bytes)
    this.#tail.pass(event, sizeBytes + bytes.length, inode)
    return event
  }

  /** Durable when it returns the inode of the file; otherwise nothing is left of them. */
  #writeBytes(bytes: Buffer): number {
    if (this.#isFailed) {
      throw new OperatingError(
        `appending to the chain ${this.#path}: an earlier sync of it failed; check the ` +
          `disk, then start again`,
        { code: 'DIR_UNUSABLE' },
      )
    }
    try {
      const isNew = !existsSync(this.#path)
      const fd = openSync(this.#path, 'a', 0o600)
      try {
        const { ino, size } = fstatSync(fd)
        if (size !== this.#tail.mark.sizeBytes)
          throw this.#tail.broken('somebody writes to it without its lock')
        if (isNew) syncDir(this.#options.dir)
        this.#writeOrTakeBack(fd, bytes, size)
        return ino
      } finally {
        closeSync(fd)
      }
    } catch (error) {
      throw error instanceof OperatingError ? error : fileError('appending to the chain', this.#path, error)
    }
  }

  /** Half a line must not stand before the next one, and a line that was not acknowledged must not stay. */
  #writeOrTakeBack(fd: number, bytes: Buffer, sizeBefore: number): void {
    let isWritten = false
    try {
      writeFully(fd, bytes)
      isWritten = true
      syncData(fd)
    } catch (error) {
      this.#isFailed = isWritten
      ftruncateSync(fd, sizeBefore)
      throw error
    }
  }

  #setTailAside(tornBytes: number): void {
    const { dir, clock, note } = this.#options
    const offset = this.#tail.mark.sizeBytes
    const known = readNewestCheckpoint(this.#tail.checkpointsPath)?.note.checkpoint.sizeBytes ?? 0
    if (known > offset)
      throw this.#tail.broken(`a checkpoint knows ${known} bytes of it, and ${offset} are whole`)
    const torn = readingFile(this.#path, Buffer.alloc(0), (fd) => {
      const bytes = Buffer.alloc(tornBytes)
      return bytes.subarray(0, readSync(fd, bytes, 0, tornBytes, offset))
    })
    const sha256 = hash('sha256', torn)
    const stamp = new Date(clock.wallMs()).toISOString().replaceAll(/[-:.]/g, '')
    const aside = `${this.#path}.torn-${stamp}-${sha256.slice(0, 8)}`
    try {
      removeFile(aside)
      writeNewFile(aside, torn)
      syncDir(dir)
      const fd = openSync(this.#path, 'r+')
      try {
        ftruncateSync(fd, offset)
        syncData(fd)
      } finally {
        closeSync(fd)
      }
    } catch (error) {
      throw fileError('setting aside the torn tail of', this.#path, error)
    }
    const payload = { what: 'tail', offset, bytes: tornBytes, sha256, file: basename(aside) }
    this.#appendHeld(this.#ownDraft('chain.repaired', payload))
    note(
      `repaired the chain ${this.#path}: ${tornBytes} bytes behind its last whole line are now in ${aside}`,
    )
  }

  #signingKey(): SigningKey {
    const { dir, keyFile } = this.#options
    const origin = originOf(this.market, this.#tail.generation)
    if (this.#key?.name !== origin) this.#key = openSigningKey(keyFile ?? keyPath(dir), origin)
    return this.#key
  }

  #writeDueCheckpoint(): void {
    if (!this.#isCheckpointDue()) return
    try {
      // Another process may have signed what this one only read.
      this.#signedCount = readNewestCheckpoint(this.#tail.checkpointsPath)?.note.checkpoint.eventCount ?? 0
      if (!this.#isCheckpointDue()) return
      this.#writeCheckpoint(this.#owedIndex >= this.#signedCount ? 'durable' : 'unsynced')
    } catch (error) {
      const { eventIndex } = this.#tail.mark
      this.#options.note(
        `the chain ${this.#path} has no checkpoint yet of event ${eventIndex}: ${messageOf(error)}`,
      )
    }
  }

  #isCheckpointDue(): boolean {
    const eventCount = this.#tail.mark.eventIndex + 1
    return this.#owedIndex >= this.#signedCount || eventCount - this.#signedCount >= CHECKPOINT_EVENTS
  }

  #writeCheckpoint(durability: 'durable' | 'unsynced'): string {
    const key = this.#signingKey()
    this.#nameNewKey(key)
    const { eventIndex, checksum, sizeBytes } = this.#tail.mark
    const note = key.sign({
      origin: originOf(this.market, this.#tail.generation),
      eventCount: eventIndex + 1,
      root: this.#tail.tree.root(),
      head: checksum,
      sizeBytes,
    })
    appendCheckpoint(this.#tail.checkpointsPath, note, this.#tail.tree.frontier(), durability)
    this.#signedCount = eventIndex + 1
    return note
  }

  /** The chain names its keys itself. One that was lost and made anew is another key, and is named first. */
  #nameNewKey(key: SigningKey): void {
    const newest = readNewestCheckpoint(this.#tail.checkpointsPath)
    const isNamed =
      newest === null ? this.#firstKey() === key.verifier : isSignedBy(newest.note, [key.verifier])
    if (!isNamed)
      this.#writeEvent(this.#ownDraft('chain.repaired', { what: 'key', checkpoint_key: key.verifier }))
  }

  #firstKey(): Json | undefined {
    for (const { payload } of this.events()) return payload.checkpoint_key
    return undefined
  }
}
