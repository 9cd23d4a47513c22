/**
 * How does the retry queue stand in its file? `jobs/us/retry.jsonl`: each line is the whole state of one wish
 * after something happened to it, with a checksum before it; the last line of a wish holds.
 *
 *     91c3d0aa {"wish":{…},"state":{"reason":"outage",…}}
 *     0d7e1f52 {"wish":{…},"state":null}                      settled
 *
 * A line is synced before the call that wrote it returns, so only the last one can be torn, and then nobody
 * was told that it holds: it is cut off. A damaged line before it was true once: it is told, and kept in
 * the file.
 */
import { crc32 } from 'node:zlib'
import type { BatchRefusalKind, BatchWish } from '../domain/batch.ts'
import type { UnixMs } from '../domain/time.ts'

export type QueueItem = {
  readonly wish: BatchWish
  readonly reason: BatchRefusalKind
  readonly message: string
  /** Failures so far, at least 1. */
  readonly attempts: number
  readonly failedAtMs: UnixMs
  /** Not before this moment; null where it is parked: only an operator brings it back. */
  readonly nextMs: UnixMs | null
}

export type QueueLine = { readonly wish: BatchWish; readonly state: Omit<QueueItem, 'wish'> | null }

export type FoldedQueue = {
  readonly items: Map<string, QueueItem>
  readonly lineCount: number
  /** Bytes up to the end of the last line that is whole. */
  readonly soundBytes: number
  readonly tornBytes: number
  /** Numbers, from 1, of damaged lines that are not the last. */
  readonly damagedLines: readonly number[]
}

const LINE = /^([0-9a-f]{8}) (\{.*\})$/
const NEWLINE = 0x0a

/** Wishes that differ only in format are one. */
export function wishKey({ function: name, symbol, variant }: BatchWish): string {
  return JSON.stringify([name, symbol, variant])
}

export function lineOf(item: QueueItem): QueueLine {
  const { wish, ...state } = item
  return { wish, state }
}

export function formatQueueLine(line: QueueLine): string {
  const body = JSON.stringify(line)
  return `${checksumOf(body)} ${body}\n`
}

export function foldQueue(bytes: Buffer): FoldedQueue {
  const items = new Map<string, QueueItem>()
  const damagedLines: number[] = []
  let lineCount = 0
  let soundBytes = 0
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, start)
    const line = end < 0 ? null : parseQueueLine(bytes.toString('utf8', start, end))
    if (line === null && (end < 0 || end + 1 === bytes.length)) break
    lineCount += 1
    if (line === null) damagedLines.push(lineCount)
    else if (line.state === null) items.delete(wishKey(line.wish))
    else items.set(wishKey(line.wish), { wish: line.wish, ...line.state })
    start = end + 1
    soundBytes = start
  }
  return { items, lineCount, soundBytes, tornBytes: bytes.length - soundBytes, damagedLines }
}

function parseQueueLine(text: string): QueueLine | null {
  const match = LINE.exec(text)
  if (match === null || checksumOf(match[2]!) !== match[1]) return null
  return JSON.parse(match[2]!) as QueueLine
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
