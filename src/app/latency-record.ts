/** How long did it take? Keeps durations of a session and answers quantiles; bounded, oldest overwritten. */

const KEPT_MAX = 4_096

export class LatencyRecord {
  readonly #values: number[] = []
  #next = 0

  /** Real ms. */
  add(durationMs: number): void {
    this.#values[this.#next] = durationMs
    this.#next = (this.#next + 1) % KEPT_MAX
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
