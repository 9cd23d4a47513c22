/**
 * When is a minute over? When our own clock says so: at its end plus grace, busy or silent, each minute
 * once and in order. The next tick has no say.
 */
import { type Minute, minuteEnd, nextMinute, type UnixMs } from '../domain/time.ts'
import type { Clock } from '../platform/clock.ts'

export type MinuteTimerOptions = {
  readonly clock: Clock
  /** How long after a minute ends its ticks are still accepted. */
  readonly graceMs: number
  readonly from: Minute
  /** The first minute that is not the timer's any more. */
  readonly to: Minute
  /** Called once for each minute after its grace. */
  readonly onMinute: (minute: Minute) => void
  /** Lets data that already waits in the sockets be read first. */
  readonly yieldTurn: () => Promise<void>
  readonly signal: AbortSignal
}

/**
 * Resolves after the last minute, or when `signal` aborts. A process that slept needs no catch-up
 * branch: the deadlines that it missed lie in the past, so the loop runs straight through them.
 */
export async function runMinuteTimer(options: MinuteTimerOptions): Promise<void> {
  const { clock, graceMs, onMinute, signal } = options
  let minute = options.from
  while (!signal.aborted && minute < options.to) {
    const deadlineMs = (minuteEnd(minute) + graceMs) as UnixMs
    if (clock.wallMs() < deadlineMs) {
      await clock.sleepUntil(deadlineMs, signal)
      await options.yieldTurn()
      if (clock.wallMs() < deadlineMs) continue // aborted, or the wall clock was set back
    }
    onMinute(minute)
    minute = nextMinute(minute)
  }
}
