/**
 * Does a worker that is killed again and again lose anything? One stand-in exchange, one worker that
 * nobody disturbs (the witness) and one that is killed with SIGKILL at moments drawn from a seed and
 * started again (the victim), all in processes of their own and on one simulated clock. Here the session is
 * run and what is published is watched; `kill-verdict.ts` judges afterwards.
 *
 * Moments: after a random time; within milliseconds of a minute's end; shortly after a minute was finalised,
 * while its part is on its way to the disk; and within the first second of a run, in the middle of recovery
 * and replay.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import { HOUR_MS, MINUTE_MS, minuteEnd, minuteOf } from '../../src/domain/time.ts'
import {
  type Clock,
  type ClockSimulation,
  createClock,
  formatClockSetting,
} from '../../src/platform/clock.ts'
import { Prng } from '../../src/sim/prng.ts'
import { demoInstruments } from '../../src/sim/smartapi/listing.ts'
import { judgeSession, type SessionVerdict } from './kill-verdict.ts'
import {
  credentialsOf,
  type Environment,
  type Exchange,
  fileIn,
  RunningCommand,
  startExchange,
} from './processes.ts'
import { PublishedFiles } from './published-files.ts'

export type KillOptions = {
  /** Folder for the two lakes; kept. */
  readonly dir: string
  readonly count: number
  readonly seed: number
  readonly speed: number
  readonly graceMs: number
  readonly instrumentCount: number
  readonly packetsPerSecond: number
  /** Real ms between two kills, on average. */
  readonly intervalMs: number
  readonly onProgress: (text: string) => void
}

/** `boundary`: a minute has just ended; `finalised`: its grace has; `early`: the run has just begun. */
export type KillKind = 'random' | 'boundary' | 'finalised' | 'early'

export type Kill = {
  readonly kind: KillKind
  /** On the simulated clock: when the signal was sent, and when the next run was started. */
  readonly killedMs: UnixMs
  readonly restartedMs: UnixMs
}

/** One market date, as it was played. */
export type PlayedSession = {
  readonly date: MarketDate
  readonly kills: readonly Kill[]
  /** Real ms from the start of a run to its feed being live, for runs that came so far. */
  readonly restartsMs: readonly number[]
  /** Starts that went on from a checkpoint. */
  readonly checkpointsUsed: number
  readonly published: PublishedFiles
  /** Files that a kill left half way between being named and being listed. */
  readonly unlistedCount: number
  /** What the workers said that they should not have. */
  readonly complaints: readonly string[]
  readonly clock: Clock
  readonly witness: Worker
  readonly victim: Worker
  readonly options: KillOptions
}

/** How to run commands as one of the two workers. */
export type Worker = {
  readonly dataDir: string
  readonly args: readonly string[]
  readonly env: Environment
}

export type KillSummary = SessionVerdict & {
  readonly kills: number
  readonly sessions: number
  readonly restartMsMedian: number
  readonly restartMsMax: number
  readonly checkpointsUsed: number
  readonly seed: number
  readonly speed: number
}

const DATES = ['2026-07-01', '2026-07-02', '2026-07-03', '2026-07-06', '2026-07-07', '2026-07-08']
const UTC_OFFSET_MS = 5.5 * HOUR_MS
const OPEN_MS = 9.25 * HOUR_MS
/** A session of NSE: 09:15 to 15:30. */
const SESSION_MINUTES_MAX = 375
const SESSION_MINUTES_MIN = 15
/** Real time for exchange and witness to start in, before the open. */
const LEAD_REAL_MS = 4_000
/** No kill in the last minutes: the last run is to see the close. */
const LAST_MINUTES = 4
const READY_REAL_MS = 800
const SEGMENT_BYTES = 256 * 1_024
/** A machine under load takes longer to die and to rise than planned. */
const SLACK_RATIO = 1.25

/** Plays as many sessions as `count` kills take, judges each, and adds up. */
export async function runKillLoop(options: KillOptions): Promise<KillSummary> {
  const sessions = planSessions(options)
  const verdicts: SessionVerdict[] = []
  const restartsMs: number[] = []
  let kills = 0
  let checkpointsUsed = 0
  for (const [at, plan] of sessions.entries()) {
    const { played, verdict } = await playSession(options, plan, at)
    kills += played.kills.length
    restartsMs.push(...played.restartsMs)
    checkpointsUsed += played.checkpointsUsed
    verdicts.push(verdict)
    options.onProgress(`${plan.date}: ${played.kills.length} kills, ${JSON.stringify(verdict)}`)
  }
  restartsMs.sort((a, b) => a - b)
  return {
    kills,
    sessions: sessions.length,
    ...addUp(verdicts),
    restartMsMedian: Math.round(restartsMs[restartsMs.length >> 1] ?? 0),
    restartMsMax: Math.round(restartsMs.at(-1) ?? 0),
    checkpointsUsed,
    seed: options.seed,
    speed: options.speed,
  }
}

type SessionPlan = { readonly date: MarketDate; readonly kills: number; readonly minutes: number }

