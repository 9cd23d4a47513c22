/**
 * What were the minutes that we did not see? Fetches the vendor's 1-minute history at the vendor's pace,
 * after a restart and at settle. The answers are handed on verbatim as facts, so that a later replay reads
 * what was read today; a piece that cannot be had is named in the result and spoils no other.
 */
import { OperatingError } from '../domain/error.ts'
import type { Fact } from '../domain/fact.ts'
import type { Instrument } from '../domain/instrument.ts'
import { DAY_MS, type UnixMs } from '../domain/time.ts'
import type { Credentials, Refusal, StreamVenue } from '../domain/venue.ts'
import { type PacedOptions, PacedRequests } from './paced.ts'

/** The minutes that start in [fromMs, toMs), wished for one instrument. */
export type HistoryWish = {
  readonly instrument: Instrument
  readonly fromMs: UnixMs
  readonly toMs: UnixMs
}

export type HistoryFailure = HistoryWish & { readonly refusal: Refusal }

export type HistoryResult = {
  /** Requests that were answered; a wish may need several. */
  readonly fetchedCount: number
  readonly failed: readonly HistoryFailure[]
}

export type HistoryFact = Extract<Fact, { kind: 'history' }>

export type HistoryOptions = Omit<PacedOptions, 'name' | 'intervalMs'> & {
  readonly venue: StreamVenue
  readonly credentials: Credentials
  /** Called in the order of the wishes. */
  readonly onFact: (fact: HistoryFact) => void
  readonly onProgress?: (doneCount: number, totalCount: number) => void
}

/**
 * Resolves with what failed; rejects as `TokenSource.take` does (a refused login makes every further
 * request pointless), or with the reason of `signal`. Facts that were handed on stay.
 */
export async function fetchHistory(
  wishes: readonly HistoryWish[],
  options: HistoryOptions,
): Promise<HistoryResult> {
  const { venue, credentials, clock, log, onFact } = options
  const intervalMs = venue.limits.historyIntervalMs
  const requests = new PacedRequests({ ...options, name: 'history', intervalMs })
  const pieces = wishes.flatMap((wish) => piecesOf(wish, venue.limits.historyDaysMax))
  const failed: HistoryFailure[] = []
  let doneCount = 0
  for (const { instrument, fromMs, toMs } of pieces) {
    const asked = await requests.ask(
      (tokens) => venue.historyRequest(credentials, tokens, instrument, fromMs, toMs),
      (reply) => venue.parseHistory(reply),
    )
    if (asked.ok) {
      const { exchange, token } = instrument
      const { body } = asked
      const atMs = clock.wallMs()
      onFact({ kind: 'history', instrument: { exchange, token }, fromMs, toMs, body, atMs })
    } else {
      failed.push({ instrument, fromMs, toMs, refusal: asked.refusal })
    }
    doneCount += 1
    options.onProgress?.(doneCount, pieces.length)
  }
  if (failed.length > 0) {
    const { kind, code } = failed[0]!.refusal
    log.warn('history not complete', { failed: failed.length, asked: pieces.length, first: kind, code })
  }
  return { fetchedCount: pieces.length - failed.length, failed }
}

/** Spans no longer than the vendor gives in one answer; half-open, so that no minute is asked for twice. */
export function piecesOf(wish: HistoryWish, daysMax: number): readonly HistoryWish[] {
  if (!(daysMax > 0))
    throw new OperatingError(`fetching history: ${daysMax} days`, { code: 'CONFIG_INVALID' })
  const spanMs = daysMax * DAY_MS
  const pieces: HistoryWish[] = []
  for (let fromMs: number = wish.fromMs; fromMs < wish.toMs; fromMs += spanMs) {
    const toMs = Math.min(fromMs + spanMs, wish.toMs) as UnixMs
    pieces.push({ instrument: wish.instrument, fromMs: fromMs as UnixMs, toMs })
  }
  return pieces
}
