/**
 * Is the file one of ours at all: columns, their order, types and units, its words, the order of its rows?
 */
import type { CandleTable } from '../../domain/candle.ts'
import type { CheckOutcome } from '../../domain/verdict.ts'
import type { FieldFacts, FileFacts } from '../ingest-evidence.ts'
import { Findings, momentOf, symbolOf } from './outcome.ts'

/** A column as it should be. */
export type FieldWanted = { readonly name: string; readonly kind: string; readonly nullable: boolean }

function field(name: string, kind: string, nullable = false): FieldWanted {
  return { name, kind, nullable }
}

const UTC_MS = 'timestamp[ms, UTC]'

/**
 * The fixed columns of one-minute candles, stated apart from the writer: a gate that asks it proves nothing.
 */
export const CANDLE_FIELDS_WANTED: readonly FieldWanted[] = [
  ...['symbol', 'exchange', 'token'].map((name) => field(name, 'utf8')),
  field('timestamp', UTC_MS),
  ...['open', 'high', 'low', 'close'].map((name) => field(name, 'double')),
  field('volume', 'int64', true),
  field('vwap', 'double', true),
  field('tick_count', 'int32'),
  field('day_high', 'double'),
  field('day_low', 'double'),
  field('first_tick_at', UTC_MS, true),
  field('last_tick_at', UTC_MS, true),
  field('complete', 'bool'),
  field('source', 'utf8'),
  field('revision', 'int32'),
]

export const CANDLE_SCHEMA_WANTED = 'chandler.candles.v1'

/** Columns by name and place; adding columns behind the fixed ones is allowed. */
export function checkColumns(
  file: Pick<FileFacts, 'fields' | 'schemaName' | 'unreadable'>,
  wanted: readonly FieldWanted[],
  schemaName: string,
): CheckOutcome {
  const findings = new Findings()
  const { unreadable } = file
  if (unreadable !== null) findings.add(null, () => ({ unreadable }))
  for (const [at, { name }] of wanted.entries()) {
    const found = file.fields[at]?.name ?? null
    if (found !== name) findings.add(null, () => ({ column: at, wanted: name, found }))
  }
  if (file.schemaName !== schemaName) {
    findings.add(null, () => ({ metadata: 'schema', wanted: schemaName, found: file.schemaName }))
  }
  return findings.outcome({
    check: 'schema.columns',
    word: 'fail',
    countChecked: wanted.length + 1,
    what: 'names of columns, in their order, and of the schema are not as fixed',
  })
}

/** Types with their units, and values where there must be one. */
export function checkTypes(file: Pick<FileFacts, 'fields'>, wanted: readonly FieldWanted[]): CheckOutcome {
  const findings = new Findings()
  const byName = new Map(file.fields.map((facts) => [facts.name, facts]))
  for (const want of wanted) {
    const found = byName.get(want.name)
    if (found === undefined || suits(found, want)) continue
    const { kind, nullCount, nanCount } = found
    findings.add(null, () => ({ column: want.name, wanted: want.kind, found: kind, nullCount, nanCount }))
  }
  return findings.outcome({
    check: 'schema.types',
    word: 'fail',
    countChecked: wanted.length,
    what: 'columns have another type or unit, or are empty where a value must be',
  })
}

function suits({ kind, nullCount }: FieldFacts, wanted: FieldWanted): boolean {
  return kind === wanted.kind && (wanted.nullable || nullCount === 0)
}

export function checkWords(file: FileFacts, table: CandleTable): CheckOutcome {
  const findings = new Findings()
  for (const word of file.strangeWords) findings.add(null, () => ({ word }))
  for (const { symbol, exchange, token } of table.instruments) {
    if (symbol.trim() === symbol && symbol !== '' && token !== '') continue
    findings.add(symbol, () => ({ symbol, exchange, token, why: 'a name is empty or padded' }))
  }
  return findings.outcome({
    check: 'schema.words',
    word: 'fail',
    countChecked: table.instruments.length,
    what: 'instruments bear a name, or rows a word, that the schema does not know',
  })
}

/** By symbol in code-unit order, then by time. */
export function checkRowOrder(table: CandleTable): CheckOutcome {
  const { columns } = table
  const { instrument, timestampMs } = columns
  const findings = new Findings()
  const inOrder = symbolOrder(table)
  for (let row = 1; row < columns.rowCount; row++) {
    const rank = inOrder[instrument[row]!]! - inOrder[instrument[row - 1]!]!
    if (rank > 0 || (rank === 0 && timestampMs[row]! >= timestampMs[row - 1]!)) continue
    findings.add(null, () => ({ row, symbol: symbolOf(table, row), at: momentOf(timestampMs[row]!) }))
  }
  return findings.outcome({
    check: 'schema.order',
    word: 'fail',
    countChecked: columns.rowCount,
    what: 'rows stand before a row that belongs in front of them',
  })
}

/** By instrument the place of its symbol; the same for two instruments of one symbol. */
function symbolOrder({ instruments }: CandleTable): Int32Array {
  const symbols = [...new Set(instruments.map(({ symbol }) => symbol))].sort()
  const rankOf = new Map(symbols.map((symbol, rank) => [symbol, rank]))
  return Int32Array.from(instruments, ({ symbol }) => rankOf.get(symbol)!)
}
