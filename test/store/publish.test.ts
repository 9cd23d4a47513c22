import { cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { OperatingError } from '../../src/domain/error.ts'
import { type LakeFile, pathOf, tempDir } from '../../src/store/lake.ts'
import { readManifest } from '../../src/store/manifest.ts'
import { readTable } from '../../src/store/table-file.ts'
import { verifyLake } from '../../src/store/verify.ts'
import { crashAt, failAt } from './crash.ts'
import { publisherAt, tempFolder, treeOf } from './kit.ts'
import { duckDb } from './readers.ts'
import { emptyPart, INSTRUMENTS, momentum, part, report, SYMBOL_COUNT, settled } from './requests.ts'
import { DAY, OPEN_MS, rowsOf, sampleTable } from './tables.ts'

function codeOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return error instanceof OperatingError ? error.code : String(error)
  }
  return 'nothing was thrown'
}

test('a published part is complete, listed, and where the lake says', () => {
  const dataDir = tempFolder()
  const published = publisherAt(dataDir, INSTRUMENTS).publish(part(0))
  expect(published.path).toBe('staging/in/candles/date=2026-07-01/0915.parquet')
  expect(published.outcome).toBe('new')
  expect(published.sizeBytes).toBe(statSync(join(dataDir, published.path)).size)
  expect(rowsOf(readTable(join(dataDir, published.path)))).toEqual(rowsOf(sampleTable(SYMBOL_COUNT, [0])))
  expect(readManifest(dataDir, DAY).entries).toEqual([
    {
      path: published.path,
      kind: 'part',
      sha256: published.sha256,
      bytes: published.sizeBytes,
      rows: SYMBOL_COUNT,
      minTs: OPEN_MS,
      maxTs: OPEN_MS,
      journalFromSeq: 0,
      journalToSeq: 9,
    },
  ])
  expect(verifyLake(dataDir, 'in')).toMatchObject({ fileCount: 1, rowCount: SYMBOL_COUNT, findings: [] })
})

test('a minute without rows is listed and has no file', () => {
  const dataDir = tempFolder()
  const publisher = publisherAt(dataDir, INSTRUMENTS)
  expect(publisher.publish(emptyPart(1))).toMatchObject({ sha256: null, rowCount: 0, outcome: 'new' })
  expect(publisher.publish(emptyPart(1)).outcome).toBe('same')
  expect(readManifest(dataDir, DAY).entries).toMatchObject([{ rows: 0, sha256: null, minTs: null }])
  expect([...treeOf(dataDir).keys()]).toEqual(['raw/in/manifest/2026-07-01.jsonl'])
  expect(codeOf(() => publisher.publish(part(1)))).toBe('PUBLISH_CONFLICT')
})

test('publishing the same again changes nothing, in this run and in the next', () => {
  const dataDir = tempFolder()
  const first = publisherAt(dataDir, INSTRUMENTS)
  const all = [part(0), emptyPart(1), momentum(0), settled(0), report(0)]
  for (const request of all) expect(first.publish(request).outcome).toBe('new')
  const tree = treeOf(dataDir)
  for (const publisher of [first, publisherAt(dataDir, INSTRUMENTS)]) {
    for (const request of all) expect(publisher.publish(request).outcome).toBe('same')
  }
  expect(treeOf(dataDir)).toEqual(tree)
})

test('a live part is never rewritten: other content under its name is a conflict', () => {
  const dataDir = tempFolder()
  const publisher = publisherAt(dataDir, INSTRUMENTS)
  publisher.publish(part(0))
  const tree = treeOf(dataDir)
  expect(codeOf(() => publisher.publish(part(0, 1)))).toBe('PUBLISH_CONFLICT')
  expect(codeOf(() => publisher.publish({ ...emptyPart(0) }))).toBe('PUBLISH_CONFLICT')
  expect(treeOf(dataDir)).toEqual(tree)
  // Without the manifest the file itself is the witness.
  rmSync(join(dataDir, 'raw'), { recursive: true })
  const forgetful = publisherAt(dataDir, INSTRUMENTS)
  expect(codeOf(() => forgetful.publish(part(0, 1)))).toBe('PUBLISH_CONFLICT')
  expect(codeOf(() => forgetful.publish(emptyPart(0)))).toBe('PUBLISH_CONFLICT')
  expect(forgetful.publish(part(0)).outcome).toBe('same')
  expect(treeOf(dataDir)).toEqual(tree)
})

test('a settled day is replaced as a whole, and the manifest keeps both revisions', () => {
  const dataDir = tempFolder()
  const publisher = publisherAt(dataDir, INSTRUMENTS)
  publisher.publish(settled(0))
  const second = publisher.publish(settled(1))
  expect(second.outcome).toBe('new')
  expect(rowsOf(readTable(join(dataDir, second.path)))).toEqual(
    rowsOf(sampleTable(SYMBOL_COUNT, [0, 1, 2], 1)),
  )
  expect(readManifest(dataDir, DAY).entries.map((entry) => entry.revision)).toEqual([0, 1])
  expect(verifyLake(dataDir, 'in').findings).toEqual([])
})

