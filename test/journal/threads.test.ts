import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compressFile } from '../../src/journal/compress.ts'
import { openJournal } from '../../src/journal/journal.ts'
import { readSegments } from '../../src/journal/reader.ts'
import { recoverJournal } from '../../src/journal/recover.ts'
import { verifyJournal } from '../../src/journal/verify.ts'
import { BLOCK_BYTES, compressBlocks, decompressSegment } from '../../src/journal/zst.ts'
import { createClock } from '../../src/platform/clock.ts'
import { bytesOf, endRig, randomOf, readAll, startRig, tempDir } from './harness.ts'

const FAST = { ballastBytes: 0, isCompressing: false }

test('what was appended from the main thread is on disk, in order, run after run', async () => {
  const dir = tempDir(tmpdir())
  const expected: string[] = []
  for (let run = 0; run < 3; run++) {
    const { appender, report } = await openJournal({
      dir,
      ...FAST,
      ringBytes: 65_536,
      segmentMaxBytes: 200_000,
    })
    expect(report).toMatchObject({
      class: 'CLEAN',
      wasClean: true,
      lastSeq: expected.length,
      generation: run,
    })
    for (let i = 0; i < 2_000; i++) {
      const text = `run ${run} entry ${i} ${'.'.repeat(i % 300)}`
      while (appender.append(1, bytesOf(text)) < 0) await appender.whenRoom(text.length)
      expected.push(text)
    }
    await appender.close()
    expect(appender.durableSeq()).toBe(expected.length)
  }
  expect(readAll(dir).map((entry) => entry.text)).toEqual(expected)
  expect(verifyJournal(dir).isIntact).toBe(true)
})

test('a requested sync resolves, and everything up to it is durable', async () => {
  const { appender } = await openJournal({ dir: tempDir(tmpdir()), ...FAST, commitMs: 60_000 })
  for (let i = 1; i <= 50; i++) {
    const seq = appender.append(2, bytesOf(`fact ${i}`))
    appender.requestSync()
    await appender.whenDurable(seq)
    expect(appender.durableSeq()).toBe(i)
    expect(appender.writtenSeq()).toBe(i)
  }
  expect(() => appender.whenDurable(51)).toThrow('not committed')
  await appender.close()
})

test('a thousand waiters for durability are all answered by the group commit', async () => {
  const { appender } = await openJournal({ dir: tempDir(tmpdir()), ...FAST, commitMs: 5 })
  const answers: Promise<void>[] = []
  for (let i = 0; i < 1_000; i++)
    answers.push(appender.whenDurable(appender.append(1, bytesOf(`entry ${i}`))))
  await Promise.all(answers)
  expect(appender.durableSeq()).toBe(1_000)
  await appender.close()
})

test('a writer that cannot go on fails every waiter with one line that says what to do', async () => {
  const dir = tempDir()
  const { appender } = await openJournal({ dir, ...FAST, segmentMaxBytes: 1_000 })
  const seen: string[] = []
  appender.onFailure((error) => seen.push(error.message))
  const durable = appender.append(1, new Uint8Array(800))
  await appender.whenDurable(durable)
  // The next segment's temporary name is taken by a directory, which is no file to be replaced.
  mkdirSync(join(dir, '00000002.wal.tmp'))
  const lost = appender.append(1, new Uint8Array(800))
  await expect(appender.whenDurable(lost)).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
  expect(seen).toHaveLength(1)
  expect(seen[0]).toMatch(/^writing the journal in .*start again/)
  expect(appender.durableSeq()).toBe(durable)
  expect(appender.append(1, bytesOf('refused'))).toBe(-1)
  await expect(appender.whenRoom(8)).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
  await expect(appender.close()).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
  expect(() => appender.whenDurable(-1)).toThrow('not committed')
})

test('compressed and raw segments read the same, and the raw ones are gone', async () => {
  const dir = tempDir(tmpdir())
  const { appender } = await openJournal({
    dir,
    ballastBytes: 0,
    segmentMaxBytes: 100_000,
    ringBytes: 65_536,
  })
  const expected: string[] = []
  const random = randomOf(5)
  for (let i = 0; i < 2_000; i++) {
    const letters = 'abcdefghij'.slice(Math.floor(random() * 10))
    const text = `entry ${i} ${letters.repeat(Math.floor(random() * 30))}`
    while (appender.append(1, bytesOf(text)) < 0) await appender.whenRoom(text.length)
    expected.push(text)
  }
  await appender.close()
  const names = readdirSync(dir)
  expect(names.length).toBeGreaterThan(2)
  expect(names.every((name) => name.endsWith('.wal.zst'))).toBe(true)
  expect(readAll(dir).map((entry) => entry.text)).toEqual(expected)
  expect(verifyJournal(dir)).toMatchObject({ isIntact: true, missing: [] })
  const { report } = recoverJournal(dir, { floorSeq: 0, clock: createClock() })
  expect(report).toMatchObject({ class: 'CLEAN', wasClean: true, lastSeq: 2_000 })
})

test('a compressed segment that is not one is named, wherever it stands in the reading', async () => {
  const dir = tempDir()
  const { appender } = await openJournal({ dir, ballastBytes: 0, segmentMaxBytes: 1_000 })
  for (let n = 0; n < 40; n++) appender.append(1, bytesOf(`entry ${n}`.padEnd(90)))
  await appender.close()
  const whole = readAll(dir).map((entry) => entry.text.trim())
  expect(whole).toEqual(Array.from({ length: 40 }, (_, n) => `entry ${n}`))
  const path = join(dir, readdirSync(dir).sort()[3]!)
  writeFileSync(path, 'not a segment')
  const read: string[] = []
  expect(() => {
    for (const { bytes, payloadOffset } of readSegments(dir)) read.push(String(bytes[payloadOffset]))
  }).toThrow(path)
  expect(read.length).toBeGreaterThan(0)
})

