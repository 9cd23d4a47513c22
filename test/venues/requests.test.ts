import { expect, test } from 'vitest'
import type { UnixMs } from '../../src/domain/time.ts'
import type { HttpRequest } from '../../src/domain/venue.ts'
import { smartapi } from '../../src/venues/smartapi/index.ts'
import { CREDENTIALS, INFY, NIFTY, RELIANCE_BSE, SBIN, TOKENS } from './samples.ts'

function bodyOf(request: HttpRequest): unknown {
  return JSON.parse(request.body ?? 'null')
}

function utc(text: string): UnixMs {
  return Date.parse(text) as UnixMs
}

test('a login carries client code, PIN and the one-time code, and no token', () => {
  const request = smartapi.loginRequest(CREDENTIALS, '123456')
  expect(request.path).toBe('/rest/auth/angelbroking/user/v1/loginByPassword')
  expect(request.method).toBe('POST')
  expect(bodyOf(request)).toEqual({ clientcode: 'S0000001', password: '4711', totp: '123456' })
  expect(request.headers).toEqual({
    'Content-Type': 'application/json',
    Accept: 'application/json',
    'X-UserType': 'USER',
    'X-SourceID': 'WEB',
    'X-ClientLocalIP': '127.0.0.1',
    'X-ClientPublicIP': '127.0.0.1',
    'X-MACAddress': '00:00:00:00:00:00',
    'X-PrivateKey': 'sample-api-key',
  })
})

test('refresh and logout show the bearer token', () => {
  const refresh = smartapi.refreshRequest(CREDENTIALS, TOKENS)
  expect(refresh.path).toBe('/rest/auth/angelbroking/jwt/v1/generateTokens')
  expect(bodyOf(refresh)).toEqual({ refreshToken: 'sample-refresh' })
  const logout = smartapi.logoutRequest(CREDENTIALS, TOKENS)
  expect(logout.path).toBe('/rest/secure/angelbroking/user/v1/logout')
  expect(bodyOf(logout)).toEqual({ clientcode: 'S0000001' })
  for (const request of [refresh, logout]) expect(request.headers.Authorization).toBe('Bearer sample-jwt')
})

test('the handshake carries the bare token and the feed token', () => {
  expect(smartapi.handshakeHeaders(CREDENTIALS, TOKENS)).toEqual({
    Authorization: 'sample-jwt',
    'x-api-key': 'sample-api-key',
    'x-client-code': 'S0000001',
    'x-feed-token': 'sample-feed',
  })
})

test('quotes are asked for by exchange, in one request', () => {
  const request = smartapi.quoteRequest(CREDENTIALS, TOKENS, [SBIN, RELIANCE_BSE, INFY, NIFTY])
  expect(request.path).toBe('/rest/secure/angelbroking/market/v1/quote')
  expect(bodyOf(request)).toEqual({
    mode: 'FULL',
    exchangeTokens: { NSE: ['3045', '1594', '99926000'], BSE: ['500325'] },
  })
})

function rangeOf(from: string, to: string): unknown {
  const request = smartapi.historyRequest(CREDENTIALS, TOKENS, SBIN, utc(from), utc(to))
  expect(request.path).toBe('/rest/secure/angelbroking/historical/v1/getCandleData')
  const { fromdate, todate, ...rest } = bodyOf(request) as Record<string, string>
  expect(rest).toEqual({ exchange: 'NSE', symboltoken: '3045', interval: 'ONE_MINUTE' })
  return [fromdate, todate]
}

test('history is asked for in Indian wall time, up to the last minute that starts inside', () => {
  expect(rangeOf('2026-11-20T03:45:00Z', '2026-11-20T10:00:00Z')).toEqual([
    '2026-11-20 09:15',
    '2026-11-20 15:29',
  ])
  expect(rangeOf('2026-11-20T18:00:00Z', '2026-11-20T20:00:00Z')).toEqual([
    '2026-11-20 23:30',
    '2026-11-21 01:29',
  ])
})

test('only minutes that start inside the interval are asked for', () => {
  expect(rangeOf('2026-11-20T03:45:00.001Z', '2026-11-20T03:50:59.999Z')).toEqual([
    '2026-11-20 09:16',
    '2026-11-20 09:20',
  ])
})

test('one single minute is asked with the one before it, because the vendor refuses equal ends', () => {
  expect(rangeOf('2026-11-20T03:45:00Z', '2026-11-20T03:46:00Z')).toEqual([
    '2026-11-20 09:14',
    '2026-11-20 09:15',
  ])
})
