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
import type { HistogramFacts } from '../domain/histogram.ts'
import { bySymbol, type Instrument, instrumentKey } from '../domain/instrument.ts'
import type { Phases } from '../domain/session.ts'
import { PACKET_OUTCOMES } from '../domain/tick.ts'
import { type MarketDate, type Minute, minuteEnd, minuteOf, type UnixMs } from '../domain/time.ts'
import type { StreamVenue } from '../domain/venue.ts'
import type { StateReader, StateWriter } from '../platform/saved-state.ts'
import { FeedTrust, type StartFact } from './feed-trust.ts'
import { finaliseMinute } from './finalise.ts'
import { InstrumentState, PREVIOUS_PRICE, PRICE_SCALE } from './instrument-state.ts'
import { InstrumentTable } from './instrument-table.ts'
import { type Lateness, OpenMinutes } from './open-minutes.ts'
import { PacketFold } from './packet-fold.ts'
import { PhaseTable } from './phase-table.ts'
import { type VolumeAccount, volumeAccountOf } from './volume-account.ts'

export type FoldVenue = Pick<
  StreamVenue,
  'decodePacket' | 'carriesVolume' | 'hasVolume' | 'hasSequence' | 'parseQuotes'
>

export type HistoryFact = Extract<Fact, { kind: 'history' }>

export type FoldOptions = {
  readonly venue: FoldVenue
  readonly lateness: Lateness
  /** Called once for every finalised minute, in order, silent ones with no rows. */
  readonly onCandles?: (minute: Minute, columns: CandleColumns) => void
}

/**
 * Of the rules above and of the layout below: a saved state is only ever loaded by a fold of the same
 * version, so it must change with either of them.
 */
export const FOLD_VERSION = 1

type SavedFold = {
  readonly start: StartFact | null
  readonly instruments: readonly Instrument[]
  readonly classes: readonly Phases[]
  readonly connectionsMax: number
  readonly droppedCount: number
}

const REST_PRICE_SCALE = 100

