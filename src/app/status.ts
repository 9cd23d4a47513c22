/**
 * How does it stand? Read from lock, journal and lake, without asking the running worker. Whoever looks again
 * and again keeps the readings, and each look then costs what was journalled since the one before.
 */
import { existsSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import type { MarketStatus, StatusReport } from '../domain/status.ts'
import type { MarketDate } from '../domain/time.ts'
import { pathOf } from '../store/lake.ts'
import { readManifest } from '../store/manifest.ts'
import { INDIA, indiaCalendar, indiaJournalDir, lockDir } from './india-day.ts'
import { isLockHeld } from './lock-held.ts'
import { DayReading } from './status-day.ts'
import { withTruth } from './truth-status.ts'
import { usStatus } from './us-status.ts'
import type { IndiaContext } from './vendor.ts'
import { journalDates } from './verify.ts'

/** The one day that is looked at; a new session takes the place of the one before. */
export type DayReadings = Map<MarketDate, DayReading>

export function statusReport(context: IndiaContext): StatusReport {
  const { config, clock } = context
  return {
    schema: 'chandler.status.v1',
    atMs: clock.wallMs(),
    dataDir: config.dataDir,
    markets: withTruth(context, { [INDIA]: indiaStatus(context, new Map()), ...usStatus(context) }),
    disk: diskOf(config.dataDir),
  }
}

/** Without CTT and TE. */
export function indiaStatus(context: IndiaContext, readings: DayReadings): MarketStatus {
  const { config } = context
  const sessionDate = journalDates(config).at(-1) ?? null
  const empty: MarketStatus = {
    sessionDate,
    utcOffsetMs: indiaCalendar(config).zone.offsetMs(context.clock.wallMs()),
    workerRunning: isLockHeld(lockDir(config.dataDir), INDIA),
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
  return sessionDate === null ? empty : { ...empty, ...sessionStatus(context, sessionDate, readings) }
}

function sessionStatus(
  { config }: IndiaContext,
  date: MarketDate,
  readings: DayReadings,
): Partial<MarketStatus> {
  const reading = readings.get(date) ?? new DayReading(indiaJournalDir(config, date), date)
  readings.clear()
  readings.set(date, reading)
  const { fold, lastSeq, sizeBytes, segmentCount } = reading.look()
  const day = { market: INDIA, date }
  const { entries } = readManifest(config.dataDir, day)
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
    journal: { lastSeq, sizeBytes, segmentCount },
    partCount: new Set(entries.filter(({ kind }) => kind === 'part').map(({ path }) => path)).size,
    settled: existsSync(join(config.dataDir, pathOf({ kind: 'day', day }))),
    gaps: fold.gaps().filter(({ fromMs, toMs }) => {
      return fromMs < range.to * 60_000 && (toMs === null || toMs > range.from * 60_000)
    }),
    rejected,
  }
}

export function diskOf(dir: string): StatusReport['disk'] {
  if (!existsSync(dir)) return null
  const { bsize, bavail, blocks } = statfsSync(dir)
  return { freeBytes: bsize * bavail, totalBytes: bsize * blocks }
}
