/**
 * What has traded within the running session? The hourly job: bars of five minutes of this month, for as many
 * symbols as there are permits to spare. The daily job comes first: what it will need today is left alone.
 */
import { sessionAt } from '../calendars/finality.ts'
import type { BatchWish } from '../domain/batch.ts'
import { HOUR_MS, MINUTE_MS, type UnixMs } from '../domain/time.ts'
import { type BatchProgress, byWaiting, dailyWork, parkedSymbols, permitsNote } from './batch-daily.ts'
import { type JobWork, runBatchJob } from './batch-job.ts'
import type { BatchOutcome } from './batch-outcome.ts'
import type { SymbolWork } from './batch-run.ts'
import type { UsContext, UsDesk } from './us-desk.ts'
import { usSymbols } from './us-universe.ts'

/** The last bars of a session are published within the hour after its close. */
const AFTER_CLOSE_MS = HOUR_MS
/** A younger answer than this is not asked again while the session goes on. */
const FRESH_MS = 30 * MINUTE_MS

export async function runIntraday(context: UsContext, onProgress: BatchProgress): Promise<BatchOutcome> {
  return await runBatchJob(context, { job: 'intraday', alerts: true }, async (desk): Promise<JobWork> => {
    const { symbols } = usSymbols(context.config)
    const nowMs = context.clock.wallMs()
    const run = desk.newRun()
    const { sinceMs, refusal } = timeOf(desk, nowMs)
    if (refusal !== null) return { run, works: [], says: refusal }
    const all = intradayWorks(desk, symbols, sinceMs, nowMs)
    const first = all[0]?.wishes()[0]
    if (first !== undefined && !desk.rights.mayAsk(first, nowMs)) {
      return { run, works: [], says: 'the key is not entitled to intraday bars; asked again within a week' }
    }
    const spare = sparePermits(desk, symbols)
    const due = all.filter(({ wishes }) => desk.known.fetchedMs(wishes()[0]!) < sinceMs)
    const works = due.slice(0, Math.max(0, spare))
    await run.askAll(works, (doneCount) => onProgress(doneCount, works.length, permitsNote(desk)))
    return { run, works, details: { dueCount: due.length, spareCount: spare }, ...saysOf(due, works) }
  })
}

type IntradayTime = { readonly sinceMs: UnixMs; readonly refusal: string | null }

/** Within the session, or shortly after it, when its last bars are there. */
function timeOf({ calendar }: UsDesk, nowMs: UnixMs): IntradayTime {
  const { session, isOpen } = sessionAt(calendar, nowMs)
  const closeMs = calendar.tradingOf(session).toMs
  if (isOpen) return { sinceMs: (nowMs - FRESH_MS) as UnixMs, refusal: null }
  if (nowMs < closeMs + AFTER_CLOSE_MS) return { sinceMs: closeMs, refusal: null }
  return { sinceMs: closeMs, refusal: `the market is closed since ${new Date(closeMs).toISOString()}` }
}

function intradayWorks(
  desk: UsDesk,
  symbols: readonly string[],
  sinceMs: UnixMs,
  nowMs: UnixMs,
): readonly SymbolWork[] {
  const variant = desk.calendar.dateOf(nowMs).slice(0, 7)
  const parked = parkedSymbols(desk.queue.counts().items)
  const works = symbols
    .filter((symbol) => !parked.has(symbol))
    .map((symbol): SymbolWork => {
      const wish: BatchWish = { function: 'TIME_SERIES_INTRADAY', symbol, variant, format: 'csv' }
      return { symbol, sinceMs, wishes: () => [wish] }
    })
  return byWaiting(desk, works)
}

/** What is left today beyond the requests of the daily job that is still to come. */
function sparePermits(desk: UsDesk, symbols: readonly string[]): number {
  const first = symbols[0]
  const perSymbol =
    first === undefined ? 0 : dailyWork(desk, first, 'compact', desk.session.finalMs).wishes().length
  return desk.permits.status().leftToday - symbols.length * perSymbol
}

function saysOf(due: readonly SymbolWork[], works: readonly SymbolWork[]): { readonly says?: string } {
  if (due.length === 0) return { says: 'every symbol is fresh' }
  if (works.length === due.length) return {}
  return { says: `${works.length} of ${due.length} symbols: the other permits are the daily job's` }
}
