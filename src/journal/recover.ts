/**
 * What is left of the journal after the last run, and what must be done before the next may write?
 *
 * Everything at or below the *floor* was durable once: the floor is the highest entry that any frame,
 * the segment's head, or the outside (`floorSeq`: a manifest) states. So when the first bad place of
 * the last segment expects entry s:
 *
 *     s >  floor, nothing whole behind    TORN_TAIL           a write was cut off: keep aside, cut off
 *     s >  floor, whole frames behind     TORN_WITH_ISLANDS   same, and number the islands anew
 *     s <= floor                          CORRUPT             durable data is damaged: never cut off;
 *                                                             keep a copy, use all that is whole
 *
 * Damage before the last segment is always CORRUPT. A head that is not ours, or a segment of an older
 * run after a newer one's, is refused unchanged (JOURNAL_FOREIGN). Cutting at the first bad frame
 * instead, as is common, would turn one flipped bit into the loss of everything behind it.
 *
 * A file that the disk failed under (.poison) is trusted up to its floor. What is whole beyond it was
 * never called durable; it is numbered anew into a new file, and that file is made durable.
 *
 * A caller who knows what the journal says up to a place of it (a checkpoint) is spared the segments before:
 * they were whole when they were sealed, or when the run before read them, and `verify` reads them all.
 *
 * Recovery of what recovery left changes nothing and finds the same entries. `wasClean` is false for a
 * run without its clean seal even when nothing is torn: what was received and never handed over leaves
 * no trace but time.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../platform/clock.ts'
import { syncDir, syncFile } from '../platform/durable.ts'
import { readBootId } from './boot.ts'
import { CHAIN_BYTES, CHAIN_NONE, CHAIN_SEAL, SEGMENT_HEAD_BYTES } from './format.ts'
import type { InspectedJournal } from './inspect.ts'
import { inspectFrom, inspectJournal, isSame, missingUpTo, sha256Of } from './inspect.ts'
import type { JournalPlace } from './place.ts'
import { cutOff, keepAside, removeFile } from './quarantine.ts'
import { publishSalvage } from './salvage.ts'
import type { LoadedSegment, SegmentPath } from './segments.ts'
import { listSegments, namesIn } from './segments.ts'
import type { SeqRange, Survey } from './survey.ts'
import { placesFrom } from './survey.ts'
import { decompressSegment } from './zst.ts'

export type RecoveryClass = 'CLEAN' | 'TORN_TAIL' | 'TORN_WITH_ISLANDS' | 'CORRUPT'

export type RecoveryReport = {
  readonly class: RecoveryClass
  /** The next entry gets the number after this one. */
  readonly lastSeq: number
  /** Newest wall time that the journal states; a second old at most in a running journal. */
  readonly lastGoodWallMs: number | null
  /** Bytes cut off and kept aside. */
  readonly tornBytes: number
  /** Entries found behind a torn place; they are the last ones before lastSeq. */
  readonly salvaged: number
  /** Entries that were durable and are not readable. */
  readonly missing: readonly SeqRange[]
  readonly wasClean: boolean
  readonly sameBoot: boolean
  /** The last writer's; the next writer takes the one after. */
  readonly generation: number
}

/** What the next segment's head says of the one before. */
export type JournalTail = { readonly segment: number; readonly chain: number; readonly sha256: Uint8Array }

export type RecoveryOptions = {
  readonly floorSeq: number
  readonly clock: Clock
  /** The caller knows what the entries say up to here, if this is the journal that he knows. */
  readonly known?: JournalPlace | undefined
}

export type Recovery = {
  readonly report: RecoveryReport
  readonly tail: JournalTail
  /** Whether `known` is a place of this journal, and everything from its segment on is whole. */
  readonly isKnown: boolean
}

const NO_HASH: Uint8Array = new Uint8Array(32)

