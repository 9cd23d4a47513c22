/**
 * Is everything that was ever published still there, with the same bytes? Looks at a lake from outside again
 * and again, as a reader would, and keeps the checksum of every part at its first sight: a part that is gone,
 * or listed twice, or has other bytes later, is a broken promise.
 */
import { hash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MarketDate } from '../../src/domain/time.ts'
import { momentumDir, partsDir } from '../../src/store/lake.ts'
import { readManifest } from '../../src/store/manifest.ts'

export class PublishedFiles {
  /** Path -> SHA-256 at first sight; null for a minute that was listed as empty. */
  readonly seen: Map<string, string | null> = new Map<string, string | null>()
  readonly lost: Set<string> = new Set<string>()
  readonly doubled: Set<string> = new Set<string>()
  readonly different: Set<string> = new Set<string>()
  readonly #dataDir: string
  readonly #date: MarketDate

  constructor(dataDir: string, date: MarketDate) {
    this.#dataDir = dataDir
    this.#date = date
  }

  /** Compares what is there with what was seen before; returns how many files no manifest lists. */
  look(): number {
    const day = { market: 'in', date: this.#date }
    const manifest = readManifest(this.#dataDir, day)
    const listed = new Set<string>()
    for (const { path, sha256, kind } of manifest.entries) {
      if (kind !== 'part' && kind !== 'momentum') continue
      if (listed.has(path)) this.doubled.add(path)
      listed.add(path)
      this.#note(path, sha256)
    }
    const files = [partsDir(day), momentumDir(day)].flatMap((dir) => this.#filesOf(dir))
    for (const path of files) {
      this.#note(path, hash('sha256', readFileSync(join(this.#dataDir, path)), 'hex'))
    }
    const there = new Set(files)
    for (const [path, sha256] of this.seen) {
      if (sha256 !== null && !there.has(path)) this.lost.add(path)
    }
    return files.filter((path) => !listed.has(path)).length
  }

  #note(path: string, sha256: string | null): void {
    const before = this.seen.get(path)
    if (before === undefined) this.seen.set(path, sha256)
    else if (before !== sha256) this.different.add(path)
  }

  #filesOf(dir: string): readonly string[] {
    const full = join(this.#dataDir, dir)
    return existsSync(full) ? readdirSync(full).map((name) => `${dir}/${name}`) : []
  }
}
