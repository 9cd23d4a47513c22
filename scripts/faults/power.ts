/**
 * Rows 5 and 6: is what was called durable there after the power was cut? On real file systems: an image on a
 * loop device that is shut down without its log being flushed, as a machine without power does it.
 *
 * The process is stopped first and what it acknowledged is read then: after the cut it would go on running on
 * its page cache, and could acknowledge what no disk will ever hold.
 */
import { hash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { recoverJournal } from '../../src/journal/recover.ts'
import { createClock } from '../../src/platform/clock.ts'
import { Prng } from '../../src/sim/prng.ts'
import { type ManifestEntry, readManifest } from '../../src/store/manifest.ts'
import { type FileSystem, ImageDisk } from '../../test/faults/disk.ts'
import { highest, JournalRun, readEntries, stopProcess } from '../../test/faults/journal.ts'
import { DAY, FaultMarket, type FaultWorker } from '../../test/faults/market.ts'
import type { Place } from '../../test/faults/place.ts'
import { brokenOf, type FaultRow, type Outcome } from '../../test/faults/row.ts'

const CUTS_OF_JOURNAL = 15
const CUTS_OF_WORKER = 5
const FILE_SYSTEMS: readonly FileSystem[] = ['ext4', 'xfs']

type JournalCuts = {
  cuts: number
  acknowledged: number
  lost: number
  wrong: number
  corrupt: number
  /** Entries written and not yet durable when the power went: what a cut may cost. */
  unsyncedMax: number
  unsyncedLost: number
  /** Cuts after which a file written just before, and never synced, was gone: that power was really cut. */
  controlsGone: number
}

async function cutJournal(place: Place, kind: FileSystem, sum: JournalCuts): Promise<void> {
  const disk = new ImageDisk(place, kind)
  const dir = join(disk.path, 'journal')
  const prng = new Prng(5, kind.length)
  for (let cut = 0; cut < CUTS_OF_JOURNAL; cut++) {
    const run = new JournalRun({ dir, said: join(place.dir, `said-${kind}`) })
    place.after('the journal', () => run.kill())
    await run.hasSaid(2 + Math.floor(prng.next() * 200))
    await pause(prng.next() * 20)
    await stopProcess(run.pid)
    const said = run.said()
    const control = join(disk.path, `control-${cut}`)
    writeFileSync(control, 'never synced')
    disk.cutPower()
    await run.kill()
    await disk.unmount()
    disk.mount()
    sum.controlsGone += existsSync(control) && readFileSync(control).byteLength > 0 ? 0 : 1
    const [written, durable] = [highest(said, 'written'), highest(said, 'durable')]
    const { report } = recoverJournal(dir, { floorSeq: durable, clock: createClock() })
    const entries = readEntries(dir)
    sum.cuts += 1
    sum.acknowledged += durable - (said[0]?.recovered?.lastSeq ?? 0)
    sum.lost += Math.max(0, durable - entries.count)
    sum.wrong += entries.wrong.length
    sum.corrupt += report.class === 'CORRUPT' ? 1 : 0
    sum.unsyncedMax = Math.max(sum.unsyncedMax, written - durable)
    sum.unsyncedLost += Math.max(0, written - entries.count)
  }
}

async function journalRow(place: Place): Promise<Outcome> {
  const sum: JournalCuts = {
    cuts: 0,
    acknowledged: 0,
    lost: 0,
    wrong: 0,
    corrupt: 0,
    unsyncedMax: 0,
    unsyncedLost: 0,
    controlsGone: 0,
  }
  for (const kind of FILE_SYSTEMS) await cutJournal(place, kind, sum)
  const broken = brokenOf({
    'a durable entry is lost': sum.lost === 0,
    'an entry came back as another': sum.wrong === 0,
    'a cut was taken for damage': sum.corrupt === 0,
    'power was not really cut': sum.controlsGone === sum.cuts,
    'the cuts met nothing acknowledged': sum.acknowledged > 1_000,
  })
  return { figures: { ...sum, fileSystems: FILE_SYSTEMS.join(', ') }, broken }
}

type PublishCuts = {
  cuts: number
  partsListed: number
  listedButBad: number
  /** Lines of the manifest that were seen and never synced: at most the last one. */
  unsyncedLines: number
  linesLostMax: number
  restarts: number
  gaps: number
}

function linesOf(worker: FaultWorker): readonly ManifestEntry[] {
  return readManifest(worker.dataDir, DAY).entries
}

function isBad(worker: FaultWorker, { path, sha256 }: ManifestEntry): boolean {
  if (sha256 === null) return false
  const full = join(worker.dataDir, path)
  return !existsSync(full) || hash('sha256', readFileSync(full), 'hex') !== sha256
}

async function cutWorker(place: Place, kind: FileSystem, sum: PublishCuts): Promise<readonly string[]> {
  const disk = new ImageDisk(place, kind)
  const market = await FaultMarket.open(place, { speed: 120 })
  const worker = market.worker(kind, { dataDir: join(disk.path, 'data') })
  const prng = new Prng(6, kind.length)
  for (let cut = 0; cut < CUTS_OF_WORKER; cut++) {
    const run = await worker.live()
    await worker.published(2, run)
    // A minute takes half a second: anywhere within one, its publication included.
    await pause(prng.next() * 600)
    await stopProcess(run.pid)
    const before = linesOf(worker)
    disk.cutPower()
    await run.end('SIGKILL')
    await disk.unmount()
    disk.mount()
    const after = linesOf(worker)
    const lines = new Set(after.map((line) => JSON.stringify(line)))
    const linesLost = before.filter((line) => !lines.has(JSON.stringify(line))).length
    sum.cuts += 1
    sum.listedButBad += after.filter((line) => isBad(worker, line)).length
    sum.unsyncedLines += linesLost
    sum.linesLostMax = Math.max(sum.linesLostMax, linesLost)
  }
  const last = await worker.live()
  await worker.published(2, last)
  const ended = await last.end('SIGTERM')
  const gaps = worker.fold().gaps().length
  sum.partsListed += linesOf(worker).length
  sum.restarts += CUTS_OF_WORKER
  sum.gaps += gaps
  await market.exchange.command.end('SIGTERM')
  return [
    ...(ended.status === 0 ? [] : [`${kind}: the last run ended with ${ended.status}`]),
    ...(gaps >= CUTS_OF_WORKER ? [] : [`${kind}: ${gaps} gaps for ${CUTS_OF_WORKER} cuts`]),
    ...(await worker.flaws()).map((flaw) => `${kind}: ${flaw}`),
  ]
}

async function publishRow(place: Place): Promise<Outcome> {
  const sum: PublishCuts = {
    cuts: 0,
    partsListed: 0,
    listedButBad: 0,
    unsyncedLines: 0,
    linesLostMax: 0,
    restarts: 0,
    gaps: 0,
  }
  const flaws: string[] = []
  for (const kind of FILE_SYSTEMS) flaws.push(...(await cutWorker(place, kind, sum)))
  const broken = brokenOf({
    'a listed part is not whole': sum.listedButBad === 0,
    'more than the line being written is gone': sum.linesLostMax <= 1,
    'hardly anything was published': sum.partsListed > 20,
  })
  return { figures: { ...sum }, broken: [...broken, ...flaws] }
}

export const POWER_ROWS: readonly FaultRow[] = [
  {
    row: 5,
    name: 'power cut on a real file system',
    injects: 'stop the journal, read what it acknowledged, shut the mounted image down, kill -9, mount again',
    mustHold: 'every durable entry is there; what was only written may be gone, and is never half there',
    needs: ['root', 'loop', 'ext4', 'xfs'],
    isQuick: false,
    run: journalRow,
  },
  {
    row: 6,
    name: 'power cut around publication',
    injects: 'the same under `chandler stream`, at random moments of a minute that takes half a second',
    mustHold: 'every listed part is complete; the next run tells the gap; replay gives the same bytes',
    needs: ['root', 'loop', 'ext4', 'xfs'],
    isQuick: false,
    run: publishRow,
  },
]
