/**
 * How does an operator move the truth epoch? Forward through the gate, forward against failed checks by an
 * override, or back by a rollback. Each is a command that a named person types; nothing here is called by a
 * scheduler, a job or a server (a test holds that only the command imports this file).
 *
 * A halt stops all three. An override is not a way around a halt: whoever overrides first lifts the halt,
 * with a reason, and then answers for the failed checks, with another; both stand in the chain under a name.
 */
import type { Calendar } from '../calendars/calendar.ts'
import { OperatingError } from '../domain/error.ts'
import type { MarketDate } from '../domain/time.ts'
import type { Epoch, TruthState } from '../domain/truth.ts'
import { expiredOverride } from '../gates/continuity.ts'
import { operatorName, substantialReason } from '../gates/justification.ts'
import { checkedDate } from '../store/lake.ts'
import { advance, type Justified, type Moved, override, rollBack } from './epoch-moves.ts'
import { type EpochMeans, meansOf } from './gate-epoch.ts'
import type { Desk } from './truth.ts'
import {
  calendarOf,
  checkedTarget,
  type Market,
  proxySetOf,
  rawSessionOf,
  refusingBroken,
  requireSoundChain,
  type TruthContext,
  truthOf,
} from './truth-market.ts'

/** How many sessions after CTT an override carries, unless the operator says fewer or more. */
export const OVERRIDE_SESSIONS_DEFAULT = 3
export const OVERRIDE_SESSIONS_MAX = 20

/** What override and rollback ask for: the target typed again, and that the operator knows what it means. */
export type Confirmed = Justified & { readonly isUnderstood: boolean; readonly confirmed: string }

/** Throws GATE_REFUSED or HALTED; a failed gate halts the market before it is thrown. */
export function advanceEpoch(context: TruthContext, market: Market, to: string, operatorText: string): Epoch {
  const operator = operatorName(operatorText)
  const doing = `advancing the epoch of ${market} to ${to}`
  return inTurn(context, market, doing, (desk, means) => {
    const target = checkedTarget(context, market, to, desk.state().ctt, doing)
    return advance(desk, means, target, operator, doing)
  })
}

/** Throws USAGE for a justification without substance, GATE_REFUSED where there is nothing to override. */
export function overrideEpoch(
  context: TruthContext,
  market: Market,
  to: string,
  confirmed: Confirmed,
  sessionCount: number = OVERRIDE_SESSIONS_DEFAULT,
): Epoch {
  const doing = `overriding the epoch of ${market} to ${to}`
  const by = checkedConfirmation(to, confirmed, doing)
  if (sessionCount > OVERRIDE_SESSIONS_MAX) {
    throw usage(doing, `an override carries at most ${OVERRIDE_SESSIONS_MAX} sessions; give fewer`)
  }
  return inTurn(context, market, doing, (desk, means) => {
    const { ctt } = desk.state()
    const target = checkedTarget(context, market, to, ctt, doing)
    const expiresAfter = sessionsAfter(calendarOf(context.config, market), ctt ?? target, sessionCount)
    return override(desk, means, target, by, expiresAfter, doing)
  })
}

/**
 * Back to the session of an earlier epoch under the same proxy set. Throws GATE_REFUSED where there was
 * none.
 */
export function rollBackEpoch(
  context: TruthContext,
  market: Market,
  to: string,
  confirmed: Confirmed,
): Epoch {
  const doing = `rolling the epoch of ${market} back to ${to}`
  const by = checkedConfirmation(to, confirmed, doing)
  return inTurn(context, market, doing, (desk, { proxySet }) =>
    rollBack(desk, proxySet, checkedDate(to), by, doing),
  )
}

export type EpochStatus = {
  readonly market: Market
  readonly rawSession: MarketDate | null
  readonly state: TruthState
  /** The configured definition; null where it cannot be read, and `proxySetFault` says why. */
  readonly proxySet: { readonly version: string; readonly sha256: string } | null
  readonly proxySetFault: string
  /** The session until which an override carried the epoch, where that has passed. */
  readonly overrideExpired: string | null
}

/**
 * Reads only. An unreadable proxy set is told, not thrown: status is for the moment when things are wrong.
 */
export function epochStatus(context: TruthContext, market: Market): EpochStatus {
  const state = truthOf(context, market).read().state()
  let proxySet: EpochStatus['proxySet'] = null
  let proxySetFault = ''
  try {
    const { version, sha256 } = proxySetOf(context.config, market)
    proxySet = { version, sha256 }
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error
    proxySetFault = error.message
  }
  const rawSession = rawSessionOf(context.config, market)
  return { market, rawSession, state, proxySet, proxySetFault, overrideExpired: expiredOverride(state) }
}

function inTurn(
  context: TruthContext,
  market: Market,
  doing: string,
  work: (desk: Desk, means: EpochMeans) => Moved,
): Epoch {
  const moved = refusingBroken(() => {
    requireSoundChain(context, market, doing)
    const means = meansOf(context, market)
    return truthOf(context, market).decide(means.proxySet, (desk) => work(desk, means))
  })
  if ('refusal' in moved) throw moved.refusal
  return moved.epoch
}

function checkedConfirmation(to: string, confirmed: Confirmed, doing: string): Justified {
  const operator = operatorName(confirmed.operator)
  const reason = substantialReason(confirmed.reason)
  if (!confirmed.isUnderstood) throw usage(doing, 'it needs --yes-i-understand')
  if (confirmed.confirmed !== to) {
    throw usage(doing, `the target typed again is "${confirmed.confirmed}"; type --confirm ${to}`)
  }
  return { operator, reason }
}

function sessionsAfter(calendar: Calendar, session: MarketDate, count: number): MarketDate {
  let date = session
  for (let step = 0; step < count; step++) date = calendar.nextSession(date).date
  return date
}

function usage(doing: string, why: string): OperatingError {
  return new OperatingError(`${doing}: ${why}; nothing was moved`, { code: 'USAGE' })
}
