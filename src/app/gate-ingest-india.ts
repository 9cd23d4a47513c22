/**
 * What does the lake hold about one India session, as evidence for the ingestion gate? The settled file and
 * its report with their digests, what the manifest says of both, the calendar, and how the session before
 * ended. Each file is read once: what is judged are the bytes whose digest is in the verdict.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Calendar, isSession } from '../calendars/calendar.ts'
import type { Config } from '../config.ts'
import { EXCHANGES, type Instrument, instrumentKey } from '../domain/instrument.ts'
import type { Session } from '../domain/session.ts'
import type { SettleReport } from '../domain/settle-report.ts'
import type { MarketDate } from '../domain/time.ts'
import type { ListedFacts, SessionEvidence } from '../gates/ingest-evidence.ts'
import { canonicalBefore, type JudgedSession } from '../gates/ingest-history.ts'
import { type LakeDay, pathOf } from '../store/lake.ts'
import { entriesByPath, readManifest } from '../store/manifest.ts'
import { contentOf, type ParquetFacts, readForJudging, readPreviousCloses } from './gate-ingest-read.ts'
import { classify, INDIA, indiaCalendar } from './india-day.ts'
import { readInstruments } from './instruments-file.ts'

export type IndiaQuestion = {
  readonly config: Config
  readonly date: MarketDate
  readonly judged: ReadonlyMap<MarketDate, JudgedSession>
  readonly required: readonly string[]
}

export async function indiaEvidence({
  config,
  date,
  judged,
  required,
}: IndiaQuestion): Promise<SessionEvidence> {
  const { dataDir } = config
  const calendar = indiaCalendar(config)
  const previousSession = calendar.previousSession(date).date
  // The day before is folded and gone before the day itself is read.
  const { before, previousCloses } = await beforeOf(dataDir, judged, date, previousSession)
  const day: LakeDay = { market: INDIA, date }
  const listed = listedOf(dataDir, day)
  const path = pathOf({ kind: 'day', day })
  const { file, table } = await fileOf(dataDir, path, listed(path))
  const reportPath = pathOf({ kind: 'report', day })
  const reportContent = await contentOf(join(dataDir, reportPath))
  const session = calendar.sessionOn(date)
  const instruments = table?.instruments ?? []
  return {
    market: INDIA,
    session: date,
    previousSession,
    calendar: isSession(session) ? phasesOf(config, calendar, session, instruments) : null,
    file,
    table,
    listed: listed(path),
    report: reportContent === null ? null : reportOf(await reportContent.bytes.text()),
    reportSha256: reportContent?.sha256 ?? null,
    reportListed: listed(reportPath),
    before,
    previousCloses,
    actions: [],
    volatility: instruments
      .map(({ symbol }) => symbol)
      .filter((symbol) => VOLATILITY.test(symbol))
      .sort(),
    required,
  }
}

/** The exchange publishes one index of volatility; vendors write its name in several ways. */
const VOLATILITY = /\bVIX\b|INDIAVIX/i

function listedOf(dataDir: string, day: LakeDay): (path: string) => ListedFacts | null {
  const entries = entriesByPath(readManifest(dataDir, day))
  return (path) => {
    const entry = entries.get(path)
    return entry === undefined ? null : { sha256: entry.sha256, sizeBytes: entry.bytes, rowCount: entry.rows }
  }
}

type Before = Pick<SessionEvidence, 'before' | 'previousCloses'>

async function beforeOf(
  dataDir: string,
  judged: ReadonlyMap<MarketDate, JudgedSession>,
  date: MarketDate,
  previousSession: MarketDate,
): Promise<Before> {
  const files = judged.get(previousSession)?.files ?? []
  const path = pathOf({ kind: 'day', day: { market: INDIA, date: previousSession } })
  let isAsJudged = true
  let previousCloses: Before['previousCloses'] = new Map()
  for (const file of files) {
    const content = await contentOf(join(dataDir, file.path))
    if (content?.sha256 !== file.sha256) isAsJudged = false
    else if (file.path === path) previousCloses = await readPreviousCloses(content.bytes)
  }
  const before = canonicalBefore(judged, date, previousSession, isAsJudged)
  return { before, previousCloses: before.market === 'follows' && isAsJudged ? previousCloses : new Map() }
}

/** Bytes that are not the published ones are not decoded: their digest says all. */
async function fileOf(
  dataDir: string,
  path: string,
  listed: ListedFacts | null,
): Promise<Pick<SessionEvidence, 'file' | 'table'>> {
  const content = await contentOf(join(dataDir, path))
  if (content === null) return { file: null, table: null }
  const { sha256, sizeBytes, bytes } = content
  const { table, ...facts } = listed?.sha256 === sha256 ? await readForJudging(bytes) : UNREAD
  return { file: { path, sha256, sizeBytes, ...facts }, table }
}

const UNREAD: ParquetFacts = {
  rowCount: 0,
  schemaName: null,
  fields: [],
  strangeWords: [],
  unreadable: null,
  table: null,
}

/** A report that is no JSON, or another's, is as good as none: then the session is not settled. */
function reportOf(text: string): SettleReport | null {
  try {
    const report = JSON.parse(text) as SettleReport
    return report.schema === 'chandler.settle_report.v1' && Array.isArray(report.conservation) ? report : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** The file does not say which stocks have derivatives, and so other hours; the operator's list does. */
function phasesOf(config: Config, calendar: Calendar, session: Session, instruments: readonly Instrument[]) {
  const list = config.markets.in.instruments
  const listed = existsSync(list) ? readInstruments(list) : []
  const derivatives = new Set(listed.filter((one) => one.derivatives === true).map(instrumentKey))
  // An exchange that nobody knows has no hours; the schema check tells, and these only keep the rest going.
  const known = instruments.map((instrument) => ({
    ...instrument,
    exchange: EXCHANGES.includes(instrument.exchange) ? instrument.exchange : ('NSE' as const),
    derivatives: derivatives.has(instrumentKey(instrument)),
  }))
  if (known.length > 0) return classify(calendar, session, known)
  return { phases: [calendar.phasesFor(session, { exchange: 'NSE' })], phaseOf: [] }
}
