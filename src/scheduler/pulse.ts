/**
 * When does the daemon look? At each full minute. On the real clock node-cron wakes it, by the wall of the
 * market's time zone, so that it also looks right after the machine slept or its clock was set. Under
 * simulated time, which node-cron cannot know, the clock itself does. What is due is not decided here.
 */
import { schedule } from 'node-cron'
import { MINUTE_MS } from '../domain/time.ts'
import type { Clock } from '../platform/clock.ts'

export type PulseOptions = {
  readonly name: string
  readonly clock: Clock
  readonly zone: string
  readonly isSimulated: boolean
  readonly onMinute: () => void
}

/** Returns a function that ends it. */
export function startPulse(options: PulseOptions): () => void {
  const { name, clock, zone, isSimulated, onMinute } = options
  if (isSimulated) return clock.every(MINUTE_MS / 4, onMinute)
  const task = schedule('* * * * *', onMinute, { name, timezone: zone })
  return () => void task.destroy()
}
