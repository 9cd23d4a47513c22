/** `chandler settle`: the final candles of a day, with a report that accounts for every share. */
import type { Command } from 'commander'
import { settleDay } from '../app/settle-day.ts'
import { OperatingError } from '../domain/error.ts'
import { sizeOf } from '../terminal/output.ts'
import { renderSettleReport } from '../terminal/settle-report.ts'
import { progressOf } from './progress.ts'
import { createRuntime, onlyIndia, print, printJson } from './runtime.ts'

export function addSettle(program: Command): void {
  program
    .command('settle')
    .description("journal + vendor history -> the day's final candles, with a settle report")
    .requiredOption('--market <market>', 'in')
    .requiredOption('--date <date>', 'market date, YYYY-MM-DD')
    .action(async (options: { market: string; date: string }, command: Command) => {
      onlyIndia(options.market)
      const runtime = createRuntime(command)
      const progress = progressOf(runtime, 'vendor history', 'requests')
      const report = await settleDay(runtime, { date: options.date, onProgress: progress.update }).finally(
        progress.stop,
      )
      if (runtime.json) printJson(report)
      else print(renderSettleReport(report, { ...runtime, ...sizeOf(process.stdout) }))
      const { failedCount, failures } = report.history
      if (failedCount === 0) return
      throw new OperatingError(
        `settling ${report.date}: published, but the history of ${failedCount} instruments is missing ` +
          `(${failures[0] ?? 'no answer'}); settle again when the vendor answers`,
        { code: 'VENDOR_REFUSED', retryable: true },
      )
    })
}
