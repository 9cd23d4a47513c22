/**
 * What becomes of ten sessions in a row that nobody looks after? One daemon on one simulated clock; each
 * morning an exchange with faults of its own, at random. Afterwards every session is judged from outside:
 * settled and gated, nothing lost that says it is whole, every gap beside a fault or a start, and the
 * processes no larger on the last day than on the first.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { ChainEvent } from '../../src/domain/event.ts'
import type { SettleReport } from '../../src/domain/settle-report.ts'
import { DAY_MS, HOUR_MS, type MarketDate, MINUTE_MS, minuteOf, type UnixMs } from '../../src/domain/time.ts'
import { createClock, formatClockSetting } from '../../src/platform/clock.ts'
import { Prng } from '../../src/sim/prng.ts'
import { demoInstruments } from '../../src/sim/smartapi/listing.ts'
import { pathOf } from '../../src/store/lake.ts'
import { readRows } from './lake-rows.ts'
import { credentialsOf, fileIn, RunningCommand, run } from './processes.ts'
import { trueRows, untrueRows } from './true-rows.ts'

export type SoakOptions = {
  readonly dir: string
  readonly dayCount: number
  readonly speed: number
  readonly seed: number
  readonly instrumentCount: number
  readonly packetsPerSecond: number
  readonly onProgress: (text: string) => void
}

export type SoakDay = {
  readonly date: MarketDate
  readonly settled: boolean
  /** Verdict of the ingestion gate, and why where it is not `pass`. */
  readonly verdict: string
  readonly why: string
  readonly candleCount: number
  /** Candles of ticks that say complete and have another volume than was traded. */
  readonly untrueCount: number
  /** Minutes in which something was traded and no settled candle stands, though the day says it is whole. */
  readonly lostCount: number
  readonly isBalanced: boolean
  readonly gapCount: number
  /** Gaps beside which no fault was played and no worker began or ended. */
  readonly unexplainedGaps: readonly string[]
  readonly faultKinds: readonly string[]
  readonly worker: Usage
  readonly daemon: Usage
}

/** Of the samples of that day: the median of the memory, the highest of the rest. */
export type Usage = { readonly rssMib: number; readonly fdCount: number; readonly loopP99Ms: number }

export type SoakSummary = {
  readonly days: readonly SoakDay[]
  readonly verifyStatus: number | null
  readonly replayStatuses: readonly (number | null)[]
  readonly daemonStatus: number | null
  /** Last day against first, in per cent. */
  readonly workerGrowthPercent: number
  readonly daemonGrowthPercent: number
}

type PlannedFault = {
  readonly kind: string
  readonly at: string
  readonly for?: number
  readonly share?: number
}

const FIRST_DATE = '2026-06-29'
const IST_MS = 5.5 * HOUR_MS
const OPEN_MINUTE = 9 * 60 + 15
const SESSION_MINUTES = 375
/** Real time in which the first exchange and the daemon start. */
const LEAD_REAL_MS = 4_000
const SAMPLE_MS = 500
/** A gap may begin this long before its fault is noticed, and end this long after it, by the limits below. */
const SLACK_MS = 20 * MINUTE_MS
const SILENCE_MS = 420_000
/** From the last packet to the look that finds the silence, with a margin for a busy machine. */
const SEEN_SECONDS = (1.5 * SILENCE_MS) / 1_000
const LASTING = ['stall', 'mute', 'reject_401', 'reject_429', 'reject_403'] as const
const PASSING = ['disconnect', 'token_expiry'] as const
const ON_PACKETS = ['duplicate', 'reorder', 'wrong_length'] as const

