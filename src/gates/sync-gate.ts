/**
 * Are the markets' epochs apart? Gate 3, and how a distance between two calendars is counted.
 *
 * The design says: |TE_US - TE_IN| <= 1 day. Days of the calendar would alarm every Monday, and after every
 * holiday that only one of the markets keeps; hours would alarm every day, for Mumbai has closed before New
 * York opens. What the rule means is that neither market is evaluated on a world which the other has long
 * left. So:
 *
 *     distance = number of dates d with  earlier TE < d <= later TE  on which BOTH markets held a session
 *
 * - Market dates are compared as they are written. Friday in Mumbai and Friday in New York are one step of
 *   both markets, although they hardly overlap in UTC, so zones and daylight saving never enter.
 * - A date on which one market was closed is no step: the one that was closed could not have followed, and
 *   the one that was open did not leave it behind by more than it had to. Diwali week or Thanksgiving alone
 *   never alarms.
 * - The later date counts and the earlier one does not, so on ordinary weekdays the figure is that of the
 *   design: Thursday and Friday are 1 apart, Friday and Monday too, Thursday and Monday 2, which is too far.
 *
 * Beyond the limit the operator is warned and both markets go on. Only where a market's own policy declares
 * that it depends on the other (`dependsOn`) is it refused, as a check of its gate 2. The answer is
 * symmetric, but each market records it in its own chain, for they share nothing.
 */
import type { Json } from '../domain/event.ts'
import type { MarketDate } from '../domain/time.ts'
import type { CheckOutcome } from '../domain/verdict.ts'
import { digestOf } from './digest.ts'

export const SYNC_RULES = 'sync-1'
export const SYNC_DISTANCE_MAX = 1

export type MarketEpoch = {
  readonly market: string
  /** TE; null while none was advanced. */
  readonly session: MarketDate | null
  readonly isSession: (date: MarketDate) => boolean
}

/**
 * `pass`: in step; `review`: apart, the operator is warned; `fail`: apart from one it depends on; `wait`: no
 * epoch.
 */
export type SyncVerdict = {
  readonly gate: 'sync'
  readonly rules: string
  readonly market: string
  readonly other: string
  readonly verdict: CheckOutcome['outcome']
  readonly own: MarketDate | null
  readonly others: MarketDate | null
  /** Null where one of the markets has no epoch. */
  readonly distance: number | null
  readonly distanceMax: number
  readonly depends: boolean
  readonly says: string
  readonly evidenceSha256: string
}

export function judgeSync(own: MarketEpoch, other: MarketEpoch, depends: boolean): SyncVerdict {
  const distance = distanceOf(own, other)
  const isApart = distance !== null && distance > SYNC_DISTANCE_MAX
  const verdict =
    distance === null ? (depends ? 'fail' : 'wait') : !isApart ? 'pass' : depends ? 'fail' : 'review'
  const facts = {
    gate: 'sync' as const,
    rules: SYNC_RULES,
    market: own.market,
    other: other.market,
    verdict: verdict as SyncVerdict['verdict'],
    own: own.session,
    others: other.session,
    distance,
    distanceMax: SYNC_DISTANCE_MAX,
    depends,
  }
  return { ...facts, says: wordsOf(own, other, distance, depends), evidenceSha256: digestOf(facts) }
}

/** As a check of gate 2, for a market that depends on the other one. */
export function syncCheck(verdict: SyncVerdict): CheckOutcome {
  const { other, says, distance, distanceMax, own, others } = verdict
  return {
    check: `sync.${other}`,
    outcome: verdict.verdict === 'pass' ? 'pass' : 'fail',
    says,
    countChecked: 1,
    countFound: verdict.verdict === 'pass' ? 0 : 1,
    limits: { distanceMax },
    rows: [{ own, others, distance }] satisfies Json[],
    symbols: [],
  }
}

/** Sessions that both held after the earlier epoch, up to the later one; null where one has none. */
export function distanceOf(a: MarketEpoch, b: MarketEpoch): number | null {
  if (a.session === null || b.session === null) return null
  const [earlier, later] = a.session <= b.session ? [a.session, b.session] : [b.session, a.session]
  let count = 0
  for (let date = dayAfter(earlier); date <= later; date = dayAfter(date)) {
    if (a.isSession(date) && b.isSession(date)) count++
  }
  return count
}

function wordsOf(own: MarketEpoch, other: MarketEpoch, distance: number | null, depends: boolean): string {
  if (distance === null) {
    const missing = own.session === null ? own.market : other.market
    return `${missing} has no epoch yet: there is nothing to compare`
  }
  const epochs = `TE of ${own.market} is ${own.session}, of ${other.market} ${other.session}`
  const apart = `${epochs}: ${distance} shared ${distance === 1 ? 'session' : 'sessions'} apart`
  if (distance <= SYNC_DISTANCE_MAX) return `${apart}, in step`
  return depends
    ? `${apart}, and ${own.market} depends on ${other.market} by its policy`
    : `${apart}, more than ${SYNC_DISTANCE_MAX}; both markets go on independently`
}

function dayAfter(date: MarketDate): MarketDate {
  const next = new Date(`${date}T00:00:00Z`)
  next.setUTCDate(next.getUTCDate() + 1)
  return next.toISOString().slice(0, 10) as MarketDate
}
