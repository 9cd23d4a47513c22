/**
 * Does the session go on where the canonical one before it ended? Splits and dividends explain a move before
 * it alarms: the previous close is adjusted by what is known. What is left beyond the limit is shown to an
 * operator, with the split that would explain it, if one would; only a factor that no split has is rejected.
 */
import type { CandleTable } from '../../domain/candle.ts'
import type { CheckOutcome } from '../../domain/verdict.ts'
import type { CorporateAction, PreviousClose, SessionEvidence } from '../ingest-evidence.ts'
import type { IngestLimits } from '../ingest-limits.ts'
import { Findings, numberTold } from './outcome.ts'
import type { InstrumentRows } from './spans.ts'

/** How near an overnight ratio must be to that of a split to be named as one. */
const SPLIT_SLACK = 0.05
const SPLIT_FACTORS = [
  1 / 2,
  1 / 3,
  2 / 3,
  1 / 4,
  1 / 5,
  2 / 5,
  3 / 4,
  3 / 5,
  4 / 5,
  1 / 10,
  2,
  5,
  10,
] as const

export type DayOfInstrument = PreviousClose & { readonly symbol: string; readonly open: number }

/** First open, last close, extremes and volume by instrument. Instruments without rows are left out. */
export function daysOf(
  { columns, instruments }: CandleTable,
  { rows, starts }: InstrumentRows,
): DayOfInstrument[] {
  const days: DayOfInstrument[] = []
  for (const [at, { symbol }] of instruments.entries()) {
    if (starts[at] === starts[at + 1]) continue
    let high = Number.NEGATIVE_INFINITY
    let low = Number.POSITIVE_INFINITY
    let volume = Number.NaN
    for (let place = starts[at]!; place < starts[at + 1]!; place++) {
      const row = rows[place]!
      high = Math.max(high, columns.high[row]!)
      low = Math.min(low, columns.low[row]!)
      if (!Number.isNaN(columns.volume[row]!)) volume = (volume || 0) + columns.volume[row]!
    }
    const open = columns.open[rows[starts[at]!]!]!
    const close = columns.close[rows[starts[at + 1]! - 1]!]!
    days.push({ symbol, open, close, high, low, volume, rowCount: starts[at + 1]! - starts[at]! })
  }
  return days
}

export function checkNight(
  days: readonly DayOfInstrument[],
  { previousCloses, actions, volatility }: SessionEvidence,
  limits: IngestLimits,
): CheckOutcome[] {
  const night = new Findings()
  const unit = new Findings()
  const day = new Findings()
  const factors = factorsOf(actions)
  const calm = new Set(volatility)
  let comparedCount = 0
  for (const { symbol, open, close, volume } of days) {
    const previous = previousCloses.get(symbol)
    if (previous === undefined) continue
    comparedCount++
    const adjusted = previous.close * (factors.get(symbol) ?? 1)
    const ratio = open / adjusted
    const told = {
      symbol,
      previousClose: previous.close,
      adjusted: numberTold(adjusted),
      open: numberTold(open),
    }
    if (!(Math.abs(Math.log(ratio)) <= Math.log(limits.impossibleNight))) {
      unit.add(symbol, () => ({ ...told, ratio: numberTold(ratio) }))
    } else if (Math.abs(ratio - 1) > nightLimit(volume, calm.has(symbol), limits)) {
      night.add(symbol, () => ({ ...told, move: Number((ratio - 1).toFixed(6)), ...splitLike(ratio) }))
    } else if (!calm.has(symbol) && Math.abs(close / adjusted - 1) > limits.dayReview) {
      day.add(symbol, () => ({ ...told, close, move: Number((close / adjusted - 1).toFixed(6)) }))
    }
  }
  const { nightReview, nightIndexReview, volatilityMove, impossibleNight, dayReview } = limits
  return [
    night.outcome({
      check: 'drift.night',
      word: 'review',
      countChecked: comparedCount,
      limits: { nightReview, nightIndexReview, volatilityMove },
      what: 'symbols opened too far from the previous canonical close for the actions that are known',
    }),
    unit.outcome({
      check: 'drift.unit',
      word: 'fail',
      countChecked: comparedCount,
      limits: { impossibleNight },
      what: 'symbols opened at a multiple of the previous canonical close that no split has',
    }),
    day.outcome({
      check: 'drift.day',
      word: 'review',
      countChecked: comparedCount,
      limits: { dayReview },
      what: 'symbols ended beyond the widest daily band',
    }),
  ]
}

function nightLimit(volume: number, isVolatility: boolean, limits: IngestLimits): number {
  if (isVolatility) return limits.volatilityMove
  return Number.isNaN(volume) ? limits.nightIndexReview : limits.nightReview
}

/** All that is effective on the session, multiplied: a split and a dividend may fall on one day. */
function factorsOf(actions: readonly CorporateAction[]): ReadonlyMap<string, number> {
  const factors = new Map<string, number>()
  for (const { symbol, factor } of actions) factors.set(symbol, (factors.get(symbol) ?? 1) * factor)
  return factors
}

/** Which split would explain the ratio, if one would. */
export function splitLike(ratio: number): { readonly looksLikeSplit?: number } {
  const factor = SPLIT_FACTORS.find((known) => Math.abs(ratio / known - 1) < SPLIT_SLACK)
  return factor === undefined ? {} : { looksLikeSplit: Number(factor.toFixed(4)) }
}

/** A session whose close, extremes and volume are those of the one before is that one under a new date. */
export function checkRepeated(
  days: readonly DayOfInstrument[],
  { previousCloses }: SessionEvidence,
): CheckOutcome {
  const findings = new Findings()
  let comparedCount = 0
  for (const { symbol, close, high, low, volume, rowCount } of days) {
    const previous = previousCloses.get(symbol)
    if (previous === undefined || rowCount < 2 || high === low) continue
    comparedCount++
    const isSame =
      close === previous.close &&
      high === previous.high &&
      low === previous.low &&
      Object.is(volume, previous.volume) &&
      rowCount === previous.rowCount
    if (isSame) findings.add(symbol, () => ({ symbol, close, high, low, volume: numberTold(volume) }))
  }
  return findings.outcome({
    check: 'drift.repeated',
    word: 'fail',
    countChecked: comparedCount,
    what: 'symbols repeat the previous canonical session to the last digit',
  })
}

/** An index that stands still, or an instrument that trades in every minute at one single price. */
export function checkFrozen(table: CandleTable, spans: InstrumentRows, limits: IngestLimits): CheckOutcome {
  const { columns, instruments } = table
  const { rows, starts } = spans
  const { frozenIndexMinutes } = limits
  const findings = new Findings()
  for (const [at, { symbol }] of instruments.entries()) {
    let run = 0
    let longest = 0
    for (let place = starts[at]!; place < starts[at + 1]!; place++) {
      const row = rows[place]!
      const before = place > starts[at]! ? rows[place - 1]! : row
      const isStill = columns.high[row] === columns.low[row] && columns.close[row] === columns.close[before]
      run = isStill && Number.isNaN(columns.volume[row]!) ? run + 1 : 0
      longest = Math.max(longest, run)
    }
    if (longest >= frozenIndexMinutes) findings.add(symbol, () => ({ symbol, minutes: longest }))
  }
  return findings.outcome({
    check: 'drift.frozen',
    word: 'review',
    countChecked: instruments.length,
    limits: { frozenIndexMinutes },
    what: 'instruments without volume repeat one price for minutes on end',
  })
}
