/**
 * How is DuckDB asked? One instance in memory with a limit, spilling into the lake's temp folder; statements
 * are text made of our own names and of quoted paths. Loaded only when curation runs.
 */
import { join } from 'node:path'
import type { DuckDBConnection, DuckDBInstance, DuckDBType } from '@duckdb/node-api'
import { type ErrorCode, messageOf, OperatingError } from '../domain/error.ts'

export type Row = Readonly<Record<string, unknown>>

type DuckDb = typeof import('@duckdb/node-api')

/** A column to append: null stands for NULL, NaN stays what it is. */
export type AppendColumn =
  | { readonly kind: 'int32' | 'double'; readonly values: readonly (number | null)[] }
  | { readonly kind: 'utf8'; readonly values: readonly (string | null)[] }

/** DuckDB's vectors hold this many rows. */
const CHUNK_ROWS = 2_048

export class Engine {
  readonly #duckdb: DuckDb
  readonly #instance: DuckDBInstance
  readonly #connection: DuckDBConnection

  private constructor(duckdb: DuckDb, instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#duckdb = duckdb
    this.#instance = instance
    this.#connection = connection
  }

  static async open(tempDir: string, memoryBytesMax: number, threadCount: number): Promise<Engine> {
    const duckdb = await import('@duckdb/node-api')
    const instance = await duckdb.DuckDBInstance.create(':memory:', {
      memory_limit: `${Math.floor(memoryBytesMax / 1024)}KiB`,
      threads: String(threadCount),
      temp_directory: join(tempDir, 'spill'),
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    })
    return new Engine(duckdb, instance, await instance.connect())
  }

  async run(sql: string): Promise<void> {
    try {
      await this.#connection.run(sql)
    } catch (error) {
      throw engineError(error)
    }
  }

  /** Rows as JavaScript values; integers of 64 bits as numbers: ours are unix ms and counts. */
  async rows(sql: string): Promise<readonly Row[]> {
    try {
      const reader = await this.#connection.runAndReadAll(sql)
      return reader.getRowObjects().map(plainRow)
    } catch (error) {
      throw engineError(error)
    }
  }

  async count(sql: string): Promise<number> {
    const [row] = await this.rows(sql)
    return Number(Object.values(row!)[0])
  }

  /** A temporary table in the place of one of that name. */
  async make(name: string, select: string): Promise<void> {
    await this.run(`create or replace temp table ${name} as ${select}`)
  }

  /** A name for a query, for rows that are too many to be held twice. */
  async name(view: string, select: string): Promise<void> {
    await this.run(`create or replace temp view ${view} as ${select}`)
  }

  /** Adds rows to a table; the columns in the table's order, all of one length. */
  async append(table: string, columns: readonly AppendColumn[]): Promise<void> {
    const rowCount = columns[0]!.values.length
    const types = columns.map(({ kind }) => this.#typeOf(kind))
    const appender = await this.#connection.createAppender(table)
    try {
      for (let from = 0; from < rowCount; from += CHUNK_ROWS) {
        const to = Math.min(rowCount, from + CHUNK_ROWS)
        const chunk = this.#duckdb.DuckDBDataChunk.create(types, to - from)
        columns.forEach(({ values }, at) => {
          chunk.setColumnValues(at, values.slice(from, to))
        })
        appender.appendDataChunk(chunk)
      }
    } finally {
      appender.closeSync()
    }
  }

  #typeOf(kind: AppendColumn['kind']): DuckDBType {
    if (kind === 'utf8') return this.#duckdb.VARCHAR
    return kind === 'double' ? this.#duckdb.DOUBLE : this.#duckdb.INTEGER
  }

  /** Frees the memory of tables that are not needed any more. */
  async drop(...names: readonly string[]): Promise<void> {
    for (const name of names) await this.run(`drop table if exists ${name}`)
  }

  end(): void {
    this.#connection.closeSync()
    this.#instance.closeSync()
  }
}

/** What DuckDB meets on the machine is told to the operator; what it says about our SQL is our own error. */
function engineError(error: unknown): unknown {
  const text = messageOf(error).split('\n')[0]!
  const told = (code: ErrorCode, advice: string): OperatingError =>
    new OperatingError(`curating the lake: ${text}; ${advice}`, { code, cause: error })
  if (/No space left|max_temp_directory_size/.test(text)) return told('DISK_FULL', 'free space there')
  if (/^Out of Memory Error/.test(text)) return told('BATCH_FAILED', 'give the program more memory')
  if (/magic bytes|[Pp]arquet|^(Serialization|Invalid Input) Error/.test(text)) {
    return told('PARQUET_INVALID', 'remove staging and analytics of the market, they are made again from raw')
  }
  return /^IO Error/.test(text) ? told('DIR_UNUSABLE', 'check the data directory and the disk') : error
}

function plainRow(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
  )
}

export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** SQL of files read by name. None: `from` is asked for a table without rows instead, see callers. */
export function parquet(dataDir: string, paths: readonly string[]): string {
  const list = paths.map((path) => quoted(join(dataDir, path))).join(', ')
  return `read_parquet([${list}], hive_partitioning = false, filename = true)`
}
