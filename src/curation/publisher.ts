/**
 * How does a table become a file of the lake? Step by step, each durable before the next:
 *
 *     1 write    DuckDB writes .tmp/<market>/curation/<n>.parquet, rows in the schema's order
 *     2 mark     the timestamp columns say UTC (utc-footer.ts); fsync
 *     3 verify   every file is read again: row count, a hash over all values, the columns' types
 *     4 publish  rename over the final name, fsync of its folder
 *
 * Readers see the old file or the new one. The bytes depend on the rows and on DuckDB's version alone: rows
 * are ordered by a key, groups have a fixed size, metadata has no time, and one writer keeps the order.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { messageOf, OperatingError, systemCodeOf } from '../domain/error.ts'
import {
  fileError,
  makeDir,
  renameInto,
  sweepDir,
  syncData,
  writeFully,
  writeNewFile,
} from '../platform/durable.ts'
import { type Engine, parquet, quoted } from './engine.ts'
import { curationTempDir } from './layout.ts'
import { contentHashSql, type Schema, timestampCount, toFileSql } from './schema.ts'
import { footerBytesOf, utcPatches } from './utc-footer.ts'

const ROW_GROUP_ROWS = 122_880
const TRAILER_BYTES = 8

export type TableFile = {
  /** Relative to the data directory. */
  readonly path: string
  /** SQL: which rows of the table. */
  readonly where: string
  readonly metadata?: Readonly<Record<string, string | number>>
}

type Written = TableFile & { readonly temp: string; readonly rowCount: number; readonly contentHash: string }

export class LakePublisher {
  readonly #engine: Engine
  readonly #dataDir: string
  readonly #tempDir: string
  readonly #files: string[] = []
  #tempCount = 0

  /** Sweeps what a crash left in the temp folder. */
  constructor(engine: Engine, dataDir: string, market: string) {
    this.#engine = engine
    this.#dataDir = dataDir
    this.#tempDir = curationTempDir(market)
    const dir = join(dataDir, this.#tempDir)
    try {
      makeDir(dir)
      sweepDir(dir)
    } catch (error) {
      throw fileError('preparing', dir, error)
    }
  }

  /** Relative to the data directory, in the order of writing. */
  get files(): readonly string[] {
    return this.#files
  }

  /** Publishes parts of one table, in the given order. None of them appears unless all could be verified. */
  async publish(schema: Schema, table: string, files: readonly TableFile[]): Promise<void> {
    if (files.length === 0) return
    try {
      const written: Written[] = []
      for (const file of files) written.push(await this.#write(schema, table, file))
      await this.#verify(schema, written)
      for (const { path, temp } of written) this.#rename(temp, path)
    } catch (error) {
      throw this.#told(files[0]!.path, error)
    }
  }

  /** A report for people: JSON whose members stand in the order given. */
  publishJson(path: string, value: object): void {
    try {
      const temp = this.#nextTemp('json')
      writeNewFile(join(this.#dataDir, temp), Buffer.from(`${JSON.stringify(value, null, 2)}\n`))
      this.#rename(temp, path)
    } catch (error) {
      throw this.#told(path, error)
    }
  }

  async #write(schema: Schema, table: string, file: TableFile): Promise<Written> {
    const temp = this.#nextTemp('parquet')
    const target = join(this.#dataDir, temp)
    const rows = `from ${table} where ${file.where}`
    const order = schema.order.map((name) => `"${name}"`).join(', ')
    const metadata = JSON.stringify({ ...file.metadata, schema: schema.name })
    await this.#engine.run(
      `copy (select ${toFileSql(schema)} ${rows} order by ${order})
       to ${quoted(target)} (format parquet, compression zstd, row_group_size ${ROW_GROUP_ROWS},
                             kv_metadata {chandler: ${quoted(metadata)}})`,
    )
    markUtc(target, timestampCount(schema))
    const [row] = await this.#engine.rows(
      `select count(*) as n, ${contentHashSql(schema, 'table')} as h ${rows}`,
    )
    return { ...file, temp, rowCount: Number(row!.n), contentHash: String(row!.h) }
  }

  async #verify(schema: Schema, written: readonly Written[]): Promise<void> {
    const rows = await this.#engine.rows(
      `select filename, count(*) as n, ${contentHashSql(schema, 'file')} as h
       from ${parquet(
         this.#dataDir,
         written.map(({ temp }) => temp),
       )} group by filename`,
    )
    const found = new Map(rows.map((row) => [String(row.filename), `${row.n} rows, ${row.h}`]))
    for (const { temp, rowCount, contentHash } of written) {
      const read = found.get(join(this.#dataDir, temp)) ?? '0 rows, null'
      const expected = `${rowCount} rows, ${contentHash}`
      if (read !== expected) throw new Error(`the file reads back as ${read} instead of ${expected}`)
    }
  }

  #rename(temp: string, path: string): void {
    const final = join(this.#dataDir, path)
    makeDir(dirname(final))
    renameInto(join(this.#dataDir, temp), final)
    this.#files.push(path)
  }

  #nextTemp(extension: string): string {
    this.#tempCount += 1
    return `${this.#tempDir}/${this.#tempCount}.${extension}`
  }

  #told(path: string, error: unknown): OperatingError {
    if (error instanceof OperatingError) return error
    if (systemCodeOf(error) !== '') return fileError('publishing', join(this.#dataDir, path), error)
    return new OperatingError(
      `publishing ${join(this.#dataDir, path)}: ${messageOf(error)}; ` +
        'nothing was replaced, check the disk and run again',
      { code: 'PARQUET_INVALID', cause: error },
    )
  }
}

/** Turns the timestamp columns of a finished file to UTC and makes its content permanent. */
function markUtc(path: string, columnCount: number): void {
  const fd = openSync(path, 'r+')
  try {
    const sizeBytes = fstatSync(fd).size
    const trailer = readAt(fd, sizeBytes - TRAILER_BYTES, TRAILER_BYTES)
    const tailBytes = footerBytesOf(trailer) + TRAILER_BYTES
    const tail = readAt(fd, sizeBytes - tailBytes, tailBytes)
    const { offsets, value } = utcPatches(tail, columnCount)
    for (const offset of offsets) writeFully(fd, Uint8Array.of(value), sizeBytes - tailBytes + offset)
    syncData(fd)
  } finally {
    closeSync(fd)
  }
}

function readAt(fd: number, position: number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes)
  const readBytes = readSync(fd, bytes, 0, sizeBytes, position)
  if (readBytes !== sizeBytes) throw new Error(`the file is shorter than its footer says`)
  return bytes
}
