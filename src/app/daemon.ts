/**
 * What runs unattended for weeks? One daemon for each market. Each minute it asks the plan what is due and
 * runs that, one job at a time, as a process of its own; it has no state but the chain, in which the end of
 * every job is recorded. So it may be stopped, killed or slept at any moment: the next start reads the chain
 * and goes on. What a job decides, it decides itself; the daemon moves no truth and advances no epoch.
 *
 * A daemon that is killed takes its job along: the job's process ends in good order when the channel to its
 * parent breaks, so that two workers never listen at once and the next daemon finds the lock free.
 */
import type { ChildProcess } from 'node:child_process'
import type { Chain } from '../bus/chain.ts'
import type { Calendar, Traded } from '../calendars/calendar.ts'
import type { JobRecord, PlannedJob } from '../domain/job.ts'
import type { MarketDate } from '../domain/time.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { decide } from '../scheduler/decide.ts'
import { startPulse } from '../scheduler/pulse.ts'
import { jobDraft, planAround, recordOf } from './job-plan.ts'
import { type JobCommand, runJob } from './job-run.ts'

export type DaemonOptions = {
  readonly calendar: Calendar
  readonly instruments: readonly Traded[]
  readonly chain: Chain
  readonly command: JobCommand
  readonly clock: Clock
  readonly isSimulated: boolean
  readonly log: Log
  readonly signal: AbortSignal
  /** A job's process has begun; it speaks over its channel. */
  readonly onJob?: (child: ChildProcess, job: PlannedJob) => void
  /** Once a minute, whether a job runs or not. */
  readonly onMinute?: (state: DaemonState) => void
}

export type DaemonState = {
  /** The job that runs now. */
  readonly running: PlannedJob | null
  readonly records: ReadonlyMap<string, JobRecord>
}

/** Returns when asked to stop and the running job has ended. The caller holds the daemon's lock. */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { calendar, clock, log, signal } = options
  const daemon = new Daemon(options)
  const stopPulse = startPulse({
    name: `chandler-${calendar.market}`,
    clock,
    zone: calendar.zone.name,
    isSimulated: options.isSimulated,
    onMinute: () => daemon.look(),
  })
  try {
    log.info('daemon started', { market: calendar.market, jobsRecorded: daemon.state().records.size })
    await daemon.run(signal)
    log.info('daemon ended', { market: calendar.market })
  } finally {
    stopPulse()
  }
}

class Daemon {
  readonly #options: DaemonOptions
  readonly #records = new Map<string, JobRecord>()
  #firstSession: MarketDate | null = null
  #running: PlannedJob | null = null
  #wake: () => void = () => {}
  #told = ''

  constructor(options: DaemonOptions) {
    this.#options = options
    for (const event of options.chain.events()) {
      const record = recordOf(event)
      if (record !== null) this.#remember(record, record.session)
    }
  }

  state(): DaemonState {
    return { running: this.#running, records: this.#records }
  }

  /** A minute is over: what waits for work looks again. */
  look(): void {
    this.#options.onMinute?.(this.state())
    this.#wake()
  }

  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#wake()
    signal.addEventListener('abort', stop)
    try {
      while (!signal.aborted) {
        const minute = new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        // After a job there may be another one due; only when there is none do we wait for the minute.
        if (!(await this.#workOnce())) await minute
      }
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /** True: a job was run or skipped, so what is due may be another one. */
  async #workOnce(): Promise<boolean> {
    const { calendar, clock, instruments, log, signal } = this.#options
    const nowMs = clock.wallMs()
    const plan = planAround({ calendar, instruments, firstSession: this.#firstSession, nowMs })
    const { run, skip, nextMs } = decide(plan, this.#records, nowMs)
    for (const job of skip) {
      const says = `nobody was awake between ${timeText(job.dueMs)} and ${timeText(job.untilMs)}`
      log.warn('job missed', { job: job.id, why: says })
      this.#record(job, { id: job.id, outcome: 'skipped', attemptCount: 0, says })
    }
    if (run === null) {
      this.#tellNext(nextMs)
      return skip.length > 0
    }
    this.#running = run
    const onStart = (child: ChildProcess): void => this.#options.onJob?.(child, run)
    const record = await runJob(run, { ...this.#options, onStart })
    this.#running = null
    if (record === null || signal.aborted) return false
    this.#record(run, record)
    return true
  }

  #record(job: PlannedJob, record: JobRecord): void {
    this.#options.chain.append(jobDraft(job, record))
    this.#remember(record, job.session)
  }

  #remember(record: JobRecord, session: MarketDate): void {
    this.#records.set(record.id, record)
    if (this.#firstSession === null || session < this.#firstSession) this.#firstSession = session
  }

  #tellNext(nextMs: number | null): void {
    const text = nextMs === null ? 'nothing' : timeText(nextMs)
    if (text === this.#told) return
    this.#told = text
    this.#options.log.info('waiting', { next: text })
  }
}

function timeText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`
}
