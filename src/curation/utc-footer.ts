/**
 * How does a timestamp column say that it is UTC? The lake promises `timestamp[ms, UTC]`. DuckDB 1.5 writes
 * either milliseconds without a zone (TIMESTAMP_MS) or microseconds in UTC (TIMESTAMPTZ), never both. The
 * difference is one bit of the file's footer, `isAdjustedToUTC`, which Thrift's compact form keeps in one
 * byte:
 *
 *     8c            LogicalType, field 8: TIMESTAMP
 *     12 | 11       TimestampType, field 1: isAdjustedToUTC, false | true
 *     1c 1c 00 00   field 2: unit, of it field 1: MILLIS, both ended
 *     00 00         ends of TimestampType and LogicalType
 *
 * So the byte is turned in the finished file. The schema stands first in the footer: the first matches are
 * the columns, in order, and there must be as many as we wrote; otherwise nothing is written and we throw.
 * The reader that verifies the file afterwards sees the column as TIMESTAMPTZ, or the file is refused.
 */

const MAGIC = 'PAR1'
const TRAILER_BYTES = 8
const NOT_UTC = Buffer.from('8c121c1c00000000', 'hex')
const UTC_TRUE = 0x11

/** Offsets, from the start of the file's bytes `tail`, of the bytes to turn, and their new value. */
export function utcPatches(tail: Buffer, columnCount: number): { offsets: readonly number[]; value: number } {
  const footerStart = tail.length - TRAILER_BYTES - footerBytesOf(tail)
  if (footerStart < 0) throw new Error('the footer is longer than what was read')
  const offsets: number[] = []
  for (let from = footerStart; offsets.length < columnCount; ) {
    const at = tail.indexOf(NOT_UTC, from)
    if (at < 0) throw new Error(`${offsets.length} of ${columnCount} timestamp columns found in the footer`)
    offsets.push(at + 1)
    from = at + NOT_UTC.length
  }
  return { offsets, value: UTC_TRUE }
}

/** Length of the footer before the trailer; throws unless `tail` ends like a Parquet file. */
export function footerBytesOf(tail: Buffer): number {
  if (tail.length < TRAILER_BYTES || tail.toString('latin1', tail.length - 4) !== MAGIC) {
    throw new Error('no Parquet file: it does not end with PAR1')
  }
  return tail.readUInt32LE(tail.length - TRAILER_BYTES)
}
