/**
 * May this session's data be called canonical? The ingestion gate's core: evidence in, verdict out, nothing
 * else touched. Checks run from wide to narrow, and stop where the next would speak of nothing: without a
 * file there are no rows, and rows of another schema are not candles.
 *
 * From outcomes to a verdict. A finding about the session as a whole decides for the session. A finding that
 * names symbols holds these back and lets the others pass, unless one of them is required, or so many are
 * held back that the rest is no session. A review is about the session: nothing moves until an operator
 * decided, and what is accepted then is everything that no check rejected.
 */
import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { CheckOutcome, EvidenceFile, IngestVerdict, VerdictWord } from '../domain/verdict.ts'
import { checkCandles, checkHistory, checkInstruments, checkUnattributed } from './checks/completeness.ts'
import { checkMinutes, checkSessionOrder } from './checks/continuity.ts'
import { checkMoves } from './checks/drift.ts'
import { checkFrozen, checkNight, checkRepeated, daysOf } from './checks/drift-night.ts'
import { checkAccounted, checkFile, checkReport } from './checks/integrity-file.ts'
import {
  checkDayRange,
  checkFinite,
  checkOhlc,
  checkSession,
  checkSigns,
  checkTicks,
  checkUnique,
  checkVwap,
} from './checks/integrity-rows.ts'
import { checkConservation } from './checks/integrity-volume.ts'
import { Findings } from './checks/outcome.ts'
import { presenceOf } from './checks/presence.ts'
import {
  CANDLE_FIELDS_WANTED,
  CANDLE_SCHEMA_WANTED,
  checkColumns,
  checkRowOrder,
  checkTypes,
  checkWords,
} from './checks/schema.ts'
import { rowsByInstrument } from './checks/spans.ts'
import type { SessionEvidence } from './ingest-evidence.ts'
import { INGEST_LIMITS, INGEST_RULES } from './ingest-limits.ts'

/** Pure. Takes about a second for a session of 1.1 million candles. */
export function judgeSession(evidence: SessionEvidence): IngestVerdict {
  const checks = [...checksOf(evidence)]
  const symbols = [...new Set((evidence.report?.conservation ?? []).map(({ symbol }) => symbol))].sort()
  return verdictOf({
    rules: INGEST_RULES,
    market: evidence.market,
    session: evidence.session,
    previousSession: evidence.previousSession,
    checks,
    symbols,
    required: evidence.required,
    files: filesOf(evidence),
    evidenceSha256: digestOf(evidence),
  })
}

function checksOf(evidence: SessionEvidence): readonly CheckOutcome[] {
  const { file, table, report } = evidence
  const checks = [...checkSessionOrder(evidence), checkSettled(evidence)]
  // A settle publishes the day, then its report: without either it is under way, or has yet to begin.
  if (file === null || (report === null && evidence.reportListed === null)) return checks
  const published = checkFile(evidence)
  checks.push(published)
  // Whatever else it is, it is not what was published: its rows are not looked at.
  if (published.outcome !== 'pass') return checks
  checks.push(checkColumns(file, CANDLE_FIELDS_WANTED, CANDLE_SCHEMA_WANTED))
  checks.push(checkTypes(file, CANDLE_FIELDS_WANTED))
  if (table === null || report === null) return checks
  const order = checkRowOrder(table)
  checks.push(checkWords(file, table), order)
  checks.push(checkReport(evidence, report, table), checkAccounted(report, table))
  const spans = rowsByInstrument(table)
  checks.push(checkFinite(table, file), checkSigns(table), checkOhlc(table))
  checks.push(checkVwap(table, INGEST_LIMITS), checkDayRange(table, spans))
  checks.push(checkSession(table, evidence), checkUnique(table), checkTicks(table))
  checks.push(checkConservation(report, table), checkHistory(report))
  checks.push(...checkUnattributed(report, INGEST_LIMITS))
  checks.push(...checkInstruments(evidence, report, table, INGEST_LIMITS))
  // What looks along an instrument says nothing sensible about rows in disorder.
  if (order.outcome !== 'pass') return checks
  const presence = presenceOf(evidence, table, report.gaps)
  if (presence !== null) {
    const { market, minutes } = checkMinutes(table, presence, INGEST_LIMITS)
    checks.push(market, minutes, ...checkCandles(table, presence, INGEST_LIMITS))
  }
  const days = daysOf(table, spans)
  checks.push(...checkMoves(table, spans, evidence, INGEST_LIMITS))
  checks.push(...checkNight(days, evidence, INGEST_LIMITS), checkRepeated(days, evidence))
  checks.push(checkFrozen(table, spans, INGEST_LIMITS))
  return checks
}

