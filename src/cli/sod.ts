/** `chandler sod`: may the day begin? A checklist with evidence. */
import type { Command } from 'commander'
import { startOfDay } from '../app/sod.ts'
import { MARKETS, marketOf } from '../app/truth-market.ts'
import type { Checklist } from '../domain/checklist.ts'
import { OperatingError } from '../domain/error.ts'
import { renderChecklist } from '../terminal/checklist.ts'
import { sizeOf } from '../terminal/output.ts'
import { createRuntime, print, printJson, type Runtime } from './runtime.ts'

export function addSod(program: Command): void {
  program
    .command('sod')
    .description('start of day: what must be right before the market opens, as a checklist with evidence')
    .option('--market <market>', MARKETS.join(' | '), 'in')
    .option('--operator <name>', 'sign it: "SOD complete" becomes an event when nothing failed')
    .action(async (options: { market: string; operator?: string }, command: Command) => {
      const market = marketOf(options.market)
      const runtime = createRuntime(command)
      tellChecklist(runtime, await startOfDay(runtime, market, options.operator))
    })
}

/** On stdout; one that failed is an error behind it. */
export function tellChecklist(runtime: Runtime, list: Checklist): void {
  if (runtime.json) printJson(list)
  else print(renderChecklist(list, { ...runtime, ...sizeOf(process.stdout) }))
  if (list.outcome !== 'fail') return
  const failed = list.items.filter(({ outcome }) => outcome === 'fail')
  const first = failed[0]!
  throw new OperatingError(
    `${list.kind} of ${list.market}: ${failed.map(({ name }) => name).join(', ')} failed; ` +
      `begin with ${first.name}: ${first.mend ?? 'see the evidence above'}`,
    { code: 'VERIFY_FAILED' },
  )
}
