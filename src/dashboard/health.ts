/**
 * Is it well? 200 or 503, with every reason in words. Health is about what a restart or an operator has to
 * mend now; what is merely worth a look is a suggestion.
 */
import type { MarketView } from './market-view.ts'

export type Health = {
  readonly schema: 'chandler.health.v1'
  readonly market: string
  readonly status: 'ok' | 'failing'
  readonly reasons: readonly string[]
  readonly at: string
  readonly running: string | null
}

/** A worker tells how it is once a second of real time; it may be busy starting for this long. */
const SAMPLE_AGE_MAX_MS = 30_000

/** `sampleAgeMs`: how long ago, in real time, the worker last spoke or was begun. */
export function healthOf(view: MarketView, sampleAgeMs: number): Health {
  const reasons = reasonsOf(view, sampleAgeMs)
  return {
    schema: 'chandler.health.v1',
    market: view.market,
    status: reasons.length === 0 ? 'ok' : 'failing',
    reasons,
    at: new Date(view.atMs).toISOString(),
    running: view.runningJob,
  }
}

function reasonsOf(view: MarketView, sampleAgeMs: number): readonly string[] {
  const { worker, isWorkerDue, truth, chain, disk, failedJobs } = view
  const reasons: string[] = []
  if (isWorkerDue && sampleAgeMs > SAMPLE_AGE_MAX_MS) {
    reasons.push(`the feed is open and no worker has spoken for ${Math.round(sampleAgeMs / 1_000)} s`)
  }
  if (worker?.isTrading && worker.liveCount < worker.shardCount) {
    reasons.push(`${worker.shardCount - worker.liveCount} of ${worker.shardCount} sockets are not live`)
  }
  if (chain !== null && chain.status !== 'VERIFIED') {
    reasons.push(`the event chain is ${chain.status}: ${chain.says}`)
  }
  if (truth !== null && truth.haltReason !== null) reasons.push(`halted: ${truth.haltReason}`)
  if (disk !== null && disk.freeBytes < disk.stopBytes) reasons.push('the disk is full')
  for (const job of failedJobs) reasons.push(`job failed: ${job}`)
  return reasons
}
