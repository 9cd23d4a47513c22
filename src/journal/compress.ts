/**
 * When is a sealed segment compressed, and when may the raw one go? One at a time, beside the feed, so that
 * the writer never waits for it; a block at a time, so that no segment is ever whole in memory:
 *
 *     read N.wal, its hash against its seal
 *     read N.wal   compress   decompress, compare every byte   write N.wal.zst.tmp      block by block
 *     fsync   rename N.wal.zst   fsync(directory)
 *     unlink N.wal   fsync(directory)
 *
 * Until the second directory sync both may exist; the compressed one was verified and wins.
 * A failure leaves the raw segment, which is as good, for the next start.
 *
 * The work is done by the pool of threads that Node keeps for files and compression, not by a thread of our
 * own: one that lives for a second each would take 20 MiB each time, and leave half of it behind.
 */
import { createHash } from 'node:crypto'
import { messageOf } from '../domain/error.ts'
import { readBlocks, replaceFile } from '../platform/background-file.ts'
import type { SegmentHead } from './format.ts'
import { decodeSealFrame, decodeSegmentHead, SEAL_FRAME_BYTES } from './format.ts'
import { isSame } from './inspect.ts'
import { listSegments } from './segments.ts'
import { BLOCK_BYTES, compressBlocks } from './zst.ts'

/** Leaves a segment alone that is not whole to its seal. */
export async function compressFile(path: string): Promise<void> {
  if (!(await isWholeToSeal(path))) return
  const parts = compressBlocks(readBlocks(path, BLOCK_BYTES))
  await replaceFile(`${path}.zst.tmp`, `${path}.zst`, path, parts)
}

/** Whether the file ends with its seal and every byte before has the hash that the seal states. */
async function isWholeToSeal(path: string): Promise<boolean> {
  const hash = createHash('sha256')
  let head: SegmentHead | null = null
  let sizeBytes = 0
  let tail: Uint8Array = new Uint8Array(0)
  for await (const block of readBlocks(path, BLOCK_BYTES)) {
    head ??= decodeSegmentHead(block)
    // The seal may be cut by the end of a block: its length of bytes is held back from the hash.
    const known = Buffer.concat([tail, block])
    const bodyBytes = Math.max(0, known.byteLength - SEAL_FRAME_BYTES)
    hash.update(known.subarray(0, bodyBytes))
    tail = known.slice(bodyBytes)
    sizeBytes += bodyBytes
  }
  const seal = head === null ? null : decodeSealFrame(tail, head.salt)
  return seal !== null && seal.sizeBytes === sizeBytes && isSame(seal.sha256, hash.digest())
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
      .then(() => compressFile(path))
      .catch((error: unknown) => {
        this.#report(`compressing ${path}: ${messageOf(error)}; the raw segment stays and is as good`)
      })
  }

  /** Resolves when everything added so far is done. */
  done(): Promise<void> {
    return this.#queue
  }
}

/** Segments that an earlier run left raw. */
export function leftRaw(dir: string): string[] {
  return listSegments(dir)
    .filter((at) => at.kind === 'raw')
    .map((at) => at.path)
}
