/**
 * Who hears of what the worker does? Everything that counts or watches is a subscriber of one bus, and what
 * happens is published once, where it happens. Told at the end of the turn, when nothing is half done: a
 * counter never sees a minute that is finalised and not yet handed to publication.
 *
 * The journal is what happened; this is only the news of it, within the process and for as long as it runs.
 */
import { EventBus, type SeqSource } from '../bus/event-bus.ts'
import type { Fact } from '../domain/fact.ts'
import type { Minute, UnixMs } from '../domain/time.ts'
import { atTurnEnd } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { LatencyRecord } from './latency-record.ts'

export const WORKER_STARTED = 'worker.started'
export const MINUTE_PUBLISHED = 'minute.published'
export const FEED_LIVE = 'feed.live'
export const FEED_LOST = 'feed.lost'
export const PACKETS_DROPPED = 'packets.dropped'
export const CLOCK_STEPPED = 'clock.stepped'

/** A worker has some hundred events an hour: this is more than a session. */
const RING_SIZE = 4_096

export class WorkerBus {
  readonly bus: EventBus
  #isDrainDue = false

  constructor(log: Log, seqs: SeqSource) {
    this.bus = new EventBus({
      ringSize: RING_SIZE,
      seqs,
      onHandlerError: (error, { kind }) => log.error('a subscriber failed', { kind, why: String(error) }),
    })
    // Seqs are reserved with the first event: now, and not when the disk is full and a packet waits.
    this.publish(WORKER_STARTED, 0 as UnixMs)
  }

  publish(...event: Parameters<EventBus['publish']>): void {
    this.bus.publish(...event)
    if (this.#isDrainDue) return
    this.#isDrainDue = true
    atTurnEnd(() => {
      this.#isDrainDue = false
      this.bus.drain()
    })
  }

  minutePublished(minute: Minute, latencyMs: number | null, atMs: UnixMs): void {
    this.publish(MINUTE_PUBLISHED, atMs, null, { minute, latencyMs })
  }

  /** Facts of the feed; those that nobody counts are not news. */
  fact(fact: Fact): void {
    if (fact.kind === 'live') this.publish(FEED_LIVE, fact.atMs, String(fact.shard), {})
    else if (fact.kind === 'lost')
      this.publish(FEED_LOST, fact.atMs, String(fact.shard), { reason: fact.reason })
    else if (fact.kind === 'dropped')
      this.publish(PACKETS_DROPPED, fact.atMs, String(fact.shard), { count: fact.count })
    else if (fact.kind === 'clock') this.publish(CLOCK_STEPPED, fact.atMs, null, { deltaMs: fact.deltaMs })
  }
}

/** What the summary, the live view and the metrics say of a run. */
export class WorkerCounters {
  readonly latencies: LatencyRecord = new LatencyRecord()
  publishedMinutes = 0
  liveCount = 0
  lostCount = 0

  constructor(bus: EventBus) {
    bus.subscribe(
      ({ payload: { latencyMs } }) => {
        this.publishedMinutes++
        if (typeof latencyMs === 'number') this.latencies.add(latencyMs)
      },
      { kinds: [MINUTE_PUBLISHED] },
    )
    bus.subscribe(() => void this.liveCount++, { kinds: [FEED_LIVE] })
    bus.subscribe(() => void this.lostCount++, { kinds: [FEED_LOST] })
  }
}

/** So many losses within the hour, and the line itself is the operator's matter. */
const FLAPPING_COUNT = 10
const FLAPPING_MS = 3_600_000

/** One error line when the feed flaps, and not again for as long. */
export function alertOfFlapping(bus: EventBus, log: Log): void {
  const losses: number[] = []
  bus.subscribe(
    ({ atMs, payload: { reason } }) => {
      if (reason === 'stopped') return
      losses.push(atMs)
      while (losses[0]! < atMs - FLAPPING_MS) losses.shift()
      if (losses.length < FLAPPING_COUNT) return
      losses.length = 0
      log.error('the feed was lost many times within the hour: look at the line and at the vendor', {
        times: FLAPPING_COUNT,
      })
    },
    { kinds: [FEED_LOST] },
  )
}