export async function runSoak(options: SoakOptions): Promise<SoakSummary> {
  const dates = Array.from({ length: options.dayCount }, (_, day) => dateAfter(FIRST_DATE, day))
  const simulation = {
    instantMs: (midnightOf(dates[0]!) + 8.75 * HOUR_MS) as UnixMs,
    realMs: Date.now() + LEAD_REAL_MS,
    speed: options.speed,
  }
  const clock = createClock(simulation)
  const env = { ...credentialsOf('SOAK'), CHANDLER_CLOCK: formatClockSetting(simulation) }
  const port = await freePort()
  const config = writeConfig(options, dates, port)
  const plans = dates.map((_, day) => planFaults(options.seed * 1_000 + day))
  const played: Played[] = []
  let exchange = await openExchange(options, env, { port, date: dates[0]!, faults: plans[0]!, day: 0 })
  const daemon = new RunningCommand(['--config', config, 'daemon', '--market', 'in'], env)
  try {
    for (const [day, date] of dates.entries()) {
      if (day > 0) {
        await exchange.end('SIGTERM')
        exchange = await openExchange(options, env, { port, date, faults: plans[day]!, day })
      }
      const usage = await watchDay(daemon, () => clock.wallMs() < midnightOf(date) + DAY_MS + HOUR_MS)
      played.push({ date, faults: plans[day]!, ...usage })
      options.onProgress(
        `${date}: worker ${JSON.stringify(usage.worker)}, daemon ${JSON.stringify(usage.daemon)}`,
      )
    }
    const { status } = await daemon.end('SIGTERM')
    return await judge(options, played, { config, daemonStatus: status, log: daemon.stderrLines })
  } finally {
    await daemon.end('SIGKILL')
    await exchange.end('SIGKILL')
  }
}

type Played = {
  readonly date: MarketDate
  readonly faults: readonly PlannedFault[]
  readonly worker: Usage
  readonly daemon: Usage
}

/** Samples both processes until the day is over. */
async function watchDay(
  daemon: RunningCommand,
  isOn: () => boolean,
): Promise<{ readonly worker: Usage; readonly daemon: Usage }> {
  const seen = { worker: new Samples(), daemon: new Samples() }
  const url = /url=(\S+)\/health/.exec(await daemon.said('health and metrics'))![1]!
  while (isOn()) {
    if (!daemon.isRunning) throw new Error(`the daemon ended:\n${daemon.stderrLines.slice(-20).join('\n')}`)
    seen.daemon.add(usageOf(daemon.pid))
    const child = streamChildOf(daemon.pid)
    if (child !== null) seen.worker.add(usageOf(child))
    const page = await (await fetch(`${url}/metrics`)).text()
    const delay = /^chandler_event_loop_delay_p99_seconds\{.*\} (\S+)$/m.exec(page)
    if (delay !== null) seen.worker.delay(Number(delay[1]) * 1_000)
    await pause(SAMPLE_MS)
  }
  return { worker: seen.worker.usage(), daemon: seen.daemon.usage() }
}

class Samples {
  readonly #rssMib: number[] = []
  #fdCount = 0
  #loopP99Ms = 0

  /** Of a process that has just ended nothing is known. */
  add({ rssMib, fdCount }: Pick<Usage, 'rssMib' | 'fdCount'>): void {
    if (rssMib > 0) this.#rssMib.push(rssMib)
    this.#fdCount = Math.max(this.#fdCount, fdCount)
  }

  delay(p99Ms: number): void {
    this.#loopP99Ms = Math.max(this.#loopP99Ms, p99Ms)
  }

  usage(): Usage {
    const sorted = this.#rssMib.toSorted((a, b) => a - b)
    return {
      rssMib: sorted[Math.floor(sorted.length / 2)] ?? 0,
      fdCount: this.#fdCount,
      loopP99Ms: Math.round(this.#loopP99Ms * 10) / 10,
    }
  }
}

/** Zeros for a process that ended meanwhile. */
function usageOf(pid: number): Pick<Usage, 'rssMib' | 'fdCount'> {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1])
    const fdCount = readdirSync(`/proc/${pid}/fd`).length
    return { rssMib: Math.round((pages * 4_096) / 1_048_576), fdCount }
  } catch {
    return { rssMib: 0, fdCount: 0 }
  }
}

function streamChildOf(pid: number): number | null {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  const stream = children.find((child) => {
    return child !== '' && readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('\0stream\0')
  })
  return stream === undefined ? null : Number(stream)
}

type ExchangePlan = {
  readonly port: number
  readonly date: MarketDate
  readonly faults: readonly PlannedFault[]
  readonly day: number
}