/** Without the settled file and its report there is nothing to judge yet. */
function checkSettled({ session, file, report }: SessionEvidence): CheckOutcome {
  const findings = new Findings()
  if (file === null) findings.add(null, () => ({ session, missing: 'the settled file' }))
  if (report === null) findings.add(null, () => ({ session, missing: 'the settle report' }))
  return findings.outcome({
    check: 'completeness.settled',
    word: 'wait',
    countChecked: 2,
    what: 'parts of a settled session are not there: settle it, then ask again',
  })
}

function filesOf({ file, report, reportSha256 }: SessionEvidence): readonly EvidenceFile[] {
  const files: EvidenceFile[] = []
  if (file !== null) files.push({ path: file.path, sha256: file.sha256, rowCount: file.rowCount })
  if (report !== null && reportSha256 !== null) {
    const path = `analytics/${report.market}/reports/date=${report.date}/settle.json`
    files.push({ path, sha256: reportSha256, rowCount: 0 })
  }
  return files
}

/** The bytes of files stand for their content; everything else that decides stands here itself. */
function digestOf(evidence: SessionEvidence): string {
  const { file, table: _, report: __, calendar, previousCloses, ...facts } = evidence
  return sha256Of({
    ...facts,
    file: file === null ? null : { path: file.path, sha256: file.sha256 },
    calendar: calendar === null ? null : { phases: calendar.phases, phaseOf: calendar.phaseOf },
    previousCloses: [...previousCloses]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([symbol, day]) => [symbol, day.close, day.high, day.low, String(day.volume), day.rowCount]),
    rules: INGEST_RULES,
    limits: INGEST_LIMITS,
  })
}

export function sha256Of(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined) throw new Error('the evidence has no canonical form')
  return hash('sha256', text, 'hex')
}

export type Judged = Omit<IngestVerdict, 'gate' | 'verdict'> & {
  readonly required: readonly string[]
}

/** `symbols` of what is judged: all of the session. Those of the verdict: what may be canonical. */
export function verdictOf({ required, ...judged }: Judged): IngestVerdict {
  const held = heldBack(judged.checks)
  const tooMany = checkHeld(judged.symbols, held)
  const checks = [...judged.checks, tooMany]
  const words = checks
    .filter(
      ({ outcome, symbols }) =>
        isAboutSession(symbols) || outcome === 'review' || concerns(symbols, required),
    )
    .map(({ outcome }) => outcome)
  const verdict = worstOf(words)
  const moves = verdict === 'pass' || verdict === 'review'
  const symbols = moves ? judged.symbols.filter((symbol) => !held.has(symbol)) : []
  const { rules, market, session, previousSession, files, evidenceSha256 } = judged
  return {
    gate: 'ingest',
    rules,
    market,
    session,
    previousSession,
    verdict,
    checks,
    files,
    symbols,
    evidenceSha256,
  }
}

const SEVERITY: readonly VerdictWord[] = ['pass', 'review', 'wait', 'fail']

function worstOf(words: readonly VerdictWord[]): VerdictWord {
  return SEVERITY[Math.max(0, ...words.map((word) => SEVERITY.indexOf(word)))]!
}

function isAboutSession(symbols: readonly string[]): boolean {
  return symbols.length === 0
}

function concerns(symbols: readonly string[], required: readonly string[]): boolean {
  return symbols.some((symbol) => required.includes(symbol))
}

/** Symbols that a check rejects, or that wait. */
function heldBack(checks: readonly CheckOutcome[]): ReadonlySet<string> {
  const isHolding = ({ outcome }: CheckOutcome): boolean => outcome === 'fail' || outcome === 'wait'
  return new Set(checks.filter(isHolding).flatMap(({ symbols }) => symbols))
}

function checkHeld(symbols: readonly string[], held: ReadonlySet<string>): CheckOutcome {
  const { heldShareMax, heldCountMin } = INGEST_LIMITS
  const count = symbols.filter((symbol) => held.has(symbol)).length
  const findings = new Findings()
  if (count >= heldCountMin && count > heldShareMax * symbols.length) {
    findings.add(null, () => ({ heldCount: count, of: symbols.length }))
  }
  return findings.outcome({
    check: 'session.held',
    word: 'fail',
    countChecked: 1,
    limits: { heldShareMax, heldCountMin },
    what: 'sessions have so many symbols held back that the rest is no session',
  })
}
