/**
 * What stands in one kept answer? The venue reads it; here its rows become columns of numbers, for an hour of
 * answers at a time and handed on in blocks, so that no more than a block of them is ever held as objects.
 */
import type { BatchAnswer, BatchRefusal, RawAnswer } from '../domain/batch.ts'
import { MINUTE_MS } from '../domain/time.ts'
import type { AnswerReaders } from './curation-input.ts'
import type { AppendColumn } from './engine.ts'

/** What became of an answer; its place in the list is its number in the rows. */
export type AnswerFact = {
  readonly answer: RawAnswer
  /** `ok`, or the kind of the refusal. */
  readonly outcome: 'ok' | BatchRefusal['kind']
  readonly message: string
  readonly convention: string
}

type Cell = number | null

/** Columns `answer, frequency_minutes, minute, open … split`: times in minutes since 1970, UTC. */
export class CandleBlock {
  readonly #columns: Cell[][] = Array.from({ length: 11 }, () => [])

  get rowCount(): number {
    return this.#columns[0]!.length
  }

  add(cells: readonly Cell[]): void {
    for (let at = 0; at < this.#columns.length; at++) this.#columns[at]!.push(cells[at]!)
  }

  columns(): readonly AppendColumn[] {
    return this.#columns.map((values, at) => ({ kind: at < 3 ? 'int32' : 'double', values }))
  }
}

export const CANDLE_BLOCK_SQL: string =
  '(answer integer, frequency integer, minute integer, open double, high double, low double, close double, ' +
  'volume double, adjusted_close double, dividend_amt double, split_coef double)'

/** Columns `answer, is_split, minute, value`. */
export class ActionBlock {
  readonly #columns: Cell[][] = Array.from({ length: 4 }, () => [])

  get rowCount(): number {
    return this.#columns[0]!.length
  }

  add(cells: readonly Cell[]): void {
    for (let at = 0; at < this.#columns.length; at++) this.#columns[at]!.push(cells[at]!)
  }

  columns(): readonly AppendColumn[] {
    return this.#columns.map((values, at) => ({ kind: at < 3 ? 'int32' : 'double', values }))
  }
}

export const ACTION_BLOCK_SQL = '(answer integer, is_split integer, minute integer, value double)'

export const DAILY_MINUTES = 1_440

export type AnswerSink = { readonly candles: CandleBlock; readonly actions: ActionBlock }

/** Adds the answer's rows to `sink` under the number `at`. */
export function readAnswer(
  venue: AnswerReaders,
  answer: RawAnswer,
  body: string,
  at: number,
  sink: AnswerSink,
): AnswerFact {
  switch (answer.wish.function) {
    case 'TIME_SERIES_DAILY':
    case 'TIME_SERIES_DAILY_ADJUSTED':
      return readDaily(venue, answer, body, at, sink.candles)
    case 'TIME_SERIES_INTRADAY':
      return readIntraday(venue, answer, body, at, sink.candles)
    case 'SPLITS':
    case 'DIVIDENDS':
      return readActions(venue, answer, body, at, sink.actions)
    case 'LISTING_STATUS':
      throw new Error('listings are no history')
  }
}

function readDaily(
  venue: AnswerReaders,
  answer: RawAnswer,
  body: string,
  at: number,
  rows: CandleBlock,
): AnswerFact {
  const series = venue.readDaily(answer.wish, body)
  if (!series.ok) return refused(answer, series)
  for (const bar of series.value.bars) {
    const { open, high, low, close, volume, adjustedClose, dividend, split } = bar
    const minute = minuteOfDate(bar.date)
    rows.add([at, DAILY_MINUTES, minute, open, high, low, close, volume, adjustedClose, dividend, split])
  }
  return series.value.bars.length === 0 ? empty(answer) : accepted(answer, '')
}

function readIntraday(
  venue: AnswerReaders,
  answer: RawAnswer,
  body: string,
  at: number,
  rows: CandleBlock,
): AnswerFact {
  const series = venue.readIntraday(answer.wish, body)
  if (!series.ok) return refused(answer, series)
  const { intervalMinutes, convention, bars } = series.value
  for (const { timestampMs, open, high, low, close, volume } of bars) {
    const minute = Math.round(timestampMs / MINUTE_MS)
    rows.add([at, intervalMinutes, minute, open, high, low, close, volume, null, null, null])
  }
  return bars.length === 0 ? { ...empty(answer), convention } : accepted(answer, convention)
}

function readActions(
  venue: AnswerReaders,
  answer: RawAnswer,
  body: string,
  at: number,
  rows: ActionBlock,
): AnswerFact {
  const { wish } = answer
  const read =
    wish.function === 'SPLITS'
      ? mapped(venue.readSplits(wish, body), ({ date, factor }) => [at, 1, minuteOfDate(date), factor])
      : mapped(venue.readDividends(wish, body), (row) => [at, 0, minuteOfDate(row.exDate), row.amount])
  if (!read.ok) return refused(answer, read)
  for (const cells of read.value) rows.add(cells)
  return read.value.length === 0 ? empty(answer) : accepted(answer, '')
}

function mapped<Value>(
  read: BatchAnswer<readonly Value[]>,
  cellsOf: (value: Value) => readonly Cell[],
): BatchAnswer<readonly (readonly Cell[])[]> {
  return read.ok ? { ok: true, value: read.value.map(cellsOf) } : read
}

function accepted(answer: RawAnswer, convention: string): AnswerFact {
  return { answer, outcome: 'ok', message: '', convention }
}

function empty(answer: RawAnswer): AnswerFact {
  return { answer, outcome: 'no_data', message: 'an answer without rows', convention: '' }
}

function refused(answer: RawAnswer, { refusal }: Extract<BatchAnswer<never>, { ok: false }>): AnswerFact {
  return { answer, outcome: refusal.kind, message: refusal.message, convention: '' }
}

/** A session is stamped with its date at 00:00 UTC. */
function minuteOfDate(date: string): number {
  return Date.parse(date) / MINUTE_MS
}
