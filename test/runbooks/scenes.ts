/**
 * In which situation does a person open each runbook? A folder with a configuration and a lake, stand-ins
 * of the vendors on real sockets, a clock that stands at the right moment, and what went wrong. Commands
 * are typed into a shell there, in which `chandler` is the program of this checkout; the ports 8000 (ours)
 * and 9000 (a stand-in's) that are shown are free ones.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Secret } from '../../src/domain/secret.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import { type ClockSimulation, createClock, formatClockSetting } from '../../src/platform/clock.ts'
import { createLog, Scrubber } from '../../src/platform/log.ts'
import { TEST_TOTP_SECRET } from '../../src/sim/smartapi/logins.ts'
import { runStandIn, type StandInAddress } from '../../src/sim/smartapi/run.ts'
import { smartapiStandIn } from '../../src/venues/smartapi/index.ts'
import { startVendor } from '../simulation/batch-lake.ts'
import { credentialsOf, type Environment, RunningCommand } from '../simulation/processes.ts'
import { INSTRUMENT_COUNT, PACKETS_PER_SECOND, playSession, SEED, writeConfig } from './lake.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const FIRST = '2026-07-01' as MarketDate
const SECOND = '2026-07-02' as MarketDate

const LOOK_EVERY_MS = 100

export type LakeName = 'none' | 'morning' | 'evening' | 'gated'

export type Scene = {
  /** ISO instant with offset at which the clock stands when the first command is typed. */
  readonly at: string
  readonly speed?: number
  readonly lake: LakeName
  readonly journal?: object
  /** Nobody listens where the feed should be. */
  readonly isFeedDead?: boolean
  /** The PIN that the vendor knows; without it any. */
  readonly pin?: string
  readonly hasVendorUs?: boolean
  readonly hasDaemon?: boolean
  /** What else is so; the stage can already be typed at. */
  readonly prepare?: (stage: Stage) => Promise<void>
}

export const SCENES: Readonly<Record<string, Scene>> = {
  'start-of-day': { at: `${SECOND}T08:35:00+05:30`, lake: 'morning', hasDaemon: true },
  'end-of-day': { at: `${SECOND}T15:50:00+05:30`, speed: 20, lake: 'evening' },
  'post-market': { at: `${SECOND}T18:00:00+05:30`, lake: 'gated' },
  'advance-epoch': { at: `${SECOND}T18:10:00+05:30`, lake: 'gated' },
  backfill: { at: '2026-05-15T21:00:00Z', lake: 'none', hasVendorUs: true },
  'gate-failed': {
    at: `${SECOND}T16:05:00+05:30`,
    speed: 20,
    lake: 'evening',
    prepare: (stage) => stage.needs('chandler gate epoch --market in --date 2026-07-02', 3),
  },
  'feed-down': {
    at: `${SECOND}T09:16:00+05:30`,
    lake: 'morning',
    isFeedDead: true,
    hasDaemon: true,
    // By then a person is called.
    prepare: (stage) => stage.becomes('curl -s http://127.0.0.1:8000/health', /are not live/),
  },
  'gap-found': { at: `${SECOND}T15:50:00+05:30`, speed: 20, lake: 'evening' },
  'chain-broken': {
    at: `${SECOND}T19:00:00+05:30`,
    lake: 'gated',
    prepare: async (stage) => {
      await stage.needs('chandler eod --market in --archive archive --operator asha')
      const path = join(stage.dir, 'data/events/in/events.jsonl')
      writeFileSync(path, readFileSync(path, 'utf8').replace('"candles":2250', '"candles":2251'))
    },
  },
  'disk-full': {
    at: `${SECOND}T19:00:00+05:30`,
    lake: 'gated',
    // As if the disk held less than it does: more than any free space that a test machine has.
    journal: { diskWarnBytes: 2 ** 40, diskStopBytes: 2 ** 40 },
  },
  'credentials-rotated': { at: `${SECOND}T20:00:00+05:30`, speed: 20, lake: 'gated', pin: '9876' },
  'add-a-venue': {
    at: `${SECOND}T20:00:00+05:30`,
    speed: 20,
    lake: 'none',
    prepare: (stage) => stage.needs(`curl -s ${stage.masterUrl} > master.json`),
  },
  'restore-from-backup': {
    at: `${SECOND}T20:00:00+05:30`,
    speed: 20,
    lake: 'gated',
    prepare: async (stage) => {
      await stage.needs('chandler eod --market in --archive archive --operator asha')
      rmSync(join(stage.dir, 'data'), { recursive: true })
    },
  },
}

