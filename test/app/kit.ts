/**
 * What do the tests of the wiring share? A data directory that goes away, the context of a command over it,
 * and a day that is fed as the sockets would feed it.
 */
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type DayPlan, type LiveDay, openLiveDay } from '../../src/app/live-day.ts'
import type { IndiaContext } from '../../src/app/vendor.ts'
import { loadConfig } from '../../src/config.ts'
import type { Instrument } from '../../src/domain/instrument.ts'
import { Secret } from '../../src/domain/secret.ts'
import { type Minute, minuteEnd, type UnixMs } from '../../src/domain/time.ts'
import { createLog, Scrubber } from '../../src/platform/log.ts'
import { TEST_TOTP_SECRET } from '../../src/sim/smartapi/logins.ts'
import type { LakeDay } from '../../src/store/lake.ts'
import { fileIn } from '../simulation/processes.ts'
import { tempFolder } from '../store/kit.ts'
import { ManualClock } from '../support/manual-clock.ts'
import {
  at,
  CASH_PHASES,
  DATE,
  encode,
  INFY,
  minuteAt,
  type Packet,
  PLAIN,
  SBIN,
  UTC_OFFSET_MS,
} from '../support/session-kit.ts'

export const GRACE_MS = 2_000
export const DAY: LakeDay = { market: 'in', date: DATE }

export type TestContext = IndiaContext & {
  readonly clock: ManualClock
  readonly logLines: string[]
  abort(): void
}

export type ContextOptions = {
  readonly restUrl?: string
  readonly wall?: string
  readonly journal?: object
}

/** A context whose lake lies in `dir` and whose vendor, unless told otherwise, nobody is. */
export function contextIn(dir: string, options: ContextOptions = {}): TestContext {
  const { restUrl = 'http://127.0.0.1:9', wall = '08:50', journal = {} } = options
  mkdirSync(dir, { recursive: true })
  const instruments = fileIn(dir, 'instruments.csv', 'exchange,token,symbol\nNSE,1594,INFY-EQ\n')
  const stream = { restUrl, streamUrl: 'ws://127.0.0.1:9/smart-stream' }
  const market = { instruments, stream, journal: { ballastBytes: 0, ...journal } }
  const file = fileIn(dir, 'chandler.json', { dataDir: join(dir, 'lake'), markets: { in: market } })
  const config = loadConfig({ file })
  mkdirSync(config.dataDir, { recursive: true })
  const clock = new ManualClock(at(wall))
  const stopping = new AbortController()
  const logLines: string[] = []
  const scrubber = new Scrubber()
  const secret = new Secret('a-secret')
  return {
    config,
    clock,
    simulation: undefined,
    log: createLog({ clock, json: false, write: (line) => logLines.push(line), scrubber }),
    scrubber,
    random: () => 0.5,
    signal: stopping.signal,
    credentials: () => ({
      apiKey: secret,
      clientCode: secret,
      pin: secret,
      totpSecret: new Secret(TEST_TOTP_SECRET),
    }),
    logLines,
    abort: () => stopping.abort(),
  }
}

/** The lake as a power cut leaves it, in a place of its own. Sync what has to be there before. */
export function copyOfLake(context: TestContext, options: ContextOptions = {}): TestContext {
  const copy = contextIn(tempFolder('chandler-app-'), options)
  cpSync(context.config.dataDir, copy.config.dataDir, { recursive: true })
  return copy
}

export function planOf(instruments: readonly Instrument[] = [INFY, SBIN]): DayPlan {
  return {
    session: {
      market: 'in',
      date: DATE,
      utcOffsetMs: UTC_OFFSET_MS,
      feed: { fromMs: at('08:55'), toMs: at('15:45') },
      note: null,
    },
    instruments,
    shards: instruments.map(() => 0),
    phases: [CASH_PHASES],
    phaseOf: instruments.map(() => 0),
  }
}

/** One run of the worker, without sockets: what they would have heard is told by the test. */
export class DayRun {
  readonly day: LiveDay
  readonly context: TestContext
  readonly failures: unknown[]
  readonly #connection: number
  #sequence = 0

  private constructor(day: LiveDay, context: TestContext, failures: unknown[]) {
    this.day = day
    this.context = context
    this.failures = failures
    this.#connection = day.fold.connectionsMax() + 1
  }

  static async open(context: TestContext, plan: DayPlan = planOf()): Promise<DayRun> {
    const failures: unknown[] = []
    const day = await openLiveDay(context, plan, (error) => failures.push(error))
    onTestFinished(() => day.end().catch((error: unknown) => void failures.push(error)))
    return new DayRun(day, context, failures)
  }

  /** Subscribed, and the vendor has answered. */
  start(text: string): this {
    const { ingest } = this.day
    this.#moveTo(at(text))
    this.day.start()
    const connection = this.#connection
    ingest.fact({ kind: 'connect', shard: 0, connection, atMs: at(text) })
    ingest.fact({ kind: 'live', shard: 0, connection, atMs: at(text) })
    return this
  }

  packet(text: string, packet: Packet): this {
    const exchangeMs = Math.floor(at(text) / 1_000) * 1_000
    const { price = 0 } = packet
    const sequence = ++this.#sequence
    const fields = { ...PLAIN, sequence, exchangeMs, dayHigh: price, dayLow: price, ...packet }
    this.#moveTo(at(text))
    this.day.ingest.packet(this.#connection, encode(fields), at(text))
    return this
  }

  /** A pong right after the minute's end, then the timer. */
  minute(text: string): this {
    const minute: Minute = minuteAt(text)
    this.day.ingest.fact({ kind: 'alive', shard: 0, atMs: minuteEnd(minute) })
    this.#moveTo(minuteEnd(minute) + GRACE_MS)
    this.day.finalise(minute)
    return this
  }

  /** As the worker ends when asked to. */
  async end(text: string): Promise<void> {
    this.#moveTo(at(text))
    const fact = { shard: 0, fromMs: at(text), atMs: at(text), reason: 'stopped' as const, detail: '' }
    this.day.ingest.fact({ kind: 'lost', ...fact })
    this.day.stop('asked to stop')
    await this.day.published()
    await this.day.end()
  }

  #moveTo(wallMs: number): void {
    const { clock } = this.context
    clock.jumpWall((wallMs - clock.wallMs()) as UnixMs)
  }
}
