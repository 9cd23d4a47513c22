/** `chandler sim <vendor>`: a vendor stand-in that speaks the real protocol on this machine. */
import { type Command, Option } from 'commander'
import { type SimOptions, startSim } from '../app/sim.ts'
import { type AlphavantageSimOptions, startAlphavantageSim } from '../app/sim-alphavantage.ts'
import { OperatingError } from '../domain/error.ts'
import type { ClockSimulation } from '../platform/clock.ts'
import { port, positive, whole } from './numbers.ts'
import { createRuntime, type Runtime } from './runtime.ts'

type Options = SimOptions & AlphavantageSimOptions
type Running = { readonly address: object; readonly ended: Promise<void> }
type ContextFor = (simulation: ClockSimulation | undefined) => Runtime

const VENDORS: Readonly<Record<string, (options: Options, contextFor: ContextFor) => Promise<Running>>> = {
  smartapi: startSim,
  alphavantage: startAlphavantageSim,
}

export function addSim(program: Command): void {
  program
    .command('sim')
    .description('a vendor stand-in on 127.0.0.1; prints its address as one JSON line')
    .argument('<vendor>', Object.keys(VENDORS).join(' or '))
    .option('--port <number>', 'port to listen on; 0 takes a free one', port, 0)
    .option(
      '--recording <path>',
      'smartapi: trades to play, time_ms,exchange,token,price,size (.csv or .csv.gz); ' +
        'alphavantage: folder of recorded answers',
    )
    .option('--speed <number>', 'how many times as fast as real time', positive)
    .option('--date <date>', 'market date to play (default: that of the recording, or today)')
    .option('--at <hh:mm>', 'market time to begin at, where CHANDLER_CLOCK does not say')
    .option('--faults <file>', 'what goes wrong, and when (YAML or JSON)')
    .option('--seed <number>', 'seed of what is generated', whole, 1)
    .option('--instruments <number>', 'how many instruments to generate', whole)
    .option('--rate <number>', 'smartapi: packets a second over all generated instruments', positive, 500)
    .addOption(
      new Option('--plan <plan>', 'alphavantage: what the key may have')
        .choices(['free', 'premium'])
        .default('premium'),
    )
    .option('--key <key>', 'alphavantage: the only good key (default: any)')
    .option('--per-minute <number>', 'alphavantage: requests a minute (default: of the plan)', whole)
    .option('--per-day <number>', 'alphavantage: requests a day (default: of the plan)', whole)
    .option('--latency <ms>', 'alphavantage: from a request to its answer', whole)
    .action(async (vendor: string, options: Options, command: Command) => {
      const start = Object.hasOwn(VENDORS, vendor) ? VENDORS[vendor] : undefined
      if (start === undefined) {
        const known = Object.keys(VENDORS).join(' or ')
        throw new OperatingError(`starting a stand-in: there is none for "${vendor}"; use ${known}`, {
          code: 'USAGE',
        })
      }
      const sim = await start(options, (simulation) => createRuntime(command, { simulation }))
      process.stdout.write(`${JSON.stringify(sim.address)}\n`)
      await sim.ended
    })
}
