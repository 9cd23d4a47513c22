/** Which columns has each Parquet file of US history, in which order are its rows, and how is it called? */
import type { Frequency } from './layout.ts'

/** `utc` is timestamp[ms, UTC]; in our own tables it is a BIGINT of unix ms. */
export type ColumnKind = 'utf8' | 'utc' | 'double' | 'int64' | 'int32'

export type Schema = {
  /** In the file's metadata under `chandler`. */
  readonly name: string
  /** Name in the file and kind; the table that it is written from has the same names. */
  readonly columns: readonly (readonly [string, ColumnKind])[]
  readonly order: readonly string[]
}

const PRICES = [
  ['open', 'double'],
  ['high', 'double'],
  ['low', 'double'],
  ['close', 'double'],
] as const

export const STAGED_CANDLES: Schema = {
  name: 'chandler.us_staged_candles.v1',
  columns: [
    ['symbol', 'utf8'],
    ['timestamp', 'utc'],
    ...PRICES,
    ['volume', 'double'],
    ['adjusted_close', 'double'],
    ['dividend_amt', 'double'],
    ['split_coef', 'double'],
    ['stamp_convention', 'utf8'],
    ['source_file', 'utf8'],
    ['fetched_at', 'utc'],
    ['symbol_group', 'int32'],
  ],
  order: [
    'symbol_group',
    'symbol',
    'timestamp',
    'fetched_at',
    'source_file',
    'open',
    'high',
    'low',
    'close',
    'volume',
    'adjusted_close',
    'dividend_amt',
    'split_coef',
  ],
}

export const STAGED_ACTIONS: Schema = {
  name: 'chandler.us_staged_actions.v1',
  columns: [
    ['symbol', 'utf8'],
    ['timestamp', 'utc'],
    ['kind', 'utf8'],
    ['value', 'double'],
    ['source_file', 'utf8'],
    ['fetched_at', 'utc'],
    ['symbol_group', 'int32'],
  ],
  order: ['symbol_group', 'symbol', 'timestamp', 'kind', 'fetched_at', 'source_file', 'value'],
}

export const STAGED_ANSWERS: Schema = {
  name: 'chandler.us_staged_answers.v1',
  columns: [
    ['source_file', 'utf8'],
    ['symbol', 'utf8'],
    ['function', 'utf8'],
    ['variant', 'utf8'],
    ['fetched_at', 'utc'],
    ['outcome', 'utf8'],
    ['message', 'utf8'],
    ['row_count', 'int32'],
    ['first_at', 'utc'],
    ['last_at', 'utc'],
    ['symbol_group', 'int32'],
  ],
  order: ['symbol_group', 'symbol', 'fetched_at', 'source_file'],
}

export const DAILY_CANDLES: Schema = {
  name: 'chandler.us_daily.v1',
  columns: [
    ['symbol', 'utf8'],
    ['timestamp', 'utc'],
    ...PRICES,
    ['volume', 'int64'],
    ['adj_close', 'double'],
    ['dividend_amt', 'double'],
    ['split_coef', 'double'],
    ['source', 'utf8'],
    ['fetched_at', 'utc'],
  ],
  order: ['symbol', 'timestamp'],
}

export const INTRADAY_CANDLES: Schema = {
  name: 'chandler.us_5m.v1',
  columns: [
    ['symbol', 'utf8'],
    ['timestamp', 'utc'],
    ...PRICES,
    ['volume', 'int64'],
    ['source', 'utf8'],
    ['fetched_at', 'utc'],
  ],
  order: ['symbol', 'timestamp'],
}

export function candleSchema(frequency: Frequency): Schema {
  return frequency.name === '1d' ? DAILY_CANDLES : INTRADAY_CANDLES
}

export const VINTAGES: Schema = {
  name: 'chandler.us_vintages.v1',
  columns: [
    ['symbol', 'utf8'],
    ['timestamp', 'utc'],
    ...PRICES,
    ['volume', 'int64'],
    ['source', 'utf8'],
    ['fetched_at', 'utc'],
    ['revision', 'int32'],
    ['superseded_at', 'utc'],
  ],
  order: ['symbol', 'timestamp', 'revision'],
}

export const ACTIONS: Schema = {
  name: 'chandler.us_actions.v1',
  columns: [
    ['symbol', 'utf8'],
    ['timestamp', 'utc'],
    ['session', 'utc'],
    ['dividend_amt', 'double'],
    ['split_coef', 'double'],
    ['factor', 'double'],
    ['cumulative_factor', 'double'],
    ['symbol_group', 'int32'],
  ],
  order: ['symbol', 'timestamp'],
}

export const CLAIMS: Schema = {
  name: 'chandler.us_claims.v1',
  columns: [
    ['symbol', 'utf8'],
    ['timestamp', 'utc'],
    ['kind', 'utf8'],
    ['origin', 'utf8'],
    ['revision', 'int32'],
    ['value', 'double'],
    ['source', 'utf8'],
    ['fetched_at', 'utc'],
    ['confirmed_at', 'utc'],
    ['symbol_group', 'int32'],
  ],
  order: ['symbol', 'timestamp', 'kind', 'origin', 'revision'],
}

export const FINDINGS: Schema = {
  name: 'chandler.us_findings.v1',
  columns: [
    ['kind', 'utf8'],
    ['symbol', 'utf8'],
    ['frequency', 'utf8'],
    ['timestamp', 'utc'],
    ['detail', 'utf8'],
    ['source', 'utf8'],
    ['fetched_at', 'utc'],
    ['symbol_group', 'int32'],
  ],
  order: ['kind', 'symbol', 'frequency', 'timestamp', 'fetched_at', 'source', 'detail'],
}

export function timestampCount(schema: Schema): number {
  return schema.columns.filter(([, kind]) => kind === 'utc').length
}

/** Our table's columns as the file has them. */
export function toFileSql(schema: Schema): string {
  return schema.columns.map(([name, kind]) => `${toFileValue(name, kind)} as "${name}"`).join(', ')
}

function toFileValue(name: string, kind: ColumnKind): string {
  const types = { utf8: 'varchar', double: 'double', int64: 'bigint', int32: 'integer' } as const
  return kind === 'utc' ? `make_timestamp("${name}" * 1000)::timestamp_ms` : `"${name}"::${types[kind]}`
}

/** A file's columns as our tables have them: times as unix ms. */
export function fromFileSql(schema: Schema): string {
  return schema.columns
    .map(([name, kind]) => (kind === 'utc' ? `epoch_ms("${name}") as "${name}"` : `"${name}"`))
    .join(', ')
}

/** One number for all values of all rows, whatever their order, of our tables and of a file alike. */
export function contentHashSql(schema: Schema, of: 'table' | 'file'): string {
  const values = schema.columns.map(([name, kind]) => {
    if (kind === 'utc') return of === 'file' ? `epoch_ms("${name}")` : `"${name}"::bigint`
    return of === 'file' ? `"${name}"` : toFileValue(name, kind)
  })
  return `bit_xor(hash(${values.join(', ')}))::varchar`
}

/** A table of the schema's shape without rows. */
export function emptySql(schema: Schema): string {
  const types = {
    utf8: 'varchar',
    utc: 'bigint',
    double: 'double',
    int64: 'bigint',
    int32: 'integer',
  } as const
  const columns = schema.columns.map(([name, kind]) => `null::${types[kind]} as "${name}"`)
  return `select ${columns.join(', ')} where false`
}
