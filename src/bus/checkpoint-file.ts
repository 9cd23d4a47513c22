/**
 * Which checkpoints lie beside the chain? `checkpoints.jsonl`, one a line: `{"frontier":[…],"note":"…"}`.
 *
 * The frontier lets the next writer go on with the tree without reading the whole chain. It is not signed and
 * need not be: it is believed only if it gives the tree head that is.
 */
import { closeSync, ftruncateSync, openSync } from 'node:fs'
import { OperatingError } from '../domain/error.ts'
import type { EventPayload } from '../domain/event.ts'
import { fileError, syncData, writeFully } from '../platform/durable.ts'
import { canonicalText } from './canonical.ts'
import { lineEndingAt, readingFile, sizeOf, storedLines, wholeBytesOf } from './chain-file.ts'
import { parseNotes, type SignedNote } from './checkpoint.ts'
import { type Frontier, headCountOf, rootOf } from './tree.ts'

export type StoredCheckpoint = { readonly note: SignedNote; readonly frontier: Frontier }

/** Null without any. Throws CHAIN_BROKEN for a line that is none: then nothing can be told about the tail. */
export function readNewestCheckpoint(path: string): StoredCheckpoint | null {
  return readingFile(path, null, (fd) => {
    const line = lineEndingAt(fd, wholeBytesOf(fd))
    if (line === null) return null
    const stored = parseCheckpoint(line.text)
    if (stored !== null) return stored
    throw new OperatingError(
      `reading ${path}: its last line is no checkpoint; nothing was changed, run \`chandler audit verify\``,
      { code: 'CHAIN_BROKEN' },
    )
  })
}

/** All of them, oldest first; null for a line that is none. What an interrupted write left is no line. */
export function readCheckpoints(path: string): readonly (StoredCheckpoint | null)[] {
  return readingFile(path, [], (fd) =>
    [...storedLines(fd, 0, sizeOf(fd))]
      .filter(({ isWhole }) => isWhole)
      .map(({ text }) => parseCheckpoint(text)),
  )
}

const HASH = /^[0-9a-f]{64}$/

function parseCheckpoint(text: string | null): StoredCheckpoint | null {
  let record: { readonly note?: unknown; readonly frontier?: unknown }
  try {
    record = JSON.parse(text ?? '') as typeof record
  } catch {
    // Damage is an answer here: the caller says which line it was.
    return null
  }
  if (typeof record?.note !== 'string' || !Array.isArray(record.frontier)) return null
  const [note, ...others] = parseNotes(record.note)
  if (note === undefined || others.length > 0 || note.text !== record.note) return null
  const heads = record.frontier.map(String)
  if (!heads.every((head) => HASH.test(head))) return null
  const { eventCount, root } = note.checkpoint
  if (heads.length !== headCountOf(eventCount) || rootOf(heads) !== root) return null
  const isOwnForm = canonicalText(formOf(note.text, heads)) === text
  return isOwnForm ? { note, frontier: { size: eventCount, heads } } : null
}

function formOf(note: string, frontier: readonly string[]): EventPayload {
  return { frontier, note }
}

/** Durable when it returns, if asked for. Cuts off what an interrupted write left. */
export function appendCheckpoint(
  path: string,
  note: string,
  frontier: Frontier,
  durability: 'durable' | 'unsynced',
): void {
  const line = Buffer.from(`${canonicalText(formOf(note, frontier.heads))}\n`)
  try {
    const wholeBytes = readingFile(path, 0, wholeBytesOf)
    const fd = openSync(path, 'a', 0o600)
    try {
      ftruncateSync(fd, wholeBytes)
      writeFully(fd, line)
      if (durability === 'durable') syncData(fd)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    throw fileError('writing a checkpoint to', path, error)
  }
}
