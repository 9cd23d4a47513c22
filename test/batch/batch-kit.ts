/**
 * What do the tests of asking have in common? A clock whose sleeps pass at once, a log that is kept,
 * folders.
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BatchRefusalKind, BatchVenue, BatchWish } from '../../src/domain/batch.ts'
import type { UnixMs } from '../../src/domain/time.ts'
import type { Clock } from '../../src/platform/clock.ts'
import type { Log } from '../../src/platform/log.ts'
import { Zone } from '../../src/platform/zone.ts'

export const NEW_YORK: Zone = new Zone('America/New_York')

/** Whoever sleeps makes the time pass. Only for one sleeper at a time. */
export class SleepingClock implements Clock {
  readonly speed = 1
  #wallMs: number
  #monoMs = 5_000
  sleptMs = 0

  constructor(start: string) {
    this.#wallMs = Date.parse(start)
  }

  wallMs(): UnixMs {
    return this.#wallMs as UnixMs
  }

  monoMs(): number {
    return this.#monoMs
  }

  pass(durationMs: number): void {
    this.#wallMs += durationMs
    this.#monoMs += durationMs
  }

  jumpWall(deltaMs: number): void {
    this.#wallMs += deltaMs
  }

  sleep(durationMs: number, signal: AbortSignal): Promise<void> {
    if (!signal.aborted) {
      this.sleptMs += Math.max(0, durationMs)
      this.pass(Math.max(0, durationMs))
    }
    return Promise.resolve()
  }

  sleepUntil(deadlineMs: UnixMs, signal: AbortSignal): Promise<void> {
    return this.sleep(deadlineMs - this.#wallMs, signal)
  }

  every(): () => void {
    throw new Error('nobody here wakes')
  }

  after(): () => void {
    throw new Error('nobody here wakes')
  }
}

export function keptLog(): Log & { readonly lines: string[] } {
  const lines: string[] = []
  const keep = (message: string, fields: unknown = {}): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`)
  }
  return { lines, info: keep, warn: keep, error: keep, pass: keep }
}

export function emptyDir(): string {
  return mkdtempSync(join(tmpdir(), 'chandler-batch-'))
}

export const DAILY: BatchWish = {
  function: 'TIME_SERIES_DAILY',
  symbol: 'AAPL',
  variant: 'compact',
  format: 'csv',
}

/** A vendor whose answers say in plain words how they are to be judged: `ok …` or the name of a refusal. */
export const plainVenue: Pick<BatchVenue, 'name' | 'request' | 'describe' | 'judge'> = {
  name: 'plain',
  request: (wish, key) => ({
    method: 'GET',
    path: `/query?symbol=${wish.symbol}&apikey=${key.reveal()}`,
    headers: {},
  }),
  describe: (wish) => `${wish.function} ${wish.symbol} ${wish.variant}`,
  judge: (_wish, { body }) =>
    body.startsWith('ok')
      ? { ok: true, value: body }
      : { ok: false, refusal: { kind: body as BatchRefusalKind, message: `said ${body}` } },
}
