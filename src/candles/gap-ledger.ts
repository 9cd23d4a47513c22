/**
 * When could a shard's feed be trusted? The answer decides `complete`, so it errs on one side: a
 * minute is vouched for only when no gap touches it or its grace AND it is proven that all of the minute has
 * arrived. A socket that went dead at 10:00:50 has not been noticed at 10:01:02, but nothing has come from it
 * since, so the minute 10:00 is not called complete. One that broke at 10:01:00.1 may have taken a tick of
 * 10:00:59.9 with it that was still on its way.
 *
 * That something was received after the minute's end proves nothing: over a slow link it may be half a minute
 * old. What was sent at or after the minute's end proves it, because TCP keeps the order: a packet that the
 * exchange stamped so, or the answer to a ping of ours that left then. Not even the answer to a ping is
 * enough where packets should have come with it: a feed that brought so many a minute that dozens were due
 * within the grace, and brings none, is alive and mute, and the watchdog will say so later.
 *
 * `epoch` counts the gaps of a shard. An instrument remembers the shard's `mark` at its last packet: where it
 * is not the epoch, a gap lies between that packet and the next, and a rise of volume straddles it. While a
 * gap lasts the mark is no epoch at all: between two quotes that were asked for meanwhile the gap lies too.
 */
import type { LostReason } from '../domain/fact.ts'
import type { Gap } from '../domain/gap.ts'
import { MINUTE_MS, type UnixMs } from '../domain/time.ts'
import type { Cells, StateReader, StateWriter } from '../platform/saved-state.ts'

/** So many packets must have been due within the grace before their absence speaks. */
const DUE_COUNT_MIN = 20

const NO_EPOCH = -1

/** `lostMs`: when it was lost as far as was seen; `fromMs` is no later, see `lose`. */
type OpenGap = {
  shard: number
  fromMs: UnixMs
  lostMs: UnixMs
  toMs: UnixMs | null
  reason: LostReason
  detail: string
  unattributedVolume: number
}

export class GapLedger {
  readonly #gaps: OpenGap[] = []
  /** The same gaps by shard, in the order of their start. */
  readonly #ofShard = new Map<number, OpenGap[]>()
  /** Per shard: the gap that is open now, or undefined. */
  readonly #open: (OpenGap | undefined)[] = []
  /** Per shard; read by the hot path. */
  readonly epoch: Int32Array
  /** Per shard: what its instruments remember of a packet that comes now. */
  readonly mark: Int32Array
  /** Per shard: receive time of the last sign of life, Unix ms; 0 before the first. */
  readonly lastReceivedMs: Float64Array
  /** Per shard: the exchange's time of its newest packet, but no later than its receipt. */
  readonly toldMs: Float64Array
  /** Per shard: packets that were used. */
  readonly #tickCount: Float64Array
  /** Per shard: what was sent before this moment has arrived or lies in a gap, says a pong or a gap's end. */
  readonly #answeredMs: Float64Array
  /** Per shard: `#tickCount` when the timer fired last, and how many came in the last two minutes. */
  readonly #countedTicks: Float64Array
  readonly #pace: Float64Array
  readonly #paceBefore: Float64Array

  constructor(shardsMax: number) {
    this.epoch = new Int32Array(shardsMax)
    this.mark = new Int32Array(shardsMax)
    this.lastReceivedMs = new Float64Array(shardsMax)
    this.toldMs = new Float64Array(shardsMax)
    this.#tickCount = new Float64Array(shardsMax)
    this.#answeredMs = new Float64Array(shardsMax)
    this.#countedTicks = new Float64Array(shardsMax)
    this.#pace = new Float64Array(shardsMax)
    this.#paceBefore = new Float64Array(shardsMax)
  }

  /** A packet was used; the hot path. */
  tell(shard: number, exchangeMs: number, receivedMs: number): void {
    const atMs = exchangeMs < receivedMs ? exchangeMs : receivedMs
    if (atMs > this.toldMs[shard]!) this.toldMs[shard] = atMs
    this.#tickCount[shard]!++
  }

