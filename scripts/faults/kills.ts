/** Rows 1 to 4: what does the death of the process cost, whenever it comes? */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { highest, JournalRun, readEntries } from '../../test/faults/journal.ts'
import { FaultMarket } from '../../test/faults/market.ts'
import { type Place, tool } from '../../test/faults/place.ts'
import { brokenOf, type FaultRow, type Outcome } from '../../test/faults/row.ts'
import { strace } from '../../test/faults/tracer.ts'
import { brokenPromises, runKillLoop } from '../../test/simulation/kill-loop.ts'
import type { RunningCommand } from '../../test/simulation/processes.ts'

async function killLoopRow(place: Place): Promise<Outcome> {
  const summary = await runKillLoop({
    dir: place.dir,
    count: 10,
    seed: 1,
    speed: 60,
    graceMs: 20_000,
    instrumentCount: 24,
    packetsPerSecond: 12,
    intervalMs: 2_500,
    onProgress: place.tell,
  })
  const { findings, ...figures } = summary
  const unkilled = summary.kills === 10 ? [] : [`only ${summary.kills} kills`]
  return { figures, broken: [...brokenPromises(summary), ...findings, ...unkilled] }
}

/** Calls that make bytes or names permanent, as Node makes them. */
const CALLS = ['write', 'fdatasync', 'fsync', 'rename', 'ftruncate', 'unlink']
const ENTRIES = 4_000
/** More than any thread makes of a call in such a run. */
const POINTS_MAX = 5

type Points = {
  points: number
  killed: number
  durableLost: number
  wrong: number
  corrupt: number
  stuck: number
}

/** One run that dies at the nth call, and one that goes on where it left. */
async function killAt(place: Place, dir: string, call: string, nth: number, sum: Points): Promise<boolean> {
  const before = readdirSync(dir).length === 0 ? 0 : readEntries(dir).count
  const said = join(place.dir, 'said')
  // Not of stdout: the journal's own files, whatever their number.
  const paths = ['', '.tmp'].flatMap((end) => [1, 2, 3, 4].map((n) => join(dir, `0000000${n}.wal${end}`)))
  const only = call === 'write' ? { paths } : {}
  const fault = `signal=KILL:when=${nth}`
  const run = new JournalRun({ dir, said, count: ENTRIES }, strace({ calls: [call], fault, ...only }))
  const status = await run.ended
  const durable = Math.max(before, highest(run.said(), 'durable'))
  const next = new JournalRun({ dir, said, count: 10 })
  await next.ended
  const [first, last] = [next.said()[0], next.said().at(-1)]
  const entries = readEntries(dir)
  const isKilled = status === null
  sum.points += 1
  sum.killed += isKilled ? 1 : 0
  sum.durableLost += Math.max(0, durable + 10 - entries.count)
  sum.wrong += entries.wrong.length
  sum.corrupt += first?.recovered?.class === 'CORRUPT' ? 1 : 0
  sum.stuck += last?.closed === true ? 0 : 1
  return isKilled
}

function outcomeOf(sum: Points): Outcome {
  const broken = brokenOf({
    'a durable entry is lost': sum.durableLost === 0,
    'an entry came back as another': sum.wrong === 0,
    'a kill was taken for damage': sum.corrupt === 0,
    'the next run did not go on': sum.stuck === 0,
    'hardly a point was met': sum.killed >= 3 * CALLS.length,
  })
  return { figures: { ...sum }, broken }
}

const noPoints = (): Points => ({ points: 0, killed: 0, durableLost: 0, wrong: 0, corrupt: 0, stuck: 0 })

async function everyCallRow(place: Place): Promise<Outcome> {
  const sum = noPoints()
  for (const call of CALLS) {
    for (let nth = 1; nth <= POINTS_MAX; nth++) {
      const dir = join(place.dir, `${call}-${nth}`)
      mkdirSync(dir)
      if (!(await killAt(place, dir, call, nth, sum))) break
    }
  }
  return outcomeOf(sum)
}

/** A journal that was killed, with its last bytes torn off: recovery has something to do. */
async function tornJournal(place: Place): Promise<string> {
  const dir = join(place.dir, 'torn')
  const run = new JournalRun({ dir, said: join(place.dir, 'said') })
  while (highest(run.said(), 'durable') < 500) await pause(5)
  await run.kill()
  const last = readdirSync(dir)
    .filter((name) => name.endsWith('.wal'))
    .sort()
    .at(-1)!
  const path = join(dir, last)
  writeFileSync(path, Buffer.alloc(300, 0x7f), { flag: 'a' })
  return dir
}

