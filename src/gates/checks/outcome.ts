/**
 * How does a check put down what it found? Counting costs nothing while all is well: a row becomes a value
 * for people only when it offends, and only the first ten do.
 *
 * An outcome that is not `pass` and names symbols is about these symbols; one that names none is about the
 * session as a whole.
 */
import type { CandleTable } from '../../domain/candle.ts'
import type { Json } from '../../domain/event.ts'
import type { CheckOutcome, VerdictWord } from '../../domain/verdict.ts'

const ROWS_TOLD_MAX = 10

export type OutcomeFacts = {
  readonly check: string
  /** The word when something was found. */
  readonly word: Exclude<VerdictWord, 'pass'>
  readonly countChecked: number
  readonly limits?: { readonly [name: string]: Json }
  /** What was looked at, as the end of "12 of 66,750 …". */
  readonly what: string
}

/** What one check found. */
export class Findings {
  readonly #rows: Json[] = []
  readonly #symbols = new Set<string>()
  #isAboutSession = false
  #count = 0

  count(): number {
    return this.#count
  }

  /** `symbol` null: about the session as a whole, and so is then the outcome. `told`: the first ten only. */
  add(symbol: string | null, told: () => Json): void {
    this.#count++
    if (symbol === null) this.#isAboutSession = true
    else this.#symbols.add(symbol)
    if (this.#rows.length < ROWS_TOLD_MAX) this.#rows.push(told())
  }

  /** A row of the table that offends, with the columns that show why. */
  addRow(table: CandleTable, row: number, names: readonly RowColumn[], why = ''): void {
    this.add(symbolOf(table, row), () => rowTold(table, row, names, why))
  }

  outcome({ check, word, countChecked, limits = {}, what }: OutcomeFacts): CheckOutcome {
    const isClean = this.#count === 0
    return {
      check,
      outcome: isClean ? 'pass' : word,
      says: `${this.#count} of ${countChecked} ${what}`,
      countChecked,
      countFound: this.#count,
      limits,
      rows: this.#rows,
      symbols: this.#isAboutSession ? [] : [...this.#symbols].sort(),
    }
  }
}

export type RowColumn =
  | 'open'
  | 'high'
  | 'low'
  | 'close'
  | 'volume'
  | 'vwap'
  | 'tickCount'
  | 'dayHigh'
  | 'dayLow'
  | 'firstTickMs'
  | 'lastTickMs'
  | 'complete'

export const PRICES: readonly RowColumn[] = ['open', 'high', 'low', 'close']

export function symbolOf({ columns, instruments }: CandleTable, row: number): string {
  return instruments[columns.instrument[row]!]!.symbol
}

function rowTold(table: CandleTable, row: number, names: readonly RowColumn[], why: string): Json {
  const { columns } = table
  const told: { [key: string]: Json } = {
    row,
    symbol: symbolOf(table, row),
    at: momentOf(columns.timestampMs[row]!),
  }
  for (const name of names) told[name] = numberTold(columns[name][row]!)
  if (why !== '') told.why = why
  return told
}

/** JSON has no NaN and no infinity. */
export function numberTold(value: number): Json {
  return Number.isFinite(value) ? value : String(value)
}

/** ISO 8601, or the bare number where it is no moment at all. */
export function momentOf(timeMs: number): Json {
  return Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : numberTold(timeMs)
}
