/**
 * What does chandler do? The demo shows it: a stand-in exchange in a process of its own, the real worker
 * over real sockets, the settle, all in simulated time. Its lake is kept, so that it can be queried.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config.ts'
import { processEnvironment } from '../config.ts'
import { OperatingError } from '../domain/error.ts'
import { Secret } from '../domain/secret.ts'
import type { SettleReport } from '../domain/settle-report.ts'
import { HOUR_MS, MINUTE_MS, type UnixMs } from '../domain/time.ts'
import type { IngestVerdict } from '../domain/verdict.ts'
import { type ClockSimulation, formatClockSetting, realNowMs } from '../platform/clock.ts'
import { listNames, makeDir, makeTempDir, writeNewFile } from '../platform/durable.ts'
import { threadUrl } from '../platform/thread.ts'
import { demoInstruments } from '../sim/smartapi/listing.ts'
import { TEST_TOTP_SECRET } from '../sim/smartapi/logins.ts'
import { pathOf } from '../store/lake.ts'
import { type FoundCandles, queryCandles } from './candles-query.ts'
import { INDIA, indiaCalendar, indiaDay } from './india-day.ts'
import { sessionOn } from './market-date.ts'
import { settleDay } from './settle-day.ts'
import type { StreamProbe } from './stream-probe.ts'
import { runStream } from './stream-worker.ts'
import { ingestSession } from './truth-ingest.ts'
import type { IndiaContext } from './vendor.ts'

export type DemoOptions = {
  readonly speed: number
  readonly seed: number
  readonly date: string
  /** Root of the demo's lake; without it a new temporary folder. */
  readonly dataDir?: string
  /** Path of a faults file; without it one short disconnect is played, so that a gap can be seen. */
  readonly faults?: string
}

export type DemoResult<Context extends IndiaContext> = {
  readonly runtime: Context
  readonly report: SettleReport
  readonly found: FoundCandles
  readonly verdict: IngestVerdict
  /** The settled Parquet file. */
  readonly file: string
}

const INSTRUMENT_COUNT = 200
/** Packets a simulated second, over all instruments. */
const PACKETS_PER_SECOND = 25
const BREADTH_COUNT = 4
/** Real time for the processes to start in, before the simulated feed begins. */
const START_UP_MS = 3_000
const LISTEN_TIMEOUT_MS = 20_000
/** At this speed a real hiccup of 100 ms is 40 s of the market: the limits are as much wider. */
const WIDE_LIMITS = {
  graceMs: 60_000,
  socketSilenceMs: 300_000,
  dataSilenceMs: 300_000,
  pingIntervalMs: 20_000,
} as const

const DEMO_FAULTS = `# The demo cuts the line once, so that a gap and what settle makes of it can be seen.
- at: "11:07:20"
  kind: disconnect
`

/** `contextFor` makes the process's context for the demo's clock; `onStarted` may show the run. */
export async function runDemo<Context extends IndiaContext>(
  options: DemoOptions,
  contextFor: (simulation: ClockSimulation) => Context,
  onStarted: (context: Context, probe: StreamProbe) => void,
): Promise<DemoResult<Context>> {
  const day = indiaDay(options.date)
  const simulation = simulationOf(options)
  const base = contextFor(simulation)
  sessionOn(indiaCalendar(base.config), day.date)
  const dir = options.dataDir === undefined ? makeTempDir('chandler-demo-') : base.config.dataDir
  makeDir(dir)
  refuseUsed(dir)
  const exchange = await startExchange(options, simulation, dir)
  try {
    const context: Context = { ...base, config: demoConfig(base.config, dir, exchange), credentials }
    await runStream(context, { onStarted: (probe) => onStarted(context, probe) })
    context.signal.throwIfAborted()
    const report = await settleDay(context, { date: day.date, onProgress: () => {} })
    const { verdict } = await ingestSession(context, INDIA, day.date, 'system:demo')
    const symbol = liveliest(report)
    const found = await queryCandles(context, { symbol, date: day.date, every: '1m', live: false })
    const file = join(dir, pathOf({ kind: 'day', day }))
    return { runtime: context, report, found, verdict, file }
  } finally {
    await exchange.stop()
  }
}

/** A second session in the same lake would be a restart of the first. */
function refuseUsed(dir: string): void {
  if (listNames(dir).length === 0) return
  throw new OperatingError(
    `playing the demo into ${dir}: there are files already; give an empty folder, or leave --data-dir out`,
    { code: 'DIR_UNUSABLE' },
  )
}

