/** What has one connected client asked for? Its subscriptions, counted as the vendor counts them. */
import type { StandInSubscribe } from '../../domain/stand-in.ts'
import { MODES } from '../../domain/tick.ts'
import type { Outlet } from './outlet.ts'

export const SUBSCRIPTIONS_MAX = 1_000
const DEPTH_SUBSCRIPTIONS_MAX = 50
const DEPTH = MODES.indexOf('depth')

export type Wish = { readonly mode: number; readonly exchange: string; readonly token: string }

export class Client {
  readonly clientCode: string
  readonly outlet: Outlet
  /** `mode exchange token`; also those that the stand-in has no data for, as they count. */
  readonly #subscribed = new Set<string>()
  #depthCount = 0

  constructor(clientCode: string, outlet: Outlet) {
    this.clientCode = clientCode
    this.outlet = outlet
  }

  get subscriptionCount(): number {
    return this.#subscribed.size
  }

  /**
   * Takes the wish as a whole or, when it would exceed the limit, not at all: then null. Returns what
   * changed; repeated and unknown wishes change nothing.
   */
  apply(request: StandInSubscribe): readonly Wish[] | null {
    const mode = MODES.indexOf(request.mode)
    const wishes = new Map<string, Wish>()
    for (const { exchange, token } of request.instruments) {
      const key = `${mode} ${exchange} ${token}`
      if (this.#subscribed.has(key) === (request.kind === 'unsubscribe')) {
        wishes.set(key, { mode, exchange, token })
      }
    }
    if (request.kind === 'subscribe' && !this.#hasRoom(mode, wishes.size)) return null
    for (const key of wishes.keys()) {
      if (request.kind === 'subscribe') this.#subscribed.add(key)
      else this.#subscribed.delete(key)
    }
    if (mode === DEPTH) this.#depthCount += request.kind === 'subscribe' ? wishes.size : -wishes.size
    return [...wishes.values()]
  }

  #hasRoom(mode: number, count: number): boolean {
    if (mode === DEPTH && this.#depthCount + count > DEPTH_SUBSCRIPTIONS_MAX) return false
    return this.#subscribed.size + count <= SUBSCRIPTIONS_MAX
  }
}
