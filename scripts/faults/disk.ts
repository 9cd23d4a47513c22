/** Rows 10 to 14: what happens when the disk takes no more, or says that it could not keep what it took? */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type FileSystem, ImageDisk, mountMemory, resizeMemory } from '../../test/faults/disk.ts'
import { highest, JournalRun, readEntries, type Said } from '../../test/faults/journal.ts'
import { FaultMarket, isOneClearLine, lastLine } from '../../test/faults/market.ts'
import { type Place, tool } from '../../test/faults/place.ts'
import { brokenOf, type FaultRow, type Outcome } from '../../test/faults/row.ts'
import { strace } from '../../test/faults/tracer.ts'

/** Takes what is left of the file system but so many MiB; removing the file gives it back. */
function fill(path: string, leftMib: number): string {
  const filler = join(path, 'filler')
  const count = Math.max(1, Math.floor((freeBytes(path) / 1_048_576 - leftMib) * 1_024))
  // The last block may not fit: that is the point.
  spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1k', `count=${count}`, 'status=none'])
  return filler
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}

async function fullDiskRow(place: Place): Promise<Outcome> {
  const path = mountMemory(place, '48m')
  const market = await FaultMarket.open(place)
  const mib = 1_048_576
  const careful = market.worker('careful', {
    dataDir: join(path, 'data'),
    journal: { diskWarnBytes: 24 * mib, diskStopBytes: 16 * mib },
  })
  const first = await careful.live()
  await careful.published(2, first)
  const firstFiller = fill(path, 10)
  const warned = await first.ended
  rmSync(firstFiller)
  // The same lake by a worker that is told not to look: it meets the last block.
  const bold = market.worker('bold', { dataDir: join(path, 'data') })
  const second = await bold.live()
  await bold.published(1, second)
  const filler = fill(path, 0)
  await pause(1_500)
  const wasRunning = second.isRunning
  rmSync(filler, { force: true })
  await bold.published(2, second)
  const partsAfter = bold.parts().length
  fill(path, 0)
  const full = await Promise.race([second.ended, pause(60_000).then(() => second.end('SIGKILL'))])
  rmSync(filler, { force: true })
  const third = await bold.live()
  await bold.published(2, third)
  const { status } = await third.end('SIGTERM')
  const broken = brokenOf({
    'the careful worker did not stop in one clear line': warned.status === 1 && isOneClearLine(warned),
    'a disk that was full for 1.5 s ended the worker': wasRunning && partsAfter > 0,
    'a disk that stays full did not end the worker in one clear line':
      full.status === 1 && isOneClearLine(full),
    'with space again it did not go on': status === 0,
  })
  const figures = { careful: lastLine(warned), full: lastLine(full), parts: bold.parts().length }
  return { figures, broken: [...broken, ...(await bold.flaws())] }
}

type Failures = {
  runs: number
  durable: number
  durableLost: number
  wrong: number
  /** How the runs ended. */
  closed: number
  degraded: number
  failed: number
  /** Runs that could not even open the journal. */
  refused: number
  /** Deaths without a word, or next runs that did not go on. */
  silent: number
  stuck: number
}

const noFailures = (): Failures => ({
  runs: 0,
  durable: 0,
  durableLost: 0,
  wrong: 0,
  closed: 0,
  degraded: 0,
  failed: 0,
  refused: 0,
  silent: 0,
  stuck: 0,
})

function count(sum: Failures, said: readonly Said[]): number {
  const end = said.at(-1)
  sum.runs += 1
  if (said.some(({ degraded }) => degraded !== undefined)) sum.degraded += 1
  if (end === undefined) sum.refused += 1
  else if (end.closed === true) sum.closed += 1
  else if (end.failed !== undefined && end.code !== undefined) sum.failed += 1
  else sum.silent += 1
  const durable = highest(said, 'durable')
  sum.durable += durable
  return durable
}

function judgeEntries(sum: Failures, dir: string, atLeast: number): void {
  const entries = existsSync(dir) && readdirSync(dir).length > 0 ? readEntries(dir) : { count: 0, wrong: [] }
  sum.durableLost += Math.max(0, atLeast - entries.count)
  sum.wrong += entries.wrong.length
}

