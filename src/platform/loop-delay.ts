/**
 * How long does the event loop keep a waiting packet waiting? A timer every millisecond says how late it
 * came; what it asked for is taken off, so an idle process reads near zero. All in real ms.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'

export type LoopDelay = {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export interface LoopDelayMonitor {
  /** Over the time since the start. */
  soFar(): LoopDelay
  stop(): void
}

const RESOLUTION_MS = 1
const NS_PER_MS = 1_000_000

export function watchLoopDelay(): LoopDelayMonitor {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  const late = (ns: number): number => Math.max(0, ns / NS_PER_MS - RESOLUTION_MS)
  return {
    soFar: () => ({
      p50Ms: late(histogram.percentile(50)),
      p99Ms: late(histogram.percentile(99)),
      maxMs: late(histogram.max),
    }),
    stop: () => void histogram.disable(),
  }
}
