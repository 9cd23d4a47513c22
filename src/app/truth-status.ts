/**
 * How does truth stand, for `chandler status`? RDT is measured by whoever reads the market; CTT and TE come
 * from the fold of the chain and from no snapshot. A chain that cannot be folded is told and does not end
 * the command: status is read when something is wrong.
 */
import { OperatingError } from '../domain/error.ts'
import type { MarketStatus, TruthStatus, TruthTimes } from '../domain/status.ts'
import type { TruthState } from '../domain/truth.ts'
import { expiredOverride } from '../gates/continuity.ts'
import { stateOf } from '../gates/times.ts'
import {
  calendarOf,
  MARKETS,
  type Market,
  proxySetOf,
  rawSessionOf,
  rawTimeMsOf,
  type TruthContext,
  truthOf,
} from './truth-market.ts'
import { US } from './us-market.ts'

/** The same statuses with CTT, TE, state, halt and what waits for a person. */
export function withTruth(
  context: TruthContext,
  statuses: Readonly<Record<string, MarketStatus>>,
): Readonly<Record<string, MarketStatus>> {
  const entries = Object.entries(statuses).map(([name, status]) => {
    const market = MARKETS.find((known) => known === name)
    return [name, market === undefined ? status : { ...status, ...truthOfMarket(context, market, status) }]
  })
  return Object.fromEntries(entries)
}

function truthOfMarket(
  context: TruthContext,
  market: Market,
  { times }: MarketStatus,
): Pick<MarketStatus, 'times' | 'truth'> {
  let state: TruthState
  try {
    state = truthOf(context, market).read().state()
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error
    return { times, truth: { ...NOTHING_KNOWN, chainFault: error.message } }
  }
  return truthPartOf(context, market, times, state)
}

/** What the state of a market's truth adds to its status. */
export function truthPartOf(
  context: TruthContext,
  market: Market,
  times: TruthTimes,
  state: TruthState,
): { readonly times: TruthTimes; readonly truth: TruthStatus } {
  const isEpochInvalidated = isInvalidated(context, market, state)
  return { times: timesOf(context, market, times, state), truth: { ...statusOf(state), isEpochInvalidated } }
}

/** Of a chain that cannot be folded. */
export const NOTHING_KNOWN: TruthStatus = {
  chainFault: '',
  halt: null,
  reviewCount: 0,
  criticalAlertCount: 0,
  isInspected: false,
  epochId: null,
  isEpochInvalidated: false,
  isEpochOverridden: false,
  overrideExpiredAfter: null,
}

/**
 * The event that says so comes with the next decision. Nobody who reads the status before that should take
 * the epoch for one of the definition that is configured now.
 */
function isInvalidated({ config }: TruthContext, market: Market, { epoch }: TruthState): boolean {
  if (epoch === null || epoch.status === 'INVALIDATED') return epoch !== null
  try {
    return proxySetOf(config, market).sha256 !== epoch.proxySetSha256
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error
    // Told by `epoch status`; it is not another definition.
    return false
  }
}

function statusOf(state: TruthState): Omit<TruthStatus, 'isEpochInvalidated'> {
  const { halt, reviews, alerts, inspection, epoch } = state
  return {
    chainFault: '',
    halt: halt === null ? null : { id: halt.id, reason: halt.reason },
    reviewCount: reviews.length,
    criticalAlertCount: alerts.filter(({ severity }) => severity === 'critical').length,
    isInspected: inspection,
    epochId: epoch?.epochId ?? null,
    isEpochOverridden: epoch?.overridden === true,
    overrideExpiredAfter: expiredOverride(state),
  }
}

function timesOf(context: TruthContext, market: Market, times: TruthTimes, state: TruthState): TruthTimes {
  const { config } = context
  const { ctt } = state
  const epoch = state.epoch?.session ?? null
  const aheadCount = ctt === null || epoch === null ? 0 : calendarOf(config, market).sessionsAhead(epoch, ctt)
  const { driftSessionsMax } = config.markets[market].gates
  const rawSession = rawSessionOf(config, market)
  return {
    rawDataTimeMs: times.rawDataTimeMs ?? (market === US ? rawTimeMsOf(config) : null),
    canonicalTruthTime: ctt,
    truthEpoch: epoch,
    state: stateOf({ rawSession, ctt, epoch, aheadCount, driftSessionsMax }),
  }
}