/** A run under the fault and one without, in a journal of their own. */
async function failAndGoOn(
  place: Place,
  name: string,
  sum: Failures,
  before: readonly string[],
  entryCount: number,
): Promise<void> {
  const dir = join(place.dir, name)
  const said = join(place.dir, `said-${name}`)
  const run = new JournalRun({ dir, said, count: entryCount, fullMaxMs: 300 }, before)
  place.after('the journal', () => run.kill())
  await run.ended
  const durable = count(sum, run.said())
  judgeEntries(sum, dir, durable)
  const next = new JournalRun({ dir, said, count: 10 })
  await next.ended
  const last = next.said().at(-1)
  sum.stuck += last?.closed === true && next.said()[0]?.recovered?.class !== 'CORRUPT' ? 0 : 1
  judgeEntries(sum, dir, durable + 10)
}

function outcomeOf(sum: Failures, further: Readonly<Record<string, boolean>> = {}): Outcome {
  const broken = brokenOf({
    'a durable entry is lost': sum.durableLost === 0,
    'an entry came back as another': sum.wrong === 0,
    'a run died without a word': sum.silent === 0,
    'the next run did not go on': sum.stuck === 0,
    ...further,
  })
  return { figures: { ...sum }, broken }
}

async function fullAtWriteRow(place: Place): Promise<Outcome> {
  const sum = noFailures()
  for (const when of ['1', '2', '3', '4', '5', '7', '9', '12', '16', '3..6', '2+', '6+']) {
    const name = `write-${when.replace('+', '-on')}`
    const paths = ['', '.tmp'].flatMap((end) =>
      [1, 2, 3].map((n) => join(place.dir, name, `0000000${n}.wal${end}`)),
    )
    const before = strace({ calls: ['write'], fault: `error=ENOSPC:when=${when}`, paths })
    await failAndGoOn(place, name, sum, before, 600)
  }
  return outcomeOf(sum, {
    'no run went on after its disk was full for a moment': sum.closed > 0,
    'no run met a disk that stays full': sum.failed > 0,
  })
}

async function sizeLimitRow(place: Place): Promise<Outcome> {
  const sum = noFailures()
  for (const bytes of [40_000, 64_000, 100_000]) {
    await failAndGoOn(place, `limit-${bytes}`, sum, ['prlimit', `--fsize=${bytes}:${bytes}`], 800)
  }
  return outcomeOf(sum, { 'a run did not meet its limit': sum.failed === sum.runs })
}

/** An image that promises more than the memory under it has. */
async function failSync(place: Place, kind: FileSystem, sum: Failures): Promise<string> {
  const memory = mountMemory(place, '700m')
  const disk = new ImageDisk(place, kind, { inDir: memory })
  disk.makeHonest()
  const dir = join(disk.path, 'journal')
  const used = 1_024 * Number(tool('du', '-k', '--total', memory).trim().split('\n').at(-1)!.split('\t')[0])
  resizeMemory(memory, `${used + 3 * 1_048_576}`)
  const run = new JournalRun({ dir, said: join(place.dir, `said-${kind}`) })
  place.after('the journal', () => run.kill())
  const isOver = await Promise.race([run.ended.then(() => true), pause(40_000).then(() => false)])
  await run.kill()
  const said = run.said()
  const durable = count(sum, said)
  resizeMemory(memory, '700m')
  await disk.unmount()
  disk.mount()
  const next = new JournalRun({ dir, said: join(place.dir, `again-${kind}`), count: 10 })
  await next.ended
  sum.stuck += isOver && next.said().at(-1)?.closed === true ? 0 : 1
  judgeEntries(sum, dir, durable + 10)
  await disk.unmount()
  const end = said.at(-1)
  return `${kind}: ${end?.code ?? 'no word'} after ${durable} durable: ${end?.failed ?? ''}`
}

