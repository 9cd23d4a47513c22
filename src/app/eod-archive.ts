/**
 * How does a day get off this disk, and only then out of it? Three folders of a session (journal, settled
 * day, events, without the key that signs checkpoints) are copied into `<archive>/<market>/<session>/`,
 * laid out as in the data directory, and a list with the digest of every file is written last: an archive
 * without its list is a copy that was cut short, and the next run begins it anew. Digests are taken from
 * the source, for Parquet compared with the manifest, and then from the copy as it is read back.
 *
 * An archive is never changed. A session that was settled again since gets another one, `<session>.2`, and
 * so on.
 *
 * Journals may be retired: `retire` deletes those of sessions that CTT covers and whose newest archive still
 * reads back as its list says, with the journal as it is now in it. That it will is an event of the chain
 * before the first file goes, with the digest of the list, so that a kill half way leaves a lake which says
 * what happened. Candles, reports and events are never deleted.
 */
import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../config.ts'
import { OperatingError, systemCodeOf } from '../domain/error.ts'
import type { MarketDate } from '../domain/time.ts'
import {
  fileError,
  listNames,
  makeDir,
  removeDir,
  renameInto,
  syncDir,
  writeNewFile,
} from '../platform/durable.ts'
import { journalDir, type LakeDay, manifestPath, pathOf } from '../store/lake.ts'
import { entriesByPath, readManifest } from '../store/manifest.ts'
import { chainDir } from './chain.ts'
import { INDIA } from './india-day.ts'
import type { Market } from './truth-market.ts'

export type ArchivedFile = { readonly path: string; readonly sizeBytes: number; readonly sha256: string }

export type ArchiveList = {
  readonly schema: 'chandler.archive.v1'
  readonly market: string
  readonly session: MarketDate
  readonly files: readonly ArchivedFile[]
}

export type Archived = {
  /** Where the archive of the session lies. */
  readonly dir: string
  readonly list: ArchiveList
  readonly listSha256: string
  /** False where the same archive was there already; it was read back. */
  readonly isNew: boolean
}

const LIST_NAME = 'archive.json'
const BUFFER_BYTES = 1_048_576

/** The caller sees to it that nobody writes the session. Throws DIR_UNUSABLE, DISK_FULL, VERIFY_FAILED. */
export function archiveSession(
  config: Config,
  market: Market,
  session: MarketDate,
  archive: string,
): Archived {
  const files = sessionFiles(config, market, session)
  const list: ArchiveList = { schema: 'chandler.archive.v1', market, session, files }
  const known = newestArchive(archive, market, session)
  if (known !== null && dataOf(known.list) === dataOf(list)) {
    readBack(known)
    return { ...known, isNew: false }
  }
  return copyAll(config, freeDir(archive, market, session), list)
}

/** The chain grows every day, also by the checklist that is signed after this: it makes no new archive. */
function dataOf({ files }: ArchiveList): string {
  return JSON.stringify(files.filter(({ path }) => !path.startsWith('events/')))
}

/**
 * What belongs to the session, with digests. Throws VERIFY_FAILED where a file is not what the manifest
 * says.
 */
export function sessionFiles(config: Config, market: Market, session: MarketDate): readonly ArchivedFile[] {
  const { dataDir } = config
  return pathsOf(dataDir, market, session).map((path) => {
    const file = { path, ...digestOf(join(dataDir, path)) }
    refuseChanged(dataDir, { market, date: session }, file)
    return file
  })
}

