/**
 * What time is it? The only source of time: everything else receives a `Clock`, and
 * `test/tidy.test.ts` enforces it.
 *
 * Wall time may be simulated (see `parseClockSetting`), and then runs at another speed. All waits are
 * given in the clock's own time, so that a session at 60 times the speed has 60 times shorter waits.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { OperatingError } from '../domain/error.ts'
import type { UnixMs } from '../domain/time.ts'

export interface Clock {
  /** Names a moment. Can jump, forwards or back, when the machine's clock is corrected. */
  wallMs(): UnixMs
  /** Measures a wait, in ms of this clock from an arbitrary origin. Never goes back. */
  monoMs(): number
  /** How many ms of this clock pass in one real ms; 1 but for simulated time. */
  readonly speed: number
  /** Resolves at or after `deadlineMs`, or as soon as `signal` aborts. Never rejects. */
  sleepUntil(deadlineMs: UnixMs, signal: AbortSignal): Promise<void>
  /** Resolves after `durationMs` of this clock, or as soon as `signal` aborts. Never rejects. */
  sleep(durationMs: number, signal: AbortSignal): Promise<void>
  /** Calls `wake` every `periodMs` of this clock until the returned function is called. */
  every(periodMs: number, wake: () => void): () => void
  /** Calls `wake` once after `durationMs`, unless the returned function is called first. */
  after(durationMs: number, wake: () => void): () => void
}

/** Sleep in short steps, so that a corrected wall clock is noticed within a second. */
const SLEEP_STEP_MAX_MS = 1_000

export function createClock(simulation?: ClockSimulation): Clock {
  const speed = simulation?.speed ?? 1
  const monoMs = (): number => performance.now() * speed
  const wallMs = (): UnixMs =>
    (simulation === undefined
      ? Date.now()
      : simulation.instantMs + (Date.now() - simulation.realMs) * simulation.speed) as UnixMs
  const pause = (clockMs: number, signal: AbortSignal): Promise<void> =>
    delay(Math.min(Math.ceil(clockMs / speed), SLEEP_STEP_MAX_MS), undefined, { signal }).catch(() => {})
  return {
    wallMs,
    monoMs,
    speed,
    async sleepUntil(deadlineMs, signal) {
      while (!signal.aborted) {
        const remainingMs = deadlineMs - wallMs()
        if (remainingMs <= 0) return
        await pause(remainingMs, signal)
      }
    },
    async sleep(durationMs, signal) {
      const deadlineMs = monoMs() + durationMs
      while (!signal.aborted) {
        const remainingMs = deadlineMs - monoMs()
        if (remainingMs <= 0) return
        await pause(remainingMs, signal)
      }
    },
    every(periodMs, wake) {
      const timer = setInterval(wake, Math.max(1, periodMs / speed))
      return () => clearInterval(timer)
    },
    after(durationMs, wake) {
      const timer = setTimeout(wake, Math.max(0, durationMs / speed))
      return () => clearTimeout(timer)
    },
  }
}

/** The wall clock read `instantMs` at the real moment `realMs` and runs `speed` times as fast. */
export type ClockSimulation = {
  readonly instantMs: UnixMs
  readonly realMs: number
  readonly speed: number
}

/** Reads `<ISO instant>@<unix ms>x<speed>`, the form of the variable CHANDLER_CLOCK. */
export function parseClockSetting(text: string): ClockSimulation {
  const match = /^(.+)@(\d+)x(\d+(?:\.\d+)?)$/.exec(text)
  const instantMs = match === null ? Number.NaN : Date.parse(match[1]!)
  const speed = Number(match?.[3])
  if (match === null || Number.isNaN(instantMs) || !(speed > 0)) {
    throw new OperatingError(
      `reading CHANDLER_CLOCK: "${text}" is not <ISO instant>@<unix ms>x<speed>; ` +
        'example: 2026-07-01T03:45:00Z@1790000000000x60',
      { code: 'CONFIG_INVALID' },
    )
  }
  return { instantMs: instantMs as UnixMs, realMs: Number(match[2]), speed }
}

export function formatClockSetting(simulation: ClockSimulation): string {
  return `${new Date(simulation.instantMs).toISOString()}@${simulation.realMs}x${simulation.speed}`
}

/** The machine's real Unix time, for starting a simulation; never for business logic. */
export function realNowMs(): number {
  return Date.now()
}

/**
 * Resolves when the event loop has gone round once: whatever waited in the kernel has been read by
 * then. Asked before silence is declared, so that our own lateness is not taken for the vendor's.
 */
export function yieldTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/**
 * Reads the wall clock at most once in a turn of the event loop. Packets that one read of the socket
 * brought arrived together as far as we can know, and a busy turn brings hundreds.
 */
export function wallOncePerTurn(clock: Clock): () => UnixMs {
  let atMs = 0 as UnixMs
  let isFresh = false
  const expire = (): void => {
    isFresh = false
  }
  return () => {
    if (isFresh) return atMs
    isFresh = true
    setImmediate(expire)
    atMs = clock.wallMs()
    return atMs
  }
}

/** Calls `callback` when everything that the present turn of the event loop brought has been handled. */
export function atTurnEnd(callback: () => void): void {
  setImmediate(callback)
}
