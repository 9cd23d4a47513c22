/**
 * What is to be done now? A pure answer from the plan, the records and the time, so that it does not matter
 * how we came to be asked: by the minute, after a night's sleep of the machine, or by a start after a crash.
 * A job that was cut down by a crash has no record, so it is simply due again.
 *
 * One job of a market runs at a time. What came due meanwhile waits, and is missed when its time passes.
 */
import type { ErrorCode } from '../domain/error.ts'
import type { JobRecord, PlannedJob } from '../domain/job.ts'
import type { UnixMs } from '../domain/time.ts'

export type Decision = {
  /** To be begun now; null: nothing. */
  readonly run: PlannedJob | null
  /** Missed and not to be made up for: to be recorded as skipped. */
  readonly skip: readonly PlannedJob[]
  /** When something comes due next, if nothing runs; null: nothing in this plan. */
  readonly nextMs: UnixMs | null
}

/** `plan` in any order; `records` of at least all ids in it that have ended. */
export function decide(
  plan: readonly PlannedJob[],
  records: ReadonlyMap<string, JobRecord>,
  nowMs: UnixMs,
): Decision {
  const open = plan.filter(({ id }) => !records.has(id))
  const skip = open.filter(({ missed, untilMs }) => missed === 'skip' && untilMs <= nowMs)
  const skipped = new Set(skip.map(({ id }) => id))
  const left = open.filter(({ id }) => !skipped.has(id)).toSorted(byDue)
  const waiting = new Set(left.map(({ id }) => id))
  const isReady = ({ after }: PlannedJob): boolean => !after.some((id) => waiting.has(id))
  const due = left.filter(({ dueMs }) => dueMs <= nowMs)
  const later = left.find(({ dueMs }) => dueMs > nowMs)
  return { run: due.find(isReady) ?? null, skip, nextMs: later?.dueMs ?? null }
}

/** Earliest first; what came due together in the order of its names, so that the order never varies. */
function byDue(a: PlannedJob, b: PlannedJob): number {
  return a.dueMs - b.dueMs || a.after.length - b.after.length || (a.id < b.id ? -1 : 1)
}

/** How an exit status of the command is read: 0 did it, 3 was refused by a gate or a halt. */
export function outcomeOf(status: number | null): 'done' | 'refused' | 'failed' {
  if (status === 0) return 'done'
  return status === 3 ? 'refused' : 'failed'
}

/**
 * What the same again cannot mend, and what it makes worse: repeated logins with wrong credentials block the
 * account. A one-time code may be refused for a clock that is being set, so a few times are tried.
 */
const ATTEMPTS_MAX: Readonly<Partial<Record<ErrorCode, number>>> = {
  USAGE: 1,
  CONFIG_INVALID: 1,
  CREDENTIALS_MISSING: 1,
  LOGIN_REFUSED: 1,
  KEY_REFUSED: 1,
  INSTRUMENTS_INVALID: 1,
  CAPACITY_EXCEEDED: 1,
  SYMBOLS_INVALID: 1,
  PROXY_SET_INVALID: 1,
  POLICY_INVALID: 1,
  LAKE_NEWER: 1,
  TOTP_REFUSED: 3,
}

export type JobFailure = {
  readonly status: number | null
  /** What the process said of it before it ended; null: it could not. */
  readonly code: ErrorCode | null
  readonly attemptCount: number
}

const FEW = 3
const AGAIN_BASE_MS = 5_000
const AGAIN_CAP_MS = 300_000
const STATUS_USAGE = 2

/** When to begin a failed job again; null: it is given up. `attemptCount` counts the runs that were begun. */
export function againMs(job: PlannedJob, failure: JobFailure, nowMs: UnixMs): UnixMs | null {
  // Wrong usage stays wrong.
  if (failure.status === STATUS_USAGE) return null
  const attemptsMax = failure.code === null ? undefined : ATTEMPTS_MAX[failure.code]
  if (attemptsMax !== undefined && failure.attemptCount >= attemptsMax) return null
  if (job.again === 'few' && failure.attemptCount >= FEW) return null
  const waitMs = Math.min(AGAIN_CAP_MS, AGAIN_BASE_MS * 2 ** (failure.attemptCount - 1))
  const atMs = (nowMs + waitMs) as UnixMs
  return job.again === 'until' && atMs >= job.untilMs ? null : atMs
}
