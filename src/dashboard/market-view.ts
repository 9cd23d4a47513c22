/** What is shown of one market? Everything that health and metrics say, as values; null means not known. */
import type { MarketDate, UnixMs } from '../domain/time.ts'
import type { WorkerSample } from '../domain/worker-sample.ts'

export type MarketView = {
  readonly market: string
  readonly version: string
  readonly atMs: UnixMs
  /** The last that the running worker told; null while none runs. */
  readonly worker: WorkerSample | null
  /** The job that runs now, by its id. */
  readonly runningJob: string | null
  /** True while a worker ought to be listening. */
  readonly isWorkerDue: boolean
  /** Ended jobs by name and outcome, as far back as the chain goes. */
  readonly jobCounts: readonly { readonly job: string; readonly outcome: string; readonly count: number }[]
  /** Jobs of the session before this moment that failed and that nothing has mended. */
  readonly failedJobs: readonly string[]
  readonly truth: {
    readonly ctt: MarketDate | null
    readonly epoch: MarketDate | null
    /** Sessions that have ended since; null before the first. */
    readonly cttAgeSessions: number | null
    readonly epochAgeSessions: number | null
    readonly haltReason: string | null
    readonly reviewCount: number
  } | null
  readonly chain: { readonly status: string; readonly says: string; readonly eventCount: number } | null
  readonly permits: { readonly leftToday: number; readonly leftThisMinute: number | null } | null
  readonly queue: { readonly waitingCount: number; readonly parkedCount: number } | null
  readonly disk: { readonly freeBytes: number; readonly stopBytes: number } | null
  readonly suggestionCounts: readonly { readonly monitor: string; readonly count: number }[]
  readonly daemonRssBytes: number
}
