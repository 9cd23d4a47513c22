/** How do the tests talk to the stand-in? As a client does: over real sockets, in the venue's own words. */
import { once } from 'node:events'
import { TOTP } from 'otpauth'
import WebSocket from 'ws'
import type { PacketFields } from '../../src/domain/packet.ts'
import { Secret } from '../../src/domain/secret.ts'
import type { HttpReply, HttpRequest, Tokens } from '../../src/domain/venue.ts'
import { createSender } from '../../src/platform/http.ts'
import type { Log } from '../../src/platform/log.ts'
import type { SentUpdate } from '../../src/sim/smartapi/exchange-floor.ts'
import { checkFaults } from '../../src/sim/smartapi/faults.ts'
import { createGenerator } from '../../src/sim/smartapi/generator.ts'
import { TEST_TOTP_SECRET } from '../../src/sim/smartapi/logins.ts'
import type { TickSource } from '../../src/sim/smartapi/source.ts'
import { type StandIn, startSmartapiStandIn } from '../../src/sim/smartapi/stand-in.ts'
import { readPacket, smartapi, smartapiStandIn } from '../../src/venues/smartapi/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { CREDENTIALS } from '../venues/samples.ts'

export const DATE = '2026-07-01' as never

/** A moment of the test's date in Mumbai. */
export function ist(time: string): number {
  return Date.parse(`${DATE}T${time}+05:30`)
}

export const QUIET_LOG: Log = { info: () => {}, warn: () => {}, error: () => {}, pass: () => {} }

export type Scene = {
  readonly clock: ManualClock
  readonly standIn: StandIn
  readonly source: TickSource
  readonly sent: SentUpdate[]
  readonly send: (request: HttpRequest) => Promise<HttpReply>
}

export type SceneOptions = {
  readonly time?: string
  readonly faults?: readonly unknown[]
  readonly instrumentCount?: number
  readonly packetsPerSecond?: number
  readonly source?: TickSource
  readonly clientQueueBytesMax?: number
}

/** Runs `play` against a stand-in of its own, which is stopped whatever happens. */
export async function withScene(options: SceneOptions, play: (scene: Scene) => Promise<void>): Promise<void> {
  const { time = '10:00:00', faults = [], instrumentCount = 4, packetsPerSecond = 20 } = options
  const clock = new ManualClock(ist(time))
  const source = options.source ?? createGenerator({ date: DATE, instrumentCount, packetsPerSecond })
  const sent: SentUpdate[] = []
  const standIn = await startSmartapiStandIn({
    clock,
    venue: smartapiStandIn,
    port: 0,
    source,
    faults: checkFaults(faults, 'test'),
    credentials: CREDENTIALS,
    log: QUIET_LOG,
    onSent: (update) => sent.push(update),
    ...(options.clientQueueBytesMax === undefined
      ? {}
      : { clientQueueBytesMax: options.clientQueueBytesMax }),
  })
  try {
    await play({ clock, standIn, source, sent, send: createSender(standIn.restUrl) })
  } finally {
    await standIn.stop()
  }
}

export function totpAt(timeMs: number): string {
  return new TOTP({ secret: TEST_TOTP_SECRET, digits: 6, period: 30, algorithm: 'SHA1' }).generate({
    timestamp: timeMs,
  })
}

export async function login({ clock, send }: Scene): Promise<Tokens> {
  const answer = smartapi.parseTokens(await send(smartapi.loginRequest(CREDENTIALS, totpAt(clock.wallMs()))))
  if (!answer.ok) throw new Error(`login refused: ${answer.refusal.message}`)
  return answer.value
}

export const NO_TOKENS: Tokens = { jwt: new Secret('x'), refresh: new Secret('x'), feed: new Secret('x') }

/** One connected client and all that it has heard. */
export class Listener {
  readonly socket: WebSocket
  readonly frames: Buffer[] = []
  readonly texts: string[] = []
  closeCode: number | null = null
  #pongs = 0

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.frames.push(data)
      else if (data.toString() === smartapiStandIn.pongText) this.#pongs += 1
      else this.texts.push(data.toString())
    })
    socket.on('error', () => {})
    socket.on('close', (code) => {
      this.closeCode = code
    })
  }

  static async connect({ standIn }: Scene, tokens: Tokens): Promise<Listener> {
    const headers = { ...smartapi.handshakeHeaders(CREDENTIALS, tokens) }
    const listener = new Listener(new WebSocket(standIn.streamUrl, { headers, perMessageDeflate: false }))
    await once(listener.socket, 'open')
    return listener
  }

  /** Null for packets that cannot be read. */
  get packets(): readonly (PacketFields | null)[] {
    return this.frames.map((frame) => readPacket(frame))
  }

  packetsOf(token: string): readonly PacketFields[] {
    return this.packets.filter((packet): packet is PacketFields => packet?.token === token)
  }

  say(text: string): void {
    this.socket.send(text)
  }

  subscribe(tokens: readonly string[], mode = 2, correlationID = 'abcde12345', action = 1): void {
    const tokenList = [{ exchangeType: 1, tokens }]
    this.say(JSON.stringify({ correlationID, action, params: { mode, tokenList } }))
  }

  /** Resolves when everything that was sent up to now has been heard: a pong comes after it. */
  async catchUp(): Promise<void> {
    const wanted = this.#pongs + 1
    this.say(smartapiStandIn.pingText)
    while (this.#pongs < wanted) await once(this.socket, 'message')
  }

  async closed(): Promise<number> {
    while (this.closeCode === null) await once(this.socket, 'close')
    return this.closeCode
  }
}

/** What a refused handshake was answered with. */
export async function refusedHandshake(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<HttpReply> {
  const socket = new WebSocket(url, { headers: { ...headers } })
  socket.on('error', () => {})
  const [, response] = (await once(socket, 'unexpected-response')) as [
    unknown,
    AsyncIterable<Buffer> & { statusCode: number; headers: Record<string, string> },
  ]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return {
    status: response.statusCode,
    headers: response.headers,
    body: Buffer.concat(chunks).toString(),
  }
}
