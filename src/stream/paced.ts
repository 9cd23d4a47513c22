/**
 * How do we ask a vendor politely? One request at a time, each at least `intervalMs` after the one before,
 * in the clock's own time. The vendor's limiter is no clean bucket: a refusal over rate pauses everything
 * that waits here, longer each time, and is never answered by trying harder. An outage is tried again a few
 * times and then told: some vendors call wrong input an outage, so insisting would be endless.
 *
 * Bottleneck keeps the line, one at a time and in order. The interval is ours, on the monotonic clock: its
 * own is by the wall clock, so a correction backwards would stop it for as long. For the same reason a line
 * is used until it is empty and then replaced.
 */
import Bottleneck from 'bottleneck'
import { messageOf, OperatingError } from '../domain/error.ts'
import { SECOND_MS } from '../domain/time.ts'
import type { Answer, HttpReply, HttpRequest, Refusal, Tokens } from '../domain/venue.ts'
import type { Clock } from '../platform/clock.ts'
import type { SendRequest } from '../platform/http.ts'
import type { Log } from '../platform/log.ts'
import { pauseMs } from './backoff.ts'
import type { TokenSource } from './tokens.ts'

export type PacedOptions = {
  /** What is asked for, in the log's words. */
  readonly name: string
  readonly intervalMs: number
  readonly clock: Clock
  readonly tokens: TokenSource
  readonly send: SendRequest
  readonly log: Log
  readonly random: () => number
  readonly signal: AbortSignal
}

export type Asked<Value> =
  | { readonly ok: true; readonly value: Value; readonly body: string }
  | { readonly ok: false; readonly refusal: Refusal }

const RATE_PAUSE = { baseMs: 2 * SECOND_MS, capMs: 60 * SECOND_MS }
const RATE_PAUSES_MAX = 10
const OUTAGE_RETRIES_MAX = 2
const OUTAGE_PAUSE_MS = 2 * SECOND_MS

export class PacedRequests {
  readonly #options: PacedOptions
  #line: Bottleneck = newLine()
  /** Before this moment of the monotonic clock no request leaves. */
  #freeMonoMs = Number.NEGATIVE_INFINITY
  /** Refusals over rate in a row, whichever request met them. */
  #pauseCount = 0

  constructor(options: PacedOptions) {
    this.#options = options
  }

  /**
   * Rejects only as `TokenSource.take` does, or with the reason of `signal`; a network failure that
   * outlasts the retries is a refusal of kind `outage`.
   */
  async ask<Value>(
    build: (tokens: Tokens) => HttpRequest,
    read: (reply: HttpReply) => Answer<Value>,
  ): Promise<Asked<Value>> {
    const { tokens, signal } = this.#options
    let hasRenewed = false
    let outageCount = 0
    let rateCount = 0
    for (;;) {
      const taken = await tokens.take()
      const asked = await this.#inLine(() => this.#once(build(taken), read))
      signal.throwIfAborted()
      if (asked.ok) return asked
      const { kind } = asked.refusal
      if (kind === 'token_expired' && !hasRenewed) {
        hasRenewed = true
        await tokens.renew(taken)
      } else if (kind === 'rate_limited' && rateCount < RATE_PAUSES_MAX) {
        rateCount += 1
      } else if ((kind === 'outage' || kind === 'not_understood') && outageCount < OUTAGE_RETRIES_MAX) {
        outageCount += 1
        await this.#options.clock.sleep(OUTAGE_PAUSE_MS, signal)
      } else {
        return asked
      }
    }
  }

  #inLine<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#line.empty() && this.#line.counts().EXECUTING === 0) this.#line = newLine()
    return this.#line.schedule(work)
  }

  async #waitForTurn(): Promise<void> {
    const { clock, intervalMs, signal } = this.#options
    const waitMs = this.#freeMonoMs - clock.monoMs()
    if (waitMs > 0) await clock.sleep(waitMs, signal)
    this.#freeMonoMs = clock.monoMs() + intervalMs
  }

  /** A pause is made in here, where it holds the only place of the line and so stops everybody. */
  async #once<Value>(request: HttpRequest, read: (reply: HttpReply) => Answer<Value>): Promise<Asked<Value>> {
    const { send, signal } = this.#options
    await this.#waitForTurn()
    signal.throwIfAborted()
    let reply: HttpReply
    try {
      reply = await send(request)
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error
      return { ok: false, refusal: { kind: 'outage', code: error.code, message: messageOf(error) } }
    }
    const answer = read(reply)
    if (answer.ok) {
      this.#pauseCount = 0
      return { ok: true, value: answer.value, body: reply.body }
    }
    if (answer.refusal.kind === 'rate_limited') await this.#pause()
    return answer
  }

  async #pause(): Promise<void> {
    const { name, clock, log, random, signal } = this.#options
    const waitMs = pauseMs(RATE_PAUSE, this.#pauseCount, random)
    this.#pauseCount += 1
    log.warn('over the vendor rate, pausing', { what: name, waitMs: Math.round(waitMs) })
    await clock.sleep(waitMs, signal)
  }
}

function newLine(): Bottleneck {
  return new Bottleneck({ maxConcurrent: 1 })
}
