/**
 * Which columns does a Parquet file of the lake have? Order, names, types and nullability are fixed;
 * adding is allowed, renaming is not. This file knows no library, so everybody can read it.
 */

export type FieldKind = 'utf8' | 'timestamp' | 'double' | 'int64' | 'int32' | 'bool'
export type Field = { readonly name: string; readonly kind: FieldKind; readonly nullable: boolean }

function field(name: string, kind: FieldKind, nullable = false): Field {
  return { name, kind, nullable }
}

export const CANDLE_FIELDS: readonly Field[] = [
  field('symbol', 'utf8'),
  field('exchange', 'utf8'),
  field('token', 'utf8'),
  field('timestamp', 'timestamp'),
  field('open', 'double'),
  field('high', 'double'),
  field('low', 'double'),
  field('close', 'double'),
  field('volume', 'int64', true),
  field('vwap', 'double', true),
  field('tick_count', 'int32'),
  field('day_high', 'double'),
  field('day_low', 'double'),
  field('first_tick_at', 'timestamp', true),
  field('last_tick_at', 'timestamp', true),
  field('complete', 'bool'),
  field('source', 'utf8'),
  field('revision', 'int32'),
]

export const MOMENTUM_FIELDS: readonly Field[] = [
  field('symbol', 'utf8'),
  field('exchange', 'utf8'),
  field('token', 'utf8'),
  field('timestamp', 'timestamp'),
  field('vwap_distance', 'double', true),
  field('high_proximity', 'double', true),
  field('relative_volume', 'double', true),
]

export const CANDLE_SCHEMA_NAME = 'chandler.candles.v1'
export const MOMENTUM_SCHEMA_NAME = 'chandler.momentum.v1'
