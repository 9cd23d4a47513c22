/**
 * How soon is a minute durable, how long does the feed's thread keep a packet waiting, and how much memory
 * does it all take? `chandler stream` itself, its own process, a whole session at 60 times the speed: a
 * minute each second, 3,000 instruments over three sockets, 30,000 packets a second by the real clock.
 * Prints two lines, `finalise-latency` and `memory`. `--minutes 100` ends it early. The worker is the built
 * package, as it is installed; `--source` runs the sources instead, which takes what the type stripping of
 * three threads takes.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HOUR_MS, MINUTE_MS, type UnixMs } from '../src/domain/time.ts'
import { formatClockSetting } from '../src/platform/clock.ts'
import { demoInstruments } from '../src/sim/smartapi/listing.ts'
import { TEST_TOTP_SECRET } from '../src/sim/smartapi/logins.ts'
import { QUIET, startChild } from './child.ts'
import { flag, medianOf, report, say, spreadOf } from './measure.ts'
import { DATE, GRACE_MS } from './session.ts'

const INSTRUMENTS = 3_000
const SPEED = 60
/** A second of the simulated clock; 30,000 a second of the real one. */
const PACKETS_PER_SECOND = 500
const MINUTES_MIN = 100
const LATENCY_P99_MS = 50
const LOOP_P99_MS = 10
const RSS_MAX_MIB = 250
/** Growth of the memory over three quarters of the session that is taken for flat. */
const GROWTH_MAX_MIB = 15
const START_UP_MS = 4_000
const SAMPLE_MS = 1_000

type Summary = {
  readonly candleCount: number
  readonly packetCount: number
  readonly lateCount: number
  readonly gapCount: number
  readonly publishedMinutes: number
  readonly rejected: Readonly<Record<string, number>>
  readonly latency: { count: number; p50Ms: number; p99Ms: number; maxMs: number }
  readonly loopDelay: { p50Ms: number; p99Ms: number; maxMs: number }
}

const minutes = flag('minutes', 375)
const isSource = process.argv.includes('--source')
const dir = mkdtempSync(join(tmpdir(), 'chandler-bench-'))
try {
  await run()
} finally {
  rmSync(dir, { recursive: true, force: true })
}

async function run(): Promise<void> {
  // The worker listens from five minutes before the pre-open on.
  const fromMs = Date.parse(`${DATE}T00:00:00Z`) - 5.5 * HOUR_MS + 9 * HOUR_MS - 6 * MINUTE_MS
  const realMs = Date.now() + START_UP_MS
  const clock = formatClockSetting({ instantMs: fromMs as UnixMs, realMs, speed: SPEED })
  const exchange = await startChild<{ restUrl: string; streamUrl: string }>(
    'flat-exchange.ts',
    ['--instruments', String(INSTRUMENTS), '--rate', String(PACKETS_PER_SECOND)],
    { ...process.env, CHANDLER_CLOCK: clock },
  )
  const worker = startWorker(clock, exchange.offer)
  const answer = worker.stdout!.toArray()
  const exited = once(worker, 'exit')
  const openRealMs = realMs + (21 * MINUTE_MS) / SPEED
  const endRealMs =
    minutes >= 375 ? Number.POSITIVE_INFINITY : openRealMs + (minutes * MINUTE_MS) / SPEED + 200
  const rss = await sampleMemory(worker, openRealMs, endRealMs)
  await exited
  await exchange.end()
  const { summary } = JSON.parse(Buffer.concat(await answer).toString()) as { summary: Summary }
  reportLatency(summary)
  reportMemory(rss, summary)
}

function startWorker(clock: string, urls: { restUrl: string; streamUrl: string }): ChildProcess {
  const instruments = demoInstruments(INSTRUMENTS).map(
    ({ exchange, token, symbol, derivatives }) => `${exchange},${token},${symbol},${derivatives === true}`,
  )
  writeFileSync(
    join(dir, 'instruments.in.csv'),
    `exchange,token,symbol,derivatives\n${instruments.join('\n')}\n`,
  )
  // The watchdogs' patience is the clock's: at this speed an ordinary pause would be half a minute.
  const stream = { ...urls, graceMs: GRACE_MS, socketSilenceMs: 300_000, dataSilenceMs: 300_000 }
  const market = { instruments: './instruments.in.csv', stream: { ...stream, pingIntervalMs: 20_000 } }
  writeFileSync(join(dir, 'chandler.yaml'), JSON.stringify({ dataDir: './data', markets: { in: market } }))
  const args = ['stream', '--market', 'in', '--json', '--config', join(dir, 'chandler.yaml')]
  const [command, ...flags] = isSource ? sourceCommand() : [buildPackage()]
  return spawn(command!, [...flags, ...args], {
    env: {
      ...process.env,
      PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
      CHANDLER_CLOCK: clock,
      SMARTAPI_API_KEY: 'bench',
      SMARTAPI_CLIENT_CODE: 'bench',
      SMARTAPI_PIN: 'bench',
      SMARTAPI_TOTP_SECRET: TEST_TOTP_SECRET,
    },
    stdio: ['ignore', 'pipe', process.argv.includes('--log') ? 'inherit' : 'ignore'],
  })
}

