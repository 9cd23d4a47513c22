/**
 * Where do the vendor's answers lie, as they came? One file for each answer, never changed and never
 * replaced: what the vendor said at that moment. Everything else in the US lake can be made again from
 * these files.
 *
 * A file gets its name only when it is whole and on the disk (platform/durable.ts), so a name is a promise.
 * What a crash leaves lies in `raw/us/.temp` and is swept at the next start.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { BatchWish, RawAnswer } from '../domain/batch.ts'
import { messageOf, OperatingError, systemCodeOf } from '../domain/error.ts'
import type { UnixMs } from '../domain/time.ts'
import { fileError, linkInto, listNames, makeDir, sweepDir, writeNewFile } from '../platform/durable.ts'
import type { Zone } from '../platform/zone.ts'
import { parseRawPath, RAW_DIR, rawPathOf } from './raw-answers-name.ts'

const TEMP_DIR = '.temp'
/** Fixed, so that the same body gives the same bytes. */
const ZSTD_LEVEL = 3
/** More than any answer that was asked for; a damaged file must not fill the memory. */
const BODY_MAX_BYTES = 256 * 1024 * 1024

export type RawListing = {
  /** By symbol, function, variant, then time of the fetch. */
  readonly answers: readonly RawAnswer[]
  /** What lies below raw/us under no name of ours: told, never used. Paths relative to the data directory. */
  readonly strangers: readonly string[]
}

export class RawAnswers {
  readonly #dataDir: string
  readonly #zone: Zone
  readonly #tempDir: string

  /** Sweeps what a crash left half written. The caller holds the market's lock. */
  constructor(dataDir: string, zone: Zone) {
    this.#dataDir = dataDir
    this.#zone = zone
    this.#tempDir = join(dataDir, RAW_DIR, TEMP_DIR)
    try {
      sweepDir(this.#tempDir)
      makeDir(this.#tempDir)
    } catch (error) {
      throw fileError('opening the raw answers', this.#tempDir, error)
    }
  }

  /**
   * Durable when it returns. Never overwrites: where the name is taken, the next free millisecond. Throws
   * SYMBOLS_INVALID for a symbol that makes no file name, DISK_FULL or DIR_UNUSABLE.
   */
  keep(wish: BatchWish, body: string, fetchedAtMs: UnixMs): RawAnswer {
    const answer = this.#nextFree(wish, fetchedAtMs)
    const final = join(this.#dataDir, answer.path)
    const temp = join(this.#tempDir, 'answer')
    const params = { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL }
    try {
      makeDir(dirname(final))
      writeNewFile(temp, zstdCompressSync(Buffer.from(body), { params }))
      linkInto(temp, final)
    } catch (error) {
      // A half-written file must not stand in the way of the next answer.
      sweepDir(this.#tempDir)
      if (error instanceof OperatingError) throw error
      throw fileError('keeping the raw answer', final, error)
    }
    return answer
  }

  /** No other process writes here, so what is free now stays free. */
  #nextFree(wish: BatchWish, fetchedAtMs: UnixMs): RawAnswer {
    for (let atMs = Math.floor(fetchedAtMs); ; atMs += 1) {
      const path = rawPathOf(wish, atMs as UnixMs, this.#zone)
      if (!existsSync(join(this.#dataDir, path))) return { wish, fetchedAtMs: atMs as UnixMs, path }
    }
  }
}

/** From file names alone. Needs no lock. */
export function listRawAnswers(dataDir: string, zone: Zone): RawListing {
  const answers: RawAnswer[] = []
  const strangers: string[] = []
  for (const date of listNames(join(dataDir, RAW_DIR))) {
    if (date === TEMP_DIR) continue
    for (const path of pathsUnder(dataDir, date)) {
      const answer = parseRawPath(path, zone)
      if (answer === null) strangers.push(path)
      else answers.push(answer)
    }
  }
  return { answers: answers.toSorted(byWishThenTime), strangers: strangers.toSorted() }
}

/** The body, verbatim. Throws NOT_FOUND, or VERIFY_FAILED where the file is damaged. */
export function readRawAnswer(dataDir: string, answer: Pick<RawAnswer, 'path'>): string {
  const path = join(dataDir, answer.path)
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw fileError('reading the raw answer', path, error)
    throw new OperatingError(`reading the raw answer ${path}: it is gone; restore it from a copy`, {
      code: 'NOT_FOUND',
      cause: error,
    })
  }
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: BODY_MAX_BYTES }).toString('utf8')
  } catch (error) {
    throw new OperatingError(
      `reading the raw answer ${path}: ${messageOf(error)}; the file is damaged, restore it from a copy`,
      { code: 'VERIFY_FAILED', cause: error },
    )
  }
}

/** A file where a folder of a date should be is listed as itself. */
function pathsUnder(dataDir: string, date: string): readonly string[] {
  const dir = join(dataDir, RAW_DIR, date)
  try {
    return listNames(dir).map((name) => `${RAW_DIR}/${date}/${name}`)
  } catch (error) {
    if (error instanceof OperatingError && systemCodeOf(error.cause) === 'ENOTDIR')
      return [`${RAW_DIR}/${date}`]
    throw error
  }
}

function byWishThenTime(left: RawAnswer, right: RawAnswer): number {
  return (
    compare(left.wish.symbol, right.wish.symbol) ||
    compare(left.wish.function, right.wish.function) ||
    compare(left.wish.variant, right.wish.variant) ||
    left.fetchedAtMs - right.fetchedAtMs ||
    compare(left.path, right.path)
  )
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
