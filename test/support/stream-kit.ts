/**
 * How does a test play the vendor? A venue of its own that speaks a tiny protocol (so that no test of the
 * stream leans on a real vendor's folder), a sink that remembers, sockets that a test moves by hand, and
 * secrets that can be searched for.
 */
import type { Fact } from '../../src/domain/fact.ts'
import type { FeedSink } from '../../src/domain/feed.ts'
import type { Instrument } from '../../src/domain/instrument.ts'
import { Secret } from '../../src/domain/secret.ts'
import type { UnixMs } from '../../src/domain/time.ts'
import type {
  Answer,
  Credentials,
  HttpReply,
  HttpRequest,
  RefusalKind,
  StreamVenue,
  TextFrame,
  Tokens,
  VenueLimits,
} from '../../src/domain/venue.ts'
import type { Clock } from '../../src/platform/clock.ts'
import { createLog, type Log, Scrubber } from '../../src/platform/log.ts'
import type { SocketHandle, SocketOptions } from '../../src/platform/websocket.ts'
import type { TokenSource } from '../../src/stream/tokens.ts'

export const NOON_MS: UnixMs = Date.parse('2026-07-01T06:30:00Z') as UnixMs
export const UTC_OFFSET_MS = 19_800_000

/** No two alike, and nothing that could stand in a text by chance. */
export const CANARIES = {
  apiKey: 'canary-api-7f3a91',
  clientCode: 'canary-client-52c8d0',
  pin: 'canary-pin-e19b44',
  totpSecret: 'JBSWY3DPEHPK3PXP',
} as const

export const CREDENTIALS: Credentials = {
  apiKey: new Secret(CANARIES.apiKey),
  clientCode: new Secret(CANARIES.clientCode),
  pin: new Secret(CANARIES.pin),
  totpSecret: new Secret(CANARIES.totpSecret),
}

export const LIMITS: VenueLimits = {
  socketsMax: 3,
  instrumentsPerSocketMax: 1_000,
  instrumentsPerMessageMax: 100,
  instrumentsPerQuoteMax: 50,
  loginIntervalMs: 1_000,
  quoteIntervalMs: 1,
  historyIntervalMs: 1,
  historyDaysMax: 30,
}

export function instrumentsOf(count: number): readonly Instrument[] {
  return Array.from({ length: count }, (_, index) => ({
    exchange: 'NSE',
    token: String(1_000 + index),
    symbol: `S${String(index).padStart(4, '0')}`,
  }))
}

export function tokensOf(name: string): Tokens {
  const secret = (kind: string): Secret => new Secret(`canary-${kind}-${name}`)
  return { jwt: secret('jwt'), refresh: secret('refresh'), feed: secret('feed') }
}

/** Replies of the tiny protocol: the body is the value, or `{"refusal": kind, "code": …}`. */
export function refusalReply(kind: RefusalKind, status = 403, message = 'no'): HttpReply {
  return { status, headers: {}, body: JSON.stringify({ refusal: kind, code: 'X1', message }) }
}

export function okReply(value: unknown): HttpReply {
  return { status: 200, headers: {}, body: JSON.stringify(value) }
}

function read<Value>(reply: HttpReply, make: (value: never) => Value): Answer<Value> {
  try {
    const value = JSON.parse(reply.body)
    if (value?.refusal === undefined) return { ok: true, value: make(value as never) }
    const { refusal, code, message } = value
    return { ok: false, refusal: { kind: refusal, code, message } }
  } catch {
    return { ok: false, refusal: { kind: 'not_understood', code: '', message: 'not JSON' } }
  }
}

const HANDSHAKE_KINDS: Readonly<Record<number, RefusalKind>> = {
  401: 'token_expired',
  429: 'connection_limit',
}

export function plainVenue(limits: Partial<VenueLimits> = {}): StreamVenue {
  const request = (path: string, value: unknown): HttpRequest => ({
    method: 'POST',
    path,
    headers: {},
    body: JSON.stringify(value),
  })
  return {
    name: 'plain',
    limits: { ...LIMITS, ...limits },
    realHosts: [],
    carriesVolume: () => true,
    hasVolume: () => true,
    hasSequence: () => true,
    decodePacket: () => 0,
    loginRequest: (credentials, totp) =>
      request('/login', { client: credentials.clientCode.reveal(), pin: credentials.pin.reveal(), totp }),
    refreshRequest: () => request('/refresh', {}),
    logoutRequest: () => request('/logout', {}),
    parseTokens: (reply) => read(reply, (name: string) => tokensOf(name)),
    handshakeHeaders: (credentials, tokens) => ({
      authorization: tokens.jwt.reveal(),
      'x-api-key': credentials.apiKey.reveal(),
    }),
    parseHandshakeRefusal: ({ status, headers }) => ({
      kind: HANDSHAKE_KINDS[status] ?? 'outage',
      code: String(status),
      message: headers['x-error-message'] ?? '',
    }),
    subscribeMessages: (action, mode, instruments, firstCorrelation) => {
      const size = limits.instrumentsPerMessageMax ?? LIMITS.instrumentsPerMessageMax
      const count = Math.ceil(instruments.length / size)
      return Array.from({ length: count }, (_, index) => {
        const part = instruments.slice(index * size, (index + 1) * size)
        const correlationId = `c${firstCorrelation + index}`
        const tokens = part.map((instrument) => instrument.token)
        return {
          correlationId,
          instruments: part,
          text: JSON.stringify({ action, mode, correlationId, tokens }),
        }
      })
    },
    pingText: 'ping',
    parseText,
    quoteRequest: (_credentials, tokens, instruments) =>
      request('/quote', { jwt: tokens.jwt.reveal(), tokens: instruments.map(({ token }) => token) }),
    parseQuotes: (reply) => read(reply, () => []),
    historyRequest: (_credentials, tokens, instrument, fromMs, toMs) =>
      request('/history', { jwt: tokens.jwt.reveal(), token: instrument.token, fromMs, toMs }),
    parseHistory: (reply) => read(reply, () => []),
  }
}

