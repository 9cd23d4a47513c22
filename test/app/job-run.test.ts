import { expect, test } from 'vitest'
import { type JobRunOptions, runJob } from '../../src/app/job-run.ts'
import type { PlannedJob } from '../../src/domain/job.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import { createClock } from '../../src/platform/clock.ts'

/** A thousand seconds of the job's time are one of ours. */
const clock = createClock({ instantMs: 0 as UnixMs, realMs: Date.now(), speed: 1_000 })

function jobOf(script: string): PlannedJob {
  return {
    id: 'settle@2026-07-01',
    name: 'settle',
    session: '2026-07-01' as MarketDate,
    dueMs: 0 as UnixMs,
    untilMs: Number.MAX_SAFE_INTEGER as UnixMs,
    missed: 'run',
    after: [],
    again: 'few',
    args: ['-e', script],
  }
}

function optionsOf(change: Partial<JobRunOptions> = {}): JobRunOptions & { readonly lines: string[] } {
  const lines: string[] = []
  const log = {
    info: () => {},
    warn: () => {},
    error: () => {},
    pass: (line: string) => void lines.push(line),
  }
  return {
    command: { program: process.execPath, args: [], env: process.env },
    clock,
    log,
    signal: new AbortController().signal,
    onStart: () => {},
    ...change,
    lines,
  }
}

test('a job that ends well is done, and its lines are handed on', async () => {
  const options = optionsOf()
  const record = await runJob(jobOf("console.error('working'); process.exit()"), options)
  expect(record).toEqual({ id: 'settle@2026-07-01', outcome: 'done', attemptCount: 1, says: '' })
  expect(options.lines).toEqual(['working'])
})

test('a job that fails is begun again a few times, and its last word is kept', async () => {
  const record = await runJob(
    jobOf("console.error('chandler: settling: no answer; wait'); process.exit(1)"),
    optionsOf(),
  )
  expect(record).toMatchObject({ outcome: 'failed', attemptCount: 3, says: 'settling: no answer; wait' })
})

test('what a gate refused is an answer and not begun again', async () => {
  const record = await runJob(jobOf("console.error('chandler: judging: fail'); process.exit(3)"), optionsOf())
  expect(record).toMatchObject({ outcome: 'refused', attemptCount: 1, says: 'judging: fail' })
})

test('a process that says wrong credentials before it ends is not begun again', async () => {
  const script = "process.send({ kind: 'failure', code: 'LOGIN_REFUSED' }, () => process.exit(1))"
  expect(await runJob(jobOf(script), optionsOf())).toMatchObject({ outcome: 'failed', attemptCount: 1 })
})

test('a process that is killed, and one that cannot be started, are failures in words', async () => {
  const killed = await runJob(jobOf("process.kill(process.pid, 'SIGKILL')"), optionsOf())
  expect(killed).toMatchObject({ outcome: 'failed', says: 'its process was killed' })
  const command = { program: '/nowhere/chandler', args: [], env: {} }
  const absent = await runJob(jobOf(''), optionsOf({ command }))
  expect(absent).toMatchObject({ outcome: 'failed', says: expect.stringContaining('could not be started') })
})

test('asked to stop, the job is asked to stop, and leaves no record: it is due again', async () => {
  const stopping = new AbortController()
  const options = optionsOf({ signal: stopping.signal, onStart: () => {} })
  const running = runJob(jobOf("setInterval(() => {}, 1000); console.error('up')"), options)
  while (options.lines.length === 0) await new Promise((resolve) => setImmediate(resolve))
  stopping.abort()
  expect(await running).toBeNull()
})

test('a job that does not hear is ended', async () => {
  const stopping = new AbortController()
  const options = optionsOf({ signal: stopping.signal, stopMaxMs: 50 })
  const running = runJob(
    jobOf("process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.error('up')"),
    options,
  )
  while (options.lines.length === 0) await new Promise((resolve) => setImmediate(resolve))
  stopping.abort()
  expect(await running).toBeNull()
})
