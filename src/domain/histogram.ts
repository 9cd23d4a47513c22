/**
 * How are durations spread? Counts by bucket, as a reader of metrics expects them; adding allocates nothing.
 */

export type HistogramFacts = {
  /** Upper bounds in ms, ascending; one more bucket lies beyond the last. */
  readonly boundsMs: readonly number[]
  /** How many lay at or below each bound and above the one before; one more than there are bounds. */
  readonly counts: readonly number[]
  readonly sumMs: number
  /** The shortest of all; null: there was none, or nobody kept it. */
  readonly leastMs: number | null
}

export class Histogram {
  readonly boundsMs: readonly number[]
  readonly #counts: Float64Array
  #sumMs = 0
  #leastMs = Number.POSITIVE_INFINITY

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
    if (durationMs < this.#leastMs) this.#leastMs = durationMs
  }

  /** Goes on from what `facts` of a histogram with the same bounds said. */
  resume({ counts, sumMs, leastMs }: HistogramFacts): void {
    this.#counts.set(counts)
    this.#sumMs = sumMs
    this.#leastMs = leastMs ?? Number.POSITIVE_INFINITY
  }

  facts(): HistogramFacts {
    const leastMs = Number.isFinite(this.#leastMs) ? this.#leastMs : null
    return { boundsMs: this.boundsMs, counts: Array.from(this.#counts), sumMs: this.#sumMs, leastMs }
  }
}
