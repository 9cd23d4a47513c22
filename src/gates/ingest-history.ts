/**
 * Which sessions are canonical already, and what was the last word on this one? Read from the chain's
 * verdicts and decisions and from nothing else. The last verdict on a session holds: a session that passed
 * and was later rejected under other evidence carries no successor until it is mended.
 */
import type { ChainEvent } from '../domain/event.ts'
import type { MarketDate } from '../domain/time.ts'
import type { EvidenceFile } from '../domain/verdict.ts'
import type { CanonicalBefore } from './ingest-evidence.ts'
import { readPayload } from './payloads.ts'

export type JudgedSession = {
  readonly session: MarketDate
  readonly evidenceSha256: string
  readonly proxySetSha256: string
  readonly isCanonical: boolean
  /** Those that were accepted; empty unless they were asked for. */
  readonly symbols: readonly string[]
  readonly files: readonly EvidenceFile[]
}

/**
 * By session its last verdict; `symbols` of `wanted` alone, for years of sessions with thousands of names
 * each do not fit into memory. Events that are not of the gate are passed over; so are ones that make no
 * sense.
 */
export function judgedSessions(
  events: Iterable<ChainEvent>,
  wanted: MarketDate | null,
): ReadonlyMap<MarketDate, JudgedSession> {
  const judged = new Map<MarketDate, JudgedSession>()
  for (const { event_type, payload } of events) {
    if (event_type === 'gate.ingest') {
      const read = readPayload('gate.ingest', payload)
      if ('fault' in read) continue
      const { session, evidenceSha256, verdict, proxySet } = read.record
      const symbols = session === wanted ? read.record.symbols : []
      const files = (payload.files ?? []) as unknown as readonly EvidenceFile[]
      const isCanonical = verdict === 'pass'
      const proxySetSha256 = proxySet.sha256
      judged.set(session, { session, evidenceSha256, proxySetSha256, isCanonical, symbols, files })
    } else if (event_type === 'review.decided') {
      const read = readPayload('review.decided', payload)
      if ('fault' in read) continue
      const { session, evidenceSha256, decision } = read.record
      const known = judged.get(session)
      if (known === undefined || known.evidenceSha256 !== evidenceSha256) continue
      judged.set(session, { ...known, isCanonical: decision === 'accept' })
    }
  }
  return judged
}

/** Where `session` stands. `isAsJudged`: the files of the session before are those that were judged. */
export function canonicalBefore(
  judged: ReadonlyMap<MarketDate, JudgedSession>,
  session: MarketDate,
  previousSession: MarketDate | null,
  isAsJudged: boolean,
): CanonicalBefore {
  const previous = previousSession === null ? undefined : judged.get(previousSession)
  if (previous?.isCanonical === true) {
    return { market: 'follows', symbols: previous.symbols, fileIsAsJudged: isAsJudged }
  }
  const isOlder = [...judged.values()].some((other) => other.isCanonical && other.session < session)
  return { market: isOlder ? 'hole' : 'first', symbols: [], fileIsAsJudged: true }
}
