/** Are answers kept as they came, under names that say all there is to know? */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { listRawAnswers, RawAnswers, readRawAnswer } from '../../src/batch/raw-answers.ts'
import { parseRawPath, rawPathOf } from '../../src/batch/raw-answers-name.ts'
import { BATCH_FUNCTIONS, type BatchWish } from '../../src/domain/batch.ts'
import type { UnixMs } from '../../src/domain/time.ts'
import { DAILY, emptyDir, NEW_YORK } from './batch-kit.ts'

const AT_MS = Date.parse('2026-01-03T02:05:00.123Z') as UnixMs
const ODD_SYMBOLS = [
  'BRK-B',
  'A:BAT',
  '-P-HIZ',
  'NA',
  'NAN',
  '..',
  '.',
  '/',
  '_',
  '%',
  'A_B',
  'a b',
  'Ü€𝄞',
  '',
]

const symbols = fc.oneof(fc.constantFrom(...ODD_SYMBOLS), fc.string({ unit: 'grapheme', maxLength: 12 }))
const wishes: fc.Arbitrary<BatchWish> = fc.record({
  function: fc.constantFrom(...BATCH_FUNCTIONS),
  symbol: symbols,
  variant: fc.constantFrom('', 'compact', 'full', '2026-01', 'recent', 'active', 'delisted'),
  format: fc.constantFrom('csv', 'json'),
})
const moments = fc.integer({ min: Date.parse('2000-01-01'), max: Date.parse('2099-12-31') })

test('every name leads back to its wish and its moment, for any symbol, and stays in its folder', () => {
  fc.assert(
    fc.property(wishes, moments, (wish, atMs) => {
      const path = rawPathOf(wish, atMs as UnixMs, NEW_YORK)
      expect(parseRawPath(path, NEW_YORK)).toEqual({ wish, fetchedAtMs: atMs, path })
      expect(path).toMatch(/^raw\/us\/\d{4}-\d{2}-\d{2}\/[A-Za-z0-9%_-]+\.(csv|json)\.zst$/)
    }),
    { numRuns: 400 },
  )
})

test('a path that was changed anywhere is another answer or none, never the same', () => {
  const path = rawPathOf({ ...DAILY, symbol: 'A:BAT' }, AT_MS, NEW_YORK)
  expect(path).toBe('raw/us/2026-01-02/A%3ABAT_TIME_SERIES_DAILY_compact_20260103T020500123Z.csv.zst')
  fc.assert(
    fc.property(fc.nat(path.length - 1), fc.string({ maxLength: 2 }), (at, text) => {
      const changed = path.slice(0, at) + text + path.slice(at + 1)
      fc.pre(changed !== path)
      const parsed = parseRawPath(changed, NEW_YORK)
      if (parsed !== null) expect(rawPathOf(parsed.wish, parsed.fetchedAtMs, NEW_YORK)).toBe(changed)
    }),
    { numRuns: 400 },
  )
  // The folder's date is New York's, one hex spelling, one order.
  for (const wrong of [
    path.replace('2026-01-02', '2026-01-03'),
    path.replace('%3A', '%3a'),
    path.replace('A%3A', '%41%3A'),
    path.replace('T020500', 'T026000'),
    path.replace('.csv', '.CSV'),
    `${path}.bak`,
  ]) {
    expect(parseRawPath(wrong, NEW_YORK)).toBeNull()
  }
})

test('a symbol that makes no file name is refused in one line', () => {
  for (const symbol of ['A'.repeat(300), '€'.repeat(80), '\ud800']) {
    expect(() => rawPathOf({ ...DAILY, symbol }, AT_MS, NEW_YORK)).toThrow(
      expect.objectContaining({ code: 'SYMBOLS_INVALID' }),
    )
  }
})

test('a body comes back as it was, and a second fetch never takes the place of the first', () => {
  const dataDir = emptyDir()
  const raw = new RawAnswers(dataDir, NEW_YORK)
  const bodies = ['a,b\r\n1,2\n', '', '\ufeffÜ€𝄞', 'x'.repeat(100_000), 'a,b\r\n1,2\n']
  const kept = bodies.map((body) => raw.keep(DAILY, body, AT_MS))
  expect(kept.map(({ fetchedAtMs }) => fetchedAtMs - AT_MS)).toEqual([0, 1, 2, 3, 4])
  expect(kept.map((answer) => readRawAnswer(dataDir, answer))).toEqual(bodies)
  expect(listRawAnswers(dataDir, NEW_YORK)).toEqual({ answers: kept, strangers: [] })
})

test('the same answer has the same bytes everywhere', () => {
  const bytes = [emptyDir(), emptyDir()].map((dataDir) => {
    const { path } = new RawAnswers(dataDir, NEW_YORK).keep(DAILY, 'a,b\n1,2\n', AT_MS)
    return readFileSync(join(dataDir, path)).toString('hex')
  })
  expect(bytes[0]).toBe(bytes[1])
})

test('files of others are told and never used', () => {
  const dataDir = emptyDir()
  const kept = new RawAnswers(dataDir, NEW_YORK).keep(DAILY, 'a', AT_MS)
  writeFileSync(join(dataDir, 'raw/us/notes.txt'), '')
  writeFileSync(join(dataDir, 'raw/us/2026-01-02/copy of AAPL.csv.zst'), '')
  mkdirSync(join(dataDir, 'raw/us/2026-01-02/folder'))
  expect(listRawAnswers(dataDir, NEW_YORK)).toEqual({
    answers: [kept],
    strangers: ['raw/us/2026-01-02/copy of AAPL.csv.zst', 'raw/us/2026-01-02/folder', 'raw/us/notes.txt'],
  })
})

test('what a crash left half written is swept, and was never listed', () => {
  const dataDir = emptyDir()
  new RawAnswers(dataDir, NEW_YORK)
  const temp = join(dataDir, 'raw/us/.temp')
  writeFileSync(join(temp, 'answer'), 'half')
  expect(listRawAnswers(dataDir, NEW_YORK)).toEqual({ answers: [], strangers: [] })
  const kept = new RawAnswers(dataDir, NEW_YORK).keep(DAILY, 'whole', AT_MS)
  expect(readdirSync(temp)).toEqual([])
  expect(readRawAnswer(dataDir, kept)).toBe('whole')
})

test('a damaged or missing file is one clear error', () => {
  const dataDir = emptyDir()
  const kept = new RawAnswers(dataDir, NEW_YORK).keep(DAILY, 'a,b\n'.repeat(100), AT_MS)
  const path = join(dataDir, kept.path)
  expect(existsSync(path)).toBe(true)
  writeFileSync(path, readFileSync(path).subarray(0, 12))
  expect(() => readRawAnswer(dataDir, kept)).toThrow(expect.objectContaining({ code: 'VERIFY_FAILED' }))
  expect(() => readRawAnswer(dataDir, { path: 'raw/us/none' })).toThrow(
    expect.objectContaining({ code: 'NOT_FOUND' }),
  )
})
