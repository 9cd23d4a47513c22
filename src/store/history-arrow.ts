/**
 * How do candles of sessions become Arrow, for pipes and notebooks? Some thousand rows for somebody who waits
 * at a terminal: built by the library, value by value. Minutes of 3,000 instruments are arrow.ts.
 */
import {
  type DataType,
  Float64,
  Int64,
  Table,
  TimestampMillisecond,
  tableToIPC,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow'
import type { DailyCandle, IntradayCandle } from '../domain/daily-candle.ts'

/** An Arrow IPC stream with the contract's columns, in its order. */
export function historyToArrow(rows: readonly DailyCandle[] | readonly IntradayCandle[]): Uint8Array {
  const columns: Record<string, Vector> = {
    symbol: vectorOf(rows, new Utf8(), ({ symbol }) => symbol),
    timestamp: vectorOf(rows, UTC_MS, ({ timestampMs }) => timestampMs),
    open: vectorOf(rows, new Float64(), ({ open }) => open),
    high: vectorOf(rows, new Float64(), ({ high }) => high),
    low: vectorOf(rows, new Float64(), ({ low }) => low),
    close: vectorOf(rows, new Float64(), ({ close }) => close),
    volume: vectorOf(rows, new Int64(), ({ volume }) => (volume === null ? null : BigInt(volume))),
    ...(isDaily(rows) ? adjustmentsOf(rows) : {}),
    source: vectorOf(rows, new Utf8(), ({ source }) => source),
    fetched_at: vectorOf(rows, UTC_MS, ({ fetchedAtMs }) => fetchedAtMs),
  }
  return tableToIPC(new Table(columns), 'stream')
}

const UTC_MS = new TimestampMillisecond('UTC')

function adjustmentsOf(rows: readonly DailyCandle[]): Record<string, Vector> {
  return {
    adj_close: vectorOf(rows, new Float64(), ({ adjustedClose }) => adjustedClose),
    dividend_amt: vectorOf(rows, new Float64(), ({ dividend }) => dividend),
    split_coef: vectorOf(rows, new Float64(), ({ split }) => split),
  }
}

function isDaily(rows: readonly DailyCandle[] | readonly IntradayCandle[]): rows is readonly DailyCandle[] {
  return rows[0] !== undefined && 'adjustedClose' in rows[0]
}

function vectorOf<Row>(
  rows: readonly Row[],
  type: DataType,
  valueIn: (row: Row) => string | number | bigint | null,
): Vector {
  return vectorFromArray(rows.map(valueIn), type)
}
