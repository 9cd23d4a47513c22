/** How do readers that are not ours see a file? DuckDB, and parquetjs-lite with three repairs. */
import { createRequire } from 'node:module'
import { zstdDecompressSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Candle } from '../../src/domain/candle.ts'
import type { UnixMs } from '../../src/domain/time.ts'

export async function duckDb(sql: string): Promise<Record<string, unknown>[]> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  try {
    return (await connection.runAndReadAll(sql)).getRowObjectsJS()
  } finally {
    connection.closeSync()
  }
}

export async function duckRows(path: string): Promise<Candle[]> {
  const rows = await duckDb(`SELECT * FROM read_parquet('${path}')`)
  return rows.map(candleOfRow)
}

type LiteCursor = { next(): Promise<Record<string, unknown> | null> }
type LiteReader = { getCursor(): LiteCursor; close(): Promise<void> }
type Lite = { ParquetReader: { openFile(path: string): Promise<LiteReader> } }

/** parquetjs-lite with the three repairs that FORMAT.md tells of. */
function repairedLite(): Lite {
  const require = createRequire(import.meta.url)
  const compression = require('parquetjs-lite/lib/compression') as {
    PARQUET_COMPRESSION_METHODS: Record<string, { inflate: (bytes: Buffer) => Buffer }>
  }
  compression.PARQUET_COMPRESSION_METHODS.ZSTD = { inflate: (bytes) => zstdDecompressSync(bytes) }
  const types = require('parquetjs-lite/lib/types') as {
    PARQUET_LOGICAL_TYPES: Record<string, { fromPrimitive: (value: bigint) => Date }>
  }
  types.PARQUET_LOGICAL_TYPES.TIMESTAMP_MILLIS!.fromPrimitive = (value) => new Date(Number(value))
  const codecs = require('parquetjs-lite/lib/codec') as Record<
    string,
    { decodeValues: typeof dictionaryIndices }
  >
  codecs.RLE_DICTIONARY = { decodeValues: dictionaryIndices }
  return require('parquetjs-lite') as Lite
}

/** A data page of dictionary indices: a byte of bit width, then runs, repeated or packed (RLE hybrid). */
function dictionaryIndices(
  _type: string,
  cursor: { buffer: Buffer; offset: number },
  count: number,
): number[] {
  const { buffer } = cursor
  const bitWidth = buffer[cursor.offset++]!
  const indices: number[] = []
  while (indices.length < count) {
    let header = 0
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = buffer[cursor.offset++]!
      header |= (byte & 0x7f) << shift
      more = byte >= 0x80
    }
    const isPacked = (header & 1) === 1
    const bitCount = isPacked ? (header >> 1) * 8 * bitWidth : Math.ceil(bitWidth / 8) * 8
    const bits = BigInt(
      `0x${
        Buffer.from(buffer.subarray(cursor.offset, cursor.offset + bitCount / 8))
          .reverse()
          .toString('hex') || '0'
      }`,
    )
    cursor.offset += bitCount / 8
    const runCount = isPacked ? (header >> 1) * 8 : header >> 1
    for (let at = 0; at < runCount; at++) {
      indices.push(
        isPacked ? Number((bits >> BigInt(at * bitWidth)) & ((1n << BigInt(bitWidth)) - 1n)) : Number(bits),
      )
    }
  }
  return indices.slice(0, count)
}

export async function liteRows(path: string): Promise<Candle[]> {
  const reader = await repairedLite().ParquetReader.openFile(path)
  const cursor = reader.getCursor()
  const rows: Candle[] = []
  for (let row = await cursor.next(); row !== null; row = await cursor.next()) rows.push(candleOfRow(row))
  await reader.close()
  return rows
}

/** A foreign reader's row as ours. Both give Dates and bigints; one leaves nulls out. */
function candleOfRow(row: Record<string, unknown>): Candle {
  const time = (name: string): UnixMs => (row[name] as Date).getTime() as UnixMs
  const timeOrNull = (name: string): UnixMs | null => ((row[name] ?? null) === null ? null : time(name))
  return {
    symbol: row.symbol as string,
    exchange: row.exchange as string,
    token: row.token as string,
    timestampMs: time('timestamp'),
    open: row.open as number,
    high: row.high as number,
    low: row.low as number,
    close: row.close as number,
    volume: row.volume === null || row.volume === undefined ? null : Number(row.volume),
    vwap: (row.vwap as number | null | undefined) ?? null,
    tickCount: row.tick_count as number,
    dayHigh: row.day_high as number,
    dayLow: row.day_low as number,
    firstTickMs: timeOrNull('first_tick_at'),
    lastTickMs: timeOrNull('last_tick_at'),
    complete: row.complete as boolean,
    source: row.source as Candle['source'],
    revision: row.revision as number,
  }
}