export type Typed = { readonly status: number | null; readonly lines: readonly string[] }

/** Prepared lakes, each made once; and the shell's `chandler`. */
export class Workshop {
  readonly dir: string
  readonly #lakes = new Map<LakeName, Promise<string>>()

  constructor() {
    // Files in memory, where there are such: a thousand small files are synced in no time.
    const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
    this.dir = mkdtempSync(join(place, 'chandler-runbooks-'))
    const program = join(this.dir, 'bin', 'chandler')
    mkdirSync(join(this.dir, 'bin'))
    const line = `exec '${process.execPath}' --disable-warning=ExperimentalWarning '${MAIN}' "$@"`
    writeFileSync(program, `#!/bin/sh\n${line}\n`)
    chmodSync(program, 0o755)
  }

  lake(name: LakeName): Promise<string> {
    let made = this.#lakes.get(name)
    if (made === undefined) {
      made = this.#make(name)
      this.#lakes.set(name, made)
    }
    return made
  }

  async #make(name: LakeName): Promise<string> {
    const dir = join(this.dir, 'lakes', name)
    const nobody = { restUrl: 'http://127.0.0.1:9', streamUrl: 'ws://127.0.0.1:9/smart-stream', port: 0 }
    if (name === 'none') writeConfig(dir, nobody)
    else if (name === 'morning') {
      writeConfig(dir, nobody)
      await playSession(dir, FIRST)
      await this.#commands(dir, `${FIRST}T15:50:00+05:30`, [
        `chandler settle --market in --date ${FIRST}`,
        `chandler gate ingest --market in --date ${FIRST}`,
        `chandler epoch advance --market in --to ${FIRST} --operator asha`,
        'chandler eod --market in --archive archive --operator asha',
      ])
    } else if (name === 'evening') {
      cpSync(await this.lake('morning'), dir, { recursive: true })
      await playSession(dir, SECOND, { from: '11:07', to: '11:12' })
    } else {
      cpSync(await this.lake('evening'), dir, { recursive: true })
      await this.#commands(dir, `${SECOND}T15:50:00+05:30`, [
        `chandler settle --market in --date ${SECOND}`,
        `chandler gate ingest --market in --date ${SECOND}`,
      ])
    }
    return dir
  }

  async #commands(dir: string, at: string, commands: readonly string[]): Promise<void> {
    const stage = await Stage.open(this, { at, speed: 20, lake: 'none' }, dir)
    try {
      for (const command of commands) await stage.needs(command)
    } finally {
      await stage.end()
    }
  }

  /** The scene of a runbook, or another one under a name of its own. */
  async stage(name: string, other?: Scene): Promise<Stage> {
    const scene = other ?? SCENES[name]
    if (scene === undefined) throw new Error(`runbooks/${name}.md has no scene`)
    const dir = join(this.dir, name)
    cpSync(await this.lake(scene.lake), dir, { recursive: true })
    return await Stage.open(this, scene, dir)
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true })
  }
}

export class Stage {
  readonly dir: string
  /** Where the stand-in serves the list of its instruments. */
  readonly masterUrl: string
  readonly #ports: Readonly<Record<string, number>>
  readonly #env: Environment
  readonly #ends: (() => Promise<unknown>)[]

  private constructor(
    options: {
      readonly dir: string
      readonly masterUrl: string
      readonly ports: Readonly<Record<string, number>>
    },
    env: Environment,
    ends: (() => Promise<unknown>)[],
  ) {
    this.dir = options.dir
    this.masterUrl = options.masterUrl
    this.#ports = options.ports
    this.#env = env
    this.#ends = ends
  }

