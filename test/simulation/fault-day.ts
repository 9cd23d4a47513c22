/**
 * What does a worker make of a feed that misbehaves? Several stand-in exchanges that trade the same day from
 * the same seed, each with its own list of faults and a worker of its own, and beside them one without
 * faults: all processes of their own, over real sockets, on one simulated clock. Here the day is played and
 * the evidence is gathered; what it must say stands in the test.
 */
import { join } from 'node:path'
import { foldJournal } from '../../src/app/fold-journal.ts'
import { CandleFold } from '../../src/candles/fold.ts'
import { decodeFact, ENTRY_FACT, type Fact } from '../../src/domain/fact.ts'
import type { Gap } from '../../src/domain/gap.ts'
import type { SettleReport } from '../../src/domain/settle-report.ts'
import { HOUR_MS, type MarketDate, MINUTE_MS, minuteOf, type UnixMs } from '../../src/domain/time.ts'
import { readSegments } from '../../src/journal/reader.ts'
import { createClock, formatClockSetting } from '../../src/platform/clock.ts'
import { demoInstruments } from '../../src/sim/smartapi/listing.ts'
import { journalDir, type LakeDay, partsDir, pathOf } from '../../src/store/lake.ts'
import { smartapi } from '../../src/venues/smartapi/index.ts'
import { keyOf, type LakeRow, type RowKey, readRows } from './lake-rows.ts'
import {
  credentialsOf,
  type Environment,
  type Exchange,
  fileIn,
  RunningCommand,
  run,
  startExchange,
} from './processes.ts'
import { type TrueRow, trueRows } from './true-rows.ts'

export const FAULTLESS = 'faultless'

export type FaultDayOptions = {
  /** Folder for the lakes; kept. */
  readonly dir: string
  /** By name: what a faults file holds. */
  readonly plans: Readonly<Record<string, readonly object[]>>
  readonly date: MarketDate
  readonly speed: number
  readonly graceMs: number
  /** Length of the continuous session from 09:15. */
  readonly minutes: number
  readonly instrumentCount: number
  readonly packetsPerSecond: number
  /** Settings of `markets.in.stream`, in ms of the simulated clock. */
  readonly stream: Readonly<Record<string, number>>
}

/** What one worker left behind. */
export type Evidence = {
  readonly name: string
  readonly status: number | null
  /** Lines of its log, parsed. */
  readonly log: readonly LogLine[]
  readonly live: ReadonlyMap<RowKey, LakeRow>
  readonly settled: ReadonlyMap<RowKey, LakeRow>
  readonly report: SettleReport
  readonly settleStatus: number | null
  readonly replay: {
    readonly status: number | null
    readonly equalCount: number
    readonly different: readonly string[]
    readonly unlisted: readonly string[]
  }
  readonly gaps: readonly Gap[]
  readonly facts: readonly Fact[]
  readonly fold: CandleFold
  /** How many packets, handshakes and requests each kind of fault met, as the stand-in counted. */
  readonly met: Readonly<Record<string, number>>
  /** Rows that stand twice, live or settled. */
  readonly doubled: readonly string[]
}

export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly message: string }

export type PlayedFaults = {
  readonly days: ReadonlyMap<string, Evidence>
  /** What the exchange really traded, by instrument and minute of the session. */
  readonly truth: ReadonlyMap<RowKey, TrueRow>
}

const OPEN_MS = 9.25 * HOUR_MS
/** Real time for all processes to start in, before the open. */
const LEAD_REAL_MS = 5_000
const SEED = 1
const NEVER = new AbortController().signal

/** Unix ms of a time of the played day, as "09:15:30". */
export function momentOf(date: MarketDate, text: string): UnixMs {
  return Date.parse(`${date}T${text}+05:30`) as UnixMs
}

export async function playFaults(options: FaultDayOptions): Promise<PlayedFaults> {
  const openMs = momentOf(options.date, '09:15:00')
  const simulation = {
    instantMs: (openMs - MINUTE_MS) as UnixMs,
    realMs: Date.now() + LEAD_REAL_MS,
    speed: options.speed,
  }
  const clock = createClock(simulation)
  const setting = formatClockSetting(simulation)
  const plans = { [FAULTLESS]: [], ...options.plans }
  const days = await Promise.all(
    Object.entries(plans).map(([name, faults]) => FaultDay.start(options, setting, name, faults)),
  )
  try {
    for (const day of days) await day.worker.said('feed live')
    const closeMs = openMs + options.minutes * MINUTE_MS
    await clock.sleepUntil((closeMs + options.graceMs + MINUTE_MS) as UnixMs, NEVER)
    const evidence = await Promise.all(days.map((day) => day.finish()))
    const range = { from: minuteOf(openMs), to: minuteOf(closeMs) }
    const truth = trueRows({ ...options, seed: SEED }, range)
    return { days: new Map(evidence.map((one) => [one.name, one])), truth }
  } finally {
    for (const { worker, exchange } of days) {
      await worker.end('SIGKILL')
      await exchange.command.end('SIGKILL')
    }
  }
}

