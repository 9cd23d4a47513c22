/**
 * When may what the journal tells be believed, shard by shard and instrument by instrument? Reads the facts
 * of runs and connections, and answers whether all that the vendor sent of a minute has been received.
 *
 * Shards are numbered anew when a run deals the instruments out differently: an id is a shard of one deal,
 * and shard 0 of the morning is not shard 0 of the afternoon.
 */
import type { Fact } from '../domain/fact.ts'
import type { Gap } from '../domain/gap.ts'
import { instrumentKey } from '../domain/instrument.ts'
import { type Minute, minuteEnd, minuteStart, type UnixMs } from '../domain/time.ts'
import type { StateReader, StateWriter } from '../platform/saved-state.ts'
import { Absences } from './absences.ts'
import { GapLedger } from './gap-ledger.ts'

export type StartFact = Extract<Fact, { kind: 'start' }>

type SavedTrust = {
  readonly carriers: number[][]
  readonly connectedMs: Map<number, UnixMs>
  readonly awaited: Map<number, number>
  readonly deal: number
  readonly tradedSinceMs: UnixMs
}

const SHARDS_PER_DEAL = 8
const DEALS_MAX = 1_024

export class FeedTrust {
  readonly gaps: GapLedger = new GapLedger(SHARDS_PER_DEAL * DEALS_MAX)
  readonly #absences = new Absences()
  /** By instrument: ids of the shards that carried it today, the last one last. */
  #carriers: number[][] = []
  /** By shard id: when its socket was opened. */
  #connectedMs = new Map<number, UnixMs>()
  /** Ids of shards that have not spoken since entries were found missing, and when they last did. */
  #awaited = new Map<number, number>()
  #start: StartFact | null = null
  #deal = -1
  /** When the first trade of the day can happen. */
  #tradedSinceMs = 0 as UnixMs

