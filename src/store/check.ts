/**
 * Is this table fit to be published, and is the file really what we meant to write? Two checks around
 * the encoder, each from its own side: before, that the rows keep the promises of the lake (sorted,
 * unique, real numbers); after, that every value read back from the file equals the one that went in.
 * Both throw an ordinary Error that names the row; the publisher turns it into PARQUET_INVALID.
 */
import { type Data, type RecordBatch, type Table, Type } from 'apache-arrow'
import { CANDLE_SOURCES, type CandleColumns } from '../domain/candle.ts'
import type { MomentumColumns } from '../domain/momentum.ts'

export function checkCandles(columns: CandleColumns, ranks: Int32Array): void {
  checkLengths(columns, columns.rowCount)
  checkOrder(columns, ranks)
  for (let row = 0; row < columns.rowCount; row++) {
    const sound =
      Number.isFinite(columns.open[row]!) &&
      Number.isFinite(columns.high[row]!) &&
      Number.isFinite(columns.low[row]!) &&
      Number.isFinite(columns.close[row]!) &&
      Number.isFinite(columns.dayHigh[row]!) &&
      Number.isFinite(columns.dayLow[row]!) &&
      isSafeOrNaN(columns.volume[row]!) &&
      columns.vwap[row]! !== Number.POSITIVE_INFINITY &&
      columns.vwap[row]! !== Number.NEGATIVE_INFINITY &&
      isTickTime(columns.firstTickMs[row]!, columns.tickCount[row]!) &&
      isTickTime(columns.lastTickMs[row]!, columns.tickCount[row]!) &&
      columns.complete[row]! <= 1 &&
      columns.source[row]! < CANDLE_SOURCES.length
    if (!sound) throw new Error(`row ${row} holds a value that cannot be written`)
  }
}

export function checkMomentum(columns: MomentumColumns, ranks: Int32Array): void {
  checkLengths(columns, columns.rowCount)
  checkOrder(columns, ranks)
}

function checkLengths(columns: object, rowCount: number): void {
  if (!Number.isSafeInteger(rowCount) || rowCount < 0) throw new Error(`rowCount is ${rowCount}`)
  for (const [name, column] of Object.entries(columns)) {
    if (ArrayBuffer.isView(column) && (column as Int32Array).length < rowCount) {
      throw new Error(`column ${name} is shorter than rowCount ${rowCount}`)
    }
  }
}

type Keyed = {
  readonly rowCount: number
  readonly instrument: Int32Array
  readonly timestampMs: Float64Array
}

/** Rows of one symbol and minute stand together, so a repeated key can only be among neighbours. */
function checkOrder({ rowCount, instrument, timestampMs }: Keyed, ranks: Int32Array): void {
  let groupStart = 0
  for (let row = 0; row < rowCount; row++) {
    const rank = ranks[instrument[row]!]
    if (rank === undefined)
      throw new Error(`row ${row} names instrument ${instrument[row]}, which is unknown`)
    if (!Number.isSafeInteger(timestampMs[row]!)) throw new Error(`row ${row} has no whole timestamp`)
    if (row === 0) continue
    const rankBefore = ranks[instrument[row - 1]!]!
    const sameGroup = rank === rankBefore && timestampMs[row] === timestampMs[row - 1]
    const after = rank > rankBefore || (rank === rankBefore && timestampMs[row]! > timestampMs[row - 1]!)
    if (!sameGroup && !after) throw new Error(`row ${row} is not sorted by symbol and timestamp`)
    if (!sameGroup) groupStart = row
    for (let other = groupStart; other < row; other++) {
      if (instrument[other] === instrument[row]) throw new Error(`row ${row} repeats row ${other}`)
    }
  }
}

/** Without a tick there is no time of one, and only then. */
function isTickTime(timeMs: number, tickCount: number): boolean {
  return tickCount === 0 ? Number.isNaN(timeMs) : Number.isSafeInteger(timeMs)
}

function isSafeOrNaN(value: number): boolean {
  return Number.isNaN(value) || (Number.isSafeInteger(value) && value >= 0)
}

/** Throws unless `read` holds exactly the schema and the values of `written`. */
export function checkSame(written: RecordBatch, read: Table): void {
  if (String(read.schema) !== String(written.schema)) {
    throw new Error(`the schema came back as ${read.schema}`)
  }
  if (read.numRows !== written.numRows) {
    throw new Error(`${written.numRows} rows came back as ${read.numRows}`)
  }
  let fromRow = 0
  for (const batch of read.batches) {
    for (const [at, data] of batch.data.children.entries()) {
      const row = firstDifference(written.data.children[at]!, fromRow, data)
      if (row >= 0)
        throw new Error(`column ${read.schema.fields[at]!.name} came back different in row ${row}`)
    }
    fromRow += batch.numRows
  }
}

/** The first row of `ours`, from `fromRow` on, that `theirs` (which starts there) holds otherwise, or -1. */
function firstDifference(ours: Data, fromRow: number, theirs: Data): number {
  const noNulls = ours.nullCount === 0 && theirs.nullCount === 0
  if (ours.typeId === Type.Bool) return firstOtherBit(ours, fromRow, theirs)
  if (ours.typeId === Type.Utf8) return firstOtherText(ours, fromRow, theirs)
  if (noNulls && sameBytes(ours.values, fromRow, theirs.values, 0, theirs.length)) return -1
  return firstOtherNumber(ours, fromRow, theirs)
}

function firstOtherNumber(ours: Data, fromRow: number, theirs: Data): number {
  const { values: our } = ours
  const { values: their } = theirs
  for (let row = 0; row < theirs.length; row++) {
    const valid = ours.getValid(fromRow + row)
    if (valid !== theirs.getValid(row)) return fromRow + row
    if (valid && !Object.is(our[fromRow + row], their[row])) return fromRow + row
  }
  return -1
}

function firstOtherText(ours: Data, fromRow: number, theirs: Data): number {
  const { values: our, valueOffsets: ourStarts } = ours
  const { values: their, valueOffsets: theirStarts } = theirs
  for (let row = 0; row < theirs.length; row++) {
    const ourStart: number = ourStarts[fromRow + row]
    const theirStart: number = theirStarts[row]
    const length = ourStarts[fromRow + row + 1] - ourStart
    if (theirStarts[row + 1] - theirStart !== length) return fromRow + row
    for (let byte = 0; byte < length; byte++) {
      if (our[ourStart + byte] !== their[theirStart + byte]) return fromRow + row
    }
  }
  return -1
}

function firstOtherBit(ours: Data, fromRow: number, theirs: Data): number {
  for (let row = 0; row < theirs.length; row++) {
    if (bitOf(ours, fromRow + row) !== bitOf(theirs, row)) return fromRow + row
  }
  return -1
}

function bitOf(data: Data, row: number): number {
  const at = data.offset + row
  return (data.values[at >> 3] >> (at & 7)) & 1
}

type Fixed = {
  readonly buffer: ArrayBufferLike
  readonly byteOffset: number
  readonly BYTES_PER_ELEMENT: number
}

function sameBytes(ours: Fixed, ourRow: number, theirs: Fixed, theirRow: number, count: number): boolean {
  return Buffer.compare(bytesOf(ours, ourRow, count), bytesOf(theirs, theirRow, count)) === 0
}

function bytesOf(values: Fixed, row: number, count: number): Uint8Array {
  const width = values.BYTES_PER_ELEMENT
  return new Uint8Array(values.buffer, values.byteOffset + row * width, count * width)
}
