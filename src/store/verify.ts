/**
 * Is the lake what its manifests say? Every listed file is read and hashed; every file on disk that no
 * manifest lists is named; what a crash left behind is named too, apart, because it harms nobody.
 */
import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemCodeOf } from '../domain/error.ts'
import type { MarketDate } from '../domain/time.ts'
import { fileError } from '../platform/durable.ts'
import { checkedDate, manifestDir, manifestPath, partsRoot, settledRoot, tempDir } from './lake.ts'
import { entriesByPath, type ManifestEntry, readManifest } from './manifest.ts'

export type LakeFinding = {
  readonly kind:
    | 'missing' // listed, not on disk
    | 'changed' // listed with other bytes
    | 'unlisted' // on disk, in no manifest: a crash before the listing, or a foreign file
    | 'manifest_damaged' // a line that was durable is not readable
    | 'manifest_torn' // the last line was cut by a crash; the next start removes it
    | 'leftover' // a temp file of a crash; the next start removes it
  /** Relative to the data directory. */
  readonly path: string
  /** What was found and what to do, in one sentence. */
  readonly detail: string
  /** False for what a crash leaves and the next start cleans away. */
  readonly damage: boolean
}

export type LakeReport = {
  readonly fileCount: number
  readonly rowCount: number
  readonly sizeBytes: number
  readonly findings: readonly LakeFinding[]
}

/**
 * Reads every published file of the market. A market without a lake gives an empty report.
 *
 * Beside a worker a file may be published between our reading its manifest and our looking at its folder. So
 * damage is what is found twice: a second look at what was only just published finds it listed.
 */
export function verifyLake(dataDir: string, market: string): LakeReport {
  const first = lookAtLake(dataDir, market)
  if (first.findings.every(({ damage }) => !damage)) return first
  const again = lookAtLake(dataDir, market)
  const keyOf = ({ kind, path }: LakeFinding): string => `${kind} ${path}`
  const seen = new Set(first.findings.map(keyOf))
  return { ...again, findings: again.findings.filter((one) => seen.has(keyOf(one))) }
}

function lookAtLake(dataDir: string, market: string): LakeReport {
  const findings: LakeFinding[] = []
  const listed = new Map<string, ManifestEntry>()
  for (const date of manifestDates(dataDir, market)) {
    const day = { market, date }
    const manifest = readManifest(dataDir, day)
    const path = manifestPath(day)
    for (const line of manifest.damagedLines) {
      const detail = `line ${line} is not readable: replay or settle ${date} to list its file again`
      findings.push({ kind: 'manifest_damaged', path, detail, damage: true })
    }
    if (manifest.tornBytes > 0) {
      const detail = `the last ${manifest.tornBytes} bytes are a torn line, removed at the next start`
      findings.push({ kind: 'manifest_torn', path, detail, damage: false })
    }
    for (const [name, entry] of entriesByPath(manifest)) listed.set(name, entry)
  }
  let sizeBytes = 0
  let rowCount = 0
  let fileCount = 0
  for (const entry of listed.values()) {
    if (entry.sha256 === null) continue
    fileCount += 1
    const finding = checkFile(dataDir, entry)
    if (finding !== null) findings.push(finding)
    sizeBytes += entry.bytes
    rowCount += entry.rows
  }
  findings.push(...unlistedFiles(dataDir, market, listed), ...leftovers(dataDir, market))
  return { fileCount, rowCount, sizeBytes, findings }
}

function manifestDates(dataDir: string, market: string): MarketDate[] {
  return filesUnder(dataDir, manifestDir(market))
    .map((path) => /\/(\d{4}-\d{2}-\d{2})\.jsonl$/.exec(path)?.[1])
    .filter((date) => date !== undefined)
    .map(checkedDate)
}

function checkFile(dataDir: string, entry: ManifestEntry): LakeFinding | null {
  const { path } = entry
  let bytes: Buffer
  try {
    bytes = readFileSync(join(dataDir, path))
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw fileError('verifying', join(dataDir, path), error)
    const detail = 'listed, but not on disk: replay the date into the lake (replay --out), or settle it'
    return { kind: 'missing', path, detail, damage: true }
  }
  if (hash('sha256', bytes, 'hex') === entry.sha256) return null
  const detail =
    `listed with ${entry.bytes} bytes, found ${bytes.length} bytes of other content: ` +
    'move it away, then replay or settle the date'
  return { kind: 'changed', path, detail, damage: true }
}

function unlistedFiles(
  dataDir: string,
  market: string,
  listed: ReadonlyMap<string, ManifestEntry>,
): LakeFinding[] {
  const roots = [
    partsRoot(market),
    `staging/${market}/momentum`,
    settledRoot(market),
    `analytics/${market}/reports`,
  ]
  return roots
    .flatMap((root) => filesUnder(dataDir, root))
    .filter((path) => (listed.get(path)?.sha256 ?? null) === null)
    .map((path) => ({
      kind: 'unlisted',
      path,
      detail: 'in no manifest: replay or settle the date to list it; if it is not ours, move it away',
      damage: true,
    }))
}

function leftovers(dataDir: string, market: string): LakeFinding[] {
  return filesUnder(dataDir, tempDir(market)).map((path) => ({
    kind: 'leftover',
    path,
    detail: 'a temp file of a publication under way or cut short: the next start removes it',
    damage: false,
  }))
}

/** Sorted paths, relative to the data directory; none where the folder does not exist. */
function filesUnder(dataDir: string, root: string): string[] {
  try {
    return readdirSync(join(dataDir, root), { withFileTypes: true, recursive: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(dataDir, '/').length))
      .sort()
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw fileError('listing', join(dataDir, root), error)
  }
}
