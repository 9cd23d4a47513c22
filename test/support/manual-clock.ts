/**
 * A clock that moves only when a test says so. `advance` wakes every sleeper on its way, in order of time,
 * and lets promises and sockets do their work between two wakes, so an hour is a few milliseconds.
 */
import type { UnixMs } from '../../src/domain/time.ts'
import { type Clock, yieldTurn } from '../../src/platform/clock.ts'

type Timer = { atMs: number; readonly wake: () => void; readonly periodMs: number | null }

export class ManualClock implements Clock {
  readonly speed = 1
  #monoMs = 0
  #wallOffsetMs: number
  readonly #timers = new Set<Timer>()

  constructor(wallMs: number) {
    this.#wallOffsetMs = wallMs
  }

  wallMs(): UnixMs {
    return (this.#wallOffsetMs + this.#monoMs) as UnixMs
  }

  monoMs(): number {
    return this.#monoMs
  }

  /** How many wakes are planned: a stopped thing must have none. */
  get timerCount(): number {
    return this.#timers.size
  }

  every(periodMs: number, wake: () => void): () => void {
    return this.#plan({ atMs: this.#monoMs + periodMs, wake, periodMs })
  }

  after(durationMs: number, wake: () => void): () => void {
    return this.#plan({ atMs: this.#monoMs + Math.max(0, durationMs), wake, periodMs: null })
  }

  sleep(durationMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted || durationMs <= 0) {
        resolve()
        return
      }
      const onAbort = (): void => {
        cancel()
        resolve()
      }
      const cancel = this.after(durationMs, () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      })
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  async sleepUntil(deadlineMs: UnixMs, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.wallMs() < deadlineMs) await this.sleep(deadlineMs - this.wallMs(), signal)
  }

  /** The wall clock is corrected: moments move, waits do not. */
  jumpWall(deltaMs: number): void {
    this.#wallOffsetMs += deltaMs
  }

  /**
   * Time passes and nobody is woken for it until it is over: the process did not run. As in the real event
   * loop, overdue timers then come before anything that waits in the kernel (here: before `setImmediate`).
   */
  async oversleep(durationMs: number): Promise<void> {
    this.#monoMs += durationMs
    await this.#wakeUntil(this.#monoMs)
  }

  async advance(durationMs: number): Promise<void> {
    const endMs = this.#monoMs + durationMs
    await settle()
    await this.#wakeUntil(endMs)
    this.#monoMs = endMs
    await settle()
  }

  async #wakeUntil(endMs: number): Promise<void> {
    for (;;) {
      const timer = this.#nextBefore(endMs)
      if (timer === null) return
      this.#monoMs = Math.max(this.#monoMs, timer.atMs)
      if (timer.periodMs === null) this.#timers.delete(timer)
      else timer.atMs = this.#monoMs + timer.periodMs
      timer.wake()
      await settle()
    }
  }

  #plan(timer: Timer): () => void {
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  #nextBefore(endMs: number): Timer | null {
    let next: Timer | null = null
    for (const timer of this.#timers) {
      if (timer.atMs <= endMs && (next === null || timer.atMs < next.atMs)) next = timer
    }
    return next
  }
}

/** A few turns of the event loop: enough for promise chains and for what is already in the kernel. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await yieldTurn()
}
