/**
 * How does the vendor behave, seen from outside? A stand-in that speaks SmartAPI's protocol over real
 * sockets: HTTP calls and the market stream on one port of the loopback interface. Everything follows
 * the injected clock; what is sent comes from a source and passes the faults.
 */
import type { StandInVenue } from '../../domain/stand-in.ts'
import type { Credentials } from '../../domain/venue.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import { startServer } from '../../platform/server.ts'
import { ExchangeFloor, type SentUpdate } from './exchange-floor.ts'
import { type FaultCounts, FaultPlan, type Moment } from './fault-plan.ts'
import type { Fault } from './faults.ts'
import { Logins } from './logins.ts'
import { type InstrumentCandles, trueCandles } from './oracle.ts'
import { Player } from './player.ts'
import { MASTER_PATH, Rest } from './rest.ts'
import type { TickSource } from './source.ts'
import { STREAM_PATH, StreamDoor } from './stream-door.ts'

export type StandInOptions = {
  readonly clock: Clock
  readonly venue: StandInVenue
  /** 0 takes a free port. */
  readonly port: number
  readonly source: TickSource
  readonly faults?: readonly Fault[]
  /** Decides which packets and sockets a fault meets. */
  readonly seed?: number
  /** Null or absent: see `Logins`. */
  readonly credentials?: Credentials | null
  /** Bytes that may wait for one client before its packets are conflated. */
  readonly clientQueueBytesMax?: number
  /** For tests: every update that is sent, whoever listens, in order. */
  readonly onSent?: (update: SentUpdate) => void
  readonly log: Log
}

export type StandInStats = {
  /** Updates that fell due, each of them a packet for whoever listened. */
  readonly updateCount: number
  /** Packets written to sockets. */
  readonly packetCount: number
  /** Packets that slow clients were spared. */
  readonly conflatedCount: number
  readonly faults: FaultCounts
  readonly loginCount: number
  readonly requestCount: number
  readonly socketsOpen: number
  readonly socketsAccepted: number
  readonly socketsRefused: number
  /** Whether the source has nothing more to send. */
  readonly isEnded: boolean
}

export interface StandIn {
  readonly url: string
  readonly restUrl: string
  readonly streamUrl: string
  readonly masterUrl: string
  stats(): StandInStats
  /** What the candles of the day so far are, as the vendor's history has them. */
  trueCandles(): readonly InstrumentCandles[]
  /** Drops every connection and frees the port. */
  stop(): Promise<void>
}

export const CLIENT_QUEUE_BYTES_MAX: number = 8 * 1024 * 1024

/** Resolves when it listens. Packets whose time had passed by then are not sent, only remembered. */
export async function startSmartapiStandIn(options: StandInOptions): Promise<StandIn> {
  const { clock, venue, source, log, faults = [], seed = 1, credentials = null, onSent = null } = options
  const { clientQueueBytesMax = CLIENT_QUEUE_BYTES_MAX } = options
  const startMs = clock.wallMs()
  const plan = new FaultPlan(faults, startMs, seed)
  const floor = new ExchangeFloor(venue, source.instruments, plan, onSent)
  const logins = new Logins(credentials)
  const door = new StreamDoor({ clock, venue, floor, logins, plan, clientQueueBytesMax })
  const rest = new Rest({ clock, source, floor, logins, plan })
  const end = new AbortController()
  const player = new Player({
    clock,
    source,
    floor,
    plan,
    startMs,
    signal: end.signal,
    onMoment: (moment) => act(moment, plan, door, floor, logins, log),
    onTurn: (nowMs) => door.flushAll(nowMs),
  })
  await player.prepare()
  const server = await startServer({
    port: options.port,
    onRequest: (request) => rest.answer(request),
    onUpgrade: (request) => door.admit(request),
    onError: (error) => log.error(`answering a client: ${String(error)}`),
  })
  const running = player.run()
  // Whoever stops the stand-in hears of a failure; until then the log does.
  running.catch((error: unknown) => log.error(`sending packets: ${String(error)}`))
  const url = `http://127.0.0.1:${server.port}`
  return {
    url,
    restUrl: url,
    streamUrl: `ws://127.0.0.1:${server.port}${STREAM_PATH}`,
    masterUrl: `${url}${MASTER_PATH}`,
    stats: () => statsOf(player, door, plan, logins, rest),
    trueCandles: () => trueCandles(source, startMs, clock.wallMs()),
    stop: async () => {
      end.abort()
      await server.stop()
      await running
    },
  }
}

function act(
  { fault, position, atMs }: Moment,
  plan: FaultPlan,
  door: StreamDoor,
  floor: ExchangeFloor,
  logins: Logins,
  log: Log,
): void {
  log.info('fault', { kind: fault.kind })
  if (fault.kind === 'token_expiry') {
    plan.count('token_expiry')
    logins.expireAll()
    return
  }
  if (fault.kind !== 'disconnect') return
  for (const [number, client] of [...door.clients].entries()) {
    if (plan.chance(position, atMs, number) >= fault.share) continue
    plan.count('disconnect')
    const frame = floor.sampleFrame(0)
    client.outlet.breakOff(frame.subarray(0, frame.byteLength >> 1))
  }
}

function statsOf(
  player: Player,
  door: StreamDoor,
  plan: FaultPlan,
  logins: Logins,
  rest: Rest,
): StandInStats {
  let packetCount = door.leftFrameCount
  let conflatedCount = door.leftConflatedCount
  for (const { outlet } of door.clients) {
    packetCount += outlet.frameCount
    conflatedCount += outlet.conflatedCount
  }
  return {
    updateCount: player.updateCount,
    packetCount,
    conflatedCount,
    faults: plan.counts(),
    loginCount: logins.loginCount,
    requestCount: rest.requestCount,
    socketsOpen: door.clients.size,
    socketsAccepted: door.acceptedCount,
    socketsRefused: door.refusedCount,
    isEnded: player.isEnded,
  }
}
