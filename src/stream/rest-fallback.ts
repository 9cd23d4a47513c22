/**
 * What do we know while a socket cannot be held? When a shard fails too often, or stays down for as long as
 * failures are counted (over its connection limit the vendor is asked only now and then), its instruments
 * are asked for over REST, a batch at a time at the vendor's pace, and each answer is kept verbatim. That is
 * no feed: minutes stay incomplete. But day highs, lows and volumes go on being known, and the operator sees
 * prices. It ends when the socket is live again.
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
  /**
   * So many failures within `windowMs` start the polling of a shard, and so does being down for that long.
   */
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
  /** Per shard: since when it has been down; null while it is live, and before its first failure. */
  readonly #downSinceMs: (number | null)[]
  readonly #polled = new Set<number>()
  #isRunning = false

  constructor(options: FallbackOptions) {
    this.#options = options
    this.#failures = options.instruments.map(() => [])
    this.#downSinceMs = options.instruments.map(() => null)
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
    this.#downSinceMs[shard] ??= nowMs
    const downMs = nowMs - this.#downSinceMs[shard]
    const isHeld = recent.length < failuresMax && downMs < windowMs
    if (isHeld || this.#polled.has(shard) || signal.aborted) return
    this.#polled.add(shard)
    const failures = recent.length
    log.warn('socket keeps failing, asking for quotes over REST', {
      shard,
      failures,
      downMs: Math.round(downMs),
    })
    if (!this.#isRunning) void this.#run()
  }

  /** Failures are not forgiven: a socket that comes back only to break again is not held either. */
  live(shard: number): void {
    this.#downSinceMs[shard] = null
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
