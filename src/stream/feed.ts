/**
 * How does the whole feed run? It owns the shards' connections and everything that looks after them: the
 * watchdog, the pings at minute ends, the tokens of a new day, the REST fallback. What the
 * connections hear goes to the sink and nowhere else; nothing here knows what a candle is.
 *
 * A login that is refused for good takes down only the shards that needed it: the others still bring data.
 * The feed ends with that error when no shard is left.
 */
import { messageOf, OperatingError } from '../domain/error.ts'
import type { FeedSink } from '../domain/feed.ts'
import { type Instrument, instrumentKey } from '../domain/instrument.ts'
import type { Interval } from '../domain/session.ts'
import type { Mode } from '../domain/tick.ts'
import { minuteEnd, minuteOf, SECOND_MS, type UnixMs } from '../domain/time.ts'
import type { Credentials, StreamVenue } from '../domain/venue.ts'
import { type Clock, wallOncePerTurn, yieldTurn } from '../platform/clock.ts'
import type { SendRequest } from '../platform/http.ts'
import type { Log, Scrubber } from '../platform/log.ts'
import { type OpenSocket, openSocket } from '../platform/websocket.ts'
import { Connection, type ShardStatus } from './connection.ts'
import { PacedRequests } from './paced.ts'
import { QuoteFallback } from './rest-fallback.ts'
import type { TokenSource } from './tokens.ts'
import { hasSlept, startWatch, type WatchLimits, type WatchMemory, watch } from './watchdog.ts'

export type FeedConfig = WatchLimits & {
  readonly pingIntervalMs: number
  /** Longest wait between two attempts to connect. */
  readonly backoffCapMs: number
  /** So many failures of a shard within `failureWindowMs` start the REST fallback. */
  readonly failuresMax: number
  readonly failureWindowMs: number
}

export const FEED_CONFIG: FeedConfig = {
  pingIntervalMs: 10_000,
  backoffCapMs: 30_000,
  stallMs: 25_000,
  dataSilenceMs: 30_000,
  dataSilenceMaxMs: 900_000,
  muteInstrumentsMin: 50,
  failuresMax: 5,
  failureWindowMs: 120_000,
}

export type FeedOptions = {
  readonly venue: StreamVenue
  readonly mode: Mode
  readonly config: FeedConfig
  readonly credentials: Credentials
  /** As in the start fact, and per instrument its shard. */
  readonly instruments: readonly Instrument[]
  readonly shards: readonly number[]
  /** Connections are numbered over the day: one more than the last in the journal. */
  readonly firstConnection: number
  readonly streamUrl: string
  readonly clock: Clock
  readonly sink: FeedSink
  readonly send: SendRequest
  readonly tokens: TokenSource
  readonly session: {
    /** Listening starts at its beginning; its end is the caller's `signal`. */
    readonly feed: Interval
    /** When silence is suspicious. */
    readonly continuous: readonly Interval[]
  }
  readonly log: Log
  readonly scrubber: Scrubber
  readonly random: () => number
  readonly signal: AbortSignal
  readonly open?: OpenSocket
}

export type FeedStatus = {
  readonly shards: readonly ShardStatus[]
  /** Shards whose quotes are asked for over REST. */
  readonly polledShards: readonly number[]
  readonly loginCount: number
}

export interface Feed {
  /**
   * Listens until `signal` aborts, then unsubscribes, hangs up and resolves. Rejects as
   * `TokenSource.take` does when the first login fails or no shard may log in any more.
   */
  run(): Promise<void>
  status(): FeedStatus
}

export function createFeed(options: FeedOptions): Feed {
  return new ShardedFeed(options)
}

export async function runFeed(options: FeedOptions): Promise<void> {
  await createFeed(options).run()
}

const WAKE_MS = SECOND_MS
/** Real ms by which wall and monotonic clock may differ from one wake to the next. */
const CLOCK_STEP_MS = 500
/** The journal gives a connection's number two bytes. */
const CONNECTION_MAX = 0xffff

