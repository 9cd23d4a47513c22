/**
 * Is the evidence whole? A settle asks the vendor for every minute that the feed left open, so what is still
 * open has one of two reasons, and they differ. The vendor did not answer: asking again may help, so the
 * symbol waits. The vendor answered and has no bar: nobody will ever know, so an operator judges a little of
 * that, and a lot of it is not a session.
 */
import type { CandleTable } from '../../domain/candle.ts'
import type { SettleReport } from '../../domain/settle-report.ts'
import type { CheckOutcome } from '../../domain/verdict.ts'
import type { SessionEvidence } from '../ingest-evidence.ts'
import type { IngestLimits } from '../ingest-limits.ts'
import { Findings } from './outcome.ts'
import type { Presence } from './presence.ts'

/** Candles that say of themselves that they are not whole, and gaps that nobody filled, by instrument. */
export function checkCandles(table: CandleTable, presence: Presence, limits: IngestLimits): CheckOutcome[] {
  const { columns, instruments } = table
  const { incompleteReview, incompleteFail } = limits
  const incomplete = new Int32Array(instruments.length)
  for (let row = 0; row < columns.rowCount; row++) {
    if (columns.complete[row] !== 1) incomplete[columns.instrument[row]!]!++
  }
  const some = new Findings()
  const many = new Findings()
  for (const [at, { symbol }] of instruments.entries()) {
    const lost = incomplete[at]! + lostInGaps(presence, at, limits)
    const share = lost / Math.max(1, expectedCount(presence, at))
    if (share <= incompleteReview) continue
    const findings = share > incompleteFail ? many : some
    findings.add(symbol, () => ({ symbol, minutes: lost, share: Number(share.toFixed(4)) }))
  }
  const facts = {
    countChecked: instruments.length,
    limits: { incompleteReview, incompleteFail },
  }
  return [
    some.outcome({
      ...facts,
      check: 'completeness.some',
      word: 'review',
      what: 'instruments have more incomplete minutes than a settled day leaves',
    }),
    many.outcome({
      ...facts,
      check: 'completeness.many',
      word: 'fail',
      what: 'instruments have too many incomplete minutes to speak of a session',
    }),
  ]
}

function expectedCount({ expected, phaseOf }: Presence, at: number): number {
  let count = 0
  for (const minute of expected[phaseOf[at]!]!) count += minute
  return count
}

/** Minutes of a gap without a row, of an instrument that hardly ever rests; of others it means nothing. */
function lostInGaps(
  { expected, phaseOf, inGap, rowAt, slotCount }: Presence,
  at: number,
  limits: IngestLimits,
) {
  const own = expected[phaseOf[at]!]!
  let lost = 0
  let there = 0
  let outside = 0
  for (let slot = 0; slot < slotCount; slot++) {
    if (own[slot] === 0) continue
    const isThere = rowAt[at * slotCount + slot] !== 0
    if (inGap[slot] === 1) lost += isThere ? 0 : 1
    else {
      outside++
      there += isThere ? 1 : 0
    }
  }
  return outside > 0 && there / outside >= limits.denseShare ? lost : 0
}

/** Questions to the vendor's history that stayed without an answer. */
export function checkHistory(report: SettleReport): CheckOutcome {
  const { askedCount, failedCount, failures } = report.history
  const known = new Set(report.conservation.map(({ symbol }) => symbol))
  const findings = new Findings()
  const named = failures.map((failure) => symbolOfFailure(failure, known))
  // One line for all, or a line short: then nobody can tell whose answers are missing.
  const isTold = named.length >= failedCount && named.every((symbol) => symbol !== null)
  for (const [at, failure] of failures.entries()) {
    findings.add(isTold ? named[at]! : null, () => ({ failure }))
  }
  if (failures.length === 0 && failedCount > 0) findings.add(null, () => ({ failedCount }))
  return findings.outcome({
    check: 'completeness.history',
    word: 'wait',
    countChecked: askedCount,
    what: "questions to the vendor's history have no answer yet: settle again",
  })
}

/** A failure reads `SYMBOL: why`; a symbol may hold a colon itself. */
function symbolOfFailure(failure: string, known: ReadonlySet<string>): string | null {
  for (let colon = failure.indexOf(': '); colon >= 0; colon = failure.indexOf(': ', colon + 1)) {
    const symbol = failure.slice(0, colon)
    if (known.has(symbol)) return symbol
  }
  return null
}

/** Shares that were traded and are in no candle; negative where the vendor counts more than its feed. */
export function checkUnattributed(report: SettleReport, limits: IngestLimits): CheckOutcome[] {
  const { unattributedReview, unattributedFail } = limits
  const some = new Findings()
  const many = new Findings()
  for (const { symbol, unattributedVolume, lastDayVolume } of report.conservation) {
    const share = Math.abs(unattributedVolume) / Math.max(1, lastDayVolume ?? 1)
    if (unattributedVolume === 0 || share <= unattributedReview) continue
    const findings = share > unattributedFail ? many : some
    findings.add(symbol, () => ({
      symbol,
      unattributedVolume,
      lastDayVolume,
      share: Number(share.toFixed(4)),
    }))
  }
  const facts = {
    countChecked: report.conservation.length,
    limits: { unattributedReview, unattributedFail },
  }
  return [
    some.outcome({
      ...facts,
      check: 'completeness.unattributed_some',
      word: 'review',
      what: 'accounts have more volume in no candle than gaps usually hide',
    }),
    many.outcome({
      ...facts,
      check: 'completeness.unattributed_many',
      word: 'fail',
      what: 'accounts have so much volume in no candle that the candles tell another story',
    }),
  ]
}

/** Instruments of the previous canonical session, or required ones, that are silent or gone altogether. */
export function checkInstruments(
  evidence: SessionEvidence,
  report: SettleReport,
  table: CandleTable,
  limits: IngestLimits,
): CheckOutcome[] {
  const { before, previousCloses, required } = evidence
  const accounts = new Map(report.conservation.map((account) => [account.symbol, account]))
  const withRows = new Set<string>()
  const { columns, instruments } = table
  for (let row = 0; row < columns.rowCount; row++) withRows.add(instruments[columns.instrument[row]!]!.symbol)
  const absent = new Findings()
  for (const symbol of required) {
    if (!accounts.has(symbol)) absent.add(symbol, () => ({ symbol, why: 'required, and not listened to' }))
  }
  const silent = new Findings()
  for (const { symbol, lastDayVolume } of report.conservation) {
    // Without a share traded there is nothing to have; without a volume only its habit can tell.
    const traded =
      lastDayVolume === null ? previousCloses.has(symbol) || required.includes(symbol) : lastDayVolume > 0
    if (!withRows.has(symbol) && traded) silent.add(symbol, () => ({ symbol, lastDayVolume }))
  }
  const gone = before.symbols.filter((symbol) => !accounts.has(symbol))
  const vanished = new Findings()
  if (gone.length > limits.vanishedReview * before.symbols.length) {
    for (const symbol of gone) vanished.add(null, () => ({ symbol }))
  }
  return [
    absent.outcome({
      check: 'completeness.required',
      word: 'fail',
      countChecked: required.length,
      what: 'required symbols are not in the session at all',
    }),
    silent.outcome({
      check: 'completeness.silent',
      word: 'review',
      countChecked: report.conservation.length,
      what: 'instruments that usually trade, or did, have no candle at all',
    }),
    vanished.outcome({
      check: 'completeness.vanished',
      word: 'review',
      countChecked: before.symbols.length,
      limits: { vanishedReview: limits.vanishedReview },
      what: 'symbols of the previous canonical session are gone',
    }),
  ]
}
