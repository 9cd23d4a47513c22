/**
 * When is a sealed segment compressed, and when may the raw one go? One at a time, in a thread that
 * lives for one segment, so that the writer never waits for it:
 *
 *     read N.wal, its hash against its seal
 *     read N.wal   compress   decompress, compare every byte   write N.wal.zst.tmp      block by block
 *     fsync   rename N.wal.zst   fsync(directory)
 *     unlink N.wal   fsync(directory)
 *
 * Until the second directory sync both may exist; the compressed one was verified and wins.
 * A failure leaves the raw segment, which is as good, for the next start.
 */
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { messageOf } from '../domain/error.ts'
import { renameInto, syncDir, writeNewFileInParts } from '../platform/durable.ts'
import { threadUrl } from '../platform/thread.ts'
import type { SegmentHead } from './format.ts'
import { decodeSealFrame, decodeSegmentHead, SEAL_FRAME_BYTES } from './format.ts'
import { isSame } from './inspect.ts'
import { listSegments } from './segments.ts'
import { BLOCK_BYTES, compressBlocks } from './zst.ts'

/** The thread's JavaScript heap; the blocks lie outside it. */
const HEAP_OLD_MAX_MB = 64
const HEAP_YOUNG_MAX_MB = 1

/** Called in the short-lived thread. Leaves a segment alone that is not whole to its seal. */
export function compressFile(path: string): void {
  if (!isWholeToSeal(path)) return
  const temp = `${path}.zst.tmp`
  rmSync(temp, { force: true })
  writeNewFileInParts(temp, compressBlocks(blocksOf(path)))
  renameInto(temp, `${path}.zst`)
  rmSync(path)
  syncDir(dirname(path))
}

/**
 * Whether the file ends with its seal and every byte before has the hash that the seal states. A block at a
 * time: this runs beside the feed, and a whole segment would be the largest thing in memory.
 */
function isWholeToSeal(path: string): boolean {
  const hash = createHash('sha256')
  let head: SegmentHead | null = null
  let sizeBytes = 0
  let tail: Uint8Array = new Uint8Array(0)
  for (const block of blocksOf(path)) {
    head ??= decodeSegmentHead(block)
    // The seal may be cut by the end of a block: its length of bytes is held back from the hash.
    const known = Buffer.concat([tail, block])
    const bodyBytes = Math.max(0, known.byteLength - SEAL_FRAME_BYTES)
    hash.update(known.subarray(0, bodyBytes))
    tail = known.subarray(bodyBytes)
    sizeBytes += bodyBytes
  }
  const seal = head === null ? null : decodeSealFrame(tail, head.salt)
  return seal !== null && seal.sizeBytes === sizeBytes && isSame(seal.sha256, hash.digest())
}

/** The file's bytes; the memory of a block is only valid until the next. */
function* blocksOf(path: string): Generator<Uint8Array, void, void> {
  const block = new Uint8Array(BLOCK_BYTES)
  const fd = openSync(path, 'r')
  try {
    for (;;) {
      let sizeBytes = 0
      for (let n = -1; n !== 0 && sizeBytes < BLOCK_BYTES; sizeBytes += n) {
        n = readSync(fd, block, sizeBytes, BLOCK_BYTES - sizeBytes, null)
      }
      if (sizeBytes === 0) return
      yield block.subarray(0, sizeBytes)
    }
  } finally {
    closeSync(fd)
  }
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
    const worker = new Worker(threadUrl('compress-thread', import.meta.url), {
      workerData: path,
      resourceLimits: {
        maxOldGenerationSizeMb: HEAP_OLD_MAX_MB,
        maxYoungGenerationSizeMb: HEAP_YOUNG_MAX_MB,
      },
    })
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
