import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { HttpReply, Refusal, RefusalKind } from '../../src/domain/venue.ts'
import { smartapi } from '../../src/venues/smartapi/index.ts'
import { DATA_ABSENT, DATA_DIR, needsData, reply } from './samples.ts'

function refusalOf(answer: HttpReply): Refusal {
  const parsed = smartapi.parseHistory(answer)
  if (parsed.ok) throw new Error(`understood: ${answer.body}`)
  expect(smartapi.parseQuotes(answer)).toEqual(parsed)
  expect(smartapi.parseTokens(answer)).toEqual(parsed)
  return parsed.refusal
}

const NGINX = (status: number, words: string): string =>
  `<html>\r\n<head><title>${status} ${words}</title></head>\r\n` +
  `<body><center><h1>${status} ${words}</h1></center></body></html>`
const FIREWALL =
  '<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. ' +
  'Please consult with your administrator.<br><br>Your support ID is: 1234567890<br></body></html>'

const SHAPES: readonly (readonly [string, number, unknown, RefusalKind, string])[] = [
  ['the rate limiter', 403, 'Access denied because of exceeding access rate', 'rate_limited', ''],
  [
    'the rate limiter as documented',
    403,
    'Access denied because of exceeding rate limit',
    'rate_limited',
    '',
  ],
  ['the rate limiter under 200', 200, 'Access denied because of exceeding access rate', 'rate_limited', ''],
  ['a bare 403', 403, '', 'rate_limited', ''],
  ['the proxy at its limit', 429, NGINX(429, 'Too Many Requests'), 'rate_limited', ''],
  ['the firewall under 200', 200, FIREWALL, 'outage', ''],
  ['the firewall under 403', 403, FIREWALL, 'outage', ''],
  ['a dead upstream', 502, NGINX(502, 'Bad Gateway'), 'outage', ''],
  ['a slow upstream', 504, NGINX(504, 'Gateway Time-out'), 'outage', ''],
  ['a lost path', 404, 'not found', 'outage', ''],
  ['a maintenance page', 200, '<!DOCTYPE html><html><body>Maintenance</body></html>', 'outage', ''],
  ['a redirect', 302, '', 'outage', ''],
  [
    'an invalid token by the gateway',
    200,
    gateway(false, 'AG8001', 'Invalid Token'),
    'token_expired',
    'AG8001',
  ],
  ['the same under 401', 401, gateway(false, 'AG8002', 'Token Expired'), 'token_expired', 'AG8002'],
  ['a missing token', 200, gateway('false', 'AG8003', 'Token missing'), 'token_expired', 'AG8003'],
  ['an invalid token without a code', 200, gateway(false, '', 'Invalid Token'), 'token_expired', ''],
  ['a bare 401', 401, '', 'token_expired', ''],
  ['an expired refresh token', 200, app(false, 'AB8051', 'Refresh token expired'), 'token_expired', 'AB8051'],
  ['an invalid API key', 200, gateway(false, 'AG8004', 'Invalid API Key'), 'login_refused', 'AG8004'],
  ['a wrong PIN', 200, app(false, 'AB1007', 'Invalid password'), 'login_refused', 'AB1007'],
  [
    'a blocked client',
    200,
    app(false, 'AB1006', 'Client is blocked, TOTP disabled'),
    'login_refused',
    'AB1006',
  ],
  ['a wrong one-time code', 200, app(false, 'AB1050', 'Invalid totp'), 'totp_refused', 'AB1050'],
  [
    'a wrong one-time code under a login code',
    401,
    app(false, 'AB1007', 'Invalid TOTP'),
    'totp_refused',
    'AB1007',
  ],
  ['a wrong PIN under an unknown code', 401, app(false, 'AB9', 'Invalid Password'), 'login_refused', 'AB9'],
  ['something went wrong', 200, app(false, 'AB1004', 'Something Went Wrong'), 'outage', 'AB1004'],
  ['an internal error', 200, app(false, 'AB2001', 'please try after sometime'), 'outage', 'AB2001'],
  [
    'an unknown code that asks for patience',
    200,
    app(false, 'AB9', 'Please try after some time'),
    'outage',
    'AB9',
  ],
  ['an unknown code', 200, app(false, 'AB9999', 'No such thing'), 'bad_request', 'AB9999'],
  ['a wrong request', 400, app(false, 'AB9998', 'Invalid interval'), 'bad_request', 'AB9998'],
  ['status as text', 200, app('false', 'AB1009', 'Symbol not found'), 'bad_request', 'AB1009'],
  ['status null', 200, app(null, '', ''), 'bad_request', ''],
  ['JSON without an envelope', 200, { hello: 1 }, 'not_understood', ''],
  ['a framework error', 404, { timestamp: 1, status: 404, error: 'Not Found' }, 'outage', ''],
  ['null', 200, 'null', 'not_understood', ''],
  ['a list', 200, '[1]', 'not_understood', ''],
  ['nothing', 200, '', 'not_understood', ''],
  ['half an answer', 200, '{"status":true,"message":"SUCC', 'not_understood', ''],
  ['good news under a bad status', 500, app(true, '', 'SUCCESS'), 'not_understood', ''],
]

