/**
 * What does a settled file hold, for a judge who must not trust it? One row group after the other, so that a
 * day of 1.1 million candles never lies in memory twice; straight into typed arrays, without an object or a
 * string for each row. Unlike the readers of the lake it does not throw at a column that is wrong: it says
 * so.
 */
import { createHash } from 'node:crypto'
import { existsSync, openAsBlob } from 'node:fs'
import { type Data, type RecordBatch, tableFromIPC } from 'apache-arrow'
import { ParquetFile } from 'parquet-wasm'
import {
  allocateCandles,
  CANDLE_SOURCES,
  type CandleColumns,
  type CandleSource,
  type CandleTable,
} from '../domain/candle.ts'
import { messageOf } from '../domain/error.ts'
import { EXCHANGES } from '../domain/instrument.ts'
import { CANDLE_FIELDS_WANTED } from '../gates/checks/schema.ts'
import type { FieldFacts, PreviousClose } from '../gates/ingest-evidence.ts'
import { fileError } from '../platform/durable.ts'
import { CANDLE_NUMBERS } from '../store/candle-rows.ts'
import { METADATA_KEY } from '../store/encode.ts'
import {
  columnOf,
  copyFlags,
  copyNumbers,
  fieldsOf,
  isSameText,
  NameIndex,
  textAt,
} from './gate-ingest-columns.ts'

export type ParquetFacts = {
  readonly rowCount: number
  readonly schemaName: string | null
  readonly fields: readonly FieldFacts[]
  readonly strangeWords: readonly string[]
  readonly unreadable: string | null
  /** Null where a column is missing or of another type. */
  readonly table: CandleTable | null
}

/** A file as it was at one moment. */
export type FileContent = {
  readonly sha256: string
  readonly sizeBytes: number
  /**
   * Stays on the disk. Reading it fails when the file was changed since: what is decoded is what was
   * digested.
   */
  readonly bytes: Blob
}

/** Null where there is no such file. */
export async function contentOf(path: string): Promise<FileContent | null> {
  try {
    if (!existsSync(path)) return null
    const bytes = await openAsBlob(path)
    const digest = createHash('sha256')
    for await (const chunk of bytes.stream()) digest.update(chunk)
    return { sha256: digest.digest('hex'), sizeBytes: bytes.size, bytes }
  } catch (error) {
    throw fileError('reading', path, error)
  }
}

export async function readForJudging(bytes: Blob): Promise<ParquetFacts> {
  try {
    return await readFacts(bytes)
  } catch (error) {
    const facts = { rowCount: 0, schemaName: null, fields: [], strangeWords: [], table: null }
    return { ...facts, unreadable: messageOf(error) }
  }
}

async function readFacts(bytes: Blob): Promise<ParquetFacts> {
  const day = new DayRows()
  const { rowCount, schemaName } = await eachBatch(bytes, undefined, (batch, rows) => day.add(batch, rows))
  const { fields, strangeWords, table } = day.result(rowCount)
  return { rowCount, schemaName, fields, strangeWords, table, unreadable: null }
}

type FileOutline = { readonly rowCount: number; readonly schemaName: string | null }

/** Rows of one Arrow batch. */
const BATCH_ROWS = 16_384

/** `take` gets each batch with the number of rows of the file; once without rows where the file has none. */
async function eachBatch(
  bytes: Blob,
  columns: string[] | undefined,
  take: (batch: RecordBatch, rowCount: number) => void,
): Promise<FileOutline> {
  const file = await ParquetFile.fromFile(bytes)
  try {
    const metadata = file.metadata()
    const outline = metadata.fileMetadata()
    const rowCount = outline.numRows()
    const groupCount = metadata.numRowGroups()
    const schemaName = schemaNameOf(outline.keyValueMetadata().get(METADATA_KEY))
    for (let group = 0; group < groupCount; group++) {
      const rows = await file.read({
        rowGroups: [group],
        batchSize: BATCH_ROWS,
        ...(columns === undefined ? {} : { columns }),
      })
      for (const batch of tableFromIPC(rows.intoIPCStream()).batches) take(batch, rowCount)
    }
    return { rowCount, schemaName }
  } finally {
    file.free()
  }
}