class FaultDay {
  readonly worker: RunningCommand
  readonly exchange: Exchange
  readonly #options: FaultDayOptions
  readonly #name: string
  readonly #day: LakeDay
  readonly #dataDir: string
  readonly #args: readonly string[]
  readonly #env: Environment

  private constructor(options: FaultDayOptions, clock: string, name: string, exchange: Exchange) {
    this.#options = options
    this.#name = name
    this.#day = { market: 'in', date: options.date }
    this.#dataDir = join(options.dir, name)
    this.exchange = exchange
    this.#args = ['--config', writeConfig(options, name, this.#dataDir, exchange), '--json']
    this.#env = { ...credentialsOf(name.toUpperCase()), CHANDLER_CLOCK: clock }
    this.worker = new RunningCommand([...this.#args, 'stream', '--market', 'in'], this.#env)
  }

  static async start(
    options: FaultDayOptions,
    clock: string,
    name: string,
    faults: readonly object[],
  ): Promise<FaultDay> {
    const file = fileIn(options.dir, `faults-${name}.json`, faults)
    const exchange = await startExchange({
      ...options,
      clock,
      seed: SEED,
      args: ['--faults', file, '--json'],
    })
    return new FaultDay(options, clock, name, exchange)
  }

  /** Ends the worker, settles, replays, and reads everything; the exchange is asked for history by settle. */
  async finish(): Promise<Evidence> {
    const { status, stderr } = await this.worker.end('SIGTERM')
    const live = await this.#rows(join(partsDir(this.#day), '*.parquet'))
    const replayed = await this.#run('replay', '--date', this.#options.date)
    const settling = await this.#run('settle', '--date', this.#options.date)
    const settled = await this.#rows(pathOf({ kind: 'day', day: this.#day }))
    const exchange = await this.exchange.command.end('SIGTERM')
    const dir = join(this.#dataDir, journalDir(this.#day))
    const fold = new CandleFold({ venue: smartapi, lateness: 'live' })
    foldJournal(dir, [fold])
    const { equalCount, different, unlisted } = JSON.parse(replayed.stdout)
    return {
      name: this.#name,
      status,
      log: linesOf(stderr),
      live: live.byKey,
      settled: settled.byKey,
      doubled: [...live.doubled, ...settled.doubled],
      report: JSON.parse(settling.stdout) as SettleReport,
      settleStatus: settling.status,
      replay: { status: replayed.status, equalCount, different, unlisted },
      gaps: fold.gaps(),
      facts: factsOf(dir),
      fold,
      met: metOf(linesOf(exchange.stderr)),
    }
  }

  async #run(...args: readonly string[]): ReturnType<typeof run> {
    return await run([...this.#args, args[0]!, '--market', 'in', ...args.slice(1)], this.#env)
  }

  async #rows(glob: string): Promise<{ byKey: Map<RowKey, LakeRow>; doubled: string[] }> {
    const byKey = new Map<RowKey, LakeRow>()
    const doubled: string[] = []
    for (const row of await readRows(join(this.#dataDir, glob))) {
      if (byKey.has(keyOf(row))) doubled.push(row.everything)
      byKey.set(keyOf(row), row)
    }
    return { byKey, doubled }
  }
}

function writeConfig(options: FaultDayOptions, name: string, dataDir: string, exchange: Exchange): string {
  const { dir, date, graceMs, minutes, instrumentCount } = options
  const rows = demoInstruments(instrumentCount).map(
    ({ exchange: place, token, symbol, derivatives }) =>
      `${place},${token},${symbol},${derivatives === true}`,
  )
  const instruments = fileIn(
    dir,
    'instruments.csv',
    `exchange,token,symbol,derivatives\n${rows.join('\n')}\n`,
  )
  const continuous = [['09:15', timeAt(OPEN_MS + minutes * MINUTE_MS)]]
  const calendarOverride = fileIn(dir, 'calendar.json', { sessions: [{ date, note: 'short', continuous }] })
  const { restUrl, streamUrl } = exchange
  const stream = { ...options.stream, restUrl, streamUrl, graceMs }
  return fileIn(dir, `${name}.json`, {
    dataDir,
    markets: { in: { instruments, calendarOverride, stream, journal: { ballastBytes: 0 } } },
  })
}

function timeAt(sinceMidnightMs: number): string {
  return new Date(sinceMidnightMs).toISOString().slice(11, 16)
}

function linesOf(stderr: string): readonly LogLine[] {
  return stderr.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogLine] : []))
}

function metOf(lines: readonly LogLine[]): Evidence['met'] {
  const last = lines.find(({ message }) => message === 'stand-in ended')
  return (last ?? {}) as unknown as Evidence['met']
}

function factsOf(dir: string): readonly Fact[] {
  const facts: Fact[] = []
  for (const { type, bytes, payloadOffset, payloadLength } of readSegments(dir, { onDamage: () => {} })) {
    if (type !== ENTRY_FACT) continue
    facts.push(decodeFact(bytes.subarray(payloadOffset, payloadOffset + payloadLength)))
  }
  return facts
}