/** The caller holds the lock. Throws JOURNAL_FOREIGN and changes nothing when files are not ours. */
export function recoverJournal(dir: string, options: RecoveryOptions): Recovery {
  dropDoubles(dir)
  const listed = listSegments(dir)
  for (const at of listed) if (at.kind === 'raw') syncFile(at.path)
  if (listed.length > 0) syncDir(dir)
  const headless = headlessLast(listed)
  const paths = headless === null ? listed : listed.slice(0, -1)
  const fromKnown = options.known === undefined ? null : inspectFrom(paths, options.known)
  const inspected = fromKnown ?? inspectJournal(paths)
  sweepTemporaries(dir)
  if (headless !== null) setAside(headless)
  const headlessBytes = headless === null ? 0 : headless.sizeBytes
  if (inspected.last === null) return emptyRecovery(options.floorSeq, headlessBytes)
  const damaged = inspected.inspections.filter((inspection) => inspection.status === 'damaged')
  for (const { at } of damaged) keepAside(at.path, 'damaged', readFileSync(at.path))
  const recovered = recoverLast(dir, inspected, damaged.length > 0, headlessBytes, options)
  return { ...recovered, isKnown: fromKnown !== null && recovered.report.class !== 'CORRUPT' }
}

/** A last file too short for a head: its name was never promised, or its bytes are gone. */
function headlessLast(paths: readonly SegmentPath[]): (SegmentPath & { readonly sizeBytes: number }) | null {
  const last = paths.at(-1)
  if (last === undefined || last.kind !== 'raw') return null
  const sizeBytes = statSync(last.path).size
  return sizeBytes < SEGMENT_HEAD_BYTES ? { ...last, sizeBytes } : null
}

function setAside(headless: SegmentPath & { readonly sizeBytes: number }): void {
  if (headless.sizeBytes > 0) keepAside(headless.path, 'torn', readFileSync(headless.path))
  removeFile(headless.path)
}

/** A crash came between publishing a compressed segment and removing the raw one. */
function dropDoubles(dir: string): void {
  for (const name of namesIn(dir)) {
    const path = join(dir, name)
    if (!name.endsWith('.wal') || !existsSync(`${path}.zst`)) continue
    const back = decompressSegment(readFileSync(`${path}.zst`))
    const isSame = back !== null && readFileSync(path).equals(back)
    removeFile(isSame ? path : `${path}.zst`)
  }
}

function sweepTemporaries(dir: string): void {
  for (const name of namesIn(dir)) if (name.endsWith('.tmp')) removeFile(join(dir, name))
}

function emptyRecovery(floorSeq: number, tornBytes: number): Recovery {
  return {
    report: {
      class: floorSeq > 0 ? 'CORRUPT' : tornBytes > 0 ? 'TORN_TAIL' : 'CLEAN',
      lastSeq: floorSeq,
      lastGoodWallMs: null,
      tornBytes,
      salvaged: 0,
      missing: floorSeq > 0 ? [[1, floorSeq]] : [],
      wasClean: floorSeq === 0 && tornBytes === 0,
      sameBoot: true,
      generation: 0,
    },
    tail: { segment: 0, chain: CHAIN_NONE, sha256: NO_HASH },
    isKnown: false,
  }
}

/** What was done with the last segment. */
type Outcome = {
  readonly class: RecoveryClass
  readonly lastSeq: number
  readonly tornBytes: number
  readonly salvaged: number
  readonly missing: readonly SeqRange[]
  readonly tail: JournalTail
}

function recoverLast(
  dir: string,
  inspected: InspectedJournal,
  isDamagedBefore: boolean,
  headlessBytes: number,
  options: RecoveryOptions,
): Omit<Recovery, 'isKnown'> {
  const { segment, survey } = inspected.last!
  const { inspections } = inspected
  for (const { at, survey: before, status } of inspections) {
    // The crash came between numbering islands anew and cutting them off.
    if (status === 'superseded' && at.kind === 'raw') cutTail(at.path, before.prefixEndAt)
  }
  const floorSeq = Math.max(survey.syncedSeq, options.floorSeq)
  const outcome = settle(dir, segment, survey, floorSeq, options.clock)
  const missing = [...inspected.missingBefore, ...inspections.flatMap((i) => i.missing), ...outcome.missing]
  const isCorrupt = isDamagedBefore || missing.length > 0
  return {
    report: {
      class: isCorrupt ? 'CORRUPT' : outcome.class,
      lastSeq: outcome.lastSeq,
      lastGoodWallMs: Math.max(survey.wallMs, ...inspections.map((i) => i.survey.wallMs)),
      tornBytes: outcome.tornBytes + headlessBytes,
      salvaged: outcome.salvaged,
      missing,
      wasClean: headlessBytes === 0 && (survey.seal?.isClean ?? false),
      sameBoot: isSame(segment.head.bootId, readBootId()),
      generation: segment.head.generation + (outcome.salvaged > 0 ? 1 : 0),
    },
    tail: outcome.tail,
  }
}

