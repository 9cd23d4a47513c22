/**
 * How does an operator go on when a market's chain is not intact? By setting it aside and beginning the next
 * generation, with a name and a reason in its first event. State is the fold of the chain, so it begins
 * empty: CTT and TE are what the gates say anew, and the caches of the old state are rewritten at once.
 */
import { type RenewedChain, renewChain } from '../bus/renew-chain.ts'
import { OperatingError } from '../domain/error.ts'
import { operatorName, substantialReason } from '../gates/justification.ts'
import { heldAnchors } from './audit.ts'
import { chainDir } from './chain.ts'
import { type Market, type TruthContext, truthOf } from './truth-market.ts'

export type RenewRequest = {
  readonly operator: string
  readonly reason: string
  readonly isUnderstood: boolean
}

/** Throws USAGE where something is missing or the chain is intact; then nothing was changed. */
export function renewAudit(context: TruthContext, market: Market, request: RenewRequest): RenewedChain {
  const { config, clock } = context
  const operator = operatorName(request.operator)
  const reason = substantialReason(request.reason)
  if (!request.isUnderstood) {
    throw new OperatingError(
      `renewing the chain of ${market}: CTT and TE begin empty and must be gated again; ` +
        'it needs --yes-i-understand, nothing was changed',
      { code: 'USAGE' },
    )
  }
  const place = { dataDir: config.dataDir, market }
  const dir = chainDir(config.dataDir, market)
  const renewed = renewChain({ dir, market, clock, operator, reason, anchors: heldAnchors(place) })
  truthOf(context, market).decide(null, () => undefined)
  return renewed
}
