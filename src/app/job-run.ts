/**
 * How is one planned job run? As a process of its own, the same command that an operator would type: what it
 * leaks ends with it, and a crash takes nobody along. It is begun again, later each time, for as long as its
 * plan allows. Being asked to stop is handed on, and leaves no record: the job is simply due again.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { ErrorCode } from '../domain/error.ts'
import { isFailureNews, type JobRecord, type PlannedJob } from '../domain/job.ts'
import { SECOND_MS } from '../domain/time.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { againMs, outcomeOf } from '../scheduler/decide.ts'

/** Program and first arguments of the chandler command, and what each job's process is given. */
export type JobCommand = {
  readonly program: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

export type JobRunOptions = {
  readonly command: JobCommand
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** A process that does not end when asked is ended, after this long in real time. */
  readonly stopMaxMs?: number
  readonly onStart: (child: ChildProcess, job: PlannedJob) => void
}

const STOP_MAX_MS = 30 * SECOND_MS

/** Null: asked to stop before the job ended. Never rejects for what the job did. */
export async function runJob(job: PlannedJob, options: JobRunOptions): Promise<JobRecord | null> {
  const { clock, log, signal } = options
  for (let attemptCount = 1; !signal.aborted; attemptCount++) {
    const { status, code, complaint } = await runOnce(job, options)
    if (signal.aborted) return null
    const outcome = outcomeOf(status)
    const says = complaint || (status === null ? 'its process was killed' : `exit status ${status}`)
    if (outcome !== 'failed') return { id: job.id, outcome, attemptCount, says: status === 0 ? '' : says }
    const nextMs = againMs(job, { status, code, attemptCount }, clock.wallMs())
    if (nextMs === null) return { id: job.id, outcome, attemptCount, says }
    const waitMs = nextMs - clock.wallMs()
    log.warn('job failed, beginning it again', { job: job.id, attempt: attemptCount, waitMs, why: says })
    await clock.sleepUntil(nextMs, signal)
  }
  return null
}

type Ended = {
  readonly status: number | null
  readonly code: ErrorCode | null
  readonly complaint: string
}

async function runOnce(job: PlannedJob, options: JobRunOptions): Promise<Ended> {
  const { command, log, signal } = options
  log.info('job begins', { job: job.id })
  const child = spawn(command.program, [...command.args, ...job.args], {
    env: { ...command.env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let complaint = ''
  const lines = createInterface({ input: child.stderr! })
  lines.on('line', (line) => {
    // An operator's command ends a failure with one line of this form.
    if (line.startsWith('chandler: ')) complaint = line.slice('chandler: '.length)
    log.pass(line)
  })
  let code: ErrorCode | null = null
  child.on('message', (message) => {
    if (isFailureNews(message)) code = message.code
  })
  options.onStart(child, job)
  const stop = (): void => endChild(child, options.clock, options.stopMaxMs ?? STOP_MAX_MS)
  signal.addEventListener('abort', stop, { once: true })
  try {
    const [[status]] = await Promise.all([
      once(child, 'exit') as Promise<[number | null]>,
      once(lines, 'close'),
    ])
    log.info('job ended', { job: job.id, status })
    return { status, code, complaint: status === 0 ? '' : complaint }
  } catch (error) {
    return { status: null, code, complaint: `its process could not be started: ${String(error)}` }
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Asks it to end in good order, and ends it when it does not. */
function endChild(child: ChildProcess, clock: Clock, stopMaxMs: number): void {
  child.kill('SIGTERM')
  const cancel = clock.after(stopMaxMs * clock.speed, () => child.kill('SIGKILL'))
  child.once('exit', cancel)
}
