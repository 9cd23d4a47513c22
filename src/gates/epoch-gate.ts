/**
 * May this session be evaluated? Gate 2: is everything that the proxy set requires canonical, is the record
 * healthy, and does a policy allow it. Pure: what decides is in the arguments, and all of it is in the
 * digest, so the same evidence gives the same verdict and a repetition is recognised.
 *
 * There is no verdict between pass and fail: a session that needs an operator's judgement was asked about by
 * gate 1, and here `review` would be a second door. A failure halts the market (see state.ts).
 */
import type { Json } from '../domain/event.ts'
import type { ProxySet } from '../domain/proxy-set.ts'
import type { MarketDate } from '../domain/time.ts'
import type { TruthState } from '../domain/truth.ts'
import type { CheckOutcome, VerdictWord } from '../domain/verdict.ts'
import { digestOf } from './digest.ts'
import { liveOverrides } from './epoch-line.ts'
import type { ProxySetRule } from './payloads.ts'
import { limitFaults, type PolicyReading, strategyFaults } from './policy.ts'
import { type SyncVerdict, syncCheck } from './sync-gate.ts'

export const EPOCH_RULES = 'epoch-2'
const ROWS_MAX = 10

export type EpochEvidence = {
  readonly state: TruthState
  readonly target: MarketDate
  readonly proxySet: ProxySet
  readonly policy: PolicyReading
  /** What the verifier of the chain says: `VERIFIED` and nothing else is healthy. */
  readonly chainStatus: string
  /** Gate 3 for each market that the policy declares a dependency on. */
  readonly syncs: readonly SyncVerdict[]
}

export type EpochVerdict = {
  readonly gate: 'epoch'
  readonly rules: string
  readonly market: string
  readonly target: MarketDate
  readonly verdict: 'pass' | 'fail'
  readonly checks: readonly CheckOutcome[]
  readonly proxySet: ProxySetRule
  readonly policyFile: string
  readonly policySha256: string
  readonly evidenceSha256: string
}

export function judgeEpoch(evidence: EpochEvidence): EpochVerdict {
  const { state, target, proxySet, policy } = evidence
  const checks = [
    symbolsCheck(evidence),
    cttCheck(evidence),
    chainCheck(evidence),
    alertsCheck(evidence),
    inspectionCheck(evidence),
    overrideCheck(evidence),
    ...policyChecks(evidence),
    ...evidence.syncs.map(syncCheck),
  ]
  const { version, sha256, required } = proxySet
  const isPass = checks.every(({ outcome }) => outcome === 'pass')
  const decided = {
    gate: 'epoch' as const,
    rules: EPOCH_RULES,
    market: state.market,
    target,
    verdict: isPass ? ('pass' as const) : ('fail' as const),
    checks,
    proxySet: { version, sha256, required },
    policySha256: policy.sha256,
  }
  // What a verdict is about changes with the epoch that it would follow: after a move it is asked anew.
  const follows = state.epoch === null ? null : `${state.epoch.epochId} ${state.epoch.status}`
  return { ...decided, policyFile: policy.file, evidenceSha256: digestOf({ ...decided, follows } as Json) }
}

/** Names of the checks that did not pass. */
export function failedChecks({ checks }: Pick<EpochVerdict, 'checks'>): readonly string[] {
  return checks.filter(({ outcome }) => outcome !== 'pass').map(({ check }) => check)
}

function symbolsCheck({ state, target, proxySet }: EpochEvidence): CheckOutcome {
  const behind = proxySet.required.filter((symbol) => {
    const since = state.sinceBySymbol.get(symbol)
    const until = state.cttBySymbol.get(symbol)
    return since === undefined || until === undefined || since > target || until < target
  })
  const rows = behind.map((symbol) => ({ symbol, ctt: state.cttBySymbol.get(symbol) ?? null }))
  const count = proxySet.required.length
  const says =
    behind.length === 0
      ? `all ${count} required symbols are canonical up to ${target}`
      : `${behind.length} of ${count} required symbols are not canonical up to ${target}: ` +
        behind.slice(0, ROWS_MAX).join(', ')
  return outcomeOf('completeness.symbols', says, count, rows, behind)
}

