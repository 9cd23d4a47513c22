/**
 * How does the feed's thread publish without waiting for an encoder or a disk? It hands the columns to
 * a thread of their own and gets a promise. This file is the near end: it loads neither Arrow nor
 * Parquet, so it costs the feed's thread nothing.
 *
 * The thread is not restarted when it dies: the columns it held are gone, and everything here can be
 * made again from the journal. So the promises reject, and the process should end and start again.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { type ErrorCode, messageOf, OperatingError } from '../domain/error.ts'
import type { Instrument } from '../domain/instrument.ts'
import { threadUrl } from '../platform/thread.ts'
import { checkUnique } from './order.ts'
import type { PublishedFile, PublishRequest } from './publish-steps.ts'

export type { PublishedFile, PublishRequest } from './publish-steps.ts'

export type PublisherOptions = {
  readonly dataDir: string
  readonly market: string
  /** Hears, one line each, what was repaired or found damaged in a manifest. */
  readonly note: (text: string) => void
}

export interface Publisher {
  /** The list that `instrument` columns index from now on. Throws when an instrument is listed twice. */
  setInstruments(instruments: readonly Instrument[]): void
  /**
   * Resolves when the file is durable and listed. The memory of the columns moves to the thread: the
   * arrays are empty afterwards and must not share memory with anything that lives on. Requests are
   * served in order; publish in order of time, and wait for the last before handing over many.
   * Rejects with an OperatingError: PUBLISH_CONFLICT, DISK_FULL, DIR_UNUSABLE, PARQUET_INVALID.
   */
  publish(request: PublishRequest): Promise<PublishedFile>
  /** Serves what was asked before, then ends the thread. */
  end(): Promise<void>
}

export type EncoderStart = { readonly dataDir: string; readonly market: string }
export type EncoderRequest =
  | { readonly kind: 'instruments'; readonly instruments: readonly Instrument[] }
  | { readonly kind: 'publish'; readonly id: number; readonly request: PublishRequest }
  | { readonly kind: 'end' }
export type EncoderReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'published'; readonly id: number; readonly published: PublishedFile }
  | {
      readonly kind: 'failed'
      /** 0: the thread could not start. */
      readonly id: number
      readonly code: ErrorCode
      readonly message: string
      readonly retryable: boolean
    }

/** The thread's JavaScript heap; columns, Arrow and WebAssembly memory lie outside it. */
const HEAP_OLD_MAX_MB = 96
const HEAP_YOUNG_MAX_MB = 3

type Waiting = {
  readonly resolve: (published: PublishedFile) => void
  readonly reject: (error: OperatingError) => void
}

/** Resolves when the thread is warm. Rejects with DIR_UNUSABLE when it cannot write there. */
export function createPublisher(options: PublisherOptions): Promise<Publisher> {
  const { dataDir, market, note } = options
  const worker = new Worker(threadUrl('encoder-thread', import.meta.url), {
    workerData: { dataDir, market } satisfies EncoderStart,
    resourceLimits: {
      maxOldGenerationSizeMb: HEAP_OLD_MAX_MB,
      maxYoungGenerationSizeMb: HEAP_YOUNG_MAX_MB,
    },
  })
  return attachPublisher(worker, note)
}

/** The near end of a thread that speaks `EncoderRequest` and `EncoderReply`. */
export async function attachPublisher(worker: Worker, note: (text: string) => void): Promise<Publisher> {
  const publisher = new ThreadPublisher(worker, note)
  await publisher.ready
  return publisher
}

class ThreadPublisher implements Publisher {
  readonly ready: Promise<void>
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  /** Why nothing can be published any more. */
  #over: OperatingError | undefined

  constructor(worker: Worker, note: (text: string) => void) {
    this.#worker = worker
    this.ready = new Promise((resolve, reject) => {
      // The start waits like a publication with the number 0.
      this.#waiting.set(0, { resolve: () => resolve(), reject })
    })
    worker.on('message', (reply: EncoderReply) => this.#take(reply, note))
    worker.on('error', (error) => this.#fail(`the encoder thread died: ${messageOf(error)}`))
    worker.on('exit', () => this.#fail('the encoder thread has ended'))
  }

  setInstruments(instruments: readonly Instrument[]): void {
    checkUnique(instruments)
    this.#post({ kind: 'instruments', instruments }, [])
  }

  publish(request: PublishRequest): Promise<PublishedFile> {
    if (this.#over !== undefined) return Promise.reject(this.#over)
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#post({ kind: 'publish', id, request }, 'columns' in request ? buffersOf(request.columns) : [])
    })
  }

  async end(): Promise<void> {
    if (this.#over !== undefined) return
    const exited = once(this.#worker, 'exit')
    this.#post({ kind: 'end' }, [])
    await exited
  }

  #post(request: EncoderRequest, transfer: ArrayBuffer[]): void {
    this.#worker.postMessage(request, transfer)
  }

  #take(reply: EncoderReply, note: (text: string) => void): void {
    switch (reply.kind) {
      case 'note':
        note(reply.text)
        return
      case 'ready':
        this.#waitingFor(0).resolve({ path: '', sha256: null, sizeBytes: 0, rowCount: 0, outcome: 'same' })
        return
      case 'published':
        this.#waitingFor(reply.id).resolve(reply.published)
        return
      case 'failed': {
        const { code, message, retryable } = reply
        this.#waitingFor(reply.id).reject(new OperatingError(message, { code, retryable }))
      }
    }
  }

  #waitingFor(id: number): Waiting {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) throw new Error(`the encoder thread answered ${id}, which nobody asked`)
    this.#waiting.delete(id)
    return waiting
  }

  #fail(reason: string): void {
    this.#over ??= new OperatingError(
      `publishing: ${reason}; start again, the journal holds what was not published`,
      { code: 'PARQUET_INVALID', retryable: true },
    )
    for (const waiting of this.#waiting.values()) waiting.reject(this.#over)
    this.#waiting.clear()
  }
}

/** The distinct buffers of the columns; shared memory cannot move, and is copied by its reader anyway. */
function buffersOf(columns: object): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>()
  for (const column of Object.values(columns)) {
    if (ArrayBuffer.isView(column) && column.buffer instanceof ArrayBuffer) buffers.add(column.buffer)
  }
  return [...buffers]
}
