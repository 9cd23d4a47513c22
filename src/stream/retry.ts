/**
 * After a failed connection: how long to wait, and with which tokens to come back?
 *
 * Tokens are refused at random now and then, so the same ones get a second try; refused twice, they are
 * given back for others, ever slower, because logins that do not help are limited. Handshakes cost nothing:
 * with the tokens at hand they go on meanwhile, so that we are back soon after the vendor is. Too many
 * sockets are often the dead ones of a crash, which hold their place for about half a minute.
 */
import { MINUTE_MS, SECOND_MS } from '../domain/time.ts'
import type { RefusalKind, Tokens } from '../domain/venue.ts'
import { type BackoffLimits, backoffMs } from './backoff.ts'

const BACKOFF_BASE_MS: number = SECOND_MS
const LIMIT_PAUSE_MS = 30 * SECOND_MS
const TOKEN_PAUSE_MS = SECOND_MS
const TOKEN_PAUSE_MAX_MS = 5 * MINUTE_MS

export class Retry {
  readonly #random: () => number
  readonly #backoff: BackoffLimits
  /** Failures since the last stable minute. */
  #attempt = 0
  #refusedOnce: Tokens | null = null
  #stale: Tokens | null = null
  #renewCount = 0
  /** In all, since tokens were given back. */
  #waitedMs = 0

  constructor(random: () => number, backoffCapMs: number) {
    this.#random = random
    this.#backoff = { baseMs: BACKOFF_BASE_MS, capMs: backoffCapMs }
  }

  /** Tokens not to come back with; null where the tokens at hand will do. */
  get stale(): Tokens | null {
    return this.#stale
  }

  afterFailure(): number {
    const waitMs = backoffMs(this.#backoff, this.#attempt, this.#random)
    this.#attempt += 1
    return waitMs
  }

  afterRefusal(kind: RefusalKind, tokens: Tokens): number {
    const waitMs = this.afterFailure()
    if (kind === 'connection_limit' || kind === 'rate_limited') return this.afterLimit()
    if (kind !== 'token_expired' && kind !== 'login_refused') return waitMs
    this.#doubt(tokens)
    const pausedMs = Math.max(waitMs, TOKEN_PAUSE_MS)
    this.#waitedMs += pausedMs
    return pausedMs
  }

  /** Between one and two of the long pauses. */
  afterLimit(): number {
    return LIMIT_PAUSE_MS * (1 + this.#random())
  }

  hasTokens(): void {
    this.#stale = null
  }

  hasOpened(): void {
    this.#refusedOnce = null
    this.#renewCount = 0
    this.#waitedMs = 0
  }

  hasBeenStable(): void {
    this.#attempt = 0
  }

  #doubt(tokens: Tokens): void {
    if (this.#refusedOnce !== tokens) {
      this.#refusedOnce = tokens
      return
    }
    if (this.#waitedMs < this.#renewPauseMs()) return
    this.#stale = tokens
    this.#renewCount += 1
    this.#waitedMs = 0
  }

  /** Least time between two logins that did not help. */
  #renewPauseMs(): number {
    if (this.#renewCount === 0) return 0
    return Math.min(TOKEN_PAUSE_MAX_MS, TOKEN_PAUSE_MS * 4 ** (this.#renewCount - 1))
  }
}
