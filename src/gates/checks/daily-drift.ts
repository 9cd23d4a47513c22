/**
 * Does each symbol go on from its session before? Of 8,000 US stocks some leap by a third on any day, and in
 * a crisis on volume that is no more than usual, so a leap alone is no news. A greater one that nobody traded
 * is, and so is one that opened where a split would open which nobody told. Neither is rejected: the symbol
 * waits, because the announcement usually comes a day later. A required symbol is worth an operator's look
 * even when its leap was paid for.
 */
import type { CheckOutcome } from '../../domain/verdict.ts'
import type { DailyEvidence, DailyRow } from '../ingest-daily-evidence.ts'
import type { DailyLimits } from '../ingest-limits.ts'
import { isSamePrices, told } from './daily-rows.ts'
import { splitLike } from './drift-night.ts'
import { Findings } from './outcome.ts'

export function checkDailyNight({ rows, required }: DailyEvidence, limits: DailyLimits): CheckOutcome[] {
  const { nightMove, splitMove, supportVolumes, impossibleNight } = limits
  const unit = new Findings()
  const unpaid = new Findings()
  const leap = new Findings()
  const needed = new Set(required)
  let comparedCount = 0
  for (const row of rows) {
    const adjusted = adjustedPrevious(row)
    if (adjusted === null || row.open === null || row.close === null || !isPossible(row)) continue
    comparedCount++
    const [atOpen, atClose] = [row.open / adjusted, row.close / adjusted]
    const far = Math.abs(Math.log(atOpen)) > Math.abs(Math.log(atClose)) ? atOpen : atClose
    const facts = () => ({ ...told(row), ratio: Number(far.toFixed(6)), ...splitLike(far) })
    const isFar = Math.abs(far - 1) > nightMove
    const isSplit = Math.abs(atOpen - 1) > splitMove && splitLike(atOpen).looksLikeSplit !== undefined
    if (Math.abs(Math.log(far)) > Math.log(impossibleNight)) unit.add(row.symbol, facts)
    else if (!isFar && !isSplit) continue
    else if (!isPaid(row, supportVolumes)) unpaid.add(row.symbol, facts)
    else if (needed.has(row.symbol)) leap.add(row.symbol, facts)
  }
  const common = {
    countChecked: comparedCount,
    limits: { nightMove, splitMove, supportVolumes, impossibleNight },
  }
  return [
    unit.outcome({
      ...common,
      check: 'drift.unit',
      word: 'fail',
      what: 'symbols are at a multiple of their session before that no split has',
    }),
    unpaid.outcome({
      ...common,
      check: 'drift.night',
      word: 'wait',
      what: 'symbols leapt without unusual volume and without a known split: the announcement is awaited',
    }),
    leap.outcome({
      ...common,
      check: 'drift.day',
      word: 'review',
      what: 'required symbols leapt, with volume that speaks for it',
    }),
  ]
}

/** Rows that cannot be are told by others. */
function isPossible({ open, low, close, split }: DailyRow): boolean {
  return split > 0 && [open, low, close].every((price) => price !== null && price > 0)
}

/** The close before as it compares with this session: in new shares, each with its dividend paid. */
function adjustedPrevious({ previous, dividend, split }: DailyRow): number | null {
  if (previous === null || previous.close === null) return null
  const adjusted = previous.close / split - dividend
  return adjusted > 0 ? adjusted : null
}

function isPaid({ volume, usualVolume, split }: DailyRow, supportVolumes: number): boolean {
  if (volume === null || usualVolume === null) return false
  return volume >= supportVolumes * usualVolume * split
}

/** A high or low far from open and close, on an ordinary day: a junk print. */
export function checkDailySpikes(
  rows: readonly DailyRow[],
  { wick, supportVolumes }: DailyLimits,
): CheckOutcome {
  const findings = new Findings()
  for (const row of rows) {
    const { symbol, open, high, low, close } = row
    if (open === null || high === null || low === null || close === null || !isPossible(row)) continue
    const isFar = high > Math.max(open, close) * (1 + wick) || low < Math.min(open, close) * (1 - wick)
    if (isFar && row.usualVolume !== null && !isPaid(row, supportVolumes))
      findings.add(symbol, () => told(row))
  }
  return findings.outcome({
    check: 'drift.spike',
    word: 'fail',
    countChecked: rows.length,
    limits: { wick, supportVolumes },
    what: 'rows have a high or low that nobody paid for, far from open and close',
  })
}

/** All five figures of the session before, once more. Symbols that hardly trade may well repeat a price. */
export function checkDailyRepeated(rows: readonly DailyRow[]): CheckOutcome {
  const findings = new Findings()
  for (const row of rows) {
    const isAlive = row.high !== row.low && (row.volume ?? 0) > 0
    if (row.previous !== null && isAlive && isSamePrices(row, row.previous))
      findings.add(row.symbol, () => told(row))
  }
  return findings.outcome({
    check: 'drift.repeated',
    word: 'fail',
    countChecked: rows.length,
    what: 'rows repeat the session before to the last digit',
  })
}
