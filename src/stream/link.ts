/**
 * What does one socket of a shard carry? All that is true of one socket and dies with it, above all
 * what it was asked to send.
 *
 * Subscriptions are a desired state: `messagesFor` compares it with what this socket was asked for and
 * gives the messages that close the difference. A fresh socket was asked for nothing, so resubscription
 * after a reconnect and a change of the list are the same code, and nothing can pile up.
 */
import { type Instrument, instrumentKey } from '../domain/instrument.ts'
import type { Mode } from '../domain/tick.ts'
import { MINUTE_MS, type UnixMs } from '../domain/time.ts'
import type { StreamVenue, SubscribeMessage, Tokens } from '../domain/venue.ts'
import type { SocketHandle } from '../platform/websocket.ts'

export type Link = {
  readonly socket: SocketHandle
  readonly tokens: Tokens
  /** -1 until the socket is open. */
  connection: number
  /** When its data became trustworthy; the lost facts of this socket cannot begin before. */
  liveMs: UnixMs
  /** By instrument key: what the socket was asked for. */
  readonly carried: Map<string, Instrument>
  /** By correlation id: the subscribe messages, to know what an error frame speaks of. */
  readonly asked: Map<string, SubscribeMessage>
  /** When the pings left that are still to be answered; answers come in their order. */
  readonly pingsMs: UnixMs[]
  /** Ends every timer of this socket. */
  readonly cancels: (() => void)[]
  /** Reading waits for room. */
  isPaused: boolean
  /** Packets not taken since reading was paused. */
  droppedCount: number
  noteCount: number
  readonly closed: Promise<void>
  readonly markClosed: () => void
}

export function createLink(socket: SocketHandle, tokens: Tokens): Link {
  const { promise, resolve } = Promise.withResolvers<void>()
  return {
    socket,
    tokens,
    connection: -1,
    liveMs: 0 as UnixMs,
    carried: new Map(),
    asked: new Map(),
    pingsMs: [],
    cancels: [],
    isPaused: false,
    droppedCount: 0,
    noteCount: 0,
    closed: promise,
    markClosed: resolve,
  }
}

export function byKey(instruments: readonly Instrument[]): ReadonlyMap<string, Instrument> {
  return new Map(instruments.map((instrument) => [instrumentKey(instrument), instrument]))
}

/** A vendor that does not answer every ping must not make its later answers look ever older. */
const PING_MEMORY_MS = 2 * MINUTE_MS

export function notePing(link: Link, nowMs: UnixMs): void {
  link.pingsMs.push(nowMs)
  while (link.pingsMs[0]! < nowMs - PING_MEMORY_MS) link.pingsMs.shift()
}

export function cancelTimers(link: Link): void {
  for (const cancel of link.cancels.splice(0)) cancel()
}

/** Messages that turn what the socket carries into `desired`; records them as asked. */
export function messagesFor(
  link: Link,
  desired: ReadonlyMap<string, Instrument>,
  venue: StreamVenue,
  mode: Mode,
  firstCorrelation: number,
): readonly SubscribeMessage[] {
  const removed = [...link.carried].filter(([key]) => !desired.has(key)).map(([, instrument]) => instrument)
  const added = [...desired].filter(([key]) => !link.carried.has(key)).map(([, instrument]) => instrument)
  for (const instrument of removed) link.carried.delete(instrumentKey(instrument))
  for (const instrument of added) link.carried.set(instrumentKey(instrument), instrument)
  const goodbyes =
    removed.length === 0 ? [] : venue.subscribeMessages('unsubscribe', mode, removed, firstCorrelation)
  const hellos =
    added.length === 0
      ? []
      : venue.subscribeMessages('subscribe', mode, added, firstCorrelation + goodbyes.length)
  for (const message of hellos) link.asked.set(message.correlationId, message)
  return [...goodbyes, ...hellos]
}
