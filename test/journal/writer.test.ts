import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { expect, test } from 'vitest'
import { TYPE_HEARTBEAT, TYPE_SEAL } from '../../src/journal/format.ts'
import { FrameCursor } from '../../src/journal/scan.ts'
import { listSegments, loadSegment } from '../../src/journal/segments.ts'
import { bytesOf, endRig, ModelDisk, randomOf, readAll, startRig, tempDir } from './harness.ts'

test('a full hand-over answers -1, overwrites nothing, and takes entries again when they are durable', () => {
  const dir = tempDir()
  const random = randomOf(11)
  const rig = startRig(dir, { ringBytes: 4_096, segmentMaxBytes: 20_000 })
  const committed: string[] = []
  let refusals = 0
  for (let i = 0; i < 3_000; i++) {
    const text = `${i}:${'y'.repeat(Math.floor(random() * 600))}`
    for (;;) {
      const seq = rig.appender.append(1, bytesOf(text))
      if (seq > 0) {
        committed.push(text)
        expect(seq).toBe(committed.length)
        break
      }
      refusals++
      expect(rig.appender.usedBytes()).toBeLessThanOrEqual(rig.appender.ringBytes)
      rig.writer.turn()
    }
  }
  endRig(rig)
  expect(refusals).toBeGreaterThan(100)
  expect(readAll(dir).map((entry) => entry.text)).toEqual(committed)
})

test('a payload may be shorter than what was begun, and a begun entry may be given up', () => {
  const dir = tempDir()
  const rig = startRig(dir)
  rig.appender.begin(1, 1_000)
  const at = rig.appender.begin(2, 1_000)
  rig.appender.bytes.set(bytesOf('short'), at)
  expect(rig.appender.commit(5, 7)).toBe(1)
  expect(() => rig.appender.commit(5, 7)).toThrow('commit without begin')
  expect(() => rig.appender.begin(1, 0)).toThrow('does not fit')
  expect(() => rig.appender.begin(1, 40_000)).toThrow('half its ring')
  expect(() => rig.appender.begin(100, 8)).toThrow('not the caller')
  endRig(rig)
  expect(readAll(dir)).toEqual([{ seq: 1, type: 2, text: 'short' }])
})

test('an entry is durable 100 ms after it was written, at once when asked, and at half a ring', () => {
  const rig = startRig('/model', { files: new ModelDisk() })
  rig.appender.append(1, bytesOf('a'))
  expect(rig.writer.turn()).toBe(100)
  expect([rig.appender.writtenSeq(), rig.appender.durableSeq()]).toEqual([1, 0])
  rig.clock.nowMs += 99
  rig.writer.turn()
  expect(rig.appender.durableSeq()).toBe(0)
  rig.clock.nowMs += 1
  rig.writer.turn()
  expect(rig.appender.durableSeq()).toBe(1)
  rig.appender.append(1, bytesOf('b'))
  rig.appender.requestSync()
  rig.writer.turn()
  expect(rig.appender.durableSeq()).toBe(2)
  rig.appender.append(1, new Uint8Array(20_000))
  rig.appender.append(1, new Uint8Array(20_000))
  rig.writer.turn()
  expect(rig.appender.durableSeq()).toBe(4)
})

test('an idle writer states within a second what became durable, once', () => {
  const dir = tempDir()
  const rig = startRig(dir)
  rig.appender.append(1, bytesOf('a'))
  rig.writer.turn()
  rig.clock.nowMs += 100
  rig.writer.turn()
  for (let i = 0; i < 5; i++) {
    rig.clock.nowMs += 1_000
    rig.writer.turn()
  }
  const segment = loadSegment(listSegments(dir)[0]!)
  const cursor = new FrameCursor(segment.bytes, segment.head.salt)
  const frames: number[][] = []
  while (cursor.next()) frames.push([cursor.type, cursor.seq, cursor.syncedSeq()])
  expect(frames).toEqual([
    [1, 1, 0],
    [TYPE_HEARTBEAT, 1, 1],
  ])
})

test('a segment ends at its size or its age, and the next one names its seal', () => {
  const dir = tempDir()
  const rig = startRig(dir, { segmentMaxBytes: 1_000, segmentMaxMs: 60_000 })
  for (let i = 0; i < 10; i++) {
    rig.appender.append(1, new Uint8Array(200).fill(65 + i))
    rig.writer.turn()
  }
  const byteSegments = listSegments(dir).length
  expect(byteSegments).toBe(4)
  rig.clock.nowMs += 60_000
  rig.writer.turn()
  expect(listSegments(dir)).toHaveLength(byteSegments + 1)
  rig.clock.nowMs += 60_000
  rig.writer.turn()
  expect(listSegments(dir), 'an empty segment does not rotate').toHaveLength(byteSegments + 1)
  endRig(rig)
  expect(readAll(dir)).toHaveLength(10)
  const sealed = rig.messages.filter((message) => message.kind === 'sealed').map((m) => basename(m.path))
  expect(sealed).toEqual(['00000001.wal', '00000002.wal', '00000003.wal', '00000004.wal', '00000005.wal'])
})

