/**
 * How do the simulations run the batch pipeline? A stand-in vendor on a real socket, and every command as a
 * process of its own on the same simulated clock, each lake with a configuration of its own.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import type { BatchOutcome } from '../../src/app/batch-outcome.ts'
import type { ChainEvent } from '../../src/domain/event.ts'
import type { UnixMs } from '../../src/domain/time.ts'
import { type ClockSimulation, createClock, formatClockSetting } from '../../src/platform/clock.ts'
import { createLog, Scrubber } from '../../src/platform/log.ts'
import {
  type AlphavantageStandIn,
  type AlphavantageStandInOptions,
  startAlphavantageStandIn,
} from '../../src/sim/alphavantage/stand-in.ts'
import { type Ended, type Environment, fileIn, RunningCommand } from './processes.ts'

/** Long and unlike anything else, so that finding it anywhere means that it leaked. */
export const CANARY_KEY = 'CANARYKEY7Q2ZX94'

export type VendorOptions = Omit<AlphavantageStandInOptions, 'clock' | 'log'> & {
  /** ISO instant. */
  readonly at: string
  readonly speed?: number
}

export type Vendor = {
  readonly standIn: AlphavantageStandIn
  readonly url: string
  /** Value for CHANDLER_CLOCK. */
  readonly clock: string
}

export async function startVendor({ at, speed = 1, ...options }: VendorOptions): Promise<Vendor> {
  const simulation: ClockSimulation = { instantMs: Date.parse(at) as UnixMs, realMs: Date.now(), speed }
  const clock = createClock(simulation)
  const log = createLog({ clock, json: false, write: () => {}, scrubber: new Scrubber() })
  const standIn = await startAlphavantageStandIn({ ...options, clock, simulation, log })
  return { standIn, url: standIn.address.restUrl, clock: formatClockSetting(simulation) }
}

export type LakeOptions = {
  /** The operator's own list; without it the universe. */
  readonly symbols?: readonly string[]
  /** What the proxy set requires. */
  readonly required?: readonly string[]
  readonly batch?: object
}

/** In every list of the tests. */
const CORE_SYMBOL = 'QAAA'

/** A lake of its own in `dir`, worked on by commands against one vendor. */
export class BatchLake {
  readonly dataDir: string
  readonly #config: string
  readonly #env: Environment

  constructor(dir: string, vendor: Pick<Vendor, 'url' | 'clock'>, options: LakeOptions = {}) {
    this.dataDir = join(dir, 'data')
    mkdirSync(dir, { recursive: true })
    const symbols = join(dir, 'symbols.csv')
    if (options.symbols !== undefined) fileIn(dir, 'symbols.csv', `symbol\n${options.symbols.join('\n')}\n`)
    const batch = {
      restUrl: vendor.url,
      symbols,
      callsPerMinute: 10_000,
      callsPerDay: 1_000_000,
      intervalMs: 0,
      ...options.batch,
    }
    // What the set requires is asked for as well: here nothing that the tests do not ask for themselves.
    const proxySet = fileIn(dir, 'proxies.json', {
      schema: 'chandler.proxy_set.v1',
      market: 'us',
      version: '1.0.0',
      // The roles that the shipped policy speaks of.
      roles: ['equity_core', 'volatility'].map((role) => ({
        role,
        symbols: options.required ?? [CORE_SYMBOL],
      })),
    })
    this.#config = fileIn(dir, 'config.json', {
      dataDir: this.dataDir,
      markets: { us: { batch, proxySet, http: { port: 0 } } },
    })
    this.#env = { ALPHAVANTAGE_API_KEY: CANARY_KEY, CHANDLER_CLOCK: vendor.clock }
  }

  start(args: readonly string[], env: Environment = {}): RunningCommand {
    return new RunningCommand(['--config', this.#config, ...args], { ...this.#env, ...env })
  }

  async run(args: readonly string[], env: Environment = {}): Promise<Ended> {
    return await this.start(args, env).ended
  }

  /** Runs a job to its outcome; whatever its exit status. */
  async job(
    args: readonly string[],
    env: Environment = {},
  ): Promise<BatchOutcome & { readonly status: number | null }> {
    const { status, stdout, stderr } = await this.run(['--json', ...args, '--market', 'us'], env)
    if (stdout === '') throw new Error(`no outcome: ${stderr}`)
    return { ...(JSON.parse(stdout) as BatchOutcome), status }
  }

  /** Paths relative to the data directory, ascending; without locks. */
  files(below = ''): readonly string[] {
    const dir = join(this.dataDir, below)
    if (!existsSync(dir)) return []
    return readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile())
      .map((file) => join(file.parentPath, file.name).slice(this.dataDir.length + 1))
      .sort()
  }

  /** Raw answers' bodies by the wish that their name tells, `AAPL_SPLITS`; one wish's newest last. */
  rawBodies(): ReadonlyMap<string, readonly string[]> {
    const bodies = new Map<string, string[]>()
    for (const path of this.files('raw/us').filter((name) => name.endsWith('.zst'))) {
      const wish = path.slice(path.lastIndexOf('/') + 1).replace(/_\d{8}T\d{9}Z\.(csv|json)\.zst$/, '')
      const body = zstdDecompressSync(readFileSync(join(this.dataDir, path))).toString('utf8')
      bodies.set(wish, [...(bodies.get(wish) ?? []), body])
    }
    return bodies
  }

  /** Of the symbol's newest daily candle, as any reader of Parquet finds it. */
  async lastDate(symbol: string): Promise<unknown> {
    const database = await DuckDBInstance.create(':memory:')
    const connection = await database.connect()
    const glob = join(this.dataDir, 'analytics/us/candles/frequency=1d/**/*.parquet')
    const reader = await connection.runAndReadAll(
      `select max(timestamp at time zone 'UTC')::date::varchar as date from read_parquet('${glob}')
       where symbol = '${symbol}'`,
    )
    const [row] = reader.getRowObjectsJson()
    connection.closeSync()
    database.closeSync()
    return row?.date
  }

  events(): readonly ChainEvent[] {
    const path = join(this.dataDir, 'events/us/events.jsonl')
    if (!existsSync(path)) return []
    const lines = readFileSync(path, 'utf8').trim().split('\n')
    return lines.map((line) => JSON.parse(line) as ChainEvent)
  }
}
