/**
 * What do the journal's entries add up to? The candle fold: state and candles are a pure function of
 * entries in their order. Live feeds it entries as they are appended, replay feeds it the same entries
 * from disk, so the same journal always gives the same candles and a crash is only a pause.
 *
 * The fold never asks for the time and never waits. A minute ends because an entry says that the timer
 * fired, a gap begins because an entry says that the feed was lost.
 */
import type { CandleColumns } from '../domain/candle.ts'
import { decodeFact, ENTRY_FACT, ENTRY_PACKETS, type Fact } from '../domain/fact.ts'
import type { Gap } from '../domain/gap.ts'
import { bySymbol, type Instrument, instrumentKey } from '../domain/instrument.ts'
import { PACKET_OUTCOMES } from '../domain/tick.ts'
import { type MarketDate, type Minute, minuteOf, type UnixMs } from '../domain/time.ts'
import type { StreamVenue } from '../domain/venue.ts'
import { finaliseMinute, isVouchedBy } from './finalise.ts'
import { GapLedger } from './gap-ledger.ts'
import {
  IN_CANDLES,
  IN_CLOSING_AUCTION,
  IN_OTHER,
  IN_PRE_OPEN,
  InstrumentState,
  LATE,
  LATE_COUNT,
  PREVIOUS_PRICE,
  PREVIOUS_VOLUME,
  PRICE_SCALE,
  UNATTRIBUTED,
} from './instrument-state.ts'
import { InstrumentTable } from './instrument-table.ts'
import { type Lateness, OpenMinutes } from './open-minutes.ts'
import { PacketFold } from './packet-fold.ts'
import { PhaseTable } from './phase-table.ts'

export type FoldVenue = Pick<
  StreamVenue,
  'decodePacket' | 'carriesVolume' | 'hasVolume' | 'hasSequence' | 'parseQuotes'
>

export type StartFact = Extract<Fact, { kind: 'start' }>
export type HistoryFact = Extract<Fact, { kind: 'history' }>

export type FoldOptions = {
  readonly venue: FoldVenue
  readonly lateness: Lateness
  /** Called once for every finalised minute, in order, silent ones with no rows. */
  readonly onCandles?: (minute: Minute, columns: CandleColumns) => void
}

/** Where the day's volume of one instrument went; all in shares. */
export type VolumeAccount = {
  readonly inCandles: number
  readonly inPreOpen: number
  readonly inClosingAuction: number
  readonly inOther: number
  readonly unattributed: number
  readonly late: number
  readonly lateCount: number
  readonly dayVolume: number
}

/** Shards are numbered anew when a restart deals the instruments out differently. */
const SHARDS_PER_DEAL = 8
const DEALS_MAX = 1_024
const REST_PRICE_SCALE = 100

export class CandleFold {
  readonly #options: FoldOptions
  readonly #state = new InstrumentState()
  readonly #gaps = new GapLedger(SHARDS_PER_DEAL * DEALS_MAX)
  readonly #minutes: OpenMinutes
  readonly #packets: PacketFold
  readonly #instruments: Instrument[] = []
  readonly #indexOf = new Map<string, number>()
  /** Per instrument: the shard ids that carried it today, the carrying one last. */
  readonly #carriers: number[][] = []
  #order = new Int32Array(0)
  #phases: PhaseTable | null = null
  #start: StartFact | null = null
  #deal = -1
  #connectionsMax = -1
  #droppedCount = 0
  /** The vendor's answers, kept by a fold for settle only. */
  readonly history: HistoryFact[] = []

