/**
 * How does a real worker meet a fault? A stand-in exchange and `chandler stream`, each a process of its own
 * as a user starts it, on one simulated clock; and the verdict on what the worker left, from outside: its
 * files, a replay of its journal, and its candles against what was really traded.
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { foldJournal } from '../../src/app/fold-journal.ts'
import { CandleFold } from '../../src/candles/fold.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import { type Clock, createClock, formatClockSetting } from '../../src/platform/clock.ts'
import { demoInstruments } from '../../src/sim/smartapi/listing.ts'
import { journalDir, partsDir } from '../../src/store/lake.ts'
import { smartapi } from '../../src/venues/smartapi/index.ts'
import { keyOf, readRows } from '../simulation/lake-rows.ts'
import {
  credentialsOf,
  type Ended,
  type Environment,
  type Exchange,
  fileIn,
  RunningCommand,
  startExchange,
} from '../simulation/processes.ts'
import { trueRows, untrueRows } from '../simulation/true-rows.ts'
import type { Place } from './place.ts'

export const DATE = '2026-07-01' as MarketDate
export const DAY: { readonly market: 'in'; readonly date: MarketDate } = { market: 'in', date: DATE }
const WORLD = { date: DATE, seed: 3, instrumentCount: 12, packetsPerSecond: 6 }

/** Real time. */
const PATIENCE_MS = 60_000

export type MarketOptions = {
  readonly speed?: number
  /** Time of the session at which the clock begins. */
  readonly at?: string
  readonly faults?: readonly object[]
  readonly before?: readonly string[]
}

export class FaultMarket {
  readonly clock: Clock
  readonly speed: number
  readonly setting: string
  readonly exchange: Exchange
  readonly place: Place

  private constructor(place: Place, speed: number, setting: string, clock: Clock, exchange: Exchange) {
    this.place = place
    this.speed = speed
    this.setting = setting
    this.clock = clock
    this.exchange = exchange
  }

  static async open(place: Place, options: MarketOptions = {}): Promise<FaultMarket> {
    const { speed = 60, at = '10:00', faults, before = [] } = options
    const instantMs = Date.parse(`${DATE}T${at}:00+05:30`) as UnixMs
    const simulation = { instantMs, realMs: Date.now(), speed }
    const setting = formatClockSetting(simulation)
    const args = faults === undefined ? [] : ['--faults', fileIn(place.dir, 'faults.json', faults)]
    const exchange = await startExchange({ ...WORLD, clock: setting, args, before })
    place.after('the exchange', async () => void (await exchange.command.end('SIGKILL')))
    return new FaultMarket(place, speed, setting, createClock(simulation), exchange)
  }

  worker(name: string, options: WorkerOptions = {}): FaultWorker {
    return new FaultWorker(this, name, options)
  }
}

export type WorkerOptions = {
  /** On the disk that is to be broken; a folder of the row's own by default. */
  readonly dataDir?: string
  readonly stream?: object
  readonly journal?: object
}

export class FaultWorker {
  readonly dataDir: string
  readonly #market: FaultMarket
  readonly #name: string
  readonly #config: string

  constructor(market: FaultMarket, name: string, options: WorkerOptions) {
    const { place, speed, exchange } = market
    const at = join(place.dir, name)
    mkdirSync(at, { recursive: true })
    this.#market = market
    this.#name = name
    this.dataDir = options.dataDir ?? join(at, 'data')
    const rows = demoInstruments(WORLD.instrumentCount).map(
      ({ exchange: market, token, symbol }) => `${market},${token},${symbol}`,
    )
    const instruments = fileIn(at, 'instruments.csv', `exchange,token,symbol\n${rows.join('\n')}\n`)
    const { restUrl, streamUrl } = exchange
    const silenceMs = 5_000 * speed
    const patience = { socketSilenceMs: silenceMs, dataSilenceMs: silenceMs, pingIntervalMs: 300 * speed }
    const stream = { restUrl, streamUrl, graceMs: 20_000, ...patience, ...options.stream }
    // The disks of these rows are small: nothing is stopped for want of space unless the row says so.
    const journal = { ballastBytes: 0, diskWarnBytes: 0, diskStopBytes: 0, ...options.journal }
    const config = { dataDir: this.dataDir, markets: { in: { instruments, stream, journal } } }
    this.#config = fileIn(at, 'chandler.json', config)
  }

  command(args: readonly string[], before: readonly string[] = [], env: Environment = {}): RunningCommand {
    const { place, setting } = this.#market
    const all = { ...credentialsOf(this.#name.toUpperCase()), CHANDLER_CLOCK: setting, ...env }
    const command = new RunningCommand(['--config', this.#config, ...args], all, undefined, before)
    place.after(`the ${args[0]}`, async () => void (await command.end('SIGKILL')))
    return command
  }

  stream(before: readonly string[] = [], env: Environment = {}): RunningCommand {
    return this.command(['--json', 'stream', '--market', 'in'], before, env)
  }

  async live(before: readonly string[] = [], env: Environment = {}): Promise<RunningCommand> {
    const command = this.stream(before, env)
    await command.said('feed live')
    return command
  }

  parts(): readonly string[] {
    const at = join(this.dataDir, partsDir(DAY))
    return existsSync(at) ? readdirSync(at).sort() : []
  }

  /**
   * Resolves when so many more parts than now are published, or the command has ended. Rejects after a
   * minute.
   */
  async published(count: number, by: RunningCommand): Promise<void> {
    const wanted = this.parts().length + count
    const sinceMs = performance.now()
    while (by.isRunning && this.parts().length < wanted) {
      if (performance.now() - sinceMs > PATIENCE_MS) throw new Error('a minute without the parts waited for')
      await pause(50)
    }
  }

  fold(): CandleFold {
    const fold = new CandleFold({ venue: smartapi, lateness: 'live' })
    foldJournal(join(this.dataDir, journalDir(DAY)), [fold])
    return fold
  }

  /** Gap reasons from the journal, in their order. */
  gapReasons(): readonly string[] {
    return this.fold()
      .gaps()
      .map(({ reason }) => reason)
  }

  /** What is wrong with the lake; nothing when it is honest and whole. */
  async flaws(): Promise<readonly string[]> {
    const rows = await readRows(join(this.dataDir, partsDir(DAY), '*.parquet'))
    const untrue = untrueRows(rows, trueRows(WORLD, this.fold().minuteRange()))
    const replay = await this.command(['replay', '--market', 'in', '--date', DATE, '--json']).ended
    const verify = await this.command(['verify', '--market', 'in']).ended
    const again = JSON.parse(replay.stdout) as Replay
    const flaws = {
      'candles stand twice': new Set(rows.map(keyOf)).size !== rows.length,
      'no candle says complete': !rows.some(({ complete }) => complete),
      [`${untrue.length} complete candles are not true`]: untrue.length > 0,
      [`replay gives ${again.different.length} parts otherwise`]: again.different.length > 0,
      [`${again.unlisted.length} parts are not listed`]: again.unlisted.length > 0,
      [`verify: ${lastLine(verify)}`]: verify.status !== 0,
    }
    return Object.entries(flaws).flatMap(([words, isTrue]) => (isTrue ? [words] : []))
  }
}

type Replay = { readonly different: readonly string[]; readonly unlisted: readonly string[] }

export function lastLine({ stderr }: Ended): string {
  return stderr.trimEnd().split('\n').at(-1) ?? ''
}

/** The error of a command that failed: one line for the operator, not a stack. */
export function isOneClearLine(ended: Ended): boolean {
  return lastLine(ended).startsWith('chandler: ') && !ended.stderr.includes('this is a defect')
}
