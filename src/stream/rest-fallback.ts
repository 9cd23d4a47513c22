/**
 * What do we know while a socket cannot be held? When a shard fails too often, its instruments are asked
 * for over REST, a batch at a time at the vendor's pace, and each answer is kept verbatim. That is
 * no feed: minutes stay incomplete. But day highs, lows and volumes go on being known, and the operator
 * sees prices. It ends when the socket is live again.
 */
import { OperatingError } from '../domain/error.ts'
import type { FeedSink } from '../domain/feed.ts'
import type { Instrument } from '../domain/instrument.ts'
import type { Credentials, StreamVenue } from '../domain/venue.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { PacedRequests } from './paced.ts'

export type FallbackOptions = {
  readonly venue: StreamVenue
  readonly credentials: Credentials
  /** Per shard. */
  readonly instruments: readonly (readonly Instrument[])[]
  readonly requests: PacedRequests
  readonly sink: FeedSink
  readonly clock: Clock
  readonly log: Log
  readonly scrub: (text: string) => string
  /** So many failures within `windowMs` start the polling of a shard. */
  readonly failuresMax: number
  readonly windowMs: number
  readonly signal: AbortSignal
}

/** After a refusal that pacing did not cure; quotes are a comfort, not worth insisting. */
const REFUSED_PAUSE_MS = 10_000

export class QuoteFallback {
  readonly #options: FallbackOptions
  /** Per shard: when it failed, on the monotonic clock. */
  readonly #failures: number[][]
  readonly #polled = new Set<number>()
  #isRunning = false

  constructor(options: FallbackOptions) {
    this.#options = options
    this.#failures = options.instruments.map(() => [])
  }

  /** Shards that are being asked for over REST. */
  get polled(): readonly number[] {
    return [...this.#polled].sort((a, b) => a - b)
  }

  failed(shard: number): void {
    const { clock, log, failuresMax, windowMs, signal } = this.#options
    const nowMs = clock.monoMs()
    const recent = this.#failures[shard]!.filter((atMs) => nowMs - atMs < windowMs)
    recent.push(nowMs)
    this.#failures[shard] = recent
    if (recent.length < failuresMax || this.#polled.has(shard) || signal.aborted) return
    this.#polled.add(shard)
    log.warn('socket keeps failing, asking for quotes over REST', { shard, failures: recent.length })
    if (!this.#isRunning) void this.#run()
  }

  live(shard: number): void {
    this.#failures[shard] = []
    if (!this.#polled.delete(shard)) return
    this.#options.log.info('socket live again, no more quotes over REST', { shard })
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    try {
      while (this.#polled.size > 0) {
        for (const shard of this.polled) await this.#pollShard(shard)
      }
    } catch (error) {
      if (this.#options.signal.aborted) return
      if (!(error instanceof OperatingError)) throw error
      this.#options.log.error('quotes over REST ended', { why: error.message })
      this.#polled.clear()
    } finally {
      this.#isRunning = false
    }
  }

  async #pollShard(shard: number): Promise<void> {
    const { instruments, venue, signal } = this.#options
    const batchSize = venue.limits.instrumentsPerQuoteMax
    const all = instruments[shard]!
    for (let at = 0; at < all.length && this.#polled.has(shard); at += batchSize) {
      signal.throwIfAborted()
      await this.#pollBatch(all.slice(at, at + batchSize))
    }
  }

  async #pollBatch(batch: readonly Instrument[]): Promise<void> {
    const { venue, credentials, requests, sink, clock, log, scrub, signal } = this.#options
    const asked = await requests.ask(
      (tokens) => venue.quoteRequest(credentials, tokens, batch),
      (reply) => venue.parseQuotes(reply),
    )
    if (asked.ok) {
      sink.fact({ kind: 'quotes', body: asked.body, atMs: clock.wallMs() })
      return
    }
    const { kind, code } = asked.refusal
    const text = `quotes refused: ${kind} ${code} ${scrub(asked.refusal.message)}`
    log.warn(text)
    sink.fact({ kind: 'note', text, atMs: clock.wallMs() })
    await clock.sleep(REFUSED_PAUSE_MS, signal)
  }
}
