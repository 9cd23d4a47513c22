import { cpSync } from 'node:fs'
import { expect, test } from 'vitest'
import { recoverJournal } from '../../src/journal/recover.ts'
import { verifyJournal } from '../../src/journal/verify.ts'
import { createClock } from '../../src/platform/clock.ts'
import { bytesOf, endRig, ModelDisk, randomOf, readAll, startRig, tempDir } from './harness.ts'

const SEEDS = 300
const clock = createClock()

type History = { readonly written: string[]; readonly durable: string[] }

/** A random run of the writer, ended by a power cut whose remains are laid into `dir`. */
function runAndCut(dir: string, seed: number): History {
  const random = randomOf(seed)
  const disk = new ModelDisk()
  let syncsUntilFailure = random() < 0.3 ? Math.floor(random() * 12) + 2 : Number.POSITIVE_INFINITY
  disk.before = (call) => {
    if (call === 'sync' && --syncsUntilFailure === 0) throw new Error('EIO: i/o error, fdatasync')
  }
  const rig = startRig('/model', {
    files: disk,
    ringBytes: 16_384,
    segmentMaxBytes: 12_000,
    commitBytes: 6_000,
  })
  const committed: string[] = []
  const steps = Math.floor(random() * 40)
  for (let step = 0; step < steps; step++) {
    const act = random()
    if (act < 0.6) {
      const text = `${seed}/${committed.length}:${'x'.repeat(Math.floor(random() ** 3 * 2_000))}`
      if (rig.appender.append(1 + Math.floor(random() * 9), bytesOf(text)) > 0) committed.push(text)
    } else if (act < 0.7) {
      rig.appender.requestSync()
    } else {
      rig.clock.nowMs += random() * 300
      try {
        rig.writer.turn()
      } catch {
        break // the rescue failed too: the process ends, and then the power
      }
    }
  }
  const history = {
    written: committed.slice(0, rig.appender.writtenSeq()),
    durable: committed.slice(0, rig.appender.durableSeq()),
  }
  disk.crashInto(dir, random)
  return history
}

test(`after ${SEEDS} power cuts every durable entry is read back, and nothing that was never written`, () => {
  const classes = new Map<string, number>()
  for (let seed = 1; seed <= SEEDS; seed++) {
    const dir = tempDir()
    const { written, durable } = runAndCut(dir, seed)
    const { report } = recoverJournal(dir, { floorSeq: durable.length, clock })
    classes.set(report.class, (classes.get(report.class) ?? 0) + 1)
    const texts = readAll(dir).map((entry) => entry.text)
    expect(report.missing, `seed ${seed}`).toEqual([])
    expect(report.class, `seed ${seed}`).not.toBe('CORRUPT')
    expect(texts.slice(0, durable.length), `seed ${seed}`).toEqual(durable)
    expect(isSubsequence(texts, written), `seed ${seed}: in order and byte-equal`).toBe(true)
    expect(report.lastSeq, `seed ${seed}`).toBe(texts.length)
  }
  // The seeds must reach every class that a power cut can cause.
  expect([...classes.keys()].sort()).toEqual(['CLEAN', 'TORN_TAIL', 'TORN_WITH_ISLANDS'])
})

test('recovering twice finds the same entries, and entries appended afterwards are read behind them', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const dir = tempDir()
    runAndCut(dir, seed)
    recoverJournal(dir, { floorSeq: 0, clock })
    const once = readAll(dir)
    const again = recoverJournal(dir, { floorSeq: 0, clock })
    expect(again.report.tornBytes, `seed ${seed}`).toBe(0)
    expect(again.report.salvaged, `seed ${seed}`).toBe(0)
    expect(readAll(dir), `seed ${seed}`).toEqual(once)
    const rig = startRig(dir, {}, again)
    rig.appender.append(2, bytesOf('afterwards'))
    endRig(rig)
    const afterwards = { seq: once.length + 1, type: 2, text: 'afterwards' }
    expect(readAll(dir), `seed ${seed}`).toEqual([...once, afterwards])
    expect(recoverJournal(dir, { floorSeq: 0, clock }).report, `seed ${seed}`).toMatchObject({
      class: 'CLEAN',
      wasClean: true,
      lastSeq: once.length + 1,
    })
  }
})

test('a crash between numbering islands anew and cutting them off repeats nothing', () => {
  let shown = 0
  for (let seed = 1; seed <= 200; seed++) {
    const dir = tempDir()
    const torn = tempDir()
    runAndCut(dir, seed)
    cpSync(dir, torn, { recursive: true })
    if (recoverJournal(dir, { floorSeq: 0, clock }).report.salvaged === 0) continue
    shown++
    // The torn files as they were, beside the new segment as recovery made it.
    cpSync(torn, dir, { recursive: true, filter: (path) => !path.endsWith('.tmp') })
    const expected = readAll(dir)
    const { report } = recoverJournal(dir, { floorSeq: 0, clock })
    expect(report, `seed ${seed}`).toMatchObject({ class: 'CLEAN', salvaged: 0, missing: [] })
    expect(readAll(dir), `seed ${seed}`).toEqual(expected)
    const statuses = verifyJournal(dir).segments.filter((segment) => segment.path.endsWith('.wal'))
    expect(
      statuses.map((segment) => segment.status),
      `seed ${seed}`,
    ).not.toContain('superseded')
  }
  expect(shown).toBeGreaterThan(5)
})

function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0
  for (const text of whole) if (text === part[at]) at++
  return at === part.length
}
