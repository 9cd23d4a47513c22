#!/usr/bin/env -S MALLOC_ARENA_MAX=2 node --max-semi-space-size=2 --disable-sigusr1
/**
 * What may be asked of chandler? One small file for each command; here only the list and the exits.
 *
 * The first line asks for a small nursery of objects: a feed's garbage is dead within a turn, and with the
 * default the worker holds 30 to 40 MiB of it (see bench/README.md). It is no faster with more. And for two
 * arenas of the system's allocator instead of eight a core, so that blocks which pass from thread to thread
 * are not left behind in many of them. And no signal opens a debugger's port, through which whoever reaches
 * the loopback could read the secrets of a process that runs for weeks.
 */
import { Command, CommanderError } from 'commander'
import { OperatingError } from '../domain/error.ts'
import type { FailureNews } from '../domain/job.ts'
import { parentOfProcess } from '../platform/parent.ts'
import { exitStatusOf, tellError } from './errors.ts'

type AddCommand = (program: Command) => void

/**
 * Loaded only when it is asked for: a worker that listens for six hours shall not hold the query engine of
 * another command. A word that is no command loads nothing more than it needs; none at all loads everything.
 */
const COMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  demo: async () => (await import('./demo.ts')).addDemo,
  stream: async () => (await import('./stream.ts')).addStream,
  replay: async () => (await import('./replay.ts')).addReplay,
  settle: async () => (await import('./settle.ts')).addSettle,
  candles: async () => (await import('./candles.ts')).addCandles,
  verify: async () => (await import('./verify.ts')).addVerify,
  status: async () => (await import('./status.ts')).addStatus,
  audit: async () => (await import('./audit.ts')).addAudit,
  sim: async () => (await import('./sim.ts')).addSim,
  gate: async () => (await import('./gate.ts')).addGate,
  epoch: async () => (await import('./epoch.ts')).addEpoch,
  review: async () => (await import('./review.ts')).addReview,
  halt: async () => (await import('./halt.ts')).addHalt,
  batch: async () => (await import('./batch.ts')).addBatch,
  backfill: async () => (await import('./backfill.ts')).addBackfill,
  init: async () => (await import('./init.ts')).addInit,
  sod: async () => (await import('./sod.ts')).addSod,
  eod: async () => (await import('./eod.ts')).addEod,
  daemon: async () => (await import('./daemon.ts')).addDaemon,
  completion: async () => (await import('./completion.ts')).addCompletion,
}
/** Knows all the others. */
const ALL_KNOWING = 'completion'

const EXIT_USAGE = 2

/** A daemon must know whether the same again can help. */
async function tellParent(error: unknown): Promise<void> {
  if (!(error instanceof OperatingError)) return
  await parentOfProcess()?.tell({ kind: 'failure', code: error.code } satisfies FailureNews)
}

/** One line, like every other error: what is wrong, and where to look. */
function usageLine(text: string): string {
  return `chandler: ${text
    .trim()
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')}; chandler --help shows what there is\n`
}

/** What nobody awaited ends the process like every other failure: in one scrubbed line and its stack. */
process.on('uncaughtException', (error) => {
  tellError(error)
  process.exit(exitStatusOf(error))
})

const program = new Command('chandler')
  .description('Local-first market data: trustworthy 1-minute candles from a live feed, as Parquet.')
  .version('0.1.0')
  .option('--config <file>', 'configuration (default: ./chandler.yaml where there is one)')
  .option('--data-dir <dir>', 'root of the lake; overrides the configuration')
  .option('--json', 'one JSON document on stdout, logs on stderr', false)
  .configureOutput({ outputError: (text, write) => write(usageLine(text)) })
  .exitOverride()

const asked = process.argv.slice(2).filter((word) => Object.hasOwn(COMMANDS, word))
const isForAll = asked.length === 0 || asked.includes(ALL_KNOWING)
for (const name of Object.keys(COMMANDS)) {
  if (isForAll || asked.includes(name)) (await COMMANDS[name]!())(program)
}

try {
  await program.parseAsync(process.argv)
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE
  else {
    tellError(error)
    await tellParent(error)
    process.exitCode = exitStatusOf(error)
  }
}
// A thread or a socket that somebody forgot must not keep a finished command alive, so the exit is said.
process.exit()
