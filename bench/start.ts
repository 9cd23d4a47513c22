/**
 * How soon after its start does the worker listen? `chandler stream` of the built package, its own process,
 * from exec to the line with which it says that its state is rebuilt and it is about to connect: once with an
 * empty lake, once with a day of 20 M ticks behind it, the run before it killed, and a checkpoint as old as
 * one can be. In turns with the same start without its checkpoint (A B A B), which replays the day's journal
 * from the beginning.
 *
 * The day is lived through by the worker's own code, packet by packet, so segments are sealed and compressed,
 * minutes published and checkpoints written as they are in a market. Needs about 1 GB of temporary disk.
 *
 *     node bench/start.ts [--runs 5] [--ticks 20000000] [--dir <a day that an earlier run kept> | --keep]
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type LiveDay, openLiveDay } from '../src/app/live-day.ts'
import type { IndiaContext } from '../src/app/vendor.ts'
import { loadConfig } from '../src/config.ts'
import { Secret } from '../src/domain/secret.ts'
import { MINUTE_MS, type Minute, minuteEnd, type UnixMs } from '../src/domain/time.ts'
import { type Clock, createClock, formatClockSetting } from '../src/platform/clock.ts'
import { Scrubber } from '../src/platform/log.ts'
import { createGenerator } from '../src/sim/smartapi/generator.ts'
import { TEST_TOTP_SECRET } from '../src/sim/smartapi/logins.ts'
import { PacketMaker } from '../src/sim/smartapi/packet-maker.ts'
import { smartapiStandIn } from '../src/venues/smartapi/index.ts'
import { QUIET, startChild } from './child.ts'
import { flag, medianOf, report, say, spreadOf } from './measure.ts'
import { DATE, GRACE_MS, openOf, planBenchDay, QUOTE_BYTES } from './session.ts'

const INSTRUMENTS = 3_000
const MINUTES = 375
const QUOTE_MODE = 1
/** About what one turn of the event loop brings in a busy moment. */
const PACKETS_A_TURN = 64
/** From one checkpoint to the next. */
const CHECKPOINT_MINUTES = 5
const EMPTY_MAX_MS = 2_000
const FULL_MAX_MS = 5_000
/** The vendor lets a client log in once a second; what is refused tries again after 2 to 3 seconds. */
const LOGIN_MS = 1_500
/** Of the kernel's accounts of processes. */
const MS_PER_TICK = 10
const READY = 'ready to connect'

const runs = flag('runs', 5)
const ticks = flag('ticks', 20_000_000)
const keptAt = process.argv.indexOf('--dir')
const dir = keptAt < 0 ? mkdtempSync(join(tmpdir(), 'chandler-bench-')) : process.argv[keptAt + 1]!
const isKept = keptAt >= 0 || process.argv.includes('--keep')

const generator = createGenerator({
  date: DATE,
  instrumentCount: INSTRUMENTS,
  packetsPerSecond: ticks / (MINUTES * 60),
})
const plan = planBenchDay(generator.instruments)
const journal = join(dir, 'day/raw/in/journal', DATE)
const checkpoint = join(journal, 'checkpoint')

try {
  await run()
} finally {
  if (isKept) say(`kept: ${dir}`)
  else rmSync(dir, { recursive: true, force: true })
}

async function run(): Promise<void> {
  if (!existsSync(join(dir, 'made.json'))) await makeDay()
  const made = JSON.parse(readFileSync(join(dir, 'made.json'), 'utf8')) as Readonly<Record<string, number>>
  const main = mainOf()
  const setting = formatClockSetting({
    instantMs: (openOf(plan) + (MINUTES + 1) * MINUTE_MS) as UnixMs,
    realMs: Date.now(),
    speed: 1,
  })
  const exchange = await startChild<Urls>(
    'flat-exchange.ts',
    ['--instruments', String(INSTRUMENTS), '--rate', '1'],
    { ...process.env, CHANDLER_CLOCK: setting },
  )
  try {
    await measure(main, setting, exchange.offer, made)
  } finally {
    await exchange.end()
  }
}

type Urls = { readonly restUrl: string; readonly streamUrl: string }

