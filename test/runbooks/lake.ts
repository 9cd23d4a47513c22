/**
 * In which lake are the runbooks tried? Two NSE sessions of a made-up exchange, journalled and published by
 * the worker's own parts without sockets, so that each takes a second or two. The line was cut once on the
 * second day. Everything after that is done by the commands of the runbooks.
 */
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { classify } from '../../src/app/india-day.ts'
import { type LiveDay, openLiveDay } from '../../src/app/live-day.ts'
import type { IndiaContext } from '../../src/app/vendor.ts'
import { isSession, loadCalendar } from '../../src/calendars/calendar.ts'
import { loadConfig } from '../../src/config.ts'
import { bySymbol } from '../../src/domain/instrument.ts'
import { Secret } from '../../src/domain/secret.ts'
import { type MarketDate, MINUTE_MS, minuteOf, minuteStart, type UnixMs } from '../../src/domain/time.ts'
import { yieldTurn } from '../../src/platform/clock.ts'
import { createLog, Scrubber } from '../../src/platform/log.ts'
import { createGenerator, type Generator } from '../../src/sim/smartapi/generator.ts'
import { PacketMaker } from '../../src/sim/smartapi/packet-maker.ts'
import { smartapiStandIn } from '../../src/venues/smartapi/index.ts'
import { fileIn } from '../simulation/processes.ts'
import { ManualClock } from '../support/manual-clock.ts'

export const INSTRUMENT_COUNT = 6
/** Of all instruments together: dense enough that a silent minute would be noticed. */
export const PACKETS_PER_SECOND = 2
export const SEED = 1
const GRACE_MS = 2_000
const QUOTE_MODE = 1
/** Before the payload of a quote packet. */
const FRAME_HEAD_BYTES = 2

export type Cut = { readonly from: string; readonly to: string }

export function momentOf(date: MarketDate, text: string): UnixMs {
  return Date.parse(`${date}T${text}:00+05:30`) as UnixMs
}

export function generatorOf(date: MarketDate): Generator {
  const world = { date, seed: SEED, instrumentCount: INSTRUMENT_COUNT, packetsPerSecond: PACKETS_PER_SECOND }
  return createGenerator(world)
}

/** `chandler.yaml` and what it names; `urls` are those of a stand-in. */
export function writeConfig(
  dir: string,
  options: {
    readonly restUrl: string
    readonly streamUrl: string
    readonly port: number
    readonly journal?: object
    readonly batchUrl?: string
  },
): void {
  const { restUrl, streamUrl, port, journal = {}, batchUrl = 'http://127.0.0.1:9' } = options
  mkdirSync(dir, { recursive: true })
  const rows = generatorOf('2026-07-01' as MarketDate).instruments.map(
    ({ exchange, token, symbol, derivatives }) => `${exchange},${token},${symbol},${derivatives === true}`,
  )
  fileIn(dir, 'instruments.in.csv', `exchange,token,symbol,derivatives\n${rows.join('\n')}\n`)
  fileIn(dir, 'symbols.us.csv', 'symbol\nQAAA\nQAAB\n')
  const roles = [
    { role: 'index', symbols: ['NIFTY50'] },
    { role: 'volatility', symbols: ['NIFTY50'] },
  ]
  const set = { schema: 'chandler.proxy_set.v1', version: '1.0.0', roles, required: ['NIFTY50'] }
  fileIn(dir, 'set.in.json', { ...set, market: 'in' })
  const proxies = [
    { role: 'equity_core', symbols: ['QAAA'] },
    { role: 'volatility', symbols: ['QAAA'] },
  ]
  fileIn(dir, 'set.us.json', { ...set, market: 'us', roles: proxies, required: ['QAAA'] })
  cpSync('policies/in.json', join(dir, 'policy.in.json'))
  const batch = { restUrl: batchUrl, callsPerMinute: 25, callsPerDay: 25, intervalMs: 0 }
  fileIn(dir, 'chandler.yaml', {
    dataDir: './data',
    markets: {
      in: {
        proxySet: './set.in.json',
        gates: { policy: './policy.in.json' },
        stream: { restUrl, streamUrl },
        journal: { ballastBytes: 0, diskWarnBytes: 2, diskStopBytes: 1, ...journal },
        http: { port },
      },
      us: { batch, proxySet: './set.us.json' },
    },
  })
}

/** The session as a worker leaves it: journal and live parts, not settled. */
export async function playSession(dir: string, date: MarketDate, cut?: Cut): Promise<void> {
  const context = contextIn(dir, date)
  const calendar = loadCalendar('nse')
  const session = calendar.sessionOn(date)
  if (!isSession(session)) throw new Error(`${date} has no session`)
  const generator = generatorOf(date)
  const instruments = generator.instruments
    .map(({ exchange, token, symbol, derivatives = false }) => ({ exchange, token, symbol, derivatives }))
    .sort(bySymbol)
  const plan = {
    session,
    instruments,
    shards: instruments.map(() => 0),
    ...classify(calendar, session, instruments),
  }
  const failures: unknown[] = []
  const day = await openLiveDay(context, plan, (error) => failures.push(error))
  const player = new Player(day, context.clock as ManualClock, date, cut ?? null)
  await player.play(generator)
  await day.published()
  await day.end()
  if (failures.length > 0) throw failures[0]
}

