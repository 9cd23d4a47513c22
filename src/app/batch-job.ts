/**
 * What has every batch job in common? Open, ask, curate what was kept, tell the chain how it went. A job
 * that was stopped leaves the curating to the next one: what it kept is safe, and whoever stops a job does
 * not want to wait for it.
 */

import { listRawAnswers, readRawAnswer } from '../batch/raw-answers.ts'
import { isSession } from '../calendars/calendar.ts'
import { isFinal } from '../calendars/finality.ts'
import { type CurationReport, curate } from '../curation/curate.ts'
import { messageOf, OperatingError } from '../domain/error.ts'
import type { EventPayload } from '../domain/event.ts'
import { SECOND_MS, type UnixMs } from '../domain/time.ts'
import {
  type BatchEnd,
  type BatchJob,
  type BatchOutcome,
  raiseAlert,
  recordJobFailure,
  recordJobRun,
} from './batch-outcome.ts'
import { type BatchRun, type EarlyEnd, failedByKind, type SymbolWork } from './batch-run.ts'
import { type LastRun, writeLastRun } from './batch-runs.ts'
import { openUsDesk, settleKnown, type UsContext, type UsDesk } from './us-desk.ts'
import { US, usVenue } from './us-market.ts'

/** What a job has done when it comes to its end. */
export type JobWork = {
  readonly run: BatchRun
  readonly works: readonly SymbolWork[]
  /** Said in place of what can be said of every job. */
  readonly says?: string
  readonly details?: EventPayload
  /** Symbols that the job is for and that it did not ask for, because they are parked. */
  readonly parkedCount?: number
}

export type JobRules = {
  readonly job: BatchJob
  /** Whether too many failures raise an alert; they make the job a failed one in any case. */
  readonly alerts: boolean
}

/** Ends with an outcome, also with a failed one. Throws where the job could not be done at all. */
export async function runBatchJob(
  context: UsContext,
  rules: JobRules,
  work: (desk: UsDesk) => Promise<JobWork>,
): Promise<BatchOutcome> {
  const startedMs = context.clock.monoMs()
  const desk = openUsDesk(context)
  try {
    const done = await work(desk)
    const isStopped = done.run.earlyEnd?.kind === 'stopped'
    const curation = isStopped ? null : await curateUs(desk)
    const outcome = outcomeOf(desk, rules, done, curation, context.clock.monoMs() - startedMs)
    if (outcome.outcome === 'failed' && rules.alerts) alertOf(desk, outcome)
    recordJobRun(eventSource(desk), outcome)
    noteRun(desk, outcome)
    return outcome
  } catch (error) {
    tellChain(desk, rules.job, error)
    throw error
  } finally {
    desk.close()
  }
}

/** Brings the lake up to what was kept; the caller holds the lock. */
export async function curateUs(desk: UsDesk): Promise<CurationReport> {
  const { context, calendar } = desk
  const { dataDir } = context.config
  const { zone } = calendar
  return await curate({
    dataDir,
    market: US,
    venue: usVenue,
    answers: listRawAnswers(dataDir, zone).answers,
    readBody: (answer) => readRawAnswer(dataDir, answer),
    zone,
    isSession: (date) => isSession(calendar.sessionOn(date)),
    isFinal: (date, fetchedAtMs) => isFinal(calendar, date, fetchedAtMs),
    log: context.log,
  })
}

function outcomeOf(
  desk: UsDesk,
  { job }: JobRules,
  { run, works, says, details = {}, parkedCount = 0 }: JobWork,
  curation: CurationReport | null,
  tookMs: number,
): BatchOutcome {
  settleKnown(desk.queue, desk.known)
  const queue = desk.queue.counts()
  const end = endOf(desk, run, works, parkedCount)
  return {
    schema: 'chandler.batch.v1',
    job,
    market: US,
    outcome: end.outcome,
    session: desk.session.date,
    symbolCount: works.length,
    askedCount: run.askedCount,
    keptCount: run.keptCount,
    completeCount: run.completeCount,
    withoutSessionCount: run.withoutSession.length,
    failed: failedByKind(run),
    failedCount: run.failed.size,
    unaskedCount: run.unaskedCount(works),
    queuedCount: queue.waiting,
    parkedCount: queue.parked,
    seconds: Math.round(tookMs) / SECOND_MS,
    permitsLeft: desk.permits.status().leftToday,
    details: { ...details, ...(curation === null ? {} : { curation: curationFacts(curation) }) },
    says: desk.context.scrubber.scrub(run.earlyEnd === null ? (says ?? end.says) : end.says),
  }
}