test('a write that the disk takes only in part is cut off again and repeated when there is room', () => {
  const dir = tempDir()
  const disk = new ModelDisk()
  const rig = startRig('/model', { files: disk })
  let refusals = 0
  const write = disk.write.bind(disk)
  disk.write = (fd, bytes) => {
    if (refusals === 7 || bytes.byteLength < 100) return write(fd, bytes)
    refusals++
    if (refusals % 2 === 0) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })
    return write(fd, bytes.subarray(0, 33))
  }
  rig.appender.append(1, bytesOf('z'.repeat(300)))
  rig.writer.turn()
  expect(refusals).toBe(7)
  expect(rig.clock.nowMs, 'seven waits of 100 ms').toBe(700)
  endRig(rig)
  disk.crashInto(dir, () => 1)
  expect(readAll(dir).map((entry) => entry.text)).toEqual(['z'.repeat(300)])
})

test('the ballast is given up before anything waits, and a disk that stays full ends the run', () => {
  const disk = new ModelDisk()
  let ballast = 1
  const rig = startRig('/model', { files: disk, ballast: { free: () => ballast-- > 0 } })
  let failures = 0
  disk.before = (call) => {
    if (call !== 'write' || failures === 0) return
    failures--
    throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })
  }
  rig.appender.append(1, bytesOf('a'))
  failures = 1
  rig.writer.turn()
  expect(rig.clock.nowMs).toBe(0)
  expect(rig.appender.writtenSeq()).toBe(1)
  rig.appender.append(1, bytesOf('b'))
  failures = Number.POSITIVE_INFINITY
  expect(() => rig.writer.turn()).toThrow('ENOSPC')
  expect(rig.clock.nowMs).toBeGreaterThan(1_000)
  expect(rig.appender.writtenSeq()).toBe(1)
})

test('entries under a failed fsync are written again to a new file, and the failed one is kept aside', () => {
  for (const failing of ['sync', 'write']) {
    const dir = tempDir()
    const disk = new ModelDisk()
    const rig = startRig('/model', { files: disk })
    for (let i = 0; i < 5; i++) rig.appender.append(1, bytesOf(`before ${i}`))
    rig.appender.requestSync()
    rig.writer.turn()
    for (let i = 0; i < 5; i++) rig.appender.append(1, bytesOf(`after ${i}`))
    if (failing === 'sync') rig.writer.turn()
    let isFailing = true
    disk.before = (call) => {
      if (call !== failing || !isFailing) return
      isFailing = false
      throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
    }
    rig.appender.requestSync()
    rig.writer.turn()
    expect(rig.appender.durableSeq()).toBe(10)
    expect(rig.messages.map((message) => message.kind)).toEqual(['degraded'])
    endRig(rig)
    // Whatever the failed file's unsynced bytes are by now: here, all zeros.
    disk.crashInto(dir, () => 0.1)
    expect(readdirSync(dir).sort()).toEqual(['00000001.wal.poison', '00000002.wal'])
    expect(readAll(dir).map((entry) => entry.text)).toEqual([
      ...['before 0', 'before 1', 'before 2', 'before 3', 'before 4'],
      ...['after 0', 'after 1', 'after 2', 'after 3', 'after 4'],
    ])
  }
})

test('a disk that takes longer than a second to make entries durable is reported', () => {
  const disk = new ModelDisk()
  const rig = startRig('/model', { files: disk })
  disk.before = (call) => {
    if (call === 'sync') rig.clock.nowMs += 1_234
  }
  rig.appender.append(1, bytesOf('a'))
  rig.appender.requestSync()
  rig.writer.turn()
  expect(rig.appender.durableSeq()).toBe(1)
  expect(rig.messages).toMatchObject([{ kind: 'degraded', message: expect.stringContaining('took 1234 ms') }])
})

test('when the new file fails as well, nothing more is called durable and the run ends', () => {
  const disk = new ModelDisk()
  const rig = startRig('/model', { files: disk })
  rig.appender.append(1, bytesOf('a'))
  rig.appender.requestSync()
  rig.writer.turn()
  rig.appender.append(1, bytesOf('b'))
  rig.appender.requestSync()
  disk.before = (call) => {
    if (call === 'sync') throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
  }
  expect(() => rig.writer.turn()).toThrow('EIO')
  expect(rig.appender.durableSeq()).toBe(1)
})

test('a seal that the disk does not take costs no entry', () => {
  const dir = tempDir()
  const disk = new ModelDisk()
  const rig = startRig('/model', { files: disk })
  rig.appender.append(1, bytesOf('a'))
  rig.appender.requestSync()
  rig.writer.turn()
  let syncs = 0
  disk.before = (call) => {
    // Closing syncs the entries (again), then the seal.
    if (call === 'sync' && ++syncs === 2) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
  }
  void rig.appender.close()
  while (!rig.writer.hasEnded) rig.writer.turn()
  disk.crashInto(dir, () => 0.1)
  expect(readAll(dir).map((entry) => entry.text)).toEqual(['a'])
  const last = loadSegment(listSegments(dir).at(-1)!)
  const cursor = new FrameCursor(last.bytes, last.head.salt)
  expect(cursor.next()).toBe(true)
  expect(cursor.type).toBe(TYPE_SEAL)
})
