/** A writer that runs in the test's own thread, on a disk that remembers what was never synced. */
import { EventEmitter } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { UnixMs } from '../../src/domain/time.ts'
import { JournalAppender } from '../../src/journal/appender.ts'
import type { JournalFiles } from '../../src/journal/files.ts'
import { DISK_FILES } from '../../src/journal/files.ts'
import { readSegments } from '../../src/journal/reader.ts'
import type { Recovery } from '../../src/journal/recover.ts'
import { recoverJournal } from '../../src/journal/recover.ts'
import { createRing } from '../../src/journal/ring.ts'
import type { WriterMessage, WriterOptions, WriterSeams } from '../../src/journal/writer.ts'
import { JournalWriter } from '../../src/journal/writer.ts'
import type { Clock } from '../../src/platform/clock.ts'
import { createClock } from '../../src/platform/clock.ts'

/** In memory where the machine has such a place: a thousand small journals would only heat the disk. */
const FAST_DIR = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

export function tempDir(parent: string = FAST_DIR): string {
  const dir = mkdtempSync(join(parent, 'chandler-journal-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** Repeatable numbers in [0, 1). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export class TestClock implements Clock {
  readonly speed: number = 1
  nowMs: number = 0
  readonly wallMs = (): UnixMs => (1_790_000_000_000 + this.nowMs) as UnixMs
  readonly monoMs = (): number => this.nowMs
  readonly sleepUntil = (): Promise<void> => Promise.reject(new Error('not in tests'))
  readonly sleep = (): Promise<void> => Promise.reject(new Error('not in tests'))
  readonly every = (): (() => void) => () => {}
  readonly after = (): (() => void) => () => {}
}

const OPTIONS: WriterOptions = {
  dir: '',
  commitMs: 100,
  commitBytes: 1024 * 1024,
  heartbeatMs: 1_000,
  segmentMaxBytes: 64 * 1024 * 1024,
  segmentMaxMs: 900_000,
  fullMaxMs: 1_000,
  fullRetryMs: 100,
  ballastPath: '',
  ballastBytes: 0,
}

export type Rig = {
  readonly appender: JournalAppender
  readonly writer: JournalWriter
  readonly clock: TestClock
  readonly messages: WriterMessage[]
}

export type RigOptions = Partial<WriterOptions> & {
  readonly files?: JournalFiles
  readonly ringBytes?: number
  readonly ballast?: WriterSeams['ballast']
  readonly clock?: TestClock
}

/** Starts a writer behind what recovery found (an empty journal by default); call `writer.turn()`. */
export function startRig(dir: string, options: RigOptions = {}, recovery?: Omit<Recovery, 'isKnown'>): Rig {
  const found = recovery ?? recoverJournal(dir, { floorSeq: 0, clock: createClock() })
  const { report, tail } = found
  const ring = createRing(options.ringBytes ?? 64 * 1024)
  const clock = options.clock ?? new TestClock()
  const messages: WriterMessage[] = []
  const link = new EventEmitter()
  const writer = new JournalWriter(
    ring,
    { ...OPTIONS, ...options, dir },
    {
      generation: report.generation + 1,
      segment: tail.segment + 1,
      firstSeq: report.lastSeq + 1,
      chain: tail.chain,
      previousSha256: tail.sha256,
      bootId: new Uint8Array(8),
      recovery: report.wasClean ? null : JSON.stringify(report),
    },
    {
      files: options.files ?? DISK_FILES,
      wall: clock,
      real: clock,
      tell: (message) => {
        messages.push(message)
        link.emit('message', message)
      },
      pause: (durationMs) => {
        clock.nowMs += durationMs
      },
      ballast: options.ballast ?? { free: () => false },
    },
  )
  return { appender: new JournalAppender(link, ring, report.lastSeq + 1), writer, clock, messages }
}

/** Ends a rig cleanly. */
export function endRig(rig: Rig): void {
  void rig.appender.close()
  rig.writer.turn()
}

export type ReadEntry = { readonly seq: number; readonly type: number; readonly text: string }

/** Every entry, the payload as text. */
export function readAll(dir: string, damages?: string[]): ReadEntry[] {
  const entries: ReadEntry[] = []
  const onDamage =
    damages === undefined ? {} : { onDamage: (damage: { what: string }) => void damages.push(damage.what) }
  for (const frame of readSegments(dir, onDamage)) {
    const payload = frame.bytes.subarray(frame.payloadOffset, frame.payloadOffset + frame.payloadLength)
    entries.push({ seq: frame.seq, type: frame.type, text: Buffer.from(payload).toString('latin1') })
  }
  return entries
}

export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

type ModelFile = { bytes: Buffer; syncedBytes: number }

const SECTOR_BYTES = 512

/**
 * A disk on which only synced bytes are sure. A published name is sure, a temporary one is not. After a
 * failed sync the file's unsynced bytes stay unsure for ever, whatever later syncs answer.
 */
export class ModelDisk implements JournalFiles {
  readonly files: Map<string, ModelFile> = new Map()
  /** Called before every call with its name; throws to make the call fail. */
  before: (call: string) => void = () => {}
  readonly #open: (string | null)[] = []
  readonly #poisoned = new Set<ModelFile>()

  create(path: string): number {
    this.before('create')
    this.files.set(path, { bytes: Buffer.alloc(0), syncedBytes: 0 })
    return this.#open.push(path) - 1
  }

  write(fd: number, bytes: Uint8Array): number {
    this.before('write')
    const file = this.#file(fd)
    file.bytes = Buffer.concat([file.bytes, bytes])
    return bytes.byteLength
  }

  truncate(fd: number, sizeBytes: number): void {
    this.before('truncate')
    const file = this.#file(fd)
    file.bytes = file.bytes.subarray(0, sizeBytes)
  }

  sync(fd: number): void {
    const file = this.#file(fd)
    try {
      this.before('sync')
    } catch (error) {
      this.#poisoned.add(file)
      throw error
    }
    if (!this.#poisoned.has(file)) file.syncedBytes = file.bytes.byteLength
  }

  close(fd: number): void {
    this.#open[fd] = null
  }

  publish(temp: string, final: string): void {
    this.before('publish')
    this.rename(temp, final)
  }

  rename(from: string, to: string): void {
    const file = this.files.get(from)!
    this.files.delete(from)
    this.files.set(to, file)
    for (const [fd, path] of this.#open.entries()) if (path === from) this.#open[fd] = to
  }

  remove(path: string): void {
    this.files.delete(path)
  }

  freeBytes(): number {
    return Number.MAX_SAFE_INTEGER
  }

  /** What a power cut leaves: each unsynced sector kept, zeroed, garbled, or the file cut within it. */
  crashInto(dir: string, random: () => number): void {
    for (const [path, file] of this.files) {
      if (path.endsWith('.tmp') && random() < 0.5) continue
      writeFileSync(join(dir, basename(path)), this.#damaged(file, random))
    }
  }

  #damaged(file: ModelFile, random: () => number): Buffer {
    const bytes = Buffer.from(file.bytes)
    const { syncedBytes } = file
    const cutAt =
      random() < 0.5 ? bytes.byteLength : syncedBytes + random() * (bytes.byteLength - syncedBytes)
    for (let at = syncedBytes; at < bytes.byteLength; ) {
      const endAt = Math.min(bytes.byteLength, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES)
      const fate = random()
      if (fate < 0.2) bytes.fill(0, at, endAt)
      else if (fate < 0.3) for (let i = at; i < endAt; i++) bytes[i] = Math.floor(random() * 256)
      at = endAt
    }
    return bytes.subarray(0, Math.floor(cutAt))
  }

  #file(fd: number): ModelFile {
    return this.files.get(this.#open[fd]!)!
  }
}
