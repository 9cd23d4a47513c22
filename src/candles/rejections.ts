/**
 * What does a packet that is not used do to the candles? It changes no number and is counted. But it was
 * sent, and it told of something: a price that the candle now lacks, shares that a later packet brings and
 * that nobody can then place. So a rejection is a gap of one instrument, as long as it can be said of which:
 * the minutes that the packet may have belonged to are in doubt, and the next rise lies across a gap. Only
 * a copy of what was just heard costs nothing, and a packet without a price tells of no trade.
 *
 * Newer and not fallen are judged against the last packet that was accepted. Where that one was wrong, a
 * sequence or a volume far too high, every true packet after it is refused, and the instrument is deaf for
 * the day. So a row of refused packets that agree with each other, each newer in sequence and in time and
 * none fallen, outvotes the one that they disagree with.
 */
import {
  ABSENT,
  REJECT_FUTURE,
  REJECT_LENGTH,
  REJECT_RANGE,
  REJECT_SEQUENCE,
  REJECT_STALE,
  REJECT_VOLUME_FELL,
  type TickFields,
} from '../domain/tick.ts'
import { MINUTE_MS } from '../domain/time.ts'
import type { StateReader, StateWriter } from '../platform/saved-state.ts'
import {
  type InstrumentState,
  MODE_COUNT,
  OWN_HIGH,
  OWN_LOW,
  PREVIOUS_EXCHANGE_MS,
  PREVIOUS_MINUTE,
  PREVIOUS_PRICE,
  PREVIOUS_VOLUME,
  STATE_STRIDE,
  UNATTRIBUTED,
} from './instrument-state.ts'
import type { InstrumentTable } from './instrument-table.ts'
import type { OpenMinutes } from './open-minutes.ts'
import type { PhaseTable } from './phase-table.ts'

/** So many in a row outvote the accepted packet. Chance makes such a row once in 3,628,800 times. */
const OUTVOTING_COUNT = 10

/** A row of refused packets of one instrument that agree with each other. */
type Row = {
  count: number
  sequence: number
  dayVolume: number
  exchangeMs: number
  /** What they were judged against: another one ends the row. */
  acceptedSequence: number
  acceptedVolume: number
}

export type RejectionsParts = { readonly state: InstrumentState; readonly minutes: OpenMinutes }

export class Rejections {
  readonly #state: InstrumentState
  readonly #minutes: OpenMinutes
  #rows = new Map<number, Row>()
  #table: InstrumentTable | null = null
  #phases: PhaseTable | null = null
  #graceMs = 0

  constructor({ state, minutes }: RejectionsParts) {
    this.#state = state
    this.#minutes = minutes
  }

  start(table: InstrumentTable, phases: PhaseTable, graceMs: number): void {
    this.#table = table
    this.#phases = phases
    this.#graceMs = graceMs
  }

