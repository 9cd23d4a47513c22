/** `chandler stream --market in`: the long-running worker of one session. */
import type { Command } from 'commander'
import { runStream } from '../app/stream-worker.ts'
import { showLive } from './live.ts'
import { createRuntime, onlyIndia, printJson } from './runtime.ts'

export function addStream(program: Command): void {
  program
    .command('stream')
    .description('listen to the feed for one session: ticks in, candles out; ends by itself after the close')
    .requiredOption('--market <market>', 'in')
    .option('--view', 'show a live screen instead of log lines (a terminal only)', false)
    .action(async (options: { market: string; view: boolean }, command: Command) => {
      onlyIndia(options.market)
      const live = showLive(command, { title: 'stream', isWanted: options.view })
      const runtime = createRuntime(command, live.runtimeOptions)
      try {
        const result = await runStream(runtime, { onStarted: (probe) => live.start(runtime, probe) })
        live.stop()
        if (runtime.json) printJson(result)
        else if (result.kind === 'done') {
          const { candleCount, packetCount, gapCount, lateCount, publishedMinutes } = result.summary
          runtime.log.info('session done', {
            date: result.date,
            candles: candleCount,
            minutes: publishedMinutes,
            packets: packetCount,
            late: lateCount,
            gaps: gapCount,
          })
        }
      } finally {
        live.stop()
      }
    })
}
