/** How long did it take? Keeps durations of a session and answers quantiles; bounded, oldest overwritten. */
import { Histogram } from '../domain/histogram.ts'

const KEPT_MAX = 4_096

/** In real ms. */
export type LatencySummary = {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

const BOUNDS_MS = [5, 10, 20, 50, 100, 250, 500, 1_000, 5_000]

export class LatencyRecord {
  /** All that were ever added, unlike the quantiles, which are of those kept. */
  readonly histogram: Histogram = new Histogram(BOUNDS_MS)
  readonly #values: number[] = []
  #next = 0

  /** Real ms. */
  add(durationMs: number): void {
    this.histogram.add(durationMs)
    this.#values[this.#next] = durationMs
    this.#next = (this.#next + 1) % KEPT_MAX
  }

  /** Null when nothing was measured. */
  summary(): LatencySummary | null {
    const [p50Ms, p99Ms, maxMs] = [this.quantile(0.5), this.quantile(0.99), this.quantile(1)]
    if (p50Ms === null || p99Ms === null || maxMs === null) return null
    return { count: this.count(), p50Ms, p99Ms, maxMs }
  }

  count(): number {
    return this.#values.length
  }

  /** The duration below which `share` of those kept lie (nearest rank); null when there are none. */
  quantile(share: number): number | null {
    if (this.#values.length === 0) return null
    const sorted = this.#values.toSorted((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))]!
  }
}