export class CandleFold {
  readonly #options: FoldOptions
  readonly #state = new InstrumentState()
  readonly #trust = new FeedTrust()
  readonly #minutes: OpenMinutes
  readonly #packets: PacketFold
  readonly #instruments: Instrument[] = []
  readonly #indexOf = new Map<string, number>()
  /**
   * Every class of phases that a run of the day named: a class keeps its number when a later run lacks it.
   */
  readonly #classes: Phases[] = []
  #order = new Int32Array(0)
  #phases: PhaseTable | null = null
  #start: StartFact | null = null
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
      gaps: this.#trust.gaps,
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
    if (type === ENTRY_PACKETS) {
      this.#packets.packets(bytes, view, offset, count)
      this.#trust.resume()
    } else if (type === ENTRY_FACT) this.fact(decodeFact(bytes.subarray(offset, offset + length)))
  }

  fact(fact: Fact): void {
    // Whose facts these are is said by a start; where it is not readable, they say nothing.
    if (this.#start === null && fact.kind !== 'start') return
    switch (fact.kind) {
      case 'start':
        this.#onStart(fact)
        break
      case 'minute':
        this.#onMinute(fact.minute)
        break
      case 'connect':
        this.#connectionsMax = Math.max(this.#connectionsMax, fact.connection)
        this.#packets.connect(fact.connection, this.#trust.shardId(fact.shard))
        this.#trust.connect(fact.shard, fact.atMs)
        break
      case 'live':
        this.#trust.live(fact.shard, fact.atMs)
        break
      case 'alive':
        this.#trust.alive(fact.shard, fact.atMs, fact.askedMs ?? fact.atMs)
        break
      case 'lost':
        this.#trust.lost(fact)
        break
      case 'refused':
        for (const position of fact.instruments) this.#refuse(position, fact.atMs)
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

  /** Entries are missing here: what they told is not known. */
  missed(): void {
    this.#trust.missed()
  }

  #onStart(fact: StartFact): void {
    const indices = this.#admitAll(fact)
    const phases = this.#layOut(fact)
    this.#trust.begin(fact, indices, this.#tradedSinceMs())
    for (const [position, index] of indices.entries()) {
      this.#state.shardId[index] = this.#trust.shardId(fact.shards[position]!)
      // Epochs of different shards do not compare: whatever came before lies across a gap.
      this.#state.setSeenEpoch(index, -1)
    }
    if (fact.atMs <= this.#tradedSinceMs()) this.#state.trustFromStart()
    this.#minutes.start(minuteOf(phases.continuousFromMs), this.#instruments.length)
  }

  /** What follows from the start fact and from who was ever admitted, and from nothing else. */
  #layOut(fact: StartFact): PhaseTable {
    const used = new Set(this.#state.phaseClass.subarray(0, this.#instruments.length))
    const phases = new PhaseTable(this.#classes, used)
    this.#order = Int32Array.from(this.#instruments.keys()).sort((a, b) =>
      bySymbol(this.#instruments[a]!, this.#instruments[b]!),
    )
    const table = new InstrumentTable(this.#instruments)
    const midnightMs = Date.parse(`${fact.date}T00:00:00Z`) - fact.utcOffsetMs
    this.#packets.start(table, phases, midnightMs, fact.graceMs)
    this.#phases = phases
    this.#start = fact
    return phases
  }

  /** Indices of the run's instruments, in the order of its list; new ones get the next. */
  #admitAll(fact: StartFact): readonly number[] {
    const { venue } = this.#options
    const state = this.#state
    const classes = fact.phases.map((phases) => this.#classOf(phases))
    const indices = fact.instruments.map((instrument) => this.#indexFor(instrument))
    state.grow(this.#instruments.length)
    for (const [position, index] of indices.entries()) {
      const instrument = fact.instruments[position]!
      const hasVolume = venue.carriesVolume(fact.mode) && venue.hasVolume(instrument)
      if (hasVolume && state.hasVolume[index] === 0) state.forgetPlace(index)
      state.phaseClass[index] = classes[fact.phaseOf[position]!]!
      state.hasVolume[index] = hasVolume ? 1 : 0
      state.hasSequence[index] = venue.hasSequence(instrument) ? 1 : 0
    }
    return indices
  }

  #classOf(phases: Phases): number {
    const text = JSON.stringify(phases)
    const known = this.#classes.findIndex((other) => JSON.stringify(other) === text)
    return known >= 0 ? known : this.#classes.push(phases) - 1
  }

  #indexFor(instrument: Instrument): number {
    const key = instrumentKey(instrument)
    const known = this.#indexOf.get(key)
    if (known !== undefined) return known
    this.#indexOf.set(key, this.#instruments.length)
    return this.#instruments.push(instrument) - 1
  }

  #onMinute(upTo: Minute): void {
    this.#trust.countMinute()
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

  /** True when all that the vendor sent of the instrument's minute has been received, and was used. */
  readonly isVouched = (index: number, minute: Minute): boolean => {
    if (this.#minutes.isDoubtful(index, minute)) return false
    const isTickDue = this.#options.lateness === 'live' && this.isContinuous(index, minuteEnd(minute))
    return this.#trust.vouchesFor(index, minute, isTickDue)
  }

  #refuse(position: number, atMs: UnixMs): void {
    const instrument = this.#start?.instruments[position]
    const index = instrument === undefined ? undefined : this.#indexOf.get(instrumentKey(instrument))
    if (index !== undefined) this.#trust.refused(index, atMs)
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

  /** The state after the entries so far. Only of a live fold: settle reads the journal and nothing else. */
  save(writer: StateWriter): void {
    if (this.#options.lateness !== 'live') throw new Error('only a live fold is saved')
    const saved: SavedFold = {
      start: this.#start,
      instruments: this.#instruments,
      classes: this.#classes,
      connectionsMax: this.#connectionsMax,
      droppedCount: this.#droppedCount,
    }
    writer.value(saved)
    this.#state.save(writer)
    this.#trust.save(writer)
    this.#minutes.save(writer)
    this.#packets.save(writer, this.#connectionsMax + 1)
  }

  /** Into a new fold of the same venue; it then goes on as the one that was saved would have. */
  load(reader: StateReader): void {
    const saved = reader.value<SavedFold>()
    for (const instrument of saved.instruments) this.#indexFor(instrument)
    this.#classes.push(...saved.classes)
    this.#connectionsMax = saved.connectionsMax
    this.#droppedCount = saved.droppedCount
    this.#state.load(reader)
    this.#trust.load(reader, saved.start)
    this.#minutes.load(reader)
    this.#packets.load(reader)
    if (saved.start !== null) this.#layOut(saved.start)
  }

  /** Says that no more entries come: what was live is trusted up to its last sign of life. */
  end(): void {
    this.#trust.end()
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
    return this.#trust.toldGaps()
  }

  /** Shards whose feed cannot be trusted now. */
  openGapCount(): number {
    return this.#trust.gaps.openCount()
  }

  /** Largest connection number used so far, or -1: a restarted worker counts on from here. */
  connectionsMax(): number {
    return this.#connectionsMax
  }

  lastReceivedMs(): UnixMs {
    return this.#trust.gaps.lastReceivedMs.reduce((most, ms) => Math.max(most, ms), 0) as UnixMs
  }

  packetCount(): number {
    return this.#packets.packetCount
  }

  lateness(): HistogramFacts {
    return this.#packets.lateness.facts()
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
    return volumeAccountOf(this.#state, index)
  }
}
