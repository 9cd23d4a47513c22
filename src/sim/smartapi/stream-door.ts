/**
 * Who may listen, and what do they say? The handshake's checks with their refusals, and the text
 * frames of connected clients.
 */
import type { StandInVenue } from '../../domain/stand-in.ts'
import type { UnixMs } from '../../domain/time.ts'
import type { Clock } from '../../platform/clock.ts'
import type { ServerReply, ServerRequest, ServerSocket, SocketEvents } from '../../platform/server.ts'
import { Client } from './client.ts'
import type { ExchangeFloor } from './exchange-floor.ts'
import type { FaultPlan } from './fault-plan.ts'
import type { Login, Logins } from './logins.ts'
import { Outlet } from './outlet.ts'
import { handshakeRefusal, NOT_FOUND } from './rest-bodies.ts'

export type DoorOptions = {
  readonly clock: Clock
  readonly venue: StandInVenue
  readonly floor: ExchangeFloor
  readonly logins: Logins
  readonly plan: FaultPlan
  readonly clientQueueBytesMax: number
}

export const STREAM_PATH = '/smart-stream'
const SOCKETS_PER_CLIENT_MAX = 3

export class StreamDoor {
  readonly #options: DoorOptions
  readonly #clients = new Set<Client>()
  acceptedCount: number = 0
  refusedCount: number = 0
  /** Of clients that have left. */
  leftFrameCount: number = 0
  leftConflatedCount: number = 0

  constructor(options: DoorOptions) {
    this.#options = options
  }

  get clients(): ReadonlySet<Client> {
    return this.#clients
  }

  /** Answers a handshake: a refusal, or what to do with the socket. */
  admit(request: ServerRequest): ServerReply | ((socket: ServerSocket) => SocketEvents) {
    const refusal = this.#refusalOf(request)
    if (refusal === null) return (socket) => this.#welcome(clientCodeOf(request), socket)
    this.refusedCount += 1
    return refusal
  }

  /** Sends what was gathered for all clients, and to slow ones what they missed. */
  flushAll(nowMs: UnixMs): void {
    for (const client of this.#clients) {
      this.#options.floor.catchUp(client, nowMs)
      this.#flush(client, nowMs)
    }
  }

  #flush(client: Client, nowMs: UnixMs): void {
    client.outlet.flush(nowMs, this.#options.plan.active('slow_link', nowMs)?.bytesPerSecond ?? null)
  }

  #refusalOf(request: ServerRequest): ServerReply | null {
    const { clock, plan } = this.#options
    const nowMs = clock.wallMs()
    if (request.path !== STREAM_PATH) return NOT_FOUND
    if (plan.active('reject_401', nowMs) !== null) {
      plan.count('reject_401')
      return handshakeRefusal(401, 'Invalid Header - Invalid Auth token')
    }
    const problem = this.#headerProblem(request, nowMs)
    if (problem !== null) return handshakeRefusal(401, `Invalid Header - ${problem}`)
    const isLimited = plan.active('reject_429', nowMs) !== null
    if (isLimited) plan.count('reject_429')
    if (!isLimited && this.#socketCount(clientCodeOf(request)) < SOCKETS_PER_CLIENT_MAX) return null
    return handshakeRefusal(429, 'Invalid Request. Connection Limit Exceeded.')
  }

  /** Browsers cannot set headers, so the vendor also takes three of the four values from the query. */
  #headerProblem({ headers, query }: ServerRequest, nowMs: number): string | null {
    const { logins } = this.#options
    const feed = logins.byFeed(headers['x-feed-token'] ?? query.get('feedToken') ?? '', nowMs)
    if (!query.has('feedToken')) {
      const login = logins.byJwt(headers.authorization ?? '', nowMs)
      if (typeof login === 'string') return 'Invalid Auth token'
    }
    if (typeof feed === 'string') return 'Invalid Feed Token'
    return mismatchOf(
      feed,
      headers['x-client-code'] ?? query.get('clientCode'),
      headers['x-api-key'] ?? query.get('apiKey'),
    )
  }

  #socketCount(clientCode: string): number {
    let count = 0
    for (const client of this.#clients) if (client.clientCode === clientCode) count += 1
    return count
  }

  #welcome(clientCode: string, socket: ServerSocket): SocketEvents {
    const { clock, floor, plan, clientQueueBytesMax } = this.#options
    const client = new Client(clientCode, new Outlet(socket, clientQueueBytesMax))
    this.#clients.add(client)
    this.acceptedCount += 1
    return {
      onText: (text) => {
        const nowMs = clock.wallMs()
        const answer = this.#answerOf(client, text, nowMs)
        if (answer === null || plan.active('stall', nowMs) !== null) return
        client.outlet.say(answer)
        this.#flush(client, nowMs)
      },
      onPing: (payload) => {
        const nowMs = clock.wallMs()
        if (plan.active('stall', nowMs) !== null) return
        client.outlet.pong(payload)
        this.#flush(client, nowMs)
      },
      onClose: () => {
        this.#clients.delete(client)
        this.leftFrameCount += client.outlet.frameCount
        this.leftConflatedCount += client.outlet.conflatedCount
        floor.leaveAll(client)
      },
    }
  }

  /** What the client said is done; null where the vendor keeps silent, which means success. */
  #answerOf(client: Client, text: string, nowMs: UnixMs): string | null {
    const { venue, floor, plan } = this.#options
    if (text === venue.pingText) return venue.pongText
    const request = venue.parseSubscribeRequest(text)
    const { correlationId } = request
    if (request.kind === 'problem') return venue.errorFrame(correlationId, request.code, request.message)
    const isRefused = request.kind === 'subscribe' && plan.active('e1002', nowMs) !== null
    if (isRefused) plan.count('e1002')
    const changed = isRefused ? null : client.apply(request)
    if (changed === null) {
      const { code, message } = venue.subscriptionLimit
      return venue.errorFrame(correlationId, code, message)
    }
    if (request.kind === 'subscribe') floor.join(client, changed, nowMs)
    else floor.leave(client, changed)
    this.#flush(client, nowMs)
    return null
  }
}

function clientCodeOf({ headers, query }: ServerRequest): string {
  return headers['x-client-code'] ?? query.get('clientCode') ?? ''
}

function mismatchOf(login: Login, clientCode: string | null, apiKey: string | null): string | null {
  if (clientCode !== login.clientCode) return 'Invalid Client Code'
  return apiKey === login.apiKey ? null : 'Invalid API Key'
}
