/**
 * When is a sealed segment compressed, and when may the raw one go? One at a time, in a thread that
 * lives for one segment, so that the writer never waits for it:
 *
 *     read N.wal   compress   decompress, compare every byte
 *     write N.wal.zst.tmp   fsync   rename N.wal.zst   fsync(directory)
 *     unlink N.wal   fsync(directory)
 *
 * Until the second directory sync both may exist; the compressed one was verified and wins.
 * A failure leaves the raw segment, which is as good, for the next start.
 */
import { readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { messageOf } from '../domain/error.ts'
import { renameInto, syncDir, writeNewFile } from '../platform/durable.ts'
import { threadUrl } from '../platform/thread.ts'
import { decodeSegmentHead } from './format.ts'
import { listSegments } from './segments.ts'
import { surveySegment } from './survey.ts'
import { compressSegment, decompressSegment } from './zst.ts'

/** Called in the short-lived thread. Leaves a segment alone that is not whole to its seal. */
export function compressFile(path: string): void {
  const bytes = readFileSync(path)
  const head = decodeSegmentHead(bytes)
  if (head === null) return
  const segment = { segment: head.segment, kind: 'raw' as const, path, head, bytes }
  if (surveySegment(segment).seal === null) return
  const compressed = compressSegment(bytes)
  const back = decompressSegment(compressed)
  if (back === null || Buffer.compare(back, bytes) !== 0) {
    throw new Error(`compressing ${path}: what came back is not what went in`)
  }
  const temp = `${path}.zst.tmp`
  rmSync(temp, { force: true })
  writeNewFile(temp, compressed)
  renameInto(temp, `${path}.zst`)
  rmSync(path)
  syncDir(dirname(path))
}

/** Compresses sealed segments in the background, in the order given. */
export class Compressor {
  readonly #report: (problem: string) => void
  #queue: Promise<void> = Promise.resolve()

  constructor(report: (problem: string) => void) {
    this.#report = report
  }

  add(path: string): void {
    this.#queue = this.#queue
      .then(() => compressInThread(path))
      .catch((error: unknown) => {
        this.#report(`compressing ${path}: ${messageOf(error)}; the raw segment stays and is as good`)
      })
  }

  /** Resolves when everything added so far is done. */
  done(): Promise<void> {
    return this.#queue
  }
}

function compressInThread(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(threadUrl('compress-thread', import.meta.url), { workerData: path })
    worker.on('error', reject)
    worker.on('exit', () => resolve())
  })
}

/** Segments that an earlier run left raw. */
export function leftRaw(dir: string): string[] {
  return listSegments(dir)
    .filter((at) => at.kind === 'raw')
    .map((at) => at.path)
}
