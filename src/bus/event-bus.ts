/**
 * Who hears of what happens within one process? Whoever subscribed: counters, health and alerts hear of
 * facts instead of asking for them in turn, and no module knows another's counters.
 *
 * Publishing and telling are two steps. `publish` only puts an event into the ring; `drain`, called by the
 * owner at a moment where nothing is half done (the end of a turn, of a minute, of a session), tells the
 * subscribers, in the order of `seq`. So a handler never runs in the middle of the publisher's work, and
 * what a handler publishes waits for the next drain: the order does not depend on who subscribed.
 *
 * The ring is the only memory: 50,000 places made at the start, the oldest event gives way. Events that wait
 * for a drain have no queue of their own; they are the part of the ring behind `#toldSeq`. If more is
 * published between two drains than the ring holds, the oldest are never told. The bus must not grow and must
 * not stop its publisher, so they are lost to subscribers, but they are counted (`missedCount`), and what may
 * not be lost does not go here: it goes to the chain.
 *
 * Events are frozen, payloads too; the bus takes the payload that it is given instead of copying it.
 */
import type { UnixMs } from '../domain/time.ts'

/** Values are plain, so that freezing the payload freezes all of it. */
export type BusPayload = { readonly [name: string]: string | number | boolean | null }

export type BusEvent = {
  /** 1, 2, 3 … within a run; always more than any seq of the runs before. */
  readonly seq: number
  readonly atMs: UnixMs
  readonly kind: string
  /** What it is about: a symbol, a job, a file; null where the kind says it all. */
  readonly subject: string | null
  readonly payload: BusPayload
}

export type BusHandler = (event: BusEvent) => void

export type BusOptions = {
  /** How many events are kept for `getSince`, and may wait for a drain; 50,000 by default. */
  readonly ringSize?: number
  /** What a payload has beyond this is cut off, and the payload marked; 12 by default. */
  readonly payloadItemsMax?: number
  /** Hears of each time a handler threw. It must not throw itself. */
  readonly onHandlerError?: (error: unknown, event: BusEvent, subscription: number) => void
  /** Where `seq` goes on, and how it stays ahead of a crash; from 0 and unprotected by default. */
  readonly seqs?: SeqSource
}

/** Whoever remembers `seq` from one run to the next; see seq-file.ts. */
export interface SeqSource {
  /** No event of an earlier run has a higher seq. */
  readonly startSeq: number
  /** Makes durable that seqs above `seq` are in use; returns the highest that may be given without asking. */
  reserve(seq: number): number
}

export type BusCounts = {
  readonly published: number
  /** Handed to handlers: an event with three subscribers counts three times. */
  readonly delivered: number
  /** Overwritten before any drain. */
  readonly missed: number
  /** Calls of handlers that threw. */
  readonly failed: number
  readonly truncated: number
}

type Subscription = {
  readonly id: number
  readonly handler: BusHandler
  /** Null for all. */
  readonly kinds: ReadonlySet<string> | null
  isActive: boolean
}

export const TRUNCATED = '__truncated__'

const RING_SIZE = 50_000
const PAYLOAD_ITEMS_MAX = 12
const NOTHING: BusPayload = Object.freeze({})
const NO_SEQS: SeqSource = { startSeq: 0, reserve: () => Number.MAX_SAFE_INTEGER }

export class EventBus {
  readonly #ring: (BusEvent | undefined)[]
  readonly #payloadItemsMax: number
  readonly #onHandlerError: NonNullable<BusOptions['onHandlerError']>
  readonly #seqs: SeqSource
  readonly #startSeq: number
  #reservedSeq: number
  #seq: number
  /** Up to here every event was told, or missed. */
  #toldSeq: number
  #place = 0
  #isDraining = false
  #subscriptions: readonly Subscription[] = []
  #nextSubscription = 1
  /** Per kind who wants it, found once and forgotten when somebody comes or goes. */
  #audiences = new Map<string, readonly Subscription[]>()
  #delivered = 0
  #missed = 0
  #failed = 0
  #truncated = 0

  constructor(options: BusOptions = {}) {
    this.#ring = new Array<BusEvent | undefined>(options.ringSize ?? RING_SIZE).fill(undefined)
    this.#payloadItemsMax = options.payloadItemsMax ?? PAYLOAD_ITEMS_MAX
    this.#onHandlerError = options.onHandlerError ?? (() => {})
    this.#seqs = options.seqs ?? NO_SEQS
    this.#startSeq = this.#seqs.startSeq
    this.#seq = this.#startSeq
    this.#toldSeq = this.#startSeq
    this.#reservedSeq = this.#startSeq
  }