  /** All but what `start` says. */
  save(writer: StateWriter): void {
    writer.value(this.#rows)
  }

  load(reader: StateReader): void {
    this.#rows = reader.value()
  }

  /** `tick` is what the decoder read of the packet; `bytes` hold its token. */
  add(outcome: number, tick: TickFields, bytes: Uint8Array, connection: number, receivedMs: number): void {
    if (!saysOfWhich(outcome)) return
    const index = this.#table!.find(bytes, tick.tokenOffset, tick.tokenLength, tick.exchange)
    if (index < 0) return
    // What the vendor sends of an instrument that nobody trades today is the state of another day.
    if (outcome === REJECT_STALE && this.#state.get(index, PREVIOUS_PRICE) === 0) return
    if (outcome === REJECT_SEQUENCE) this.#notNewer(index, tick, connection)
    else this.#lost(index, receivedMs)
    if (outcome === REJECT_VOLUME_FELL) {
      this.#doubt(index, this.#state.get(index, PREVIOUS_MINUTE)) // one of the two is wrong
      this.#vote(index, tick, connection)
    }
  }

  /** It came within its minute's grace, after the packet before it; its shares come with the next one. */
  #lost(index: number, receivedMs: number): void {
    const last = minuteOf(receivedMs)
    const heard = Math.min(last, this.#state.get(index, PREVIOUS_MINUTE))
    for (let minute = Math.max(heard, minuteOf(receivedMs - this.#graceMs)); minute <= last; minute++) {
      this.#doubt(index, minute)
    }
    this.#state.setSeenEpoch(index, -1)
  }

  /**
   * Its shares came already, with the first packet that overtook it: the minutes up to there are in doubt.
   */
  #notNewer(index: number, tick: TickFields, connection: number): void {
    if (tick.sequence === this.#state.lastSequence[index * MODE_COUNT + tick.mode]) return // a copy
    const heard = this.#state.get(index, PREVIOUS_MINUTE)
    let minute = minuteOf(tick.exchangeMs)
    do this.#doubt(index, minute)
    while (!this.#minutes.hasTradedSince(index, minute, tick.exchangeMs) && ++minute <= heard)
    this.#vote(index, tick, connection)
  }

  #doubt(index: number, minute: number): void {
    if (!this.#phases!.isContinuous(this.#state.phaseClass[index]!, minute * MINUTE_MS)) return
    this.#minutes.doubt(index, minute)
  }

  #vote(index: number, tick: TickFields, connection: number): void {
    const { sequence, dayVolume, exchangeMs, mode } = tick
    const state = this.#state
    const acceptedSequence = state.lastSequence[index * MODE_COUNT + mode]!
    const acceptedVolume = state.get(index, PREVIOUS_VOLUME)
    const row = this.#rows.get(index)
    const agrees =
      row !== undefined &&
      row.acceptedSequence === acceptedSequence &&
      row.acceptedVolume === acceptedVolume &&
      sequence > row.sequence &&
      dayVolume >= row.dayVolume &&
      exchangeMs >= row.exchangeMs
    // What is older than the accepted packet is merely late.
    const isLate = exchangeMs < state.get(index, PREVIOUS_EXCHANGE_MS)
    const count = isLate ? 0 : agrees ? row.count + 1 : 1
    if (count < OUTVOTING_COUNT) {
      this.#rows.set(index, { count, sequence, dayVolume, exchangeMs, acceptedSequence, acceptedVolume })
      return
    }
    this.#rows.delete(index)
    this.#believe(index, tick, connection)
  }

  /** The packets to come are judged against this one. What the wrong one added is taken from no candle. */
  #believe(index: number, tick: TickFields, connection: number): void {
    const { cells, lastSequence, lastConnection, hasVolume } = this.#state
    const at = index * STATE_STRIDE
    const slot = index * MODE_COUNT + tick.mode
    lastSequence[slot] = tick.sequence
    lastConnection[slot] = connection
    this.#doubt(index, cells[at + PREVIOUS_MINUTE]!)
    if (tick.dayVolume !== ABSENT && hasVolume[index] === 1) {
      cells[at + UNATTRIBUTED]! += tick.dayVolume - cells[at + PREVIOUS_VOLUME]!
      cells[at + PREVIOUS_VOLUME] = tick.dayVolume
    }
    if (tick.dayHigh > 0) cells[at + OWN_HIGH] = Math.max(tick.dayHigh, tick.price)
    if (tick.dayLow > 0) cells[at + OWN_LOW] = Math.min(tick.dayLow, tick.price)
    this.#state.setSeenEpoch(index, -1)
  }
}

/** Of these the instrument is known, where the decoder could read its token, and something was lost. */
function saysOfWhich(outcome: number): boolean {
  return (
    outcome === REJECT_LENGTH ||
    outcome === REJECT_RANGE ||
    outcome === REJECT_STALE ||
    outcome === REJECT_FUTURE ||
    outcome === REJECT_SEQUENCE ||
    outcome === REJECT_VOLUME_FELL
  )
}

function minuteOf(timeMs: number): number {
  return Math.floor(timeMs / MINUTE_MS)
}
