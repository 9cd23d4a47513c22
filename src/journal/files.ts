/**
 * What does the writer ask of the file system? Few calls, all synchronous: the writer has a thread of
 * its own, so a stalled disk stalls nobody else, and a fault can be injected at exactly the n-th call.
 */
import { closeSync, constants, ftruncateSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { renameInto, setFileAside, syncData } from '../platform/durable.ts'

export interface JournalFiles {
  /** Creates `path`, which must not exist, for appending; mode 0600. */
  create(path: string): number
  /** Returns how many bytes were taken: fewer than given means that the disk is full. */
  write(fd: number, bytes: Uint8Array): number
  truncate(fd: number, sizeBytes: number): void
  /** fdatasync. After a failure the file's unsynced content must be taken for lost. */
  sync(fd: number): void
  close(fd: number): void
  /** Renames and makes the new name permanent. */
  publish(temp: string, final: string): void
  /** Renames without waiting for the disk. */
  rename(from: string, to: string): void
  remove(path: string): void
  /** Bytes that this user may still write to the file system of `path`'s directory. */
  freeBytes(path: string): number
}

const APPEND_NEW = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL

export const DISK_FILES: JournalFiles = {
  create: (path) => openSync(path, APPEND_NEW, 0o600),
  write: (fd, bytes) => writeSync(fd, bytes, 0, bytes.byteLength, null),
  truncate: (fd, sizeBytes) => ftruncateSync(fd, sizeBytes),
  sync: (fd) => syncData(fd),
  close: (fd) => closeSync(fd),
  publish: (temp, final) => renameInto(temp, final),
  rename: (from, to) => setFileAside(from, to),
  remove: (path) => rmSync(path, { force: true }),
  freeBytes: (path) => {
    const stats = statfsSync(dirname(path))
    return stats.bavail * stats.bsize
  },
}
