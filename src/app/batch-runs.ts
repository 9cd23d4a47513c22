/**
 * How did each job end last? One small file a job for whoever asks for the status; the whole record is the
 * chain's, and this may be lost without loss.
 *
 *     jobs/us/runs/daily.json   {"schema":…,"outcome":"done","endedMs":…,"says":"…"}
 */
import { join } from 'node:path'
import { messageOf, systemCodeOf } from '../domain/error.ts'
import type { JobStatus } from '../domain/status.ts'
import type { UnixMs } from '../domain/time.ts'
import { fileError, makeDir, removeDir, renameInto, writeNewFile } from '../platform/durable.ts'
import { readTextFile } from '../platform/text-file.ts'
import { BATCH_JOBS, type BatchEnd, type BatchJob } from './batch-outcome.ts'

const SCHEMA = 'chandler.batch_run.v1'

export type LastRun = {
  readonly job: BatchJob
  readonly outcome: BatchEnd
  readonly endedMs: UnixMs
  readonly says: string
}

export function writeLastRun(jobsDir: string, run: LastRun): void {
  const dir = join(jobsDir, 'runs')
  const temp = join(dir, '.new')
  try {
    makeDir(dir)
    removeDir(temp)
    writeNewFile(temp, Buffer.from(`${JSON.stringify({ schema: SCHEMA, ...run })}\n`))
    renameInto(temp, join(dir, `${run.job}.json`))
  } catch (error) {
    throw fileError('noting how the job ended in', dir, error)
  }
}

/** Every job of the market, those that never ran too. */
export function lastRuns(jobsDir: string): readonly JobStatus[] {
  return BATCH_JOBS.map((name) => jobStatus(name, join(jobsDir, 'runs', `${name}.json`)))
}

function jobStatus(name: BatchJob, path: string): JobStatus {
  const never: JobStatus = { name, outcome: null, lastRunMs: null, nextRunMs: null, detail: '' }
  try {
    const run = JSON.parse(readTextFile(path)) as LastRun & { readonly schema: unknown }
    if (run.schema !== SCHEMA) return { ...never, detail: 'another version wrote how it ended' }
    // Permits that ran out and a wish to stop are no failures: the job goes on next time.
    const outcome = run.outcome === 'failed' ? 'failed' : 'done'
    const detail = run.outcome === 'done' ? '' : run.says
    return { name, outcome, lastRunMs: run.endedMs, nextRunMs: null, detail }
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return never
    return { ...never, detail: `cannot be read: ${messageOf(error)}` }
  }
}
