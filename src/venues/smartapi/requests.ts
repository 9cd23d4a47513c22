/** How do we ask the vendor over HTTP? Paths and bodies; sending and pacing is for others. */
import type { Instrument } from '../../domain/instrument.ts'
import { MINUTE_MS, type UnixMs } from '../../domain/time.ts'
import type { Credentials, HttpRequest, Tokens } from '../../domain/venue.ts'
import { istMinuteText } from './ist.ts'

export const LOGIN_PATH = '/rest/auth/angelbroking/user/v1/loginByPassword'
export const REFRESH_PATH = '/rest/auth/angelbroking/jwt/v1/generateTokens'
export const LOGOUT_PATH = '/rest/secure/angelbroking/user/v1/logout'
export const QUOTE_PATH = '/rest/secure/angelbroking/market/v1/quote'
export const HISTORY_PATH = '/rest/secure/angelbroking/historical/v1/getCandleData'

export function loginRequest(credentials: Credentials, totp: string): HttpRequest {
  return post(LOGIN_PATH, headers(credentials), {
    clientcode: credentials.clientCode.reveal(),
    password: credentials.pin.reveal(),
    totp,
  })
}

export function refreshRequest(credentials: Credentials, tokens: Tokens): HttpRequest {
  return post(REFRESH_PATH, headers(credentials, tokens), { refreshToken: tokens.refresh.reveal() })
}

export function logoutRequest(credentials: Credentials, tokens: Tokens): HttpRequest {
  return post(LOGOUT_PATH, headers(credentials, tokens), { clientcode: credentials.clientCode.reveal() })
}

/** At most 50 instruments a request; the caller cuts. */
export function quoteRequest(
  credentials: Credentials,
  tokens: Tokens,
  instruments: readonly Instrument[],
): HttpRequest {
  const tokensOf = Map.groupBy(instruments, (instrument) => instrument.exchange)
  const exchangeTokens = Object.fromEntries(
    [...tokensOf].map(([exchange, group]) => [exchange, group.map((instrument) => instrument.token)]),
  )
  return post(QUOTE_PATH, headers(credentials, tokens), { mode: 'FULL', exchangeTokens })
}

/**
 * 1-minute candles that start in [fromMs, toMs). The vendor includes `todate`, and refuses a range of
 * equal ends; one single minute is therefore asked together with the minute before it, so the answer
 * may hold one candle that was not wished for. It never holds one that starts at `toMs` or after.
 */
export function historyRequest(
  credentials: Credentials,
  tokens: Tokens,
  instrument: Instrument,
  fromMs: UnixMs,
  toMs: UnixMs,
): HttpRequest {
  const lastMs = ceilMinute(toMs) - MINUTE_MS
  const firstMs = Math.min(ceilMinute(fromMs), lastMs - MINUTE_MS)
  return post(HISTORY_PATH, headers(credentials, tokens), {
    exchange: instrument.exchange,
    symboltoken: instrument.token,
    interval: 'ONE_MINUTE',
    fromdate: istMinuteText(firstMs),
    todate: istMinuteText(lastMs),
  })
}

/** Headers of the WebSocket handshake. Here the vendor documents the bare token, without "Bearer". */
export function handshakeHeaders(credentials: Credentials, tokens: Tokens): Readonly<Record<string, string>> {
  return {
    Authorization: tokens.jwt.reveal(),
    'x-api-key': credentials.apiKey.reveal(),
    'x-client-code': credentials.clientCode.reveal(),
    'x-feed-token': tokens.feed.reveal(),
  }
}

/** The vendor demands addresses but does not look at them; these name no machine. */
function headers(credentials: Credentials, tokens?: Tokens): Readonly<Record<string, string>> {
  return {
    'Content-Type': 'application/json',
    Accept: 'application/json',
    'X-UserType': 'USER',
    'X-SourceID': 'WEB',
    'X-ClientLocalIP': '127.0.0.1',
    'X-ClientPublicIP': '127.0.0.1',
    'X-MACAddress': '00:00:00:00:00:00',
    'X-PrivateKey': credentials.apiKey.reveal(),
    ...(tokens === undefined ? {} : { Authorization: `Bearer ${tokens.jwt.reveal()}` }),
  }
}

function post(path: string, headers: Readonly<Record<string, string>>, body: object): HttpRequest {
  return { method: 'POST', path, headers, body: JSON.stringify(body) }
}

function ceilMinute(timeMs: number): number {
  return Math.ceil(timeMs / MINUTE_MS) * MINUTE_MS
}
