/**
 * When is a checkpoint written? Whenever nothing that is finalised waits to be published and the last one is
 * some minutes old; minutes that were replayed count, so a worker that is killed again and again does not
 * replay more and more. The state is copied between two entries, into memory that is kept for it; the disk is
 * waited for in the background. A failure is told and costs nothing but the time of a later start.
 */
import { messageOf } from '../domain/error.ts'
import type { MarketDate } from '../domain/time.ts'
import { placeOf } from '../journal/place.ts'
import { writeOver } from '../platform/background-file.ts'
import type { Log } from '../platform/log.ts'
import { StateWriter } from '../platform/saved-state.ts'
import { type Checkpoint, checkpointPath, titleOf } from './checkpoint.ts'

/** Finalised minutes from one checkpoint to the next. */
const MINUTES_BETWEEN = 5
/** The state of 6,000 instruments. */
const ROOM_BYTES = 8 * 1_024 * 1_024

export type CheckpointKeeperOptions = {
  /** The journal's directory. */
  readonly dir: string
  readonly date: MarketDate
  /** Writes the state and returns the number of the last entry that it holds. */
  readonly save: (writer: StateWriter) => number
  readonly whenDurable: (seq: number) => Promise<void>
  readonly log: Log
}

export class CheckpointKeeper {
  readonly #options: CheckpointKeeperOptions
  readonly #writer = new StateWriter(ROOM_BYTES)
  #minuteCount = 0
  #isWriting = false
  #hasEnded = false
  #written: Promise<void> = Promise.resolve()

  constructor(options: CheckpointKeeperOptions) {
    this.#options = options
  }

  /** A minute was finalised. */
  countMinute(): void {
    this.#minuteCount++
  }

  /** Everything that is finalised is published. */
  offer(): void {
    if (this.#minuteCount < MINUTES_BETWEEN || this.#isWriting || this.#hasEnded) return
    this.#minuteCount = 0
    this.#isWriting = true
    this.#written = this.#write()
  }

  /** No more are written; resolves when none is being written. Never rejects. */
  end(): Promise<void> {
    this.#hasEnded = true
    return this.#written
  }

  async #write(): Promise<void> {
    const { dir, date, save, whenDurable, log } = this.#options
    try {
      this.#writer.reset()
      const seq = save(this.#writer)
      await whenDurable(seq)
      const place = placeOf(dir, seq)
      // Its segment was sealed meanwhile, and is being compressed. There is a next minute.
      if (place === null) this.#minuteCount = MINUTES_BETWEEN
      else await this.#replace({ place, state: this.#writer.bytes() }, date)
    } catch (error) {
      log.warn('checkpoint not written', { dir, reason: messageOf(error) })
    } finally {
      this.#isWriting = false
    }
  }

  async #replace(checkpoint: Checkpoint, date: MarketDate): Promise<void> {
    const path = checkpointPath(this.#options.dir)
    await writeOver(`${path}.tmp`, path, [titleOf(checkpoint, date), checkpoint.state])
  }
}
