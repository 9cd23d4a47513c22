/**
 * What waits for a person, and what did they decide? A review is a verdict of gate 1 that asks; an alert is
 * something that somebody must look at. Both are decided once, by name, with a reason.
 */
import { OperatingError } from '../domain/error.ts'
import type { Alert, Review } from '../domain/truth.ts'
import { operatorName, statedReason } from '../gates/justification.ts'
import type { ReviewRecord } from '../gates/payloads.ts'
import type { Justified } from './epoch-moves.ts'
import { isAsJudged } from './gate-ingest.ts'
import { type Desk, operatorActor } from './truth.ts'
import { type Market, type TruthContext, truthOf } from './truth-market.ts'

export type Waiting = {
  readonly market: Market
  readonly reviews: readonly Review[]
  readonly alerts: readonly Alert[]
}

export function waitingIn(context: TruthContext, market: Market): Waiting {
  const { reviews, alerts } = truthOf(context, market).read().state()
  return { market, reviews, alerts }
}

export type Decided = {
  readonly review: Review
  readonly decision: 'accept' | 'reject'
  readonly ctt: string | null
}

/**
 * Accepting makes the session canonical, as a verdict that passed would; so only what was judged may be
 * accepted. Throws NOT_FOUND, and GATE_REFUSED where other rows lie there by now.
 */
export async function decideReview(
  context: TruthContext,
  market: Market,
  id: string,
  decision: 'accept' | 'reject',
  by: Justified,
): Promise<Decided> {
  const { operator, reason } = checked(by)
  const truth = truthOf(context, market)
  const seen = truth
    .read()
    .state()
    .reviews.find((each) => each.id === id)
  if (seen !== undefined && decision === 'accept') await requireAsJudged(context, market, seen)
  return truth.decide(null, (desk) => {
    const review = desk.state().reviews.find((each) => each.id === id)
    if (review === undefined) throw notFound(`deciding the review ${id}`, desk, 'reviews')
    const { session, evidenceSha256 } = review
    desk.record('review.decided', operatorActor(operator), {
      reviewId: id,
      decision,
      session,
      evidenceSha256,
      operator,
      reason,
    } satisfies ReviewRecord)
    return { review, decision, ctt: desk.state().ctt }
  })
}

/** A session may have been settled or curated anew since the gate looked at it. */
async function requireAsJudged(
  context: TruthContext,
  market: Market,
  { id, session }: Review,
): Promise<void> {
  const events = truthOf(context, market).eachEvent()
  if (await isAsJudged({ config: context.config, events }, market, session)) return
  throw new OperatingError(
    `accepting the review ${id}: the data of ${session} are not those that were judged; nothing was moved, ` +
      `run the gate again (chandler gate ingest --market ${market} --date ${session})`,
    { code: 'GATE_REFUSED' },
  )
}

/** Throws NOT_FOUND. */
export function resolveAlert(context: TruthContext, market: Market, id: string, by: Justified): Alert {
  const { operator, reason } = checked(by)
  return truthOf(context, market).decide(null, (desk) => {
    const alert = desk.state().alerts.find((each) => each.id === id)
    if (alert === undefined) throw notFound(`resolving the alert ${id}`, desk, 'alerts')
    desk.record('alert.resolved', operatorActor(operator), { id, operator, reason })
    return alert
  })
}

function checked({ operator, reason }: Justified): Justified {
  return { operator: operatorName(operator), reason: statedReason(reason) }
}

function notFound(doing: string, desk: Desk, what: 'reviews' | 'alerts'): OperatingError {
  const ids = desk.state()[what].map(({ id }) => id)
  const known = ids.length === 0 ? `no ${what} wait` : `there are ${ids.join(', ')}`
  return new OperatingError(`${doing}: ${known}; chandler review list shows them, nothing was moved`, {
    code: 'NOT_FOUND',
  })
}
