/** Is the session's curation whole, is each daily candle possible, and are the symbols there that must be? */
import type { Json } from '../../domain/event.ts'
import type { CheckOutcome } from '../../domain/verdict.ts'
import type { DailyEvidence, DailyPrices, DailyRow } from '../ingest-daily-evidence.ts'
import type { DailyLimits } from '../ingest-limits.ts'
import { Findings } from './outcome.ts'

/** Nothing is judged while curation writes, or before the session's first candle is there. */
export function checkDailySettled({ session, isCurated, rows, file }: DailyEvidence): CheckOutcome {
  const findings = new Findings()
  if (!isCurated) findings.add(null, () => ({ session, missing: 'the end of a curation that is under way' }))
  if (rows.length === 0 && (file === null || file.unreadable === null)) {
    findings.add(null, () => ({ session, missing: 'daily candles of the session' }))
  }
  return findings.outcome({
    check: 'completeness.settled',
    word: 'wait',
    countChecked: 2,
    what: 'parts of a curated session are not there: fetch and curate, then ask again',
  })
}

export function checkDailyPrices(rows: readonly DailyRow[]): CheckOutcome[] {
  const finite = new Findings()
  const signs = new Findings()
  const ohlc = new Findings()
  for (const row of rows) {
    const { symbol, open, high, low, close, volume } = row
    if (open === null || high === null || low === null || close === null) {
      finite.add(symbol, () => told(row))
      continue
    }
    const isSigned =
      Math.min(open, high, low, close) > 0 && (volume ?? 0) >= 0 && row.split > 0 && row.dividend >= 0
    if (!isSigned) signs.add(symbol, () => told(row))
    if (high < Math.max(open, close, low) || low > Math.min(open, close)) ohlc.add(symbol, () => told(row))
  }
  const facts = { word: 'fail', countChecked: rows.length } as const
  return [
    finite.outcome({ ...facts, check: 'integrity.finite', what: 'rows lack a price, or hold no number' }),
    signs.outcome({
      ...facts,
      check: 'integrity.signs',
      what: 'rows hold a price or split that is not positive, or a negative count',
    }),
    ohlc.outcome({ ...facts, check: 'integrity.ohlc', what: 'rows have open or close outside [low, high]' }),
  ]
}

export function checkDailyUnique(rows: readonly DailyRow[]): CheckOutcome {
  const findings = new Findings()
  for (const [at, row] of rows.entries()) {
    if (rows[at - 1]?.symbol === row.symbol) findings.add(row.symbol, () => told(row))
  }
  return findings.outcome({
    check: 'integrity.unique',
    word: 'fail',
    countChecked: rows.length,
    what: 'rows repeat the symbol of the row before',
  })
}

/** Sources that contradict each other about a split or a dividend; rows that were replaced are settled. */
const DISPUTES: ReadonlySet<string> = new Set([
  'action_disagrees',
  'action_withdrawn',
  'adjustment_disagrees',
  'dividend_above_price',
])

export function checkDisputes({ findings: known, rows }: DailyEvidence): CheckOutcome {
  const findings = new Findings()
  for (const { kind, symbol, detail } of known) {
    if (DISPUTES.has(kind)) findings.add(symbol, () => ({ kind, symbol, detail }))
  }
  return findings.outcome({
    check: 'integrity.disputes',
    word: 'wait',
    countChecked: rows.length,
    what: 'symbols have a split or dividend about which the sources disagree',
  })
}

/**
 * A required symbol may come with the next fetch; a crowd that is missing says that the fetch is not over.
 */
export function checkDailySymbols(
  { rows, required, before, findings: known }: DailyEvidence,
  { vanishedWait }: DailyLimits,
): CheckOutcome[] {
  const present = new Set(rows.map(({ symbol }) => symbol))
  const whyOf = new Map(known.map(({ symbol, kind, detail }) => [symbol, `${kind}: ${detail}`]))
  const absent = new Findings()
  for (const symbol of required) {
    if (!present.has(symbol))
      absent.add(symbol, () => ({ symbol, why: whyOf.get(symbol) ?? 'no candle yet' }))
  }
  const gone = before.symbols.filter((symbol) => !present.has(symbol))
  const vanished = new Findings()
  if (gone.length > vanishedWait * before.symbols.length) {
    for (const symbol of gone) vanished.add(null, () => ({ symbol }))
  }
  return [
    absent.outcome({
      check: 'completeness.required',
      word: 'wait',
      countChecked: required.length,
      what: 'required symbols have no candle of this session yet',
    }),
    vanished.outcome({
      check: 'completeness.vanished',
      word: 'wait',
      countChecked: before.symbols.length,
      limits: { vanishedWait },
      what: 'symbols of the previous canonical session have no candle yet: the fetch is not over',
    }),
  ]
}

export function told({
  symbol,
  open,
  high,
  low,
  close,
  volume,
  previous,
  dividend,
  split,
  usualVolume,
}: DailyRow): {
  readonly [key: string]: Json
} {
  const previousClose = previous?.close ?? null
  return { symbol, open, high, low, close, volume, previousClose, dividend, split, usualVolume }
}

export function isSamePrices(a: DailyPrices, b: DailyPrices): boolean {
  return (
    a.open === b.open && a.high === b.high && a.low === b.low && a.close === b.close && a.volume === b.volume
  )
}
