/**
 * What if more arrives than can be kept? Reading stops while there still is some room, so that what has been
 * read fits and what has not waits in the kernel, and at the vendor: nothing is lost but time. Only where
 * that was not enough a packet is dropped; then its shard is in doubt until there is room again.
 */
import type { FeedSink } from '../domain/feed.ts'
import type { UnixMs } from '../domain/time.ts'
import type { Log } from '../platform/log.ts'
import type { Link } from './link.ts'

export type IntakeOptions = {
  readonly shard: number
  readonly sink: FeedSink
  readonly nowMs: () => UnixMs
  readonly log: Log
  /** The first packet of a row of dropped ones. */
  readonly onDropped: (link: Link, nowMs: UnixMs) => void
  /** There is room again, and what was dropped is told; reading goes on when this returns. */
  readonly onRoom: (link: Link) => void
}

export class Intake {
  readonly #options: IntakeOptions
  readonly #sink: FeedSink
  /** Over all sockets of the shard. */
  droppedCount = 0

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#sink = options.sink
  }

  /** The hot path. */
  packet(link: Link, bytes: Uint8Array, nowMs: UnixMs): void {
    if (!this.#sink.packet(link.connection, bytes, nowMs)) this.#drop(link, nowMs)
    else if (this.#sink.isFilling && !link.isPaused) this.#pause(link)
  }

  /** To be called before a link is given up, too. */
  reportDropped(link: Link): void {
    if (link.droppedCount === 0) return
    const { shard, log, nowMs } = this.#options
    const count = link.droppedCount
    link.droppedCount = 0
    this.#sink.fact({ kind: 'dropped', shard, count, atMs: nowMs() })
    log.error('packets dropped: the journal could not keep up', { shard, count })
  }

  #drop(link: Link, nowMs: UnixMs): void {
    this.droppedCount += 1
    link.droppedCount += 1
    if (link.droppedCount > 1) return // reading is paused; this had been read before
    this.#options.onDropped(link, nowMs)
    if (!link.isPaused) this.#pause(link)
  }

  #pause(link: Link): void {
    link.isPaused = true
    link.socket.pause()
    // A rejection says that the journal has failed for good: its owner hears of it and ends the run.
    this.#sink.whenRoom().then(
      () => this.#resume(link),
      () => {},
    )
  }

  #resume(link: Link): void {
    link.isPaused = false
    this.reportDropped(link)
    this.#options.onRoom(link)
    link.socket.resume()
  }
}
