/**
 * How far has the chain come, whoever appended? What a process needs to know of the end before it may add to
 * it.
 *
 * What was read once is not read again: the tail remembers where it stood and looks at the file's size and
 * inode. The first look of a process begins at the newest checkpoint, at most 64 events before the end; what
 * stands before is the verifier's. A chain that became shorter, that was replaced by one that the checkpoint
 * contradicts, or whose new lines do not follow, throws CHAIN_BROKEN.
 */
import { fstatSync } from 'node:fs'
import { OperatingError } from '../domain/error.ts'
import type { ChainEvent } from '../domain/event.ts'
import { syncData } from '../platform/durable.ts'
import { eventsPath, lineEndingAt, readingFile, storedLines } from './chain-file.ts'
import { CHAIN_START, type ChainMark, stepOver } from './chain-walk.ts'
import { readNewestCheckpoint, type StoredCheckpoint } from './checkpoint-file.ts'
import { asideCount, checkpointsPath, generationOf, originOf } from './generation.ts'
import { GrowingTree } from './tree.ts'

export class ChainTail {
  readonly path: string
  readonly #dir: string
  readonly #market: string
  #mark: ChainMark = CHAIN_START
  /** Of the file that `#mark` is a place in; null before the first look. */
  #inode: number | null = null
  #tree = new GrowingTree()
  #generation = 1
  /** Hears of every event that is passed, its own and those of others. */
  readonly #onPass: (event: ChainEvent) => void

  constructor(dir: string, market: string, onPass: (event: ChainEvent) => void) {
    this.path = eventsPath(dir)
    this.#dir = dir
    this.#market = market
    this.#onPass = onPass
  }

  get mark(): ChainMark {
    return this.#mark
  }

  get generation(): number {
    return this.#generation
  }

  get checkpointsPath(): string {
    return checkpointsPath(this.#dir, this.#generation)
  }

  get tree(): GrowingTree {
    return this.#tree
  }

  /** Reads what was appended since the last look. Returns how many bytes stand behind the last newline. */
  catchUp(): number {
    const sizeBytes = readingFile(this.path, null, (fd) => {
      const { ino, size } = fstatSync(fd)
      if (ino !== this.#inode) this.#startOver(fd, ino)
      if (size < this.#mark.sizeBytes) throw this.broken('it became shorter')
      if (size > this.#mark.sizeBytes) {
        // Another process may have died between its write and its sync, and we are about to build on it.
        syncData(fd)
        this.#walk(fd, size)
      }
      return size
    })
    if (sizeBytes !== null) return sizeBytes - this.#mark.sizeBytes
    if (this.#inode !== null || asideCount(this.#dir) > 0 || this.#newestCheckpoint() !== null) {
      throw this.broken('it is gone, though events were written to it')
    }
    return 0
  }

  /** An event that was just written to the file with this inode, up to this byte. */
  pass(event: ChainEvent, sizeBytes: number, inode: number): void {
    this.#inode = inode
    this.#tree.add(event.checksum)
    this.#mark = { eventIndex: event.event_index, checksum: event.checksum, sizeBytes }
    this.#onPass(event)
  }

  /** From the newest checkpoint, whose event must be where the checkpoint says. */
  #startOver(fd: number, inode: number): void {
    this.#generation = generationOf(this.#dir)
    const newest = this.#newestCheckpoint()
    this.#mark = newest === null ? CHAIN_START : this.#markOf(fd, newest)
    this.#tree = new GrowingTree(newest?.frontier)
    this.#inode = inode
  }

  #newestCheckpoint(): StoredCheckpoint | null {
    return readNewestCheckpoint(this.checkpointsPath)
  }

  #markOf(fd: number, { note }: StoredCheckpoint): ChainMark {
    const { eventCount, head, sizeBytes, origin } = note.checkpoint
    if (origin !== originOf(this.#market, this.#generation))
      throw this.broken(`its checkpoint is one of ${origin}`)
    const line = lineEndingAt(fd, sizeBytes)
    const step =
      line === null ? null : stepOver(line, { eventIndex: eventCount - 2, checksum: '' }, this.#market)
    if (step?.event?.checksum !== head || step.event.event_index !== eventCount - 1) {
      throw this.broken(`it does not go on as its checkpoint of ${eventCount} events says`)
    }
    return { eventIndex: eventCount - 1, checksum: head, sizeBytes }
  }

  #walk(fd: number, toByte: number): void {
    for (const line of storedLines(fd, this.#mark.sizeBytes, toByte)) {
      if (!line.isWhole) return
      const step = stepOver(line, this.#mark, this.#market)
      if ('flaw' in step) {
        throw this.broken(`event ${this.#mark.eventIndex + 1} is not sound: ${step.flaw.says}`)
      }
      this.pass(step.event, line.endByte, this.#inode!)
    }
  }

  broken(what: string): OperatingError {
    return new OperatingError(
      `reading the chain ${this.path}: ${what}; nothing was appended, run \`chandler audit verify\``,
      { code: 'CHAIN_BROKEN' },
    )
  }
}
