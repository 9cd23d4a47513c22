/**
 * What did the kills cost? Judges a played session from outside: files by their bytes, candles as an analyst
 * reads them, gaps from the journal, the settled day against what the stand-in's exchange really traded.
 *
 * The witness heard the same packets from the same exchange, so a victim's candle that says `complete` must
 * equal the witness's in EVERY column: prices, volume, vwap, tick count, first and last tick, and also the
 * day's high and low, because the vendor's packets carry them. Only what says `complete = false` may differ.
 */
import { hash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { foldJournal } from '../../src/app/fold-journal.ts'
import { CandleFold } from '../../src/candles/fold.ts'
import type { Gap } from '../../src/domain/gap.ts'
import type { SettleReport } from '../../src/domain/settle-report.ts'
import { MINUTE_MS, minuteOf } from '../../src/domain/time.ts'
import { journalDir, momentumDir, partsDir, pathOf } from '../../src/store/lake.ts'
import { smartapi } from '../../src/venues/smartapi/index.ts'
import type { PlayedSession, Worker } from './kill-loop.ts'
import { keyOf, type LakeRow, type RowKey, readRows } from './lake-rows.ts'
import { type Ended, run } from './processes.ts'
import { trueRows, untrueRows } from './true-rows.ts'

export type SessionVerdict = {
  /** Parts, of candles and of signals, that the victim published. */
  readonly partsChecked: number
  readonly lost: number
  readonly doubled: number
  readonly different: number
  /** Parts that a kill left named and not listed; the next run listed them. */
  readonly unlisted: number
  readonly replayEqual: number
  readonly replayDifferent: number
  /** Victim's candles that say `complete`, each compared with the witness's. */
  readonly candlesCompared: number
  readonly candlesIncomplete: number
  /** Complete candles that the witness has otherwise, or not at all, or that the victim lacks. */
  readonly unexplained: number
  /** Settled candles of ticks that say `complete` and have another volume than was traded. */
  readonly untrue: number
  /** Candles that say `complete` although the worker was down in their minute. */
  readonly dishonest: number
  readonly lateTicks: number
  readonly gaps: number
  /** Kills whose downtime no gap covers. */
  readonly uncovered: number
  /** Instruments whose volume does not add up, in either lake. */
  readonly unbalanced: number
  readonly vendorRows: number
  readonly vendorDifferent: number
  /** Incomplete minutes that the vendor had a candle for and settle did not take; minutes still missing. */
  readonly unsettled: number
  readonly settleDifferent: number
  readonly damages: number
  readonly complaints: number
  /** The first of each kind, in words. */
  readonly findings: readonly string[]
}

const FINDINGS_TOLD_MAX = 40

export async function judgeSession(played: PlayedSession): Promise<SessionVerdict> {
  const findings = new Findings()
  const { published, complaints } = played
  for (const one of complaints) findings.add('complaint', one)
  const [replayEqual, ofWitness] = await Promise.all([
    judgeReplay(played, findings),
    settle(played, played.witness, findings),
  ])
  const settled = await judgeSettle(played, ofWitness, findings)
  const lived = await judgeCandles(played, settled.witness, findings)
  const gaps = judgeGaps(played, findings)
  published.look()
  return {
    partsChecked: published.seen.size,
    lost: findings.all('lost', published.lost),
    doubled: findings.all('doubled', published.doubled) + lived.doubled,
    different: findings.all('different', published.different),
    unlisted: played.unlistedCount,
    replayEqual,
    replayDifferent: findings.count('replay'),
    candlesCompared: lived.compared,
    candlesIncomplete: lived.incomplete,
    unexplained: findings.count('unexplained'),
    untrue: findings.count('untrue'),
    dishonest: findings.count('dishonest'),
    lateTicks: settled.lateTicks,
    gaps,
    uncovered: findings.count('uncovered'),
    unbalanced: findings.count('unbalanced'),
    vendorRows: settled.vendorRows,
    vendorDifferent: findings.count('vendor'),
    unsettled: findings.count('unsettled'),
    settleDifferent: findings.count('settle'),
    damages: await judgeIntegrity(played, findings),
    complaints: complaints.length,
    findings: findings.told,
  }
}

class Findings {
  readonly told: string[] = []
  readonly #counts = new Map<string, number>()

  add(kind: string, text: string): void {
    this.#counts.set(kind, this.count(kind) + 1)
    if (this.told.length < FINDINGS_TOLD_MAX) this.told.push(`${kind}: ${text}`)
  }

  all(kind: string, texts: Iterable<string>): number {
    for (const text of texts) this.add(kind, text)
    return this.count(kind)
  }

  count(kind: string): number {
    return this.#counts.get(kind) ?? 0
  }
}

function dayOf({ date }: PlayedSession): { readonly market: string; readonly date: PlayedSession['date'] } {
  return { market: 'in', date }
}

async function command(worker: Worker, args: readonly string[]): Promise<Ended> {
  return await run([...worker.args, ...args], worker.env)
}

/** Returns how many files came out with the same bytes. */
async function judgeReplay(played: PlayedSession, findings: Findings): Promise<number> {
  const { victim, date, options } = played
  const outDir = join(options.dir, `replay-${date}`)
  const ended = await command(victim, ['replay', '--market', 'in', '--date', date, '--out', outDir])
  if (ended.status !== 0) findings.add('replay', `ended with ${ended.status}: ${ended.stderr}`)
  let equal = 0
  for (const dir of [partsDir(dayOf(played)), momentumDir(dayOf(played))]) {
    const names = new Set([...namesIn(join(victim.dataDir, dir)), ...namesIn(join(outDir, dir))])
    for (const name of names) {
      const isSame = shaOf(join(victim.dataDir, dir, name)) === shaOf(join(outDir, dir, name))
      if (isSame) equal++
      else findings.add('replay', `${dir}/${name}`)
    }
  }
  return equal
}

type Settled = {
  readonly witness: readonly LakeRow[]
  readonly lateTicks: number
  readonly vendorRows: number
}

async function judgeSettle(
  played: PlayedSession,
  ofWitness: SettleReport | null,
  findings: Findings,
): Promise<Settled> {
  const { victim, witness } = played
  const path = pathOf({ kind: 'day', day: dayOf(played) })
  const first = await settle(played, victim, findings)
  const firstSha = shaOf(join(victim.dataDir, path))
  await settle(played, victim, findings)
  if (firstSha !== shaOf(join(victim.dataDir, path))) findings.add('settle', 'other bytes the second time')
  const witnessRows = await readRows(join(witness.dataDir, path))
  const rows = await readRows(join(victim.dataDir, path))
  judgeSettledRows(played, rows, witnessRows, findings)
  return {
    witness: witnessRows,
    lateTicks: (first?.lateTickCount ?? 0) + (ofWitness?.lateTickCount ?? 0),
    vendorRows: rows.filter(({ source }) => source === 'vendor').length,
  }
}

async function settle(
  played: PlayedSession,
  worker: Worker,
  findings: Findings,
): Promise<SettleReport | null> {
  const ended = await command(worker, ['settle', '--market', 'in', '--date', played.date])
  if (ended.status !== 0) {
    findings.add('settle', `ended with ${ended.status}: ${ended.stderr.split('\n').at(-1)}`)
    return null
  }
  const report = JSON.parse(ended.stdout) as SettleReport
  for (const row of report.conservation.filter(({ balanced }) => !balanced)) {
    findings.add('unbalanced', JSON.stringify(row))
  }
  return report
}

/** The settled day against what was really traded, and against the settled day of the witness. */
function judgeSettledRows(
  played: PlayedSession,
  rows: readonly LakeRow[],
  witnessRows: readonly LakeRow[],
  findings: Findings,
): void {
  const { options, date } = played
  const truth = trueRows({ ...options, date }, foldOf(played, played.victim).minuteRange())
  for (const row of untrueRows(rows, truth)) findings.add('untrue', row.everything)
  const byKey = uniqueRows(rows, findings, 'settled')
  const witnessed = uniqueRows(witnessRows, findings, 'settled by the witness')
  for (const [key, row] of byKey) {
    const real = truth.get(key)
    if (row.source === 'vendor') {
      const isSame = real !== undefined && row.complete && textOf(row) === textOf(real)
      if (!isSame) findings.add('vendor', `${row.everything}, traded was ${JSON.stringify(real)}`)
    } else if (!row.complete) {
      if (real !== undefined) findings.add('unsettled', row.everything)
    } else if (row.candle !== witnessed.get(key)?.candle && witnessed.get(key)?.source !== 'vendor') {
      findings.add('unexplained', `settled ${row.everything}, witness ${witnessed.get(key)?.everything}`)
    }
  }
  for (const key of truth.keys()) if (!byKey.has(key)) findings.add('unsettled', `${key} has no row at all`)
}

function textOf({ prices, volume }: { prices: readonly number[]; volume: number | null }): string {
  return JSON.stringify([prices, volume ?? 0])
}

type Lived = { readonly compared: number; readonly incomplete: number; readonly doubled: number }

/** The live parts: what the victim called complete must be what the witness saw. */
async function judgeCandles(
  played: PlayedSession,
  settledByWitness: readonly LakeRow[],
  findings: Findings,
): Promise<Lived> {
  const { victim, witness, kills } = played
  const glob = (worker: Worker): string => join(worker.dataDir, partsDir(dayOf(played)), '*.parquet')
  const victimRows = await readRows(glob(victim))
  const witnessed = uniqueRows(await readRows(glob(witness)), findings, 'of the witness')
  const hindsight = new Map(settledByWitness.map((row) => [keyOf(row), row]))
  const byKey = uniqueRows(victimRows, findings, 'of the victim')
  let compared = 0
  let incomplete = 0
  for (const [key, row] of byKey) {
    if (!row.complete) {
      incomplete++
      continue
    }
    compared++
    const other = witnessed.get(key)
    // A tick that reached the witness too late is in neither's live candle by right; hindsight has it.
    const isSame = row.everything === other?.everything || row.candle === hindsight.get(key)?.candle
    if (!isSame) findings.add('unexplained', `${row.everything}, witness ${other?.everything ?? 'nothing'}`)
    const isDown = kills.some(
      ({ killedMs, restartedMs }) => row.timestampMs < restartedMs && killedMs < row.timestampMs + MINUTE_MS,
    )
    if (isDown) findings.add('dishonest', row.everything)
  }
  const fold = foldOf(played, victim)
  for (const [key, row] of witnessed) {
    if (byKey.has(key)) continue
    const index = fold.indexOf(row)
    if (index === undefined || !fold.isVouched(index, minuteOf(row.timestampMs))) continue
    findings.add('unexplained', `the victim has no candle where the witness has ${row.everything}`)
  }
  return { compared, incomplete, doubled: findings.count('doubled row') }
}

function uniqueRows(
  rows: readonly LakeRow[],
  findings: Findings,
  whose: string,
): ReadonlyMap<RowKey, LakeRow> {
  const byKey = new Map<RowKey, LakeRow>()
  for (const row of rows) {
    if (byKey.has(keyOf(row))) findings.add('doubled row', `${whose}: ${row.everything}`)
    byKey.set(keyOf(row), row)
  }
  return byKey
}

function foldOf({ date }: PlayedSession, worker: Worker): CandleFold {
  const fold = new CandleFold({ venue: smartapi, lateness: 'live' })
  foldJournal(join(worker.dataDir, journalDir({ market: 'in', date })), [fold])
  return fold
}

/** Returns how many gaps the victim's journal tells of. */
function judgeGaps(played: PlayedSession, findings: Findings): number {
  const gaps = foldOf(played, played.victim).gaps()
  for (const kill of played.kills) {
    const covers = ({ fromMs, toMs }: Gap): boolean =>
      fromMs <= kill.killedMs && (toMs === null || toMs >= kill.restartedMs)
    if (!gaps.some(covers)) findings.add('uncovered', JSON.stringify(kill))
  }
  return gaps.length
}

async function judgeIntegrity(played: PlayedSession, findings: Findings): Promise<number> {
  const verified = [played.victim, played.witness].map((worker) => command(worker, ['verify']))
  for (const ended of await Promise.all(verified)) {
    if (ended.status !== 0) findings.add('damage', ended.stderr.split('\n').at(-1) ?? '')
  }
  return findings.count('damage')
}

function namesIn(dir: string): readonly string[] {
  return existsSync(dir) ? readdirSync(dir) : []
}

function shaOf(path: string): string | null {
  return existsSync(path) ? hash('sha256', readFileSync(path), 'hex') : null
}
