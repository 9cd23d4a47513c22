/**
 * Where does the ledger of permits lie? In `jobs/us/permits/<date>.jsonl`, one file for each of the vendor's
 * days, append-only. The newest files are enough to know what still counts: older days are over.
 */
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MarketDate, UnixMs } from '../domain/time.ts'
import { fileError, listNames, makeDir, syncData, syncDir, writeFully } from '../platform/durable.ts'
import type { LedgerEntry, PermitLedger } from './permit-ledger.ts'
import { foldLedgerFile, formatLedgerLine } from './permit-ledger-lines.ts'

const NAME = /^\d{4}-\d{2}-\d{2}\.jsonl$/
const FILES_READ = 4
const NEWLINE = 0x0a

export function permitsDir(jobsDir: string): string {
  return join(jobsDir, 'permits')
}

/** Adds what is written to `ledger`; returns how many lines could not be read and count as permits. */
export function readLedgerFiles(dir: string, ledger: PermitLedger): number {
  const names = listNames(dir)
    .filter((name) => NAME.test(name))
    .toSorted()
    .slice(-FILES_READ)
  return names.reduce((count, name) => count + foldLedgerFile(readBytes(join(dir, name)), ledger), 0)
}

/** The writing end. One per process; the market's lock sees to that. */
export class LedgerWriter {
  readonly #dir: string
  readonly #dateOf: (atMs: UnixMs) => MarketDate
  #date: MarketDate | null = null
  #path = ''
  #fd = -1
  /** After a failed write or sync nobody can tell what is on the disk: no permit is given any more. */
  #failure: unknown = null

  constructor(dir: string, dateOf: (atMs: UnixMs) => MarketDate) {
    this.#dir = dir
    this.#dateOf = dateOf
    try {
      makeDir(dir)
    } catch (error) {
      throw fileError('making the folder of the permits', dir, error)
    }
  }

  /** Durable when it returns. */
  write(entry: LedgerEntry): void {
    if (this.#failure !== null) throw fileError('writing the permits', this.#path, this.#failure)
    try {
      this.#openFor(this.#dateOf(entry.atMs))
      writeFully(this.#fd, Buffer.from(formatLedgerLine(entry)))
      syncData(this.#fd)
    } catch (error) {
      this.#failure = error
      throw fileError('writing the permits', this.#path, error)
    }
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#fd = -1
    this.#date = null
    this.#failure ??= new Error('the permits are closed')
  }

  #openFor(date: MarketDate): void {
    if (date === this.#date) return
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#path = join(this.#dir, `${date}.jsonl`)
    this.#fd = openSync(this.#path, 'a', 0o600)
    this.#date = date
    const bytes = readBytes(this.#path)
    if (bytes.length > 0 && bytes.at(-1) !== NEWLINE) writeFully(this.#fd, Buffer.from('\n'))
    syncDir(this.#dir)
  }
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw fileError('reading the permits', path, error)
  }
}
