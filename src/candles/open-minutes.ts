/**
 * Which minutes may still change? Live, a window of a few: from the first that is not finalised to a
 * little ahead of it, for an exchange whose clock runs before ours; a window slot is reused when its
 * minute has been finalised. For settle, all minutes of the day: nothing is late then, and a tick that
 * came too late live falls into the minute it belongs to.
 *
 * Both kinds refuse the same future, so that both fold the same packets.
 */
import type { Minute } from '../domain/time.ts'
import type { StateReader, StateWriter } from '../platform/saved-state.ts'
import { OpenMinute } from './open-minute.ts'

const WINDOW_MINUTES = 8
const DAY_MINUTES = 1_440

export type Lateness = 'live' | 'settle'

type SavedMinutes = {
  readonly instrumentCount: number
  readonly firstOpen: number
  readonly isUntouched: boolean
  /** By slot: which minute it holds. */
  readonly minutes: readonly (Minute | null)[]
}

export class OpenMinutes {
  readonly #lateness: Lateness
  /**
   * Slot = minute modulo the number of slots: no two minutes that are open at once, or of one day, share one.
   */
  readonly #slots: (OpenMinute | undefined)[] = []
  readonly #slotCount: number
  #instrumentCount = 0
  #firstOpen = 0
  #isUntouched = true

  constructor(lateness: Lateness) {
    this.#lateness = lateness
    this.#slotCount = lateness === 'settle' ? DAY_MINUTES : WINDOW_MINUTES
  }

  start(firstMinute: Minute, instrumentCount: number): void {
    // A later run may begin with an earlier minute (other instruments), as long as no minute has begun.
    if (this.#firstOpen === 0 || (this.#isUntouched && firstMinute < this.#firstOpen)) {
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
    if (minute < this.#firstOpen && this.#lateness === 'live') return undefined
    const found = this.#slots[minute % this.#slotCount]
    return found !== undefined && found.minute === minute ? found : this.#make(minute)
  }

  #make(minute: number): OpenMinute {
    this.#isUntouched = false
    const slot = minute % this.#slotCount
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
    this.#isUntouched = false
    if (minute >= this.#firstOpen) this.#firstOpen = minute + 1
  }

  /**
   * Marks the instrument's minute as not wholly known, whether or not it has a candle, while it may change.
   */
  doubt(index: number, minute: number): void {
    if (minute <= this.lastOpen()) this.find(minute)?.doubt(index)
  }

  isDoubtful(index: number, minute: Minute): boolean {
    return this.peek(minute)?.isDoubtful(index) === true
  }

  /** Whether a trade after `timeMs` is known to be in the minute. */
  hasTradedSince(index: number, minute: number, timeMs: number): boolean {
    return this.peek(minute as Minute)?.hasTradedSince(index, timeMs) === true
  }

  /** Finalised minutes too, while their slots are unused: what comes late is held against them. */
  save(writer: StateWriter): void {
    const slots = Array.from({ length: this.#slotCount }, (_, slot) => this.#slots[slot])
    const saved: SavedMinutes = {
      instrumentCount: this.#instrumentCount,
      firstOpen: this.#firstOpen,
      isUntouched: this.#isUntouched,
      minutes: slots.map((slot) => slot?.minute ?? null),
    }
    writer.value(saved)
    for (const slot of slots) slot?.save(writer)
  }

  load(reader: StateReader): void {
    const { instrumentCount, firstOpen, isUntouched, minutes } = reader.value<SavedMinutes>()
    this.#instrumentCount = instrumentCount
    this.#firstOpen = firstOpen
    this.#isUntouched = isUntouched
    for (const [slot, minute] of minutes.entries()) {
      if (minute === null) continue
      const made = new OpenMinute(minute, 0)
      made.load(reader)
      this.#slots[slot] = made
    }
  }

  /** What was seen of a minute, or undefined when nothing was. Makes nothing. */
  peek(minute: Minute): OpenMinute | undefined {
    const found = this.#slots[minute % this.#slotCount]
    return found?.minute === minute ? found : undefined
  }
}
