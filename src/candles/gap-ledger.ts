/**
 * When could a shard's feed be trusted? The answer decides `complete`, so it errs on one side: a
 * minute is vouched for only when no gap touches it AND the shard gave a sign of life at or after the
 * minute's end. A socket that went dead at 10:00:50 has not been noticed at 10:01:02, but nothing has
 * come from it since, so the minute 10:00 is not called complete.
 *
 * `epoch` counts the gaps of a shard. An instrument remembers the epoch of its last packet: where the
 * two differ, a gap lies between that packet and the next, and a rise of volume straddles it.
 */
import type { LostReason } from '../domain/fact.ts'
import type { Gap } from '../domain/gap.ts'
import type { UnixMs } from '../domain/time.ts'

type OpenGap = { shard: number; fromMs: UnixMs; toMs: UnixMs | null; reason: LostReason; detail: string }

export class GapLedger {
  readonly #gaps: OpenGap[] = []
  /** The same gaps by shard, in the order of their start. */
  readonly #ofShard = new Map<number, OpenGap[]>()
  /** Per shard: the gap that is open now, or undefined. */
  readonly #open: (OpenGap | undefined)[] = []
  /** Per shard; read by the hot path. */
  readonly epoch: Int32Array
  /** Per shard: receive time of the last sign of life, Unix ms; 0 before the first. */
  readonly lastReceivedMs: Float64Array

  constructor(shardsMax: number) {
    this.epoch = new Int32Array(shardsMax)
    this.lastReceivedMs = new Float64Array(shardsMax)
  }

  /** Opens a gap, or does nothing when the shard is in one already (the first reason is the cause). */
  lose(shard: number, fromMs: UnixMs, reason: LostReason, detail: string): void {
    if (this.#open[shard] !== undefined) return
    const gap: OpenGap = { shard, fromMs, toMs: null, reason, detail }
    this.#open[shard] = gap
    this.#gaps.push(gap)
    const siblings = this.#ofShard.get(shard)
    if (siblings === undefined) this.#ofShard.set(shard, [gap])
    else siblings.push(gap)
  }

  /**
   * Ends the shard's gap. `tradedSinceMs` is when the first trade of the day can happen: a gap that
   * ends before it hides nothing and does not count as one that a rise of volume can straddle.
   */
  restore(shard: number, toMs: UnixMs, tradedSinceMs: UnixMs): void {
    const gap = this.#open[shard]
    if (gap === undefined) return
    gap.toMs = toMs
    this.#open[shard] = undefined
    if (toMs > tradedSinceMs) this.epoch[shard]!++
  }

  /** Counts a gap at its start too: while it lasts, single quotes may still arrive by REST. */
  bump(shard: number): void {
    this.epoch[shard]!++
  }

  isOpen(shard: number): boolean {
    return this.#open[shard] !== undefined
  }

  overlaps(shard: number, fromMs: number, toMs: number): boolean {
    const gaps = this.#ofShard.get(shard) ?? []
    // From the back: what is asked about is recent.
    for (let at = gaps.length - 1; at >= 0; at--) {
      const gap = gaps[at]!
      if (gap.fromMs < toMs && (gap.toMs === null || gap.toMs > fromMs)) return true
    }
    return false
  }

  /** True when everything that the shard sent before `toMs` has been received. */
  vouchesFor(shard: number, fromMs: number, toMs: number): boolean {
    return this.lastReceivedMs[shard]! >= toMs && !this.overlaps(shard, fromMs, toMs)
  }

  gaps(): readonly Gap[] {
    return this.#gaps
  }

  openCount(): number {
    return this.#open.filter((gap) => gap !== undefined).length
  }
}
