/**
 * How does a file become permanent? The only home of fsync and of atomic publication.
 *
 * Expected system calls of `publishFile` (temp and final on the same file system):
 *
 *     openat(temp, O_CREAT|O_EXCL|O_WRONLY, 0600)   write…   fsync(temp)
 *     link(temp, final)        fails with EEXIST instead of overwriting
 *     unlink(temp)
 *     open(final's directory)  fsync                 without it the name may be gone after a power cut
 *
 * Each fsync has its reason: without the first, the name can outlive the bytes (a file of 0 bytes);
 * without the second, the bytes can outlive the name. What remains open: a drive that lies about its
 * cache, and a temp file left by a crash between open and unlink (swept at the next start).
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { messageOf, OperatingError, systemCodeOf } from '../domain/error.ts'

/** Makes names that were created, linked or removed in `dir` permanent. */
export function syncDir(dir: string): void {
  const fd = openSync(dir, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/**
 * Makes what was written to `fd` permanent, with the size that reading it needs. A failure is final for
 * this file: the kernel marks the failed pages clean, so a second call would report success over loss.
 */
export function syncData(fd: number): void {
  fdatasyncSync(fd)
}

/** Makes a file permanent that an earlier process may have left half way. */
export function syncFile(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Creates `dir` and its parents, each made permanent. Doing it twice is harmless. */
export function makeDir(dir: string): void {
  // Step by step: below a folder that refuses to hold any, as in /proc, `recursive` never returns.
  try {
    mkdirSync(dir, { mode: 0o755 })
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'EEXIST' && statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true) return
    if (code !== 'ENOENT' || existsSync(dirname(dir))) throw error
    makeDir(dirname(dir))
    makeDir(dir)
    return
  }
  syncDir(dirname(dir))
}

/** Writes all of `bytes` or throws; a short write without an error is an error too (libuv hides it). */
export function writeFully(fd: number, bytes: Uint8Array, position?: number): void {
  const written = writeSync(fd, bytes, 0, bytes.byteLength, position ?? null)
  if (written !== bytes.byteLength) {
    const error: NodeJS.ErrnoException = new Error(`short write: ${written} of ${bytes.byteLength} bytes`)
    error.code = 'ENOSPC'
    throw error
  }
}

/** Writes `bytes` to the new file `path` and makes its content, not yet its name, permanent. */
export function writeNewFile(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, 'wx', 0o600)
  try {
    writeFully(fd, bytes)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

export type Published = 'new' | 'same'

/**
 * Gives `temp`, already written and synced by `writeNewFile`, the name `final`. 'same': the name was
 * taken by a file of equal bytes, so a crash before the manifest is only a repetition. A file of other
 * bytes under the name throws PUBLISH_CONFLICT and is left alone. `temp` is gone afterwards either way.
 */
export function linkInto(temp: string, final: string): Published {
  let outcome: Published = 'new'
  try {
    linkSync(temp, final)
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error
    if (!readFileSync(temp).equals(readFileSync(final))) {
      unlinkSync(temp)
      throw new OperatingError(
        `publishing ${final}: a file of other content has this name already; nothing was overwritten, ` +
          'run `chandler verify` to see which one the manifest knows',
        { code: 'PUBLISH_CONFLICT', cause: error },
      )
    }
    outcome = 'same'
  }
  unlinkSync(temp)
  syncDir(dirname(final))
  return outcome
}

/** Replaces `final` by `temp`, already written and synced. Readers see the old file or the new one. */
export function renameInto(temp: string, final: string): void {
  renameSync(temp, final)
  syncDir(dirname(final))
}

/** Gives a file a second name beside its own. Permanent with the next sync of its directory. */
export function nameAlso(path: string, name: string): void {
  linkSync(path, name)
}

/** Sets a file aside under another name of the same directory. Permanent with the next sync of that. */
export function setFileAside(from: string, to: string): void {
  renameSync(from, to)
}

/** Whether or not it is there. Permanent with the next sync of its directory. */
export function removeFile(path: string): void {
  rmSync(path, { force: true })
}

/** Removes what a crash left in a directory of temporary files. */
export function sweepDir(dir: string): void {
  let names: string[]
  try {
    names = readdirSync(dir)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return
    throw error
  }
  for (const name of names) rmSync(join(dir, name), { force: true, recursive: true })
}

/** Turns a file error into one line that says what, where and what to do. */
export function fileError(doing: string, path: string, error: unknown): OperatingError {
  const code = systemCodeOf(error)
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  const advice = full
    ? 'the disk is full: free space there'
    : code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
      ? 'this user may not write there: check owner, mode and mount'
      : 'check the path and the disk'
  return new OperatingError(`${doing} ${path}: ${messageOf(error)}; ${advice}`, {
    code: full ? 'DISK_FULL' : 'DIR_UNUSABLE',
    retryable: full,
    cause: error,
  })
}

/** A new empty folder for files that nobody keeps. */
export function makeTempDir(prefix: string): string {
  return mkdtempSync(join(tmpdir(), prefix))
}

export function removeDir(dir: string): void {
  rmSync(dir, { recursive: true, force: true })
}

/** What a folder holds; nothing where there is no folder. */
export function listNames(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw fileError('reading', dir, error)
  }
}

/** Free space of the file system that holds `dir`, as this user may use it. */
export function freeBytesAt(dir: string): number {
  const { bsize, bavail } = statfsSync(dir)
  return bsize * bavail
}
