/** How do the three times of a market stand to each other? RDT >= CTT >= TE, and what is still to be done. */
import type { TruthState } from '../domain/status.ts'
import type { MarketDate } from '../domain/time.ts'

export type Times = {
  /** The newest session of which the outside has given us anything; null: nothing. */
  readonly rawSession: MarketDate | null
  readonly ctt: MarketDate | null
  readonly epoch: MarketDate | null
  /** Sessions from TE to CTT; 0 where there is no epoch. */
  readonly aheadCount: number
  readonly driftSessionsMax: number
}

/** The worst that holds: DRIFTING is told even while data wait too. Null where nothing was ever received. */
export function stateOf({ rawSession, ctt, epoch, aheadCount, driftSessionsMax }: Times): TruthState | null {
  if (rawSession === null && ctt === null) return null
  if (aheadCount > driftSessionsMax) return 'DRIFTING'
  if (ctt === null || (rawSession !== null && rawSession > ctt)) return 'PENDING_INGESTION'
  return epoch === null || ctt > epoch ? 'PENDING_EVALUATION' : 'SYNCHRONISED'
}
