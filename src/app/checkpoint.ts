/**
 * How does a worker that starts at noon know what the morning said, without reading the morning again?
 *
 * The truth is the journal: state is a fold of its entries. A checkpoint is that state after one entry, kept
 * in one file beside the journal, and replaced every few minutes. A start loads it and folds only the entries
 * that come after. It is a cache: without it, a start takes longer and finds the same. So whatever speaks
 * against one is reason enough not to use it, and none is ever repaired. Settle, replay and verify know none.
 *
 *     one line of JSON   which entry, of which journal, by which fold; size and checksum of what follows
 *     the state          see platform/saved-state.ts
 *
 * It is used only where all of this holds:
 *
 *     line and state are as they were written (CRC-32 over both)
 *     this program folds by the same rules and lays the state out alike (FOLD_VERSION, venue, date)
 *     the entry is in the place that it had: the segment's head, with its salt and the hash of the segment
 *       before, is the same, and the entry is in that segment and no other (journal/place.ts)
 *     from that segment on nothing is damaged (what lies before was whole when it was sealed)
 *     every minute that had been finalised is listed as published
 *
 * It is written only when the entry is durable, so no power cut can take back what it rests on, and only
 * when everything finalised so far is published, so a start never has to publish a minute whose candles the
 * state does not hold any more. Minutes that are finalised by the entries after it are published as ever.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { FOLD_VERSION } from '../candles/fold.ts'
import { messageOf, systemCodeOf } from '../domain/error.ts'
import type { MarketDate } from '../domain/time.ts'
import type { JournalPlace } from '../journal/place.ts'
import { venue } from './india-day.ts'

export type Checkpoint = {
  readonly place: JournalPlace
  /** To be read in the order in which it was written. */
  readonly state: Uint8Array
}

/** `unusable`: why, in words for the log. */
export type CheckpointFound =
  | { readonly kind: 'none' }
  | { readonly kind: 'unusable'; readonly why: string }
  | { readonly kind: 'found'; readonly checkpoint: Checkpoint }

type Title = {
  readonly fold: string
  readonly date: MarketDate
  readonly place: JournalPlace
  readonly sizeBytes: number
}

const TITLE_MAX_BYTES = 1_024
const LINE_END = 10

/** The file's name in the journal's directory; recovery sweeps the temporary one away. */
export function checkpointPath(dir: string): string {
  return join(dir, 'checkpoint')
}

/** The line that goes before the state. */
export function titleOf({ place, state }: Checkpoint, date: MarketDate): Uint8Array {
  const title: Title = { fold: foldName(), date, place, sizeBytes: state.byteLength }
  return Buffer.from(`${JSON.stringify({ ...title, crc32: checksum(title, state) })}\n`)
}

/** Whether its entry is in its place is for recovery to say. What cannot be read is unusable: no error. */
export function readCheckpoint(dir: string, date: MarketDate): CheckpointFound {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(checkpointPath(dir))
  } catch (error) {
    return systemCodeOf(error) === 'ENOENT' ? { kind: 'none' } : { kind: 'unusable', why: messageOf(error) }
  }
  const parts = split(bytes)
  if (parts === null) return { kind: 'unusable', why: 'it is damaged' }
  const { title, state } = parts
  if (title.fold !== foldName()) return { kind: 'unusable', why: `it was written by ${title.fold}` }
  if (title.date !== date) return { kind: 'unusable', why: `it is of ${title.date}` }
  return { kind: 'found', checkpoint: { place: title.place, state } }
}

/**
 * The checkpoint, or why it is not to be used; neither where there is none. `isKnown`: recovery has found the
 * entry in its place, and nothing damaged from there on.
 */
export function usableOf(
  found: CheckpointFound,
  isKnown: boolean,
): { readonly checkpoint: Checkpoint | null; readonly why: string | null } {
  if (found.kind === 'none') return { checkpoint: null, why: null }
  if (found.kind === 'unusable') return { checkpoint: null, why: found.why }
  if (isKnown) return { checkpoint: found.checkpoint, why: null }
  return { checkpoint: null, why: 'the journal is not the one that it was made of, or damaged' }
}

/** Null unless line and state are as they were written. */
function split(bytes: Uint8Array): { readonly title: Title; readonly state: Uint8Array } | null {
  const lineBytes = bytes.subarray(0, TITLE_MAX_BYTES).indexOf(LINE_END)
  if (lineBytes < 0) return null
  const state = bytes.subarray(lineBytes + 1)
  try {
    const line: unknown = JSON.parse(Buffer.from(bytes.subarray(0, lineBytes)).toString())
    const { crc32: stated, ...title } = line as Title & { readonly crc32: number }
    return stated === checksum(title, state) ? { title, state } : null
  } catch {
    return null // not JSON: the same as a wrong checksum
  }
}

function checksum(title: Title, state: Uint8Array): number {
  return crc32(state, crc32(JSON.stringify(title)))
}

function foldName(): string {
  return `fold ${FOLD_VERSION} of ${venue.name}`
}