  /** Returns the event's seq. `payload` belongs to the bus from now on and is frozen as it is. */
  publish(kind: string, atMs: UnixMs, subject: string | null = null, payload: BusPayload = NOTHING): number {
    const seq = this.#seq + 1
    if (seq > this.#reservedSeq) this.#reservedSeq = this.#seqs.reserve(seq)
    const bounded = payload === NOTHING ? NOTHING : this.#bounded(payload)
    this.#ring[this.#place] = Object.freeze({ seq, atMs, kind, subject, payload: bounded })
    this.#place = this.#place + 1 === this.#ring.length ? 0 : this.#place + 1
    this.#seq = seq
    return seq
  }

  /** From the next drain on. Without `kinds` all of them. Handlers of one event are called in order of id. */
  subscribe(handler: BusHandler, filter: { readonly kinds?: readonly string[] } = {}): number {
    const id = this.#nextSubscription++
    const kinds = filter.kinds === undefined ? null : new Set(filter.kinds)
    this.#subscriptions = [...this.#subscriptions, { id, handler, kinds, isActive: true }]
    this.#audiences = new Map()
    return id
  }

  /** At once, even in the middle of a drain. An id that is not subscribed is ignored. */
  unsubscribe(subscription: number): void {
    for (const one of this.#subscriptions) if (one.id === subscription) one.isActive = false
    this.#subscriptions = this.#subscriptions.filter(({ isActive }) => isActive)
    this.#audiences = new Map()
  }

  /** Events with a higher seq, told or not, oldest first; those that gave way are not among them. */
  getSince(seq: number): readonly BusEvent[] {
    const from = Math.max(seq, this.#oldestSeq() - 1)
    const events: BusEvent[] = []
    for (let at = from + 1; at <= this.#seq; at++) events.push(this.#eventOf(at))
    return events
  }

  /** Of the newest event; the start seq before the first. */
  recentSeq(): number {
    return this.#seq
  }

  counts(): BusCounts {
    return {
      published: this.#seq - this.#startSeq,
      delivered: this.#delivered,
      missed: this.#missed,
      failed: this.#failed,
      truncated: this.#truncated,
    }
  }

  /** Tells the subscribers all that was published before this call. Returns how many events that were. */
  drain(): number {
    if (this.#isDraining)
      throw new Error('drain() was called by a handler: its events wait for the next drain')
    this.#isDraining = true
    const endSeq = this.#seq
    let toldCount = 0
    try {
      while (this.#toldSeq < endSeq) {
        this.#skipMissed()
        if (this.#toldSeq >= endSeq) break
        // Counted as told before it is: whatever a handler does, nobody hears of an event twice.
        this.#toldSeq += 1
        this.#tell(this.#eventOf(this.#toldSeq))
        toldCount += 1
      }
    } finally {
      this.#isDraining = false
    }
    return toldCount
  }

  /** Handlers may publish too, so it can happen between any two events of a drain. */
  #skipMissed(): void {
    const missedCount = this.#oldestSeq() - 1 - this.#toldSeq
    if (missedCount <= 0) return
    this.#missed += missedCount
    this.#toldSeq += missedCount
  }

  #tell(event: BusEvent): void {
    let audience = this.#audiences.get(event.kind)
    if (audience === undefined) {
      audience = this.#subscriptions.filter(({ kinds }) => kinds === null || kinds.has(event.kind))
      this.#audiences.set(event.kind, audience)
    }
    for (let i = 0; i < audience.length; i++) {
      const subscription = audience[i]!
      if (!subscription.isActive) continue
      try {
        subscription.handler(event)
        this.#delivered += 1
      } catch (error) {
        this.#failed += 1
        this.#onHandlerError(error, event, subscription.id)
      }
    }
  }

  #oldestSeq(): number {
    return Math.max(this.#startSeq, this.#seq - this.#ring.length) + 1
  }

  #eventOf(seq: number): BusEvent {
    return this.#ring[(seq - this.#startSeq - 1) % this.#ring.length]!
  }

  #bounded(payload: BusPayload): BusPayload {
    let itemCount = 0
    for (const name in payload) {
      const value = payload[name]
      if (value !== null && (typeof value === 'object' || typeof value === 'function')) {
        throw new Error(`publishing: the payload's ${name} is not a plain value`)
      }
      itemCount += 1
    }
    if (itemCount <= this.#payloadItemsMax) return Object.freeze(payload)
    this.#truncated += 1
    const kept = Object.entries(payload).slice(0, this.#payloadItemsMax)
    return Object.freeze({ ...Object.fromEntries(kept), [TRUNCATED]: true })
  }
}
