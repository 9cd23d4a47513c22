/** Rows 18, 19, 28, 30, 31: what if the process is stopped, starved, doubled, or wrong itself? */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { zstdDecompressSync } from 'node:zlib'
import { journalDir } from '../../src/store/lake.ts'
import { DAY, FaultMarket, type FaultWorker, isOneClearLine, lastLine } from '../../test/faults/market.ts'
import { type Place, tool } from '../../test/faults/place.ts'
import { brokenOf, type FaultRow, type Outcome } from '../../test/faults/row.ts'
import { type Ended, fileIn, type RunningCommand } from '../../test/simulation/processes.ts'

const LOCK_HELD = 75

async function goOn(worker: FaultWorker): Promise<readonly string[]> {
  const run = await worker.live()
  await worker.published(4, run)
  const ended = await run.end('SIGTERM')
  const flaws = await worker.flaws()
  return ended.status === 0
    ? flaws
    : [`the next run ended with ${ended.status}: ${lastLine(ended)}`, ...flaws]
}

async function stoppedRow(place: Place): Promise<Outcome> {
  const market = await FaultMarket.open(place)
  const worker = market.worker('stopped')
  const run = await worker.live()
  await worker.published(2, run)
  const stoppedMs = market.clock.wallMs()
  run.child.kill('SIGSTOP')
  await pause(1_500)
  const second = await worker.stream().ended
  await pause(1_500)
  const continuedMs = market.clock.wallMs()
  run.child.kill('SIGCONT')
  const sinceMs = performance.now()
  await run.said('feed lost')
  const detectMs = Math.round(performance.now() - sinceMs)
  await worker.published(3, run)
  const { status } = await run.end('SIGTERM')
  const asleep = worker
    .fold()
    .gaps()
    .find(({ reason }) => reason === 'asleep')
  const covers =
    asleep !== undefined &&
    asleep.fromMs <= stoppedMs + 100 * market.speed &&
    (asleep.toMs ?? Number.POSITIVE_INFINITY) >= continuedMs
  const broken = brokenOf({
    'a second writer came in while the first stood still': second.status === LOCK_HELD,
    'no gap covers the stop': covers,
    'it did not end well': status === 0,
  })
  const figures = { stoppedMs: 3_000, detectMs, second: lastLine(second) }
  return { figures, broken: [...broken, ...(await worker.flaws())] }
}

/** Boot ids in the heads of the journal's segments; see src/journal/FORMAT.md. */
function bootIds(worker: FaultWorker): readonly string[] {
  const dir = join(worker.dataDir, journalDir(DAY))
  const segments = readdirSync(dir).filter((name) => /\.wal(\.zst)?$/.test(name))
  const headOf = (name: string): Buffer => {
    const bytes = readFileSync(join(dir, name))
    return name.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes
  }
  return segments.map((name) => headOf(name).subarray(92, 100).toString('hex'))
}

async function bootRow(place: Place): Promise<Outcome> {
  const market = await FaultMarket.open(place)
  const worker = market.worker('booted')
  const first = await worker.live()
  await worker.published(2, first)
  await first.end('SIGKILL')
  const id = fileIn(place.dir, 'boot-id', '01234567-89ab-cdef-0123-456789abcdef\n')
  const mount = `mount --bind ${id} /proc/sys/kernel/random/boot_id && exec "$@"`
  const second = await worker.live(['unshare', '-m', 'sh', '-c', mount, 'sh'])
  await worker.published(2, second)
  const { status } = await second.end('SIGTERM')
  const ids = new Set(bootIds(worker))
  const broken = brokenOf({
    'the journal does not know the other boot': ids.has('0123456789abcdef') && ids.size > 1,
    'the unclean end was not told': second.stderrLines.some((line) => line.includes('did not end cleanly')),
    'the boot is no gap': worker.gapReasons().length > 0,
    'the run after the boot did not end well': status === 0,
  })
  return {
    figures: { boots: ids.size, gaps: worker.gapReasons().length },
    broken: [...broken, ...(await worker.flaws())],
  }
}

const STARTERS = 10
const STORMS = 3

async function tenRow(place: Place): Promise<Outcome> {
  const market = await FaultMarket.open(place)
  const worker = market.worker('ten')
  const winners: number[] = []
  let [refused, unclear] = [0, 0]
  for (let storm = 0; storm < STORMS; storm++) {
    const starters = Array.from({ length: STARTERS }, () => worker.stream())
    const losers: Ended[] = []
    for (const starter of starters) void starter.ended.then((ended) => void losers.push(ended))
    while (losers.length < STARTERS - 1) await pause(50)
    const alive = starters.filter(({ isRunning }) => isRunning)
    for (const one of alive) await one.said('feed live').catch(() => {})
    winners.push(alive.filter(({ isRunning }) => isRunning).length)
    refused += losers.filter(({ status }) => status === LOCK_HELD).length
    unclear += losers.filter((ended) => !isOneClearLine(ended)).length
    await worker.published(1, alive[0]!)
    for (const one of alive) await one.end('SIGKILL')
  }
  const broken = brokenOf({
    'not exactly one won': winners.every((count) => count === 1),
    'a loser ended otherwise than with 75': refused === STORMS * (STARTERS - 1),
    'a loser did not say why in one line': unclear === 0,
  })
  const figures = { storms: STORMS, starters: STARTERS, winners: winners.join(' '), refused }
  return { figures, broken: [...broken, ...(await goOn(worker))] }
}

