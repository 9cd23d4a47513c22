/**
 * What is true, and since which event? The state of one market as the fold of its chain and of nothing else.
 * RDT is not here: it is measured, never decided. TE > CTT is no state that the fold can reach.
 */
import type { MarketDate } from './time.ts'

export type Epoch = {
  /** `TE-<session>`, with `.g<generation>` behind it from the second generation on. */
  readonly epochId: string
  readonly session: MarketDate
  readonly generation: number
  readonly proxySetVersion: string
  readonly proxySetSha256: string
  readonly status: 'CANONICAL' | 'INVALIDATED'
  /** True where it was moved by an override that has not expired, or derives from one. */
  readonly overridden: boolean
  readonly operator: string
  readonly eventIndex: number
}

export type Halt = {
  readonly id: string
  readonly reason: string
  readonly failedChecks: readonly string[]
  readonly eventIndex: number
}

export type Review = {
  readonly id: string
  readonly session: MarketDate
  readonly evidenceSha256: string
  readonly says: readonly string[]
  readonly eventIndex: number
}

export type Alert = {
  readonly id: string
  readonly severity: 'critical' | 'warning'
  readonly text: string
  readonly eventIndex: number
}

export type Override = {
  readonly operator: string
  readonly reason: string
  readonly from: MarketDate | null
  readonly to: MarketDate
  readonly failedChecks: readonly string[]
  /** After this session it no longer carries anything. */
  readonly expiresAfter: MarketDate
  readonly eventIndex: number
}

export type TruthState = {
  readonly market: string
  /** Events folded; the head that they end with. */
  readonly eventCount: number
  readonly head: string
  /** Newest session that passed with no gap before it, over the required symbols; null: none has. */
  readonly ctt: MarketDate | null
  /** By symbol. */
  readonly cttBySymbol: ReadonlyMap<string, MarketDate>
  /** First session of the unbroken record that ends with `cttBySymbol`. */
  readonly sinceBySymbol: ReadonlyMap<string, MarketDate>
  /** Sessions that were canonical, and that the newest verdict or decision on them no longer holds so. */
  readonly rejected: readonly MarketDate[]
  readonly epoch: Epoch | null
  /** Sessions of all epochs that ever were, oldest first; nothing is deleted. */
  readonly epochs: readonly Epoch[]
  readonly halt: Halt | null
  readonly reviews: readonly Review[]
  readonly alerts: readonly Alert[]
  readonly overrides: readonly Override[]
  readonly inspection: boolean
}
