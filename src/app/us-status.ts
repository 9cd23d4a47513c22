/**
 * How does the US market stand? Read from its jobs' state without its lock: a job that runs meanwhile may be
 * seen half way, and is not disturbed. A lake in which no job ever ran has nothing to say of this market.
 */
import { existsSync } from 'node:fs'
import { readPermitStatus } from '../batch/permits.ts'
import { readRetryQueue } from '../batch/retry-queue.ts'
import type { Config } from '../config.ts'
import type { MarketStatus } from '../domain/status.ts'
import type { Clock } from '../platform/clock.ts'
import { lastRuns } from './batch-runs.ts'
import { isLockHeld } from './lock-held.ts'
import { doneSession, US, usCalendar, usJobsDir, usLockDir } from './us-market.ts'

export type UsStatusContext = { readonly config: Config; readonly clock: Clock }

/** By the market's name, to be laid beside the others; empty where no job ever ran. */
export function usStatus(context: UsStatusContext): Readonly<Record<string, MarketStatus>> {
  const { config, clock } = context
  const jobsDir = usJobsDir(config)
  if (!existsSync(jobsDir)) return {}
  const calendar = usCalendar(config)
  const { zone } = calendar
  const queue = readRetryQueue(jobsDir)
  const permits = readPermitStatus({ jobsDir, limits: config.markets.us.batch, zone, clock })
  const workerRunning = isLockHeld(usLockDir(config), US)
  const status: MarketStatus = {
    ...noUsJobs(context),
    sessionDate: doneSession(calendar, clock.wallMs()).date,
    workerRunning,
    jobs: lastRuns(jobsDir),
    queue: {
      waitingCount: queue.waiting,
      runningCount: workerRunning ? 1 : 0,
      failedCount: 0,
      parkedCount: queue.parked,
    },
    permits: { date: permits.date, takenCount: permits.takenToday, leftCount: permits.leftToday },
  }
  return { [US]: status }
}

/** A market in which no job ever ran, for a screen that shows it all the same. */
export function noUsJobs({ config, clock }: UsStatusContext): MarketStatus {
  return {
    sessionDate: null,
    utcOffsetMs: usCalendar(config).zone.offsetMs(clock.wallMs()),
    workerRunning: false,
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
}