function credentials(): ReturnType<IndiaContext['credentials']> {
  const accepted = new Secret('no-real-secret')
  return { apiKey: accepted, clientCode: accepted, pin: accepted, totpSecret: new Secret(TEST_TOTP_SECRET) }
}

/** The feed begins five minutes before the pre-open; so does the demo, once everything has started. */
function simulationOf(options: DemoOptions): ClockSimulation {
  const utcOffsetMs = 5.5 * HOUR_MS
  const midnightMs = Date.parse(`${options.date}T00:00:00Z`) - utcOffsetMs
  const instantMs = (midnightMs + 9 * HOUR_MS - 6 * MINUTE_MS) as UnixMs
  return { instantMs, realMs: realNowMs() + START_UP_MS, speed: options.speed }
}

function demoConfig(config: Config, dir: string, exchange: Exchange): Config {
  const india = config.markets.in
  const { restUrl, streamUrl } = exchange
  return {
    ...config,
    dataDir: dir,
    markets: {
      ...config.markets,
      in: {
        ...india,
        instruments: exchange.instrumentsFile,
        proxySet: exchange.proxySetFile,
        stream: { ...india.stream, ...WIDE_LIMITS, restUrl, streamUrl },
        journal: { ...india.journal, ballastBytes: 0 },
      },
    },
  }
}

type Exchange = {
  readonly restUrl: string
  readonly streamUrl: string
  readonly instrumentsFile: string
  readonly proxySetFile: string
  stop(): Promise<void>
}

/** The stand-in has no Nifty Bank and no India VIX: an index and a few shares stand for its market. */
function demoProxySet(): object {
  const [index = '', ...shares] = demoInstruments(BREADTH_COUNT + 1).map(({ symbol }) => symbol)
  return {
    schema: 'chandler.proxy_set.v1',
    market: INDIA,
    version: '1.0.0',
    roles: [
      { role: 'index', symbols: [index] },
      { role: 'breadth', symbols: shares },
    ],
    required: [index],
  }
}

async function startExchange(
  options: DemoOptions,
  simulation: ClockSimulation,
  dir: string,
): Promise<Exchange> {
  const instrumentsFile = join(dir, 'instruments.in.csv')
  const lines = demoInstruments(INSTRUMENT_COUNT).map(
    ({ exchange, token, symbol, derivatives }) => `${exchange},${token},${symbol},${derivatives === true}`,
  )
  writeNewFile(instrumentsFile, Buffer.from(`exchange,token,symbol,derivatives\n${lines.join('\n')}\n`))
  const proxySetFile = join(dir, 'proxy-set.json')
  writeNewFile(proxySetFile, Buffer.from(JSON.stringify(demoProxySet(), null, 2)))
  const faults = options.faults ?? join(dir, 'faults.yaml')
  if (options.faults === undefined) writeNewFile(faults, Buffer.from(DEMO_FAULTS))
  const main = fileURLToPath(threadUrl('../cli/main', import.meta.url))
  const args = [main, 'sim', 'smartapi', '--seed', String(options.seed), '--faults', faults]
  args.push('--instruments', String(INSTRUMENT_COUNT), '--rate', String(PACKETS_PER_SECOND))
  const child = spawn(process.execPath, args, {
    env: { ...processEnvironment, CHANDLER_CLOCK: formatClockSetting(simulation) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { restUrl, streamUrl } = await addressOf(child)
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await exited
  }
  return { restUrl, streamUrl, instrumentsFile, proxySetFile, stop }
}

/** The first line that the stand-in prints; it keeps quiet afterwards. */
async function addressOf(child: ChildProcess): Promise<{ restUrl: string; streamUrl: string }> {
  let complaint = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = `${complaint}${chunk.toString()}`.slice(-2_000)
  })
  const lines = createInterface({ input: child.stdout! })
  const signal = AbortSignal.timeout(LISTEN_TIMEOUT_MS)
  const exited = once(child, 'exit', { signal }).then(() => [''])
  const [line] = (await Promise.race([once(lines, 'line', { signal }), exited])) as [string]
  if (line !== '') return JSON.parse(line) as { restUrl: string; streamUrl: string }
  throw new OperatingError(
    `starting the stand-in exchange: it ended at once; ${complaint.trim().split('\n').at(-1) ?? ''}`,
    { code: 'NOT_FOUND' },
  )
}

/** The instrument with the most volume makes the fullest chart. */
function liveliest(report: SettleReport): string {
  const rows = report.conservation.toSorted((a, b) => b.candleVolume - a.candleVolume)
  return rows[0]!.symbol
}
