/**
 * How does the vendor answer over HTTP? A table of calls; in front of each the checks that the
 * vendor's gateway makes, in its order: token, key, rate.
 */
import type { UnixMs } from '../../domain/time.ts'
import type { Clock } from '../../platform/clock.ts'
import type { ServerReply, ServerRequest } from '../../platform/server.ts'
import type { ExchangeFloor } from './exchange-floor.ts'
import type { FaultPlan } from './fault-plan.ts'
import { historyRows } from './history.ts'
import type { Login, Logins } from './logins.ts'
import { masterRows } from './master.ts'
import { quoteOf, unfetchedOf } from './quote.ts'
import { type Endpoint, RequestQuota } from './request-quota.ts'
import {
  json,
  NO_TOKEN,
  NOT_FOUND,
  OLD_REFRESH,
  OLD_TOKEN,
  RATE_EXCEEDED,
  success,
  TRY_LATER,
  WRONG_KEY,
  WRONG_LOGIN,
  WRONG_REFRESH,
  WRONG_TOKEN,
  WRONG_TOTP,
} from './rest-bodies.ts'
import type { TickSource } from './source.ts'

export type RestOptions = {
  readonly clock: Clock
  readonly source: TickSource
  readonly floor: ExchangeFloor
  readonly logins: Logins
  readonly plan: FaultPlan
}

type Body = Readonly<Record<string, unknown>>
type Call = {
  readonly method: string
  readonly endpoint: Endpoint
  readonly answer: (rest: Rest, login: Login, body: Body, nowMs: UnixMs) => ServerReply
}

const USER = '/rest/secure/angelbroking/user/v1'
const LOGIN_PATH = '/rest/auth/angelbroking/user/v1/loginByPassword'
export const MASTER_PATH = '/OpenAPI_File/files/OpenAPIScripMaster.json'
const QUOTE_TOKENS_MAX = 50

const CALLS: Readonly<Record<string, Call>> = {
  '/rest/auth/angelbroking/jwt/v1/generateTokens': {
    method: 'POST',
    endpoint: 'refresh',
    answer: (rest, _login, body, nowMs) => rest.refresh(body, nowMs),
  },
  [`${USER}/getProfile`]: { method: 'GET', endpoint: 'profile', answer: (_rest, login) => profileOf(login) },
  [`${USER}/logout`]: {
    method: 'POST',
    endpoint: 'logout',
    answer: (rest, login, body) => rest.logout(login, body),
  },
  '/rest/secure/angelbroking/historical/v1/getCandleData': {
    method: 'POST',
    endpoint: 'history',
    answer: (rest, _login, body, nowMs) => rest.history(body, nowMs),
  },
  '/rest/secure/angelbroking/market/v1/quote': {
    method: 'POST',
    endpoint: 'quote',
    answer: (rest, _login, body, nowMs) => rest.quote(body, nowMs),
  },
}

export class Rest {
  readonly #options: RestOptions
  readonly #quota = new RequestQuota()
  requestCount: number = 0

  constructor(options: RestOptions) {
    this.#options = options
  }

  answer(request: ServerRequest): ServerReply {
    const { clock, plan, floor } = this.#options
    const nowMs = clock.wallMs()
    this.requestCount += 1
    if (request.path === MASTER_PATH) return json(200, masterRows(floor.instruments))
    if (plan.active('reject_403', nowMs) !== null) {
      plan.count('reject_403')
      return RATE_EXCEEDED
    }
    const body = readBody(request.body)
    if (request.path === LOGIN_PATH && request.method === 'POST') return this.#login(request, body, nowMs)
    const call = Object.hasOwn(CALLS, request.path) ? CALLS[request.path]! : null
    if (call === null || call.method !== request.method) return NOT_FOUND
    return this.#answerCall(call, request, body, nowMs)
  }