/** As many equal sessions as needed, each long enough for its share of the kills. */
function planSessions({ count, speed, intervalMs }: KillOptions): readonly SessionPlan[] {
  const minutesPerKill = (intervalMs * SLACK_RATIO * speed) / MINUTE_MS
  const killsMax = Math.floor((SESSION_MINUTES_MAX - LAST_MINUTES) / minutesPerKill)
  const sessionCount = Math.ceil(count / killsMax)
  if (sessionCount > DATES.length) throw new Error(`${count} kills take more than ${DATES.length} sessions`)
  return Array.from({ length: sessionCount }, (_, at) => {
    const kills = Math.floor((count * (at + 1)) / sessionCount) - Math.floor((count * at) / sessionCount)
    const wanted = Math.ceil(kills * minutesPerKill) + LAST_MINUTES
    const minutes = Math.min(SESSION_MINUTES_MAX, Math.max(SESSION_MINUTES_MIN, wanted))
    return { date: DATES[at]! as MarketDate, kills, minutes }
  })
}

function addUp(verdicts: readonly SessionVerdict[]): SessionVerdict {
  const sum: Record<string, number> = {}
  for (const verdict of verdicts) {
    for (const [name, value] of Object.entries(verdict)) sum[name] = (sum[name] ?? 0) + Number(value)
  }
  return { ...(sum as unknown as SessionVerdict), findings: verdicts.flatMap(({ findings }) => findings) }
}

type Judged = { readonly played: PlayedSession; readonly verdict: SessionVerdict }

async function playSession(options: KillOptions, plan: SessionPlan, number: number): Promise<Judged> {
  const openMs = (Date.parse(`${plan.date}T00:00:00Z`) - UTC_OFFSET_MS + OPEN_MS) as UnixMs
  const simulation: ClockSimulation = {
    instantMs: (openMs - MINUTE_MS) as UnixMs,
    realMs: Date.now() + LEAD_REAL_MS,
    speed: options.speed,
  }
  const clock = createClock(simulation)
  const setting = formatClockSetting(simulation)
  const closeMs = (openMs + plan.minutes * MINUTE_MS) as UnixMs
  const exchange = await startExchange({ ...options, clock: setting })
  const witness = prepareWorker(options, exchange, plan, setting, 'witness')
  const victim = prepareWorker(options, exchange, plan, setting, 'victim')
  const undisturbed = stream(witness)
  const session = new KilledSession(options, clock, victim, plan.date, new Prng(options.seed, number))
  try {
    await undisturbed.said('feed live')
    const lastKillMs = (closeMs - LAST_MINUTES * MINUTE_MS) as UnixMs
    const last = await session.killUntil(plan.kills, lastKillMs)
    await clock.sleepUntil((closeMs + options.graceMs + MINUTE_MS) as UnixMs, NEVER)
    await session.finish(last)
    session.complain('witness', await undisturbed.end('SIGTERM'))
    const played = session.played(witness)
    // While the stand-in still runs: settle asks it for history.
    return { played, verdict: await judgeSession(played) }
  } finally {
    for (const one of [undisturbed, exchange.command, ...session.runs]) await one.end('SIGKILL')
  }
}

const NEVER = new AbortController().signal

/** The witness's lake and configuration and the victim's differ in nothing but place and client. */
function prepareWorker(
  options: KillOptions,
  exchange: Exchange,
  plan: SessionPlan,
  clock: string,
  name: 'witness' | 'victim',
): Worker {
  const { dir, graceMs, instrumentCount, speed } = options
  const rows = demoInstruments(instrumentCount).map(
    ({ exchange: place, token, symbol, derivatives }) =>
      `${place},${token},${symbol},${derivatives === true}`,
  )
  const instruments = fileIn(
    dir,
    'instruments.csv',
    `exchange,token,symbol,derivatives\n${rows.join('\n')}\n`,
  )
  const calendarOverride = fileIn(dir, `calendar-${plan.date}.json`, {
    sessions: [
      { date: plan.date, note: 'as long as it takes', continuous: [['09:15', timeAfterOpen(plan)]] },
    ],
  })
  const dataDir = `${dir}/${name}`
  const { restUrl, streamUrl } = exchange
  // In real time a machine under load hesitates: the limits are as much wider as the clock is faster.
  const stream = {
    restUrl,
    streamUrl,
    graceMs,
    socketSilenceMs: 5_000 * speed,
    dataSilenceMs: 5_000 * speed,
    pingIntervalMs: 300 * speed,
  }
  // Small segments, so that checkpoints lie in one of many, and those before it are sealed and compressed.
  const journal = { ballastBytes: 0, segmentBytes: SEGMENT_BYTES, syncBytes: SEGMENT_BYTES }
  const config = fileIn(dir, `${name}-${plan.date}.json`, {
    dataDir,
    markets: { in: { instruments, calendarOverride, stream, journal } },
  })
  const env = { ...credentialsOf(name.toUpperCase()), CHANDLER_CLOCK: clock }
  return { dataDir, args: ['--config', config, '--json'], env }
}