async function openExchange(
  options: SoakOptions,
  env: Readonly<Record<string, string | undefined>>,
  { port, date, faults, day }: ExchangePlan,
): Promise<RunningCommand> {
  const file = fileIn(options.dir, `faults-${day}.json`, faults)
  const numbers = ['--instruments', options.instrumentCount, '--rate', options.packetsPerSecond, '--seed', 1]
  const args = [
    'sim',
    'smartapi',
    '--port',
    String(port),
    '--date',
    date,
    '--faults',
    file,
    ...numbers.map(String),
  ]
  const exchange = new RunningCommand(args, env)
  await exchange.firstAnswer()
  return exchange
}

/** Three to six faults, far enough from each other and from the open for candles to be whole in between. */
function planFaults(seed: number): readonly PlannedFault[] {
  const prng = new Prng(seed)
  const random = (): number => prng.next()
  const count = 3 + Math.floor(random() * 4)
  const step = (SESSION_MINUTES - 60) / count
  return Array.from({ length: count }, (_, at): PlannedFault => {
    const minute = OPEN_MINUTE + 20 + Math.floor(step * (at + random() * 0.4))
    const [hours, minutes] = [Math.floor(minute / 60), minute % 60].map((part) =>
      String(part).padStart(2, '0'),
    )
    const time = `${hours}:${minutes}:00`
    const dice = random()
    const pick = <Kind>(kinds: readonly Kind[]): Kind => kinds[Math.floor(random() * kinds.length)]!
    if (dice < 0.45) return { kind: pick(PASSING), at: time }
    // A silence shorter than the limits, wide as they are at this speed, is one that nobody can see.
    if (dice < 0.8) return { kind: pick(LASTING), at: time, for: SEEN_SECONDS + Math.floor(random() * 400) }
    return { kind: pick(ON_PACKETS), at: time, for: 180, share: 0.2 }
  }).flatMap((fault) =>
    // What refuses handshakes or answers is met by a socket that was just lost.
    fault.kind.startsWith('reject_') || fault.kind === 'token_expiry'
      ? [fault, { kind: 'disconnect', at: fault.at }]
      : [fault],
  )
}

function writeConfig(options: SoakOptions, dates: readonly MarketDate[], port: number): string {
  const { dir, instrumentCount } = options
  const listed = demoInstruments(instrumentCount)
  const rows = listed.map(({ exchange, token, symbol }) => `${exchange},${token},${symbol},`)
  const symbols = listed.slice(0, 3).map(({ symbol }) => symbol)
  const patience = {
    graceMs: 120_000,
    socketSilenceMs: SILENCE_MS,
    dataSilenceMs: SILENCE_MS,
    pingIntervalMs: 60_000,
  }
  return fileIn(dir, 'chandler.json', {
    dataDir: './data',
    markets: {
      in: {
        http: { port: 0 },
        calendarOverride: fileIn(dir, 'calendar.json', {
          sessions: dates.map((date) => ({ date, continuous: [['09:15', '15:30']] })),
        }),
        instruments: fileIn(
          dir,
          'instruments.csv',
          `exchange,token,symbol,derivatives\n${rows.join('\n')}\n`,
        ),
        proxySet: fileIn(dir, 'proxies.json', {
          schema: 'chandler.proxy_set.v1',
          market: 'in',
          version: '1.0.0',
          roles: [{ role: 'index', symbols }],
          required: symbols,
        }),
        stream: {
          restUrl: `http://127.0.0.1:${port}`,
          streamUrl: `ws://127.0.0.1:${port}/smart-stream`,
          fallbackWindowMs: 900_000,
          ...patience,
        },
        journal: { ballastBytes: 0 },
      },
    },
  })
}

type Left = { readonly config: string; readonly daemonStatus: number | null; readonly log: readonly string[] }

