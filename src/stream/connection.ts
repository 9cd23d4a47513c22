/**
 * How does one shard stay connected, and when may its data be believed?
 *
 *     idle -> authorising -> connecting -> subscribing <-> live
 *                  ^             |             |            |
 *                  |             v             v            v
 *                  +------- backing-off <------+------------+        stop() leads to `stopped` from anywhere;
 *                  |                                                 a login refused for good to `refused`
 *
 * After a silence in which pings were answered their answers prove nothing any more: then only a tick does.
 *
 * `live` is the only state in which the shard's data is believed: every way into it appends the fact
 * `live`, every way out of it appends `lost`, so the gaps of the journal are the shape of this machine.
 * In `subscribing` the socket is open and was asked, but nothing has come back yet: a tick or the pong of
 * the ping that follows the subscribe messages proves that the vendor has read them (TCP keeps order).
 * After we slept or had to drop packets the same socket is in `subscribing` again until it speaks.
 *
 * Events of a socket that is no longer ours are ignored by comparing its link with the state's: a vendor
 * may deliver late what it sent before we hung up. One socket is terminated before the next is opened, so a
 * shard never holds two of the few that the vendor allows.
 */
import { OperatingError } from '../domain/error.ts'
import type { LostReason } from '../domain/fact.ts'
import type { FeedSink } from '../domain/feed.ts'
import type { Instrument } from '../domain/instrument.ts'
import type { Mode } from '../domain/tick.ts'
import { MINUTE_MS, type UnixMs } from '../domain/time.ts'
import type { Credentials, HttpReply, StreamVenue, Tokens } from '../domain/venue.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { OpenSocket } from '../platform/websocket.ts'
import { Complaints } from './complaints.ts'
import { Intake } from './intake.ts'
import { byKey, cancelTimers, createLink, type Link, messagesFor, notePing } from './link.ts'
import { Retry } from './retry.ts'
import type { TokenSource } from './tokens.ts'
import type { Pulse } from './watchdog.ts'

export type ConnectionOptions = {
  readonly shard: number
  readonly instruments: readonly Instrument[]
  /** By instrument key: position in the start fact's list. */
  readonly indexOf: ReadonlyMap<string, number>
  readonly venue: StreamVenue
  readonly mode: Mode
  readonly streamUrl: string
  readonly credentials: Credentials
  readonly tokens: TokenSource
  readonly sink: FeedSink
  readonly clock: Clock
  /** Time of the wall, read once a turn. */
  readonly nowMs: () => UnixMs
  readonly random: () => number
  readonly log: Log
  /** Removes known secrets from text that the vendor sent. */
  readonly scrub: (text: string) => string
  readonly open: OpenSocket
  /** Numbers the connections of all shards over the day. */
  readonly nextConnection: () => number
  readonly pingIntervalMs: number
  /** Longest wait between two attempts to connect. */
  readonly backoffCapMs: number
  readonly onLive: (shard: number) => void
  readonly onFailed: (shard: number) => void
  /** The login was refused for good: this shard will not try again. */
  readonly onRefused: (shard: number, error: OperatingError) => void
}

export type ConnectionState =
  | { readonly name: 'idle' | 'authorising' | 'refused' | 'stopped'; readonly link: null }
  | { readonly name: 'connecting' | 'subscribing' | 'live'; readonly link: Link }
  | { readonly name: 'backing-off'; readonly link: null; readonly cancel: () => void }

export type ShardStatus = {
  readonly shard: number
  readonly state: ConnectionState['name']
  readonly instrumentCount: number
  readonly refusedCount: number
  /** Number of the open connection; null while there is none. */
  readonly connection: number | null
  readonly connectCount: number
  readonly failureCount: number
  readonly packetCount: number
  readonly droppedCount: number
  readonly lastReceiptMs: UnixMs | null
  readonly lastTickMs: UnixMs | null
}

const STABLE_MS = MINUTE_MS

export class Connection {
  readonly #options: ConnectionOptions
  readonly #sink: FeedSink
  readonly #nowMs: () => UnixMs
  #state: ConnectionState = { name: 'idle', link: null }
  #desired: ReadonlyMap<string, Instrument>
  #correlation = 1
  readonly #retry: Retry
  readonly #complaints: Complaints
  readonly #intake: Intake

