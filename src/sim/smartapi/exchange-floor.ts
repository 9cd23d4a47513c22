/**
 * Who hears about what? The state of every instrument, the clients that wait for its news, and the way
 * of one update to them, through the faults that meet it.
 */
import { instrumentKey } from '../../domain/instrument.ts'
import type { StandInVenue } from '../../domain/stand-in.ts'
import { MODES } from '../../domain/tick.ts'
import { SECOND_MS } from '../../domain/time.ts'
import type { Client, Wish } from './client.ts'
import type { FaultPlan } from './fault-plan.ts'
import { type Damage, NO_DAMAGE, PacketMaker } from './packet-maker.ts'
import { type ListedInstrument, UpdateBatch } from './source.ts'

/** What the log of a test sees of each update that is sent, in the order of sending. */
export type SentUpdate = {
  readonly instrument: ListedInstrument
  readonly atMs: number
  readonly exchangeMs: number
  readonly sequence: number
  readonly price: number
  readonly dayVolume: number
  readonly dayHigh: number
  readonly dayLow: number
}

const MODE_COUNT = MODES.length
const WRONG_LENGTH_CHANGE_MAX = 20

export class ExchangeFloor {
  readonly instruments: readonly ListedInstrument[]
  /** Row = position of the instrument: its last update, whether or not anybody was told. */
  readonly state: UpdateBatch
  readonly #positions: ReadonlyMap<string, number>
  readonly #maker: PacketMaker
  readonly #plan: FaultPlan
  readonly #onSent: ((update: SentUpdate) => void) | null
  /** Clients by feed key, which is position × number of modes + mode. */
  readonly #listeners: (Client[] | undefined)[]
  /** Updates held by a late fault, by when they go out. */
  #late: { readonly releaseMs: number; readonly held: UpdateBatch }[] = []
  /** Updates that wait for their successor, by position. */
  readonly #overtaken = new Map<number, UpdateBatch>()

  constructor(
    venue: StandInVenue,
    instruments: readonly ListedInstrument[],
    plan: FaultPlan,
    onSent: ((update: SentUpdate) => void) | null,
  ) {
    this.instruments = instruments
    this.state = new UpdateBatch(instruments.length)
    this.#positions = new Map(instruments.map((instrument, at) => [instrumentKey(instrument), at]))
    this.#maker = new PacketMaker(venue, instruments)
    this.#plan = plan
    this.#onSent = onSent
    this.#listeners = new Array(instruments.length * MODE_COUNT).fill(undefined)
    for (const [at, { previousClose }] of instruments.entries()) {
      this.state.instrument[at] = at
      this.state.price[at] = previousClose
    }
  }

  positionOf(instrument: { readonly exchange: string; readonly token: string }): number | null {
    return this.#positions.get(instrumentKey(instrument)) ?? null
  }

