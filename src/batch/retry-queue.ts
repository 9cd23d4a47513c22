/**
 * What failed, and when is it tried again? One item for each wish, kept on the disk: waiting for its next
 * moment, later after every failure, or parked after too many, where an operator sees it.
 *
 * A failure is named by the moment it happened, so telling it twice, as after a crash between the file and
 * the caller's own books, counts once. Every call is one line in the file, whole or absent after a crash.
 */
import { closeSync, ftruncateSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { BatchRefusal, BatchWish } from '../domain/batch.ts'
import { systemCodeOf } from '../domain/error.ts'
import { DAY_MS, MINUTE_MS, type UnixMs } from '../domain/time.ts'
import {
  fileError,
  makeDir,
  renameInto,
  syncData,
  syncDir,
  writeFully,
  writeNewFile,
} from '../platform/durable.ts'
import type { Log } from '../platform/log.ts'
import {
  type FoldedQueue,
  foldQueue,
  formatQueueLine,
  lineOf,
  type QueueItem,
  type QueueLine,
  wishKey,
} from './retry-queue-log.ts'

export type { QueueItem } from './retry-queue-log.ts'

export type QueueCounts = {
  readonly waiting: number
  readonly parked: number
  /** Waiting ones by next time, then parked ones by symbol. */
  readonly items: readonly QueueItem[]
}

export type RetryQueueOptions = {
  /** `<dataDir>/jobs/us`; made if absent. The caller holds the market's lock. */
  readonly jobsDir: string
  /** A wish that failed so often is parked. */
  readonly attemptsMax: number
  readonly log: Log
}

const BACKOFF_BASE_MS = 15 * MINUTE_MS
const BACKOFF_MAX_MS = DAY_MS
/** The file is written anew when this many lines say nothing any more. */
const STALE_LINES_MAX = 1_000

export class RetryQueue {
  readonly #path: string
  readonly #attemptsMax: number
  readonly #items: Map<string, QueueItem>
  readonly #fd: number
  /** After a failed write nobody can tell what is on the disk. */
  #failure: unknown = null

  /** Throws DIR_UNUSABLE or DISK_FULL. */
  constructor({ jobsDir, attemptsMax, log }: RetryQueueOptions) {
    this.#path = queuePath(jobsDir)
    this.#attemptsMax = attemptsMax
    try {
      makeDir(jobsDir)
      const folded = foldQueue(readBytes(this.#path))
      for (const line of folded.damagedLines) log.warn('a damaged line', { path: this.#path, line })
      this.#items = folded.items
      compact(this.#path, folded)
      this.#fd = openSync(this.#path, 'a', 0o600)
      if (folded.tornBytes > 0 && !isWorthCompacting(folded)) ftruncateSync(this.#fd, folded.soundBytes)
      syncData(this.#fd)
      syncDir(jobsDir)
    } catch (error) {
      throw fileError('opening the retry queue', this.#path, error)
    }
  }

  /**
   * A failure of `wish` at `failedAtMs`: durable when it returns. The same failure told twice counts once
   * (the moment names it). Wishes are the same that differ only in `format`. The attempt that reaches
   * `attemptsMax` parks. A failure of a parked wish leaves it parked.
   */
  add(wish: BatchWish, refusal: BatchRefusal, failedAtMs: UnixMs): QueueItem {
    return this.#fail(wish, refusal, failedAtMs, false)
  }

  /** At once, whatever the attempts: bad symbols. Otherwise as `add`. */
  park(wish: BatchWish, refusal: BatchRefusal, failedAtMs: UnixMs): QueueItem {
    return this.#fail(wish, refusal, failedAtMs, true)
  }

  /** The answer is stored (or nobody wants it any more). Harmless where it is not in the queue. */
  settle(wish: BatchWish): void {
    const key = wishKey(wish)
    if (!this.#items.has(key)) return
    this.#append({ wish, state: null })
    this.#items.delete(key)
  }

  /** Waiting items whose time has come, in order of time. */
  due(nowMs: UnixMs): readonly QueueItem[] {
    return this.counts().items.filter(({ nextMs }) => nextMs !== null && nextMs <= nowMs)
  }

  counts(): QueueCounts {
    return countsOf(this.#items)
  }

  close(): void {
    if (this.#failure === null) closeSync(this.#fd)
    this.#failure ??= new Error('the retry queue is closed')
  }

  #fail(wish: BatchWish, refusal: BatchRefusal, failedAtMs: UnixMs, isHopeless: boolean): QueueItem {
    const held = this.#items.get(wishKey(wish))
    const isTold = held !== undefined && failedAtMs <= held.failedAtMs
    const wasParked = held !== undefined && held.nextMs === null
    // A failure that is known may still be judged worse than before.
    if (isTold && (wasParked || !isHopeless)) return held
    const attempts = isTold ? held.attempts : (held?.attempts ?? 0) + 1
    const isParked = wasParked || isHopeless || attempts >= this.#attemptsMax
    const item: QueueItem = {
      wish,
      reason: refusal.kind,
      message: refusal.message,
      attempts,
      failedAtMs,
      nextMs: isParked ? null : ((failedAtMs + backoffMs(attempts)) as UnixMs),
    }
    this.#append(lineOf(item))
    this.#items.set(wishKey(wish), item)
    return item
  }

  #append(line: QueueLine): void {
    if (this.#failure !== null) throw fileError('writing the retry queue', this.#path, this.#failure)
    try {
      writeFully(this.#fd, Buffer.from(formatQueueLine(line)))
      syncData(this.#fd)
    } catch (error) {
      this.#failure = error
      closeSync(this.#fd)
      throw fileError('writing the retry queue', this.#path, error)
    }
  }
}

/** The same from outside, for `status`: writes nothing, needs no lock. */
export function readRetryQueue(jobsDir: string): QueueCounts {
  const path = queuePath(jobsDir)
  try {
    return countsOf(foldQueue(readBytes(path)).items)
  } catch (error) {
    throw fileError('reading the retry queue', path, error)
  }
}

function queuePath(jobsDir: string): string {
  return join(jobsDir, 'retry.jsonl')
}

function backoffMs(attempts: number): number {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** (attempts - 1))
}

/** What is damaged is kept for looking at, so such a file is never written anew. */
function isWorthCompacting({ lineCount, items, damagedLines }: FoldedQueue): boolean {
  return damagedLines.length === 0 && lineCount - items.size > STALE_LINES_MAX
}

function compact(path: string, folded: FoldedQueue): void {
  const temp = `${path}.temp`
  rmSync(temp, { force: true })
  if (!isWorthCompacting(folded)) return
  const lines = Array.from(folded.items.values(), (item) => formatQueueLine(lineOf(item)))
  writeNewFile(temp, Buffer.from(lines.join('')))
  renameInto(temp, path)
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

function countsOf(items: ReadonlyMap<string, QueueItem>): QueueCounts {
  const sorted = [...items.values()].toSorted(byTimeThenSymbol)
  const waiting = sorted.filter(({ nextMs }) => nextMs !== null).length
  return { waiting, parked: sorted.length - waiting, items: sorted }
}

function byTimeThenSymbol(left: QueueItem, right: QueueItem): number {
  const leftMs = left.nextMs ?? Number.MAX_SAFE_INTEGER
  const rightMs = right.nextMs ?? Number.MAX_SAFE_INTEGER
  if (leftMs !== rightMs) return leftMs - rightMs
  return wishKey(left.wish) < wishKey(right.wish) ? -1 : 1
}
