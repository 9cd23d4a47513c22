/**
 * Who holds the vendor's tokens? One source for all sockets and requests, because a login ends the
 * validity of other logins' tokens at some vendors and is limited at all of them: however many users of
 * the tokens find them refused at the same time, there is one login.
 *
 * Tokens die at midnight of the market (sources disagree; this is the safe reading). `take` therefore
 * logs in again on the first use of a new market date; the worker is not restarted for it.
 */
import { OperatingError } from '../domain/error.ts'
import { DAY_MS } from '../domain/time.ts'
import type { Tokens } from '../domain/venue.ts'
import { type LoginOptions, login } from './login.ts'

export interface TokenSource {
  /** Tokens of this market date; logs in when there are none. Rejects as `login` does. */
  take(): Promise<Tokens>
  /** Tokens other than `stale`: those that came meanwhile, or those of a new login. */
  renew(stale: Tokens): Promise<Tokens>
  readonly loginCount: number
}

export type TokenSourceOptions = LoginOptions & {
  /** Offset of the market's wall clock from UTC, for midnight. */
  readonly utcOffsetMs: number
}

export function createTokenSource(options: TokenSourceOptions): TokenSource {
  return new OneLogin(options)
}

class OneLogin implements TokenSource {
  readonly #options: TokenSourceOptions
  #tokens: Tokens | null = null
  /** Market day (days since the epoch, in market time) of `#tokens`. */
  #tokensDay = 0
  #pending: Promise<Tokens> | null = null
  #lastLoginMonoMs: number | null = null
  /** A final refusal is remembered: asking again would be the repetition that blocks accounts. */
  #refusal: OperatingError | null = null
  #loginCount = 0

  constructor(options: TokenSourceOptions) {
    this.#options = options
  }

  get loginCount(): number {
    return this.#loginCount
  }

  async take(): Promise<Tokens> {
    if (this.#pending !== null) return await this.#pending
    if (this.#tokens !== null && this.#tokensDay === this.#day()) return this.#tokens
    return await this.#login()
  }

  async renew(stale: Tokens): Promise<Tokens> {
    return this.#tokens === stale ? await this.#login() : await this.take()
  }

  /** Joins the login that is under way, or starts one. */
  #login(): Promise<Tokens> {
    this.#pending ??= this.#loginOnce().finally(() => {
      this.#pending = null
    })
    return this.#pending
  }

  async #loginOnce(): Promise<Tokens> {
    if (this.#refusal !== null) throw this.#refusal
    const { clock, signal, venue, log } = this.#options
    if (this.#lastLoginMonoMs !== null) {
      const waitMs = this.#lastLoginMonoMs + venue.limits.loginIntervalMs - clock.monoMs()
      if (waitMs > 0) await clock.sleep(waitMs, signal)
    }
    signal.throwIfAborted()
    const day = this.#day()
    try {
      this.#loginCount += 1
      const tokens = await login(this.#options)
      this.#tokens = tokens
      this.#tokensDay = day
      log.info('logged in', { venue: venue.name, logins: this.#loginCount })
      return tokens
    } catch (error) {
      if (error instanceof OperatingError && !error.retryable) this.#refusal = error
      throw error
    } finally {
      this.#lastLoginMonoMs = clock.monoMs()
    }
  }

  #day(): number {
    return Math.floor((this.#options.clock.wallMs() + this.#options.utcOffsetMs) / DAY_MS)
  }
}