  /**
   * A run begins, untrusted: until a shard is live, nothing that was traded can be known. `indices`: the
   * run's instruments, in the order of its list.
   */
  begin(fact: StartFact, indices: readonly number[], tradedSinceMs: UnixMs): void {
    const isFirst = this.#start === null
    const isSameDeal = this.#start !== null && isDealtAlike(this.#start, fact)
    this.#tradedSinceMs = tradedSinceMs
    this.#awaited.clear()
    if (!isSameDeal) {
      this.#handOver(fact.atMs)
      this.#deal++
      if (this.#deal >= DEALS_MAX) throw new Error('instruments were dealt out anew too often in one day')
    }
    this.#start = fact
    this.#carry(fact, indices)
    for (const id of this.#shardIds()) {
      const heardMs = this.gaps.lastReceivedMs[id]!
      const fromMs = heardMs > 0 ? heardMs : isFirst ? Math.min(tradedSinceMs, fact.atMs) : fact.atMs
      this.#lose(id, fromMs as UnixMs, fact.atMs)
    }
  }

  /** Instruments move to other shards: the old shards' gap ends where the new shards' gap begins. */
  #handOver(atMs: UnixMs): void {
    for (const id of this.#shardIds()) {
      const heardMs = (this.gaps.lastReceivedMs[id]! || this.#tradedSinceMs) as UnixMs
      this.#lose(id, heardMs, atMs)
      this.gaps.restore(id, atMs, this.#tradedSinceMs)
    }
  }

  #carry(fact: StartFact, indices: readonly number[]): void {
    const carried = new Set(indices)
    for (const [position, index] of indices.entries()) {
      const shardId = this.shardId(fact.shards[position]!)
      const carriers = this.#carriers[index]
      if (carriers === undefined) {
        this.#carriers[index] = [shardId]
        this.#absences.begin(index, Number.NEGATIVE_INFINITY)
      } else if (carriers.at(-1) !== shardId) carriers.push(shardId)
    }
    this.#absences.end(fact.atMs, (index) => carried.has(index))
    for (const index of this.#carriers.keys()) {
      if (!carried.has(index)) this.#absences.begin(index, fact.atMs)
    }
  }

  #lose(id: number, fromMs: UnixMs, atMs: UnixMs): void {
    this.gaps.lose(id, fromMs, 'stopped', 'the worker was not running')
    if (atMs > this.#tradedSinceMs) this.gaps.distrust(id)
  }

  connect(shard: number, atMs: UnixMs): void {
    const id = this.shardId(shard)
    this.#connectedMs.set(id, atMs)
    this.#absences.end(atMs, (index) => this.#carriers[index]!.at(-1) === id)
  }

  live(shard: number, atMs: UnixMs): void {
    const id = this.shardId(shard)
    this.#received(id, atMs)
    this.#awaited.delete(id)
    this.gaps.restore(id, atMs, this.#tradedSinceMs)
  }

  alive(shard: number, atMs: UnixMs, askedMs: UnixMs): void {
    const id = this.shardId(shard)
    this.#received(id, atMs)
    this.resume()
    this.gaps.answer(id, askedMs)
  }

  lost(fact: Extract<Fact, { kind: 'lost' }>): void {
    const id = this.shardId(fact.shard)
    this.#awaited.delete(id)
    this.gaps.lose(id, fact.fromMs, fact.reason, fact.detail)
    if (fact.atMs > this.#tradedSinceMs) this.gaps.distrust(id)
  }

  /** The vendor does not send the instrument on the socket that is open. */
  refused(index: number, atMs: UnixMs): void {
    this.#absences.begin(index, this.#connectedMs.get(this.#carriers[index]!.at(-1)!) ?? atMs)
  }

  /** Entries of the journal are not readable: what they told is not known, of any shard. */
  missed(): void {
    for (const id of this.#shardIds()) {
      const heardMs = this.gaps.lastReceivedMs[id]!
      this.gaps.lose(id, heardMs as UnixMs, 'damaged', 'entries of the journal are not readable')
      if (heardMs > this.#tradedSinceMs) this.gaps.distrust(id)
      this.#awaited.set(id, heardMs)
    }
  }

  /** After each entry that can be a sign of life: the first one ends the gap that missing entries left. */
  resume(): void {
    if (this.#awaited.size === 0) return
    for (const [id, heardMs] of this.#awaited) {
      const againMs = this.gaps.lastReceivedMs[id]!
      if (againMs <= heardMs) continue
      this.#awaited.delete(id)
      this.gaps.restore(id, againMs as UnixMs, this.#tradedSinceMs)
    }
  }

  /** The timer fired: a minute has passed. */
  countMinute(): void {
    for (let shard = 0; shard < SHARDS_PER_DEAL; shard++) this.gaps.countMinute(this.shardId(shard))
  }

  /** No more entries come: what was live is trusted up to its last sign of life. */
  end(): void {
    for (const id of this.#shardIds()) {
      this.gaps.lose(id, this.gaps.lastReceivedMs[id]! as UnixMs, 'stopped', 'the journal ends')
    }
  }

  /**
   * Whether all that was sent of the instrument's minute has come. `isTickDue`: trading went on, see
   * GapLedger.
   */
  vouchesFor(index: number, minute: Minute, isTickDue: boolean): boolean {
    const { gaps } = this
    const fromMs = minuteStart(minute)
    const toMs = minuteEnd(minute)
    const graceMs = this.#start?.graceMs ?? 0
    const carriers = this.#carriers[index] ?? []
    const carrying = carriers.at(-1)
    if (carrying === undefined || gaps.provenMs(carrying) < toMs) return false
    if (isTickDue && gaps.toldMs[carrying]! < toMs && gaps.isBusy(carrying, graceMs)) return false
    if (this.#absences.overlaps(index, fromMs, toMs)) return false
    // A tick of the minute may still have been on its way: a feed that is lost within the grace loses it.
    return carriers.every((id) => !gaps.overlaps(id, fromMs, toMs, graceMs))
  }

  shardId(shard: number): number {
    return this.#deal * SHARDS_PER_DEAL + shard
  }

  /** With the shards' own numbers. */
  toldGaps(): readonly Gap[] {
    return this.gaps.gaps().map((gap) => ({ ...gap, shard: gap.shard % SHARDS_PER_DEAL }))
  }

  /** All but the start fact, which the fold saves. */
  save(writer: StateWriter): void {
    const saved: SavedTrust = {
      carriers: this.#carriers,
      connectedMs: this.#connectedMs,
      awaited: this.#awaited,
      deal: this.#deal,
      tradedSinceMs: this.#tradedSinceMs,
    }
    writer.value(saved)
    this.#absences.save(writer)
    this.gaps.save(writer, (this.#deal + 1) * SHARDS_PER_DEAL)
  }

  load(reader: StateReader, start: StartFact | null): void {
    const saved = reader.value<SavedTrust>()
    this.#carriers = saved.carriers
    this.#connectedMs = saved.connectedMs
    this.#awaited = saved.awaited
    this.#deal = saved.deal
    this.#tradedSinceMs = saved.tradedSinceMs
    this.#start = start
    this.#absences.load(reader)
    this.gaps.load(reader)
  }

  #shardIds(): readonly number[] {
    return [...new Set(this.#start?.shards ?? [])].map((shard) => this.shardId(shard))
  }

  #received(id: number, atMs: UnixMs): void {
    if (atMs > this.gaps.lastReceivedMs[id]!) this.gaps.lastReceivedMs[id] = atMs
  }
}

/** True when the same instruments sit in the same shards, so that shard numbers mean the same. */
function isDealtAlike(a: StartFact, b: StartFact): boolean {
  return (
    a.instruments.length === b.instruments.length &&
    a.instruments.every(
      (instrument, position) =>
        instrumentKey(instrument) === instrumentKey(b.instruments[position]!) &&
        a.shards[position] === b.shards[position],
    )
  )
}
