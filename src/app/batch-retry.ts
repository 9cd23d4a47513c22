/**
 * What of the failures before goes well now? The second pass: what is due in the queue, and, once more, what
 * was answered without the session that is over.
 */
import type { QueueItem } from '../batch/retry-queue.ts'
import type { BatchProgress } from './batch-daily.ts'
import { permitsNote } from './batch-daily.ts'
import { type JobWork, runBatchJob } from './batch-job.ts'
import type { BatchOutcome } from './batch-outcome.ts'
import { isPrices, type SymbolWork } from './batch-run.ts'
import type { UsContext, UsDesk } from './us-desk.ts'

export async function runRetry(context: UsContext, onProgress: BatchProgress): Promise<BatchOutcome> {
  return await runBatchJob(context, { job: 'retry', alerts: false }, async (desk): Promise<JobWork> => {
    const works = retryWorks(desk, desk.queue.due(context.clock.wallMs()))
    const run = desk.newRun()
    await run.askAll(works, (doneCount) => onProgress(doneCount, works.length, permitsNote(desk)))
    return { run, works, ...(works.length === 0 ? { says: nothingDue(desk) } : {}) }
  })
}

/** Waiting items come first, the next one at the head. */
function nothingDue({ queue }: UsDesk): string {
  const nextMs = queue.counts().items[0]?.nextMs ?? null
  const until = nextMs === null ? '' : ` before ${new Date(nextMs).toISOString()}`
  return `nothing in the queue is due${until}`
}

/** One for each symbol, in the order in which they came due. */
function retryWorks(
  { rights, context, known, session }: UsDesk,
  due: readonly QueueItem[],
): readonly SymbolWork[] {
  const nowMs = context.clock.wallMs()
  const wishesOf = Map.groupBy(
    [...due.map(({ wish }) => wish), ...known.onceWithout(session.date)],
    ({ symbol }) => symbol,
  )
  return [...wishesOf].map(([symbol, wishes]) => ({
    symbol,
    // Answers of before this run are no answers to what failed.
    sinceMs: nowMs,
    session: session.date,
    // What the key turns out not to be entitled to, nobody wants any more.
    // Prices last: they wait for splits and dividends.
    wishes: () =>
      wishes
        .filter((wish) => rights.mayAsk(wish, context.clock.wallMs()))
        .toSorted((a, b) => Number(isPrices(a)) - Number(isPrices(b))),
  }))
}
