/**
 * Is a large move the market's or the feed's? A limit alone cannot tell: a genuine minute of 10 % and a wrong
 * digit look alike in one row. What tells them apart is what stands around the row:
 *
 * - Somebody paid for it: the minute has several times the instrument's median volume of a traded minute.
 * - It stayed: the next close keeps most of it. A wrong digit is gone in the next minute.
 * - It was unseen: after half an hour without a candle a price may be anywhere, and one trade moves it.
 *
 * So a move within the session ends in one of three ways. Beyond the circuit-breaker limit and paid for, or
 * grown unseen: `drift.minute`, an operator looks. Beyond the limit and neither: `drift.jump`, rejected: a
 * level that changes by itself is a wrong unit or another instrument. Smaller, but gone at once and not paid
 * for: `drift.spike`, rejected. An index has no volume: what stays is looked at, what returns is rejected.
 *
 * A minute's extreme is measured from the close before it; in the session's first minute from its own open,
 * because the night has its own rule (`drift-night.ts`).
 */
import type { CandleTable } from '../../domain/candle.ts'
import type { Json } from '../../domain/event.ts'
import { MINUTE_MS } from '../../domain/time.ts'
import type { CheckOutcome } from '../../domain/verdict.ts'
import type { SessionEvidence } from '../ingest-evidence.ts'
import type { IngestLimits } from '../ingest-limits.ts'
import { Findings, momentOf, numberTold, symbolOf } from './outcome.ts'
import type { InstrumentRows } from './spans.ts'

/** How far one instrument may go. */
type Bounds = { readonly review: number; readonly spike: number }

type Move = {
  readonly row: number
  readonly reference: number
  /** The extreme that is furthest from the reference, and how far, signed. */
  readonly extreme: number
  readonly move: number
  readonly isPaid: boolean
  readonly hasReturned: boolean
  readonly isUnseen: boolean
}

export function checkMoves(
  table: CandleTable,
  spans: InstrumentRows,
  { volatility }: SessionEvidence,
  limits: IngestLimits,
): CheckOutcome[] {
  const minute = new Findings()
  const jump = new Findings()
  const spike = new Findings()
  const calm = new Set(volatility)
  for (let at = 0; at < table.instruments.length; at++) {
    const median = medianVolume(table, spans, at)
    const bounds = boundsOf(median, calm.has(table.instruments[at]!.symbol), limits)
    const smallest = Math.min(bounds.review, bounds.spike)
    for (let place = spans.starts[at]!; place < spans.starts[at + 1]!; place++) {
      const isFirst = place === spans.starts[at]
      if (Math.abs(moveAt(table, spans, place, isFirst)) <= smallest) continue
      const move = describe(table, spans, { at, place, isFirst, median, limits })
      const size = Math.abs(move.move)
      const isSpike = size > bounds.spike && move.hasReturned && !move.isPaid
      const findings = isSpike
        ? spike
        : size <= bounds.review
          ? null
          : isExplained(move, median, limits)
            ? minute
            : jump
      findings?.add(symbolOf(table, move.row), () => told(table, move, median))
    }
  }
  return outcomes({ minute, jump, spike }, table.columns.rowCount, limits)
}

function isExplained(
  { move, isPaid, isUnseen, hasReturned }: Move,
  median: number,
  limits: IngestLimits,
): boolean {
  // NaN, a price that is no price, is no explanation.
  if (!(Math.abs(move) <= limits.impossibleMove)) return false
  return isPaid || isUnseen || (Number.isNaN(median) && !hasReturned)
}

/** Signed; of high and low the one that is further from the close before (or from the first open). */
function moveAt({ columns }: CandleTable, { rows }: InstrumentRows, place: number, isFirst: boolean): number {
  const row = rows[place]!
  const reference = isFirst ? columns.open[row]! : columns.close[rows[place - 1]!]!
  const up = columns.high[row]! / reference - 1
  const down = columns.low[row]! / reference - 1
  return Math.abs(up) >= Math.abs(down) ? up : down
}

