/**
 * How did a batch job end? One record for the operator, for `--json` and for the chain. A job is `partial`
 * when permits ran out, or answers lack the session yet, and `stopped` when it was asked to stop: these
 * go on next time and are no failure. It
 * `failed` when more of its symbols failed than the configured share, or nothing could be asked at all.
 */
import type { BatchRefusalKind } from '../domain/batch.ts'
import type { AppendEvent, EventPayload, Json } from '../domain/event.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'

export const BATCH_JOBS = ['symbols', 'daily', 'intraday', 'retry', 'backfill'] as const
export type BatchJob = (typeof BATCH_JOBS)[number]

export type BatchEnd = 'done' | 'partial' | 'stopped' | 'failed'

export type BatchOutcome = {
  readonly schema: 'chandler.batch.v1'
  readonly job: BatchJob
  readonly market: 'us'
  readonly outcome: BatchEnd
  /** The last session that is over, which the job was about. */
  readonly session: MarketDate
  readonly symbolCount: number
  /** Requests that were sent, those that were refused among them. */
  readonly askedCount: number
  /** Answers that were kept. */
  readonly keptCount: number
  /** Symbols that have all that the job wants: kept before and now. */
  readonly completeCount: number
  /** Symbols that were answered without the session's candle: the vendor is late, or nobody traded. */
  readonly withoutSessionCount: number
  /** Symbols that failed, by the kind of their last refusal. */
  readonly failed: Readonly<Partial<Record<BatchRefusalKind, number>>>
  readonly failedCount: number
  /** Symbols that there was no permit, or no time, to ask for. */
  readonly unaskedCount: number
  /** The queue as the job leaves it. */
  readonly queuedCount: number
  readonly parkedCount: number
  /** Of the market's clock. */
  readonly seconds: number
  /** Of the vendor's day. */
  readonly permitsLeft: number
  /** What else is to be told of this kind of job: the diff of a universe, rows of a curation. */
  readonly details: EventPayload
  /** One line for people. */
  readonly says: string
}

export type EventSource = {
  readonly append: AppendEvent
  readonly atMs: UnixMs
}

const ACTOR = 'system:batch'

export function recordJobRun({ append, atMs }: EventSource, outcome: BatchOutcome): void {
  const { schema: _schema, market: _market, ...payload } = outcome
  append({ type: 'job.run', atMs, actor: ACTOR, payload: payload as unknown as EventPayload })
}

/** A job that ended by an error before there was an outcome. */
export function recordJobFailure(source: EventSource, job: BatchJob, says: string): void {
  const payload = { job, outcome: 'failed', says }
  source.append({ type: 'job.run', atMs: source.atMs, actor: ACTOR, payload })
}

export type AlertText = { readonly id: string; readonly text: string; readonly details?: Json }

export function raiseAlert({ append, atMs }: EventSource, { id, text, details = {} }: AlertText): void {
  append({
    type: 'alert.raised',
    atMs,
    actor: ACTOR,
    payload: { id, severity: 'critical', text, details },
  })
}

/** Several lines; the first says it all. */
export function renderBatchOutcome(outcome: BatchOutcome): string {
  const { failedCount, queuedCount, parkedCount, permitsLeft, unaskedCount } = outcome
  const count = (value: number): string => value.toLocaleString('en-US')
  const kinds = Object.entries(outcome.failed).map(([kind, symbols]) => `${kind} ${count(symbols)}`)
  const lines = [
    `${outcome.job} ${outcome.market} ${outcome.session}: ${outcome.outcome}; ${outcome.says}`,
    `  symbols   ${count(outcome.completeCount)} of ${count(outcome.symbolCount)} complete` +
      (unaskedCount === 0 ? '' : `, ${count(unaskedCount)} not asked`),
    `  requests  ${count(outcome.askedCount)} asked, ${count(outcome.keptCount)} answers kept, ` +
      `${outcome.seconds.toFixed(1)} s`,
    `  failed    ${count(failedCount)}${kinds.length === 0 ? '' : ` (${kinds.join(', ')})`}`,
    `  queue     ${count(queuedCount)} waiting, ${count(parkedCount)} parked`,
    `  permits   ${count(permitsLeft)} left today`,
  ]
  return lines.join('\n')
}