  #receivedCount = 0
  #packetCount = 0
  /** The shard was found mute and has brought no tick since. */
  #isMute = false
  #lastReceiptMs = 0 as UnixMs
  #lastTickMs = 0 as UnixMs
  #connectCount = 0
  #failureCount = 0

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#sink = options.sink
    this.#nowMs = options.nowMs
    this.#desired = byKey(options.instruments)
    this.#retry = new Retry(options.random, options.backoffCapMs)
    this.#complaints = new Complaints(options)
    this.#intake = new Intake({
      ...options,
      onDropped: (_link, nowMs) => this.doubt('overflow', nowMs, 'more arrived than could be journalled'),
      // Nothing is missing from here on: what we did not read waits in the kernel.
      onRoom: (link) => {
        if (this.#state.link === link) this.#prove(link)
      },
    })
  }

  get shard(): number {
    return this.#options.shard
  }

  start(): void {
    if (this.#state.name === 'idle') void this.#authorise()
  }

  /** Unsubscribes, hangs up, and resolves when the socket is gone. Nothing happens afterwards. */
  async stop(): Promise<void> {
    const state = this.#state
    if (state.name === 'backing-off') state.cancel()
    if (state.link === null) {
      this.#state = { name: 'stopped', link: null }
      return
    }
    const { link } = state
    this.#doubt('stopped', this.#nowMs(), '')
    this.#state = { name: 'stopped', link: null }
    this.#release(link)
    if (state.name === 'connecting') link.socket.terminate()
    else this.#sayGoodbye(link)
    await link.closed
  }

  /** Asks for a sign of life; the pong proves that everything sent before it has arrived. */
  pingNow(): void {
    const { name, link } = this.#state
    if (name !== 'subscribing' && name !== 'live') return
    notePing(link, this.#nowMs())
    link.socket.sendText(this.#options.venue.pingText)
  }

  /** Replaces the wish list; an open socket is told the difference. */
  setInstruments(instruments: readonly Instrument[]): void {
    this.#desired = byKey(instruments)
    const { name, link } = this.#state
    if (name === 'subscribing' || name === 'live') this.#subscribe(link)
  }

  /** The data since `fromMs` is not to be believed, the socket may be: it proves itself by speaking. */
  doubt(reason: LostReason, fromMs: UnixMs, detail: string): void {
    const { name, link } = this.#state
    if (name !== 'live') return
    this.#doubt(reason, fromMs, detail)
    this.#state = { name: 'subscribing', link }
    this.pingNow()
  }

  /** Gives the socket up and opens another one. */
  reconnect(reason: LostReason, detail: string): void {
    const { name, link } = this.#state
    if (name !== 'subscribing' && name !== 'live') return
    this.#isMute ||= reason === 'mute'
    const lastMs = reason === 'mute' ? this.#lastTickMs : this.#lastReceiptMs
    this.#drop(link, reason, Math.max(lastMs, link.liveMs) as UnixMs, detail)
  }

  pulse(): Pulse {
    const { name, link } = this.#state
    return {
      isListening: (name === 'subscribing' || name === 'live') && !link.isPaused,
      receivedCount: this.#receivedCount,
      tickCount: this.#packetCount,
      instrumentCount: this.#desired.size,
    }
  }

  /** The tokens of the open socket, or null. */
  tokens(): Tokens | null {
    return this.#state.link?.tokens ?? null
  }

  status(): ShardStatus {
    const { name, link } = this.#state
    return {
      shard: this.#options.shard,
      state: name,
      instrumentCount: this.#desired.size,
      refusedCount: this.#complaints.refusedCount,
      connection: link === null || link.connection < 0 ? null : link.connection,
      connectCount: this.#connectCount,
      failureCount: this.#failureCount,
      packetCount: this.#packetCount,
      droppedCount: this.#intake.droppedCount,
      lastReceiptMs: this.#receivedCount === 0 ? null : this.#lastReceiptMs,
      lastTickMs: this.#packetCount === 0 ? null : this.#lastTickMs,
    }
  }

  async #authorise(): Promise<void> {
    const { tokens, shard } = this.#options
    const attempt: ConnectionState = { name: 'authorising', link: null }
    this.#state = attempt
    const { stale } = this.#retry
    try {
      const taken = await (stale === null ? tokens.take() : tokens.renew(stale))
      if (this.#state !== attempt) return
      this.#retry.hasTokens()
      this.#connect(taken)
    } catch (error) {
      if (this.#state !== attempt) return // stopped meanwhile: nobody waits for these tokens
      if (!(error instanceof OperatingError)) throw error
      if (error.retryable) {
        this.#options.log.warn('no tokens', { shard, why: error.message })
        this.#backOff(this.#retry.afterLimit())
        return
      }
      this.#state = { name: 'refused', link: null }
      this.#options.onRefused(shard, error)
    }
  }

  #connect(tokens: Tokens): void {
    const { venue, credentials, open, streamUrl } = this.#options
    const socket = open({
      url: streamUrl,
      headers: venue.handshakeHeaders(credentials, tokens),
      onOpen: () => this.#opened(link),
      onBinary: (bytes) => this.#binary(link, bytes),
      onText: (text) => this.#text(link, text),
      onPong: () => this.#alive(link),
      onRefused: (reply) => this.#refused(link, reply),
      onClosed: (code, reason) => this.#closed(link, code, reason),
    })
    const link = createLink(socket, tokens)
    this.#state = { name: 'connecting', link }
  }

  #opened(link: Link): void {
    if (this.#state.link !== link) return
    const { shard, clock, nextConnection, pingIntervalMs } = this.#options
    link.connection = nextConnection()
    this.#connectCount += 1
    this.#retry.hasOpened()
    this.#sink.fact({ kind: 'connect', shard, connection: link.connection, atMs: this.#nowMs() })
    this.#state = { name: 'subscribing', link }
    this.#subscribe(link)
    this.pingNow()
    link.cancels.push(clock.every(pingIntervalMs, () => this.pingNow()))
    link.cancels.push(clock.after(STABLE_MS, () => this.#retry.hasBeenStable()))
  }

  #subscribe(link: Link): void {
    const { venue, mode } = this.#options
    const messages = messagesFor(link, this.#desired, venue, mode, this.#correlation)
    this.#correlation += messages.length
    for (const { text } of messages) link.socket.sendText(text)
  }

  #sayGoodbye(link: Link): void {
    const { venue, mode } = this.#options
    const messages = messagesFor(link, new Map(), venue, mode, this.#correlation)
    for (const { text } of messages) link.socket.sendText(text)
    link.socket.resume() // a paused socket would not hear the vendor's goodbye
    link.socket.close()
  }

  /** The hot path: every packet of the day passes here. */
  #binary(link: Link, bytes: Uint8Array): void {
    const state = this.#state
    if (state.link !== link) return
    const nowMs = this.#nowMs()
    this.#receivedCount += 1
    this.#packetCount += 1
    this.#lastReceiptMs = nowMs
    this.#lastTickMs = nowMs
    if (state.name !== 'live') {
      this.#isMute = false
      this.#prove(link)
    }
    this.#intake.packet(link, bytes, nowMs)
  }

  #text(link: Link, text: string): void {
    if (this.#state.link !== link) return
    const frame = this.#options.venue.parseText(text)
    if (frame.kind === 'pong') {
      this.#alive(link)
      return
    }
    this.#receivedCount += 1
    this.#lastReceiptMs = this.#nowMs()
    if (frame.kind === 'error') this.#complaints.error(link, frame)
    else this.#complaints.note(link, frame.text)
  }

  #alive(link: Link): void {
    if (this.#state.link !== link) return
    const nowMs = this.#nowMs()
    this.#receivedCount += 1
    this.#lastReceiptMs = nowMs
    // Where nothing was asked, nothing that is newer than the gap's end is answered.
    const askedMs = link.pingsMs.shift() ?? link.liveMs
    if (this.#state.name === 'live') {
      this.#sink.fact({ kind: 'alive', shard: this.#options.shard, atMs: nowMs, askedMs })
    } else if (!this.#isMute) {
      this.#prove(link)
    }
  }

  #prove(link: Link): void {
    if (this.#state.name !== 'subscribing' || link.droppedCount > 0) return
    const { shard, log, onLive } = this.#options
    const { connection } = link
    link.liveMs = this.#nowMs()
    this.#state = { name: 'live', link }
    this.#sink.fact({ kind: 'live', shard, connection, atMs: link.liveMs })
    log.info('feed live', { shard, connection, instruments: this.#desired.size })
    onLive(shard)
  }

  /** The handshake was answered, but with a refusal. */
  #refused(link: Link, reply: HttpReply): void {
    link.markClosed()
    if (this.#state.link !== link) return
    const { venue, log, shard, scrub } = this.#options
    const { kind, code, message } = venue.parseHandshakeRefusal(reply)
    log.warn('handshake refused', { shard, status: reply.status, kind, code, why: scrub(message) })
    const waitMs = this.#retry.afterRefusal(kind, link.tokens)
    this.#drop(link, 'disconnected', this.#lastReceiptMs, '', waitMs)
  }

  #closed(link: Link, code: number, reason: string): void {
    link.markClosed()
    if (this.#state.link !== link) return
    const detail = this.#options.scrub(`${code} ${reason}`.trim())
    if (this.#state.name === 'connecting') {
      this.#options.log.warn('no connection', { shard: this.shard, why: detail })
    }
    this.#drop(link, 'disconnected', this.#lastReceiptMs, detail)
  }

  #drop(
    link: Link,
    reason: LostReason,
    fromMs: UnixMs,
    detail: string,
    waitMs: number = this.#retry.afterFailure(),
  ): void {
    this.#doubt(reason, fromMs, detail)
    this.#release(link)
    link.socket.terminate()
    this.#backOff(waitMs)
    this.#failureCount += 1
    this.#options.onFailed(this.#options.shard)
  }

  #release(link: Link): void {
    cancelTimers(link)
    this.#intake.reportDropped(link)
  }

  /** Opens the gap, where there is none yet. The caller changes the state. */
  #doubt(reason: LostReason, fromMs: UnixMs, detail: string): void {
    if (this.#state.name !== 'live') return
    const { shard, log } = this.#options
    this.#sink.fact({ kind: 'lost', shard, fromMs, atMs: this.#nowMs(), reason, detail })
    log.warn('feed lost', { shard, reason, detail })
  }

  #backOff(waitMs: number): void {
    const cancel = this.#options.clock.after(waitMs, () => void this.#authorise())
    this.#state = { name: 'backing-off', link: null, cancel }
    this.#options.log.info('reconnecting', { shard: this.shard, waitMs: Math.round(waitMs) })
  }
}
