/** How does a stand-in of the vendor run until somebody stops it? Chooses its clock, starts it, ends it. */
import { clockSimulation } from '../config.ts'
import { OperatingError } from '../domain/error.ts'
import { DAY_MS, type MarketDate, MINUTE_MS, type UnixMs } from '../domain/time.ts'
import { type ClockSimulation, realNowMs } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { readLineBlocks } from '../platform/text-file.ts'
import { type RunningStandIn, runStandIn, type StandInAddress } from '../sim/smartapi/run.ts'
import type { StandInStats } from '../sim/smartapi/stand-in.ts'
import { checkedDate } from '../store/lake.ts'
import { smartapiStandIn } from '../venues/smartapi/index.ts'
import type { IndiaContext } from './vendor.ts'

const IST_OFFSET_MS = 19_800_000
/** A minute before the open, so that a listener can be there in time. */
const BEGIN_AT = '09:14'
const INSTRUMENT_COUNT = 200

export type SimOptions = {
  readonly port: number
  readonly recording?: string
  readonly speed?: number
  readonly date?: string
  /** Market time to begin at, `HH:MM`. */
  readonly at?: string
  readonly faults?: string
  readonly seed: number
  readonly instruments?: number
  readonly rate: number
}

export type RunningSim = { readonly address: StandInAddress; readonly ended: Promise<void> }

/** `contextFor` makes the process's context once the clock is chosen: CHANDLER_CLOCK, else the flags. */
export async function startSim(
  options: SimOptions,
  contextFor: (simulation: ClockSimulation | undefined) => IndiaContext,
): Promise<RunningSim> {
  const date = await dateOf(options)
  const simulation = clockSimulation() ?? simulationOf(options, date)
  const { clock, log, signal } = contextFor(simulation)
  const running: RunningStandIn = await runStandIn({
    clock,
    log,
    venue: smartapiStandIn,
    port: options.port,
    seed: options.seed,
    instrumentCount: options.instruments ?? INSTRUMENT_COUNT,
    packetsPerSecond: options.rate,
    ...(simulation === undefined ? {} : { simulation }),
    ...(date === undefined || clockSimulation() !== undefined ? {} : { date }),
    ...(options.recording === undefined ? {} : { recording: options.recording }),
    ...(options.faults === undefined ? {} : { faults: options.faults }),
  })
  const ended = untilAborted(signal).then(async () => {
    logEnd(log, running.standIn.stats())
    await running.standIn.stop()
  })
  return { address: running.address, ended }
}

/** What was sent, and how many packets, handshakes and requests each kind of fault met. */
function logEnd(log: Log, stats: StandInStats): void {
  const { updateCount, packetCount, conflatedCount, loginCount, requestCount, socketsRefused } = stats
  log.info('stand-in ended', {
    updates: updateCount,
    packets: packetCount,
    conflated: conflatedCount,
    logins: loginCount,
    requests: requestCount,
    socketsRefused,
    ...stats.faults,
  })
}

async function dateOf(options: SimOptions): Promise<MarketDate | undefined> {
  if (options.date !== undefined) return checkedDate(options.date)
  if (options.recording !== undefined) return await dateOfRecording(options.recording)
  return options.speed === undefined ? undefined : dateAt(realNowMs())
}

function dateAt(timeMs: number): MarketDate {
  return new Date(timeMs + IST_OFFSET_MS).toISOString().slice(0, 10) as MarketDate
}

/** The market date of the first row; undefined where its times count from midnight. */
async function dateOfRecording(path: string): Promise<MarketDate | undefined> {
  try {
    for await (const lines of readLineBlocks(path)) {
      const timeMs = Number((lines[1] ?? '').split(',')[0])
      return timeMs >= DAY_MS ? dateAt(timeMs) : dateAt(realNowMs())
    }
  } catch {
    // Whatever is wrong with the file is told, with its line, when it is opened to be played.
  }
  return undefined
}

function simulationOf(options: SimOptions, date: MarketDate | undefined): ClockSimulation | undefined {
  if (date === undefined) return undefined
  const at = options.at ?? BEGIN_AT
  const match = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(at)
  if (match === null) {
    throw new OperatingError(`reading --at: "${at}" is not a time; write it as ${BEGIN_AT}`, {
      code: 'USAGE',
    })
  }
  const sinceMidnightMs = (Number(match[1]) * 60 + Number(match[2])) * MINUTE_MS
  const instantMs = Date.parse(`${date}T00:00:00Z`) - IST_OFFSET_MS + sinceMidnightMs
  return { instantMs: instantMs as UnixMs, realMs: realNowMs(), speed: options.speed ?? 1 }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