async function judge(options: SoakOptions, played: readonly Played[], left: Left): Promise<SoakSummary> {
  const dataDir = join(options.dir, 'data')
  const events = eventsOf(dataDir)
  const days: SoakDay[] = []
  const replayStatuses: (number | null)[] = []
  for (const day of played) {
    days.push(await judgeDay(options, dataDir, day, events))
    const replay = await run(['--config', left.config, 'replay', '--market', 'in', '--date', day.date])
    replayStatuses.push(replay.status)
  }
  const { status: verifyStatus } = await run(['--config', left.config, 'verify'])
  const growth = (of: (day: SoakDay) => number): number => {
    const [first, last] = [of(days[0]!), of(days.at(-1)!)]
    return Math.round((1_000 * (last - first)) / first) / 10
  }
  return {
    days,
    verifyStatus,
    replayStatuses,
    daemonStatus: left.daemonStatus,
    workerGrowthPercent: growth(({ worker }) => worker.rssMib),
    daemonGrowthPercent: growth(({ daemon }) => daemon.rssMib),
  }
}

function eventsOf(dataDir: string): readonly ChainEvent[] {
  const text = readFileSync(join(dataDir, 'events/in/events.jsonl'), 'utf8')
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as ChainEvent]))
}

async function judgeDay(
  options: SoakOptions,
  dataDir: string,
  { date, faults, worker, daemon }: Played,
  events: readonly ChainEvent[],
): Promise<SoakDay> {
  const day = { market: 'in', date }
  const report = JSON.parse(
    readFileSync(join(dataDir, pathOf({ kind: 'report', day })), 'utf8'),
  ) as SettleReport
  const gate = events.findLast(
    ({ event_type, payload }) => event_type === 'gate.ingest' && payload.session === date,
  )
  const rows = await readRows(join(dataDir, pathOf({ kind: 'day', day })))
  const openMs = midnightOf(date) + OPEN_MINUTE * MINUTE_MS
  const range = { from: minuteOf(openMs), to: minuteOf(openMs + SESSION_MINUTES * MINUTE_MS) }
  const truth = trueRows({ ...options, date, seed: 1 }, range)
  const held = new Set(rows.map(({ exchange, token, timestampMs }) => `${exchange}:${token}@${timestampMs}`))
  const traded = [...truth].filter(([, { volume }]) => volume > 0).map(([key]) => key)
  return {
    date,
    settled: report.file !== null && report.history.failedCount === 0,
    verdict: String(gate?.payload.verdict ?? 'none'),
    why: whyOf(gate),
    candleCount: rows.length,
    untrueCount: untrueRows(rows, truth).length,
    lostCount: traded.filter((key) => !held.has(key)).length,
    isBalanced: report.conservation.every(({ balanced }) => balanced),
    gapCount: report.gaps.length,
    unexplainedGaps: report.gaps
      // `asleep`: this process itself did not get to run. The gap says so, which is what explains it.
      .filter(({ reason }) => reason !== 'stopped' && reason !== 'asleep')
      .filter(({ fromMs, toMs }) => !isExplained(date, faults, fromMs, toMs))
      .map(({ reason, fromMs, detail }) => `${new Date(fromMs).toISOString()} ${reason} ${detail}`),
    faultKinds: faults.map(({ kind, at }) => `${kind} ${at}`),
    worker,
    daemon,
  }
}

function whyOf(gate: ChainEvent | undefined): string {
  const checks = (gate?.payload.checks ?? []) as readonly { outcome: string; says: string }[]
  return checks
    .filter(({ outcome }) => outcome !== 'pass')
    .map(({ says }) => says)
    .join('; ')
}

function isExplained(
  date: MarketDate,
  faults: readonly PlannedFault[],
  fromMs: number,
  toMs: number | null,
): boolean {
  return faults.some((fault) => {
    const [hours, minutes] = fault.at.split(':').map(Number) as [number, number]
    const startMs = midnightOf(date) + (hours * 60 + minutes) * MINUTE_MS
    const endMs = startMs + (fault.for ?? 0) * 1_000
    return fromMs <= endMs + SLACK_MS && (toMs ?? endMs) >= startMs - SLACK_MS
  })
}

function midnightOf(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) - IST_MS
}

function dateAfter(date: string, days: number): MarketDate {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10) as MarketDate
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