async function measure(
  main: string,
  setting: string,
  urls: Urls,
  made: Readonly<Record<string, number>>,
): Promise<void> {
  const figures = { empty: [] as Start[], full: [] as Start[], whole: [] as Start[] }
  const start = (lake: string): Promise<Start> => startOnce(main, configFile(lake, urls), setting)
  const bytes = existsSync(checkpoint) ? readFileSync(checkpoint) : null
  for (let round = 0; round <= runs; round++) {
    rmSync(join(dir, 'empty'), { recursive: true, force: true })
    const empty = await start('empty')
    if (bytes !== null) writeFileSync(checkpoint, bytes)
    const full = await start('day')
    rmSync(checkpoint, { force: true })
    const whole = await start('day')
    say(
      `empty ${empty.readyMs} ms, with the day ${full.readyMs} ms, without checkpoint ${whole.readyMs} ms; ` +
        `processors ${empty.cpuMs}, ${full.cpuMs}, ${whole.cpuMs} ms`,
    )
    if (round === 0) continue
    figures.empty.push(empty)
    figures.full.push(full)
    figures.whole.push(whole)
  }
  if (bytes !== null) writeFileSync(checkpoint, bytes)
  tell('start-empty', 'exec to ready with an empty lake', figures.empty, [], EMPTY_MAX_MS, {})
  const notes = { ...made, checkpointMib: (bytes?.byteLength ?? 0) / (1 << 20) }
  tell('start-day', `exec to ready, ${ticks} ticks behind`, figures.full, figures.whole, FULL_MAX_MS, notes)
}

/** Of the process, up to the moment it was ready: time, the processors' time, highest memory. */
type Start = { readonly readyMs: number; readonly cpuMs: number; readonly maxRssMib: number }