function schemaNameOf(text: unknown): string | null {
  if (typeof text !== 'string') return null
  try {
    const { schema } = JSON.parse(text) as { schema?: unknown }
    return typeof schema === 'string' ? schema : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** A word that is no source has this code in `source`; the words themselves are told apart. */
const STRANGE_SOURCE = 255

class DayRows {
  readonly #names = new NameIndex()
  readonly #sources = new Map<string, number>()
  readonly #strange = new Set<string>()
  #columns: CandleColumns | null = null
  #fields: FieldFacts[] | null = null
  #suits = false
  #row = 0

  add(batch: RecordBatch, rowCount: number): void {
    this.#fields = fieldsOf(batch, this.#fields)
    if (this.#columns === null) {
      this.#columns = allocateCandles(rowCount)
      const kinds = new Map(this.#fields.map(({ name, kind }) => [name, kind]))
      this.#suits = CANDLE_FIELDS_WANTED.every(({ name, kind }) => kinds.get(name) === kind)
    }
    if (!this.#suits || batch.numRows === 0) return
    const column = (name: string): Data => columnOf(batch, name)!
    for (const [name, target] of CANDLE_NUMBERS) copyNumbers(column(name), this.#columns[target], this.#row)
    copyFlags(column('complete'), this.#columns.complete, this.#row)
    this.#names.fill(batch, this.#columns.instrument, this.#row)
    this.#fillSources(column('source'), this.#columns.source)
    this.#row += batch.numRows
  }

  result(rowCount: number): Pick<ParquetFacts, 'fields' | 'strangeWords' | 'table'> {
    const instruments = this.#names.instruments
    const unknown = instruments.filter(({ exchange }) => !EXCHANGES.includes(exchange))
    for (const { exchange } of unknown) this.#strange.add(`exchange: ${exchange}`)
    const columns = this.#columns ?? allocateCandles(rowCount)
    return {
      fields: this.#fields ?? [],
      strangeWords: [...this.#strange].sort(),
      table: this.#suits || rowCount === 0 ? { instruments, columns } : null,
    }
  }

  #fillSources(data: Data, into: Uint8Array): void {
    let before = -1
    for (let row = 0; row < data.length; row++) {
      if (before < 0 || !isSameText(data, row, data, before)) before = row
      else {
        into[this.#row + row] = into[this.#row + before]!
        continue
      }
      const word = textAt(data, row)
      const known = this.#sources.get(word) ?? CANDLE_SOURCES.indexOf(word as CandleSource)
      this.#sources.set(word, known)
      if (known < 0) this.#strange.add(`source: ${word}`)
      into[this.#row + row] = known < 0 ? STRANGE_SOURCE : known
    }
  }
}

type Day = { -readonly [Name in keyof PreviousClose]: PreviousClose[Name] }

function emptyDay(): Day {
  return {
    close: Number.NaN,
    high: Number.NEGATIVE_INFINITY,
    low: Number.POSITIVE_INFINITY,
    volume: Number.NaN,
    rowCount: 0,
  }
}

/** Closes, extremes and volumes of the session before, folded without keeping its rows. */
export async function readPreviousCloses(bytes: Blob): Promise<ReadonlyMap<string, PreviousClose>> {
  const names = new NameIndex()
  const days: Day[] = []
  const columns = ['symbol', 'exchange', 'token', 'high', 'low', 'close', 'volume']
  await eachBatch(bytes, columns, (batch) => {
    const at = new Int32Array(batch.numRows)
    names.fill(batch, at, 0)
    const [high, low, close, volume] = ['high', 'low', 'close', 'volume'].map((name) => {
      const values = new Float64Array(batch.numRows)
      copyNumbers(columnOf(batch, name)!, values, 0)
      return values
    })
    while (days.length < names.instruments.length) days.push(emptyDay())
    for (let row = 0; row < batch.numRows; row++) {
      const day = days[at[row]!]!
      day.close = close![row]!
      day.high = Math.max(day.high, high![row]!)
      day.low = Math.min(day.low, low![row]!)
      if (!Number.isNaN(volume![row]!)) day.volume = (day.volume || 0) + volume![row]!
      day.rowCount++
    }
  })
  return new Map(names.instruments.map(({ symbol }, index) => [symbol, days[index]!]))
}
