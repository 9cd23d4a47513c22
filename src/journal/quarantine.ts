/**
 * What becomes of bytes that cannot be used? They are copied beside the journal, durably, before
 * anything is cut off. Doing it again after a crash finds the copy made and changes nothing.
 */
import { createHash } from 'node:crypto'
import { closeSync, existsSync, ftruncateSync, openSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { renameInto, syncData, syncDir, writeNewFile } from '../platform/durable.ts'

/** Keeps `bytes` as `<path>.<what>-<hash>`; the hash in the name makes a repetition the same file. */
export function keepAside(path: string, what: string, bytes: Uint8Array): string {
  const kept = `${path}.${what}-${createHash('sha256').update(bytes).digest('hex').slice(0, 8)}`
  if (existsSync(kept)) return kept
  writeNewFile(`${kept}.tmp`, bytes)
  renameInto(`${kept}.tmp`, kept)
  return kept
}

/** Cuts `path` down to `sizeBytes`, durably. */
export function cutOff(path: string, sizeBytes: number): void {
  const fd = openSync(path, 'r+')
  try {
    ftruncateSync(fd, sizeBytes)
    syncData(fd)
  } finally {
    closeSync(fd)
  }
  syncDir(dirname(path))
}

export function removeFile(path: string): void {
  rmSync(path, { force: true })
  syncDir(dirname(path))
}