/** CTT never falls, so that a session lies before it does not say that its data are still what passed. */
function cttCheck({ state, target }: EpochEvidence): CheckOutcome {
  const rejected = state.rejected.filter((session) => session <= target)
  if (rejected.length > 0) {
    const says =
      `the newest verdict on ${rejected.slice(0, ROWS_MAX).join(', ')} does not hold it canonical: ` +
      'mend the data and run chandler gate ingest, or decide the review'
    return outcomeOf(
      'completeness.ctt',
      says,
      1,
      rejected.map((session) => ({ session })),
    )
  }
  const isHeld = state.ctt !== null && target <= state.ctt
  const says = isHeld
    ? `${target} does not lie beyond CTT`
    : `${target} lies beyond CTT (${state.ctt ?? 'no session is canonical yet'})`
  return outcomeOf('completeness.ctt', says, 1, isHeld ? [] : [{ target, ctt: state.ctt }])
}

function chainCheck({ chainStatus }: EpochEvidence): CheckOutcome {
  const isSound = chainStatus === 'VERIFIED'
  return outcomeOf('health.chain', `the event chain is ${chainStatus}`, 1, isSound ? [] : [{ chainStatus }])
}

function alertsCheck({ state }: EpochEvidence): CheckOutcome {
  const critical = state.alerts.filter(({ severity }) => severity === 'critical')
  const says =
    critical.length === 0
      ? 'no critical alert is unresolved'
      : `${critical.length} critical alerts are unresolved: ${critical
          .slice(0, ROWS_MAX)
          .map(({ text }) => text)
          .join('; ')}`
  const rows = critical.map(({ id, text, eventIndex }) => ({ id, text, eventIndex }))
  return outcomeOf('health.alerts', says, critical.length, rows)
}

function inspectionCheck({ state }: EpochEvidence): CheckOutcome {
  const says = `inspection mode is ${state.inspection ? 'on' : 'off'}`
  return outcomeOf('health.inspection', says, 1, state.inspection ? [{ inspection: true }] : [])
}

function overrideCheck({ state, target }: EpochEvidence): CheckOutcome {
  const live = liveOverrides(state.overrides, target)
  const says =
    live.length === 0
      ? `no override is in force on ${target}`
      : `an override by ${live.at(-1)!.operator} is in force until ${live.at(-1)!.expiresAfter}`
  const rows = live.map(({ operator, to, expiresAfter, eventIndex }) => ({
    operator,
    to,
    expiresAfter,
    eventIndex,
  }))
  return outcomeOf('health.override', says, state.overrides.length, rows)
}

function policyChecks({
  policy: { policy, faults, file },
  proxySet,
}: EpochEvidence): readonly CheckOutcome[] {
  const valid = faultsCheck('policy.valid', faults, `${file} is a valid policy`, 1)
  if (policy === null) return [valid]
  const { strategies } = policy
  const eligible = strategies.filter((strategy) => strategy.eligible).map(({ id }) => id)
  return [
    valid,
    faultsCheck(
      'policy.limits',
      limitFaults(policy),
      'risk and size limits agree with each other',
      5,
      policy.limits,
    ),
    faultsCheck(
      'policy.strategies',
      strategyFaults(policy, proxySet),
      `eligible in shadow mode: ${eligible.join(', ')}`,
      strategies.length,
    ),
  ]
}

function faultsCheck(
  check: string,
  faults: readonly string[],
  good: string,
  countChecked: number,
  limits: CheckOutcome['limits'] = {},
): CheckOutcome {
  return outcomeOf(check, faults.length === 0 ? good : faults.join('; '), countChecked, faults, [], limits)
}

/** Every row found is in the count; as many as one can read are shown. */
function outcomeOf(
  check: string,
  says: string,
  countChecked: number,
  rows: readonly Json[],
  symbols: readonly string[] = [],
  limits: CheckOutcome['limits'] = {},
): CheckOutcome {
  const outcome: VerdictWord = rows.length === 0 ? 'pass' : 'fail'
  return {
    check,
    outcome,
    says,
    countChecked,
    countFound: rows.length,
    limits,
    rows: rows.slice(0, ROWS_MAX),
    symbols,
  }
}
