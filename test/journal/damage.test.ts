import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { OperatingError } from '../../src/domain/error.ts'
import { SEGMENT_HEAD_BYTES } from '../../src/journal/format.ts'
import { recoverJournal } from '../../src/journal/recover.ts'
import { verifyJournal } from '../../src/journal/verify.ts'
import { createClock } from '../../src/platform/clock.ts'
import { bytesOf, endRig, readAll, startRig, tempDir } from './harness.ts'

const clock = createClock()
const TEXTS = ['one', 'two, which is longer', 'three', 'four four four', 'five']
/** Entries durable and stated so by a later frame; the last one is only written. */
const FLOOR = 4

let journal: Buffer = Buffer.alloc(0)
const frameEnds: number[] = []

/** One unsealed segment: entries 1 to 4, each stated durable by what follows, then 5. */
beforeAll(() => {
  const dir = mkdtempSync(join(tmpdir(), 'chandler-journal-'))
  const rig = startRig(dir)
  for (const text of TEXTS) {
    rig.appender.append(2, bytesOf(text))
    rig.appender.requestSync()
    rig.writer.turn()
    frameEnds.push(readFileSync(join(dir, '00000001.wal')).byteLength)
  }
  journal = readFileSync(join(dir, '00000001.wal'))
  rmSync(dir, { recursive: true })
})

test('a journal cut at any byte gives back every entry before the cut, and nothing else', () => {
  const dir = tempDir()
  for (let sizeBytes = 0; sizeBytes <= journal.byteLength; sizeBytes++) {
    fresh(dir, journal.subarray(0, sizeBytes))
    const wholeCount = frameEnds.filter((end) => end <= sizeBytes).length
    const { report } = recoverJournal(dir, { floorSeq: 0, clock })
    expect(report.lastSeq, `cut at ${sizeBytes}`).toBe(wholeCount)
    expect(textsIn(dir), `cut at ${sizeBytes}`).toEqual(TEXTS.slice(0, wholeCount))
    const isBoundary = sizeBytes === 0 || sizeBytes === SEGMENT_HEAD_BYTES || frameEnds.includes(sizeBytes)
    expect(report.class, `cut at ${sizeBytes}`).toBe(isBoundary ? 'CLEAN' : 'TORN_TAIL')
    expect(recoverJournal(dir, { floorSeq: 0, clock }).report.lastSeq).toBe(wholeCount)
  }
})

test('the outside knows a cut that the journal cannot know: below its floor, entries are missing', () => {
  const dir = tempDir()
  fresh(dir, journal.subarray(0, frameEnds[1]))
  const { report } = recoverJournal(dir, { floorSeq: 5, clock })
  expect(report).toMatchObject({ class: 'CORRUPT', lastSeq: 5, missing: [[3, 5]] })
  fresh(dir, journal.subarray(0, frameEnds[1]! + 20))
  expect(recoverJournal(dir, { floorSeq: 5, clock }).report).toMatchObject({ class: 'CORRUPT', lastSeq: 5 })
  expect(readFileSync(join(dir, '00000001.wal')).byteLength).toBe(frameEnds[1]! + 20)
})

test('any flipped bit costs the one entry it lies in, and durable bytes are never cut off', () => {
  const dir = tempDir()
  let corruptCount = 0
  for (let bit = SEGMENT_HEAD_BYTES * 8; bit < journal.byteLength * 8; bit++) {
    const damaged = Buffer.from(journal)
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    fresh(dir, damaged)
    const hit = frameEnds.findIndex((end) => bit >> 3 < end)
    const rest = TEXTS.filter((_, i) => i !== hit)
    const { report } = recoverJournal(dir, { floorSeq: 0, clock })
    const seen: string[] = []
    expect(textsIn(dir, seen), `bit ${bit}`).toEqual(rest)
    if (hit < FLOOR) {
      corruptCount++
      expect(report, `bit ${bit}`).toMatchObject({ class: 'CORRUPT', lastSeq: 5, tornBytes: 0 })
      expect(report.missing, `bit ${bit}`).toEqual([[hit + 1, hit + 1]])
      expect(readFileSync(join(dir, '00000001.wal')).equals(damaged), `bit ${bit}`).toBe(true)
      expect(seen, `bit ${bit}`).toContain('missing entries')
    } else {
      expect(report, `bit ${bit}`).toMatchObject({ class: 'TORN_TAIL', lastSeq: 4, missing: [] })
    }
  }
  expect(corruptCount).toBeGreaterThan(1_000)
})

test('a flipped bit in a head is refused, and nothing is changed', () => {
  const dir = tempDir()
  for (let bit = 0; bit < SEGMENT_HEAD_BYTES * 8; bit++) {
    const damaged = Buffer.from(journal)
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    fresh(dir, damaged)
    expect(
      codeOf(() => recoverJournal(dir, { floorSeq: 0, clock })),
      `bit ${bit}`,
    ).toBe('JOURNAL_FOREIGN')
    expect(readFileSync(join(dir, '00000001.wal')).equals(damaged)).toBe(true)
  }
})

