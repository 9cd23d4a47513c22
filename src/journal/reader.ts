/**
 * What was journalled? Every entry of a directory, in order, each with the bytes it was written with.
 * The frame object is one and the same, overwritten by every step: use it, do not keep it.
 */
import { OperatingError } from '../domain/error.ts'
import type { SegmentHead } from './format.ts'
import { CHAIN_SEAL, TYPE_INTERNAL_MIN, TYPE_SEAL } from './format.ts'
import { isSame } from './inspect.ts'
import type { JournalPlace } from './place.ts'
import { openLoader } from './read-ahead.ts'
import { FrameCursor } from './scan.ts'
import type { LoadedSegment } from './segments.ts'
import { listSegments } from './segments.ts'

export type JournalFrame = {
  seq: number
  type: number
  count: number
  /** The whole segment; the payload is [payloadOffset, payloadOffset + payloadLength). */
  bytes: Uint8Array
  view: DataView
  payloadOffset: number
  payloadLength: number
}

export type Damage = {
  readonly path: string
  readonly offset: number
  readonly what: string
  /** Entries that are lost here, both inclusive; null when no entry is. */
  readonly missing: readonly [fromSeq: number, toSeq: number] | null
}

export type ReadOptions = {
  /** Called where entries are damaged or missing; reading goes on behind. Without it, reading throws. */
  readonly onDamage?: (damage: Damage) => void
  /** Only the entries after this one, which recovery has found in its place. */
  readonly after?: JournalPlace | undefined
}

/** Throws JOURNAL_CORRUPT at damage when nobody listens to it, JOURNAL_FOREIGN at a file that is not ours. */
export function* readSegments(dir: string, options: ReadOptions = {}): Generator<JournalFrame, void, void> {
  const { after } = options
  const paths = listSegments(dir).filter(({ segment }) => segment >= (after?.segment ?? 0))
  const report = options.onDamage ?? refuse
  const frame = emptyFrame()
  const loader = openLoader(paths)
  try {
    let segment = paths.length > 0 ? loader.load(0) : null
    if (segment !== null && after === undefined) {
      reportMissing(segment.path, 0, 1, segment.head.firstSeq - 1, report)
    }
    for (let i = 1; segment !== null; i++) {
      const next: LoadedSegment | null = i < paths.length ? loader.load(i) : null
      for (const _ of readSegment(segment, next?.head ?? null, frame, report)) {
        if (frame.seq > (after?.seq ?? 0)) yield frame
      }
      segment = next
    }
  } finally {
    loader.end()
  }
}

function* readSegment(
  segment: LoadedSegment,
  next: SegmentHead | null,
  frame: JournalFrame,
  report: (damage: Damage) => void,
): Generator<JournalFrame, void, void> {
  const { path, head } = segment
  const endSeq = next?.firstSeq ?? Number.POSITIVE_INFINITY
  const cursor = new FrameCursor(segment.bytes, head.salt)
  let expectedSeq = head.firstSeq
  let seal: Uint8Array | null = null
  frame.bytes = cursor.bytes
  frame.view = cursor.view
  for (;;) {
    if (!cursor.next()) {
      const damagedAt = cursor.at
      if (cursor.isAtEnd() || expectedSeq === endSeq || !cursor.resync()) break
      report({ path, offset: damagedAt, what: 'a damaged frame', missing: null })
    } else if (cursor.type >= TYPE_INTERNAL_MIN) {
      if (cursor.type === TYPE_SEAL)
        seal = cursor.bytes.slice(cursor.payloadOffset, cursor.payloadOffset + 32)
    } else if (cursor.seq >= endSeq) {
      // Numbered anew in the next segment: what stands here is a torn or poisoned tail.
      break
    } else if (cursor.seq < expectedSeq) {
      report({ path, offset: cursor.frameAt, what: 'an entry out of order', missing: null })
    } else {
      reportMissing(path, cursor.frameAt, expectedSeq, cursor.seq - 1, report)
      expectedSeq = cursor.seq + 1
      show(cursor, frame)
      yield frame
    }
  }
  // Damage at the end of the last segment is where the writer is, or was when the power went.
  if (next === null) return
  reportMissing(path, cursor.at, expectedSeq, endSeq - 1, report)
  if (next.chain === CHAIN_SEAL && (seal === null || !isSame(seal, next.previousSha256))) {
    report({ path, offset: cursor.at, what: 'not the seal that the next segment names', missing: null })
  }
}

function show(cursor: FrameCursor, frame: JournalFrame): void {
  frame.seq = cursor.seq
  frame.type = cursor.type
  frame.count = cursor.count
  frame.payloadOffset = cursor.payloadOffset
  frame.payloadLength = cursor.payloadLength
}

function reportMissing(
  path: string,
  offset: number,
  fromSeq: number,
  toSeq: number,
  report: (damage: Damage) => void,
): void {
  if (toSeq >= fromSeq) report({ path, offset, what: 'missing entries', missing: [fromSeq, toSeq] })
}

function refuse(damage: Damage): never {
  const lost = damage.missing === null ? '' : ` (${damage.missing[0]} to ${damage.missing[1]})`
  throw new OperatingError(
    `reading the journal segment ${damage.path} at byte ${damage.offset}: ${damage.what}${lost}; ` +
      'run `chandler verify` for the whole extent',
    { code: 'JOURNAL_CORRUPT' },
  )
}

function emptyFrame(): JournalFrame {
  const bytes = new Uint8Array(0)
  return {
    seq: 0,
    type: 0,
    count: 0,
    bytes,
    view: new DataView(bytes.buffer),
    payloadOffset: 0,
    payloadLength: 0,
  }
}