  static async open(workshop: Workshop, scene: Scene, dir: string): Promise<Stage> {
    const { at, speed = 1, isFeedDead = false, pin, journal, hasVendorUs = false } = scene
    const simulation: ClockSimulation = { instantMs: Date.parse(at) as UnixMs, realMs: Date.now(), speed }
    const ends: (() => Promise<unknown>)[] = []
    const india = await startIndia(simulation, pin, ends)
    const us = hasVendorUs ? await startUs(at, ends) : null
    const port = await freePort()
    writeConfig(dir, {
      restUrl: india.restUrl,
      streamUrl: isFeedDead ? 'ws://127.0.0.1:9/smart-stream' : india.streamUrl,
      port,
      ...(journal === undefined ? {} : { journal }),
      ...(us === null ? {} : { batchUrl: us.url }),
    })
    const { SMARTAPI_PIN: oldPin, ...credentials } = credentialsOf('RUNBOOK')
    mkdirSync(join(dir, 'secrets'), { recursive: true })
    writeFileSync(join(dir, 'secrets/SMARTAPI_PIN'), `${oldPin}\n`, { mode: 0o600 })
    const env = {
      ...credentials,
      SMARTAPI_PIN_FILE: join(dir, 'secrets/SMARTAPI_PIN'),
      ALPHAVANTAGE_API_KEY: 'RUNBOOKKEY',
      CHANDLER_CLOCK: us?.clock ?? formatClockSetting(simulation),
      PATH: `${join(workshop.dir, 'bin')}:${process.env.PATH}`,
      LC_ALL: 'C.UTF-8',
      // The program is compiled once for all commands.
      NODE_COMPILE_CACHE: join(workshop.dir, 'compiled'),
    }
    const ports = { 8000: port, 9000: Number(new URL(india.restUrl).port) }
    const stage = new Stage({ dir, masterUrl: india.masterUrl, ports }, env, ends)
    if (scene.hasDaemon === true) await stage.#startDaemon()
    await scene.prepare?.(stage)
    return stage
  }

  async #startDaemon(): Promise<void> {
    const args = ['--json', 'daemon', '--market', 'in']
    const daemon = new RunningCommand(args, this.#env, this.dir)
    this.#ends.unshift(() => daemon.end('SIGTERM'))
    await daemon.firstAnswer()
  }

  async type(command: string): Promise<Typed> {
    const text = command.replaceAll(/127\.0\.0\.1:(8000|9000)/g, (_, shown: string) => {
      return `127.0.0.1:${this.#ports[shown]}`
    })
    const shell = spawn('bash', ['-c', `exec 2>&1; ${text}`], {
      cwd: this.dir,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let output = ''
    shell.stdout.setEncoding('utf8').on('data', (part: string) => {
      output += part
    })
    const [status] = (await once(shell, 'close')) as [number | null]
    return { status, lines: output.trimEnd().split('\n') }
  }

  /** For what a scene rests on. */
  async needs(command: string, wanted = 0): Promise<void> {
    const { status, lines } = await this.type(command)
    if (status !== wanted) throw new Error(`${command} ended with ${status}:\n${lines.join('\n')}`)
  }

  /** Types until the output says so; a test that waits too long fails by its own limit. */
  async becomes(command: string, wanted: RegExp): Promise<void> {
    while (!(await this.type(command)).lines.some((line) => wanted.test(line))) await pause(LOOK_EVERY_MS)
  }

  async end(): Promise<void> {
    for (const end of this.#ends) await end()
  }
}

async function startIndia(
  simulation: ClockSimulation,
  pin: string | undefined,
  ends: (() => Promise<unknown>)[],
): Promise<StandInAddress> {
  const clock = createClock(simulation)
  const log = createLog({ clock, json: false, write: () => {}, scrubber: new Scrubber() })
  const { SMARTAPI_API_KEY: apiKey, SMARTAPI_CLIENT_CODE: clientCode } = credentialsOf('RUNBOOK')
  const { address, standIn } = await runStandIn({
    clock,
    simulation,
    log,
    venue: smartapiStandIn,
    seed: SEED,
    instrumentCount: INSTRUMENT_COUNT,
    packetsPerSecond: PACKETS_PER_SECOND,
    ...(pin === undefined
      ? {}
      : {
          credentials: {
            apiKey: new Secret(apiKey!),
            clientCode: new Secret(clientCode!),
            pin: new Secret(pin),
            totpSecret: new Secret(TEST_TOTP_SECRET),
          },
        }),
  })
  ends.push(() => standIn.stop())
  return address
}

async function startUs(
  at: string,
  ends: (() => Promise<unknown>)[],
): Promise<{ readonly url: string; readonly clock: string }> {
  const limits = { perSecond: null, perMinute: null, perDay: null }
  const vendor = await startVendor({ at, symbolCount: 14, historyFrom: '2024-01-02' as MarketDate, limits })
  ends.push(() => vendor.standIn.stop())
  return vendor
}

/** Below the ports that the system gives away by itself: nobody is given it between now and its use. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await Promise.race([
      once(server, 'listening').then(() => true),
      once(server, 'error').then(() => false),
    ])
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}
