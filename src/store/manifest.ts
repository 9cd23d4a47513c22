/**
 * Which files has the lake published, and with which bytes? One manifest per market date: an
 * append-only file of JSON lines. A line is written after its file is complete and named, so what is
 * listed is whole; what is not listed is the rest of a crash, and publishing again lists it.
 *
 *     {"crc32":"0b0f6d5e","path":"staging/in/…","sha256":"…",…}
 *
 * The checksum covers the line without its own member. A line has no time in it: publishing the same
 * day again, anywhere, gives the same manifest, but for the head of the event chain that a settled day was
 * listed with. The last line of a path is the one that holds.
 *
 * A crash can tear only the last line, because each is synced before the next begins; so an opened
 * manifest loses a torn last line and nothing else. A damaged line before it was durable once: it is
 * kept, reported, and never trusted.
 */
import { closeSync, ftruncateSync, openSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { OperatingError, systemCodeOf } from '../domain/error.ts'
import type { ChainHead } from '../domain/event.ts'
import { fileError, makeDir, syncData, syncDir, writeFully } from '../platform/durable.ts'
import { type LakeDay, type LakeFile, manifestPath } from './lake.ts'

export type ManifestEntry = {
  /** Relative to the data directory. */
  readonly path: string
  readonly kind: LakeFile['kind']
  /** Null where the minute had no rows and so has no file. */
  readonly sha256: string | null
  readonly bytes: number
  readonly rows: number
  /** Unix ms of the first and the last row; null where there are none. */
  readonly minTs: number | null
  readonly maxTs: number | null
  /** The journal entries the file was folded from. */
  readonly journalFromSeq?: number
  readonly journalToSeq: number
  readonly revision?: number
  /** Where the market's event chain ended when the day was settled: evidence against a chain cut later. */
  readonly chainHead?: ChainHead
}

export type Manifest = {
  readonly entries: readonly ManifestEntry[]
  /** Bytes up to the end of the last line that is whole. */
  readonly soundBytes: number
  /** Bytes of a torn last line. */
  readonly tornBytes: number
  /** Numbers, from 1, of damaged lines that are not the last. */
  readonly damagedLines: readonly number[]
}

const LINE = /^\{"crc32":"([0-9a-f]{8})",(.*\})$/s
const NEWLINE = 0x0a

export function formatEntry(entry: ManifestEntry): string {
  const body = JSON.stringify(entry)
  return `{"crc32":"${checksumOf(body)}",${body.slice(1)}\n`
}

/** Null for a line that `formatEntry` did not make, or that was damaged since. */
export function parseEntry(line: string): ManifestEntry | null {
  const match = LINE.exec(line)
  if (match === null) return null
  const body = `{${match[2]}`
  return checksumOf(body) === match[1] ? (JSON.parse(body) as ManifestEntry) : null
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}

export function parseManifest(bytes: Buffer): Manifest {
  const entries: ManifestEntry[] = []
  const damagedLines: number[] = []
  let soundBytes = 0
  let line = 0
  for (let start = 0; start < bytes.length; ) {
    line += 1
    const end = bytes.indexOf(NEWLINE, start)
    const entry = end < 0 ? null : parseEntry(bytes.toString('utf8', start, end))
    const isLast = end < 0 || end + 1 === bytes.length
    if (entry === null && isLast) break
    if (entry === null) damagedLines.push(line)
    else entries.push(entry)
    soundBytes = end + 1
    start = end + 1
  }
  return { entries, soundBytes, tornBytes: bytes.length - soundBytes, damagedLines }
}

/** An absent manifest is an empty one. */
export function readManifest(dataDir: string, day: LakeDay): Manifest {
  const path = join(dataDir, manifestPath(day))
  try {
    return parseManifest(readFileSync(path))
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return parseManifest(Buffer.alloc(0))
    throw fileError('reading the manifest', path, error)
  }
}

/** Per path the entry that holds. */
export function entriesByPath(manifest: Manifest): Map<string, ManifestEntry> {
  return new Map(manifest.entries.map((entry) => [entry.path, entry]))
}

/** The last journal entry that published files rest on: durable, whatever the journal's tail looks like. */
export function journalFloor(manifest: Manifest): number {
  return manifest.entries.reduce((floor, entry) => Math.max(floor, entry.journalToSeq), 0)
}

function isSame(
  { chainHead: _held, ...held }: ManifestEntry,
  { chainHead: _head, ...entry }: ManifestEntry,
): boolean {
  return formatEntry(held) === formatEntry(entry)
}

/** The writing end of one date's manifest. One per process and date; the market's lock sees to that. */
export class ManifestLog {
  readonly #path: string
  readonly #fd: number
  readonly #entries: Map<string, ManifestEntry>
  #sizeBytes: number
  /** Set after a failed sync: the kernel may have dropped the bytes, and no later call can tell. */
  #failed = false

  /** Repairs a torn last line. `note` hears, in one line each, what was repaired or found damaged. */
  constructor(dataDir: string, day: LakeDay, note: (text: string) => void) {
    this.#path = join(dataDir, manifestPath(day))
    try {
      makeDir(dirname(this.#path))
      this.#fd = openSync(this.#path, 'a+', 0o600)
      // What an earlier process wrote but did not sync must be durable before we decide on it.
      syncData(this.#fd)
      syncDir(dirname(this.#path))
      const manifest = parseManifest(readFileSync(this.#path))
      if (manifest.tornBytes > 0) {
        ftruncateSync(this.#fd, manifest.soundBytes)
        syncData(this.#fd)
        note(`opening ${this.#path}: removed a torn last line of ${manifest.tornBytes} bytes`)
      }
      for (const line of manifest.damagedLines) {
        note(`opening ${this.#path}: line ${line} is damaged; run \`chandler verify\``)
      }
      this.#entries = entriesByPath(manifest)
      this.#sizeBytes = manifest.soundBytes
    } catch (error) {
      throw fileError('opening the manifest', this.#path, error)
    }
  }

  entryOf(path: string): ManifestEntry | undefined {
    return this.#entries.get(path)
  }

  /**
   * Durable when it returns. An entry equal to the one that holds, whatever the event chain's head, is not
   * written again.
   */
  append(entry: ManifestEntry): void {
    const line = formatEntry(entry)
    const held = this.#entries.get(entry.path)
    if (held !== undefined && isSame(held, entry)) return
    if (this.#failed) {
      throw new OperatingError(
        `listing ${entry.path}: an earlier sync of ${this.#path} failed; check the disk, then start again`,
        { code: 'DIR_UNUSABLE' },
      )
    }
    this.#write(Buffer.from(line))
    this.#entries.set(entry.path, entry)
  }

  #write(line: Buffer): void {
    try {
      writeFully(this.#fd, line)
    } catch (error) {
      // Half a line must not stand before the next one. If this fails too, that error is the one to tell.
      ftruncateSync(this.#fd, this.#sizeBytes)
      throw error
    }
    try {
      syncData(this.#fd)
    } catch (error) {
      this.#failed = true
      throw error
    }
    this.#sizeBytes += line.length
  }

  end(): void {
    closeSync(this.#fd)
  }
}
