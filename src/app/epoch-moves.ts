/**
 * What does a move of the truth epoch write? The three moves at the desk, apart from how a command finds its
 * target and its files: state and arguments in, one event out. All of them are refused while the market is
 * halted.
 */
import { OperatingError } from '../domain/error.ts'
import type { Json } from '../domain/event.ts'
import type { ProxySet } from '../domain/proxy-set.ts'
import type { MarketDate } from '../domain/time.ts'
import type { Epoch } from '../domain/truth.ts'
import { halted } from '../gates/continuity.ts'
import { failedChecks } from '../gates/epoch-gate.ts'
import { forwardFault, nextEpoch, rollbackTarget, rolledBackEpoch } from '../gates/epoch-line.ts'
import type { AdvancedRecord, OverriddenRecord, RolledBackRecord } from '../gates/payloads.ts'
import { type EpochMeans, epochRefusal, judge, recordVerdict } from './gate-epoch.ts'
import { type Desk, operatorActor } from './truth.ts'

/** Both already checked: see gates/justification.ts. */
export type Justified = { readonly operator: string; readonly reason: string }

/** A refusal that follows from a recorded verdict: to be thrown when the turn is over. */
export type Moved = { readonly epoch: Epoch } | { readonly refusal: OperatingError }

/**
 * Through the gate. A target beyond CTT is for the gate to fail on; one behind TE is a slip, and no verdict.
 */
export function advance(
  desk: Desk,
  means: EpochMeans,
  target: MarketDate,
  operator: string,
  doing: string,
): Moved {
  requireForward(desk, target, doing)
  const result = recordVerdict(desk, means, target)
  const refusal = epochRefusal(result)
  if (refusal !== null) return { refusal }
  const { version, sha256 } = means.proxySet
  desk.record('epoch.advanced', operatorActor(operator), {
    ...nextEpoch(desk.state().epoch, target),
    operator,
    proxySet: { version, sha256 },
    gateEvent: result.eventIndex,
    evidenceSha256: result.verdict.evidenceSha256,
  } satisfies AdvancedRecord)
  return { epoch: desk.state().epoch! }
}

/** Against failed checks, which the event holds in full. Never beyond CTT: see gates/epoch-line.ts. */
export function override(
  desk: Desk,
  means: EpochMeans,
  target: MarketDate,
  { operator, reason }: Justified,
  expiresAfter: MarketDate,
  doing: string,
): Moved {
  requireForward(desk, target, doing)
  const { epoch, ctt } = desk.state()
  const fault = forwardFault(epoch, target, ctt)
  if (fault !== null) {
    throw refused(
      doing,
      `${fault} (${ctt ?? 'nowhere yet'}), and an override cannot vouch for data that no gate has seen; ` +
        'run chandler gate ingest, or accept its review',
    )
  }
  const verdict = judge(desk, means, target)
  if (verdict.verdict === 'pass') {
    throw refused(doing, 'every check passes, there is nothing to override; use chandler epoch advance')
  }
  const { version, sha256 } = means.proxySet
  const next = nextEpoch(epoch, target)
  desk.record('epoch.overridden', operatorActor(operator), {
    ...next,
    operator,
    reason,
    proxySet: { version, sha256 },
    failedChecks: failedChecks(verdict),
    checks: verdict.checks,
    policySha256: verdict.policySha256,
    evidenceSha256: verdict.evidenceSha256,
    expiresAfter,
    before: shortOf(epoch),
    after: { epochId: next.epochId, session: target },
  } satisfies OverriddenRecord & { [key: string]: Json })
  return { epoch: desk.state().epoch! }
}

/** Back to the session of an earlier epoch under the same proxy set, as a new generation. */
export function rollBack(
  desk: Desk,
  proxySet: ProxySet,
  to: MarketDate,
  { operator, reason }: Justified,
  doing: string,
): Moved {
  requireRunning(desk, doing)
  const { market, epoch, epochs } = desk.state()
  const restored = rollbackTarget(epoch, epochs, to)
  if (epoch === null || restored === null) {
    throw refused(doing, `no earlier epoch was on that session${earlierOf(epoch, epochs)}`)
  }
  if (restored.proxySetSha256 !== proxySet.sha256) {
    throw refused(
      doing,
      `${restored.epochId} was made with proxy set ${restored.proxySetVersion}; configure the definition ` +
        `truth/${market}/proxy-sets/${restored.proxySetSha256}.json first`,
    )
  }
  const next = rolledBackEpoch(epoch, restored.session)
  desk.record('epoch.rolled_back', operatorActor(operator), {
    ...next,
    operator,
    reason,
    proxySet: { version: restored.proxySetVersion, sha256: restored.proxySetSha256 },
    restores: restored.epochId,
    overridden: restored.overridden,
    before: shortOf(epoch),
    after: { epochId: next.epochId, session: restored.session },
  } satisfies RolledBackRecord & { [key: string]: Json })
  return { epoch: desk.state().epoch! }
}

export function refused(doing: string, why: string): OperatingError {
  return new OperatingError(`${doing}: ${why}; nothing was moved`, { code: 'GATE_REFUSED' })
}

function requireRunning(desk: Desk, doing: string): void {
  const state = desk.state()
  if (state.halt !== null) throw halted(doing, state)
}

function requireForward(desk: Desk, target: MarketDate, doing: string): void {
  requireRunning(desk, doing)
  const { epoch, ctt, market } = desk.state()
  const fault = forwardFault(epoch, target, ctt)
  if (fault === 'no session is canonical') {
    throw refused(doing, `${fault} yet; run chandler gate ingest --market ${market} --date DATE first`)
  }
  if (fault === 'it does not lie after TE') {
    throw refused(doing, `it does not lie after TE (${epoch?.session}); chandler epoch rollback goes back`)
  }
}

function shortOf(epoch: Epoch | null): Json {
  if (epoch === null) return null
  const { epochId, session, status, overridden } = epoch
  return { epochId, session, status, overridden }
}

function earlierOf(epoch: Epoch | null, epochs: readonly Epoch[]): string {
  const earlier = epochs
    .map(({ session }) => session)
    .filter((date) => epoch !== null && date < epoch.session)
  return earlier.length === 0
    ? ', and there is none'
    : `; there are ${[...new Set(earlier)].toSorted().join(', ')}`
}
