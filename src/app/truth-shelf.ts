/**
 * Where do snapshots lie, and how are they replaced? A reader sees the old file or the new one, never a
 * part.
 */
import { existsSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { systemCodeOf } from '../domain/error.ts'
import { fileError, makeDir, renameInto, writeNewFile } from '../platform/durable.ts'
import { readTextFile } from '../platform/text-file.ts'
import type { TruthShelf } from './truth.ts'

export class FileShelf implements TruthShelf {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  read(name: string): string | null {
    const path = join(this.#dir, name)
    try {
      return readTextFile(path)
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return null
      throw fileError('reading', path, error)
    }
  }

  /** Only the holder of the chain's lock writes, so one temporary name is enough; a crash's is replaced. */
  put(name: string, text: string): void {
    const path = join(this.#dir, name)
    const temp = `${path}.new`
    try {
      makeDir(dirname(path))
      rmSync(temp, { force: true })
      writeNewFile(temp, new TextEncoder().encode(text))
      renameInto(temp, path)
    } catch (error) {
      throw fileError('writing', path, error)
    }
  }

  remove(name: string): void {
    const path = join(this.#dir, name)
    if (existsSync(path)) rmSync(path)
  }
}
