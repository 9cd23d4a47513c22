/**
 * How does the batch vendor behave, seen from outside? A stand-in that answers its one endpoint, `/query`,
 * over real sockets on the loopback interface, and `/__counts`, which the real one does not have.
 * Everything follows the injected clock: days come to be as the clock gets there.
 */
import type { MarketDate } from '../../domain/time.ts'
import { type Clock, type ClockSimulation, formatClockSetting } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import { type ServerReply, type ServerRequest, startServer } from '../../platform/server.ts'
import type { StandInCounts } from './counts.ts'
import { Desk } from './desk.ts'
import { BatchFaultPlan } from './fault-plan.ts'
import { type BatchFault, loadBatchFaults } from './faults.ts'
import { Market } from './market.ts'
import { FREE_LIMITS, type Limits, PREMIUM_LIMITS, Quota } from './quota.ts'
import { openRecordings } from './recording.ts'
import { jsonReply } from './tables.ts'
import { type DaysBetween, weekdaysBetween } from './trading-days.ts'

export type AlphavantageStandInOptions = {
  readonly clock: Clock
  /** What `clock` was made from, to be told to other processes. */
  readonly simulation?: ClockSimulation
  readonly log: Log
  /** 0 takes a free port. */
  readonly port?: number
  readonly seed?: number
  /** How many companies to make up; some oddities of the listing come with them. */
  readonly symbolCount?: number
  /** Symbols that must be there besides. */
  readonly symbols?: readonly string[]
  readonly historyFrom?: MarketDate
  /** The market's calendar; without it every weekday has a session. */
  readonly daysBetween?: DaysBetween
  /** A folder of recorded answers, which go before made-up ones. */
  readonly recording?: string
  /** Path of a faults file, or the faults themselves. */
  readonly faults?: string | readonly BatchFault[]
  /** Null or absent: any key but none is good. */
  readonly key?: string | null
  readonly entitlement?: 'free' | 'premium'
  /** In place of those of the entitlement. */
  readonly limits?: Partial<Limits>
  readonly latencyMs?: number
  /** What intraday stamps mean: the vendor changed from end to start. */
  readonly stamps?: 'start' | 'end'
}

/** What the command prints as one JSON line. */
export type AlphavantageAddress = {
  readonly url: string
  readonly restUrl: string
  readonly countsUrl: string
  /** Value for CHANDLER_CLOCK, where the clock is simulated. */
  readonly clock?: string
}

export interface AlphavantageStandIn {
  readonly address: AlphavantageAddress
  counts(): StandInCounts
  /** Drops every connection and frees the port. */
  stop(): Promise<void>
}

const QUERY_PATH = '/query'
const COUNTS_PATH = '/__counts'
const HISTORY_FROM = '2000-01-03' as MarketDate
const SYMBOL_COUNT = 500
const NOT_FOUND: ServerReply = { status: 404, body: '' }

/** Throws RECORDING_INVALID, FAULTS_INVALID, or USAGE for a port that cannot be had. */
export async function startAlphavantageStandIn(
  options: AlphavantageStandInOptions,
): Promise<AlphavantageStandIn> {
  const { log, port = 0, simulation } = options
  const end = new AbortController()
  const desk = new Desk(deskOptionsOf(options, end.signal))
  const server = await startServer({
    port,
    onRequest: (request) => route(desk, request),
    onUpgrade: () => NOT_FOUND,
    onError: (error) => log.error(`answering a client: ${String(error)}`),
  })
  const url = `http://127.0.0.1:${server.port}`
  const setting = simulation === undefined ? {} : { clock: formatClockSetting(simulation) }
  return {
    address: { url, restUrl: url, countsUrl: `${url}${COUNTS_PATH}`, ...setting },
    counts: () => desk.counts.all(),
    stop: async () => {
      end.abort()
      await server.stop()
    },
  }
}

function route(desk: Desk, request: ServerRequest): ServerReply | Promise<ServerReply> {
  if (request.method !== 'GET') return NOT_FOUND
  if (request.path === COUNTS_PATH) return jsonReply(desk.counts.all())
  return request.path === QUERY_PATH ? desk.answer(request) : NOT_FOUND
}

function deskOptionsOf(
  options: AlphavantageStandInOptions,
  signal: AbortSignal,
): ConstructorParameters<typeof Desk>[0] {
  const { clock, seed = 1, faults = [], recording, entitlement = 'premium' } = options
  const startMs = clock.wallMs()
  const limits = { ...(entitlement === 'free' ? FREE_LIMITS : PREMIUM_LIMITS), ...options.limits }
  return {
    clock,
    market: new Market({
      seed,
      symbolCount: options.symbolCount ?? SYMBOL_COUNT,
      symbols: options.symbols ?? [],
      historyFrom: options.historyFrom ?? HISTORY_FROM,
      daysBetween: options.daysBetween ?? weekdaysBetween,
    }),
    recordings: recording === undefined ? null : openRecordings(recording),
    quota: new Quota(limits),
    limits,
    plan: new BatchFaultPlan(typeof faults === 'string' ? loadBatchFaults(faults) : faults, startMs, seed),
    key: options.key ?? null,
    entitlement,
    stamps: options.stamps ?? 'start',
    latencyMs: options.latencyMs ?? 0,
    signal,
    log: options.log,
  }
}