  /** A pong came that answers a ping of `askedMs`. */
  answer(shard: number, askedMs: UnixMs): void {
    if (askedMs > this.#answeredMs[shard]!) this.#answeredMs[shard] = askedMs
  }

  /** What was sent before this moment has arrived or lies in a gap; 0 before the first proof. */
  provenMs(shard: number): number {
    return Math.max(this.toldMs[shard]!, this.#answeredMs[shard]!)
  }

  /** The timer fired: a minute has passed. */
  countMinute(shard: number): void {
    this.#paceBefore[shard] = this.#pace[shard]!
    this.#pace[shard] = this.#tickCount[shard]! - this.#countedTicks[shard]!
    this.#countedTicks[shard] = this.#tickCount[shard]!
  }

  /** Whether no packet for `durationMs` would be a sign by itself, at the pace of the last two minutes. */
  isBusy(shard: number, durationMs: number): boolean {
    const perMinute = Math.max(this.#pace[shard]!, this.#paceBefore[shard]!)
    return (perMinute * durationMs) / MINUTE_MS >= DUE_COUNT_MIN
  }

  /**
   * Opens a gap, or does nothing when the shard is in one already (the first reason is the cause). What had
   * been sent and was still on its way is lost too, so it begins no later than what is proven.
   */
  lose(shard: number, lostMs: UnixMs, reason: LostReason, detail: string): void {
    if (this.#open[shard] !== undefined) return
    const provenMs = this.provenMs(shard) as UnixMs
    const fromMs = provenMs > 0 && provenMs < lostMs ? provenMs : lostMs
    const gap: OpenGap = { shard, fromMs, lostMs, toMs: null, reason, detail, unattributedVolume: 0 }
    this.#list(gap)
  }

  #list(gap: OpenGap): void {
    const { shard } = gap
    if (gap.toMs === null) this.#open[shard] = gap
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
    this.answer(shard, toMs)
    this.#open[shard] = undefined
    if (toMs > tradedSinceMs) this.epoch[shard]!++
    this.mark[shard] = this.epoch[shard]!
  }

  /** From now until the gap ends, packets that come all the same lie across it, each by itself. */
  distrust(shard: number): void {
    this.epoch[shard]!++
    this.mark[shard] = NO_EPOCH
  }

  /** Shares were traded across the shard's last gap, and nobody can say in which minute. */
  noteUnattributed(shard: number, shares: number): void {
    const gap = this.#ofShard.get(shard)?.at(-1)
    if (gap !== undefined) gap.unattributedVolume += shares
  }

  /** Whether a gap touches [fromMs, toMs), or the shard was lost within the grace that follows. */
  overlaps(shard: number, fromMs: number, toMs: number, graceMs: number): boolean {
    const gaps = this.#ofShard.get(shard) ?? []
    // From the back: what is asked about is recent.
    for (let at = gaps.length - 1; at >= 0; at--) {
      const gap = gaps[at]!
      const isBegun = gap.fromMs < toMs || gap.lostMs < toMs + graceMs
      if (isBegun && (gap.toMs === null || gap.toMs > fromMs)) return true
    }
    return false
  }

  gaps(): readonly Gap[] {
    return this.#gaps.map(({ lostMs: _, ...gap }) => gap)
  }

  openCount(): number {
    return this.#open.filter((gap) => gap !== undefined).length
  }

  /** `shardCount`: how many shards there were so far; of the others there is nothing to tell. */
  save(writer: StateWriter, shardCount: number): void {
    writer.value(this.#gaps)
    for (const cells of this.#ofEachShard()) writer.cells(cells.subarray(0, shardCount))
  }

  /** Into a new ledger. */
  load(reader: StateReader): void {
    for (const gap of reader.value<OpenGap[]>()) this.#list(gap)
    for (const cells of this.#ofEachShard()) {
      cells.set(cells instanceof Int32Array ? reader.int32() : reader.float64())
    }
  }

  #ofEachShard(): readonly Cells[] {
    return [
      this.epoch,
      this.mark,
      this.lastReceivedMs,
      this.toldMs,
      this.#tickCount,
      this.#answeredMs,
      this.#countedTicks,
      this.#pace,
      this.#paceBefore,
    ]
  }
}