test('momentum and the settle report are published the same way', async () => {
  const dataDir = tempFolder()
  const publisher = publisherAt(dataDir, INSTRUMENTS)
  const path = join(dataDir, publisher.publish(momentum(0)).path)
  const columns = await duckDb(`DESCRIBE SELECT * FROM read_parquet('${path}', hive_partitioning = false)`)
  expect(columns.map((column) => `${column.column_name} ${column.column_type}`)).toEqual([
    'symbol VARCHAR',
    'exchange VARCHAR',
    'token VARCHAR',
    'timestamp TIMESTAMP WITH TIME ZONE',
    'vwap_distance DOUBLE',
    'high_proximity DOUBLE',
    'relative_volume DOUBLE',
  ])
  expect(await duckDb(`SELECT * FROM read_parquet('${path}', hive_partitioning = false)`)).toMatchObject([
    { symbol: 'S00000-EQ', vwap_distance: 0.5, high_proximity: null, relative_volume: 2 },
    { symbol: 'S00003-EQ', vwap_distance: null, high_proximity: 0.25, relative_volume: 3 },
  ])
  const { path: reportPath } = publisher.publish(report(4))
  expect(reportPath).toBe('analytics/in/reports/date=2026-07-01/settle.json')
  expect(JSON.parse(readFileSync(join(dataDir, reportPath), 'utf8'))).toMatchObject({ revision: 4 })
})

test('rows that cannot be right are refused before the disk is touched', () => {
  const dataDir = tempFolder()
  const publisher = publisherAt(dataDir, INSTRUMENTS)
  const bad = part(0)
  if ('columns' in bad) bad.columns.timestampMs[3] = Number.NaN
  expect(codeOf(() => publisher.publish(bad))).toBe('PARQUET_INVALID')
  const stranger = part(0)
  if ('columns' in stranger) stranger.columns.instrument[7] = SYMBOL_COUNT
  expect(codeOf(() => publisher.publish(stranger))).toBe('PARQUET_INVALID')
  expect([...treeOf(dataDir).values()].join('')).toBe('')
})

/** What is published before the crash, and what the crash interrupts. */
function before(dataDir: string): void {
  const publisher = publisherAt(dataDir, INSTRUMENTS)
  for (const request of [settled(0), report(0)]) publisher.publish(request)
}
function interrupted(dataDir: string): void {
  const publisher = publisherAt(dataDir, INSTRUMENTS)
  const requests = [part(0), emptyPart(1), momentum(0), settled(1), report(1)]
  for (const request of requests) publisher.publish(request)
}

test('killed before any system call, nothing half is visible, and running again gives the same lake', () => {
  const start = tempFolder()
  before(start)
  const older = treeOf(start)
  const whole = tempFolder()
  cpSync(start, whole, { recursive: true })
  const { calls } = crashAt(Number.POSITIVE_INFINITY, () => interrupted(whole))
  const newer = treeOf(whole)
  expect(calls).toBeGreaterThan(40)
  for (let allowed = 0; allowed < calls; allowed++) {
    const dataDir = tempFolder()
    cpSync(start, dataDir, { recursive: true })
    const { crashed } = crashAt(allowed, () => interrupted(dataDir))
    expect(crashed, `killed after ${allowed} calls`).toBe(true)
    for (const [path, bytes] of treeOf(dataDir)) {
      if (path.startsWith('.tmp/') || path.startsWith('raw/')) continue
      expect([older.get(path), newer.get(path)], `${path} after ${allowed} calls`).toContain(bytes)
    }
    crashAt(Number.POSITIVE_INFINITY, () => interrupted(dataDir))
    expect(treeOf(dataDir), `again after ${allowed} calls`).toEqual(newer)
    expect(verifyLake(dataDir, 'in').findings).toEqual([])
  }
})

test('a full disk is told as such, leaves nothing behind, and is over when there is space', () => {
  const dataDir = tempFolder()
  const publisher = publisherAt(dataDir, INSTRUMENTS)
  publisher.publish(part(0))
  const tree = treeOf(dataDir)
  // The first write of a publication is the temp file, the second the manifest's line.
  failAt('writeSync', 1, 'ENOSPC', () => expect(codeOf(() => publisher.publish(part(1)))).toBe('DISK_FULL'))
  expect(treeOf(dataDir)).toEqual(tree)
  failAt('writeSync', 2, 'ENOSPC', () => expect(codeOf(() => publisher.publish(part(1)))).toBe('DISK_FULL'))
  expect(readManifest(dataDir, DAY)).toMatchObject({ tornBytes: 0, damagedLines: [] })
  expect(publisher.publish(part(1)).outcome).toBe('same')
  expect(readManifest(dataDir, DAY).entries).toHaveLength(2)
  expect(verifyLake(dataDir, 'in').findings).toEqual([])
})

test('after a failed sync of the manifest nothing more is listed: the disk must be looked at first', () => {
  const dataDir = tempFolder()
  const publisher = publisherAt(dataDir, INSTRUMENTS)
  publisher.publish(part(0))
  failAt('fdatasyncSync', 1, 'EIO', () =>
    expect(codeOf(() => publisher.publish(part(1)))).toBe('DIR_UNUSABLE'),
  )
  expect(codeOf(() => publisher.publish(part(1)))).toBe('DIR_UNUSABLE')
  expect(codeOf(() => publisher.publish(part(2)))).toBe('DIR_UNUSABLE')
  expect(publisherAt(dataDir, INSTRUMENTS).publish(part(1)).outcome).toBe('same')
})

test('a start sweeps what a crash left in the temp folder, and only there', () => {
  const dataDir = tempFolder()
  publisherAt(dataDir, INSTRUMENTS).publish(part(0))
  const leftover = join(dataDir, tempDir('in'), '7-0916.parquet')
  writeFileSync(leftover, 'half a file')
  expect(verifyLake(dataDir, 'in').findings).toMatchObject([{ kind: 'leftover', damage: false }])
  publisherAt(dataDir, INSTRUMENTS)
  expect(existsSync(leftover)).toBe(false)
  const kept: LakeFile = { kind: 'part', day: DAY, hhmm: '0915' }
  expect(existsSync(join(dataDir, pathOf(kept)))).toBe(true)
})
