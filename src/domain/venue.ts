/**
 * What must a vendor's folder be able to do? A venue is pure: bytes to ticks, answers to values,
 * wishes to requests. It never waits, never retries and never touches the network; the rooms that
 * do so receive it as this interface. Every `parse…` takes any text at all and never throws.
 */
import type { VendorCandle } from './candle.ts'
import type { Exchange, Instrument } from './instrument.ts'
import type { Secret } from './secret.ts'
import type { DecodePacket, Mode } from './tick.ts'
import type { UnixMs } from './time.ts'

export type HttpRequest = {
  readonly method: 'GET' | 'POST'
  /** Path and query, to be put behind the configured base URL. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export type HttpReply = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type Credentials = {
  readonly apiKey: Secret
  readonly clientCode: Secret
  readonly pin: Secret
  readonly totpSecret: Secret
}

export type Tokens = { readonly jwt: Secret; readonly refresh: Secret; readonly feed: Secret }

export type RefusalKind =
  | 'rate_limited' // wait, then the same again
  | 'token_expired' // log in again
  | 'totp_refused' // wrong code: next time step once, then stop
  | 'login_refused' // wrong client code, PIN or key, or blocked: do not try again
  | 'connection_limit' // too many sockets, often dead ones of a crash: wait half a minute
  | 'bad_request' // the same again gives the same answer
  | 'outage' // the vendor's fault: try later
  | 'not_understood' // not the shape that we know

export type Refusal = {
  readonly kind: RefusalKind
  /** The vendor's own code, or '' where it gave none. */
  readonly code: string
  /** One line, without secrets. */
  readonly message: string
}

export type Answer<Value, Refused = Refusal> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly refusal: Refused }

/** One instrument in a REST snapshot. Prices in currency; times Unix ms. */
export type Quote = {
  readonly exchange: Exchange
  readonly token: string
  readonly price: number
  readonly dayVolume: number
  readonly dayHigh: number
  readonly dayLow: number
  readonly exchangeMs: UnixMs
  /** Time of the last trade. */
  readonly tradeMs: UnixMs
}

export type MasterRow = {
  readonly exchange: Exchange
  readonly token: string
  readonly symbol: string
  readonly name: string
  readonly expiry: string
  readonly instrumentType: string
  /** In currency; 0 where the vendor gives none. */
  readonly tickSize: number
  readonly lotSize: number
}

export type TextFrame =
  | { readonly kind: 'pong' }
  | {
      readonly kind: 'error'
      readonly code: string
      readonly message: string
      readonly correlationId: string
    }
  | { readonly kind: 'other'; readonly text: string }

export type SubscribeMessage = {
  readonly correlationId: string
  readonly text: string
  readonly instruments: readonly Instrument[]
}

export type VenueLimits = {
  readonly socketsMax: number
  readonly instrumentsPerSocketMax: number
  readonly instrumentsPerMessageMax: number
  readonly instrumentsPerQuoteMax: number
  /** Smallest time between two requests of the kind, in ms. */
  readonly loginIntervalMs: number
  readonly quoteIntervalMs: number
  readonly historyIntervalMs: number
  /** Longest span of 1-minute history in one request, in days. */
  readonly historyDaysMax: number
}

export interface StreamVenue {
  readonly name: string
  readonly limits: VenueLimits
  /** Hosts of the real vendor: simulated time is refused against them. */
  readonly realHosts: readonly string[]

  /** Modes whose packets carry the day's cumulative volume. */
  carriesVolume(mode: Mode): boolean
  /** False for instruments that never have volume (indices). */
  hasVolume(instrument: Instrument): boolean
  /** False where the sequence number means nothing (indices). */
  hasSequence(instrument: Instrument): boolean
  readonly decodePacket: DecodePacket

  loginRequest(credentials: Credentials, totp: string): HttpRequest
  refreshRequest(credentials: Credentials, tokens: Tokens): HttpRequest
  logoutRequest(credentials: Credentials, tokens: Tokens): HttpRequest
  /** Reads the answer to login and to refresh. */
  parseTokens(reply: HttpReply): Answer<Tokens>

  /** Headers of the WebSocket handshake. */
  handshakeHeaders(credentials: Credentials, tokens: Tokens): Readonly<Record<string, string>>
  /** Says what a handshake that was answered with plain HTTP means. */
  parseHandshakeRefusal(reply: HttpReply): Refusal
  /** Coalesced: as few messages as `instrumentsPerMessageMax` allows. */
  subscribeMessages(
    action: 'subscribe' | 'unsubscribe',
    mode: Mode,
    instruments: readonly Instrument[],
    firstCorrelation: number,
  ): readonly SubscribeMessage[]
  readonly pingText: string
  parseText(text: string): TextFrame

  quoteRequest(credentials: Credentials, tokens: Tokens, instruments: readonly Instrument[]): HttpRequest
  parseQuotes(reply: HttpReply): Answer<readonly Quote[]>
  /** 1-minute bars that start in [fromMs, toMs). */
  historyRequest(
    credentials: Credentials,
    tokens: Tokens,
    instrument: Instrument,
    fromMs: UnixMs,
    toMs: UnixMs,
  ): HttpRequest
  parseHistory(reply: HttpReply): Answer<readonly VendorCandle[]>
}