class ShardedFeed implements Feed {
  readonly #options: FeedOptions
  readonly #connections: readonly Connection[]
  readonly #fallback: QuoteFallback
  readonly #refusedShards = new Set<number>()
  readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers()
  #connection: number
  #memory: WatchMemory
  #isJudging = false
  #wakeMonoMs = 0
  #wakeWallMs = 0 as UnixMs

  constructor(options: FeedOptions) {
    this.#options = options
    this.#connection = options.firstConnection
    const shards = splitByShard(options.instruments, options.shards)
    this.#memory = startWatch(shards.length, options.config)
    this.#fallback = createFallback(options, shards)
    this.#connections = this.#createConnections(shards)
  }

  async run(): Promise<void> {
    const { clock, tokens, session, signal } = this.#options
    await clock.sleepUntil(session.feed.fromMs, signal)
    if (signal.aborted) return
    const onAbort = (): void => this.#ended.resolve()
    signal.addEventListener('abort', onAbort, { once: true })
    let stopWaking = (): void => {}
    try {
      await tokens.take()
      for (const connection of this.#connections) connection.start()
      this.#wakeMonoMs = clock.monoMs()
      this.#wakeWallMs = clock.wallMs()
      stopWaking = clock.every(WAKE_MS, () => this.#wake())
      void this.#followMinutes()
      await this.#ended.promise
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      stopWaking()
      signal.removeEventListener('abort', onAbort)
      await Promise.all(this.#connections.map((connection) => connection.stop()))
    }
  }

  status(): FeedStatus {
    return {
      shards: this.#connections.map((connection) => connection.status()),
      polledShards: this.#fallback.polled,
      loginCount: this.#options.tokens.loginCount,
    }
  }

  #createConnections(shards: readonly (readonly Instrument[])[]): readonly Connection[] {
    const { instruments, clock, scrubber, config } = this.#options
    const indexOf = new Map(instruments.map((instrument, index) => [instrumentKey(instrument), index]))
    const nowMs = wallOncePerTurn(clock)
    const shared = {
      ...this.#options,
      indexOf,
      nowMs,
      scrub: scrubber.scrub,
      open: this.#options.open ?? openSocket,
      nextConnection: () => this.#nextConnection(),
      pingIntervalMs: config.pingIntervalMs,
      backoffCapMs: config.backoffCapMs,
      onLive: (shard: number) => this.#fallback.live(shard),
      onFailed: (shard: number) => this.#fallback.failed(shard),
      onRefused: (shard: number, error: OperatingError) => this.#refused(shard, error),
    }
    return shards.map((carried, shard) => new Connection({ ...shared, shard, instruments: carried }))
  }

  #nextConnection(): number {
    const number = this.#connection
    if (number > CONNECTION_MAX) throw new Error(`connection ${number} does not fit the journal`)
    this.#connection += 1
    return number
  }

  #refused(shard: number, error: OperatingError): void {
    this.#options.log.error('login refused, shard given up', { shard, why: error.message })
    this.#refusedShards.add(shard)
    if (this.#refusedShards.size === this.#connections.length) this.#ended.reject(error)
  }

  /** Every second of the clock: did we sleep, and is anybody silent? */
  #wake(): void {
    const { clock } = this.#options
    const monoMs = clock.monoMs()
    const wallMs = clock.wallMs()
    // A suspended machine stops the monotonic clock but not the wall's, so the later of the two counts.
    const passedMs = Math.max(monoMs - this.#wakeMonoMs, wallMs - this.#wakeWallMs)
    const lateMs = passedMs - WAKE_MS
    if (hasSlept(lateMs, clock.speed)) {
      const detail = `woke ${Math.round(lateMs)} ms late`
      for (const connection of this.#connections) connection.doubt('asleep', this.#wakeWallMs, detail)
    }
    this.#noteClock(wallMs - this.#wakeWallMs - (monoMs - this.#wakeMonoMs))
    // Of a late wake only so much counts as looking: see watchdog.ts.
    const lookedMs = Math.min(monoMs - this.#wakeMonoMs, 2 * WAKE_MS)
    this.#wakeMonoMs = monoMs
    this.#wakeWallMs = wallMs
    if (!this.#isJudging) void this.#judge(lookedMs)
  }

  /** A wall clock that was set moves minutes against what really passed: said, and part of the record. */
  #noteClock(deltaMs: number): void {
    const { clock, sink, log } = this.#options
    if (Math.abs(deltaMs) <= CLOCK_STEP_MS * clock.speed) return
    log.warn('the wall clock was set', { deltaMs: Math.round(deltaMs) })
    sink.fact({ kind: 'clock', deltaMs, atMs: clock.wallMs() })
  }

  async #judge(lookedMs: number): Promise<void> {
    const { config, log } = this.#options
    const look = (): ReturnType<typeof watch> =>
      watch(this.#memory, this.#pulses(), lookedMs, this.#isTrading(), config)
    let seen = look()
    if (seen.verdicts.length > 0) {
      // What has already arrived is read first: silence is declared on the second look.
      this.#isJudging = true
      await yieldTurn()
      this.#isJudging = false
      seen = look()
    }
    this.#memory = seen.memory
    for (const { shard, reason, silentMs } of seen.verdicts) {
      log.warn('feed silent, reconnecting', { shard, reason, silentMs: Math.round(silentMs) })
      this.#connections[shard]!.reconnect(reason, `silent for ${Math.round(silentMs)} ms`)
    }
  }

  #pulses(): ReturnType<Connection['pulse']>[] {
    return this.#connections.map((connection) => connection.pulse())
  }

  #isTrading(): boolean {
    const nowMs = this.#options.clock.wallMs()
    return this.#options.session.continuous.some(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs)
  }

  /** At each minute's end a ping: its pong proves that everything sent in the minute has arrived. */
  async #followMinutes(): Promise<void> {
    const { clock, signal } = this.#options
    while (!signal.aborted && this.#refusedShards.size < this.#connections.length) {
      await clock.sleepUntil(minuteEnd(minuteOf(clock.wallMs())), signal)
      if (signal.aborted) return
      for (const connection of this.#connections) connection.pingNow()
      if (!this.#isTrading()) void this.#followTokens()
    }
  }

  /**
   * Tokens die at midnight, sockets opened with them may go quiet later. Where nothing is traded the
   * change costs nothing, so it is made before it is needed.
   */
  async #followTokens(): Promise<void> {
    const { tokens, log, signal } = this.#options
    try {
      const taken = await tokens.take()
      for (const connection of this.#connections) {
        const used = connection.tokens()
        if (used !== null && used !== taken) connection.reconnect('disconnected', 'tokens of a new day')
      }
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof OperatingError)) throw error
      log.error('no tokens of the new day', { why: messageOf(error) })
    }
  }
}

function createFallback(options: FeedOptions, shards: readonly (readonly Instrument[])[]): QuoteFallback {
  const { venue, config, scrubber } = options
  const intervalMs = venue.limits.quoteIntervalMs
  return new QuoteFallback({
    ...options,
    instruments: shards,
    requests: new PacedRequests({ ...options, name: 'quotes', intervalMs }),
    scrub: scrubber.scrub,
    failuresMax: config.failuresMax,
    windowMs: config.failureWindowMs,
  })
}

function splitByShard(
  instruments: readonly Instrument[],
  shardOf: readonly number[],
): readonly (readonly Instrument[])[] {
  const shards: Instrument[][] = []
  instruments.forEach((instrument, index) => {
    const shard = shardOf[index]!
    while (shards.length <= shard) shards.push([])
    shards[shard]!.push(instrument)
  })
  return shards
}
