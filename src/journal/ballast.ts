/**
 * What is given up first when the disk is full? A file that is only there to be deleted: it buys the
 * time to end the run cleanly. Really written, because a sparse file would free nothing.
 */
import { statSync } from 'node:fs'
import { messageOf } from '../domain/error.ts'
import type { JournalFiles } from './files.ts'

export interface Ballast {
  /** True when there was something to free. */
  free(): boolean
  /** Made only where it takes less than a quarter of the free space. */
  make(): void
  remove(): void
}

const BLOCK_BYTES = 1024 * 1024

export function createBallast(
  files: JournalFiles,
  path: string,
  sizeBytes: number,
  report: (problem: string) => void,
): Ballast {
  let isThere = false
  const drop = (): boolean => {
    const was = isThere
    if (was) files.remove(path)
    isThere = false
    return was
  }
  return {
    free: drop,
    remove: () => void drop(),
    make: () => {
      if (sizeBytes === 0) return
      isThere = sizeOf(path) >= sizeBytes
      if (isThere || files.freeBytes(path) < 4 * sizeBytes) return
      isThere = fill(files, path, sizeBytes, report)
    },
  }
}

/** False where the disk would not take it: a disk that full has no room for a reserve either. */
function fill(
  files: JournalFiles,
  path: string,
  sizeBytes: number,
  report: (problem: string) => void,
): boolean {
  files.remove(path)
  const fd = files.create(path)
  try {
    const block = new Uint8Array(Math.min(BLOCK_BYTES, sizeBytes)).fill(0xba)
    for (let left = sizeBytes; left > 0; left -= block.byteLength) {
      const part = left < block.byteLength ? block.subarray(0, left) : block
      if (files.write(fd, part) !== part.byteLength) throw new Error('short write')
    }
    return true
  } catch (error) {
    report(`reserving ${path}: ${messageOf(error)}; a full disk will have no reserve: free space there`)
    files.remove(path)
    return false
  } finally {
    files.close(fd)
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
