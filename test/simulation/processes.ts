/**
 * How do the simulations run real processes? Every command is started as a user starts it, as a process of
 * its own, with an environment that holds nothing of the test's, and is ended by its id.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { TEST_TOTP_SECRET } from '../../src/sim/smartapi/logins.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
/** As `npm run chandler` and the first line of the installed command have them. */
const FLAGS = ['--disable-sigusr1', '--disable-warning=ExperimentalWarning', '--max-semi-space-size=2']
const LINES_KEPT_MAX = 20_000

export type Environment = Readonly<Record<string, string | undefined>>

export type Ended = {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Credentials that a stand-in without credentials of its own accepts. */
export function credentialsOf(clientCode: string): Environment {
  return {
    SMARTAPI_API_KEY: 'test-api-key',
    SMARTAPI_CLIENT_CODE: clientCode,
    SMARTAPI_PIN: '4321',
    SMARTAPI_TOTP_SECRET: TEST_TOTP_SECRET,
  }
}

/**
 * One running command. `args` are those of the user, without the program; `before` is what runs the program:
 * a tracer, a limiter. Either must become the program, so that a signal reaches it.
 */
export class RunningCommand {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  readonly startedMs: number = performance.now()
  /** Lines of stderr so far, and what was written to stdout. */
  readonly stderrLines: string[] = []
  stdout = ''
  readonly #listeners = new Set<(line: string) => void>()

  constructor(args: readonly string[], env: Environment, cwd?: string, before: readonly string[] = []) {
    const words = [...before, process.execPath, ...FLAGS, MAIN, ...args]
    this.child = spawn(words[0]!, words.slice(1), {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
    })
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    const lines = createInterface({ input: this.child.stderr! })
    lines.on('line', (line) => this.#hear(line))
    const ended = once(this.child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
    this.ended = ended.then(([status, signal]) => ({
      status,
      signal,
      stdout: this.stdout,
      stderr: this.stderrLines.join('\n'),
    }))
  }

  get pid(): number {
    return this.child.pid!
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  #hear(line: string): void {
    if (this.stderrLines.length < LINES_KEPT_MAX) this.stderrLines.push(line)
    for (const listener of this.#listeners) listener(line)
  }

  /** The first line of stderr, said already or to come, that has `text`; rejects when the process ends. */
  async said(text: string): Promise<string> {
    const known = this.stderrLines.find((line) => line.includes(text))
    if (known !== undefined) return known
    let listener: (line: string) => void = () => {}
    const heard = new Promise<string>((resolve) => {
      listener = (line) => {
        if (line.includes(text)) resolve(line)
      }
      this.#listeners.add(listener)
    })
    const line = await Promise.race([heard, this.ended.then(() => null)])
    this.#listeners.delete(listener)
    if (line === null) throw new Error(`ended without saying "${text}":\n${this.stderrLines.join('\n')}`)
    return line
  }

  /** The first line of stdout, parsed; rejects when the process ends without one. */
  async firstAnswer<Answer>(): Promise<Answer> {
    while (!this.stdout.includes('\n')) {
      const more = once(this.child.stdout!, 'data')
      const ended = await Promise.race([more, this.ended.then(() => null)])
      if (ended === null && !this.stdout.includes('\n')) {
        throw new Error(`ended without an answer:\n${this.stderrLines.join('\n')}`)
      }
    }
    return JSON.parse(this.stdout.split('\n')[0]!) as Answer
  }

  /** Sends the signal and waits for the end. Harmless on a process that has ended. */
  async end(signal: NodeJS.Signals): Promise<Ended> {
    if (this.isRunning) this.child.kill(signal)
    return await this.ended
  }
}

/** Runs one command to its end. */
export async function run(args: readonly string[], env: Environment = {}, cwd?: string): Promise<Ended> {
  return await new RunningCommand(args, env, cwd).ended
}

export type ExchangeAddress = { readonly restUrl: string; readonly streamUrl: string }

export type ExchangeOptions = {
  readonly clock?: string
  readonly instrumentCount: number
  readonly packetsPerSecond: number
  readonly seed?: number
  readonly args?: readonly string[]
  readonly before?: readonly string[]
}

export type Exchange = ExchangeAddress & { readonly command: RunningCommand }

/** A stand-in in a process of its own. */
export async function startExchange(options: ExchangeOptions): Promise<Exchange> {
  const { clock, instrumentCount, packetsPerSecond, seed = 1, args = [], before } = options
  const numbers = ['--instruments', instrumentCount, '--rate', packetsPerSecond, '--seed', seed].map(String)
  const words = ['sim', 'smartapi', ...numbers, ...args]
  const command = new RunningCommand(words, { CHANDLER_CLOCK: clock }, undefined, before)
  const { restUrl, streamUrl } = await command.firstAnswer<ExchangeAddress>()
  return { restUrl, streamUrl, command }
}

export function tempDir(name: string): string {
  return mkdtempSync(join(tmpdir(), `chandler-${name}-`))
}

/** Writes a file into `dir` and returns its path. JSON is YAML too. */
export function fileIn(dir: string, name: string, content: string | object, mode = 0o644): string {
  const path = join(dir, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content), { mode })
  return path
}
