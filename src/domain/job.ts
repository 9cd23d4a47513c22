/**
 * What is to be run, when, and what if nobody was awake then? A planned job is a value: the same session
 * always plans the same jobs under the same ids, so a record of an id is all that is needed to run each once.
 */
import type { ErrorCode } from './error.ts'
import type { MarketDate, UnixMs } from './time.ts'

export type PlannedJob = {
  /** `settle@2026-07-01`, `intraday@2026-07-01T11:30`. */
  readonly id: string
  readonly name: string
  readonly session: MarketDate
  readonly dueMs: UnixMs
  /** A run that has not begun by then was missed; a run that keeps failing is given up then. */
  readonly untilMs: UnixMs
  /**
   * What becomes of a missed one. `run`: once, as soon as somebody is awake. `skip`: never, and that is
   * said.
   */
  readonly missed: 'run' | 'skip'
  /** Ids that must have ended before, however they ended: each job judges its own evidence. */
  readonly after: readonly string[]
  /** A run that fails is begun again: `until` it is too late, or a `few` times. */
  readonly again: 'until' | 'few'
  /** Arguments of the chandler command. */
  readonly args: readonly string[]
}

/** What the process of a job says of its failure to the one that started it, before it ends. */
export type FailureNews = { readonly kind: 'failure'; readonly code: ErrorCode }

export function isFailureNews(value: unknown): value is FailureNews {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'failure'
}

/** `refused`: a gate or a halt said no, which is an answer and not a failure. */
export type JobOutcome = 'done' | 'refused' | 'failed' | 'skipped'

/** As the chain keeps it, in an event of type `job.run`. */
export type JobRecord = {
  readonly id: string
  readonly outcome: JobOutcome
  /** How often it was begun. */
  readonly attemptCount: number
  /** One line for people. */
  readonly says: string
}
