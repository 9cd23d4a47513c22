/** `chandler demo`: a whole session without credentials, on this machine, in about a minute. */
import type { Command } from 'commander'
import { runDemo } from '../app/demo.ts'
import { renderCandlestickChart } from '../terminal/chart.ts'
import { renderChecks } from '../terminal/checks.ts'
import { priceDigitsOf } from '../terminal/figures.ts'
import { sizeOf } from '../terminal/output.ts'
import { renderSettleReport } from '../terminal/settle-report.ts'
import { showLive } from './live.ts'
import { positive, whole } from './numbers.ts'
import { createRuntime, type GlobalOptions, print, printJson } from './runtime.ts'

const CHART_ROWS_MAX = 24

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('stand-in exchange + worker + settle + ingestion gate, accelerated; needs no credentials')
    .option('--speed <number>', 'how many times as fast as real time', positive, 375)
    .option('--seed <number>', 'seed of the generated session', whole, 1)
    .option('--date <date>', 'market date to play', '2026-07-01')
    .option('--faults <file>', 'what goes wrong, and when (YAML or JSON)')
    .action(async (options: DemoFlags, command: Command) => {
      const live = showLive(command, { title: 'demo', isWanted: true })
      const { dataDir } = command.optsWithGlobals<GlobalOptions>()
      const result = await runDemo(
        { ...options, ...(dataDir === undefined ? {} : { dataDir }) },
        (simulation) => createRuntime(command, { ...live.runtimeOptions, simulation }),
        (runtime, probe) => live.start(runtime, probe),
      ).finally(() => live.stop())
      const { runtime, report, found, verdict, file } = result
      if (runtime.json) {
        printJson({ report, verdict, dataDir: runtime.config.dataDir })
        return
      }
      const size = sizeOf(process.stdout)
      const prices = found.candles.flatMap(({ open, high, low, close }) => [open, high, low, close])
      print(
        renderCandlestickChart(found.candles, {
          ...runtime,
          ...size,
          heightRows: Math.min(size.heightRows, CHART_ROWS_MAX),
          utcOffsetMs: found.utcOffsetMs,
          title: found.title,
          priceDigits: priceDigitsOf(prices),
          intervals: found.intervals,
        }),
      )
      print('')
      print(renderSettleReport(report, { ...runtime, ...size }))
      print('')
      const open = verdict.checks.filter(({ outcome }) => outcome !== 'pass')
      print(`Ingestion gate: ${verdict.verdict}, ${verdict.checks.length - open.length} checks passed`)
      if (open.length > 0) print(renderChecks(open))
      print('')
      print(queryLines(file))
    })
}

export type DemoFlags = {
  readonly speed: number
  readonly seed: number
  readonly date: string
  readonly faults?: string
}

function queryLines(path: string): string {
  return [
    `The candles lie in ${path}`,
    `  DuckDB   SELECT symbol, count(*) AS candles, sum(volume) AS volume FROM '${path}' GROUP BY symbol;`,
    `  pandas   pd.read_parquet("${path}")`,
    `  Polars   pl.read_parquet("${path}")`,
    '  here     chandler candles SYMBOL --format chart   (with the same --data-dir)',
  ].join('\n')
}