function curationFacts({ candles, findings, restatementCount }: CurationReport): EventPayload {
  const { newCount, restatedCount } = candles
  return { newCount, restatedCount, restatementCount, findings: { ...findings } }
}

type JobEnd = { readonly outcome: BatchEnd; readonly says: string }

function endOf(desk: UsDesk, run: BatchRun, works: readonly SymbolWork[], parkedCount: number): JobEnd {
  if (run.earlyEnd !== null) return earlyEndOf(run.earlyEnd, run.unaskedCount(works))
  const { size: failedCount } = run.failed
  const { alertFailedRatio } = desk.context.config.markets.us.batch
  const wantedCount = works.length + parkedCount
  const isFailed = failedCount + parkedCount > alertFailedRatio * wantedCount
  const outcome = isFailed ? 'failed' : run.withoutSession.length > 0 ? 'partial' : 'done'
  const says = withoutSessionWords(run.withoutSession, works.length)
  if (failedCount > 0) {
    const [symbol, { kind, message }] = [...run.failed][0]!
    says.push(`${failedCount} of ${wantedCount} symbols failed (${symbol}: ${kind}, ${message})`)
  }
  if (parkedCount > 0) {
    const parked = `${parkedCount} of ${wantedCount} symbols ${parkedCount === 1 ? 'is' : 'are'} parked`
    says.push(`${parked} (take them out of the list, or chandler backfill --symbols asks for them again)`)
  }
  return says.length > 0
    ? { outcome, says: says.join('; ') }
    : { outcome, says: `all ${works.length} symbols are complete` }
}

const NAMED_MAX = 5

function withoutSessionWords(symbols: readonly string[], askedCount: number): string[] {
  if (symbols.length === 0) return []
  const count = (value: number): string => value.toLocaleString('en-US')
  const names = [...symbols.slice(0, NAMED_MAX), ...(symbols.length > NAMED_MAX ? ['…'] : [])].join(', ')
  const have = symbols.length === 1 ? 'does' : 'do'
  return [
    `${count(symbols.length)} of ${count(askedCount)} answers ${have} not have the session yet: ${names}`,
  ]
}

function earlyEndOf(end: EarlyEnd, unaskedCount: number): JobEnd {
  const left = `${unaskedCount} symbols are left`
  switch (end.kind) {
    case 'stopped':
      return { outcome: 'stopped', says: `stopped; ${left}, the next run goes on with them` }
    case 'spent': {
      const until = end.untilMs === null ? 'tomorrow' : `after ${isoOf(end.untilMs)}`
      return { outcome: 'partial', says: `the permits of the day are spent; ${left}, run it again ${until}` }
    }
    case 'not_entitled':
      return { outcome: 'partial', says: `the key is not entitled (${end.message}); ${left}` }
    case 'outage':
      return { outcome: 'failed', says: `the vendor does not answer (${end.message}); ${left}` }
  }
}

function isoOf(atMs: UnixMs): string {
  return new Date(atMs).toISOString()
}

function eventSource(desk: UsDesk): { readonly append: UsDesk['append']; readonly atMs: UnixMs } {
  return { append: desk.append, atMs: desk.context.clock.wallMs() }
}

function alertOf(desk: UsDesk, { job, session, says, failed, failedCount, symbolCount }: BatchOutcome): void {
  raiseAlert(eventSource(desk), {
    id: `batch-${job}-${session}`,
    text: `batch ${job} of ${session}: ${says}`,
    details: { failed: { ...failed }, failedCount, symbolCount },
  })
}

function noteRun(desk: UsDesk, { job, outcome, says }: Pick<LastRun, 'job' | 'outcome' | 'says'>): void {
  writeLastRun(desk.jobsDir, { job, outcome, says, endedMs: desk.context.clock.wallMs() })
}

/** The chain learns of a failure too, unless it is the chain that failed. */
function tellChain(desk: UsDesk, job: BatchJob, error: unknown): void {
  if (!(error instanceof OperatingError)) return
  const says = desk.context.scrubber.scrub(error.message)
  try {
    recordJobFailure(eventSource(desk), job, says)
    noteRun(desk, { job, outcome: 'failed', says })
  } catch (chainError) {
    desk.context.log.error('the chain could not be told', { job, why: messageOf(chainError) })
  }
}
