/**
 * What of a trading day goes into the chain? When it is settled: each time the feed became live, each gap,
 * and the settle itself with the digest of what it published. The journal is the live evidence, written
 * without waiting; the chain takes over from it what may have to be proved years later. So the feed's
 * thread never waits for an audit, and a day that is settled again adds only what was not said before.
 */
import type { Chain } from '../bus/chain.ts'
import type { EventDraft, EventPayload } from '../domain/event.ts'
import type { Fact } from '../domain/fact.ts'
import type { SettleReport } from '../domain/settle-report.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'

export type LiveFact = Extract<Fact, { kind: 'live' }>

/** A day on which the line flaps says so in one event more, and not in thousands. */
const EACH_MAX = 200
const ACTOR = 'system:settle'

/** Durable when it returns. `settledMs` is the end of the session: the chain's time is that of the market. */
export function recordDay(
  chain: Chain,
  report: SettleReport,
  lives: readonly LiveFact[],
  settledMs: UnixMs,
): void {
  const drafts = [...connectDrafts(report.date, lives), ...gapDrafts(report), settleDraft(report, settledMs)]
  chain.exclusively((append) => {
    const said = new Set<string>()
    for (const { event_type, event_time, payload } of chain.events()) {
      if (payload.session === report.date) said.add(identityOf(event_type, event_time, payload))
    }
    for (const draft of drafts) {
      const time = new Date(draft.atMs).toISOString()
      if (!said.has(identityOf(draft.type, time, draft.payload))) append(draft)
    }
  })
}

function identityOf(type: string, time: string, payload: EventPayload): string {
  return JSON.stringify([type, time, Object.entries(payload).toSorted()])
}

function connectDrafts(session: MarketDate, lives: readonly LiveFact[]): readonly EventDraft[] {
  const drafts = lives.map(({ shard, connection, atMs }): EventDraft => {
    return { type: 'feed.connected', atMs, actor: ACTOR, payload: { session, shard, connection } }
  })
  return bounded(drafts, session)
}

function gapDrafts({ date: session, gaps }: SettleReport): readonly EventDraft[] {
  const drafts = gaps.map(({ shard, fromMs, toMs, reason, unattributedVolume }): EventDraft => {
    const to = toMs === null ? null : new Date(toMs).toISOString()
    const payload = { session, shard, reason, to, unattributed_volume: unattributedVolume ?? 0 }
    return { type: 'gap.recorded', atMs: fromMs, actor: ACTOR, payload }
  })
  return bounded(drafts, session)
}

function bounded(drafts: readonly EventDraft[], session: MarketDate): readonly EventDraft[] {
  const beyond = drafts[EACH_MAX]
  if (beyond === undefined) return drafts
  const payload = { session, more: drafts.length - EACH_MAX }
  return [...drafts.slice(0, EACH_MAX), { ...beyond, payload }]
}

function settleDraft(report: SettleReport, settledMs: UnixMs): EventDraft {
  const { date: session, file, candles, gaps, history, lateTickCount } = report
  return {
    type: 'session.settled',
    atMs: settledMs,
    actor: ACTOR,
    payload: {
      session,
      path: file?.path ?? null,
      sha256: file?.sha256 ?? null,
      rows: file?.rowCount ?? 0,
      candles: candles.total,
      vendor_candles: candles.vendor,
      incomplete_candles: candles.ticksIncomplete,
      gaps: gaps.length,
      late_ticks: lateTickCount,
      history_failed: history.failedCount,
    },
  }
}
