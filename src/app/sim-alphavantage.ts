/** How does the stand-in of the batch vendor run until somebody stops it? With the calendar of New York. */
import { isSession, loadCalendar } from '../calendars/calendar.ts'
import { clockSimulation } from '../config.ts'
import { OperatingError } from '../domain/error.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'
import { type Clock, type ClockSimulation, realNowMs } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { Zone } from '../platform/zone.ts'
import type { Limits } from '../sim/alphavantage/quota.ts'
import { type AlphavantageAddress, startAlphavantageStandIn } from '../sim/alphavantage/stand-in.ts'
import type { DaysBetween } from '../sim/alphavantage/trading-days.ts'
import { checkedDate } from '../store/lake.ts'

export type AlphavantageSimOptions = {
  readonly port: number
  /** A folder of recorded answers. */
  readonly recording?: string
  readonly speed?: number
  readonly date?: string
  /** Time in New York to begin at, `HH:MM`. */
  readonly at?: string
  readonly faults?: string
  readonly seed: number
  /** How many companies to make up. */
  readonly instruments?: number
  readonly key?: string
  readonly plan: 'free' | 'premium'
  readonly perMinute?: number
  readonly perDay?: number
  readonly latency?: number
}

export type RunningAlphavantageSim = { readonly address: AlphavantageAddress; readonly ended: Promise<void> }

type SimContext = { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal }

/** Daily candles are final half an hour after the close: a day is worth asking for from then on. */
const BEGIN_AT = '16:30'

/** `contextFor` makes the process's context once the clock is chosen: CHANDLER_CLOCK, else the flags. */
export async function startAlphavantageSim(
  options: AlphavantageSimOptions,
  contextFor: (simulation: ClockSimulation | undefined) => SimContext,
): Promise<RunningAlphavantageSim> {
  const simulation = clockSimulation() ?? simulationOf(options)
  const { clock, log, signal } = contextFor(simulation)
  const standIn = await startAlphavantageStandIn({
    clock,
    log,
    port: options.port,
    seed: options.seed,
    daysBetween: newYorkDays(),
    entitlement: options.plan,
    limits: limitsOf(options),
    key: options.key ?? null,
    latencyMs: options.latency ?? 0,
    ...(simulation === undefined ? {} : { simulation }),
    ...(options.instruments === undefined ? {} : { symbolCount: options.instruments }),
    ...(options.recording === undefined ? {} : { recording: options.recording }),
    ...(options.faults === undefined ? {} : { faults: options.faults }),
  })
  const ended = untilAborted(signal).then(async () => {
    const { askedCount, servedCount, refused, faults } = standIn.counts()
    log.info('stand-in ended', { asked: askedCount, served: servedCount, ...refused, ...faults })
    await standIn.stop()
  })
  return { address: standIn.address, ended }
}

/** The trading hours of the shipped calendar, for the stand-in, which knows no calendars. */
export function newYorkDays(): DaysBetween {
  const calendar = loadCalendar('nyse')
  return (from, to) =>
    calendar
      .sessionsBetween(from, to)
      .filter(isSession)
      .map((session) => {
        const { fromMs, toMs } = calendar.tradingOf(session)
        return { date: session.date, openMs: fromMs, closeMs: toMs }
      })
}

/** Only what was said: the rest is the plan's. */
function limitsOf({ perMinute, perDay }: AlphavantageSimOptions): Partial<Limits> {
  return { ...(perMinute === undefined ? {} : { perMinute }), ...(perDay === undefined ? {} : { perDay }) }
}

/** Real time, unless a date, a time or a speed was asked for. */
function simulationOf({ date, at, speed }: AlphavantageSimOptions): ClockSimulation | undefined {
  if (date === undefined && at === undefined && speed === undefined) return undefined
  const zone = new Zone('America/New_York')
  const realMs = realNowMs()
  const day: MarketDate = date === undefined ? zone.dateOf(realMs as UnixMs) : checkedDate(date)
  const instantMs = zone.utcOf(`${day} ${at ?? BEGIN_AT}`)
  if (instantMs === null) {
    throw new OperatingError(`reading --at: "${at}" is not a time; write it as ${BEGIN_AT}`, {
      code: 'USAGE',
    })
  }
  return { instantMs, realMs, speed: speed ?? 1 }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
