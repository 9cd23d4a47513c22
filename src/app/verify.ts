/**
 * Is what we hold still what we wrote? Every journal and every published file against their checksums, and
 * every event chain against itself and the heads that manifests and journals repeat.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type ChainReport, describeChain } from '../bus/verify-chain.ts'
import type { Config } from '../config.ts'
import { OperatingError } from '../domain/error.ts'
import type { ChainAnchor } from '../domain/event.ts'
import type { Fact } from '../domain/fact.ts'
import type { MarketDate } from '../domain/time.ts'
import { verifyJournal } from '../journal/verify.ts'
import { listNames } from '../platform/durable.ts'
import { verifyLake } from '../store/verify.ts'
import { verifyAudit } from './audit.ts'
import { foldJournal } from './fold-journal.ts'
import { INDIA, indiaJournalDir } from './india-day.ts'
import { US } from './us-market.ts'

export type VerifyFinding = {
  /** `note`: left by a crash, cleaned away or completed by the next start. */
  readonly severity: 'damage' | 'note'
  readonly path: string
  readonly detail: string
}

export type VerifyReport = {
  readonly market: string
  readonly isIntact: boolean
  readonly journals: readonly {
    readonly date: string
    readonly status: 'intact' | 'damaged'
    readonly segmentCount: number
    readonly entryCount: number
  }[]
  readonly lake: { readonly fileCount: number; readonly rowCount: number; readonly sizeBytes: number }
  /** Of each market that has one, or of which somebody remembers one. */
  readonly chains: readonly ChainReport[]
  readonly findings: readonly VerifyFinding[]
}

/** Changes nothing; may run beside a worker. Throws NOT_FOUND where there is no data directory at all. */
export function verifyIndia(config: Config): VerifyReport {
  if (!existsSync(config.dataDir)) {
    throw new OperatingError(
      `verifying ${config.dataDir}: there is no such directory; check --data-dir and the configuration`,
      { code: 'NOT_FOUND' },
    )
  }
  const findings: VerifyFinding[] = []
  const journals = journalDates(config).map((date) => {
    const verified = verifyJournal(indiaJournalDir(config, date))
    for (const { path, status, detail } of verified.segments) {
      if (status === 'damaged' || status === 'foreign') findings.push({ severity: 'damage', path, detail })
      if (status === 'torn') findings.push({ severity: 'note', path, detail: detail || 'a torn end' })
    }
    for (const missing of verified.missing) {
      const [fromSeq, toSeq] = missing
      const detail = `entries ${fromSeq} to ${toSeq} are missing`
      findings.push({ severity: 'damage', path: indiaJournalDir(config, date), detail })
    }
    return {
      date,
      status: verified.isIntact ? ('intact' as const) : ('damaged' as const),
      segmentCount: verified.segments.length,
      entryCount: verified.segments.reduce((sum, { entryCount }) => sum + entryCount, 0),
    }
  })
  const lake = verifyLake(config.dataDir, INDIA)
  for (const { path, detail, damage } of lake.findings) {
    findings.push({ severity: damage ? 'damage' : 'note', path, detail })
  }
  const sound = journals.filter(({ status }) => status === 'intact').map(({ date }) => date)
  const chains = [INDIA, US].flatMap((market) => {
    return verifiedChain(config, market, market === INDIA ? journalAnchors(config, sound) : [])
  })
  for (const report of chains) {
    if (report.status === 'VERIFIED') continue
    const path = join('events', report.market, 'events.jsonl')
    findings.push({ severity: 'damage', path, detail: describeChain(report) })
  }
  const { fileCount, rowCount, sizeBytes } = lake
  const isIntact = findings.every(({ severity }) => severity === 'note')
  return { market: INDIA, isIntact, journals, lake: { fileCount, rowCount, sizeBytes }, chains, findings }
}

function verifiedChain(
  { dataDir }: Config,
  market: string,
  heads: readonly ChainAnchor[],
): readonly ChainReport[] {
  const report = verifyAudit({ dataDir, market }, { heads })
  const isKnown = report.eventCount > 0 || report.flaw !== null || report.anchors.length > 0
  return isKnown ? [report] : []
}

/** The heads with which runs of the worker began. */
function journalAnchors(config: Config, dates: readonly MarketDate[]): readonly ChainAnchor[] {
  return dates.flatMap((date) => {
    const anchors: ChainAnchor[] = []
    const onFact = (fact: Fact): void => {
      if (fact.kind === 'start' && fact.chainHead !== undefined) {
        anchors.push({ ...fact.chainHead, where: `the journal of ${date}` })
      }
    }
    foldJournal(indiaJournalDir(config, date), [], { onFact })
    return anchors
  })
}

/** Dates that have a journal, in order. */
export function journalDates(config: Config): readonly MarketDate[] {
  const names = listNames(join(config.dataDir, 'raw', INDIA, 'journal'))
  return names.filter((name) => /^\d{4}-\d{2}-\d{2}$/.test(name)).sort() as MarketDate[]
}