  constructor(options: FoldOptions) {
    this.#options = options
    this.#minutes = new OpenMinutes(options.lateness)
    this.#packets = new PacketFold({
      decode: options.venue.decodePacket,
      state: this.#state,
      gaps: this.#gaps,
      minutes: this.#minutes,
    })
  }

  /** Folds one journal entry. `view` covers the same memory as `bytes`. Other types are ignored. */
  entry(
    type: number,
    count: number,
    bytes: Uint8Array,
    view: DataView,
    offset: number,
    length: number,
  ): void {
    if (type === ENTRY_PACKETS) this.#packets.packets(bytes, view, offset, count)
    else if (type === ENTRY_FACT) this.fact(decodeFact(bytes.subarray(offset, offset + length)))
  }

  fact(fact: Fact): void {
    switch (fact.kind) {
      case 'start':
        this.#onStart(fact)
        break
      case 'minute':
        this.#onMinute(fact.minute)
        break
      case 'connect':
        this.#connectionsMax = Math.max(this.#connectionsMax, fact.connection)
        this.#packets.connect(fact.connection, this.#shardId(fact.shard))
        break
      case 'live':
        this.#received(fact.shard, fact.atMs)
        this.#gaps.restore(this.#shardId(fact.shard), fact.atMs, this.#tradedSinceMs())
        break
      case 'alive':
        this.#received(fact.shard, fact.atMs)
        break
      case 'lost':
        this.#onLost(fact)
        break
      case 'refused':
        for (const index of fact.instruments) this.#refuse(index)
        break
      case 'quotes':
        this.#onQuotes(fact.body)
        break
      case 'history':
        // Only settle uses it; a live worker must not hold a day of answers in memory.
        if (this.#options.lateness === 'settle') this.history.push(fact)
        break
      case 'dropped':
        this.#droppedCount += fact.count
        break
      case 'note':
      case 'clock':
      case 'recovery':
      case 'stop':
        break
    }
  }

  #onStart(fact: StartFact): void {
    const isSameDeal = this.#start !== null && isDealtAlike(this.#start, fact)
    this.#phases = new PhaseTable(fact.phases)
    if (!isSameDeal) {
      this.#handOver(fact.atMs)
      this.#deal++
      if (this.#deal >= DEALS_MAX) throw new Error('instruments were dealt out anew too often in one day')
    }
    for (const [position, instrument] of fact.instruments.entries()) {
      this.#admit(fact, instrument, position, isSameDeal)
    }
    this.#order = Int32Array.from(this.#instruments.keys()).sort((a, b) =>
      bySymbol(this.#instruments[a]!, this.#instruments[b]!),
    )
    this.#minutes.start(minuteOf(this.#phases.continuousFromMs), this.#instruments.length)
    const table = new InstrumentTable(this.#instruments)
    this.#packets.start(table, this.#phases, Date.parse(`${fact.date}T00:00:00Z`) - fact.utcOffsetMs)
    const isFirst = this.#start === null
    this.#start = fact
    this.#openWithGap(fact, isFirst)
  }

  #admit(fact: StartFact, instrument: Instrument, position: number, isSameDeal: boolean): void {
    const key = instrumentKey(instrument)
    let index = this.#indexOf.get(key)
    if (index === undefined) {
      index = this.#instruments.length
      this.#instruments.push(instrument)
      this.#indexOf.set(key, index)
      this.#carriers.push([])
      if (this.#state.shardId.length <= index) {
        this.#state.grow(Math.max(fact.instruments.length, index + 1))
      }
    }
    const { venue } = this.#options
    const state = this.#state
    const shardId = this.#shardId(fact.shards[position]!)
    state.shardId[index] = shardId
    state.phaseClass[index] = fact.phaseOf[position]!
    state.hasVolume[index] = venue.carriesVolume(fact.mode) && venue.hasVolume(instrument) ? 1 : 0
    state.hasSequence[index] = venue.hasSequence(instrument) ? 1 : 0
    if (!isSameDeal) this.#carriers[index]!.push(shardId)
    // Epochs of different shards do not compare: whatever came before lies across a gap.
    state.setSeenEpoch(index, -1)
  }

  /** A run begins untrusted: until a shard is live, nothing that was traded can be known. */
  #openWithGap(fact: StartFact, isFirst: boolean): void {
    const tradedSinceMs = this.#tradedSinceMs()
    for (const shard of new Set(fact.shards)) {
      const id = this.#shardId(shard)
      const heardMs = this.#gaps.lastReceivedMs[id]!
      const fromMs = heardMs > 0 ? heardMs : isFirst ? Math.min(tradedSinceMs, fact.atMs) : fact.atMs
      this.#gaps.lose(id, fromMs as UnixMs, 'stopped', 'the worker was not running')
    }
    if (isFirst && fact.atMs <= tradedSinceMs) this.#state.trustFromStart()
  }

  #onLost(fact: Extract<Fact, { kind: 'lost' }>): void {
    const id = this.#shardId(fact.shard)
    this.#gaps.lose(id, fact.fromMs, fact.reason, fact.detail)
    if (fact.atMs > this.#tradedSinceMs()) this.#gaps.bump(id)
  }

  /** Instruments move to other shards: the old shards' gap ends where the new shards' gap begins. */
  #handOver(atMs: UnixMs): void {
    for (const shard of new Set(this.#start?.shards ?? [])) {
      const id = this.#shardId(shard)
      const heardMs = (this.#gaps.lastReceivedMs[id]! || this.#tradedSinceMs()) as UnixMs
      this.#gaps.lose(id, heardMs, 'stopped', 'the worker was not running')
      this.#gaps.restore(id, atMs, this.#tradedSinceMs())
    }
  }

  #received(shard: number, atMs: UnixMs): void {
    const id = this.#shardId(shard)
    if (atMs > this.#gaps.lastReceivedMs[id]!) this.#gaps.lastReceivedMs[id] = atMs
  }

  #onMinute(upTo: Minute): void {
    for (let minute = this.#minutes.firstOpen(); minute <= upTo; minute = (minute + 1) as Minute) {
      const onCandles = this.#options.onCandles
      this.#minutes.advancePast(minute)
      if (onCandles !== undefined) onCandles(minute, this.columnsOf(minute))
    }
  }

  /** The minute as it stands, in the order of the symbols. Live: only while its window slot is unused. */
  columnsOf(minute: Minute): CandleColumns {
    const open = this.#minutes.peek(minute)
    return finaliseMinute(open, this.#order, { state: this.#state, isVouched: this.isVouched })
  }

  /** True when all that the vendor sent of the instrument's minute has been received. */
  readonly isVouched = (index: number, minute: Minute): boolean =>
    this.#state.refused[index] === 0 && isVouchedBy(this.#gaps, this.#carriers[index]!, minute)

  #refuse(position: number): void {
    const instrument = this.#start?.instruments[position]
    const index = instrument === undefined ? undefined : this.#indexOf.get(instrumentKey(instrument))
    if (index !== undefined) this.#state.refused[index] = 1
  }

  #onQuotes(body: string): void {
    const answer = this.#options.venue.parseQuotes({ status: 200, headers: {}, body })
    if (!answer.ok) return
    for (const quote of answer.value) {
      const index = this.indexOf(quote)
      const scale = index === undefined ? 0 : this.#state.get(index, PRICE_SCALE)
      this.#packets.quote(quote, scale || REST_PRICE_SCALE)
    }
  }

  /** Says that no more entries come: what was live is trusted up to its last sign of life. */
  end(): void {
    for (const shard of new Set(this.#start?.shards ?? [])) {
      const id = this.#shardId(shard)
      const lastMs = this.#gaps.lastReceivedMs[id]! as UnixMs
      this.#gaps.lose(id, lastMs, 'stopped', 'the journal ends')
    }
  }

  #shardId(shard: number): number {
    return this.#deal * SHARDS_PER_DEAL + shard
  }

  #tradedSinceMs(): UnixMs {
    return (this.#phases?.tradedSinceMs ?? 0) as UnixMs
  }

  // What readers ask; all cold.

  startFact(): StartFact | null {
    return this.#start
  }

  instruments(): readonly Instrument[] {
    return this.#instruments
  }

  /** Instrument indices in the order of their symbols. */
  order(): Int32Array {
    return this.#order
  }

  indexOf(instrument: { readonly exchange: string; readonly token: string }): number | undefined {
    return this.#indexOf.get(instrumentKey(instrument))
  }

  date(): MarketDate | null {
    return this.#start?.date ?? null
  }

  firstOpenMinute(): Minute {
    return this.#minutes.firstOpen()
  }

  /** First minute of the continuous sessions, and the one after their last. */
  minuteRange(): { readonly from: Minute; readonly to: Minute } {
    return {
      from: minuteOf(this.#phases?.continuousFromMs ?? 0),
      to: minuteOf(this.#phases?.continuousToMs ?? 0),
    }
  }

  isContinuous(index: number, timeMs: number): boolean {
    return this.#phases?.isContinuous(this.#state.phaseClass[index]!, timeMs) ?? false
  }

  hasVolume(index: number): boolean {
    return this.#state.hasVolume[index] === 1
  }

  lastPrice(index: number): number {
    return this.#state.get(index, PREVIOUS_PRICE) / (this.#state.get(index, PRICE_SCALE) || 1)
  }

  gaps(): readonly Gap[] {
    return this.#gaps.gaps().map((gap) => ({ ...gap, shard: gap.shard % SHARDS_PER_DEAL }))
  }

  /** Shards whose feed cannot be trusted now. */
  openGapCount(): number {
    return this.#gaps.openCount()
  }

  /** Largest connection number used so far, or -1: a restarted worker counts on from here. */
  connectionsMax(): number {
    return this.#connectionsMax
  }

  lastReceivedMs(): UnixMs {
    return this.#gaps.lastReceivedMs.reduce((most, ms) => Math.max(most, ms), 0) as UnixMs
  }

  packetCount(): number {
    return this.#packets.packetCount
  }

  lateCount(): number {
    return this.#packets.lateCount
  }

  droppedCount(): number {
    return this.#droppedCount
  }

  outcomes(): Readonly<Record<string, number>> {
    return Object.fromEntries(PACKET_OUTCOMES.map((name, code) => [name, this.#packets.outcomes[code]!]))
  }

  volumeAccount(index: number): VolumeAccount {
    const get = (field: number): number => this.#state.get(index, field)
    return {
      inCandles: get(IN_CANDLES),
      inPreOpen: get(IN_PRE_OPEN),
      inClosingAuction: get(IN_CLOSING_AUCTION),
      inOther: get(IN_OTHER),
      unattributed: get(UNATTRIBUTED),
      late: get(LATE),
      lateCount: get(LATE_COUNT),
      dayVolume: get(PREVIOUS_VOLUME),
    }
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