function app(status: unknown, errorcode: string, message: string): object {
  return { status, message, errorcode, data: null }
}

function gateway(success: unknown, errorCode: string, message: string): object {
  return { success, message, errorCode, data: '' }
}

test.each(SHAPES)('%s (HTTP %i) is named for what to do next', (_name, status, body, kind, code) => {
  expect(refusalOf(reply(body, status))).toMatchObject({ kind, code })
})

test('a refusal quotes what the vendor said, in one short line, without markup', () => {
  const long = refusalOf(reply(app(false, 'AB9999', `first\r\nsecond\u0007 ${'word '.repeat(100)}`)))
  expect(long.message).toMatch(/^first second word word/)
  expect(long.message.length).toBe(200)
  expect(refusalOf(reply(FIREWALL)).message).toMatch(
    /^HTTP 200, HTML: Request Rejected .*support ID is: 1234567890/,
  )
})

test('a token that the vendor puts into its refusal is not repeated', () => {
  const jwt = 'eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJTMSJ9.c2lnbmF0dXJl'
  const opaque = 'A'.repeat(64)
  for (const body of [app(false, 'AG8001', `Invalid Token ${jwt} ${opaque}`), `bad token ${jwt} ${opaque}`]) {
    const { message } = refusalOf(reply(body, 401))
    expect(message).toContain('[redacted] [redacted]')
    expect(message).not.toContain('c2lnbmF0dXJl')
  }
})

test('a large body that is nothing but the start of something is refused without a long search', () => {
  for (const unit of ['<', '<script', 'eyJ', ' ', '[', '{"a":']) {
    expect(refusalOf(reply(unit.repeat(Math.ceil(4_000_000 / unit.length)))).message.length).toBeLessThan(201)
  }
})

test('a handshake that was refused says whether to wait or to log in again', () => {
  const said = (message: string): Record<string, string> => ({ 'X-Error-Message': message, server: 'nginx' })
  const limit = 'Invalid Request. Connection Limit Exceeded.'
  const page = NGINX(429, 'Too Many Requests')
  const refuse = smartapi.parseHandshakeRefusal
  expect(refuse(reply(page, 429, said(limit)))).toEqual({
    kind: 'connection_limit',
    code: '429',
    message: limit,
  })
  expect(refuse(reply(page, 429)).kind).toBe('connection_limit')
  for (const what of ['Auth token', 'Client Code', 'API Key', 'Feed Token']) {
    const message = `Invalid Header - Invalid ${what}`
    expect(refuse(reply('', 401, said(message)))).toEqual({ kind: 'token_expired', code: '401', message })
  }
  expect(refuse(reply('Access denied because of exceeding access rate', 403)).kind).toBe('rate_limited')
  expect(refuse(reply(NGINX(502, 'Bad Gateway'), 502)).kind).toBe('outage')
  expect(refuse(reply(app(true, '', 'SUCCESS'))).kind).toBe('not_understood')
})

type Body = {
  readonly id: string
  readonly http?: number
  readonly headers?: Record<string, string>
  readonly body?: unknown
  readonly bodyText?: string
}

const RECORDED: Readonly<Record<string, RefusalKind>> = {
  err_AB1004: 'outage',
  err_AG8001: 'token_expired',
  err_rate_403: 'rate_limited',
}
const HANDSHAKES: Readonly<Record<string, RefusalKind>> = {
  ws_429_connection_limit: 'connection_limit',
  ws_401: 'token_expired',
}
/** Text frames and good answers, judged in their own tests; and one body that is not in the data. */
const ELSEWHERE = [
  'login_ok',
  'generate_tokens_ok',
  'candles_index_1h',
  'candles_10m',
  'oi_data',
  'ws_error_limit',
  'ws_error_payload',
  'quote_full_zomato_preopen',
]

test.skipIf(DATA_ABSENT)(`every refusal that somebody recorded is classified${needsData}`, () => {
  const { bodies } = JSON.parse(readFileSync(join(DATA_DIR, 'rest_bodies.json'), 'utf8')) as {
    readonly bodies: readonly Body[]
  }
  const seen: string[] = []
  for (const { id, http = 0, headers = {}, body, bodyText } of bodies) {
    seen.push(id)
    const answer = reply(bodyText ?? body ?? '', http, headers)
    if (id in RECORDED) expect(refusalOf(answer).kind, id).toBe(RECORDED[id])
    if (id in HANDSHAKES) expect(smartapi.parseHandshakeRefusal(answer).kind, id).toBe(HANDSHAKES[id])
  }
  expect(seen.sort()).toEqual([...Object.keys(RECORDED), ...Object.keys(HANDSHAKES), ...ELSEWHERE].sort())
})