function parseText(text: string): TextFrame {
  if (text === 'pong') return { kind: 'pong' }
  try {
    const { code, message, correlationId } = JSON.parse(text)
    if (typeof code === 'string') return { kind: 'error', code, message, correlationId }
  } catch {
    // Not JSON: an ordinary text.
  }
  return { kind: 'other', text }
}

/** Remembers everything; until `makeRoom`, `hasRoom` false makes it refuse packets; `isFilling` warns. */
export class RecordingSink implements FeedSink {
  readonly facts: Fact[] = []
  readonly packets: { readonly connection: number; readonly text: string; readonly atMs: UnixMs }[] = []
  hasRoom = true
  isFilling = false
  #waiting: (() => void)[] = []

  packet(connection: number, bytes: Uint8Array, atMs: UnixMs): boolean {
    if (!this.hasRoom) return false
    this.packets.push({ connection, text: Buffer.from(bytes).toString(), atMs })
    return true
  }

  fact(fact: Fact): void {
    this.facts.push(fact)
  }

  whenRoom(): Promise<void> {
    if (this.hasRoom && !this.isFilling) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  makeRoom(): void {
    this.hasRoom = true
    this.isFilling = false
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  kinds(): string[] {
    return this.facts.map((fact) => fact.kind)
  }

  of<Kind extends Fact['kind']>(kind: Kind): Extract<Fact, { kind: Kind }>[] {
    return this.facts.filter((fact): fact is Extract<Fact, { kind: Kind }> => fact.kind === kind)
  }
}

/** A log whose lines, unscrubbed unless a scrubber is given, are kept for searching. */
export function recordingLog(
  clock: Clock,
  scrubber: Scrubber = new Scrubber(),
): { log: Log; lines: string[] } {
  const lines: string[] = []
  const log = createLog({ clock, json: false, write: (line) => lines.push(line), scrubber })
  return { log, lines }
}

/** Gives `t1`, and a new name for every renewal. */
export class CountingTokens implements TokenSource {
  loginCount = 1
  #tokens = tokensOf('t1')

  async take(): Promise<Tokens> {
    return this.#tokens
  }

  async renew(stale: Tokens): Promise<Tokens> {
    if (stale === this.#tokens) {
      this.loginCount += 1
      this.#tokens = tokensOf(`t${this.loginCount}`)
    }
    return this.#tokens
  }
}

/** One socket of a test: what was sent, and the vendor's side as methods. */
export class FakeSocket implements SocketHandle {
  readonly options: SocketOptions
  readonly sent: string[] = []
  isOpen = false
  isGone = false
  isPaused = false
  isClosing = false

  constructor(options: SocketOptions) {
    this.options = options
  }

  sendText(text: string): void {
    if (this.isOpen && !this.isGone) this.sent.push(text)
  }
  ping(): void {}
  pause(): void {
    this.isPaused = true
  }
  resume(): void {
    this.isPaused = false
  }
  terminate(): void {
    this.#leave(1006, '')
  }
  close(): void {
    this.isClosing = true
    this.#leave(1000, '')
  }

  open(): void {
    this.isOpen = true
    this.options.onOpen()
  }
  refuse(status: number, message = ''): void {
    this.isGone = true
    this.options.onRefused({ status, headers: { 'x-error-message': message }, body: '' })
  }
  hangUp(code = 1006, reason = 'reset'): void {
    this.isGone = true
    this.options.onClosed(code, reason)
  }
  say(text: string): void {
    this.options.onText(text)
  }
  tick(text = 'tick'): void {
    this.options.onBinary(Buffer.from(text))
  }

  subscribed(): string[] {
    return this.sent.flatMap((text) => {
      if (text === 'ping') return []
      const { action, tokens } = JSON.parse(text)
      return action === 'subscribe' ? tokens : []
    })
  }

  /** Like the real one, told later. */
  #leave(code: number, reason: string): void {
    if (this.isGone) return
    this.isGone = true
    queueMicrotask(() => this.options.onClosed(code, reason))
  }
}

export class FakeSockets {
  readonly all: FakeSocket[] = []

  readonly open = (options: SocketOptions): SocketHandle => {
    const socket = new FakeSocket(options)
    this.all.push(socket)
    return socket
  }

  get last(): FakeSocket {
    return this.all.at(-1)!
  }

  /** Sockets that the vendor still holds open. */
  get held(): FakeSocket[] {
    return this.all.filter((socket) => !socket.isGone)
  }
}

/** A repeatable stream of numbers in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
