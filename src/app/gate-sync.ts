/** Are the markets' epochs in step? The synchronisation gate as a command: it warns, it moves nothing. */
import type { EventPayload } from '../domain/event.ts'
import { judgeSync, type SyncVerdict } from '../gates/sync-gate.ts'
import { GATE_ACTOR } from './truth.ts'
import {
  type Market,
  marketEpochOf,
  otherMarkets,
  policyOf,
  refusingBroken,
  requireSoundChain,
  type TruthContext,
  truthOf,
} from './truth-market.ts'

export type SyncGateResult = { readonly verdict: SyncVerdict; readonly isNew: boolean }

/** Records in `market`'s own chain, once for each evidence; nothing is recorded while an epoch is missing. */
export function runSyncGate(context: TruthContext, market: Market): readonly SyncGateResult[] {
  const policy = policyOf(context.config, market)
  return refusingBroken(() => {
    requireSoundChain(context, market, `judging how far the epochs are apart for ${market}`)
    return otherMarkets(market).map((name) => {
      const other = marketEpochOf(context, name, undefined)
      const depends = policy.policy?.dependsOn.includes(name) ?? false
      return truthOf(context, market).decide(null, (desk) => {
        const own = marketEpochOf(context, market, desk.state().epoch?.session ?? null)
        const verdict = judgeSync(own, other, depends)
        const isNew = verdict.distance !== null && desk.syncEvidence(name) !== verdict.evidenceSha256
        if (isNew) desk.record('gate.sync', GATE_ACTOR, verdict satisfies EventPayload)
        return { verdict, isNew }
      })
    })
  })
}