/** What is wrong, four seconds after the start, in the main thread. */
const DEFECTS = {
  unhandledRejection: "setTimeout(() => void Promise.reject(new Error('on purpose')), 4_000)",
  throwInCallback: "setTimeout(() => { throw new Error('on purpose') }, 4_000)",
  journalThreadDies: dying('writer-thread'),
  encoderThreadDies: dying('encoder-thread'),
} as const

/** Every thread whose file has that name is ended, as if it had crashed. */
function dying(name: string): string {
  return `const { Worker } = threads.default
    threads.default.Worker = class extends Worker {
      constructor(file, options) {
        super(file, options)
        if (String(file).includes('${name}')) setTimeout(() => this.terminate(), 4_000)
      }
    }
    syncBuiltinESMExports()`
}

async function endedUnder(
  worker: FaultWorker,
  defect: string,
): Promise<Ended & { readonly isStuck: boolean }> {
  const code = `import * as threads from 'node:worker_threads'
    import { syncBuiltinESMExports } from 'node:module'
    if (threads.isMainThread) { ${defect} }`
  const preload = `--import=data:text/javascript,${encodeURIComponent(code)}`
  const run = await worker.live([], { NODE_OPTIONS: preload })
  const inTime = await Promise.race([run.ended, pause(15_000).then(() => null)])
  return { ...(inTime ?? (await run.end('SIGKILL'))), isStuck: inTime === null }
}

async function defectRow(place: Place): Promise<Outcome> {
  const market = await FaultMarket.open(place)
  const broken: string[] = []
  const figures: Record<string, string> = {}
  for (const [name, defect] of Object.entries(DEFECTS)) {
    const worker = market.worker(name)
    const { status, signal, stderr, isStuck } = await endedUnder(worker, defect)
    figures[name] = isStuck ? 'still running after 15 s' : `status ${status ?? signal}`
    if (isStuck) broken.push(`${name}: it went on as if nothing had happened`)
    if (status === 0) broken.push(`${name}: it ended with status 0`)
    if (!isStuck && stderr.split('\n').length < 2) broken.push(`${name}: it did not say why`)
    broken.push(...(await goOn(worker)).map((flaw) => `${name}: ${flaw}`))
  }
  return { figures, broken }
}

/** Fewer than Node itself needs to start are Node's question, not ours. */
const DESCRIPTORS = [24, 28, 32, 36, 40, 48]

async function descriptorRow(place: Place): Promise<Outcome> {
  const market = await FaultMarket.open(place)
  const worker = market.worker('descriptors')
  const broken: string[] = []
  const figures: Record<string, string> = {}
  for (const limit of DESCRIPTORS) {
    const run = worker.stream(['prlimit', `--nofile=${limit}:${limit}`])
    const live = run.said('feed live').then(
      () => true,
      () => false,
    )
    const isLive = await Promise.race([live, pause(8_000).then(() => null)])
    const ended = await run.end('SIGTERM')
    figures[`at${limit}`] = isLive === true ? 'live' : lastLine(ended).slice(0, 90)
    if (isLive === null) broken.push(`${limit}: neither live nor ended after 8 s`)
    if (isLive === false && !isOneClearLine(ended)) broken.push(`${limit}: ${lastLine(ended)}`)
  }
  const starved = await worker.live()
  await worker.published(1, starved)
  starve(starved)
  const ended = await Promise.race([starved.ended, pause(8_000).then(() => starved.end('SIGTERM'))])
  figures.starvedLater = ended.status === 0 ? 'went on' : lastLine(ended).slice(0, 160)
  if (ended.status !== 0 && !isOneClearLine(ended)) broken.push(`starved: ${lastLine(ended)}`)
  return { figures, broken: [...broken, ...(await goOn(worker))] }
}

/** From now on the process can open nothing more. */
function starve(run: RunningCommand): void {
  const open = readdirSync(`/proc/${run.pid}/fd`).length
  tool('prlimit', '--pid', String(run.pid), `--nofile=${open}:${open}`)
}

export const PROCESS_ROWS: readonly FaultRow[] = [
  {
    row: 18,
    name: 'stopped for a while',
    injects: 'SIGSTOP for 3 s (three minutes of the session), a second worker meanwhile, SIGCONT',
    mustHold:
      'the gap is told as sleep and covers the stop; no second writer; no candle hides what it missed',
    needs: [],
    isQuick: true,
    run: stoppedRow,
  },
  {
    row: 19,
    name: 'another boot',
    injects: 'kill -9, then a start with another boot id (bind mount in a mount namespace of its own)',
    mustHold: 'the unclean end is told; the gap is there; the journal goes on',
    needs: ['root', 'unshare'],
    isQuick: false,
    run: bootRow,
  },
  {
    row: 28,
    name: 'ten workers at once',
    injects: 'ten `chandler stream` on one data directory, three times, the winner killed in between',
    mustHold: 'exactly one works; nine end with status 75 and one line',
    needs: [],
    isQuick: false,
    run: tenRow,
  },
  {
    row: 30,
    name: 'defects of our own',
    injects:
      'a rejection that nobody handles, a throw in a timer, the death of the journal or encoder thread',
    mustHold: 'it ends, not with 0, and says why; it never goes on; the next run is whole',
    needs: [],
    isQuick: false,
    run: defectRow,
  },
  {
    row: 31,
    name: 'descriptors run out',
    injects: `prlimit --nofile at the start (${DESCRIPTORS.join(', ')}) and in the middle of the session`,
    mustHold: 'it works or ends in one clear line; the next run is whole',
    needs: ['prlimit'],
    isQuick: false,
    run: descriptorRow,
  },
]
