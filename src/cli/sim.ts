/** `chandler sim smartapi`: a vendor stand-in that speaks the real protocol on this machine. */
import type { Command } from 'commander'
import { type SimOptions, startSim } from '../app/sim.ts'
import { OperatingError } from '../domain/error.ts'
import { port, positive, whole } from './numbers.ts'
import { createRuntime } from './runtime.ts'

export function addSim(program: Command): void {
  program
    .command('sim')
    .description('a vendor stand-in on 127.0.0.1; prints its address as one JSON line')
    .argument('<vendor>', 'smartapi')
    .option('--port <number>', 'port to listen on; 0 takes a free one', port, 0)
    .option('--recording <file>', 'trades to play: time_ms,exchange,token,price,size (.csv or .csv.gz)')
    .option('--speed <number>', 'how many times as fast as real time', positive)
    .option('--date <date>', 'market date to play (default: that of the recording, or today)')
    .option('--at <hh:mm>', 'market time to begin at, where CHANDLER_CLOCK does not say', '09:14')
    .option('--faults <file>', 'what goes wrong, and when (YAML or JSON)')
    .option('--seed <number>', 'seed of the generated session', whole, 1)
    .option('--instruments <number>', 'how many instruments to generate', whole, 200)
    .option('--rate <number>', 'packets a second over all generated instruments', positive, 500)
    .action(async (vendor: string, options: SimOptions, command: Command) => {
      if (vendor !== 'smartapi') {
        throw new OperatingError(`starting a stand-in: there is none for "${vendor}"; use smartapi`, {
          code: 'USAGE',
        })
      }
      const sim = await startSim(options, (simulation) => createRuntime(command, { simulation }))
      process.stdout.write(`${JSON.stringify(sim.address)}\n`)
      await sim.ended
    })
}
