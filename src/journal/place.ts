/**
 * Which entry is meant, so that no other journal has it there? An entry's number alone says little: after a
 * power cut numbers are given again, and another day's journal has the same. Its segment's head is named too:
 * the head holds random salt, so there is one such file, and the hash of the segment before, which holds that
 * of the one before, so there is one such journal up to here. And what is durable of a segment never changes.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { systemCodeOf } from '../domain/error.ts'
import { fileError } from '../platform/durable.ts'
import { decodeSegmentHead, SEGMENT_HEAD_BYTES, type SegmentHead } from './format.ts'
import { listSegments } from './segments.ts'

/** Plain JSON. */
export type JournalPlace = {
  readonly seq: number
  /** Of the segment that holds the entry: */
  readonly segment: number
  readonly firstSeq: number
  readonly generation: number
  readonly salt: number
  /** Hexadecimal. */
  readonly previousSha256: string
}

/**
 * Where a durable entry of a journal that is being written lies. Null where its segment is not at hand: it
 * was sealed meanwhile and is being compressed.
 */
export function placeOf(dir: string, seq: number): JournalPlace | null {
  for (const { path, kind } of listSegments(dir).reverse()) {
    const head = kind === 'compressed' ? null : readHead(path)
    if (head === null) return null
    if (head.firstSeq <= seq) return placeIn(head, seq)
  }
  return null
}

export function placeIn(head: SegmentHead, seq: number): JournalPlace {
  const { segment, firstSeq, generation, salt, previousSha256 } = head
  return {
    seq,
    segment,
    firstSeq,
    generation,
    salt,
    previousSha256: Buffer.from(previousSha256).toString('hex'),
  }
}

/** Whether the place is one of this segment. */
export function isIn(head: SegmentHead, place: JournalPlace): boolean {
  const there = placeIn(head, place.seq)
  return (
    there.segment === place.segment &&
    there.firstSeq === place.firstSeq &&
    there.generation === place.generation &&
    there.salt === place.salt &&
    there.previousSha256 === place.previousSha256
  )
}

/** Null where the file is gone, or does not begin with a head. */
function readHead(path: string): SegmentHead | null {
  const bytes = new Uint8Array(SEGMENT_HEAD_BYTES)
  try {
    const fd = openSync(path, 'r')
    try {
      readSync(fd, bytes)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw fileError('reading the journal segment', path, error)
  }
  return decodeSegmentHead(bytes)
}
