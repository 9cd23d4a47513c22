/**
 * Who is logged in? Logins with a one-time code, and tokens that look like the vendor's, belong to one
 * login and die at midnight in Mumbai. They are strings without meaning, known to this process only.
 */
import { randomBytes } from 'node:crypto'
import { Secret as OtpSecret, TOTP } from 'otpauth'
import { messageOf, OperatingError } from '../../domain/error.ts'
import type { Credentials } from '../../domain/venue.ts'
import { nextIstMidnight } from './ist.ts'

/** What a stand-in without credentials of its own accepts; the RFC's test word, no secret of anybody. */
export const TEST_TOTP_SECRET = 'JBSWY3DPEHPK3PXP'
const TOTP_STEP_MS = 30_000

export type Login = {
  readonly clientCode: string
  readonly apiKey: string
  readonly jwt: string
  readonly refresh: string
  readonly feed: string
  readonly expiresMs: number
}

export type LoginRefusal = 'wrong' | 'totp'
/** 'expired' is told apart from 'unknown' because the vendor does so. */
export type TokenRefusal = 'unknown' | 'expired'

export class Logins {
  readonly #credentials: Credentials | null
  readonly #totp: TOTP
  readonly #byJwt = new Map<string, Login>()
  readonly #byRefresh = new Map<string, Login>()
  readonly #byFeed = new Map<string, Login>()
  loginCount: number = 0

  /** Without credentials any client code, PIN and key will do, and the code is that of the test secret. */
  constructor(credentials: Credentials | null) {
    this.#credentials = credentials
    this.#totp = totpOf(credentials?.totpSecret.reveal() ?? TEST_TOTP_SECRET)
  }

  login(
    asked: { readonly apiKey: string; readonly clientCode: string; readonly pin: string },
    code: string,
    nowMs: number,
  ): Login | LoginRefusal {
    const { apiKey, clientCode, pin } = asked
    if (apiKey === '' || clientCode === '' || pin === '' || !this.#isKnown(asked)) return 'wrong'
    const steps = this.#totp.validate({ token: code, timestamp: nowMs, window: 1 })
    if (steps !== 0 && steps !== -1) return 'totp'
    this.loginCount += 1
    return this.#issue(clientCode, apiKey, nowMs)
  }

  /** All three tokens are replaced; the old ones are worth nothing any more. */
  refresh(refreshToken: string, nowMs: number): Login | TokenRefusal {
    const login = this.#byRefresh.get(refreshToken)
    if (login === undefined) return 'unknown'
    if (login.expiresMs <= nowMs) return 'expired'
    this.end(login)
    return this.#issue(login.clientCode, login.apiKey, nowMs)
  }

  /** With or without `Bearer ` in front, as the vendor takes both. */
  byJwt(authorization: string, nowMs: number): Login | TokenRefusal {
    return living(this.#byJwt.get(authorization.replace(/^Bearer /, '')), nowMs)
  }

  byFeed(feedToken: string, nowMs: number): Login | TokenRefusal {
    return living(this.#byFeed.get(feedToken), nowMs)
  }

  end(login: Login): void {
    this.#byJwt.delete(login.jwt)
    this.#byRefresh.delete(login.refresh)
    this.#byFeed.delete(login.feed)
  }

  expireAll(): void {
    for (const map of [this.#byJwt, this.#byRefresh, this.#byFeed]) {
      for (const [token, login] of map) map.set(token, { ...login, expiresMs: 0 })
    }
  }

  #isKnown(asked: { readonly apiKey: string; readonly clientCode: string; readonly pin: string }): boolean {
    const wanted = this.#credentials
    if (wanted === null) return true
    const { apiKey, clientCode, pin } = wanted
    return (
      apiKey.reveal() === asked.apiKey &&
      clientCode.reveal() === asked.clientCode &&
      pin.reveal() === asked.pin
    )
  }

  #issue(clientCode: string, apiKey: string, nowMs: number): Login {
    const expiresMs = nextIstMidnight(nowMs)
    const make = (use: string): string => jwtLike({ username: clientCode, use, exp: expiresMs / 1_000 })
    const [jwt, refresh, feed] = [make('trade'), make('refresh'), make('feed')] as const
    const login: Login = { clientCode, apiKey, jwt, refresh, feed, expiresMs }
    this.#byJwt.set(jwt, login)
    this.#byRefresh.set(refresh, login)
    this.#byFeed.set(feed, login)
    return login
  }
}

function living(login: Login | undefined, nowMs: number): Login | TokenRefusal {
  if (login === undefined) return 'unknown'
  return login.expiresMs <= nowMs ? 'expired' : login
}

/** Three base64url parts as in a JWT; the last is chance instead of a signature. */
function jwtLike(payload: Readonly<Record<string, string | number>>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'HS512' })}.${part(payload)}.${randomBytes(32).toString('base64url')}`
}

function totpOf(secret: string): TOTP {
  try {
    return new TOTP({
      secret: OtpSecret.fromBase32(secret),
      algorithm: 'SHA1',
      digits: 6,
      period: TOTP_STEP_MS / 1_000,
    })
  } catch (error) {
    throw new OperatingError(
      `reading the stand-in's one-time-code secret: ${messageOf(error)}; it must be base32 text`,
      { code: 'CREDENTIALS_MISSING', cause: error },
    )
  }
}
