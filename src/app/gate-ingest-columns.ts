/**
 * How do the columns of an Arrow batch become typed arrays and facts? Straight from the buffers: no object,
 * no string and no BigInt for each row.
 */
import { type Data, DataType, type RecordBatch, TimeUnit } from 'apache-arrow'
import type { Exchange, Instrument } from '../domain/instrument.ts'
import type { FieldFacts } from '../gates/ingest-evidence.ts'

/**
 * Gives each (symbol, exchange, token) a number. Sorted rows repeat their names, so bytes are compared
 * first.
 */
export class NameIndex {
  readonly instruments: Instrument[] = []
  readonly #numberOf = new Map<string, number>()

  fill(batch: RecordBatch, into: Int32Array, offset: number): void {
    const names = ['symbol', 'exchange', 'token'].map((name) => columnOf(batch, name)!)
    let number = -1
    for (let row = 0; row < batch.numRows; row++) {
      const repeats = row > 0 && names.every((data) => isSameText(data, row, data, row - 1))
      if (!repeats) number = this.#numberAt(names, row)
      into[offset + row] = number
    }
  }

  #numberAt(names: readonly Data[], row: number): number {
    const [symbol, exchange, token] = names.map((data) => textAt(data, row))
    const key = JSON.stringify([symbol, exchange, token])
    const known = this.#numberOf.get(key)
    if (known !== undefined) return known
    this.#numberOf.set(key, this.instruments.length)
    // A strange exchange is told by `strangeWords`; here it only has to keep its name.
    return this.instruments.push({ symbol: symbol!, exchange: exchange as Exchange, token: token! }) - 1
  }
}

export function columnOf(batch: RecordBatch, name: string): Data | undefined {
  return batch.data.children[batch.schema.fields.findIndex((field) => field.name === name)]
}

/** Adds what a batch says to what the batches before said. */
export function fieldsOf(batch: RecordBatch, before: readonly FieldFacts[] | null): FieldFacts[] {
  return batch.schema.fields.map(({ name, type, nullable }, at) => {
    const data = batch.data.children[at]!
    const known = before?.[at] ?? { nullCount: 0, nanCount: 0 }
    const kind = kindOf(type)
    const nullCount = known.nullCount + data.nullCount
    return {
      name,
      kind,
      nullable,
      nullCount,
      nanCount: known.nanCount + (kind === 'double' ? nansOf(data) : 0),
    }
  })
}

function nansOf(data: Data): number {
  let count = 0
  for (let row = 0; row < data.length; row++) {
    if (Number.isNaN(data.values[row]) && data.getValid(row)) count++
  }
  return count
}

function kindOf(type: DataType): string {
  if (DataType.isUtf8(type)) return 'utf8'
  if (DataType.isBool(type)) return 'bool'
  if (DataType.isFloat(type) && String(type) === 'Float64') return 'double'
  if (DataType.isInt(type) && type.isSigned && type.bitWidth === 64) return 'int64'
  if (DataType.isInt(type) && type.isSigned && type.bitWidth === 32) return 'int32'
  if (DataType.isTimestamp(type)) {
    const unit = ['s', 'ms', 'us', 'ns'][type.unit] ?? TimeUnit[type.unit]
    return `timestamp[${unit}, ${type.timezone ?? 'no zone'}]`
  }
  return String(type)
}

const TWO_32 = 4_294_967_296

/**
 * Null becomes NaN in doubles; 64-bit integers are read as halves, because a BigInt a value is an
 * allocation.
 */
export function copyNumbers(data: Data, into: Float64Array | Int32Array | Uint8Array, offset: number): void {
  const { values, length } = data
  if (values instanceof BigInt64Array) {
    const low = new Uint32Array(values.buffer, values.byteOffset, 2 * length)
    const high = new Int32Array(values.buffer, values.byteOffset, 2 * length)
    for (let row = 0; row < length; row++) into[offset + row] = high[2 * row + 1]! * TWO_32 + low[2 * row]!
  } else {
    into.set((values as Float64Array).subarray(0, length), offset)
  }
  if (data.nullCount === 0) return
  for (let row = 0; row < length; row++) if (!data.getValid(row)) into[offset + row] = Number.NaN
}

export function copyFlags(data: Data, into: Uint8Array, offset: number): void {
  const bits = data.values as Uint8Array
  for (let row = 0; row < data.length; row++) {
    const at = data.offset + row
    into[offset + row] = (bits[at >> 3]! >> (at & 7)) & 1
  }
}

const decoder = new TextDecoder()

export function textAt({ values, valueOffsets }: Data, row: number): string {
  return decoder.decode(values.subarray(valueOffsets[row], valueOffsets[row + 1]))
}

export function isSameText(a: Data, rowOfA: number, b: Data, rowOfB: number): boolean {
  const startA = a.valueOffsets[rowOfA]!
  const startB = b.valueOffsets[rowOfB]!
  const sizeBytes = a.valueOffsets[rowOfA + 1]! - startA
  if (b.valueOffsets[rowOfB + 1]! - startB !== sizeBytes) return false
  for (let at = 0; at < sizeBytes; at++) if (a.values[startA + at] !== b.values[startB + at]) return false
  return true
}
