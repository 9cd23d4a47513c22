/** How are durations spread? Counts by bucket, as a reader of metrics expects them; adding allocates nothing. */

export type HistogramFacts = {
  /** Upper bounds in ms, ascending; one more bucket lies beyond the last. */
  readonly boundsMs: readonly number[]
  /** How many lay at or below each bound and above the one before; one more than there are bounds. */
  readonly counts: readonly number[]
  readonly sumMs: number
}

export class Histogram {
  readonly boundsMs: readonly number[]
  readonly #counts: Float64Array
  #sumMs = 0

  constructor(boundsMs: readonly number[]) {
    this.boundsMs = boundsMs
    this.#counts = new Float64Array(boundsMs.length + 1)
  }

  /** Most durations are short: the search begins at the shortest. */
  add(durationMs: number): void {
    const { boundsMs } = this
    let bucket = 0
    while (bucket < boundsMs.length && durationMs > boundsMs[bucket]!) bucket++
    this.#counts[bucket]!++
    this.#sumMs += durationMs
  }

  facts(): HistogramFacts {
    return { boundsMs: this.boundsMs, counts: Array.from(this.#counts), sumMs: this.#sumMs }
  }
}