async function realSyncFailureRow(place: Place): Promise<Outcome> {
  const sum = noFailures()
  const ends = [await failSync(place, 'ext4', sum), await failSync(place, 'xfs', sum)]
  const { figures, broken } = outcomeOf(sum, {
    'the disk never failed': sum.failed === 2,
    'hardly anything was durable before': sum.durable > 1_000,
  })
  return { figures: { ...figures, ext4: ends[0]!, xfs: ends[1]! }, broken }
}

async function syncFailureRow(place: Place): Promise<Outcome> {
  const sum = noFailures()
  for (const call of ['fdatasync', 'fsync']) {
    for (const when of ['1', '2', '3', '4', '5', '7', '10', '3..5', '4+']) {
      const name = `${call}-${when.replace('+', '-on')}`
      const before = strace({ calls: [call], fault: `error=EIO:when=${when}` })
      await failAndGoOn(place, name, sum, before, 3_000)
    }
  }
  const words = await commandsUnderFailure(place)
  const { figures, broken } = outcomeOf(sum, {
    'no run went on in a new file': sum.degraded > 0,
    'no run ended': sum.failed > 0,
    [`a command failed otherwise than in one clear line: ${words.unclear[0]}`]: words.unclear.length === 0,
  })
  return { figures: { ...figures, commands: words.count }, broken: [...broken, ...words.flaws] }
}

/** The same under `chandler stream`: at its start, where every folder and file is made, and while it works. */
async function commandsUnderFailure(place: Place): Promise<CommandWords> {
  const market = await FaultMarket.open(place)
  const worker = market.worker('synced')
  const unclear: string[] = []
  const cases = ['fsync:1', 'fsync:2', 'fsync:4', 'fsync:8', 'fdatasync:1', 'fdatasync:2', 'fdatasync:2+']
  for (const one of cases) {
    const [call, when] = one.split(':') as [string, string]
    const command = worker.stream(strace({ calls: [call], fault: `error=EIO:when=${when}` }))
    const ended = await Promise.race([command.ended, pause(3_000).then(() => command.end('SIGTERM'))])
    if (ended.status !== 0 && !isOneClearLine(ended)) unclear.push(`${one}: ${lastLine(ended)}`)
  }
  const last = await worker.live()
  await worker.published(4, last)
  const { status } = await last.end('SIGTERM')
  const flaws = [...(status === 0 ? [] : ['the run after them did not end well']), ...(await worker.flaws())]
  return { count: cases.length, unclear, flaws }
}

type CommandWords = {
  readonly count: number
  readonly unclear: readonly string[]
  readonly flaws: readonly string[]
}

export const DISK_ROWS: readonly FaultRow[] = [
  {
    row: 10,
    name: 'full disk',
    injects:
      'a file system of 48 MiB under `chandler stream`, filled to its threshold, to its last block, and freed',
    mustHold:
      'stops in good order before space is gone; waits out a full moment; ends in one line; loses nothing',
    needs: ['root'],
    isQuick: false,
    run: fullDiskRow,
  },
  {
    row: 11,
    name: 'no space at each write',
    injects: 'strace: ENOSPC at the nth write to the journal, at several, at all from the nth on',
    mustHold: 'the same bytes are written again, or the run ends; nothing acknowledged is lost',
    needs: ['strace'],
    isQuick: false,
    run: fullAtWriteRow,
  },
  {
    row: 12,
    name: 'file size limit',
    injects: 'prlimit --fsize below the size of a segment',
    mustHold: 'no death by signal; nothing durable is lost',
    needs: ['prlimit'],
    isQuick: true,
    run: sizeLimitRow,
  },
  {
    row: 13,
    name: 'fsync that really fails',
    injects: 'an ext4 and an XFS image of 600 MB in memory that has room for 3 MB more',
    mustHold:
      'nothing is acknowledged after the failure; everything acknowledged before is there after a remount',
    needs: ['root', 'loop', 'ext4', 'xfs'],
    isQuick: true,
    run: realSyncFailureRow,
  },
  {
    row: 14,
    name: 'fsync fails at the nth call',
    injects: 'strace: EIO at the nth fdatasync or fsync, at several, at all from the nth on',
    mustHold:
      'the file is set aside and its entries written to a new one, or the run ends; never a second try',
    needs: ['strace'],
    isQuick: false,
    run: syncFailureRow,
  },
]
