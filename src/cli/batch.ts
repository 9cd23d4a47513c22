/** `chandler batch`: one scheduled job of the US market, run once to completion. */
import { Argument, type Command } from 'commander'
import { type BatchProgress, runDaily } from '../app/batch-daily.ts'
import { runIntraday } from '../app/batch-intraday.ts'
import { type BatchOutcome, renderBatchOutcome } from '../app/batch-outcome.ts'
import { runRetry } from '../app/batch-retry.ts'
import { runSymbols } from '../app/batch-symbols.ts'
import type { UsContext } from '../app/us-desk.ts'
import { readAlphavantageKey } from '../credentials.ts'
import { OperatingError } from '../domain/error.ts'
import { createProgress, type Progress } from '../terminal/progress.ts'
import { createRuntime, print, printJson, type Runtime } from './runtime.ts'

type JobRunner = (context: UsContext, onProgress: BatchProgress) => Promise<BatchOutcome>

const JOBS: Readonly<Record<string, JobRunner>> = {
  symbols: runSymbols,
  daily: runDaily,
  intraday: runIntraday,
  retry: runRetry,
}

export function addBatch(program: Command): void {
  program
    .command('batch')
    .description('one scheduled batch job, run once to completion')
    .addArgument(new Argument('<job>', 'what to do').choices(Object.keys(JOBS)))
    .requiredOption('--market <market>', 'us')
    .action(async (job: string, options: { market: string }, command: Command) => {
      onlyUs(options.market)
      const runtime = createRuntime(command)
      const progress = batchProgressOf(runtime, job)
      const outcome = await JOBS[job]!(usContextOf(runtime), progress.update).finally(progress.stop)
      tellOutcome(runtime, outcome)
    })
}

export function onlyUs(market: string): void {
  if (market === 'us') return
  throw new OperatingError(`reading --market: "${market}" has no batch jobs; use us`, { code: 'USAGE' })
}

export function usContextOf(runtime: Runtime): UsContext {
  return { ...runtime, apiKey: readAlphavantageKey }
}

/** The outcome on stdout; a failed one is an error behind it. */
export function tellOutcome(runtime: Runtime, outcome: BatchOutcome): void {
  if (runtime.json) printJson(outcome)
  else print(renderBatchOutcome(outcome))
  if (outcome.outcome !== 'failed') return
  const advice =
    outcome.queuedCount > 0 ? 'what failed waits for `chandler batch retry`' : 'see why, and run it again'
  throw new OperatingError(`running ${outcome.job}: ${outcome.says}; ${advice}`, {
    code: 'BATCH_FAILED',
    retryable: true,
  })
}

/** The bar appears with the first symbol; beside it stand the permits that are left. */
export function batchProgressOf(
  runtime: Runtime,
  label: string,
): { readonly update: BatchProgress; readonly stop: () => void } {
  let progress: Progress | undefined
  return {
    update: (doneCount, totalCount, note) => {
      progress ??= createProgress({ ...runtime, output: process.stderr, label, unit: 'symbols', totalCount })
      progress.update(doneCount, note)
    },
    stop: () => progress?.stop(),
  }
}