async function duringRecoveryRow(place: Place): Promise<Outcome> {
  const sum = noPoints()
  const torn = await tornJournal(place)
  for (const call of CALLS) {
    for (let nth = 1; nth <= POINTS_MAX; nth++) {
      const dir = join(place.dir, `${call}-${nth}`)
      cpSync(torn, dir, { recursive: true })
      if (!(await killAt(place, dir, call, nth, sum))) break
    }
  }
  return outcomeOf(sum)
}

/** Joins the group and becomes the program. */
function inGroup(group: string): readonly string[] {
  return ['sh', '-c', `echo $$ > ${group}/cgroup.procs && exec "$@"`, 'sh']
}

async function killForMemory(run: RunningCommand, group: string): Promise<NodeJS.Signals | null> {
  const usedBytes = Number(tool('cat', `${group}/memory.usage_in_bytes`))
  tool('sh', '-c', `echo ${usedBytes + 8 * 1_048_576} > ${group}/memory.limit_in_bytes`)
  // Somebody in the same group who wants much; not to be chosen, it says so before it joins.
  const hog = 'head -c 60m /dev/zero | tail -c 60m > /dev/null'
  spawnSync('sh', ['-c', `echo -1000 > /proc/$$/oom_score_adj; echo $$ > ${group}/cgroup.procs; ${hog}`])
  return (await Promise.race([run.ended, pause(5_000).then(() => run.end('SIGTERM'))])).signal
}

const HEAP_LEAK = `import { isMainThread } from 'node:worker_threads'
const kept = []
if (isMainThread) setTimeout(() => { for (;;) kept.push(new Array(100_000).fill(1.1)) }, 4_000)`

async function memoryRow(place: Place): Promise<Outcome> {
  const group = `/sys/fs/cgroup/memory/chandler-faults-${process.pid}`
  mkdirSync(group)
  place.after('the memory group', () => void tool('rmdir', group))
  const market = await FaultMarket.open(place)
  const worker = market.worker('memory')
  const first = await worker.live(inGroup(group))
  await worker.published(2, first)
  const signal = await killForMemory(first, group)
  const leak = `--max-old-space-size=96 --import=data:text/javascript,${encodeURIComponent(HEAP_LEAK)}`
  const second = await worker.live([], { NODE_OPTIONS: leak })
  const heap = await second.ended
  const third = await worker.live()
  await worker.published(2, third)
  const { status } = await third.end('SIGTERM')
  const flaws = await worker.flaws()
  const broken = brokenOf({
    'the kernel did not kill the worker for memory': signal === 'SIGKILL',
    'the full heap did not end the worker': heap.signal === 'SIGABRT' || heap.status === 134,
    'the run after both did not end well': status === 0,
    'the deaths are no gaps': worker.gapReasons().length >= 2,
  })
  const ends = { byKernel: signal, byHeap: heap.signal ?? heap.status }
  return { figures: { ...ends, gaps: worker.gapReasons().length }, broken: [...broken, ...flaws] }
}

export const KILL_ROWS: readonly FaultRow[] = [
  {
    row: 1,
    name: 'kill -9 loop',
    injects: 'SIGKILL of the worker at moments from a seed: random, minute boundaries, during recovery',
    mustHold:
      'nothing published is lost or changed; each death is a gap; settle and replay agree with a witness',
    needs: [],
    isQuick: false,
    run: killLoopRow,
  },
  {
    row: 2,
    name: 'kill at each system call',
    injects: `strace: SIGKILL at the nth ${CALLS.join(', ')} of the journal, n = 1, 2, … until the run survives`,
    mustHold: 'every durable entry is there, and the next run goes on behind it',
    needs: ['strace'],
    isQuick: false,
    run: everyCallRow,
  },
  {
    row: 3,
    name: 'kill during recovery',
    injects: 'row 2 while a journal with a torn tail is being recovered',
    mustHold: 'recovering again gives every durable entry',
    needs: ['strace'],
    isQuick: false,
    run: duringRecoveryRow,
  },
  {
    row: 4,
    name: 'out of memory',
    injects: 'the kernel kills the worker in a memory group that is full; V8 aborts on a heap that is full',
    mustHold: 'as row 1',
    needs: ['root', 'cgroup'],
    isQuick: false,
    run: memoryRow,
  },
]
