/**
 * Which backfill is this, and what of it is done? The plan says what was to be asked and since when answers
 * count for it; done is what is kept, so no list of finished symbols can disagree with the files. The same
 * command finds its own plan again, for as many days as it takes; a plan of the universe keeps the symbols it
 * began with. A finished plan is begun anew when there is a newer session to know.
 *
 *     jobs/us/backfills/2026-05-15-3fa2c01d9b7e.json
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { OperatingError } from '../domain/error.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'
import { fileError, listNames, makeDir, removeDir, renameInto, writeNewFile } from '../platform/durable.ts'
import { readTextFile } from '../platform/text-file.ts'
import type { DoneSession } from './us-market.ts'

const SCHEMA = 'chandler.backfill.v1'

export type BackfillPlan = {
  readonly schema: typeof SCHEMA
  /** `<session>-<what was asked for>`. */
  readonly id: string
  /** The last session that was over when it began. */
  readonly session: MarketDate
  readonly startedMs: UnixMs
  /** Kept answers that are not older count for it. */
  readonly sinceMs: UnixMs
  readonly symbols: readonly string[]
  /** Null as long as a symbol is neither complete nor failed. */
  readonly endedMs: UnixMs | null
}

export type BackfillScope = {
  readonly symbols: readonly string[]
  /** A universe changes weekly, and its plan may take a year: it is known by its origin alone. */
  readonly origin: 'list' | 'universe'
  /** Asks also for what other jobs have kept since the session. */
  readonly full: boolean
}

/** The plan that the scope has, or a new one, durable. Throws LAKE_NEWER, DIR_UNUSABLE. */
export function planBackfill(
  dir: string,
  scope: BackfillScope,
  session: DoneSession,
  nowMs: UnixMs,
): BackfillPlan {
  const what = digestOf(scope)
  const known = readPlans(dir).filter(({ id }) => id.endsWith(`-${what}`))
  const open = known.findLast(({ endedMs }) => endedMs === null)
  if (open !== undefined) return open
  const same = known.find((plan) => plan.session === session.date)
  if (same !== undefined) return same
  const plan: BackfillPlan = {
    schema: SCHEMA,
    id: `${session.date}-${what}`,
    session: session.date,
    startedMs: nowMs,
    sinceMs: scope.full ? nowMs : session.finalMs,
    symbols: scope.symbols,
    endedMs: null,
  }
  writePlan(dir, plan)
  return plan
}

/** Durable when it returns. */
export function endBackfill(dir: string, plan: BackfillPlan, nowMs: UnixMs): void {
  if (plan.endedMs === null) writePlan(dir, { ...plan, endedMs: nowMs })
}

function digestOf({ symbols, origin, full }: BackfillScope): string {
  const of = JSON.stringify([origin, full, origin === 'universe' ? [] : symbols.toSorted()])
  return createHash('sha256').update(of).digest('hex').slice(0, 12)
}

function readPlans(dir: string): readonly BackfillPlan[] {
  return listNames(dir)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => readPlan(join(dir, name)))
}

function readPlan(path: string): BackfillPlan {
  let plan: { readonly schema?: unknown }
  try {
    plan = JSON.parse(readTextFile(path)) as { readonly schema?: unknown }
  } catch (error) {
    throw fileError('reading the plan', path, error)
  }
  if (plan.schema === SCHEMA) return plan as BackfillPlan
  throw new OperatingError(
    `reading the plan ${path}: its schema is ${JSON.stringify(plan.schema)}, which this version does not ` +
      'know; use the version that wrote it',
    { code: 'LAKE_NEWER' },
  )
}

function writePlan(dir: string, plan: BackfillPlan): void {
  const temp = join(dir, '.new')
  try {
    makeDir(dir)
    removeDir(temp)
    writeNewFile(temp, Buffer.from(`${JSON.stringify(plan)}\n`))
    renameInto(temp, join(dir, `${plan.id}.json`))
  } catch (error) {
    throw fileError('writing the plan to', dir, error)
  }
}
