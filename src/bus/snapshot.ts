/**
 * Where did the fold of the chain stand? `state-snapshot.json` is a cache: it spares a reader the events
 * before it, and is believed only if it is as it was written and the chain still has the event it was taken
 * at.
 */
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemCodeOf } from '../domain/error.ts'
import type { Json } from '../domain/event.ts'
import { fileError, removeFile, renameInto, writeNewFile } from '../platform/durable.ts'
import { canonicalText } from './canonical.ts'
import { lineEndingAt, readingFile } from './chain-file.ts'
import { isFlaw, readLine } from './chain-line.ts'
import type { ChainMark } from './chain-walk.ts'

export type Snapshot = ChainMark & { readonly fold: Json }

export function snapshotPath(dir: string): string {
  return join(dir, 'state-snapshot.json')
}

/** Under the chain's lock: two writers must not share the temporary file. */
export function writeSnapshotFile(dir: string, { fold, eventIndex, checksum, sizeBytes }: Snapshot): void {
  const path = snapshotPath(dir)
  const body = { event_index: eventIndex, fold, head: checksum, size_bytes: sizeBytes }
  const text = canonicalText({ ...body, checksum: hash('sha256', canonicalText(body)) })
  const temp = `${path}.tmp`
  try {
    removeFile(temp)
    writeNewFile(temp, Buffer.from(`${text}\n`))
    renameInto(temp, path)
  } catch (error) {
    throw fileError('writing the snapshot', path, error)
  }
}

/** Null when there is none, or when it is not to be believed: then the whole chain is folded. */
export function readSnapshotFile(dir: string, eventsPath: string): Snapshot | null {
  const snapshot = parseSnapshot(textOf(snapshotPath(dir)))
  if (snapshot === null) return null
  const { eventIndex, checksum, sizeBytes } = snapshot
  const line = readingFile(eventsPath, null, (fd) => lineEndingAt(fd, sizeBytes))
  if (line?.text === undefined || line.text === null) return null
  const event = readLine(line.text)
  const isThere = !isFlaw(event) && event.event_index === eventIndex && event.checksum === checksum
  return isThere ? snapshot : null
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return ''
    throw fileError('reading the snapshot', path, error)
  }
}

function parseSnapshot(text: string): Snapshot | null {
  try {
    const { checksum, ...body } = JSON.parse(text) as Readonly<Record<string, Json>>
    if (hash('sha256', canonicalText(body)) !== checksum) return null
    const { event_index, fold, head, size_bytes } = body
    return {
      eventIndex: Number(event_index),
      checksum: String(head),
      sizeBytes: Number(size_bytes),
      fold: fold ?? null,
    }
  } catch {
    // A damaged cache is no cache.
    return null
  }
}
