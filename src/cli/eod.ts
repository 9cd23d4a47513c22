/** `chandler eod`: is the day in good order, and where is it archived? A checklist with evidence. */
import type { Command } from 'commander'
import { endOfDay } from '../app/eod.ts'
import { MARKETS, marketOf } from '../app/truth-market.ts'
import { whole } from './numbers.ts'
import { createRuntime } from './runtime.ts'
import { tellChecklist } from './sod.ts'

type EodFlags = {
  readonly market: string
  readonly operator?: string
  readonly archive?: string
  readonly pruneOlderThan?: number
}

export function addEod(program: Command): void {
  program
    .command('eod')
    .description('end of day: what the session left behind, as a checklist with evidence')
    .option('--market <market>', MARKETS.join(' | '), 'in')
    .option('--operator <name>', 'sign it: "EOD complete" becomes an event when nothing failed')
    .option('--archive <dir>', 'copy journal, settled day and events there, and read them back')
    .option(
      '--prune-older-than <days>',
      'delete journals of older sessions that CTT covers and whose archive reads back',
      whole,
    )
    .action((options: EodFlags, command: Command) => {
      const market = marketOf(options.market)
      const runtime = createRuntime(command)
      const { operator, archive, pruneOlderThan: pruneOlderThanDays } = options
      tellChecklist(runtime, endOfDay(runtime, market, { operator, archive, pruneOlderThanDays }))
    })
}
