/** How busy is the running worker? From the daemon's metrics, two looks of which make a rate. */
import { SECOND_MS } from '../domain/time.ts'
import type { Clock } from '../platform/clock.ts'
import type { WatchWorker } from '../terminal/watch-snapshot.ts'
import { figureOf, type Metrics, quantileOf, sumOf } from './status-daemon.ts'

const RATES_KEPT = 120

export class WorkerReading {
  readonly #clock: Clock
  readonly #rates: number[] = []
  #packetCount: number | null = null
  #readMonoMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Null while no worker runs: then the daemon tells of no sockets. */
  read(metrics: Metrics): WatchWorker | null {
    const value = (name: string): number | null => figureOf(metrics, `chandler_${name}`)
    const ms = (seconds: number | null): number | null => (seconds === null ? null : seconds * SECOND_MS)
    const quantile = (name: string, share: number): number | null =>
      ms(quantileOf(metrics, `chandler_${name}`, share))
    const shardCount = value('feed_shards')
    if (shardCount === null) {
      this.#forget()
      return null
    }
    const packetCount = value('packets_total') ?? 0
    return {
      packetCount,
      packetsPerSecond: this.#rate(packetCount),
      packetRates: [...this.#rates],
      candleCount: value('candles_finalised_total'),
      minuteCount: value('minutes_published_total'),
      lateCount: value('late_ticks_total'),
      rejectedCount: sumOf(metrics, 'chandler_packets_rejected_total'),
      shardCount,
      liveCount: value('feed_shards_live'),
      tickSilentMs: ms(value('feed_tick_silent_seconds')),
      openGapCount: value('gaps_open'),
      finaliseP50Ms: quantile('finalise_seconds', 0.5),
      finaliseP99Ms: quantile('finalise_seconds', 0.99),
      syncP99Ms: quantile('journal_sync_seconds', 0.99),
      journalLagBytes: value('journal_lag_bytes'),
      rssBytes:
        metrics.find(({ name, labels }) => {
          return name === 'chandler_resident_memory_bytes' && labels.process === 'worker'
        })?.value ?? null,
    }
  }

  #rate(packetCount: number): number | null {
    const monoMs = this.#clock.monoMs()
    const seconds = (monoMs - this.#readMonoMs) / this.#clock.speed / SECOND_MS
    const before = this.#packetCount
    this.#packetCount = packetCount
    this.#readMonoMs = monoMs
    // A count that fell is another session's.
    if (before === null || packetCount < before || seconds <= 0) return null
    const rate = (packetCount - before) / seconds
    this.#rates.push(rate)
    if (this.#rates.length > RATES_KEPT) this.#rates.shift()
    return rate
  }

  #forget(): void {
    this.#packetCount = null
    this.#rates.length = 0
  }
}
