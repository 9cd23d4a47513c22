/** How does it stand? Read from lock, journal and lake, without asking the running worker. */
import { existsSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CandleFold } from '../candles/fold.ts'
import { OperatingError } from '../domain/error.ts'
import type { MarketStatus, StatusReport } from '../domain/status.ts'
import type { MarketDate } from '../domain/time.ts'
import { listNames } from '../platform/durable.ts'
import { pathOf } from '../store/lake.ts'
import { readManifest } from '../store/manifest.ts'
import { foldJournal } from './fold-journal.ts'
import { INDIA, indiaCalendar, indiaJournalDir, lockIndia, venue } from './india-day.ts'
import type { IndiaContext } from './vendor.ts'
import { journalDates } from './verify.ts'

export function statusReport(context: IndiaContext): StatusReport {
  const { config, clock } = context
  return {
    schema: 'chandler.status.v1',
    atMs: clock.wallMs(),
    dataDir: config.dataDir,
    markets: { [INDIA]: indiaStatus(context) },
    disk: diskOf(config.dataDir),
  }
}

function indiaStatus(context: IndiaContext): MarketStatus {
  const { config } = context
  const sessionDate = journalDates(config).at(-1) ?? null
  const empty: MarketStatus = {
    sessionDate,
    utcOffsetMs: indiaCalendar(config).utcOffsetMs,
    workerRunning: existsSync(config.dataDir) && isLocked(context),
    feed: null,
    times: { rawDataTimeMs: null, canonicalTruthTime: null, truthEpoch: null, state: null },
    journal: null,
    partCount: 0,
    settled: false,
    gaps: [],
    rejected: {},
    jobs: [],
    queue: null,
  }
  return sessionDate === null ? empty : { ...empty, ...sessionStatus(context, sessionDate) }
}

function sessionStatus(context: IndiaContext, date: MarketDate): Partial<MarketStatus> {
  const { config } = context
  const dir = indiaJournalDir(config, date)
  const fold = new CandleFold({ venue, lateness: 'live' })
  const read = foldJournal(dir, [fold])
  const day = { market: INDIA, date }
  const { entries } = readManifest(config.dataDir, day)
  const segments = listNames(dir).filter((name) => name.includes('.wal'))
  const { accepted: _accepted, ...rejected } = fold.outcomes()
  const range = fold.minuteRange()
  const shardCount = new Set(fold.startFact()?.shards ?? []).size
  return {
    feed: { liveCount: shardCount - fold.openGapCount(), shardCount },
    times: {
      rawDataTimeMs: fold.lastReceivedMs() || null,
      canonicalTruthTime: null,
      truthEpoch: null,
      state: null,
    },
    journal: {
      lastSeq: read.lastSeq,
      sizeBytes: segments.reduce((sum, name) => sum + statSync(join(dir, name)).size, 0),
      segmentCount: segments.length,
    },
    partCount: new Set(entries.filter(({ kind }) => kind === 'part').map(({ path }) => path)).size,
    settled: existsSync(join(config.dataDir, pathOf({ kind: 'day', day }))),
    gaps: fold.gaps().filter(({ fromMs, toMs }) => {
      return fromMs < range.to * 60_000 && (toMs === null || toMs > range.from * 60_000)
    }),
    rejected,
  }
}

/** Tries the lock and gives it back: a kernel lock has no file to look at. */
function isLocked({ config }: IndiaContext): boolean {
  if (!existsSync(join(config.dataDir, '.lock'))) return false
  try {
    lockIndia(config).release()
    return false
  } catch (error) {
    if (error instanceof OperatingError && error.code === 'LOCK_HELD') return true
    throw error
  }
}

function diskOf(dir: string): StatusReport['disk'] {
  if (!existsSync(dir)) return null
  const { bsize, bavail, blocks } = statfsSync(dir)
  return { freeBytes: bsize * bavail, totalBytes: bsize * blocks }
}
