/**
 * Which universe is in force? One JSON file for each date on which it was taken, under
 * `jobs/us/universe/<date>.json`, with what changed since the one before. The newest holds; the older ones
 * say what was followed when. A file is replaced whole: a second run on a date takes the first one's place.
 */
import { join } from 'node:path'
import { OperatingError } from '../domain/error.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'
import { fileError, listNames, makeDir, removeDir, renameInto, writeNewFile } from '../platform/durable.ts'
import { readTextFile } from '../platform/text-file.ts'
import type { Exclusion, UniverseEntry } from './universe.ts'
import type { UniverseDiff } from './universe-diff.ts'

export type UniverseFile = {
  readonly schema: 'chandler.universe.v1'
  readonly date: MarketDate
  readonly fetchedAtMs: UnixMs
  /** The kept listing that it was made of, relative to the data directory. */
  readonly listing: string
  readonly excluded: Readonly<Record<Exclusion, number>>
  /** Null for the first. */
  readonly since: MarketDate | null
  readonly diff: UniverseDiff
  readonly entries: readonly UniverseEntry[]
}

const NAME = /^(\d{4}-\d{2}-\d{2})\.json$/

/** The dates on which a universe was taken, ascending. */
export function universeDates(dir: string): readonly MarketDate[] {
  return listNames(dir)
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .sort() as MarketDate[]
}

/** The newest, of a date before `before` where one is given; null where there is none. Throws LAKE_NEWER. */
export function readUniverse(dir: string, before?: MarketDate): UniverseFile | null {
  const date = universeDates(dir)
    .filter((known) => before === undefined || known < before)
    .at(-1)
  return date === undefined ? null : parseUniverse(join(dir, `${date}.json`))
}

function parseUniverse(path: string): UniverseFile {
  let file: { readonly schema?: unknown }
  try {
    file = JSON.parse(readTextFile(path)) as { readonly schema?: unknown }
  } catch (error) {
    throw fileError('reading the universe', path, error)
  }
  if (file.schema === 'chandler.universe.v1') return file as UniverseFile
  throw new OperatingError(
    `reading the universe ${path}: its schema is ${JSON.stringify(file.schema)}, which this version does ` +
      'not know; use the version that wrote it, or remove the file: the symbols job makes another',
    { code: 'LAKE_NEWER' },
  )
}

/** Durable when it returns. */
export function writeUniverse(dir: string, universe: UniverseFile): void {
  const temp = join(dir, '.new')
  try {
    makeDir(dir)
    removeDir(temp)
    writeNewFile(temp, Buffer.from(`${JSON.stringify(universe)}\n`))
    renameInto(temp, join(dir, `${universe.date}.json`))
  } catch (error) {
    throw fileError('writing the universe to', dir, error)
  }
}