test('a damaged block of a compressed segment costs that block, not the segment', async () => {
  const random = randomOf(3)
  const bytes = new Uint8Array(2.5 * BLOCK_BYTES).map(() => Math.floor(random() * 8))
  const [first, second] = [BLOCK_BYTES, 2 * BLOCK_BYTES]
  const blocks = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]
  const parts = await Array.fromAsync(compressBlocks(blocks), (part) => Buffer.from(part))
  const compressed = Buffer.concat(parts)
  expect(Buffer.compare(decompressSegment(compressed)!, bytes)).toBe(0)
  compressed[compressed.byteLength >> 1]! ^= 1
  const back = decompressSegment(compressed)!
  expect(Buffer.compare(back.subarray(0, first), bytes.subarray(0, first))).toBe(0)
  expect(Buffer.compare(back.subarray(second), bytes.subarray(second))).toBe(0)
  expect(back.subarray(first, second).every((byte) => byte === 0)).toBe(true)
  expect(decompressSegment(compressed.subarray(0, -1))).toBe(null)
})

test('every flipped bit and every cut of a compressed segment is noticed', async () => {
  const dir = tempDir()
  const rig = startRig(dir)
  rig.appender.append(1, bytesOf('something to compress '.repeat(3)))
  endRig(rig)
  await compressFile(join(dir, '00000001.wal'))
  const path = join(dir, '00000001.wal.zst')
  const whole = readFileSync(path)
  for (let bit = 0; bit < whole.byteLength * 8; bit++) {
    const damaged = Buffer.from(whole)
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    writeFileSync(path, damaged)
    const isSame =
      Buffer.compare(decompressSegment(damaged) ?? Buffer.alloc(0), decompressSegment(whole)!) === 0
    expect(isSame || !verifyJournal(dir).isIntact, `bit ${bit}`).toBe(true)
  }
})

test('a segment whose bytes are not those of its seal stays as it is', async () => {
  const dir = tempDir()
  const rig = startRig(dir)
  rig.appender.append(1, bytesOf('something to compress'))
  endRig(rig)
  const path = join(dir, '00000001.wal')
  const raw = readFileSync(path)
  for (const damaged of [raw.subarray(0, -8), Buffer.concat([raw, Buffer.alloc(8)]), flipped(raw, 150)]) {
    writeFileSync(path, damaged)
    await compressFile(path)
    expect(readdirSync(dir)).toEqual(['00000001.wal'])
    expect(readFileSync(path).equals(damaged)).toBe(true)
  }
})

test('a segment whose seal lies across the end of a block is compressed like any other', async () => {
  const dir = tempDir()
  const rig = startRig(dir, { ringBytes: 4 * BLOCK_BYTES })
  // Heads of segment and frame, and the seal, take 232 bytes: the block ends 48 bytes into the seal.
  rig.appender.append(1, new Uint8Array(BLOCK_BYTES + 40 - 232).fill(7))
  endRig(rig)
  const path = join(dir, '00000001.wal')
  const raw = readFileSync(path)
  expect(raw.byteLength).toBe(BLOCK_BYTES + 40)
  await compressFile(path)
  expect(Buffer.compare(decompressSegment(readFileSync(`${path}.zst`))!, raw)).toBe(0)
})

test('a crash between publishing a compressed segment and removing the raw leaves no double', async () => {
  for (const isBroken of [false, true]) {
    const dir = tempDir()
    const rig = startRig(dir)
    rig.appender.append(1, bytesOf('once'))
    endRig(rig)
    const path = join(dir, '00000001.wal')
    const raw = readFileSync(path)
    await compressFile(path)
    writeFileSync(path, raw)
    if (isBroken) writeFileSync(`${path}.zst`, 'not what it was')
    expect(recoverJournal(dir, { floorSeq: 0, clock: createClock() }).report.class).toBe('CLEAN')
    expect(readdirSync(dir)).toEqual([isBroken ? '00000001.wal' : '00000001.wal.zst'])
    expect(readAll(dir).map((entry) => entry.text)).toEqual(['once'])
  }
})

test('segments are readable by their owner alone', async () => {
  const dir = tempDir()
  chmodSync(dir, 0o755)
  const { appender } = await openJournal({ dir, ...FAST })
  await appender.close()
  expect(statSync(join(dir, '00000001.wal')).mode & 0o777).toBe(0o600)
})

test('the ballast is really there while the journal is open, and gone afterwards', async () => {
  const dir = tempDir(tmpdir())
  const { appender } = await openJournal({ dir, isCompressing: false, ballastBytes: 3_000_000 })
  const seq = appender.append(1, bytesOf('a'))
  await appender.whenDurable(seq)
  const stats = statSync(join(dir, 'ballast'))
  expect(stats.size).toBe(3_000_000)
  await appender.close()
  expect(readdirSync(dir)).toEqual(['00000001.wal'])
})

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at]! ^= 1
  return copy
}

test('a place that takes no journal is told in one line, with its path', async () => {
  const dir = tempDir(tmpdir())
  writeFileSync(join(dir, 'taken'), '')
  await expect(openJournal({ dir: join(dir, 'taken') })).rejects.toMatchObject({
    code: 'DIR_UNUSABLE',
    message: expect.stringMatching(/^opening the journal in .*taken: .*; check the path and the disk$/),
  })
})
