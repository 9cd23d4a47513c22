/** `chandler replay`: fold a day's journal again and compare, or write, what it gives. */
import type { Command } from 'commander'
import { replayDay } from '../app/replay.ts'
import { OperatingError } from '../domain/error.ts'
import { progressOf } from './progress.ts'
import { createRuntime, onlyIndia, print, printJson } from './runtime.ts'

export function addReplay(program: Command): void {
  program
    .command('replay')
    .description("fold a day's journal again into candles; the same journal gives the same bytes")
    .requiredOption('--market <market>', 'in')
    .requiredOption('--date <date>', 'market date, YYYY-MM-DD')
    .option(
      '--out <dir>',
      'write the parts there, laid out like the lake, or into the lake what it lost; else only compare',
    )
    .action(async (options: { market: string; date: string; out?: string }, command: Command) => {
      onlyIndia(options.market)
      const runtime = createRuntime(command)
      const progress = progressOf(runtime, 'replay', 'minutes')
      const result = await replayDay(runtime, {
        date: options.date,
        outDir: options.out,
        onProgress: progress.update,
      }).finally(progress.stop)
      if (runtime.json) printJson(result)
      else {
        const { date, entryCount, packetCount, candleCount, minuteCount, equalCount, outDir } = result
        print(
          `replayed ${date}: ${entryCount} entries, ${packetCount} packets, ` +
            `${candleCount} candles in ${minuteCount} minutes`,
        )
        if (outDir !== null) print(`written to ${outDir}`)
        print(
          `${equalCount} files equal to the lake's, ${result.different.length} different, ` +
            `${result.unlisted.length} not in the lake, ${result.damageCount} places of damage`,
        )
      }
      if (result.different.length === 0) return
      throw new OperatingError(
        `replaying ${result.date}: ${result.different.length} files differ from what was published, ` +
          `first ${result.different[0]}; run \`chandler verify\``,
        { code: 'VERIFY_FAILED' },
      )
    })
}
