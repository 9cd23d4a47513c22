/**
 * May a session of daily candles be called canonical? The ingestion gate's core for a market that is fetched
 * once a day: the rows of one session over all symbols, each beside its own last session and its usual
 * volume.
 *
 * The vendor gives daily candles in any order of symbols and restates them for days, so completeness is by
 * symbol: one without a candle is simply not canonical yet, and only a required one holds back the session.
 * Files of history are rewritten when any later session comes, so the evidence is known by the digest of the
 * session's rows as traded, not by that of its files; what a later dividend does to `adj_close` is no new
 * evidence.
 */
import type { CheckOutcome, IngestVerdict } from '../domain/verdict.ts'
import { checkSessionOrder } from './checks/continuity.ts'
import { checkDailyNight, checkDailyRepeated, checkDailySpikes } from './checks/daily-drift.ts'
import {
  checkDailyPrices,
  checkDailySettled,
  checkDailySymbols,
  checkDailyUnique,
  checkDisputes,
} from './checks/daily-rows.ts'
import { checkColumns, checkTypes } from './checks/schema.ts'
import { sha256Of, verdictOf } from './ingest.ts'
import type { DailyEvidence } from './ingest-daily-evidence.ts'
import { DAILY_FIELDS_WANTED, DAILY_SCHEMA_WANTED } from './ingest-daily-evidence.ts'
import { DAILY_LIMITS, DAILY_RULES } from './ingest-limits.ts'

/** Pure, as `judgeSession`. */
export function judgeDaily(evidence: DailyEvidence): IngestVerdict {
  const { market, session, previousSession, rows, required, rowsSha256, path } = evidence
  const symbols = [...new Set(rows.map(({ symbol }) => symbol))].sort()
  return verdictOf({
    rules: DAILY_RULES,
    market,
    session,
    previousSession,
    checks: checksOf(evidence),
    symbols,
    required,
    files: rows.length === 0 ? [] : [{ path, sha256: rowsSha256, rowCount: rows.length }],
    evidenceSha256: sha256Of({ ...evidence, rules: DAILY_RULES, limits: DAILY_LIMITS }),
  })
}

function checksOf(evidence: DailyEvidence): readonly CheckOutcome[] {
  const { rows, file } = evidence
  const checks = [...checkSessionOrder(evidence), checkDailySettled(evidence)]
  if (file !== null) {
    checks.push(checkColumns(file, DAILY_FIELDS_WANTED, DAILY_SCHEMA_WANTED))
    checks.push(checkTypes(file, DAILY_FIELDS_WANTED))
  }
  if (rows.length === 0) return checks
  checks.push(...checkDailyPrices(rows), checkDailyUnique(rows), checkDisputes(evidence))
  checks.push(...checkDailySymbols(evidence, DAILY_LIMITS))
  checks.push(...checkDailyNight(evidence, DAILY_LIMITS))
  checks.push(checkDailySpikes(rows, DAILY_LIMITS), checkDailyRepeated(rows))
  return checks
}
