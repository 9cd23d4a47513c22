/** May what is known of a journal up to one entry be gone on from? Only if that entry is where it was. */
import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compressFile, leftRaw } from '../../src/journal/compress.ts'
import { type JournalPlace, placeOf } from '../../src/journal/place.ts'
import { readSegments } from '../../src/journal/reader.ts'
import { recoverJournal } from '../../src/journal/recover.ts'
import { listSegments, segmentName } from '../../src/journal/segments.ts'
import { createClock } from '../../src/platform/clock.ts'
import { bytesOf, endRig, type Rig, readAll, startRig, tempDir } from './harness.ts'

const clock = createClock()

/** Four entries of ours fill a segment. */
const SMALL = { segmentMaxBytes: 340 }

function append(rig: Rig, count: number): void {
  for (let n = 0; n < count; n++) {
    rig.appender.append(1, bytesOf('an entry'))
    rig.appender.requestSync()
    rig.writer.turn()
  }
}

function afterwards(dir: string, after: JournalPlace): readonly number[] {
  return Array.from(readSegments(dir, { after }), ({ seq }) => seq)
}

/** A run of fourteen entries in four segments, and where the sixth of them is: in the second. */
function fourteenEntries(dir: string): JournalPlace {
  const rig = startRig(dir, SMALL)
  append(rig, 6)
  const place = placeOf(dir, 6)!
  append(rig, 8)
  endRig(rig)
  return place
}

test('what comes after a known entry is all that is read, however runs and segments lie', async () => {
  const run = fc.record({
    count: fc.integer({ min: 1, max: 9 }),
    isClean: fc.boolean(),
    isPacked: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(run, { minLength: 1, maxLength: 4, size: 'max' }),
      fc.noBias(fc.integer({ min: 0, max: 100 })),
      async (runs, percent) => {
        const dir = tempDir()
        const wantedSeq = Math.ceil((percent / 100) * runs.reduce((sum, { count }) => sum + count, 0)) || 1
        let place: JournalPlace | null = null
        for (const { count, isClean, isPacked } of runs) {
          const rig = startRig(dir, SMALL)
          for (let n = 0; n < count; n++) {
            append(rig, 1)
            if (rig.appender.durableSeq() === wantedSeq) place = placeOf(dir, wantedSeq)
          }
          if (isClean) endRig(rig)
          else appendFileSync(listSegments(dir).at(-1)!.path, 'torn')
          if (isPacked && isClean) for (const path of leftRaw(dir)) await compressFile(path)
        }
        expect(place).toMatchObject({ seq: wantedSeq })
        const { isKnown, report } = recoverJournal(dir, { floorSeq: 0, clock, known: place! })
        expect(isKnown).toBe(true)
        expect(report.missing).toEqual([])
        const all = readAll(dir).map(({ seq }) => seq)
        expect(afterwards(dir, place!)).toEqual(all.filter((seq) => seq > wantedSeq))
        expect(report.lastSeq).toBe(all.at(-1))
      },
    ),
    { numRuns: 15 },
  )
})

test('segments before the known entry are not read, and verify still reads them', () => {
  const dir = tempDir()
  const place = fourteenEntries(dir)
  expect(place.segment).toBe(2)
  const path = join(dir, segmentName(1))
  const bytes = readFileSync(path)
  bytes[200]! ^= 1
  writeFileSync(path, bytes)
  expect(recoverJournal(dir, { floorSeq: 0, clock, known: place })).toMatchObject({
    isKnown: true,
    report: { class: 'CLEAN', lastSeq: 14 },
  })
  expect(recoverJournal(dir, { floorSeq: 0, clock }).report.class).toBe('CORRUPT')
})

test.each([
  ['another journal', (dir: string) => fourteenEntries(dir)],
  [
    'a segment damaged behind it',
    (dir: string) => {
      const path = join(dir, segmentName(3))
      const bytes = readFileSync(path)
      bytes[200]! ^= 1
      writeFileSync(path, bytes)
    },
  ],
  [
    'its own segment damaged',
    (dir: string) => {
      const path = join(dir, segmentName(2))
      const bytes = readFileSync(path)
      bytes[130]! ^= 1
      writeFileSync(path, bytes)
    },
  ],
  ['a segment before it gone', (dir: string) => rmSync(join(dir, segmentName(1)))],
  [
    'its segment and all behind gone',
    (dir: string) => [2, 3, 4].map((n) => rmSync(join(dir, segmentName(n)))),
  ],
] as const)('%s: nothing is known, and everything is inspected', (what, change) => {
  const dir = tempDir()
  const place = fourteenEntries(what === 'another journal' ? tempDir() : dir)
  change(dir)
  const { isKnown, report } = recoverJournal(dir, { floorSeq: 0, clock, known: place })
  expect(isKnown).toBe(false)
  expect(report).toEqual(recoverJournal(dir, { floorSeq: 0, clock }).report)
})

test('a number that a power cut took back and that was given again is not the entry that was known', () => {
  const dir = tempDir()
  const rig = startRig(dir)
  append(rig, 6)
  const place = placeOf(dir, 6)!
  const path = join(dir, segmentName(1))
  // The disk had said that all six were safe.
  truncateSync(path, 104 + 4 * 48)
  expect(recoverJournal(dir, { floorSeq: 0, clock, known: place })).toMatchObject({
    isKnown: false,
    report: { lastSeq: 4 },
  })
  const second = startRig(dir)
  append(second, 5)
  endRig(second)
  expect(readAll(dir).at(-1)).toMatchObject({ seq: 9 })
  expect(recoverJournal(dir, { floorSeq: 0, clock, known: place }).isKnown).toBe(false)
})

test('the place of an entry is told while its segment is as it was written', async () => {
  const dir = tempDir()
  expect(placeOf(dir, 1)).toBeNull()
  fourteenEntries(dir)
  expect(placeOf(dir, 14)).toMatchObject({ seq: 14, segment: 4, firstSeq: 13 })
  expect(placeOf(dir, 3)).toMatchObject({ seq: 3, segment: 1, firstSeq: 1 })
  for (const path of leftRaw(dir)) await compressFile(path)
  expect(placeOf(dir, 14)).toBeNull()
})
