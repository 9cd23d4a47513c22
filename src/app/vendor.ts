/** How do we reach the vendor? Credentials, tokens and a sender, made once for a command that needs them. */
import type { Config } from '../config.ts'
import { refuseSimulatedTime } from '../config.ts'
import type { Credentials } from '../domain/venue.ts'
import type { Clock, ClockSimulation } from '../platform/clock.ts'
import { createSender, type SendRequest } from '../platform/http.ts'
import type { Log, Scrubber } from '../platform/log.ts'
import { createTokenSource, type TokenSource } from '../stream/tokens.ts'
import { venue } from './india-day.ts'

/** What every long job of the India pipeline is given. */
export type IndiaContext = {
  readonly config: Config
  readonly clock: Clock
  readonly simulation: ClockSimulation | undefined
  readonly log: Log
  readonly scrubber: Scrubber
  readonly random: () => number
  readonly signal: AbortSignal
  /** Throws CREDENTIALS_MISSING. Asked for only by what talks to the vendor. */
  readonly credentials: () => Credentials
}

export type Vendor = {
  readonly credentials: Credentials
  readonly send: SendRequest
  readonly tokens: TokenSource
}

/** Makes no request yet. Throws CONFIG_INVALID when simulated time would meet the real vendor. */
export function connectVendor(context: IndiaContext, utcOffsetMs: number): Vendor {
  const { config, simulation, scrubber } = context
  const { restUrl, streamUrl } = config.markets.in.stream
  refuseSimulatedTime(simulation, [restUrl, streamUrl], venue.realHosts)
  const credentials = context.credentials()
  const { apiKey, clientCode, pin, totpSecret } = credentials
  scrubber.add(apiKey, clientCode, pin, totpSecret)
  const send = createSender(restUrl)
  return {
    credentials,
    send,
    tokens: createTokenSource({ ...context, venue, credentials, send, utcOffsetMs }),
  }
}
