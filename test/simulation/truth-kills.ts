/**
 * Can a kill move half of CTT or TE? Commands of truth run as processes of their own on one lake, again and
 * again, and are killed with SIGKILL at moments drawn from a seed: at any time of their life, or within
 * milliseconds of the first change of the chain or of a snapshot, which is where something could be half
 * done.
 *
 * After each kill, before anything may heal: the chain is the old one with whole events behind it, the new
 * events are the first ones of what the undisturbed command writes, the fold has no fault, and each snapshot
 * is that of some moment of the chain. After the next turn: every snapshot is that of the fold.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { chainDir } from '../../src/app/chain.ts'
import { truthOf } from '../../src/app/truth-market.ts'
import { verifyChain } from '../../src/bus/verify-chain.ts'
import type { ChainEvent } from '../../src/domain/event.ts'
import type { TruthState } from '../../src/domain/truth.ts'
import { snapshotsOf } from '../../src/gates/snapshots.ts'
import { foldTruth } from '../../src/gates/state.ts'
import { Prng } from '../../src/sim/prng.ts'
import { SESSIONS, TruthLake } from '../gates/truth-lake.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const INGEST = fileURLToPath(new URL('./truth-ingest-child.ts', import.meta.url))
const REASON = 'the desk looked at it and answers for it'
const BY = ['--market', 'us', '--operator', 'asha']
const FORCED = ['--reason', REASON, '--yes-i-understand']

export type TruthKillOptions = {
  readonly dir: string
  readonly count: number
  readonly seed: number
  readonly onProgress: (text: string) => void
}

export type TruthKillSummary = {
  readonly kills: number
  /** Commands that were done before the signal came. */
  readonly outran: number
  /** Kills after which the chain had some, but not all, of the command's events, or stale snapshots. */
  readonly halfWay: number
  readonly tornTails: number
  readonly events: number
  readonly byCommand: Readonly<Record<string, number>>
  readonly ctt: string | null
  readonly te: string | null
  /** Empty when every promise held. */
  readonly broken: readonly string[]
}

type Command = { readonly name: string; readonly file: string; readonly args: readonly string[] }

/** Any turn may begin with what an interrupted one owes, and with a proxy set that was changed meanwhile. */
const DEBTS = '(halt[.]raised )?(epoch[.]invalidated )?'
/** What each command may append after that, in this order; a kill leaves a beginning of it. */
const WRITES: { readonly [name: string]: string } = {
  ingest: '(gate[.]ingest )?',
  'gate epoch': '(gate[.]epoch )?(halt[.]raised )?',
  advance: '(gate[.]epoch )?(halt[.]raised |epoch[.]advanced )?',
  override: '(epoch[.]overridden )?',
  rollback: '(epoch[.]rolled_back )?',
  clear: '(halt[.]cleared )?',
  inspect: '(inspection[.]changed )?',
  accept: '(review[.]decided )?',
}

export async function runTruthKills(options: TruthKillOptions): Promise<TruthKillSummary> {
  const { dir, count, seed, onProgress } = options
  const random = new Prng(seed)
  const lake = new TruthLake(dir)
  for (const at of [0, 1, 2]) {
    lake.receive(at)
    lake.ingest(at)
  }
  const broken: string[] = []
  const byCommand: Record<string, number> = {}
  let [kills, outran, halfWay, tornTails] = [0, 0, 0, 0]
  while (kills < count) {
    const command = nextCommand(lake, random)
    const before = lake.chainText()
    const isKilled = await runAndKill(command, lake, random)
    if (isKilled) {
      kills++
      byCommand[command.name] = (byCommand[command.name] ?? 0) + 1
    } else outran++
    const found = judge(lake, command, before)
    if (found.isTorn) tornTails++
    if (found.isHalfWay) halfWay++
    broken.push(...found.faults.map((fault) => `kill ${kills}, ${command.name}: ${fault}`))
    if (kills % 20 === 0 && isKilled) onProgress(`${kills} kills, ${lake.state().eventCount} events`)
  }
  const { ctt, epoch, eventCount } = lake.state()
  return {
    kills,
    outran,
    halfWay,
    tornTails,
    events: eventCount,
    byCommand,
    ctt,
    te: epoch?.session ?? null,
    broken,
  }
}