function pathsOf(dataDir: string, market: Market, session: MarketDate): readonly string[] {
  const day: LakeDay = { market, date: session }
  const within = (folder: string): readonly string[] =>
    listNames(join(dataDir, folder)).map((name) => `${folder}/${name}`)
  const data =
    market === INDIA
      ? [
          ...within(journalDir(day)),
          manifestPath(day),
          pathOf({ kind: 'day', day }),
          pathOf({ kind: 'report', day }),
        ]
      : within(`raw/${market}/${session}`)
  const events = within(chainDir('', market)).filter((path) => !/\.(lock|key)$/.test(path))
  return [...data, ...events].filter((path) => isFile(join(dataDir, path))).toSorted()
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

function refuseChanged(dataDir: string, day: LakeDay, { path, sha256 }: ArchivedFile): void {
  if (day.market !== INDIA || !path.startsWith('analytics/')) return
  const listed = entriesByPath(readManifest(dataDir, day)).get(path)?.sha256
  if (listed === sha256) return
  throw new OperatingError(
    `archiving ${path}: it is not what the manifest lists; nothing was archived, run chandler verify`,
    { code: 'VERIFY_FAILED' },
  )
}

/** The newest whole archive of a session; null: there is none. */
export function newestArchive(
  archive: string,
  market: Market,
  session: MarketDate,
): Omit<Archived, 'isNew'> | null {
  const root = join(archive, market)
  const names = listNames(root).filter((name) => generationOf(name, session) > 0)
  for (const name of names.toSorted((a, b) => generationOf(b, session) - generationOf(a, session))) {
    const dir = join(root, name)
    const text = textOf(join(dir, LIST_NAME))
    if (text === null) continue
    const listSha256 = createHash('sha256').update(text).digest('hex')
    return { dir, list: JSON.parse(text) as ArchiveList, listSha256 }
  }
  return null
}

/** `2026-07-01` is 1, `2026-07-01.2` is 2; 0 for what is no archive of the session. */
function generationOf(name: string, session: MarketDate): number {
  if (name === session) return 1
  const match = /^(.+)\.(\d+)$/.exec(name)
  return match?.[1] === session ? Number(match[2]) : 0
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw fileError('reading the archive', path, error)
  }
}

function freeDir(archive: string, market: Market, session: MarketDate): string {
  const root = join(archive, market)
  const taken = listNames(root).filter((name) => textOf(join(root, name, LIST_NAME)) !== null)
  const next = Math.max(0, ...taken.map((name) => generationOf(name, session))) + 1
  return join(root, next === 1 ? session : `${session}.${next}`)
}

function copyAll(config: Config, dir: string, list: ArchiveList): Archived {
  try {
    // What stands there has no list: a run before this one was cut short.
    removeDir(dir)
    for (const file of list.files) copyFile(join(config.dataDir, file.path), join(dir, file.path))
    const text = `${JSON.stringify(list, null, 1)}\n`
    const listSha256 = createHash('sha256').update(text).digest('hex')
    readBack({ dir, list })
    const temp = join(dir, `${LIST_NAME}.tmp`)
    writeNewFile(temp, Buffer.from(text))
    renameInto(temp, join(dir, LIST_NAME))
    return { dir, list, listSha256, isNew: true }
  } catch (error) {
    throw error instanceof OperatingError ? error : fileError('archiving into', dir, error)
  }
}

function copyFile(from: string, to: string): void {
  makeDir(dirname(to))
  writeNewFile(to, readFileSync(from))
  syncDir(dirname(to))
}

/** Throws VERIFY_FAILED at the first file of the archive that is not what its list says. */
export function readBack({ dir, list }: Pick<Archived, 'dir' | 'list'>): void {
  for (const { path, sha256, sizeBytes } of list.files) {
    const copy = join(dir, path)
    const found = isFile(copy) ? digestOf(copy) : null
    if (found?.sha256 === sha256 && found.sizeBytes === sizeBytes) continue
    throw new OperatingError(
      `reading the archive back: ${copy} is ${found === null ? 'missing' : 'not what its list says'}; ` +
        'nothing was deleted, look at the disk of the archive',
      { code: 'VERIFY_FAILED' },
    )
  }
}

function digestOf(path: string): { readonly sizeBytes: number; readonly sha256: string } {
  const fd = openSync(path, 'r')
  try {
    const digest = createHash('sha256')
    const buffer = Buffer.alloc(BUFFER_BYTES)
    let sizeBytes = 0
    for (;;) {
      const length = readSync(fd, buffer, 0, BUFFER_BYTES, null)
      if (length === 0) return { sizeBytes, sha256: digest.digest('hex') }
      digest.update(buffer.subarray(0, length))
      sizeBytes += length
    }
  } finally {
    closeSync(fd)
  }
}
