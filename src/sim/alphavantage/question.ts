/** What does a client ask? The query of the one endpoint, with the vendor's defaults. */
import { BATCH_FUNCTIONS, type BatchFunction } from '../../domain/batch.ts'

export type Question = {
  readonly function: BatchFunction
  /** As asked; '' for a listing. */
  readonly symbol: string
  readonly format: 'csv' | 'json'
  readonly outputSize: 'compact' | 'full'
  /** `YYYY-MM`, or null for the last days. */
  readonly month: string | null
  readonly state: 'active' | 'delisted'
}

/** Null for a function that the stand-in does not have, or a parameter that the vendor does not know. */
export function readQuestion(query: URLSearchParams): Question | null {
  const asked = query.get('function')
  const name = BATCH_FUNCTIONS.find((known) => known === asked)
  if (name === undefined) return null
  const outputSize = query.get('outputsize') ?? 'compact'
  const state = query.get('state') ?? 'active'
  const format = query.get('datatype') ?? 'json'
  const month = query.get('month')
  if (outputSize !== 'compact' && outputSize !== 'full') return null
  if (state !== 'active' && state !== 'delisted') return null
  if (format !== 'csv' && format !== 'json') return null
  if (month !== null && !/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) return null
  if (name === 'TIME_SERIES_INTRADAY' && query.get('interval') !== '5min') return null
  return { function: name, symbol: query.get('symbol') ?? '', format, outputSize, month, state }
}

/** `TIME_SERIES_DAILY AAPL compact`: the same words for the same answer, whatever its format. */
export function questionText(question: Question): string {
  const { function: name, symbol } = question
  return [name, symbol, variantOf(question)].filter((word) => word !== '').join(' ')
}

export function variantOf({ function: name, outputSize, month, state }: Question): string {
  if (name === 'LISTING_STATUS') return state
  if (name === 'TIME_SERIES_INTRADAY') return month ?? 'recent'
  return name === 'SPLITS' || name === 'DIVIDENDS' ? '' : outputSize
}
