/** What would an analyst see? Candles read by DuckDB with a glob over the lake, as the README says. */
import { globSync } from 'node:fs'
import { DuckDBInstance } from '@duckdb/node-api'

export type LakeRow = {
  readonly symbol: string
  readonly exchange: string
  readonly token: string
  /** Start of the minute, Unix ms. */
  readonly timestampMs: number
  readonly complete: boolean
  readonly source: string
  readonly volume: number | null
  /** open, high, low, close */
  readonly prices: readonly number[]
  /** Every column, as one text to compare by. */
  readonly everything: string
  /** Every column but `revision`. */
  readonly candle: string
}

/** Key of an instrument's minute. */
export type RowKey = string

export function keyOf(row: { exchange: string; token: string; timestampMs: number }): RowKey {
  return `${row.exchange}:${row.token}@${row.timestampMs}`
}

const COLUMNS = [
  'symbol',
  'exchange',
  'token',
  'epoch_ms(timestamp)::DOUBLE AS timestamp',
  'open',
  'high',
  'low',
  'close',
  'volume::DOUBLE AS volume',
  'vwap',
  'tick_count',
  'day_high',
  'day_low',
  'epoch_ms(first_tick_at)::DOUBLE AS first_tick_at',
  'epoch_ms(last_tick_at)::DOUBLE AS last_tick_at',
  'complete',
  'source',
  'revision',
].join(', ')

/** All rows of the files that `glob` means, in order, duplicates and all; none where there is no file. */
export async function readRows(glob: string): Promise<readonly LakeRow[]> {
  if (globSync(glob).length === 0) return []
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    const sql = `SELECT ${COLUMNS} FROM read_parquet('${glob}') ORDER BY exchange, token, timestamp`
    const reader = await connection.runAndReadAll(sql)
    return reader.getRowObjects().map(toRow)
  } finally {
    connection.closeSync()
  }
}

function toRow(row: Record<string, unknown>): LakeRow {
  const { revision, ...candle } = row
  return {
    symbol: String(row.symbol),
    exchange: String(row.exchange),
    token: String(row.token),
    timestampMs: Number(row.timestamp),
    complete: row.complete === true,
    source: String(row.source),
    volume: row.volume === null ? null : Number(row.volume),
    prices: [row.open, row.high, row.low, row.close].map(Number),
    everything: JSON.stringify({ ...candle, revision }),
    candle: JSON.stringify(candle),
  }
}
