/**
 * How does the last session's data come in? The job after the close: one short series for each symbol, or
 * its three parts where the key is not entitled to the adjusted one. What was fetched since the session
 * became final is not asked again, so a second run goes on where the first one stopped. Symbols that have
 * waited longest come first: with few permits every symbol has its turn.
 */
import type { QueueItem } from '../batch/retry-queue.ts'
import type { UnixMs } from '../domain/time.ts'
import { dailyPlan, dailyWishes } from './batch-entitlement.ts'
import { type JobWork, runBatchJob } from './batch-job.ts'
import type { BatchOutcome } from './batch-outcome.ts'
import { isPrices, type SymbolWork } from './batch-run.ts'
import type { UsContext, UsDesk } from './us-desk.ts'
import { usSymbols } from './us-universe.ts'

export type BatchProgress = (doneCount: number, totalCount: number, note: string) => void

export async function runDaily(context: UsContext, onProgress: BatchProgress): Promise<BatchOutcome> {
  return await runBatchJob(context, { job: 'daily', alerts: true }, async (desk): Promise<JobWork> => {
    const { symbols } = usSymbols(context.config)
    const { date: session, finalMs } = desk.session
    const works = dailyWorks(desk, symbols, 'compact', finalMs).map((work) => ({ ...work, session }))
    const run = desk.newRun()
    await run.askAll(works, (doneCount) => onProgress(doneCount, works.length, permitsNote(desk)))
    return { run, works, parkedCount: symbols.length - works.length }
  })
}

/** In the order in which they are to be asked; without symbols of which the vendor said there are none. */
export function dailyWorks(
  desk: UsDesk,
  symbols: readonly string[],
  size: 'compact' | 'full',
  sinceMs: UnixMs,
): readonly SymbolWork[] {
  const parked = parkedSymbols(desk.queue.counts().items)
  return byWaiting(
    desk,
    symbols.filter((symbol) => !parked.has(symbol)).map((symbol) => dailyWork(desk, symbol, size, sinceMs)),
  )
}

export function dailyWork(
  { rights, context }: UsDesk,
  symbol: string,
  size: 'compact' | 'full',
  sinceMs: UnixMs,
): SymbolWork {
  const plan = (): ReturnType<typeof dailyPlan> => dailyPlan(rights, size, context.clock.wallMs())
  return { symbol, sinceMs, wishes: () => dailyWishes(symbol, plan(), size === 'full') }
}

/** Whose prices are parked, or whom the vendor does not know: the rest of such a symbol is of no use. */
export function parkedSymbols(items: readonly QueueItem[]): ReadonlySet<string> {
  const parked = items.filter(({ nextMs, wish, reason }) => {
    return nextMs === null && (isPrices(wish) || reason === 'bad_symbol')
  })
  return new Set(parked.map(({ wish }) => wish.symbol))
}

/**
 * Longest not fetched first, then in the order given; last what the vendor called unknown: at the head, ten
 * of them would look like an outage and hold up all others.
 */
export function byWaiting({ known, queue }: UsDesk, works: readonly SymbolWork[]): readonly SymbolWork[] {
  const unknown = new Set(
    queue.counts().items.flatMap(({ wish, reason }) => (reason === 'bad_symbol' ? [wish.symbol] : [])),
  )
  const fetchedMs = works.map(({ symbol, wishes }) =>
    unknown.has(symbol) ? Number.POSITIVE_INFINITY : known.fetchedMs(wishes()[0]!),
  )
  const order = works.map((_, at) => at)
  order.sort((a, b) => (fetchedMs[a] === fetchedMs[b] ? a - b : fetchedMs[a]! - fetchedMs[b]!))
  return order.map((at) => works[at]!)
}

export function permitsNote({ permits }: Pick<UsDesk, 'permits'>): string {
  return `${permits.status().leftToday.toLocaleString('en-US')} permits left`
}