function timeAfterOpen({ minutes }: SessionPlan): string {
  const sinceMidnight = OPEN_MS / MINUTE_MS + minutes
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${two(Math.floor(sinceMidnight / 60))}:${two(sinceMidnight % 60)}`
}

function stream({ args, env }: Worker): RunningCommand {
  return new RunningCommand([...args, 'stream', '--market', 'in'], env)
}

class KilledSession {
  readonly runs: RunningCommand[] = []
  readonly #options: KillOptions
  readonly #clock: Clock
  readonly #victim: Worker
  readonly #date: MarketDate
  readonly #prng: Prng
  readonly #kills: Kill[] = []
  readonly #restartsMs: number[] = []
  readonly #complaints: string[] = []
  readonly #published: PublishedFiles
  #unlistedCount = 0

  constructor(options: KillOptions, clock: Clock, victim: Worker, date: MarketDate, prng: Prng) {
    this.#options = options
    this.#clock = clock
    this.#victim = victim
    this.#date = date
    this.#prng = prng
    this.#published = new PublishedFiles(victim.dataDir, date)
  }

  /** Resolves with the run that is to live on. */
  async killUntil(count: number, lastKillMs: UnixMs): Promise<RunningCommand> {
    for (;;) {
      const run = this.#start()
      if (this.#kills.length === count) return run
      const kind = this.#drawKind()
      await Promise.race([this.#momentOf(kind), run.ended])
      // A session that is over before all kills were done shows in the figures.
      if (this.#clock.wallMs() >= lastKillMs) return run
      const isAlive = run.isRunning
      const killedMs = this.#clock.wallMs()
      const ended = await run.end('SIGKILL')
      if (isAlive) this.complain('victim', { ...ended, status: 0 })
      else this.complain('victim', ended)
      this.#unlistedCount += this.#published.look()
      if (this.#prng.next() < 0.3) await pause(this.#prng.next() * 1_500)
      this.#kills.push({ kind, killedMs, restartedMs: this.#clock.wallMs() })
    }
  }

  #start(): RunningCommand {
    const run = stream(this.#victim)
    this.runs.push(run)
    run.said('feed live').then(
      () => this.#restartsMs.push(performance.now() - run.startedMs),
      () => {}, // killed before it came so far
    )
    return run
  }

  #drawKind(): KillKind {
    const chance = this.#prng.next()
    return chance < 0.45 ? 'random' : chance < 0.65 ? 'boundary' : chance < 0.85 ? 'finalised' : 'early'
  }

  async #momentOf(kind: KillKind): Promise<void> {
    const { intervalMs, graceMs } = this.#options
    const chance = this.#prng.next()
    const spareMs = intervalMs - READY_REAL_MS
    if (kind === 'early') return await pause(30 + chance * 1_000)
    if (kind === 'random') return await pause(READY_REAL_MS + chance * 2 * spareMs)
    await pause(READY_REAL_MS + chance * spareMs)
    const waitedMs = kind === 'finalised' ? graceMs : 0
    const endMs = minuteEnd(minuteOf(this.#clock.wallMs() - waitedMs)) + waitedMs
    await this.#clock.sleepUntil(endMs as UnixMs, NEVER)
    await pause(this.#prng.next() * (kind === 'finalised' ? 120 : 12))
  }

  /** Asks the last run to end in good order. */
  async finish(run: RunningCommand): Promise<void> {
    this.complain('victim', await run.end('SIGTERM'))
    this.#unlistedCount += this.#published.look()
  }

  /** Keeps what an operator should never see. */
  complain(
    name: string,
    { status, stderr }: { readonly status: number | null; readonly stderr: string },
  ): void {
    if (status !== 0) this.#complaints.push(`${name} ended with ${status}: ${stderr.split('\n').at(-1)}`)
    for (const line of stderr.split('\n')) {
      const isPlain = line === '' || (line.startsWith('{') && !line.includes('"level":"error"'))
      if (!isPlain) this.#complaints.push(`${name}: ${line}`)
    }
  }

  played(witness: Worker): PlayedSession {
    return {
      date: this.#date,
      kills: this.#kills,
      restartsMs: this.#restartsMs,
      checkpointsUsed: this.runs.filter(({ stderrLines }) => stderrLines.some(isFromCheckpoint)).length,
      published: this.#published,
      unlistedCount: this.#unlistedCount,
      complaints: this.#complaints,
      clock: this.#clock,
      witness,
      victim: this.#victim,
      options: this.#options,
    }
  }
}

function isFromCheckpoint(line: string): boolean {
  return /"afterSeq":[1-9]/.test(line)
}

/** Figures that must be 0. */
const PROMISES = [
  'lost',
  'doubled',
  'different',
  'replayDifferent',
  'unexplained',
  'untrue',
  'dishonest',
  'uncovered',
  'unbalanced',
  'vendorDifferent',
  'unsettled',
  'settleDifferent',
  'damages',
  'complaints',
] as const

export function brokenPromises(summary: KillSummary): readonly string[] {
  return PROMISES.filter((name) => summary[name] !== 0).map((name) => `${name}: ${summary[name]}`)
}
