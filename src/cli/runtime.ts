/** What is every command given? Configuration, clock, log and the signal to stop. */
import type { Command } from 'commander'
import type { IndiaContext } from '../app/vendor.ts'
import { clockSimulation, loadConfig, processEnvironment } from '../config.ts'
import { readCredentials } from '../credentials.ts'
import { OperatingError } from '../domain/error.ts'
import { type ClockSimulation, createClock } from '../platform/clock.ts'
import { createLog, type Log, Scrubber } from '../platform/log.ts'
import { parentOfProcess } from '../platform/parent.ts'
import { systemRandom } from '../platform/random.ts'
import { abilitiesOf } from '../terminal/output.ts'

/** One for the process: an error that ends it is scrubbed of every secret that any command learned. */
export const scrubber: Scrubber = new Scrubber()

export type GlobalOptions = {
  readonly config?: string
  readonly dataDir?: string
  readonly json: boolean
}

export type Runtime = IndiaContext & {
  readonly json: boolean
  readonly color: boolean
  readonly unicode: boolean
}

export type RuntimeOptions = {
  /** Takes the place of CHANDLER_CLOCK. */
  readonly simulation?: ClockSimulation | undefined
  /** Where log lines go; stderr by default. */
  readonly writeLog?: (line: string) => void
}

export function createRuntime(command: Command, options: RuntimeOptions = {}): Runtime {
  const flags = command.optsWithGlobals<GlobalOptions>()
  const simulation = options.simulation ?? clockSimulation()
  const clock = createClock(simulation)
  const config = loadConfig({ file: flags.config, dataDir: flags.dataDir })
  const log = createLog({
    clock,
    json: flags.json,
    write: options.writeLog ?? ((line) => void process.stderr.write(line)),
    scrubber,
  })
  const abilities = abilitiesOf(process.stdout, processEnvironment)
  const signal = stopSignal(log)
  return {
    config,
    clock,
    simulation,
    log,
    scrubber,
    random: systemRandom,
    signal,
    credentials: readCredentials,
    json: flags.json,
    ...abilities,
  }
}

/** The first SIGTERM or SIGINT asks the command to end in good order; the second ends it at once. */
function stopSignal(log: Log): AbortSignal {
  const stopping = new AbortController()
  const onSignal = (name: NodeJS.Signals): void => {
    if (stopping.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143)
    log.info('stopping; once more to stop at once', { signal: name })
    stopping.abort()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  // Whoever read our lines may be gone before us, like a killed daemon: that alone must not end a request in
  // flight, or the answer that it has paid for is lost.
  process.stderr.on('error', () => {})
  parentOfProcess()?.onGone(() => {
    log.warn('whoever started this command is gone; stopping')
    stopping.abort()
  })
  return stopping.signal
}

/** For commands that know one market only so far. */
export function onlyIndia(market: string): void {
  if (market === 'in') return
  throw new OperatingError(`reading --market: "${market}" is not built yet; use in`, { code: 'USAGE' })
}

export function printJson(value: unknown): void {
  const text = JSON.stringify(value, (_, part) => (typeof part === 'string' ? scrubber.scrub(part) : part))
  process.stdout.write(`${scrubber.scrubFigures(text)}\n`)
}

export function print(text: string): void {
  process.stdout.write(scrubber.scrubFigures(text.endsWith('\n') ? text : `${text}\n`))
}