/** As the script `chandler` of the package runs it. */
function sourceCommand(): readonly string[] {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const { scripts } = JSON.parse(text) as { scripts: { chandler: string } }
  const [, ...flags] = scripts.chandler.split(' ')
  const main = fileURLToPath(new URL(`../${flags.pop()}`, import.meta.url))
  return [process.execPath, ...flags, main]
}

/** The command as it is installed: its first line says which flags it runs with. */
function buildPackage(): string {
  const build = fileURLToPath(new URL('../scripts/build.ts', import.meta.url))
  execFileSync(process.execPath, [QUIET, build], { cwd: new URL('..', import.meta.url), stdio: 'inherit' })
  return fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
}

/** MiB each second from the open on, until the worker ends; asks it to end at `endRealMs`. */
async function sampleMemory(worker: ChildProcess, openRealMs: number, endRealMs: number): Promise<number[]> {
  const rss: number[] = []
  let isAsked = false
  while (worker.exitCode === null && worker.signalCode === null) {
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS))
    if (Date.now() < openRealMs) continue
    const mib = residentMib(worker.pid!)
    if (mib !== null) rss.push(mib)
    if (rss.length % 60 === 1) say(`minute ${rss.length}, ${mib?.toFixed(0)} MiB`)
    if (Date.now() >= endRealMs && !isAsked) isAsked = worker.kill('SIGTERM')
  }
  return rss
}

function residentMib(pid: number): number | null {
  try {
    const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return match === null ? null : Number(match[1]) / 1_024
  } catch {
    return null // it has just ended
  }
}

function reportLatency(summary: Summary): void {
  const { latency, loopDelay } = summary
  report({
    name: 'finalise-latency',
    what: `minute end + grace to durable Parquet, p99; ${INSTRUMENTS} instruments, 30,000 packets/s`,
    figure: latency.p99Ms,
    unit: 'ms',
    min: latency.p50Ms,
    median: latency.p50Ms,
    max: latency.maxMs,
    runs: latency.count,
    baseline: null,
    baselineUnit: 'ms',
    baselineWhat: 'none',
    ratio: null,
    target:
      `p99 <= ${LATENCY_P99_MS} ms over >= ${MINUTES_MIN} minutes; ` +
      `event-loop delay p99 <= ${LOOP_P99_MS} ms`,
    holds: latency.p99Ms <= LATENCY_P99_MS && latency.count >= MINUTES_MIN && loopDelay.p99Ms <= LOOP_P99_MS,
    notes: summary,
  })
}

function reportMemory(rss: readonly number[], summary: Summary): void {
  const settled = rss.slice(Math.floor(rss.length / 4))
  const growth = slopeOf(settled) * settled.length
  const spread = spreadOf(rss)
  report({
    name: 'memory',
    what: `resident memory of the worker, highest of a sample each second; ${INSTRUMENTS} instruments`,
    figure: spread.max,
    unit: 'MiB',
    ...spread,
    baseline: null,
    baselineUnit: 'MiB',
    baselineWhat: 'none',
    ratio: null,
    target: `<= ${RSS_MAX_MIB} MiB, flat (<= ${GROWTH_MAX_MIB} MiB more after the first quarter)`,
    holds: spread.max <= RSS_MAX_MIB && growth <= GROWTH_MAX_MIB,
    notes: {
      growthAfterFirstQuarterMib: growth,
      firstQuarterMedianMib: medianOf(rss.slice(0, Math.max(1, rss.length >> 2))),
      lastQuarterMedianMib: medianOf(rss.slice(-Math.max(1, rss.length >> 2))),
      minutes: summary.publishedMinutes,
    },
  })
}

/** Least squares, MiB a sample. */
function slopeOf(values: readonly number[]): number {
  const meanAt = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  let above = 0
  let below = 0
  for (const [at, value] of values.entries()) {
    above += (at - meanAt) * (value - mean)
    below += (at - meanAt) ** 2
  }
  return below === 0 ? 0 : above / below
}