class Player {
  readonly #day: LiveDay
  readonly #clock: ManualClock
  readonly #date: MarketDate
  readonly #cut: { readonly fromMs: number; readonly toMs: number }
  #minute = 0
  #connection = 1
  #isCut = false

  constructor(day: LiveDay, clock: ManualClock, date: MarketDate, cut: Cut | null) {
    this.#day = day
    this.#clock = clock
    this.#date = date
    const at = (text: string | undefined): number =>
      text === undefined ? Number.POSITIVE_INFINITY : momentOf(date, text)
    this.#cut = { fromMs: at(cut?.from), toMs: at(cut?.to) }
  }

  async play(generator: Generator): Promise<void> {
    const openMs = momentOf(this.#date, '09:00')
    this.#moveTo(openMs)
    this.#day.start()
    this.#connect(openMs)
    this.#minute = minuteOf(momentOf(this.#date, '09:15'))
    const maker = new PacketMaker(smartapiStandIn, generator.instruments)
    const stream = generator.open(openMs)
    for (let batch = await stream.next(); batch !== null; batch = await stream.next()) {
      for (let row = 0; row < batch.count; row++) {
        const atMs = batch.atMs[row]!
        if (atMs < openMs) continue
        await this.#goTo(atMs)
        if (this.#isCut) continue
        const frame = maker.frame(batch, row, QUOTE_MODE).subarray(FRAME_HEAD_BYTES)
        this.#day.ingest.packet(this.#connection, frame, atMs as UnixMs)
      }
    }
    await this.#goTo(momentOf(this.#date, '15:45'))
    const atMs = momentOf(this.#date, '15:45')
    this.#day.ingest.fact({ kind: 'lost', shard: 0, fromMs: atMs, atMs, reason: 'stopped', detail: '' })
    this.#day.stop('the session is over')
  }

  /** Whatever the timer and the line do until then. */
  async #goTo(atMs: number): Promise<void> {
    const endMs = momentOf(this.#date, '15:30')
    for (;;) {
      const finaliseMs = minuteStart(this.#minute as never) + MINUTE_MS + GRACE_MS
      if (atMs >= this.#cut.fromMs && !this.#isCut && this.#cut.fromMs <= finaliseMs) this.#lose()
      if (atMs >= this.#cut.toMs && this.#isCut && this.#cut.toMs <= finaliseMs) this.#find()
      if (finaliseMs > atMs || finaliseMs > endMs + MINUTE_MS) break
      this.#moveTo(finaliseMs)
      if (!this.#isCut) {
        this.#day.ingest.fact({ kind: 'alive', shard: 0, atMs: (finaliseMs - GRACE_MS) as UnixMs })
      }
      this.#day.finalise(this.#minute as never)
      this.#minute += 1
      // The writer's thread and the encoder's get their turns.
      await yieldTurn()
    }
    this.#moveTo(atMs)
  }

  #connect(atMs: number): void {
    const fact = { shard: 0, connection: this.#connection, atMs: atMs as UnixMs }
    this.#day.ingest.fact({ kind: 'connect', ...fact })
    this.#day.ingest.fact({ kind: 'live', ...fact })
  }

  #lose(): void {
    this.#isCut = true
    const atMs = this.#cut.fromMs as UnixMs
    const fact = { shard: 0, fromMs: atMs, atMs, reason: 'disconnected' as const, detail: 'ECONNRESET' }
    this.#day.ingest.fact({ kind: 'lost', ...fact })
  }

  #find(): void {
    this.#isCut = false
    this.#connection += 1
    this.#connect(this.#cut.toMs)
    // Played once: what follows is an undisturbed day.
    Object.assign(this.#cut, { fromMs: Number.POSITIVE_INFINITY, toMs: Number.POSITIVE_INFINITY })
  }

  #moveTo(wallMs: number): void {
    this.#clock.jumpWall((wallMs - this.#clock.wallMs()) as UnixMs)
  }
}

function contextIn(dir: string, date: MarketDate): IndiaContext {
  const config = loadConfig({ file: join(dir, 'chandler.yaml') })
  mkdirSync(config.dataDir, { recursive: true })
  const clock = new ManualClock(momentOf(date, '08:55'))
  const scrubber = new Scrubber()
  return {
    config,
    clock,
    simulation: undefined,
    log: createLog({ clock, json: false, write: () => {}, scrubber }),
    scrubber,
    random: () => 0.5,
    signal: new AbortController().signal,
    credentials: () => {
      const none = new Secret('none')
      return { apiKey: none, clientCode: none, pin: none, totpSecret: none }
    },
  }
}
