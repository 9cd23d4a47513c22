import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { manifestPath } from '../../src/store/lake.ts'
import {
  formatEntry,
  journalFloor,
  type ManifestEntry,
  ManifestLog,
  parseEntry,
  parseManifest,
  readManifest,
} from '../../src/store/manifest.ts'
import { tempFolder } from './kit.ts'
import { duckDb } from './readers.ts'
import { DAY } from './tables.ts'

function entry(at: number): ManifestEntry {
  const path = `staging/in/candles/date=2026-07-01/${1000 + at}.parquet`
  const sha256 = at.toString(16).padStart(64, '0')
  return { path, kind: 'part', sha256, bytes: 100 + at, rows: at, minTs: 0, maxTs: at, journalToSeq: at * 3 }
}

const LINES = [1, 2, 3].map((at) => formatEntry(entry(at)))

function folderWith(content: string | Buffer): string {
  const dataDir = tempFolder()
  const path = join(dataDir, manifestPath(DAY))
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  return dataDir
}

function contentOf(dataDir: string): string {
  return readFileSync(join(dataDir, manifestPath(DAY)), 'utf8')
}

test('what is appended is read back, by us and by anybody who reads JSON lines', async () => {
  const dataDir = tempFolder()
  const log = new ManifestLog(dataDir, DAY, () => {})
  for (const at of [1, 2, 3, 2]) log.append(entry(at))
  log.end()
  expect(readManifest(dataDir, DAY).entries).toEqual([1, 2, 3].map(entry))
  expect(journalFloor(readManifest(dataDir, DAY))).toBe(9)
  const rows = await duckDb(`SELECT path, rows FROM read_json('${join(dataDir, manifestPath(DAY))}')`)
  expect(rows.map((row) => Number(row.rows))).toEqual([1, 2, 3])
})

test('a manifest that is not there is an empty one', () => {
  expect(readManifest(tempFolder(), DAY)).toEqual({
    entries: [],
    soundBytes: 0,
    tornBytes: 0,
    damagedLines: [],
  })
})

test('cut anywhere, it loses only the line that was cut', () => {
  const whole = Buffer.from(LINES.join(''))
  const ends = LINES.map((_, at) => LINES.slice(0, at + 1).join('').length)
  for (let cut = 0; cut <= whole.length; cut++) {
    const kept = ends.filter((end) => end <= cut).length
    const soundBytes = ends[kept - 1] ?? 0
    const entries = [1, 2, 3].slice(0, kept).map(entry)
    const torn = { entries, soundBytes, tornBytes: cut - soundBytes, damagedLines: [] }
    expect(parseManifest(whole.subarray(0, cut))).toEqual(torn)
    const isNearAnEnd = [0, ...ends].some((end) => Math.abs(end - cut) <= 1)
    if (!isNearAnEnd && cut % 50 !== 0) continue
    const dataDir = folderWith(whole.subarray(0, cut))
    const notes: string[] = []
    const log = new ManifestLog(dataDir, DAY, (text) => notes.push(text))
    expect(notes).toHaveLength(soundBytes === cut ? 0 : 1)
    log.append(entry(9))
    log.end()
    expect(contentOf(dataDir)).toBe(LINES.slice(0, kept).join('') + formatEntry(entry(9)))
  }
})

test('a last line of garbage is removed, with or without its end', () => {
  for (const tail of ['garbage', 'garbage\n', '\0'.repeat(4096), LINES[2]!.replace('"rows":3', '"rows":4')]) {
    const dataDir = folderWith(LINES[0]! + tail)
    new ManifestLog(dataDir, DAY, () => {}).end()
    expect(contentOf(dataDir)).toBe(LINES[0])
  }
})

test('a damaged line before the last is kept, told, and not believed', () => {
  const damaged = LINES[1]!.replace('"rows":2', '"rows":7')
  const dataDir = folderWith(LINES[0]! + damaged + LINES[2]!)
  const notes: string[] = []
  const log = new ManifestLog(dataDir, DAY, (text) => notes.push(text))
  expect(notes).toEqual([expect.stringContaining('line 2 is damaged')])
  expect(log.entryOf(entry(2).path)).toBeUndefined()
  log.append(entry(2))
  log.end()
  expect(contentOf(dataDir)).toBe(LINES[0]! + damaged + LINES[2]! + LINES[1]!)
  expect(readManifest(dataDir, DAY).damagedLines).toEqual([2])
})

test('no single changed byte goes unnoticed', () => {
  const line = Buffer.from(LINES[0]!.trimEnd())
  fc.assert(
    fc.property(fc.nat({ max: line.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const other = Buffer.from(line)
      other[at]! ^= flip
      expect(parseEntry(other.toString('utf8'))).toBeNull()
    }),
    { numRuns: 500 },
  )
})

test('any bytes at all are read without an error', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom(...LINES), fc.string()), { maxLength: 8 }), (pieces) => {
      const bytes = Buffer.from(pieces.join(''))
      const { soundBytes, tornBytes } = parseManifest(bytes)
      expect(soundBytes + tornBytes).toBe(bytes.length)
    }),
  )
})
