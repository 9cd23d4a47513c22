/**
 * How does the state of a long computation become bytes, and state again? A list of items without names,
 * read in the order in which they were written: numbers by the million as the memory that they are, small
 * structures as V8 clones them (NaN, infinities and maps stay what they are).
 *
 *     u32 kind   u32 size in bytes   the item, padded to a multiple of 8
 *
 * Saving happens beside a feed, so it is a copy and little else: the memory is kept and used again, and a
 * second saving of the same state takes none.
 */
import { deserialize, serialize } from 'node:v8'

export type Cells = Float64Array | Int32Array | Uint8Array

const ITEM_HEAD_BYTES = 8
const ROOM_BYTES = 64 * 1024
const KIND_VALUE = 1
const KIND_FLOAT64 = 2
const KIND_INT32 = 3
const KIND_UINT8 = 4

export class StateWriter {
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView
  #sizeBytes = 0

  /**
   * `roomBytes`: as much as the state is expected to take. Memory that is never written to is never taken
   * from the machine, so room to spare costs nothing; growing costs a copy.
   */
  constructor(roomBytes: number = ROOM_BYTES) {
    this.#bytes = new Uint8Array(roomBytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Begins anew in the same memory: what `bytes` returned before is overwritten. */
  reset(): void {
    this.#sizeBytes = 0
  }

  /** Anything that can be cloned: no functions, no objects of classes of ours. */
  value(value: unknown): void {
    this.#item(KIND_VALUE, serialize(value))
  }

  cells(cells: Cells): void {
    this.#item(kindOf(cells), new Uint8Array(cells.buffer, cells.byteOffset, cells.byteLength))
  }

  /** A view, valid until the next call of another method. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#sizeBytes)
  }

  #item(kind: number, bytes: Uint8Array): void {
    const at = this.#sizeBytes
    const endAt = at + ITEM_HEAD_BYTES + padded(bytes.byteLength)
    this.#makeRoom(endAt)
    this.#view.setUint32(at, kind, true)
    this.#view.setUint32(at + 4, bytes.byteLength, true)
    this.#bytes.set(bytes, at + ITEM_HEAD_BYTES)
    this.#bytes.fill(0, at + ITEM_HEAD_BYTES + bytes.byteLength, endAt)
    this.#sizeBytes = endAt
  }

  #makeRoom(sizeBytes: number): void {
    if (sizeBytes <= this.#bytes.byteLength) return
    const grown = new Uint8Array(sizeBytes * 2)
    grown.set(this.bytes())
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}

/** Every method throws a plain Error where the next item is not what is asked for. */
export class StateReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** The caller says what was saved here; the layout's version and a checksum are to vouch for it. */
  value<Value>(): Value {
    return deserialize(this.#next(KIND_VALUE)) as Value
  }

  float64(): Float64Array {
    return new Float64Array(this.#next(KIND_FLOAT64).buffer)
  }

  int32(): Int32Array {
    return new Int32Array(this.#next(KIND_INT32).buffer)
  }

  uint8(): Uint8Array {
    return this.#next(KIND_UINT8)
  }

  isAtEnd(): boolean {
    return this.#at === this.#bytes.byteLength
  }

  /** The item in memory of its own. */
  #next(kind: number): Uint8Array<ArrayBuffer> {
    const at = this.#at + ITEM_HEAD_BYTES
    if (at > this.#bytes.byteLength) throw new Error('the saved state ends too early')
    const found = this.#view.getUint32(this.#at, true)
    const sizeBytes = this.#view.getUint32(this.#at + 4, true)
    const endAt = at + padded(sizeBytes)
    if (found !== kind || endAt > this.#bytes.byteLength)
      throw new Error('the saved state is laid out otherwise')
    this.#at = endAt
    return new Uint8Array(this.#bytes.subarray(at, at + sizeBytes))
  }
}

function kindOf(cells: Cells): number {
  if (cells instanceof Float64Array) return KIND_FLOAT64
  return cells instanceof Int32Array ? KIND_INT32 : KIND_UINT8
}

function padded(sizeBytes: number): number {
  return (sizeBytes + 7) & ~7
}
