/**
 * What did the day leave behind that nobody owns? Temporary files, bytes that were set aside because they
 * could not be trusted, Parquet files that no manifest lists, and wishes that were given up. Everything is
 * named and nothing is touched: what was set aside is evidence.
 */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readRetryQueue } from '../batch/retry-queue.ts'
import type { Config } from '../config.ts'
import type { MarketDate } from '../domain/time.ts'
import { listNames } from '../platform/durable.ts'
import { journalDir, momentumDir, partsDir, settledDir, tempDir } from '../store/lake.ts'
import { entriesByPath, readManifest } from '../store/manifest.ts'
import { chainDir } from './chain.ts'
import { INDIA } from './india-day.ts'
import type { Market } from './truth-market.ts'
import { usJobsDir } from './us-market.ts'

export type OrphanKind = 'temporary' | 'set aside' | 'failed segment' | 'unlisted' | 'parked'

export type Orphan = {
  readonly kind: OrphanKind
  /** Relative to the data directory; for a wish its words. */
  readonly name: string
}

export function orphansOf(config: Config, market: Market, session: MarketDate): readonly Orphan[] {
  const { dataDir } = config
  const day = { market, date: session }
  const found = [
    ...filesUnder(dataDir, tempDir(market)).map((name) => orphan('temporary', name)),
    ...torn(dataDir, chainDir('', market), session),
  ]
  if (market !== INDIA) return [...found, ...parkedWishes(config)]
  const journal = journalDir(day)
  return [
    ...found,
    ...namesIn(dataDir, journal).flatMap(journalOrphan),
    ...unlisted(dataDir, [partsDir(day), momentumDir(day), settledDir(day)], listedOn(dataDir, session)),
  ]
}

function orphan(kind: OrphanKind, name: string): Orphan {
  return { kind, name }
}

/** Names with their folder, in order. */
function namesIn(dataDir: string, folder: string): readonly string[] {
  return listNames(join(dataDir, folder))
    .map((name) => join(folder, name))
    .toSorted()
}

/** Folders that work is done in stay; what lies in them does not. */
function filesUnder(dataDir: string, folder: string): readonly string[] {
  return namesIn(dataDir, folder).flatMap((path) =>
    statSync(join(dataDir, path)).isDirectory() ? filesUnder(dataDir, path) : [path],
  )
}

/** What `journal/quarantine.ts` and `journal/writer.ts` leave beside the segments. */
function journalOrphan(path: string): readonly Orphan[] {
  if (path.endsWith('.poison')) return [orphan('failed segment', path)]
  if (path.endsWith('.tmp')) return [orphan('temporary', path)]
  return /\.wal(\.zst)?\.[a-z]+-[0-9a-f]{8}$/.test(path) ? [orphan('set aside', path)] : []
}

/** Tails of the chain that were set aside on the day; those of other days were seen then. */
function torn(dataDir: string, folder: string, session: MarketDate): readonly Orphan[] {
  const stamp = `.torn-${session.replaceAll('-', '')}`
  return namesIn(dataDir, folder)
    .filter((path) => path.includes(stamp))
    .map((path) => orphan('set aside', path))
}

function listedOn(dataDir: string, date: MarketDate): ReadonlySet<string> {
  return new Set(entriesByPath(readManifest(dataDir, { market: INDIA, date })).keys())
}

function unlisted(
  dataDir: string,
  folders: readonly string[],
  listed: ReadonlySet<string>,
): readonly Orphan[] {
  return folders
    .flatMap((folder) => namesIn(dataDir, folder))
    .filter((path) => path.endsWith('.parquet') && !listed.has(path))
    .map((path) => orphan('unlisted', path))
}

function parkedWishes(config: Config): readonly Orphan[] {
  const jobsDir = usJobsDir(config)
  if (!existsSync(jobsDir)) return []
  return readRetryQueue(jobsDir)
    .items.filter(({ nextMs }) => nextMs === null)
    .map(({ wish, message }) => orphan('parked', `${wish.symbol} ${wish.function}: ${message}`))
}