test('after damage the next run goes on behind it, and both parts are read', () => {
  const dir = tempDir()
  const damaged = Buffer.from(journal)
  damaged[frameEnds[1]! + 45]! ^= 1
  fresh(dir, damaged)
  const recovery = recoverJournal(dir, { floorSeq: 0, clock })
  expect(readdirSync(dir).filter((name) => name.includes('.damaged-'))).toHaveLength(1)
  const rig = startRig(dir, {}, recovery)
  rig.appender.append(2, bytesOf('six'))
  endRig(rig)
  expect(textsIn(dir, [])).toEqual(['one', TEXTS[1], 'four four four', 'five', 'six'])
  expect(recoverJournal(dir, { floorSeq: 0, clock }).report).toMatchObject({
    class: 'CORRUPT',
    wasClean: true,
    lastSeq: 6,
    missing: [[3, 3]],
  })
  expect(codeOf(() => readAll(dir))).toBe('JOURNAL_CORRUPT')
  expect(verifyJournal(dir)).toMatchObject({ isIntact: false, missing: [[3, 3]] })
})

/** Four sealed segments of one entry each. */
function fourSegments(): string {
  const dir = tempDir()
  const rig = startRig(dir, { segmentMaxBytes: 160 })
  for (const text of ['aaaa', 'bbbb', 'cccc', 'dddd']) {
    rig.appender.append(1, bytesOf(text))
    rig.writer.turn()
  }
  endRig(rig)
  expect(verifyJournal(dir)).toMatchObject({ isIntact: true, missing: [] })
  expect(verifyJournal(dir).segments).toHaveLength(4)
  return dir
}

const at = (dir: string, n: number): string => join(dir, `0000000${n}.wal`)

test('a segment that was removed, swapped, copied or taken from another journal is never accepted', () => {
  const removed = fourSegments()
  rmSync(at(removed, 2))
  expect(recoverJournal(removed, { floorSeq: 0, clock }).report).toMatchObject({
    class: 'CORRUPT',
    missing: [[2, 2]],
  })
  const swapped = fourSegments()
  const [two, three] = [readFileSync(at(swapped, 2)), readFileSync(at(swapped, 3))]
  writeFileSync(at(swapped, 2), three)
  writeFileSync(at(swapped, 3), two)
  expect(codeOf(() => recoverJournal(swapped, { floorSeq: 0, clock }))).toBe('JOURNAL_FOREIGN')
  const copied = fourSegments()
  copyFileSync(at(copied, 4), at(copied, 5))
  expect(codeOf(() => recoverJournal(copied, { floorSeq: 0, clock }))).toBe('JOURNAL_FOREIGN')
  const mixed = fourSegments()
  copyFileSync(at(fourSegments(), 2), at(mixed, 2))
  expect(recoverJournal(mixed, { floorSeq: 0, clock }).report.class).toBe('CORRUPT')
  expect(codeOf(() => readAll(mixed))).toBe('JOURNAL_CORRUPT')
})

test('bytes behind the seal of a closed journal are cut off, and the end does not count as clean', () => {
  const dir = fourSegments()
  appendFileSync(at(dir, 4), 'garbage')
  const { report } = recoverJournal(dir, { floorSeq: 4, clock })
  expect(report).toMatchObject({ class: 'TORN_TAIL', wasClean: false, lastSeq: 4, tornBytes: 7 })
  expect(recoverJournal(dir, { floorSeq: 4, clock }).report).toMatchObject({ class: 'CLEAN', lastSeq: 4 })
  expect(verifyJournal(dir).isIntact).toBe(true)
})

test('a segment of an older run behind a newer one is refused', () => {
  const dir = fourSegments()
  const older = fourSegments()
  const rig = startRig(dir)
  rig.appender.append(1, bytesOf('eeee'))
  endRig(rig)
  const extra = startRig(
    older,
    { segmentMaxBytes: 160 },
    {
      report: { ...recoverJournal(older, { floorSeq: 0, clock }).report, generation: 0, lastSeq: 5 },
      tail: { segment: 5, chain: 0, sha256: new Uint8Array(32) },
    },
  )
  endRig(extra)
  copyFileSync(at(older, 6), at(dir, 6))
  expect(codeOf(() => recoverJournal(dir, { floorSeq: 0, clock }))).toBe('JOURNAL_FOREIGN')
})

test('verify finds a changed byte that every checksum was adjusted to', () => {
  const dir = fourSegments()
  expect(verifyJournal(dir).isIntact).toBe(true)
  const bytes = readFileSync(at(dir, 2))
  // The seal's hash: the frame stays valid only if its checksums are made again, so take a whole seal.
  const other = readFileSync(at(fourSegments(), 2))
  other.copy(bytes, bytes.byteLength - 88, other.byteLength - 88)
  writeFileSync(at(dir, 2), bytes)
  expect(verifyJournal(dir).isIntact).toBe(false)
})

function fresh(dir: string, bytes: Uint8Array): void {
  for (const name of readdirSync(dir)) rmSync(join(dir, name))
  writeFileSync(join(dir, '00000001.wal'), bytes)
}

function textsIn(dir: string, damages: string[] = []): string[] {
  return readAll(dir, damages).map((entry) => entry.text)
}

function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof OperatingError) return error.code
    throw error
  }
  return 'none'
}
