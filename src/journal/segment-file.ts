/**
 * How is one segment written? Created under a temporary name, given its real one when its head is
 * durable, appended to, sealed. A segment that has a name therefore has a head.
 *
 *     openat(N.wal.tmp, O_CREAT|O_EXCL|O_APPEND)   write(head)   fdatasync
 *     rename(N.wal.tmp, N.wal)   fsync(directory)
 *     write(frames)…   fdatasync…
 *     write(seal)   fdatasync   close
 *
 * A full disk is survived here: the partial frame is cut off, the ballast is freed, and the same bytes
 * are tried again. Every other failure is the caller's question (see `poison` in writer.ts).
 */
import type { Hash } from 'node:crypto'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { systemCodeOf } from '../domain/error.ts'
import type { JournalFiles } from './files.ts'
import type { SegmentHead } from './format.ts'
import { buildFrame, encodeSeal, encodeSegmentHead, TYPE_SEAL } from './format.ts'
import { segmentName } from './segments.ts'

/** What to do while the disk is full: free what we can, wait; throw when it has lasted too long. */
export type WaitForSpace = (error: Error) => void

export class SegmentFile {
  readonly head: SegmentHead
  readonly path: string
  /** Bytes of whole frames and head; what a partial write added is cut off again. */
  sizeBytes = 0
  entryCount = 0
  readonly #files: JournalFiles
  readonly #fd: number
  readonly #hash: Hash = createHash('sha256')
  readonly #waitForSpace: WaitForSpace

  private constructor(
    files: JournalFiles,
    fd: number,
    path: string,
    head: SegmentHead,
    waitForSpace: WaitForSpace,
  ) {
    this.#files = files
    this.#fd = fd
    this.path = path
    this.head = head
    this.#waitForSpace = waitForSpace
  }

  /** The new segment has its name, and the name is permanent, when this returns. */
  static create(
    dir: string,
    head: SegmentHead,
    files: JournalFiles,
    waitForSpace: WaitForSpace,
  ): SegmentFile {
    const path = join(dir, segmentName(head.segment))
    const temp = `${path}.tmp`
    for (;;) {
      let fd = -1
      try {
        files.remove(temp)
        fd = files.create(temp)
        const file = new SegmentFile(files, fd, path, head, waitForSpace)
        file.write(encodeSegmentHead(head))
        file.sync()
        files.publish(temp, path)
        return file
      } catch (error) {
        if (fd >= 0) files.close(fd)
        // A new inode that failed holds nothing of value, so here even a failed fsync may be repeated.
        if (!isDiskFull(error)) throw error
        waitForSpace(error)
      }
    }
  }

  /** Appends whole frames; waits while the disk is full. */
  write(bytes: Uint8Array): void {
    for (;;) {
      try {
        const writtenBytes = this.#files.write(this.#fd, bytes)
        // libuv hides the error of a short write until the next call: short is full.
        if (writtenBytes !== bytes.byteLength) throw diskFull(writtenBytes, bytes.byteLength)
        break
      } catch (error) {
        if (!isDiskFull(error)) throw error
        this.#files.truncate(this.#fd, this.sizeBytes)
        this.#waitForSpace(error)
      }
    }
    this.sizeBytes += bytes.byteLength
    this.#hash.update(bytes)
  }

  sync(): void {
    this.#files.sync(this.#fd)
  }

  /** Ends the segment for good. `seq` is durable already. Returns the hash that the next head repeats. */
  seal(why: number, seq: number, wallMs: number): Uint8Array {
    const sha256 = this.#hash.copy().digest()
    const payload = encodeSeal(sha256, this.sizeBytes, wallMs)
    this.write(buildFrame(TYPE_SEAL, why, payload, seq, seq, this.head.salt))
    this.sync()
    this.close()
    return sha256
  }

  close(): void {
    this.#files.close(this.#fd)
  }
}

export function isDiskFull(error: unknown): error is Error {
  const code = systemCodeOf(error)
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
}

function diskFull(writtenBytes: number, wantedBytes: number): Error {
  const error: NodeJS.ErrnoException = new Error(`short write: ${writtenBytes} of ${wantedBytes} bytes`)
  error.code = 'ENOSPC'
  return error
}
