/**
 * How is a journal read without waiting for each segment to be unpacked? A thread of its own loads the
 * segment after the one that is being read, into shared memory. The reader stays synchronous: it waits for
 * the thread as it would wait for the disk.
 *
 * The thread only ever saves time. What it could not load, or not soon, the reader loads itself, so an error
 * is met and told in one place.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { threadUrl } from '../platform/thread.ts'
import type { LoadedSegment, SegmentPath } from './segments.ts'
import { loadSegment } from './segments.ts'

/** In the shared words: how many segments may be loaded, and how many have been told. */
export const ALLOWED = 0
export const TOLD = 1
const WORDS = 2

export type ReadAheadData = {
  readonly paths: readonly SegmentPath[]
  readonly control: Int32Array
  readonly port: MessagePort
}

/** One a segment, in order, from the second on; null where loading failed. */
export type ReadAheadReply = LoadedSegment | null

export interface SegmentLoader {
  /** To be asked for 0, 1, 2 … in order. Throws as `loadSegment`. */
  load(index: number): LoadedSegment
  end(): void
}

/** A thread that takes longer for a segment is dead, or has no processor: waiting on is no gain. */
const PATIENCE_MS = 5_000

export function openLoader(paths: readonly SegmentPath[]): SegmentLoader {
  // Reading a raw segment is no work worth a thread.
  const isWorthIt = paths.slice(1).filter(({ kind }) => kind === 'compressed').length > 1
  return isWorthIt ? new ReadAhead(paths) : { load: (index) => loadSegment(paths[index]!), end: () => {} }
}

class ReadAhead implements SegmentLoader {
  readonly #paths: readonly SegmentPath[]
  readonly #control = new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT))
  readonly #port: MessagePort
  readonly #worker: Worker
  #isGivenUp = false

  constructor(paths: readonly SegmentPath[]) {
    this.#paths = paths
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.#control[ALLOWED] = 1
    const workerData: ReadAheadData = { paths: paths.slice(1), control: this.#control, port: port2 }
    const url = threadUrl('read-ahead-thread', import.meta.url)
    this.#worker = new Worker(url, { workerData, transferList: [port2] })
    this.#worker.on('error', () => {
      this.#isGivenUp = true
    })
    this.#worker.unref()
  }

  load(index: number): LoadedSegment {
    const found = index === 0 || this.#isGivenUp ? null : this.#await(index)
    return found ?? loadSegment(this.#paths[index]!)
  }

  #await(index: number): LoadedSegment | null {
    Atomics.store(this.#control, ALLOWED, index + 1)
    Atomics.notify(this.#control, ALLOWED)
    while (Atomics.load(this.#control, TOLD) < index) {
      const outcome = Atomics.wait(this.#control, TOLD, index - 1, PATIENCE_MS)
      if (outcome !== 'timed-out') continue
      this.end()
      return null
    }
    return (receiveMessageOnPort(this.#port)?.message ?? null) as ReadAheadReply
  }

  end(): void {
    this.#isGivenUp = true
    this.#port.close()
    void this.#worker.terminate()
  }
}
