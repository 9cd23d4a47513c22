/**
 * Which minutes may still change? Live, a window of a few: from the first that is not finalised to a
 * little ahead of it, for an exchange whose clock runs before ours; a window slot is reused when its
 * minute has been finalised. For settle, all minutes of the day: nothing is late then, and a tick that
 * came too late live falls into the minute it belongs to.
 *
 * Both kinds refuse the same future, so that both fold the same packets.
 */
import type { Minute } from '../domain/time.ts'
import { OpenMinute } from './open-minute.ts'

const WINDOW_MINUTES = 8

export type Lateness = 'live' | 'settle'

export class OpenMinutes {
  readonly #lateness: Lateness
  /** Live: slot = minute modulo window. Settle: slot = minute minus the first. */
  readonly #slots: (OpenMinute | undefined)[] = []
  #instrumentCount = 0
  #origin = 0
  #firstOpen = 0

  constructor(lateness: Lateness) {
    this.#lateness = lateness
  }

  start(firstMinute: Minute, instrumentCount: number): void {
    if (this.#origin === 0) {
      this.#origin = firstMinute
      this.#firstOpen = firstMinute
    }
    this.#instrumentCount = instrumentCount
    for (const slot of this.#slots) slot?.grow(instrumentCount)
  }

  firstOpen(): Minute {
    return this.#firstOpen as Minute
  }

  lastOpen(): number {
    return this.#firstOpen + WINDOW_MINUTES - 1
  }

  /** The minute's open candles, or undefined where the minute is finalised. Ask only up to `lastOpen`. */
  find(minute: number): OpenMinute | undefined {
    if (this.#lateness === 'settle') return this.#slot(minute - this.#origin, minute)
    if (minute < this.#firstOpen) return undefined
    return this.#slot(minute % WINDOW_MINUTES, minute)
  }

  #slot(slot: number, minute: number): OpenMinute | undefined {
    if (slot < 0) return undefined
    const found = this.#slots[slot]
    if (found !== undefined && found.minute === minute) return found
    return this.#make(slot, minute)
  }

  #make(slot: number, minute: number): OpenMinute {
    const found = this.#slots[slot]
    if (found !== undefined) {
      found.reset(minute as Minute)
      return found
    }
    const made = new OpenMinute(minute as Minute, this.#instrumentCount)
    this.#slots[slot] = made
    return made
  }

  /** From now on `minute` and all before it are finalised. */
  advancePast(minute: Minute): void {
    if (minute >= this.#firstOpen) this.#firstOpen = minute + 1
  }

  /** What was seen of a minute, or undefined when nothing was. Makes nothing. */
  peek(minute: Minute): OpenMinute | undefined {
    const slot = this.#lateness === 'settle' ? minute - this.#origin : minute % WINDOW_MINUTES
    const found = this.#slots[slot]
    return found?.minute === minute ? found : undefined
  }
}
