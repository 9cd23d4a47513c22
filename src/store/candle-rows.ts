/**
 * How do rows from a file become our columns again? Both readers hand over one batch of columns after
 * the other, by the names of the schema; this collects them and gives each instrument one number.
 */
import {
  allocateCandles,
  CANDLE_SOURCES,
  type CandleColumns,
  type CandleSource,
  type CandleTable,
} from '../domain/candle.ts'
import { type Exchange, type Instrument, instrumentKey } from '../domain/instrument.ts'
import { CANDLE_FIELDS } from './schema.ts'

/** The values of one column of a batch. Times are Unix ms; NaN stands for null. */
export type ColumnValues = {
  readonly text: (name: string) => readonly string[]
  readonly number: (name: string) => ArrayLike<number>
  readonly flag: (name: string) => readonly boolean[]
}

/** Which of our columns a field of the schema fills; the texts are handled apart. */
export const CANDLE_NUMBERS: ReadonlyMap<
  string,
  Exclude<keyof CandleColumns, 'rowCount' | 'instrument'>
> = new Map([
  ['timestamp', 'timestampMs'],
  ['open', 'open'],
  ['high', 'high'],
  ['low', 'low'],
  ['close', 'close'],
  ['volume', 'volume'],
  ['vwap', 'vwap'],
  ['tick_count', 'tickCount'],
  ['day_high', 'dayHigh'],
  ['day_low', 'dayLow'],
  ['first_tick_at', 'firstTickMs'],
  ['last_tick_at', 'lastTickMs'],
  ['revision', 'revision'],
])

export class CandleRows {
  readonly #batches: CandleColumns[] = []
  readonly #instruments: Instrument[] = []
  readonly #indexOf = new Map<string, number>()
  #rowCount = 0

  add(rowCount: number, values: ColumnValues): void {
    const columns = allocateCandles(rowCount)
    for (const { name } of CANDLE_FIELDS) {
      const target = CANDLE_NUMBERS.get(name)
      if (target !== undefined) columns[target].set(values.number(name))
    }
    columns.complete.set(values.flag('complete').map(Number))
    columns.source.set(values.text('source').map(sourceCode))
    columns.instrument.set(this.#indices(values))
    this.#batches.push(columns)
    this.#rowCount += rowCount
  }

  addTable({ columns, instruments }: CandleTable): void {
    const indexOf = instruments.map((instrument) => this.#index(instrument))
    this.#batches.push({ ...columns, instrument: columns.instrument.map((at) => indexOf[at]!) })
    this.#rowCount += columns.rowCount
  }

  /** In the order in which the rows were added. */
  table(): CandleTable {
    const columns = allocateCandles(this.#rowCount)
    let row = 0
    for (const batch of this.#batches) {
      for (const [name, values] of Object.entries(batch)) {
        if (typeof values !== 'number') columns[name as 'open'].set(values.subarray(0, batch.rowCount), row)
      }
      row += batch.rowCount
    }
    return { instruments: this.#instruments, columns }
  }

  #indices(values: ColumnValues): number[] {
    const symbols = values.text('symbol')
    const tokens = values.text('token')
    return values
      .text('exchange')
      .map((exchange, row) =>
        this.#index({ exchange: exchange as Exchange, token: tokens[row]!, symbol: symbols[row]! }),
      )
  }

  /** By symbol too: an instrument that was renamed is two names in a range of dates. */
  #index(instrument: Instrument): number {
    const key = `${instrumentKey(instrument)}:${instrument.symbol}`
    const known = this.#indexOf.get(key)
    if (known !== undefined) return known
    this.#indexOf.set(key, this.#instruments.length)
    return this.#instruments.push(instrument) - 1
  }
}

function sourceCode(source: string): number {
  const code = CANDLE_SOURCES.indexOf(source as CandleSource)
  if (code < 0) throw new Error(`the source ${JSON.stringify(source)} is not known`)
  return code
}