type Place = {
  readonly at: number
  readonly place: number
  readonly isFirst: boolean
  readonly median: number
  readonly limits: IngestLimits
}

function describe(table: CandleTable, spans: InstrumentRows, given: Place): Move {
  const { at, place, isFirst, median, limits } = given
  const { rows, starts } = spans
  const { close, high, low, open, volume, timestampMs } = table.columns
  const row = rows[place]!
  const before = isFirst ? -1 : rows[place - 1]!
  const after = place + 1 < starts[at + 1]! ? rows[place + 1]! : -1
  const reference = before < 0 ? open[row]! : close[before]!
  const move = moveAt(table, spans, place, isFirst)
  const extreme = move >= 0 ? high[row]! : low[row]!
  // A wick returns within its own minute, a wrong close in the next one.
  const kept = [close[row]!, after < 0 ? extreme : close[after]!].map(
    (price) => (price - reference) / (extreme - reference),
  )
  return {
    row,
    reference,
    extreme,
    move,
    isPaid: volume[row]! >= limits.supportVolumes * median,
    hasReturned: Math.min(...kept) <= 1 - limits.returnedShare,
    isUnseen: before >= 0 && timestampMs[row]! - timestampMs[before]! > limits.unseenMinutes * MINUTE_MS,
  }
}

/** Over the minutes with volume; NaN where there are none: an index. */
function medianVolume({ columns }: CandleTable, { rows, starts }: InstrumentRows, at: number): number {
  const volumes = new Float64Array(starts[at + 1]! - starts[at]!)
  let count = 0
  for (let place = starts[at]!; place < starts[at + 1]!; place++) {
    const volume = columns.volume[rows[place]!]!
    if (volume > 0) volumes[count++] = volume
  }
  if (count === 0) return Number.NaN
  return volumes.subarray(0, count).sort()[count >> 1]!
}

function boundsOf(median: number, isVolatility: boolean, limits: IngestLimits): Bounds {
  if (isVolatility) return { review: limits.volatilityMove, spike: limits.volatilityMove }
  if (Number.isNaN(median)) return { review: limits.indexMoveReview, spike: limits.indexSpike }
  return { review: limits.stockMoveReview, spike: limits.stockSpike }
}

function told(table: CandleTable, move: Move, median: number): Json {
  const { columns } = table
  return {
    row: move.row,
    symbol: symbolOf(table, move.row),
    at: momentOf(columns.timestampMs[move.row]!),
    move: numberTold(Number(move.move.toFixed(6))),
    from: numberTold(move.reference),
    to: numberTold(move.extreme),
    volume: numberTold(columns.volume[move.row]!),
    medianVolume: numberTold(median),
    returned: move.hasReturned,
  }
}

type MoveFindings = { readonly minute: Findings; readonly jump: Findings; readonly spike: Findings }

function outcomes(
  { minute, jump, spike }: MoveFindings,
  countChecked: number,
  limits: IngestLimits,
): CheckOutcome[] {
  const { stockMoveReview, indexMoveReview, volatilityMove, supportVolumes, impossibleMove, unseenMinutes } =
    limits
  const { stockSpike, indexSpike, returnedShare } = limits
  const moveLimits = {
    stockMoveReview,
    indexMoveReview,
    volatilityMove,
    supportVolumes,
    impossibleMove,
    unseenMinutes,
  }
  return [
    minute.outcome({
      check: 'drift.minute',
      word: 'review',
      countChecked,
      limits: moveLimits,
      what: 'minutes moved beyond the circuit-breaker limit, with something that speaks for it',
    }),
    jump.outcome({
      check: 'drift.jump',
      word: 'fail',
      countChecked,
      limits: moveLimits,
      what: 'minutes moved beyond the circuit-breaker limit, and nothing speaks for it',
    }),
    spike.outcome({
      check: 'drift.spike',
      word: 'fail',
      countChecked,
      limits: { stockSpike, indexSpike, volatilityMove, supportVolumes, returnedShare },
      what: 'minutes hold a price that nobody paid for and that was gone at once',
    }),
  ]
}
