/**
 * What can an operator prove about a market's history? Wiring of verify, export and anchor.
 *
 * An anchor is only worth something where the writer of the chain cannot change it: a file on another machine
 * or a stick, or a git repository that is pushed. Before an anchor replaces an older one there, the older one
 * must agree: a chain that was cut or written anew must not wipe out the evidence against itself.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { takeChainLock } from '../bus/chain-lock.ts'
import { exportAudit } from '../bus/export-audit.ts'
import { type ChainReport, describeChain, type OutsideNote, verifyChain } from '../bus/verify-chain.ts'
import { OperatingError } from '../domain/error.ts'
import type { ChainAnchor } from '../domain/event.ts'
import type { Clock } from '../platform/clock.ts'
import { fileError } from '../platform/durable.ts'
import { readChainHeads } from '../store/chain-heads.ts'
import { type AnchorRecord, anchorsOf, keepAnchorRecord, readAnchorRecords } from './anchor-record.ts'
import { chainDir, openMarketChain } from './chain.ts'
import { replaceFile } from './replace-file.ts'

export type AuditPlace = { readonly dataDir: string; readonly market: string }

export type AuditAnchors = {
  /** Files that `anchorAudit` wrote, brought back. */
  readonly noteFiles?: readonly string[]
  /** Beyond those that lie in this data directory for everybody to read. */
  readonly heads?: readonly ChainAnchor[]
}

/** Heads that other files of the data directory repeat: manifests, and the record of anchors. */
export function heldAnchors({ dataDir, market }: AuditPlace): readonly ChainAnchor[] {
  return [...readChainHeads(dataDir, market), ...anchorsOf(chainDir(dataDir, market))]
}

/** Compares with every head that the data directory holds, and with those given. */
export function verifyAudit(place: AuditPlace, anchors: AuditAnchors = {}): ChainReport {
  const { dataDir, market } = place
  const dir = chainDir(dataDir, market)
  const options = {
    dir,
    market,
    anchors: [...heldAnchors(place), ...(anchors.heads ?? [])],
    notes: (anchors.noteFiles ?? []).map(readNote),
  }
  const report = verifyChain(options)
  if (report.status !== 'TORN_TAIL') return report
  // It may be an append that is just being written. While we hold the lock there is none.
  const lock = takeChainLock(dir)
  try {
    return verifyChain(options)
  } finally {
    lock.release()
  }
}

export function exportMarketAudit(place: AuditPlace, write: (part: string) => void): void {
  exportAudit(chainDir(place.dataDir, place.market), verifyAudit(place), write)
}

export type AnchorRequest = AuditPlace & {
  /** A file, or `git:` and the folder of a repository. */
  readonly to: string
  readonly clock: Clock
  readonly note: (text: string) => void
}

export type Anchored = { readonly path: string; readonly eventCount: number; readonly note: string }

/**
 * Signs the head and keeps it elsewhere. Throws CHAIN_BROKEN when the chain, or what lies there,
 * disagrees.
 */
export function anchorAudit({ to, ...place }: AnchorRequest): Anchored {
  const gitDir = to.startsWith('git:') ? resolve(to.slice('git:'.length)) : null
  const path = gitDir === null ? resolve(to) : join(gitDir, `chandler-${place.market}.checkpoint`)
  const report = verifyAudit(place, { noteFiles: existsSync(path) ? [path] : [] })
  if (report.status !== 'VERIFIED' && report.status !== 'TORN_TAIL') {
    throw new OperatingError(
      `anchoring the chain of ${place.market}: ${describeChain(report)}; ${path} was left as it is`,
      { code: 'CHAIN_BROKEN' },
    )
  }
  const chain = openMarketChain(place)
  const note = chain.checkpoint()
  replaceFile(path, note)
  if (gitDir !== null) commit(gitDir, path, note)
  const eventCount = Number(note.split('\n')[1])
  const checksum = /^head ([0-9a-f]{64})$/m.exec(note)![1]!
  const { generation } = chain.anchorHead()!
  const head = { eventIndex: eventCount - 1, checksum, ...(generation === undefined ? {} : { generation }) }
  const at = new Date(place.clock.wallMs()).toISOString()
  keepAnchorRecord(chainDir(place.dataDir, place.market), { ...head, at, to })
  return { path, eventCount, note }
}

/** The newest anchor that was kept elsewhere, by the clock of this machine; null: there was none. */
export function newestAnchor({ dataDir, market }: AuditPlace): AnchorRecord | null {
  const records = readAnchorRecords(chainDir(dataDir, market))
  return records.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)).at(-1) ?? null
}

function readNote(path: string): OutsideNote {
  try {
    return { text: readFileSync(path, 'utf8'), where: path }
  } catch (error) {
    throw fileError('reading the anchor', path, error)
  }
}

/** Into whatever branch is checked out there; pushing it is the operator's, whose credentials it needs. */
function commit(dir: string, path: string, note: string): void {
  const [origin, eventCount] = note.split('\n')
  git(dir, ['add', '--', path])
  if (git(dir, ['diff', '--cached', '--quiet', '--', path], [0, 1]) === 0) return
  git(dir, ['commit', '--quiet', '-m', `${origin}: ${eventCount} events`, '--', path])
}

function git(dir: string, args: readonly string[], expected: readonly number[] = [0]): number {
  const { status, stderr, error } = spawnSync('git', ['-C', dir, ...args], { encoding: 'utf8' })
  if (status !== null && expected.includes(status)) return status
  const [said] = (error?.message ?? stderr).trim().split('\n')
  throw new OperatingError(
    `anchoring in the git repository ${dir}: git ${args[0]} failed: ${said}; check that it ` +
      `is a repository with a user.name`,
    { code: 'DIR_UNUSABLE', cause: error },
  )
}
