/**
 * How does a verdict of the ingestion gate reach the chain? Through the desk, like every other decision:
 * with the proxy set whose required symbols decide about the market's CTT, and once for each evidence, also
 * when two processes judge the same session at the same moment.
 */
import { lastFinalDate } from '../calendars/finality.ts'
import type { AppendEvent, ChainEvent, EventDraft } from '../domain/event.ts'
import type { ProxySet } from '../domain/proxy-set.ts'
import type { MarketDate } from '../domain/time.ts'
import { readPayload } from '../gates/payloads.ts'
import { isSameIngest } from '../gates/state.ts'
import { type IngestGateResult, runIngestGate } from './gate-ingest.ts'
import type { Desk, MarketTruth } from './truth.ts'
import {
  calendarOf,
  type Market,
  proxySetOf,
  refusingBroken,
  requireSoundChain,
  type TruthContext,
  truthOf,
} from './truth-market.ts'

/**
 * `actor`: `system:settle`, `system:gate`, `operator:NAME`. Throws what `runIngestGate` throws, GATE_REFUSED
 * on a broken chain.
 */
export async function ingestSession(
  context: TruthContext,
  market: Market,
  date: MarketDate,
  actor: string,
): Promise<IngestGateResult> {
  const proxySet = proxySetOf(context.config, market)
  requireSoundChain(context, market, `judging the session ${date} of ${market}`)
  const truth = truthOf(context, market)
  const { config, clock } = context
  const { version, sha256, required } = proxySet
  // Pays what an interrupted turn owes, and reads the whole chain: what is judged on is sound.
  refusingBroken(() => truth.decide(proxySet, () => undefined))
  const events = truth.eachEvent()
  const append = ingestAppender(truth, proxySet)
  const rule = { version, sha256, required }
  return await runIngestGate({ config, clock, events, append, proxySet: rule, actor }, market, date)
}

/**
 * What is to be judged, oldest first, so that CTT comes to `through` (null: the last session that is over):
 * sessions that were rejected, and those after CTT. A session that had to wait for its data, and the sessions
 * behind it, are thus judged as soon as somebody asks again. Where none is canonical, the last one begins.
 */
export function sessionsToJudge(
  context: TruthContext,
  market: Market,
  through: MarketDate | null,
): readonly MarketDate[] {
  const calendar = calendarOf(context.config, market)
  const last = through ?? lastFinalDate(calendar, context.clock.wallMs(), 0)
  const { ctt, rejected } = refusingBroken(() => truthOf(context, market).read().state())
  if (ctt === null) return [last]
  const behind = calendar.sessionsBetween(ctt, last).map(({ date }) => date)
  return [...new Set([...rejected, ...behind])]
    .filter((date) => date !== ctt || rejected.includes(ctt))
    .sort()
}

/** What the gate is given for appending its one event. */
export function ingestAppender(truth: MarketTruth, proxySet: ProxySet): AppendEvent {
  return (draft) => truth.decide(proxySet, (desk) => recordIngest(truth, desk, draft))
}

function recordIngest(
  truth: MarketTruth,
  desk: Desk,
  { type, atMs, actor, payload }: EventDraft,
): ChainEvent {
  if (type !== 'gate.ingest') throw new Error(`the ingestion gate tried to append ${type}`)
  const read = readPayload(type, payload)
  if ('fault' in read) throw new Error(`the ingestion gate's verdict cannot be recorded: ${read.fault}`)
  const { record } = read
  const before = desk.fold.ingestVerdictOf(record.session)
  if (before !== null && isSameIngest(before, record)) return recordedBefore(truth, record.session)
  return desk.record(type, actor, payload, atMs)
}

function recordedBefore(truth: MarketTruth, session: MarketDate): ChainEvent {
  let found: ChainEvent | null = null
  for (const event of truth.eachEvent()) {
    if (event.event_type === 'gate.ingest' && event.payload.session === session) found = event
  }
  if (found !== null) return found
  throw new Error(`the fold knows a verdict on ${session} that the chain does not hold`)
}
