/** Is the journal intact, segment by segment? Changes nothing, and reads every byte. */
import { messageOf } from '../domain/error.ts'
import type { Inspection } from './inspect.ts'
import { inspectJournal, isSame, sha256Of } from './inspect.ts'
import type { LoadedSegment, SegmentPath } from './segments.ts'
import { listSegments, loadSegment } from './segments.ts'
import type { SeqRange, Survey } from './survey.ts'

/**
 * `open`: the last segment has no seal: it is being written, or its run did not end cleanly. `torn`: and
 * its end is not whole, which the next start repairs. `superseded`: the next segment replaced its end.
 */
export type VerifiedStatus = 'intact' | 'open' | 'torn' | 'superseded' | 'damaged' | 'foreign'

export type VerifiedSegment = {
  readonly path: string
  readonly status: VerifiedStatus
  readonly firstSeq: number
  readonly lastSeq: number
  readonly entryCount: number
  /** What is wrong, or ''. */
  readonly detail: string
}

export type VerifiedJournal = {
  /** False when anything is damaged, foreign or missing. A torn end is not: it was never durable. */
  readonly isIntact: boolean
  readonly segments: readonly VerifiedSegment[]
  readonly missing: readonly SeqRange[]
}

export function verifyJournal(dir: string): VerifiedJournal {
  const paths = listSegments(dir)
  let inspected: ReturnType<typeof inspectJournal>
  try {
    inspected = inspectJournal(paths)
  } catch (error) {
    // Which files are foreign by themselves? If none is, it is the order of them that is wrong.
    const foreign = paths.map(foreignOf).filter((segment) => segment !== null)
    const wrongOrder = segmentOf(dir, 'foreign', null, messageOf(error))
    return { isIntact: false, segments: foreign.length > 0 ? foreign : [wrongOrder], missing: [] }
  }
  const { last, missingBefore } = inspected
  const segments = inspected.inspections.map(verifyInspected)
  if (last !== null) segments.push(verifyLast(last.segment, last.survey))
  const missing = [...missingBefore, ...inspected.inspections.flatMap((i) => i.missing)]
  if (last !== null) missing.push(...last.survey.missing)
  const isBad = segments.some(({ status }) => status === 'damaged')
  return { isIntact: !isBad && missing.length === 0, segments, missing }
}

function foreignOf(at: SegmentPath): VerifiedSegment | null {
  try {
    loadSegment(at)
    return null
  } catch (error) {
    return segmentOf(at.path, 'foreign', null, messageOf(error))
  }
}

/** Only here are the bytes hashed and held against the seal: the checksums have vouched for each frame. */
function verifyInspected(inspection: Inspection): VerifiedSegment {
  const { at, survey, status, detail } = inspection
  if (status !== 'intact' || survey.seal === null) return segmentOf(at.path, status, survey, detail)
  const isTrue = sealIsTrue(loadSegment(at), survey)
  return isTrue
    ? segmentOf(at.path, 'intact', survey, '')
    : segmentOf(at.path, 'damaged', survey, 'its bytes do not hash to its seal')
}

function verifyLast(segment: LoadedSegment, survey: Survey): VerifiedSegment {
  const { path } = segment
  if (survey.seal !== null) {
    return sealIsTrue(segment, survey)
      ? segmentOf(path, 'intact', survey, '')
      : segmentOf(path, 'damaged', survey, 'its bytes do not hash to its seal')
  }
  if (survey.prefixEndAt === segment.bytes.byteLength) return segmentOf(path, 'open', survey, '')
  const isTorn = survey.prefixLastSeq + 1 > survey.syncedSeq && segment.kind !== 'compressed'
  const detail = `not whole from byte ${survey.prefixEndAt} on`
  return segmentOf(path, isTorn ? 'torn' : 'damaged', survey, detail)
}

function sealIsTrue(segment: LoadedSegment, survey: Survey): boolean {
  const { sha256, sizeBytes } = survey.seal!
  return isSame(sha256Of(segment.bytes.subarray(0, sizeBytes)), sha256)
}

function segmentOf(
  path: string,
  status: VerifiedStatus,
  survey: Survey | null,
  detail: string,
): VerifiedSegment {
  return {
    path,
    status,
    firstSeq: survey?.firstSeq ?? 0,
    lastSeq: survey?.lastSeq ?? 0,
    entryCount: survey?.entryCount ?? 0,
    detail,
  }
}
