/** A small lake of US history, written as curation lays it out. */
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { claimsPath, DAILY, FIVE_MINUTES, groupOf, slotOf, slotPath } from '../../src/curation/layout.ts'

export type LakeCandle = {
  readonly symbol: string
  readonly date: string
  readonly close: number
  readonly fetchedAt: string
  readonly volume?: number
  readonly adjustedClose?: number
  readonly dividend?: number
  readonly split?: number
}

export type LakeClaim = {
  readonly symbol: string
  readonly date: string
  readonly kind: 'split' | 'dividend'
  readonly revision: number
  readonly value: number
  readonly fetchedAt: string
  /** By a daily row, not by an answer about splits or dividends. */
  readonly isTold?: boolean
}

export type LakeContent = {
  readonly candles?: readonly LakeCandle[]
  /** Rows that newer ones superseded. */
  readonly vintages?: readonly LakeCandle[]
  readonly claims?: readonly LakeClaim[]
  /** Start of a candle of five minutes, ISO in UTC. */
  readonly intraday?: readonly { readonly symbol: string; readonly at: string; readonly close: number }[]
}

/** Opens a cent below the close, one above it high, two below it low. One symbol for each file. */
export async function writeUsLake(dataDir: string, content: LakeContent): Promise<void> {
  const { candles = [], vintages = [], claims = [], intraday = [] } = content
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const write = async (path: string, rows: readonly string[]): Promise<void> => {
    if (rows.length === 0) return
    mkdirSync(dirname(join(dataDir, path)), { recursive: true })
    await connection.run(`copy (${rows.join(' union all ')}) to '${join(dataDir, path)}' (format parquet)`)
  }
  const at = (text: string): string => `timestamptz '${text}'`
  const prices = (close: number): string =>
    `${close - 0.01}::double as open, ${close + 0.01}::double as high, ${close - 0.02}::double as low,
     ${close}::double as close`
  const priced = (row: LakeCandle): string =>
    `select '${row.symbol}' as symbol, ${at(`${row.date}T00:00:00Z`)} as timestamp, ${prices(row.close)},
     ${row.volume ?? 1000}::bigint as volume, 'alphavantage' as source, ${at(row.fetchedAt)} as fetched_at`
  const bySymbol = <Row extends { readonly symbol: string }>(rows: readonly Row[]): [string, Row[]][] => [
    ...Map.groupBy(rows, ({ symbol }) => symbol),
  ]
  for (const [symbol, rows] of bySymbol(candles)) {
    const sql = rows.map(
      (row) => `${priced(row)}, ${row.adjustedClose ?? row.close}::double as adj_close,
        ${row.dividend ?? 0}::double as dividend_amt, ${row.split ?? 1}::double as split_coef`,
    )
    await write(slotPath('us', 'candles', DAILY, { era: '2026', slot: groupOf(symbol) }), sql)
  }
  for (const [symbol, rows] of bySymbol(vintages)) {
    const sql = rows.map((row) => `${priced(row)}, 0::integer as revision`)
    await write(slotPath('us', 'vintages', DAILY, { era: '2026', slot: groupOf(symbol) }), sql)
  }
  for (const [symbol, rows] of bySymbol(intraday)) {
    const sql = rows.map(
      (row) => `select '${symbol}' as symbol, ${at(row.at)} as timestamp,
        ${prices(row.close)}, 10::bigint as volume,
        'alphavantage' as source, ${at('2026-04-01T00:00:00Z')} as fetched_at`,
    )
    const slot = slotOf(groupOf(symbol), FIVE_MINUTES)
    await write(slotPath('us', 'candles', FIVE_MINUTES, { era: '2026-03', slot }), sql)
  }
  await write(
    claimsPath('us'),
    claims.map(
      ({ symbol, date, kind, revision, value, fetchedAt, isTold = false }) => `
      select '${symbol}' as symbol, ${at(`${date}T00:00:00Z`)} as timestamp, '${kind}' as kind,
        '${isTold ? 'DAILY_ADJUSTED' : `${kind.toUpperCase()}S`}' as origin,
        ${revision}::integer as revision, ${value}::double as value, ${at(fetchedAt)} as fetched_at,
        ${at(fetchedAt)} as confirmed_at`,
    ),
  )
  connection.closeSync()
  instance.closeSync()
}
