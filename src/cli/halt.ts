/** `chandler halt`: stop a market's evaluation, look into it, let it go on. */
import type { Command } from 'commander'
import { clearHalt, raiseHalt, setInspection } from '../app/halt.ts'
import { MARKETS, marketOf } from '../app/truth-market.ts'
import { OperatingError } from '../domain/error.ts'
import { createRuntime, print, printJson } from './runtime.ts'

type HaltFlags = { readonly market: string; readonly operator: string; readonly reason: string }

export function addHalt(program: Command): void {
  const halt = program.command('halt').description('the brake of one market: nothing of it is evaluated')
  addStep(halt, 'raise', 'halt the market').action((flags: HaltFlags, command: Command) => {
    const market = marketOf(flags.market)
    const runtime = createRuntime(command)
    const raised = raiseHalt(runtime, market, flags)
    if (runtime.json) printJson({ market, halt: raised })
    else print(`${market} is halted (${raised.id}: ${raised.reason})`)
  })
  addStep(halt, 'clear', 'lift the halt').action((flags: HaltFlags, command: Command) => {
    const market = marketOf(flags.market)
    const runtime = createRuntime(command)
    const lifted = clearHalt(runtime, market, flags)
    if (runtime.json) printJson({ market, lifted })
    else print(`${market} goes on; lifted was ${lifted.id}: ${lifted.reason}`)
  })
  addStep(halt, 'inspect', 'inspection mode: gate 2 fails while somebody is looking')
    .argument('<mode>', 'on | off')
    .action((mode: string, flags: HaltFlags, command: Command) => {
      const market = marketOf(flags.market)
      if (mode !== 'on' && mode !== 'off') {
        throw new OperatingError(`reading the mode: "${mode}" is neither on nor off; give one of them`, {
          code: 'USAGE',
        })
      }
      const runtime = createRuntime(command)
      const isChanged = setInspection(runtime, market, mode === 'on', flags)
      if (runtime.json) printJson({ market, inspection: mode, isChanged })
      else print(`inspection mode of ${market} is ${mode}${isChanged ? '' : ', as it was'}`)
    })
}

function addStep(halt: Command, name: string, description: string): Command {
  return halt
    .command(name)
    .description(description)
    .requiredOption('--market <market>', MARKETS.join(' | '))
    .requiredOption('--operator <name>', 'who does it')
    .requiredOption('--reason <text>', 'why')
}