function settle(
  dir: string,
  segment: LoadedSegment,
  survey: Survey,
  floorSeq: number,
  clock: Clock,
): Outcome {
  if (segment.kind === 'poison') return settlePoison(dir, segment, survey, floorSeq, clock)
  const isWhole = survey.prefixEndAt === segment.bytes.byteLength
  if (isWhole && survey.lastSeq >= floorSeq) return settleClean(segment, survey)
  const isTorn = !isWhole && survey.prefixLastSeq + 1 > floorSeq && segment.kind === 'raw'
  if (isTorn) return settleTorn(dir, segment, survey, clock)
  keepAside(segment.path, 'damaged', readFileSync(segment.path))
  const lastSeq = Math.max(survey.lastSeq, floorSeq)
  const { tail } = settleClean(segment, survey)
  const missing = missingUpTo(survey, lastSeq)
  return { class: 'CORRUPT', lastSeq, tornBytes: 0, salvaged: 0, missing, tail }
}

function settleClean(segment: LoadedSegment, survey: Survey): Outcome {
  const tail =
    survey.seal === null
      ? { segment: segment.segment, chain: CHAIN_BYTES, sha256: sha256Of(segment.bytes) }
      : { segment: segment.segment, chain: CHAIN_SEAL, sha256: survey.seal.sha256 }
  return { class: 'CLEAN', lastSeq: survey.lastSeq, tornBytes: 0, salvaged: 0, missing: [], tail }
}

function settleTorn(dir: string, segment: LoadedSegment, survey: Survey, clock: Clock): Outcome {
  const { prefixEndAt, prefixLastSeq } = survey
  const sha256 = sha256Of(segment.bytes.subarray(0, prefixEndAt))
  const cut = { segment: segment.segment, chain: CHAIN_BYTES, sha256 }
  const saved = salvage(dir, segment, prefixLastSeq + 1, cut, clock)
  cutTail(segment.path, prefixEndAt)
  return {
    class: saved.count > 0 ? 'TORN_WITH_ISLANDS' : 'TORN_TAIL',
    lastSeq: prefixLastSeq + saved.count,
    tornBytes: segment.bytes.byteLength - prefixEndAt,
    salvaged: saved.count,
    missing: [],
    tail: saved.tail,
  }
}

function settlePoison(
  dir: string,
  segment: LoadedSegment,
  survey: Survey,
  floorSeq: number,
  clock: Clock,
): Outcome {
  const cut = { segment: segment.segment, chain: CHAIN_NONE, sha256: NO_HASH }
  const saved = salvage(dir, segment, floorSeq + 1, cut, clock)
  const missing = missingUpTo(survey, floorSeq)
    .filter(([from]) => from <= floorSeq)
    .map(([from, to]): SeqRange => [from, Math.min(to, floorSeq)])
  return {
    class: saved.count > 0 ? 'TORN_WITH_ISLANDS' : 'TORN_TAIL',
    lastSeq: floorSeq + saved.count,
    tornBytes: 0,
    salvaged: saved.count,
    missing,
    tail: saved.tail,
  }
}

/** Numbers what is whole from `fromSeq` on anew, into the segment after `cut`. */
function salvage(
  dir: string,
  segment: LoadedSegment,
  fromSeq: number,
  cut: JournalTail,
  clock: Clock,
): { readonly count: number; readonly tail: JournalTail } {
  const places = placesFrom(segment, fromSeq)
  if (places.length === 0) return { count: 0, tail: cut }
  const head = {
    chain: cut.chain,
    generation: segment.head.generation + 1,
    segment: segment.segment + 1,
    firstSeq: fromSeq,
    createdWallMs: clock.wallMs(),
    createdMonoMs: clock.monoMs(),
    previousSha256: cut.sha256,
    bootId: readBootId(),
  }
  const sha256 = publishSalvage(dir, head, segment.bytes, places)
  return { count: places.length, tail: { segment: head.segment, chain: CHAIN_SEAL, sha256 } }
}

function cutTail(path: string, sizeBytes: number): void {
  keepAside(path, 'torn', readFileSync(path).subarray(sizeBytes))
  cutOff(path, sizeBytes)
}
