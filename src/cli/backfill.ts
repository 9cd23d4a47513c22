/** `chandler backfill`: the operator's full-history run; it may be ended at any moment and begun again. */
import type { Command } from 'commander'
import { runBackfill } from '../app/batch-backfill.ts'
import { type Estimate, estimateText } from '../batch/estimate.ts'
import { OperatingError } from '../domain/error.ts'
import { batchProgressOf, onlyUs, tellOutcome, usContextOf } from './batch.ts'
import { createRuntime, type Runtime } from './runtime.ts'

type BackfillFlags = {
  readonly market: string
  readonly symbols?: string
  readonly symbolsFile?: string
  readonly full?: boolean
}

export function addBackfill(program: Command): void {
  program
    .command('backfill')
    .description("the whole history of the market's symbols; resumable, with a progress bar")
    .requiredOption('--market <market>', 'us')
    .option('--symbols <list>', 'only these, as AAPL,MSFT')
    .option('--symbols-file <file>', 'only those of a CSV file with the header symbol')
    .option('--full', 'ask again also for what other jobs have kept since the last session')
    .action(async (flags: BackfillFlags, command: Command) => {
      onlyUs(flags.market)
      if (flags.symbols !== undefined && flags.symbolsFile !== undefined) {
        throw new OperatingError('reading --symbols and --symbols-file: both are given; give one', {
          code: 'USAGE',
        })
      }
      const runtime = createRuntime(command)
      const progress = batchProgressOf(runtime, 'backfill')
      const outcome = await runBackfill(usContextOf(runtime), {
        symbols: flags.symbols,
        symbolsFile: flags.symbolsFile,
        full: flags.full ?? false,
        onEstimate: (estimate, keptCount) => tellEstimate(runtime, estimate, keptCount),
        onProgress: progress.update,
      }).finally(progress.stop)
      tellOutcome(runtime, outcome)
    })
}

/** Before the first request, so that it can still be thought better of. */
function tellEstimate(runtime: Runtime, estimate: Estimate, keptCount: number): void {
  const kept = keptCount === 0 ? '' : `; ${keptCount.toLocaleString('en-US')} symbols are kept already`
  const text = `estimate: ${estimateText(estimate)}${kept}`
  if (runtime.json) runtime.log.info(text)
  else process.stderr.write(`${text}\n`)
}
