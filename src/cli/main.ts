#!/usr/bin/env -S MALLOC_ARENA_MAX=2 node --max-semi-space-size=2
/**
 * What may be asked of chandler? One small file for each command; here only the list and the exits.
 *
 * The first line asks for a small nursery of objects: a feed's garbage is dead within a turn, and with the
 * default the worker holds 30 to 40 MiB of it (see bench/README.md). It is no faster with more. And for two
 * arenas of the system's allocator instead of eight a core, so that blocks which pass from thread to thread
 * are not left behind in many of them.
 */
import { Command, CommanderError } from 'commander'
import { addCandles } from './candles.ts'
import { addDemo } from './demo.ts'
import { exitStatusOf, tellError } from './errors.ts'
import { addReplay } from './replay.ts'
import { addSettle } from './settle.ts'
import { addSim } from './sim.ts'
import { addStatus } from './status.ts'
import { addStream } from './stream.ts'
import { addVerify } from './verify.ts'

const EXIT_USAGE = 2

/** One line, like every other error: what is wrong, and where to look. */
function usageLine(text: string): string {
  return `chandler: ${text
    .trim()
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')}; chandler --help shows what there is\n`
}

const program = new Command('chandler')
  .description('Local-first market data: trustworthy 1-minute candles from a live feed, as Parquet.')
  .version('0.1.0')
  .option('--config <file>', 'configuration (default: ./chandler.yaml where there is one)')
  .option('--data-dir <dir>', 'root of the lake; overrides the configuration')
  .option('--json', 'one JSON document on stdout, logs on stderr', false)
  .configureOutput({ outputError: (text, write) => write(usageLine(text)) })
  .exitOverride()

for (const add of [addDemo, addStream, addReplay, addSettle, addCandles, addVerify, addStatus, addSim]) {
  add(program)
}

try {
  await program.parseAsync(process.argv)
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE
  else {
    tellError(error)
    process.exitCode = exitStatusOf(error)
  }
}
// A thread or a socket that somebody forgot must not keep a finished command alive, so the exit is said.
process.exit()
