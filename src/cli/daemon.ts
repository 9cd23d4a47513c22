/** `chandler daemon --market M`: runs the market's jobs at their times, for weeks. */
import type { Command } from 'commander'
import { runMarketDaemon } from '../app/market-daemon.ts'
import { marketOf } from '../app/truth-market.ts'
import { processEnvironment } from '../config.ts'
import { serviceNotify } from '../platform/service-notify.ts'
import { createRuntime, type GlobalOptions, printJson } from './runtime.ts'

export function addDaemon(program: Command): void {
  program
    .command('daemon')
    .description("the scheduler: runs the market's jobs at their times, skipping holidays")
    .requiredOption('--market <market>', 'in or us')
    .action(async (options: { market: string }, command: Command) => {
      const market = marketOf(options.market)
      const runtime = createRuntime(command)
      await runMarketDaemon(runtime, {
        market,
        version: program.version() ?? '',
        notify: serviceNotify(processEnvironment),
        command: {
          program: process.execPath,
          args: [...process.execArgv, process.argv[1]!, ...globalArgs(command)],
          env: processEnvironment,
        },
        onListening: (port) => {
          if (runtime.json) printJson({ market, port })
        },
      })
    })
}

/** What this command was told about configuration and output, for those that it starts. */
function globalArgs(command: Command): readonly string[] {
  const { config, dataDir, json } = command.optsWithGlobals<GlobalOptions>()
  return [
    ...(config === undefined ? [] : ['--config', config]),
    ...(dataDir === undefined ? [] : ['--data-dir', dataDir]),
    ...(json ? ['--json'] : []),
  ]
}