async function startOnce(main: string, config: string, setting: string): Promise<Start> {
  await pause(LOGIN_MS)
  const startMs = performance.now()
  const worker = spawn(main, ['stream', '--market', 'in', '--json', '--config', config], {
    env: {
      ...process.env,
      PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
      CHANDLER_CLOCK: setting,
      SMARTAPI_API_KEY: 'bench',
      SMARTAPI_CLIENT_CODE: 'bench',
      SMARTAPI_PIN: 'bench',
      SMARTAPI_TOTP_SECRET: TEST_TOTP_SECRET,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = once(worker, 'exit')
  const readyMs = await untilReady(worker, startMs)
  const maxRssMib = highestRssMib(worker)
  const cpuMs = processorMs(worker)
  worker.kill('SIGKILL')
  await exited
  return { readyMs: Math.round(readyMs), cpuMs, maxRssMib }
}

async function untilReady(worker: ChildProcess, startMs: number): Promise<number> {
  const heard: string[] = []
  for await (const line of createInterface({ input: worker.stderr! })) {
    if (line.includes(READY)) return performance.now() - startMs
    heard.push(line)
  }
  throw new Error(`the worker ended before it was ready:\n${heard.join('\n')}`)
}

function highestRssMib(worker: ChildProcess): number {
  const status = readFileSync(`/proc/${worker.pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)![1]) / 1_024
}

/** Of all its threads; less troubled by other programs than time is. */
function processorMs(worker: ChildProcess): number {
  const stat = readFileSync(`/proc/${worker.pid}/stat`, 'utf8')
  const [user, system] = stat.slice(stat.lastIndexOf(')')).split(' ').slice(12, 14)
  return (Number(user) + Number(system)) * MS_PER_TICK
}

function tell(
  name: string,
  what: string,
  ours: readonly Start[],
  baseline: readonly Start[],
  maxMs: number,
  notes: Readonly<Record<string, number>>,
): void {
  const spread = spreadOf(ours.map(({ readyMs }) => readyMs))
  const ratios = baseline.map(({ readyMs }, at) => ours[at]!.readyMs / readyMs)
  report({
    name,
    what,
    figure: spread.median,
    unit: 'ms',
    ...spread,
    baseline: baseline.length === 0 ? null : medianOf(baseline.map(({ readyMs }) => readyMs)),
    baselineUnit: 'ms',
    baselineWhat: baseline.length === 0 ? 'none' : 'the same start without a checkpoint',
    ratio: ratios.length === 0 ? null : medianOf(ratios),
    target: `<= ${maxMs} ms`,
    holds: spread.max <= maxMs,
    notes: {
      ...notes,
      cpuMs: medianOf(ours.map(({ cpuMs }) => cpuMs)),
      maxRssMib: medianOf(ours.map(({ maxRssMib }) => maxRssMib)),
      ...(baseline.length === 0 ? {} : { baselineCpuMs: medianOf(baseline.map(({ cpuMs }) => cpuMs)) }),
      ...(baseline.length === 0 ? {} : { baselineRssMib: medianOf(baseline.map((one) => one.maxRssMib)) }),
    },
  })
}

function configFile(lake: string, urls: Urls): string {
  const instruments = generator.instruments.map(
    ({ exchange, token, symbol, derivatives }) => `${exchange},${token},${symbol},${derivatives === true}`,
  )
  const table = `exchange,token,symbol,derivatives\n${instruments.join('\n')}\n`
  writeFileSync(join(dir, 'instruments.in.csv'), table)
  const market = { instruments: './instruments.in.csv', stream: { ...urls, graceMs: GRACE_MS } }
  const path = join(dir, `${lake}.yaml`)
  writeFileSync(path, JSON.stringify({ dataDir: `./${lake}`, markets: { in: market } }))
  return path
}

/** `--main`: the command of another build, to be compared with. */
function mainOf(): string {
  const at = process.argv.indexOf('--main')
  if (at >= 0) return process.argv[at + 1]!
  const build = fileURLToPath(new URL('../scripts/build.ts', import.meta.url))
  execFileSync(process.execPath, [QUIET, build], { cwd: new URL('..', import.meta.url), stdio: 'inherit' })
  return fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
}

/** Lets the worker's code live through the day, as fast as it can, and notes what that took. */
async function makeDay(): Promise<void> {
  say(`living through a day of ${ticks} ticks`)
  mkdirSync(dir, { recursive: true })
  const clock = dayClock()
  const config = configFile('day', { restUrl: 'http://127.0.0.1:1', streamUrl: 'ws://127.0.0.1:1' })
  const day = await openLiveDay(contextOf(config, clock), plan, (error) => {
    throw error
  })
  clock.atMs = openOf(plan) - 15 * MINUTE_MS
  day.start()
  for (const shard of new Set(plan.shards)) {
    const atMs = clock.wallMs()
    day.ingest.fact({ kind: 'connect', shard, connection: shard, atMs })
    day.ingest.fact({ kind: 'live', shard, connection: shard, atMs })
  }
  const old = await hear(day, clock)
  await day.end()
  writeFileSync(checkpoint, old)
  const made = {
    ticks: day.fold.packetCount(),
    candles: day.candleCount(),
    segments: globSync(join(journal, '*.wal*')).length,
    journalMib: sizeMib(join(journal, '*.wal*')),
  }
  writeFileSync(join(dir, 'made.json'), JSON.stringify(made))
  say(JSON.stringify(made))
}

/** Returns the checkpoint that a kill at the end would have left in the worst case. */
async function hear(day: LiveDay, clock: DayClock): Promise<Uint8Array> {
  const maker = new PacketMaker(smartapiStandIn, generator.instruments)
  const shardOf = new Map(plan.instruments.map(({ token }, at) => [token, plan.shards[at]!]))
  const shards = generator.instruments.map(({ token }) => shardOf.get(token)!)
  const toMs = openOf(plan) + MINUTES * MINUTE_MS
  let old: Uint8Array = new Uint8Array(0)
  const stream = generator.open(openOf(plan))
  let minute = Math.floor(openOf(plan) / MINUTE_MS) as Minute
  let count = 0
  for (let batch = stream.next(); batch !== null; batch = stream.next()) {
    if (batch instanceof Promise) throw new Error('the generator answers at once')
    for (let row = 0; row < batch.count; row++) {
      const atMs = batch.atMs[row]! as UnixMs
      if (atMs < openOf(plan) || atMs >= toMs) continue
      if (atMs >= minuteEnd(minute) + GRACE_MS) {
        clock.atMs = minuteEnd(minute) + GRACE_MS
        day.finalise(minute)
        await day.published()
        minute = (minute + 1) as Minute
        if (minute === toMs / MINUTE_MS - CHECKPOINT_MINUTES) old = readFileSync(checkpoint)
      }
      const frame = maker.frame(batch, row, QUOTE_MODE)
      const packet = frame.subarray(frame.byteLength - QUOTE_BYTES)
      const connection = shards[batch.instrument[row]!]!
      while (!day.ingest.packet(connection, packet, atMs)) await day.ingest.whenRoom()
      if (++count % PACKETS_A_TURN === 0) await turn()
    }
  }
  clock.atMs = minuteEnd(minute) + GRACE_MS
  day.finalise(minute)
  await day.published()
  return old
}

type DayClock = Clock & { atMs: number }

/** The wall's time is the day's; waits and durations are real. */
function dayClock(): DayClock {
  const clock = { ...createClock(), atMs: openOf(plan) - 20 * MINUTE_MS, wallMs: () => clock.atMs as UnixMs }
  return clock
}

function contextOf(config: string, clock: DayClock): IndiaContext {
  const secret = new Secret('bench')
  const write = (level: string) => (message: string) => {
    if (level !== 'info') say(`${level}: ${message}`)
  }
  return {
    config: loadConfig({ file: config }),
    clock,
    simulation: undefined,
    log: { info: write('info'), warn: write('warn'), error: write('error'), pass: () => {} },
    scrubber: new Scrubber(),
    random: () => 0.5,
    signal: new AbortController().signal,
    credentials: () => ({ apiKey: secret, clientCode: secret, pin: secret, totpSecret: secret }),
  }
}

function sizeMib(pattern: string): number {
  return globSync(pattern).reduce((sum, path) => sum + statSync(path).size, 0) / (1 << 20)
}