/** Something that the state of the lake invites, so that most commands have something to do. */
function nextCommand(lake: TruthLake, random: Prng): Command {
  const { halt, reviews, ctt, epoch, epochs, inspection } = lake.state()
  const roll = random.next()
  const cli = (name: string, ...args: readonly string[]): Command => ({
    name,
    file: MAIN,
    args: [...lake.args, ...args],
  })
  if (halt !== null && roll < 0.6) return cli('clear', 'halt', 'clear', ...BY, '--reason', REASON)
  if (reviews[0] !== undefined && roll < 0.5) {
    return cli('accept', 'review', 'accept', reviews[0].id, ...BY, '--reason', REASON)
  }
  const done = ctt === null ? -1 : SESSIONS.indexOf(ctt)
  const at = epoch === null ? 0 : SESSIONS.indexOf(epoch.session) + 1
  const behind = done - at
  if (roll < 0.3 || behind < 1) {
    lake.receive(done + 1)
    const word = random.next() < 0.2 ? 'review' : 'pass'
    return { name: 'ingest', file: INGEST, args: [lake.dir, String(done + 1), word] }
  }
  if (roll < 0.42) {
    lake.receive(done + 1)
    const target = random.next() < 0.5 ? SESSIONS[done]! : SESSIONS[done + 1]!
    return cli('gate epoch', 'gate', 'epoch', '--market', 'us', '--date', target)
  }
  if (roll < 0.48 || inspection) {
    return cli('inspect', 'halt', 'inspect', inspection ? 'off' : 'on', ...BY, '--reason', REASON)
  }
  const earlier = epochs.filter(({ session }) => epoch !== null && session < epoch.session)
  if (roll < 0.56 && earlier.length > 0) {
    const { session } = earlier[Math.floor(random.next() * earlier.length)]!
    return cli('rollback', 'epoch', 'rollback', ...BY, '--to', session, '--confirm', session, ...FORCED)
  }
  if (roll < 0.62) lake.defineProxies(['SPY', 'QQQ'], `1.${Math.floor(random.next() * 3)}.0`)
  const to = SESSIONS[at]!
  if (roll > 0.92) {
    return cli(
      'override',
      'epoch',
      'override',
      ...BY,
      '--to',
      to,
      '--confirm',
      to,
      ...FORCED,
      '--sessions',
      '0',
    )
  }
  return cli('advance', 'epoch', 'advance', ...BY, '--to', to)
}

/** Sizes and times of what a command of truth writes: another value is the first change of its turn. */
function writtenAt(dataDir: string): string {
  return [
    'events/us/events.jsonl',
    'events/us/state-snapshot.json',
    'truth/us/ctt.json',
    'truth/us/truth_epoch.json',
  ]
    .map((name) => {
      const stats = statSync(join(dataDir, name), { throwIfNoEntry: false })
      return stats === undefined ? '' : `${stats.size} ${stats.mtimeMs}`
    })
    .join()
}

/** How long such a process lives on a quiet machine, more or less. */
const LIFE_MS = 900
const WRITING_MS = 25

async function runAndKill(command: Command, lake: TruthLake, random: Prng): Promise<boolean> {
  const dataDir = join(lake.dir, 'data')
  const before = writtenAt(dataDir)
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', command.file, ...command.args],
    {
      cwd: lake.dir,
      env: { PATH: process.env.PATH },
      stdio: 'ignore',
    },
  )
  const closed = once(child, 'close')
  const isTargeted = random.next() < 0.75
  const waitMs = random.next() * (isTargeted ? WRITING_MS : LIFE_MS)
  while (isTargeted && runs(child) && writtenAt(dataDir) === before) await pause(1)
  await Promise.race([pause(waitMs), closed])
  if (runs(child)) child.kill('SIGKILL')
  await closed
  return child.signalCode === 'SIGKILL'
}

function runs({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null
}

type Found = { readonly faults: readonly string[]; readonly isTorn: boolean; readonly isHalfWay: boolean }

function judge(lake: TruthLake, command: Command, before: string): Found {
  const faults: string[] = []
  const { status, flaw } = verifyChain({ dir: chainDir(join(lake.dir, 'data'), 'us'), market: 'us' })
  const isTorn = status === 'TORN_TAIL'
  if (status !== 'VERIFIED' && !isTorn) faults.push(`the chain is ${status}: ${flaw?.says}`)
  const text = lake.chainText()
  if (!text.startsWith(before.slice(0, before.lastIndexOf('\n') + 1)))
    faults.push('an event of before is gone')
  const events = [...lake.chain().events()]
  const written = events
    .slice(before.split('\n').length - 1)
    .filter(({ event_type }) => event_type !== 'chain.repaired')
  const types = written.map(({ event_type }) => `${event_type} `).join('')
  if (!new RegExp(`^${DEBTS}${WRITES[command.name]}$`).test(types)) faults.push(`it wrote ${types}`)
  const moments = momentsOf(events)
  const end = moments.at(-1)!
  if (end.state.epoch !== null && (end.state.ctt === null || end.state.epoch.session > end.state.ctt)) {
    faults.push(`TE ${end.state.epoch.session} is beyond CTT ${end.state.ctt}`)
  }
  for (const name of ['ctt.json', 'truth_epoch.json']) {
    const text = lake.file(name)
    if (!moments.some(({ texts }) => texts.get(name) === text)) faults.push(`${name} is that of no moment`)
  }
  const isStale = lake.staleSnapshots().length > 0
  truthOf(lake.context, 'us').decide(null, () => {})
  const stale = lake.staleSnapshots()
  if (stale.length > 0) faults.push(`not healed: ${stale.join(', ')}`)
  return { faults, isTorn, isHalfWay: isStale || isTorn }
}

type Moment = { readonly state: TruthState; readonly texts: ReadonlyMap<string, string | null> }

/** The states that the chain went through in its last events: no snapshot is older than one command. */
function momentsOf(events: readonly ChainEvent[]): readonly Moment[] {
  const seen: Moment[] = []
  const fold = foldTruth('us', events.slice(0, -6))
  const remember = (): void => {
    const state = fold.state()
    seen.push({
      state,
      texts: new Map(snapshotsOf(state, fold.cttEvent()).map(({ name, text }) => [name, text])),
    })
  }
  remember()
  for (const event of events.slice(-6)) {
    fold.apply(event)
    remember()
  }
  return seen
}
