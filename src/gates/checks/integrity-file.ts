/** Is the file the one that was published, and does the settle report speak of these very rows? */
import { CANDLE_SOURCES, type CandleColumns, type CandleTable } from '../../domain/candle.ts'
import type { Json } from '../../domain/event.ts'
import type { SettleReport } from '../../domain/settle-report.ts'
import type { CheckOutcome } from '../../domain/verdict.ts'
import type { SessionEvidence } from '../ingest-evidence.ts'
import { Findings } from './outcome.ts'

const TICKS = CANDLE_SOURCES.indexOf('ticks')
const VENDOR = CANDLE_SOURCES.indexOf('vendor')

type Comparison = { readonly what: string; readonly wanted: Json; readonly found: Json }

/** Digest, size and rows of the file against the manifest and the report; the report against the manifest. */
export function checkFile({
  file,
  listed,
  report,
  reportSha256,
  reportListed,
}: SessionEvidence): CheckOutcome {
  const comparisons: Comparison[] = [
    { what: 'sha256 by the manifest', wanted: listed?.sha256 ?? null, found: file?.sha256 ?? null },
    { what: 'bytes by the manifest', wanted: listed?.sizeBytes ?? null, found: file?.sizeBytes ?? null },
    { what: 'rows by the manifest', wanted: listed?.rowCount ?? null, found: file?.rowCount ?? null },
    { what: 'sha256 by the report', wanted: report?.file?.sha256 ?? null, found: file?.sha256 ?? null },
    { what: 'bytes by the report', wanted: report?.file?.sizeBytes ?? null, found: file?.sizeBytes ?? null },
    { what: 'path by the report', wanted: report?.file?.path ?? null, found: file?.path ?? null },
    { what: "the report's sha256", wanted: reportListed?.sha256 ?? null, found: reportSha256 },
  ]
  return compared('integrity.file', 'digests and sizes differ from what was published', comparisons)
}

/** Every count of the report, recomputed from the rows. */
export function checkReport(
  evidence: SessionEvidence,
  report: SettleReport,
  table: CandleTable,
): CheckOutcome {
  const counts = countsOf(table.columns)
  const { candles } = report
  const comparisons: Comparison[] = [
    { what: 'schema', wanted: 'chandler.settle_report.v1', found: report.schema },
    { what: 'market', wanted: evidence.market, found: report.market },
    { what: 'date', wanted: evidence.session, found: report.date },
    { what: 'minutes of the session', wanted: minutesOf(evidence), found: report.minuteCount },
    { what: 'instruments', wanted: report.conservation.length, found: report.instrumentCount },
    { what: 'rows by the report', wanted: report.file?.rowCount ?? null, found: table.columns.rowCount },
    { what: 'candles', wanted: candles.total, found: table.columns.rowCount },
    { what: 'complete candles of ticks', wanted: candles.ticksComplete, found: counts.ticksComplete },
    { what: 'incomplete candles of ticks', wanted: candles.ticksIncomplete, found: counts.ticksIncomplete },
    { what: "the vendor's candles", wanted: candles.vendor, found: counts.vendor },
    { what: 'bars used', wanted: candles.vendor, found: report.history.usedBarCount },
  ]
  return compared('integrity.report', 'statements of the settle report do not fit the rows', comparisons)
}

/** Symbols in the file that the report does not account for. */
export function checkAccounted(report: SettleReport, table: CandleTable): CheckOutcome {
  const findings = new Findings()
  const known = new Set(report.conservation.map(({ symbol }) => symbol))
  for (const { symbol, exchange, token } of table.instruments) {
    if (!known.has(symbol)) findings.add(symbol, () => ({ symbol, exchange, token }))
  }
  return findings.outcome({
    check: 'integrity.accounted',
    word: 'fail',
    countChecked: table.instruments.length,
    what: 'instruments with candles are not in the settle report',
  })
}

function compared(check: string, what: string, comparisons: readonly Comparison[]): CheckOutcome {
  const findings = new Findings()
  for (const { what: statement, wanted, found } of comparisons) {
    if (wanted === null || wanted !== found) findings.add(null, () => ({ what: statement, wanted, found }))
  }
  return findings.outcome({ check, word: 'fail', countChecked: comparisons.length, what })
}

/** From the first open of any instrument to the last end, breaks between included. */
function minutesOf({ calendar }: SessionEvidence): number {
  const spans = (calendar?.phases ?? []).flatMap(({ continuous }) => continuous)
  if (spans.length === 0) return 0
  const fromMs = Math.min(...spans.map((span) => span.fromMs))
  const toMs = Math.max(...spans.map((span) => span.toMs))
  return (toMs - fromMs) / 60_000
}

type Counts = { ticksComplete: number; ticksIncomplete: number; vendor: number }

function countsOf(columns: CandleColumns): Counts {
  const counts: Counts = { ticksComplete: 0, ticksIncomplete: 0, vendor: 0 }
  for (let row = 0; row < columns.rowCount; row++) {
    if (columns.source[row] === VENDOR) counts.vendor++
    else if (columns.source[row] !== TICKS) continue
    else if (columns.complete[row] === 1) counts.ticksComplete++
    else counts.ticksIncomplete++
  }
  return counts
}
