/**
 * The intelligence gate as a command: may this session be evaluated? The verdict is recorded once for each
 * evidence; a failure halts the market, whoever asked. `epoch.ts` moves TE on top of the same turn.
 */
import { OperatingError } from '../domain/error.ts'
import type { EventPayload } from '../domain/event.ts'
import type { ProxySet } from '../domain/proxy-set.ts'
import type { MarketDate } from '../domain/time.ts'
import { type EpochVerdict, failedChecks, judgeEpoch } from '../gates/epoch-gate.ts'
import type { HaltRecord } from '../gates/payloads.ts'
import type { PolicyReading } from '../gates/policy.ts'
import { judgeSync, type SyncVerdict } from '../gates/sync-gate.ts'
import { type Desk, GATE_ACTOR } from './truth.ts'
import {
  checkedTarget,
  type Market,
  marketEpochOf,
  marketOf,
  policyOf,
  proxySetOf,
  refusingBroken,
  requireSoundChain,
  type TruthContext,
  truthOf,
} from './truth-market.ts'

export type EpochGateResult = {
  readonly verdict: EpochVerdict
  /** The event that holds the verdict, whether this run wrote it or an earlier one on the same evidence. */
  readonly eventIndex: number
  readonly isNew: boolean
  /** The halt that is in force afterwards, if any. */
  readonly haltId: string | null
}

/**
 * Without `date` the target is CTT. Throws GATE_REFUSED where no session is canonical, the target is no
 * session, nothing was received of it, or the chain is not intact: then nothing is recorded. A verdict, also
 * a failed one, is returned; see `epochRefusal`.
 */
export function runEpochGate(
  context: TruthContext,
  market: Market,
  date: string | undefined,
): EpochGateResult {
  const doing = `judging the epoch of ${market}`
  return refusingBroken(() => {
    requireSoundChain(context, market, doing)
    const means = meansOf(context, market)
    return truthOf(context, market).decide(means.proxySet, (desk) => {
      const { ctt } = desk.state()
      if (date === undefined && ctt === null) {
        throw new OperatingError(
          `${doing}: no session is canonical yet; ` +
            `run chandler gate ingest --market ${market} --date DATE first`,
          { code: 'GATE_REFUSED' },
        )
      }
      return recordVerdict(desk, means, checkedTarget(context, market, date ?? ctt!, ctt, doing))
    })
  })
}

/** What gate 2 needs beside the chain, read before the turn so that bad input ends the command first. */
export type EpochMeans = {
  readonly proxySet: ProxySet
  readonly policy: PolicyReading
  /** Gate 3 towards each market on which the policy depends. */
  readonly syncsAt: (target: MarketDate) => readonly SyncVerdict[]
}

export function meansOf(context: TruthContext, market: Market): EpochMeans {
  const policy = policyOf(context.config, market)
  const others = (policy.policy?.dependsOn ?? [])
    .filter((name) => name !== market)
    .map((name) => marketEpochOf(context, marketOf(name), undefined))
  return {
    proxySet: proxySetOf(context.config, market),
    policy,
    // What counts is how far apart the markets would be once TE stood on the target.
    syncsAt: (target) =>
      others.map((other) => judgeSync(marketEpochOf(context, market, target), other, true)),
  }
}

export function judge(
  desk: Desk,
  { proxySet, policy, syncsAt }: EpochMeans,
  target: MarketDate,
): EpochVerdict {
  const syncs = syncsAt(target)
  return judgeEpoch({ state: desk.state(), target, proxySet, policy, chainStatus: 'VERIFIED', syncs })
}

/** Judges, records what is new, and halts on a failure. */
export function recordVerdict(desk: Desk, means: EpochMeans, target: MarketDate): EpochGateResult {
  const verdict = judge(desk, means, target)
  const before = desk.fold.epochVerdict()
  const isNew = before?.record.evidenceSha256 !== verdict.evidenceSha256
  if (isNew) desk.record('gate.epoch', GATE_ACTOR, verdict satisfies EventPayload)
  const { eventIndex } = desk.fold.epochVerdict()!
  if (verdict.verdict === 'fail') haltFor(desk, verdict, eventIndex)
  return { verdict, eventIndex, isNew, haltId: desk.state().halt?.id ?? null }
}

/**
 * A new failed verdict has halted the market already, as one line; here it is announced. A repeated one,
 * after an operator lifted the halt and nothing changed, halts again.
 */
function haltFor(desk: Desk, verdict: EpochVerdict, causeEvent: number): void {
  desk.payDebts()
  const { halt, eventCount } = desk.state()
  if (halt !== null) return
  const failed = failedChecks(verdict)
  desk.record('halt.raised', GATE_ACTOR, {
    haltId: `H-${eventCount}`,
    reason: `the intelligence gate failed on ${verdict.target}: ${failed.join(', ')}`,
    failedChecks: failed,
    causeEvent,
  } satisfies HaltRecord)
}

/** The refusal that a failed verdict is; null where it passed. */
export function epochRefusal({ verdict, haltId }: EpochGateResult): OperatingError | null {
  if (verdict.verdict === 'pass') return null
  const { market, target, checks } = verdict
  const says = checks.filter(({ outcome }) => outcome !== 'pass').map((check) => check.says)
  return new OperatingError(
    `judging the epoch of ${market} on ${target}: ${says.join('; ')}; TE did not move and ` +
      `${market} is halted (${haltId}): remove the cause, then ` +
      `chandler halt clear --market ${market} --operator NAME --reason TEXT`,
    { code: 'GATE_REFUSED' },
  )
}
