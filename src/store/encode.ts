/**
 * How does Arrow become Parquet, the same bytes every time? By parquet-wasm, with everything that could
 * differ between two runs taken away:
 *
 * - One key of metadata, `chandler`, holding sorted JSON. The writer keeps metadata in a map whose order
 *   is random per process: two keys of our own would already give two different files.
 * - No creation time, no version of this package, a fixed `created_by`.
 *
 * Dictionaries for the columns of text, plain values for numbers, measured under zstd: text repeats (a
 * settled day of 75,000 rows gets a little smaller, readers skip faster), numbers do not (dictionaries for
 * all columns make the same day 22 % larger and a minute's part 19 %). See FORMAT.md.
 */
import { type Table as ArrowTable, DataType, type RecordBatch, tableFromIPC } from 'apache-arrow'
import {
  Compression,
  EnabledStatistics,
  readParquet,
  Table,
  WriterPropertiesBuilder,
  WriterVersion,
  writeParquet,
} from 'parquet-wasm'
import { ipcOf } from './arrow.ts'
import { checkSame } from './check.ts'

export type Metadata = Readonly<Record<string, string | number>>

/** DuckDB's own size of a row group: a reader of one symbol skips most of a settled day. */
const ROW_GROUP_ROWS_MAX = 122_880
const CREATED_BY = 'chandler'
export const METADATA_KEY = 'chandler'

export function encodeParquet(batch: RecordBatch, metadata: Metadata): Uint8Array {
  let builder = new WriterPropertiesBuilder()
    .setCompression(Compression.ZSTD)
    .setDictionaryEnabled(false)
    .setStatisticsEnabled(EnabledStatistics.Chunk)
    .setWriterVersion(WriterVersion.V1)
    .setMaxRowGroupSize(ROW_GROUP_ROWS_MAX)
    .setCreatedBy(CREATED_BY)
    .setKeyValueMetadata(new Map([[METADATA_KEY, sortedJson(metadata)]]))
  for (const { name, type } of batch.schema.fields) {
    if (DataType.isUtf8(type)) builder = builder.setColumnDictionaryEnabled(name, true)
  }
  // Both arguments are consumed by the writer: there is nothing to free.
  return writeParquet(Table.fromIPCStream(ipcOf(batch)), builder.build())
}

/** Throws unless the file reads back as exactly the schema and the values of `batch`. */
export function verifyParquet(bytes: Uint8Array, batch: RecordBatch): void {
  checkSame(batch, tableFromIPC(ipcOfParquet(bytes, batch.numRows)))
}

/** Rows of one Arrow batch when a whole file is read. */
const BATCH_ROWS = 16_384

/** Reads a whole file. Throws on anything that is not a readable Parquet file. */
export function decodeParquet(bytes: Uint8Array): ArrowTable {
  return tableFromIPC(ipcOfParquet(bytes, BATCH_ROWS))
}

function ipcOfParquet(bytes: Uint8Array, batchRows: number): Uint8Array {
  const batchSize = Math.min(Math.max(1, batchRows), BATCH_ROWS)
  return readParquet(bytes, { batchSize }).intoIPCStream()
}

/** JSON with sorted keys: equal metadata gives equal bytes, in whatever order the caller wrote it. */
function sortedJson(metadata: Metadata): string {
  const names = Object.keys(metadata).sort()
  return JSON.stringify(Object.fromEntries(names.map((name) => [name, metadata[name]])))
}
