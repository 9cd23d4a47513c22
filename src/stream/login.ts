/**
 * How do we get in? One login with a one-time code, tried again only where that can help.
 *
 * A refused login is final at once: repeating wrong credentials blocks the account. A refused code is
 * tried once more in the next time step, because a code from the edge of its 30 s is refused by right;
 * after that it is this machine's clock or the secret. Everything else (no answer, an outage, a gateway's
 * HTML) is tried again with growing waits, in the clock's own time.
 */
import { TOTP, Secret as TotpKey } from 'otpauth'
import pRetry from 'p-retry'
import { messageOf, OperatingError } from '../domain/error.ts'
import type { Secret } from '../domain/secret.ts'
import { SECOND_MS, type UnixMs } from '../domain/time.ts'
import type { Credentials, Refusal, StreamVenue, Tokens } from '../domain/venue.ts'
import type { Clock } from '../platform/clock.ts'
import type { SendRequest } from '../platform/http.ts'
import type { Log, Scrubber } from '../platform/log.ts'
import { pauseMs } from './backoff.ts'

export type LoginOptions = {
  readonly venue: StreamVenue
  readonly credentials: Credentials
  readonly send: SendRequest
  readonly clock: Clock
  readonly log: Log
  /** Knows every token from the moment it was given. */
  readonly scrubber: Scrubber
  readonly random: () => number
  readonly signal: AbortSignal
  readonly attemptsMax?: number
}

const ATTEMPTS_MAX = 5
const TOTP_STEP_MS = 30 * SECOND_MS
/** Into the next step, so that a clock that differs a little lies in it too. */
const TOTP_STEP_MARGIN_MS = SECOND_MS
const RETRY = { baseMs: 2 * SECOND_MS, capMs: 30 * SECOND_MS }

/**
 * Rejects with LOGIN_REFUSED or TOTP_REFUSED (final), VENDOR_UNREACHABLE or VENDOR_REFUSED (after
 * `attemptsMax` attempts, retryable), or with the reason of `signal`.
 */
export async function login(options: LoginOptions): Promise<Tokens> {
  const { clock, log, signal, random } = options
  const attemptsMax = options.attemptsMax ?? ATTEMPTS_MAX
  try {
    return await pRetry(() => attempt(options), {
      retries: attemptsMax - 1,
      minTimeout: 0, // the wait below is in the clock's own time
      signal,
      shouldRetry: ({ error }) => isRetryable(error),
      onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
        if (!isRetryable(error) || retriesLeft === 0) return
        const waitMs = pauseMs(RETRY, attemptNumber - 1, random)
        log.warn('login failed, trying again', {
          attempt: attemptNumber,
          waitMs: Math.round(waitMs),
          why: messageOf(error),
        })
        await clock.sleep(waitMs, signal)
      },
    })
  } catch (error) {
    if (!(error instanceof OperatingError) || !error.retryable) throw error
    throw new OperatingError(`logging in, given up after ${attemptsMax} attempts: ${error.message}`, {
      code: error.code,
      retryable: true,
      cause: error,
    })
  }
}

function isRetryable(error: unknown): boolean {
  return error instanceof OperatingError && error.retryable
}

async function attempt(options: LoginOptions): Promise<Tokens> {
  const { clock, log, signal } = options
  const first = await ask(options)
  if (first.ok) return first.tokens
  if (first.refusal.kind !== 'totp_refused') throw refused(options, first.refusal)
  const nextStepMs = (Math.floor(first.askedMs / TOTP_STEP_MS) + 1) * TOTP_STEP_MS
  log.warn('one-time code refused, waiting for the next one')
  await clock.sleepUntil((nextStepMs + TOTP_STEP_MARGIN_MS) as UnixMs, signal)
  signal.throwIfAborted()
  const second = await ask(options)
  if (second.ok) return second.tokens
  throw refused(options, second.refusal)
}

type Asked =
  | { readonly ok: true; readonly tokens: Tokens }
  | { readonly ok: false; readonly refusal: Refusal; readonly askedMs: UnixMs }

async function ask(options: LoginOptions): Promise<Asked> {
  const { venue, credentials, send, clock, scrubber } = options
  const askedMs = clock.wallMs()
  const reply = await send(venue.loginRequest(credentials, totpAt(credentials.totpSecret, askedMs)))
  const answer = venue.parseTokens(reply)
  if (!answer.ok) return { ok: false, refusal: answer.refusal, askedMs }
  const { jwt, refresh, feed } = answer.value
  scrubber.add(jwt, refresh, feed)
  return { ok: true, tokens: answer.value }
}

/** The code of RFC 6238 for that moment: SHA-1, 30 s steps, 6 digits. */
export function totpAt(secret: Secret, atMs: UnixMs): string {
  let key: TotpKey
  try {
    key = TotpKey.fromBase32(secret.reveal())
  } catch {
    // The parser's message quotes the secret, so it is not passed on as a cause.
    throw new OperatingError(
      'computing the one-time code: SMARTAPI_TOTP_SECRET is not base32 (letters A-Z and digits 2-7); ' +
        'copy the text that the vendor shows beside its QR code',
      { code: 'CREDENTIALS_MISSING' },
    )
  }
  return new TOTP({ secret: key }).generate({ timestamp: atMs })
}

function refused(options: LoginOptions, refusal: Refusal): OperatingError {
  const said = options.scrubber.scrub(`${refusal.code} ${refusal.message}`.trim())
  switch (refusal.kind) {
    case 'totp_refused': {
      const utc = new Date(options.clock.wallMs()).toISOString()
      return new OperatingError(
        `logging in: the vendor refused two one-time codes in a row (${said}); check this machine's ` +
          `clock, which reads ${utc} UTC, and SMARTAPI_TOTP_SECRET`,
        { code: 'TOTP_REFUSED' },
      )
    }
    case 'rate_limited':
    case 'outage':
    case 'connection_limit':
    case 'not_understood':
      return new OperatingError(`logging in: the vendor answered "${said}"; try again later`, {
        code: 'VENDOR_REFUSED',
        retryable: true,
      })
    case 'login_refused':
    case 'token_expired':
    case 'bad_request':
      return new OperatingError(
        `logging in: the vendor refused (${said}); not tried again, because repetition blocks the ` +
          'account: check SMARTAPI_API_KEY, SMARTAPI_CLIENT_CODE and SMARTAPI_PIN',
        { code: 'LOGIN_REFUSED' },
      )
  }
}
