/** Has this client asked too often? Rolling windows of the vendor's published rates, in clock time. */
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../domain/time.ts'

export type Endpoint = 'login' | 'refresh' | 'profile' | 'logout' | 'history' | 'quote'

type Window = { readonly lengthMs: number; readonly requestsMax: number }

const LIMITS: Readonly<Record<Endpoint, readonly Window[]>> = {
  login: [{ lengthMs: SECOND_MS, requestsMax: 1 }],
  refresh: [
    { lengthMs: SECOND_MS, requestsMax: 1 },
    { lengthMs: HOUR_MS, requestsMax: 1_000 },
  ],
  profile: [
    { lengthMs: SECOND_MS, requestsMax: 3 },
    { lengthMs: HOUR_MS, requestsMax: 1_000 },
  ],
  logout: [{ lengthMs: SECOND_MS, requestsMax: 1 }],
  history: [
    { lengthMs: SECOND_MS, requestsMax: 3 },
    { lengthMs: MINUTE_MS, requestsMax: 180 },
    { lengthMs: HOUR_MS, requestsMax: 5_000 },
  ],
  quote: [
    { lengthMs: SECOND_MS, requestsMax: 10 },
    { lengthMs: MINUTE_MS, requestsMax: 500 },
    { lengthMs: HOUR_MS, requestsMax: 5_000 },
  ],
}

export class RequestQuota {
  /** Times of the requests of the last hour that were let through, by endpoint and client. */
  readonly #taken = new Map<string, number[]>()

  /** Counts the request, or answers false and does not. */
  take(endpoint: Endpoint, clientCode: string, nowMs: number): boolean {
    const key = `${endpoint} ${clientCode}`
    const times = (this.#taken.get(key) ?? []).filter((timeMs) => timeMs > nowMs - HOUR_MS)
    this.#taken.set(key, times)
    const isFull = LIMITS[endpoint].some(
      ({ lengthMs, requestsMax }) =>
        times.filter((timeMs) => timeMs > nowMs - lengthMs).length >= requestsMax,
    )
    if (!isFull) times.push(nowMs)
    return !isFull
  }
}