  #answerCall(call: Call, request: ServerRequest, body: Body | null, nowMs: UnixMs): ServerReply {
    const { authorization = '' } = request.headers
    if (authorization === '') return NO_TOKEN
    const login = this.#options.logins.byJwt(authorization, nowMs)
    if (login === 'expired') return OLD_TOKEN
    if (login === 'unknown') return WRONG_TOKEN
    if (request.headers['x-privatekey'] !== login.apiKey) return WRONG_KEY
    if (!this.#quota.take(call.endpoint, login.clientCode, nowMs)) return RATE_EXCEEDED
    if (body === null) return TRY_LATER
    return call.answer(this, login, body, nowMs)
  }

  #login(request: ServerRequest, body: Body | null, nowMs: UnixMs): ServerReply {
    const apiKey = request.headers['x-privatekey'] ?? ''
    const clientCode = textOf(body?.clientcode)
    if (apiKey === '') return WRONG_KEY
    if (!this.#quota.take('login', clientCode, nowMs)) return RATE_EXCEEDED
    const asked = { apiKey, clientCode, pin: textOf(body?.password) }
    const login = this.#options.logins.login(asked, textOf(body?.totp), nowMs)
    if (login === 'wrong') return WRONG_LOGIN
    if (login === 'totp') return WRONG_TOTP
    return success({ ...tokensOf(login), state: typeof body?.state === 'string' ? body.state : null })
  }

  refresh(body: Body, nowMs: UnixMs): ServerReply {
    const login = this.#options.logins.refresh(textOf(body.refreshToken), nowMs)
    if (login === 'unknown') return WRONG_REFRESH
    return login === 'expired' ? OLD_REFRESH : success(tokensOf(login))
  }

  logout(login: Login, body: Body): ServerReply {
    if (textOf(body.clientcode) !== login.clientCode) return TRY_LATER
    this.#options.logins.end(login)
    return success('')
  }

  history(body: Body, nowMs: UnixMs): ServerReply {
    const { source, floor } = this.#options
    const position = floor.positionOf({ exchange: textOf(body.exchange), token: textOf(body.symboltoken) })
    if (position === null) return TRY_LATER
    const { fromdate, todate } = body
    const rows = historyRows(source, position, { interval: textOf(body.interval), fromdate, todate }, nowMs)
    return rows === null ? TRY_LATER : success(rows)
  }

  quote(body: Body, nowMs: UnixMs): ServerReply {
    const { floor } = this.#options
    const mode = textOf(body.mode)
    const wanted = readExchangeTokens(body.exchangeTokens)
    const known = mode === 'LTP' || mode === 'OHLC' || mode === 'FULL'
    if (!known || wanted === null || wanted.length > QUOTE_TOKENS_MAX) return TRY_LATER
    const fetched: unknown[] = []
    const unfetched: unknown[] = []
    for (const wish of wanted) {
      const position = floor.positionOf(wish)
      if (position === null) unfetched.push(unfetchedOf(wish.exchange, wish.token))
      else fetched.push(quoteOf(mode, floor.instruments[position]!, floor.state, position, nowMs))
    }
    return success({ fetched, unfetched })
  }
}

function tokensOf(login: Login): Readonly<Record<string, string>> {
  return { jwtToken: login.jwt, refreshToken: login.refresh, feedToken: login.feed }
}

function profileOf({ clientCode }: Login): ServerReply {
  return success({
    clientcode: clientCode,
    name: 'STAND-IN CLIENT',
    email: '',
    mobileno: '',
    exchanges: '["nse_cm","nse_fo","bse_cm"]',
    products: '["DELIVERY","INTRADAY"]',
    lastlogintime: '',
    brokerid: 'B2C',
  })
}

/** An empty body is an empty object; null for what is not a JSON object. */
function readBody(text: string): Body | null {
  if (text === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Body) : null
  } catch {
    return null // A client's broken body is answered, it is nobody's error here.
  }
}

function readExchangeTokens(value: unknown): { exchange: string; token: string }[] | null {
  if (typeof value !== 'object' || value === null) return null
  const wanted: { exchange: string; token: string }[] = []
  for (const [exchange, tokens] of Object.entries(value)) {
    if (!Array.isArray(tokens)) return null
    for (const token of tokens) wanted.push({ exchange, token: textOf(token) })
  }
  return wanted.length === 0 ? null : wanted
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
