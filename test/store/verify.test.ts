import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { manifestPath, pathOf } from '../../src/store/lake.ts'
import { type LakeFinding, verifyLake } from '../../src/store/verify.ts'
import { publisherAt, tempFolder } from './kit.ts'
import { emptyPart, INSTRUMENTS, momentum, part, report, SYMBOL_COUNT, settled } from './requests.ts'
import { DAY } from './tables.ts'

const PART = pathOf({ kind: 'part', day: DAY, hhmm: '0915' })
const SETTLED = pathOf({ kind: 'day', day: DAY })
const REPORT = pathOf({ kind: 'report', day: DAY })

function publishedLake(): string {
  const dataDir = tempFolder()
  const publisher = publisherAt(dataDir, INSTRUMENTS)
  for (const request of [part(0), emptyPart(1), momentum(0), settled(0), report(0)])
    publisher.publish(request)
  return dataDir
}

function findingsAfter(change: (dataDir: string) => void): readonly Omit<LakeFinding, 'detail'>[] {
  const dataDir = publishedLake()
  change(dataDir)
  return verifyLake(dataDir, 'in').findings.map(({ kind, path, damage }) => ({ kind, path, damage }))
}

test('a whole lake has no findings, and every file was read', () => {
  const found = verifyLake(publishedLake(), 'in')
  expect(found).toMatchObject({ fileCount: 4, rowCount: SYMBOL_COUNT * 4 + 2, findings: [] })
  expect(verifyLake(tempFolder(), 'in')).toMatchObject({ fileCount: 0, findings: [] })
})

test('one flipped bit anywhere in a published file is found', () => {
  for (const path of [PART, SETTLED, REPORT]) {
    const found = findingsAfter((dataDir) => {
      const bytes = readFileSync(join(dataDir, path))
      bytes[bytes.length >> 1]! ^= 1
      writeFileSync(join(dataDir, path), bytes)
    })
    expect(found).toEqual([{ kind: 'changed', path, damage: true }])
  }
})

test('a published file that is gone is found', () => {
  const found = findingsAfter((dataDir) => rmSync(join(dataDir, PART)))
  expect(found).toEqual([{ kind: 'missing', path: PART, damage: true }])
})

test('a file that nobody published is named, whatever it is called', () => {
  const strangers = [
    'staging/in/candles/date=2026-07-01/0916.parquet',
    'staging/in/candles/date=2026-07-01/.0917.parquet.tmp',
    'staging/in/momentum/x',
    'analytics/in/candles/frequency=1m/date=2026-07-02/candles.parquet',
    'analytics/in/reports/date=2026-07-01/notes.txt',
  ]
  const found = findingsAfter((dataDir) => {
    for (const path of strangers) {
      mkdirSync(dirname(join(dataDir, path)), { recursive: true })
      writeFileSync(join(dataDir, path), 'PAR1')
    }
  })
  expect(found.map((finding) => finding.path).toSorted()).toEqual(strangers.toSorted())
  expect(new Set(found.map((finding) => finding.kind))).toEqual(new Set(['unlisted']))
})

test('another market is another lake', () => {
  const found = findingsAfter((dataDir) => {
    mkdirSync(join(dataDir, 'analytics/us/candles/frequency=1m'), { recursive: true })
    writeFileSync(join(dataDir, 'analytics/us/candles/frequency=1m/x'), '')
    mkdirSync(join(dataDir, '.tmp/us'), { recursive: true })
    writeFileSync(join(dataDir, '.tmp/us/x'), '')
  })
  expect(found).toEqual([])
})

test('a torn manifest is no damage, a damaged line is', () => {
  const path = manifestPath(DAY)
  const torn = findingsAfter((dataDir) => appendFileSync(join(dataDir, path), '{"crc32":"12'))
  expect(torn).toEqual([{ kind: 'manifest_torn', path, damage: false }])
  const damaged = findingsAfter((dataDir) => {
    const text = readFileSync(join(dataDir, path), 'utf8')
    writeFileSync(join(dataDir, path), text.replace('"kind":"part"', '"kind":"prat"'))
  })
  expect(damaged).toEqual([
    { kind: 'manifest_damaged', path, damage: true },
    { kind: 'unlisted', path: PART, damage: true },
  ])
})
