/**
 * Is the journal what it was when it was durable? Every segment is surveyed and held against the head
 * of the next one, which states what the segment before it held (firstSeq) and what it hashed to.
 * Changes nothing. Recovery acts on the answer, `verify` prints it.
 */
import { createHash } from 'node:crypto'
import { OperatingError } from '../domain/error.ts'
import type { SegmentHead } from './format.ts'
import { CHAIN_BYTES, CHAIN_SEAL } from './format.ts'
import { isIn, type JournalPlace } from './place.ts'
import type { LoadedSegment, SegmentPath } from './segments.ts'
import { loadSegment } from './segments.ts'
import type { SeqRange, Survey } from './survey.ts'
import { surveySegment } from './survey.ts'
import { release } from './zst.ts'

/**
 * `superseded`: entries from `prefixEndAt` on were numbered anew into the next segment, so the rest is
 * to be cut off, or ignored where the disk failed under it.
 */
export type SegmentStatus = 'intact' | 'superseded' | 'damaged'

export type Inspection = {
  readonly at: SegmentPath
  readonly head: SegmentHead
  readonly survey: Survey
  readonly status: SegmentStatus
  /** What is wrong, or ''. */
  readonly detail: string
  /** Entries that this segment should hold and does not. */
  readonly missing: readonly SeqRange[]
}

export type InspectedJournal = {
  /** All but the last. */
  readonly inspections: readonly Inspection[]
  /** The last one, which nothing stands behind; null when the journal is empty. */
  readonly last: { readonly segment: LoadedSegment; readonly survey: Survey } | null
  /** Entries that stood before the first segment that is there. */
  readonly missingBefore: readonly SeqRange[]
}

/** Throws JOURNAL_FOREIGN when a file is not of this journal. */
export function inspectJournal(paths: readonly SegmentPath[]): InspectedJournal {
  const inspections: Inspection[] = []
  let segment = paths.length > 0 ? loadSegment(paths[0]!) : null
  if (segment === null) return { inspections, last: null, missingBefore: [] }
  const before: SeqRange[] = segment.head.firstSeq > 1 ? [[1, segment.head.firstSeq - 1]] : []
  for (const path of paths.slice(1)) {
    const next = loadSegment(path)
    refuseForeign(segment, next)
    inspections.push(inspectSegment(segment, next.head))
    release(segment.bytes)
    segment = next
  }
  return { inspections, last: { segment, survey: surveySegment(segment) }, missingBefore: before }
}

/**
 * The same from the segment of `place` on: those before it were whole when they were sealed, and are not
 * read. Null where that is not all that there is to say: the entry is not in that place, or something is
 * damaged.
 */
export function inspectFrom(paths: readonly SegmentPath[], place: JournalPlace): InspectedJournal | null {
  const at = paths.findIndex(({ segment }) => segment === place.segment)
  // None has gone astray before it: the first segment of a journal has number 1.
  if (at < 0 || place.segment !== at + 1) return null
  const { inspections, last } = inspectJournal(paths.slice(at))
  if (last === null || inspections.some(({ status }) => status === 'damaged')) return null
  const [first, second] = [...inspections.map(({ head }) => head), last.segment.head]
  const nextSeq = second?.firstSeq ?? last.survey.prefixLastSeq + 1
  if (!isIn(first!, place) || place.seq < first!.firstSeq || place.seq >= nextSeq) return null
  return { inspections, last, missingBefore: [] }
}

function refuseForeign(segment: LoadedSegment, next: LoadedSegment): void {
  const what =
    next.head.generation < segment.head.generation
      ? 'it was written by an older run than the segment before it'
      : next.head.firstSeq < segment.head.firstSeq
        ? 'it begins before the segment before it'
        : null
  if (what === null) return
  throw new OperatingError(
    `reading the journal segment ${next.path}: ${what}; nothing was changed, ` +
      'find out how the file came there and move it aside',
    { code: 'JOURNAL_FOREIGN' },
  )
}

function inspectSegment(segment: LoadedSegment, next: SegmentHead): Inspection {
  const survey = surveySegment(segment, next.firstSeq)
  const missing = missingUpTo(survey, next.firstSeq - 1)
  const { status, detail } = statusOf(segment, survey, next, missing)
  const at = { segment: segment.segment, kind: segment.kind, path: segment.path }
  return { at, head: segment.head, survey, status, detail, missing }
}

/** The survey's missing entries, and those between its last and `lastSeq`. */
export function missingUpTo(survey: Survey, lastSeq: number): SeqRange[] {
  if (survey.lastSeq >= lastSeq) return [...survey.missing]
  return [...survey.missing, [survey.lastSeq + 1, lastSeq]]
}

function statusOf(
  segment: LoadedSegment,
  survey: Survey,
  next: SegmentHead,
  missing: readonly SeqRange[],
): { status: SegmentStatus; detail: string } {
  if (missing.length > 0) return { status: 'damaged', detail: `missing ${formatRanges(missing)}` }
  if (next.segment !== segment.segment + 1)
    return { status: 'damaged', detail: 'the next segment is missing' }
  const isWhole = survey.prefixEndAt === segment.bytes.byteLength
  if (segment.kind === 'poison') return { status: isWhole ? 'intact' : 'superseded', detail: '' }
  if (next.chain === CHAIN_SEAL) {
    if (!isWhole) return { status: 'damaged', detail: `damaged at byte ${survey.prefixEndAt}` }
    if (survey.seal === null) return { status: 'damaged', detail: 'the seal is missing' }
    if (isSame(survey.seal.sha256, next.previousSha256)) return { status: 'intact', detail: '' }
    return { status: 'damaged', detail: 'the seal is not the one that the next segment names' }
  }
  if (next.chain === CHAIN_BYTES) {
    if (isSame(sha256Of(segment.bytes.subarray(0, survey.prefixEndAt)), next.previousSha256)) {
      return { status: isWhole ? 'intact' : 'superseded', detail: '' }
    }
    const isKnown = isSame(sha256Of(segment.bytes), next.previousSha256)
    return {
      status: 'damaged',
      detail: `damaged at byte ${survey.prefixEndAt}, ${isKnown ? 'known' : 'unknown'} to the next segment`,
    }
  }
  // No chain: what the disk did to this file was not known when the next segment began.
  return { status: isWhole ? 'intact' : 'superseded', detail: '' }
}

export function sha256Of(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest()
}

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

export function formatRanges(ranges: readonly SeqRange[]): string {
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`)).join(', ')
}
