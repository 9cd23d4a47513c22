/**
 * What do we know of every instrument between two packets? One row of doubles an instrument, next to
 * each other in memory; the packet fold owns and writes it, everybody else reads.
 */

import type { StateReader, StateWriter } from '../platform/saved-state.ts'

export const STATE_STRIDE = 16
export const PREVIOUS_PRICE = 0 // 0: no packet yet today
export const PREVIOUS_VOLUME = 1
export const OWN_HIGH = 2 // highest price known today, from prices and from day highs
export const OWN_LOW = 3
export const PREVIOUS_MINUTE = 4
export const PREVIOUS_SEGMENT = 5
export const SEEN_EPOCH = 6 // the shard's mark at the last packet, see GapLedger
export const PRICE_SCALE = 7
// Where the day's volume went. Their sum is PREVIOUS_VOLUME: nothing is lost, nothing counted twice.
export const IN_CANDLES = 8
export const IN_PRE_OPEN = 9
export const IN_CLOSING_AUCTION = 10
export const IN_OTHER = 11
export const UNATTRIBUTED = 12
export const LATE = 13 // belongs to a finalised minute; goes there at settle
export const LATE_COUNT = 14
export const PREVIOUS_EXCHANGE_MS = 15

export const MODE_COUNT = 4

export class InstrumentState {
  cells: Float64Array = new Float64Array(0)
  /** Per instrument and mode. */
  lastSequence: Float64Array = new Float64Array(0)
  lastConnection: Int32Array = new Int32Array(0)
  // What the start fact says of each instrument.
  shardId: Int32Array = new Int32Array(0)
  phaseClass: Uint8Array = new Uint8Array(0)
  hasVolume: Uint8Array = new Uint8Array(0)
  hasSequence: Uint8Array = new Uint8Array(0)

  grow(count: number): void {
    if (count <= this.shardId.length) return
    this.cells = grown(this.cells, new Float64Array(count * STATE_STRIDE))
    this.lastSequence = grown(this.lastSequence, new Float64Array(count * MODE_COUNT))
    this.lastConnection = grown(this.lastConnection, new Int32Array(count * MODE_COUNT).fill(-1))
    this.shardId = grown(this.shardId, new Int32Array(count))
    this.phaseClass = grown(this.phaseClass, new Uint8Array(count))
    this.hasVolume = grown(this.hasVolume, new Uint8Array(count))
    this.hasSequence = grown(this.hasSequence, new Uint8Array(count))
  }

  /** The feed was there before the first trade of the day could happen: volume 0 is known. */
  trustFromStart(): void {
    for (let at = SEEN_EPOCH; at < this.cells.length; at += STATE_STRIDE) this.cells[at] = 0
  }

  setSeenEpoch(index: number, epoch: number): void {
    this.cells[index * STATE_STRIDE + SEEN_EPOCH] = epoch
  }

  /**
   * Its volume was not known until now: what was traded lies before all minutes, as at the day's beginning.
   */
  forgetPlace(index: number): void {
    this.cells[index * STATE_STRIDE + PREVIOUS_MINUTE] = 0
    this.cells[index * STATE_STRIDE + PREVIOUS_SEGMENT] = 0
  }

  get(index: number, field: number): number {
    return this.cells[index * STATE_STRIDE + field]!
  }

  save(writer: StateWriter): void {
    writer.cells(this.cells)
    writer.cells(this.lastSequence)
    writer.cells(this.lastConnection)
    writer.cells(this.shardId)
    writer.cells(this.phaseClass)
    writer.cells(this.hasVolume)
    writer.cells(this.hasSequence)
  }

  load(reader: StateReader): void {
    this.cells = reader.float64()
    this.lastSequence = reader.float64()
    this.lastConnection = reader.int32()
    this.shardId = reader.int32()
    this.phaseClass = reader.uint8()
    this.hasVolume = reader.uint8()
    this.hasSequence = reader.uint8()
  }
}

function grown<Cells extends Float64Array | Int32Array | Uint8Array>(old: Cells, next: Cells): Cells {
  next.set(old)
  return next
}
