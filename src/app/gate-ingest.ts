/**
 * May a session's data be called canonical? The command behind the ingestion gate: gathers the evidence from
 * the lake, has it judged by `gates`, and records the verdict in the market's chain, once for each evidence.
 */
import { isSession } from '../calendars/calendar.ts'
import type { Config } from '../config.ts'
import { OperatingError } from '../domain/error.ts'
import type { AppendEvent, ChainEvent } from '../domain/event.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'
import type { EvidenceFile, IngestVerdict } from '../domain/verdict.ts'
import { judgeSession } from '../gates/ingest.ts'
import { judgeDaily } from '../gates/ingest-daily.ts'
import { type JudgedSession, judgedSessions } from '../gates/ingest-history.ts'
import type { ProxySetRule } from '../gates/payloads.ts'
import type { Clock } from '../platform/clock.ts'
import { indiaEvidence } from './gate-ingest-india.ts'
import { usEvidence } from './gate-ingest-us.ts'
import { calendarOf, type Market, marketOf } from './truth-market.ts'

export type IngestGateContext = {
  readonly config: Config
  readonly clock: Clock
  /** The market's chain, verified, oldest first; what is canonical is read from it. */
  readonly events: Iterable<ChainEvent>
  /** Durable when it returns; see AppendEvent. */
  readonly append: AppendEvent
  /** Its required symbols are those without which nothing is canonical; recorded with the verdict. */
  readonly proxySet: ProxySetRule
  /** `system:gate`, or `operator:NAME` where a person asked. */
  readonly actor: string
}

export type IngestGateResult = {
  readonly verdict: IngestVerdict
  /** `already`: the last verdict on this session had the same evidence; nothing was written. */
  readonly recorded: ChainEvent | 'already'
}

/**
 * The event is `gate.ingest`, its payload the verdict with the proxy set, its `event_time` the end of the
 * session. With `pass` and, once accepted, `review`, `verdict.symbols` become canonical; with `fail` and
 * `wait` nothing does. Throws GATE_REFUSED for a date that has no session, or whose session is not over; then
 * nothing is recorded. Other OperatingErrors as reading the lake and appending make them.
 */
export async function runIngestGate(
  context: IngestGateContext,
  market: string,
  date: MarketDate,
): Promise<IngestGateResult> {
  const { events, append, proxySet, actor } = context
  const known = marketOf(market)
  const atMs = endOf(context, known, date)
  const judged = judgedSessions(events, calendarOf(context.config, known).previousSession(date).date)
  const required = [...new Set(proxySet.required)].sort()
  const verdict = await VERDICTS[known]({ config: context.config, date, judged, required })
  const last = judged.get(date)
  if (last?.evidenceSha256 === verdict.evidenceSha256 && last.proxySetSha256 === proxySet.sha256) {
    return { verdict, recorded: 'already' }
  }
  const { version, sha256 } = proxySet
  const payload = { ...verdict, proxySet: { version, sha256, required } }
  return { verdict, recorded: append({ type: 'gate.ingest', atMs, actor, payload }) }
}

/**
 * Whether what was judged of the session last is still what lies there; files that a verdict named and that
 * are gone, or others in their place, are not. True for a session of which no verdict named a file.
 */
export async function isAsJudged(
  { config, events }: Pick<IngestGateContext, 'config' | 'events'>,
  market: Market,
  date: MarketDate,
): Promise<boolean> {
  const judged = judgedSessions(events, calendarOf(config, market).previousSession(date).date)
  const before = judged.get(date)?.files ?? []
  if (before.length === 0) return true
  const { files } = await VERDICTS[market]({ config, date, judged, required: [] })
  return digestsOf(files) === digestsOf(before)
}

function digestsOf(files: readonly EvidenceFile[]): string {
  return files
    .map(({ path, sha256 }) => `${sha256} ${path}`)
    .sort()
    .join('\n')
}

type Question = {
  readonly config: Config
  readonly date: MarketDate
  readonly judged: ReadonlyMap<MarketDate, JudgedSession>
  readonly required: readonly string[]
}

const VERDICTS: Readonly<Record<Market, (question: Question) => Promise<IngestVerdict>>> = {
  in: async (question) => judgeSession(await indiaEvidence(question)),
  us: async (question) => judgeDaily(await usEvidence(question)),
}

/** A session that is still on cannot be judged, and a date without one never. */
function endOf({ config, clock }: IngestGateContext, market: Market, date: MarketDate): UnixMs {
  const calendar = calendarOf(config, market)
  const session = calendar.sessionOn(date)
  if (!isSession(session)) {
    throw new OperatingError(
      `judging ${date} of ${market}: the calendar has no session on this date (${session.reason}); ` +
        `the next one is ${session.nextDate}`,
      { code: 'GATE_REFUSED' },
    )
  }
  const { toMs } = calendar.tradingOf(session)
  if (clock.wallMs() >= toMs) return toMs
  throw new OperatingError(
    `judging ${date} of ${market}: its session is not over before ${new Date(toMs).toISOString()}; ` +
      'ask again when it is, and its data are there',
    { code: 'GATE_REFUSED', retryable: true },
  )
}
