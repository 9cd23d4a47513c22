/**
 * Does the vendor answer, does its clock agree with ours, and does it know us? One plain request to the
 * root of its REST host, which costs no permit; and for India one login, unless a worker is at it: that one
 * has proved more, and a second login may end the first one's tokens. The US key is only looked for: a free
 * one has 25 requests a day, and the daily job says soon enough when it is refused.
 */
import { type Environment, processEnvironment } from '../config.ts'
import { readAlphavantageKey } from '../credentials.ts'
import { messageOf, OperatingError } from '../domain/error.ts'
import { SECOND_MS } from '../domain/time.ts'
import type { Clock } from '../platform/clock.ts'
import { createSender } from '../platform/http.ts'
import { INDIA, indiaCalendar } from './india-day.ts'
import type { Market } from './truth-market.ts'
import { connectVendor, type IndiaContext } from './vendor.ts'

export type Reach =
  | {
      readonly isReached: true
      readonly url: string
      readonly status: number
      readonly tookMs: number
      /** Ours minus the vendor's, at least; null: the answer was not dated, or time is simulated. */
      readonly clockOffMs: number | null
    }
  | { readonly isReached: false; readonly url: string; readonly why: string }

/** `present`: there, and not tried. */
export type CredentialFacts = {
  readonly outcome: 'accepted' | 'in use' | 'present' | 'refused' | 'not tried'
  readonly says: string
}

const REACH_TIMEOUT_MS = 5_000
const REACH_BODY_MAX_BYTES = 4 * 1024 * 1024
const LOGIN_TIMEOUT_MS = 20 * SECOND_MS

export async function reachVendor(context: IndiaContext, market: Market): Promise<Reach> {
  const { config, clock, simulation } = context
  const url = market === INDIA ? config.markets.in.stream.restUrl : config.markets.us.batch.restUrl
  const send = createSender(url, { timeoutMs: REACH_TIMEOUT_MS, bodyMaxBytes: REACH_BODY_MAX_BYTES })
  const sentMs = clock.wallMs()
  try {
    const { status, headers } = await send({ method: 'GET', path: '/', headers: {} })
    const answeredMs = clock.wallMs()
    // Stand-ins date their answers by the machine's own clock.
    const dated = simulation === undefined ? Date.parse(headers.date ?? '') : Number.NaN
    const clockOffMs = Number.isNaN(dated) ? null : clockOff({ sentMs, answeredMs, datedMs: dated })
    return { isReached: true, url, status, tookMs: (answeredMs - sentMs) / clock.speed, clockOffMs }
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error
    return { isReached: false, url, why: messageOf(error).split('; ')[0]! }
  }
}

/**
 * By how much our clock is certainly off, in ms: ahead is positive. An answer is dated in whole seconds, at
 * some moment between our asking and its arrival; what those leave open is not held against anybody.
 */
export function clockOff(seen: {
  readonly sentMs: number
  readonly answeredMs: number
  readonly datedMs: number
}): number {
  const aheadMs = seen.sentMs - (seen.datedMs + SECOND_MS)
  const behindMs = seen.datedMs - seen.answeredMs
  if (aheadMs > 0) return aheadMs
  return behindMs > 0 ? -behindMs : 0
}

export async function tryCredentials(
  context: IndiaContext,
  market: Market,
  seen: { readonly isReached: boolean; readonly isWorkerRunning: boolean },
  env: Environment = processEnvironment,
): Promise<CredentialFacts> {
  try {
    if (market !== INDIA) {
      context.scrubber.add(readAlphavantageKey(env))
      return { outcome: 'present', says: 'the key is there; it was not tried, to spend no permit' }
    }
    context.credentials()
    if (seen.isWorkerRunning) return { outcome: 'in use', says: 'a worker is running with them' }
    if (!seen.isReached) return { outcome: 'not tried', says: 'all four are there, but nobody answers' }
    await logIn(context, context.clock)
    return { outcome: 'accepted', says: 'a login was accepted' }
  } catch (error) {
    if (context.signal.aborted || !isExpected(error)) throw error
    return { outcome: 'refused', says: messageOf(error) }
  }
}

async function logIn(context: IndiaContext, clock: Clock): Promise<void> {
  const stopping = new AbortController()
  const late = new OperatingError('logging in: no answer in time; see whether the vendor is up', {
    code: 'VENDOR_UNREACHABLE',
    retryable: true,
  })
  const cancel = clock.after(LOGIN_TIMEOUT_MS * clock.speed, () => stopping.abort(late))
  const signal = AbortSignal.any([context.signal, stopping.signal])
  const utcOffsetMs = indiaCalendar(context.config).zone.offsetMs(clock.wallMs())
  try {
    await connectVendor({ ...context, signal }, utcOffsetMs).tokens.take()
  } finally {
    cancel()
  }
}

function isExpected(error: unknown): boolean {
  return error instanceof OperatingError
}
