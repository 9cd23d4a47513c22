/**
 * What of a segment is whole, and from where on is it not? The judgement of recovery and of `verify`
 * rests on this alone; nothing is changed here.
 *
 * The *prefix* is everything from the head up to the first byte that is not the next frame. What is
 * whole behind it are *islands*: a disk may have kept a later sector and lost an earlier one.
 */
import { readU64, SEAL_CLEAN, TYPE_HEARTBEAT, TYPE_INTERNAL_MIN, TYPE_SEAL } from './format.ts'
import { FrameCursor } from './scan.ts'
import type { LoadedSegment } from './segments.ts'

/** Sequence numbers, both inclusive. */
export type SeqRange = readonly [fromSeq: number, toSeq: number]

export type Seal = { readonly isClean: boolean; readonly sha256: Uint8Array; readonly sizeBytes: number }

/** Where the whole frame of one entry lies in its segment. */
export type FramePlace = { readonly at: number; readonly sizeBytes: number; readonly seq: number }

export class Survey {
  /** Everything before is one whole frame after the other. */
  prefixEndAt: number = -1
  /** Last entry of the prefix; the head's firstSeq - 1 when it holds none. */
  prefixLastSeq: number
  /** Last entry of all; beyond `prefixLastSeq` there are islands. */
  lastSeq: number
  entryCount: number = 0
  /** Entries between firstSeq and lastSeq that are not there. */
  readonly missing: SeqRange[] = []
  /** Highest entry that any frame, or the segment's mere existence, states to be durable. */
  syncedSeq: number
  /** The seal, when it ends the prefix and nothing follows. */
  seal: Seal | null = null
  /** Newest wall time that the segment states. */
  wallMs: number

  readonly firstSeq: number

  constructor(firstSeq: number, createdWallMs: number) {
    this.firstSeq = firstSeq
    this.prefixLastSeq = firstSeq - 1
    this.lastSeq = firstSeq - 1
    this.syncedSeq = firstSeq - 1
    this.wallMs = createdWallMs
  }

  hasIslands(): boolean {
    return this.lastSeq > this.prefixLastSeq
  }
}

/** `endSeq`: entries from here on belong to the next segment and are not counted. */
export function surveySegment(segment: LoadedSegment, endSeq: number = Number.POSITIVE_INFINITY): Survey {
  const cursor = new FrameCursor(segment.bytes, segment.head.salt)
  const survey = new Survey(segment.head.firstSeq, segment.head.createdWallMs)
  for (;;) {
    if (cursor.next()) {
      takeFrame(survey, cursor, endSeq)
    } else {
      if (cursor.isAtEnd()) break
      leavePrefix(survey, cursor.at)
      cursor.resync()
    }
  }
  if (survey.prefixEndAt >= 0) survey.seal = null
  leavePrefix(survey, cursor.endAt)
  return survey
}

/** The entries from `fromSeq` on, in rising order, damaged ones left out. */
export function placesFrom(segment: LoadedSegment, fromSeq: number): FramePlace[] {
  const cursor = new FrameCursor(segment.bytes, segment.head.salt)
  const places: FramePlace[] = []
  let wantedSeq = fromSeq
  while (cursor.next() || (cursor.resync() && cursor.next())) {
    const { frameAt, seq, type, at } = cursor
    if (type >= TYPE_INTERNAL_MIN || seq < wantedSeq) continue
    places.push({ at: frameAt, sizeBytes: at - frameAt, seq })
    wantedSeq = seq + 1
  }
  return places
}

function takeFrame(survey: Survey, cursor: FrameCursor, endSeq: number): void {
  survey.syncedSeq = Math.max(survey.syncedSeq, cursor.syncedSeq())
  // Nothing belongs behind a seal, whatever it is.
  if (survey.seal !== null) leavePrefix(survey, cursor.frameAt)
  if (cursor.type >= TYPE_INTERNAL_MIN) {
    takeInternal(survey, cursor)
    return
  }
  const { seq } = cursor
  if (seq !== survey.lastSeq + 1 || seq >= endSeq) leavePrefix(survey, cursor.frameAt)
  if (seq <= survey.lastSeq || seq >= endSeq) return
  if (seq > survey.lastSeq + 1) survey.missing.push([survey.lastSeq + 1, seq - 1])
  survey.lastSeq = seq
  survey.entryCount++
}

function takeInternal(survey: Survey, cursor: FrameCursor): void {
  const { view, payloadOffset: at } = cursor
  if (cursor.type === TYPE_HEARTBEAT) survey.wallMs = Math.max(survey.wallMs, view.getFloat64(at, true))
  if (cursor.type !== TYPE_SEAL) return
  survey.wallMs = Math.max(survey.wallMs, view.getFloat64(at + 40, true))
  survey.seal = {
    isClean: cursor.count === SEAL_CLEAN,
    sha256: cursor.bytes.slice(at, at + 32),
    sizeBytes: readU64(view, at + 32),
  }
}

function leavePrefix(survey: Survey, at: number): void {
  if (survey.prefixEndAt >= 0) return
  survey.prefixEndAt = at
  survey.prefixLastSeq = survey.lastSeq
}