  /** From now on the client hears of these, beginning with their present state. */
  join(client: Client, wishes: readonly Wish[], nowMs: number): void {
    for (const wish of wishes) {
      const at = this.positionOf(wish)
      if (at === null) continue
      const key = at * MODE_COUNT + wish.mode
      this.#listeners[key] ??= []
      this.#listeners[key].push(client)
      if (!this.#isSilenced(wish.token, nowMs)) this.#sendState(client, key, nowMs)
    }
  }

  leave(client: Client, wishes: readonly Wish[]): void {
    for (const wish of wishes) {
      const at = this.positionOf(wish)
      if (at !== null) this.#forget(client, at * MODE_COUNT + wish.mode)
    }
  }

  leaveAll(client: Client): void {
    for (let key = 0; key < this.#listeners.length; key++) this.#forget(client, key)
  }

  /** Changes the state and tells nobody: for what happened before the stand-in began. */
  recall(updates: UpdateBatch, row: number): void {
    this.state.copyRow(updates.instrument[row]!, updates, row)
  }

  /** Changes the state and sends it, unless a fault has something against it. */
  announce(updates: UpdateBatch, row: number): void {
    const at = updates.instrument[row]!
    this.state.copyRow(at, updates, row)
    if (this.#plan.touchesPackets) this.#announceFaulty(updates, row)
    else this.#send(updates, row, NO_DAMAGE)
  }

  /** When the next held update goes out, Infinity without one. */
  nextReleaseMs(): number {
    return this.#late[0]?.releaseMs ?? Number.POSITIVE_INFINITY
  }

  releaseNext(): void {
    const first = this.#late.shift()
    if (first === undefined) return
    const { token } = this.instruments[first.held.instrument[0]!]!
    if (!this.#isSilenced(token, first.releaseMs)) this.#send(first.held, 0, NO_DAMAGE)
  }

  /** Makes up, in one packet for each, for what a slow client was not sent. */
  catchUp(client: Client, nowMs: number): void {
    if (this.#plan.active('stall', nowMs) !== null || this.#plan.active('mute', nowMs) !== null) return
    for (const key of client.outlet.takeConflated()) {
      if (this.#listeners[key]?.includes(client) === true) this.#sendState(client, key, nowMs)
    }
  }

  /** A frame of the instrument at `position`, for a fault to cut in two. */
  sampleFrame(position: number): Uint8Array {
    return this.#maker.frame(this.state, position, MODES.indexOf('quote'))
  }

  #isSilenced(token: string, atMs: number): boolean {
    if (this.#plan.active('stall', atMs) !== null) return true
    const mute = this.#plan.active('mute', atMs)
    return mute !== null && (mute.tokens === undefined || mute.tokens.includes(token))
  }

  #sendState(client: Client, key: number, nowMs: number): void {
    const at = Math.floor(key / MODE_COUNT)
    const { state } = this
    const exchangeMs = state.exchangeMs[at]!
    // Nothing was said today: the price is the previous close, and the time is now.
    if (exchangeMs === 0) state.exchangeMs[at] = Math.floor(nowMs / SECOND_MS) * SECOND_MS
    client.outlet.send(this.#maker.frame(state, at, key % MODE_COUNT), key)
    state.exchangeMs[at] = exchangeMs
  }

  #announceFaulty(updates: UpdateBatch, row: number): void {
    const at = updates.instrument[row]!
    const atMs = updates.atMs[row]!
    const identity = updates.sequence[row]! || atMs
    const faults = this.#plan.onPacket(atMs, this.instruments[at]!.token, at, identity)
    let damage = NO_DAMAGE
    let shown = updates
    let shownRow = row
    let copies = 1
    for (const fault of faults) {
      this.#plan.count(fault.kind)
      const chance = this.#plan.chance(0, identity, at + 1)
      if (fault.kind === 'drop' || fault.kind === 'mute' || fault.kind === 'stall') return
      if (fault.kind === 'late') {
        this.#holdLate(copyOf(shown, shownRow), atMs + fault.by * SECOND_MS)
        return
      }
      if (fault.kind === 'duplicate') copies += 1
      else if (fault.kind === 'falling_volume') {
        shown = copyOf(shown, shownRow)
        shownRow = 0
        shown.dayVolume[0] = Math.floor(shown.dayVolume[0]! * (0.5 + 0.49 * chance))
      } else if (fault.kind === 'reorder' && !this.#overtaken.has(at)) {
        this.#overtaken.set(at, copyOf(shown, shownRow))
        return
      } else damage = damageOf(fault.kind, chance, damage)
    }
    for (let copy = 0; copy < copies; copy++) this.#send(shown, shownRow, damage)
    this.#releaseOvertaken(at)
  }

  #releaseOvertaken(at: number): void {
    const held = this.#overtaken.get(at)
    if (held === undefined) return
    this.#overtaken.delete(at)
    this.#send(held, 0, NO_DAMAGE)
  }

  #holdLate(held: UpdateBatch, releaseMs: number): void {
    // Delays differ between faults, not within one, so the place is nearly always the end.
    let place = this.#late.length
    while (place > 0 && this.#late[place - 1]!.releaseMs > releaseMs) place -= 1
    this.#late.splice(place, 0, { releaseMs, held })
  }

  #send(updates: UpdateBatch, row: number, damage: Damage): void {
    if (this.#onSent !== null) this.#onSent(this.#told(updates, row))
    const firstKey = updates.instrument[row]! * MODE_COUNT
    for (let mode = 0; mode < MODE_COUNT; mode++) {
      const clients = this.#listeners[firstKey + mode]
      if (clients === undefined || clients.length === 0) continue
      const frame = this.#maker.frame(updates, row, mode, damage)
      for (const client of clients) client.outlet.send(frame, firstKey + mode)
    }
  }

  #told(updates: UpdateBatch, row: number): SentUpdate {
    return {
      instrument: this.instruments[updates.instrument[row]!]!,
      atMs: updates.atMs[row]!,
      exchangeMs: updates.exchangeMs[row]!,
      sequence: updates.sequence[row]!,
      price: updates.price[row]!,
      dayVolume: updates.dayVolume[row]!,
      dayHigh: updates.dayHigh[row]!,
      dayLow: updates.dayLow[row]!,
    }
  }

  #forget(client: Client, key: number): void {
    const clients = this.#listeners[key]
    const at = clients?.indexOf(client) ?? -1
    if (at >= 0) clients!.splice(at, 1)
  }
}

function damageOf(kind: string, chance: number, before: Damage): Damage {
  if (kind === 'corrupt') return { ...before, flipAt: chance }
  if (kind !== 'wrong_length') return before
  const change = 1 + Math.floor(chance * WRONG_LENGTH_CHANGE_MAX)
  return { ...before, lengthChange: change % 2 === 0 ? change : -change }
}

function copyOf(updates: UpdateBatch, row: number): UpdateBatch {
  const copy = new UpdateBatch(1)
  copy.copyRow(0, updates, row)
  return copy
}
