/**
 * How is the whole history had? The operator's run: for each symbol the longest series that the key is
 * entitled to, its splits and its dividends. Before it starts it says how long it will take; cut down at any
 * moment and begun again it asks for nothing that is kept.
 */
import { join } from 'node:path'
import { type Estimate, estimateOf } from '../batch/estimate.ts'
import { parseSymbolList, readSymbols } from '../batch/symbols-file.ts'
import type { Config } from '../config.ts'
import { type BackfillPlan, type BackfillScope, endBackfill, planBackfill } from './batch-backfill-plan.ts'
import { type BatchProgress, byWaiting, dailyWork, permitsNote } from './batch-daily.ts'
import { dailyPlan } from './batch-entitlement.ts'
import { type JobWork, runBatchJob } from './batch-job.ts'
import type { BatchOutcome } from './batch-outcome.ts'
import type { SymbolWork } from './batch-run.ts'
import type { UsContext, UsDesk } from './us-desk.ts'
import { usSymbols } from './us-universe.ts'

export type BackfillOptions = {
  /** `AAPL,MSFT`. */
  readonly symbols?: string | undefined
  readonly symbolsFile?: string | undefined
  readonly full: boolean
  /** What stands before the run. `keptCount`: symbols of the plan that are complete already. */
  readonly onEstimate: (estimate: Estimate, keptCount: number) => void
  readonly onProgress: BatchProgress
}

export async function runBackfill(context: UsContext, options: BackfillOptions): Promise<BatchOutcome> {
  // Before anything is opened: a list with a fault is wrong without a lock, too.
  const scope = scopeOf(context.config, options)
  return await runBatchJob(context, { job: 'backfill', alerts: false }, async (desk): Promise<JobWork> => {
    const dir = join(desk.jobsDir, 'backfills')
    const plan = planBackfill(dir, scope, desk.session, context.clock.wallMs())
    const works = plan.symbols.map((symbol) => dailyWork(desk, symbol, 'full', plan.sinceMs))
    const open = works.filter((work) => missingCount(desk, work) > 0)
    const estimate = estimateFor(desk, open)
    options.onEstimate(estimate, works.length - open.length)
    const run = desk.newRun()
    const onProgress = (doneCount: number): void =>
      options.onProgress(doneCount, open.length, permitsNote(desk))
    await run.askAll(byWaiting(desk, open), onProgress)
    run.completeCount += works.length - open.length
    if (!hasWholeHistory(desk)) context.log.warn(FREE_KEY)
    if (run.earlyEnd === null) endBackfill(dir, plan, context.clock.wallMs())
    return { run, works, ...saysOf(desk, run.failed.size), details: detailsOf(plan, estimate) }
  })
}

function scopeOf(config: Config, { symbols, symbolsFile, full }: BackfillOptions): BackfillScope {
  if (symbols !== undefined) return { symbols: parseSymbolList(symbols), origin: 'list', full }
  if (symbolsFile !== undefined) return { symbols: readSymbols(symbolsFile), origin: 'list', full }
  const found = usSymbols(config)
  return { symbols: found.symbols, origin: found.origin === 'universe' ? 'universe' : 'list', full }
}

/** Requests that the symbol still needs. */
function missingCount({ known }: UsDesk, { wishes, sinceMs }: SymbolWork): number {
  return wishes().filter((wish) => known.fetchedMs(wish) < sinceMs).length
}

function estimateFor(desk: UsDesk, open: readonly SymbolWork[]): Estimate {
  const { callsPerMinute, callsPerDay, intervalMs } = desk.context.config.markets.us.batch
  return estimateOf({
    symbolCount: open.length,
    requestCount: open.reduce((sum, work) => sum + missingCount(desk, work), 0),
    callsPerMinute,
    callsPerDay,
    intervalMs,
    leftToday: desk.permits.status().leftToday,
  })
}

const FREE_KEY =
  'the key is not entitled to the whole history: a free key gets the last 100 sessions of a symbol'

/** A key without the whole history is not a failure, but it must not look like one that has it. */
function saysOf(desk: UsDesk, failedCount: number): { readonly says?: string } {
  if (hasWholeHistory(desk) || failedCount > 0) return {}
  return { says: 'complete as far as a free key goes: the last 100 sessions of each symbol, not its history' }
}

function hasWholeHistory({ rights, context }: UsDesk): boolean {
  return dailyPlan(rights, 'full', context.clock.wallMs()).size === 'full'
}

function detailsOf({ id, startedMs }: BackfillPlan, estimate: Estimate): JobWork['details'] & object {
  const { symbolCount, requestCount, dayCount, askingMs } = estimate
  return { plan: id, startedMs, symbolCount, requestCount, dayCount, askingMs }
}
