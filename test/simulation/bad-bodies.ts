/**
 * What becomes of every bad body that a vendor can send? Real commands against the stand-in: a lake that was
 * filled in good days, an evening on which the fault meets some of its symbols, held ones and a new one, and
 * a good day later on which the second pass runs. After the evening no row may say anything but what the
 * generator has; after the good day none may be missing either. And every fault that met a question must be
 * found again: in a retry, in the queue, in a finding, or as an older vintage.
 */
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { newYorkDays } from '../../src/app/sim-alphavantage.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import {
  ANSWER_KINDS,
  type BatchFault,
  type BatchFaultKind,
  REPLY_KINDS,
} from '../../src/sim/alphavantage/faults.ts'
import { differenceOf, type RowDifference, restatedRows, trueRows, type World } from './bad-bodies-truth.ts'
import { BatchLake, startVendor, type Vendor } from './batch-lake.ts'

export const BAD_BODY_KINDS: readonly BatchFaultKind[] = [...REPLY_KINDS, ...ANSWER_KINDS, 'slow']
export type BadBodiesCase = BatchFaultKind | 'all'

export type CaseResult = {
  readonly kind: BadBodiesCase
  /** Faults that met a question, by the stand-in's own count. */
  readonly met: number
  readonly kindsMet: number
  /** Answers that were refused and asked for again at once, and those that were refused for good. */
  readonly again: number
  readonly refused: number
  /** Answers whose rows were doubted, and asked for as JSON. */
  readonly doubted: number
  /** The queue after the evening. */
  readonly queued: number
  readonly parked: number
  readonly findings: Readonly<Record<string, number>>
  readonly restated: number
  readonly rowsCompared: number
  readonly wrong: number
  /** After the evening: what the queue or a finding answers for. */
  readonly missingThen: number
  readonly missing: number
  /** The first few rows that are wrong or missing, and what commands said that they should not have. */
  readonly complaints: readonly string[]
}

const WORLD: World = { seed: 1, symbolCount: 40, symbols: [], historyFrom: '2025-07-01' as MarketDate }
const LIMITS = { perSecond: null, perMinute: null, perDay: null }
/**
 * Fridays, so that a slow machine has until Monday's close: half an hour after the close, when a day is
 * final, and before the hour is over in which its bars are asked for.
 */
const GOOD_DAY = '2026-05-08T20:32:00Z'
const DAY_BEFORE = '2026-05-14T20:32:00Z'
const EVENING = '2026-05-15T20:32:00Z'
/** More than a week later, when what the key was refused is asked for again. */
const DAY_AFTER = '2026-05-29T20:32:00Z'
const BARS_FROM = '2026-05-01' as MarketDate
/** Waits between tries are in the market's time: they need not be ours. */
const SPEED = 1_200
/** Three seconds of ours beside the bars, longer than is waited for an answer; without them a moment. */
const SLOW_SECONDS = 180
const TIMEOUT_MS = 2_000
/** The hour after the close must not be over before the job of the bars has begun. */
const SPEED_WITH_BARS = 60

/** Who meets what. Held symbols have a history from good days, new ones have none. */
type Cast = {
  readonly held: readonly string[]
  readonly fresh: readonly string[]
  readonly faults: readonly BatchFault[]
}

const UNHARMED = ['QAAA', 'QAAB']
const HELD = ['QAAC', 'QAAE']
const NEW = ['QAAF']
/** For all kinds at once: as many companies with a whole history as there are kinds. */
const CROWD = [...'GIJKMNOQRSUVWZ'].map((letter) => `QAA${letter}`).concat('QABA', 'QABC', 'QABD', 'QABE')

/** A lake of good days, from which a case begins; all kinds alone begin from the same one. */
export async function fillLake(dir: string, kind: BadBodiesCase, jobs: readonly string[]): Promise<void> {
  const vendor = await vendorAt(GOOD_DAY, [], jobs)
  try {
    const lake = lakeIn(dir, vendor, castOf(kind).held)
    for (const words of jobs.map((job) => job.split(' '))) {
      const { status, outcome } = await lake.job(words)
      if (status !== 0 || outcome !== 'done') throw new Error(`the good day went wrong: ${outcome}`)
    }
  } finally {
    await vendor.standIn.stop()
  }
}

/** `dir` is made anew from `filled`, and kept. */
export async function runBadBodies(
  filled: string,
  dir: string,
  kind: BadBodiesCase,
  jobs: readonly string[],
): Promise<CaseResult> {
  const cast = castOf(kind)
  const symbols = [...cast.held, ...cast.fresh]
  const differenceAt = (at: string, fault: BadBodiesCase | null) =>
    differenceOfLake({ dataDir: join(dir, 'data'), symbols, at, fault, hasBars: jobs.includes(INTRADAY) })
  mkdirSync(dir, { recursive: true })
  cpSync(filled, dir, { recursive: true })
  const evening = await withVendor(EVENING, cast.faults, jobs, async (vendor) => {
    const told = await runAll(lakeIn(dir, vendor, symbols), jobs)
    return { ...told, ...metBy(vendor) }
  })
  const then = await differenceAt(EVENING, kind)
  const later = await withVendor(DAY_AFTER, [], jobs, (vendor) =>
    runAll(lakeIn(dir, vendor, symbols), ['batch retry', ...jobs]),
  )
  const now = await differenceAt(DAY_AFTER, null)
  const wrong = [...then.wrong, ...now.wrong]
  return {
    kind,
    ...evening,
    rowsCompared: then.comparedCount + now.comparedCount,
    wrong: wrong.length,
    missingThen: then.missing.length,
    missing: now.missing.length,
    complaints: [...wrong, ...now.missing.map((key) => `missing ${key}`), ...later.complaints].slice(0, 5),
  }
}

const INTRADAY = 'batch intraday'
export const JOBS_OF_A_DAY: readonly string[] = [INTRADAY, 'batch daily', 'backfill']

/** What must not be: everything else is a way to end well. */
export function brokenBadBodies(results: readonly CaseResult[]): readonly string[] {
  return results.flatMap((result) => {
    const { kind, met, wrong, missing, complaints } = result
    const broken = [...(wrong + missing > 0 ? complaints : []), ...(met === 0 ? ['met nothing'] : [])]
    if (!isAccounted(result)) broken.push('a fault left no trace')
    return broken.map((text) => `${kind}: ${text}`)
  })
}

/** Changes nothing that is told: a row twice is one row. */
const HARMLESS: BadBodiesCase = 'duplicate_rows'

function isAccounted({ kind, again, refused, doubted, findings, restated }: CaseResult): boolean {
  const found = Object.values(findings).reduce((sum, count) => sum + count, 0)
  return kind === HARMLESS || again + refused + doubted + found + restated > 0
}

/** What ends a job or keeps it waiting is sent a few times; all else for as long as the evening lasts. */
const TIMES: Partial<Record<BatchFaultKind, number>> = { endless_body: 6, slow: 6, burst: 7, '502_html': 9 }

/** Alone a kind meets the same three symbols in all that is asked; all at once each has its own symbol. */
function castOf(kind: BadBodiesCase): Cast {
  if (kind !== 'all') {
    const faults = [faultOf(kind, { symbols: [...HELD, ...NEW], times: TIMES[kind], share: 1 })]
    return { held: [...UNHARMED, ...HELD], fresh: NEW, faults }
  }
  const kinds = BAD_BODY_KINDS.filter((one) => !FOR_ALL.includes(one))
  const crowd = CROWD.slice(0, kinds.length)
  const faults = kinds.map((one, at) => {
    // Of a negative dividend nothing is kept: a negative price is what makes a bad row.
    const functions = one === 'negative_price' ? { functions: PRICES } : {}
    return faultOf(one, { symbols: [crowd[at]!], times: 12, share: 1, ...functions })
  })
  // What is about the key and not about a symbol comes last: all that follows goes another way.
  const last = faultOf('premium', { symbols: ['QAAB'] })
  const isHeld = (_symbol: string, at: number): boolean => at % 2 === 0
  return {
    held: [...crowd.filter(isHeld), ...UNHARMED],
    fresh: crowd.filter((symbol, at) => !isHeld(symbol, at)),
    faults: [...faults, last],
  }
}

const PRICES: BatchFault['functions'] = ['TIME_SERIES_DAILY_ADJUSTED', 'TIME_SERIES_DAILY']

/** They meet a key. The last two end the day for all symbols: what comes after them meets nothing. */
const FOR_ALL: readonly BatchFaultKind[] = ['premium', 'day_limit', 'key_echo']

function faultOf(kind: BatchFaultKind, where: Partial<BatchFault>): BatchFault {
  const rules = { at: 0, share: 1, ...where }
  if (kind === 'slow') return { ...rules, kind, by: SLOW_SECONDS }
  // A key that lost all its rights has nothing to go on with for a week; this one lost the best of them.
  if (kind === 'premium') return { ...rules, kind, functions: ['TIME_SERIES_DAILY_ADJUSTED'] }
  return { ...rules, kind }
}

function metBy({ standIn }: Vendor): Pick<CaseResult, 'met' | 'kindsMet'> {
  const counts = Object.values(standIn.counts().faults)
  return { met: counts.reduce((sum, count) => sum + count, 0), kindsMet: counts.length }
}

async function vendorAt(at: string, faults: readonly BatchFault[], jobs: readonly string[]): Promise<Vendor> {
  const speed = jobs.includes(INTRADAY) ? SPEED_WITH_BARS : SPEED
  return await startVendor({ ...WORLD, at, speed, faults, limits: LIMITS, daysBetween: newYorkDays() })
}

async function withVendor<Result>(
  at: string,
  faults: readonly BatchFault[],
  jobs: readonly string[],
  work: (vendor: Vendor) => Promise<Result>,
): Promise<Result> {
  const vendor = await vendorAt(at, faults, jobs)
  try {
    return await work(vendor)
  } finally {
    await vendor.standIn.stop()
  }
}

function lakeIn(dir: string, vendor: Vendor, symbols: readonly string[]): BatchLake {
  return new BatchLake(dir, vendor, { symbols, batch: { timeoutMs: TIMEOUT_MS } })
}

type Told = Pick<
  CaseResult,
  'again' | 'refused' | 'doubted' | 'queued' | 'parked' | 'findings' | 'restated' | 'complaints'
>

async function runAll(lake: BatchLake, jobs: readonly string[]): Promise<Told> {
  let [again, refused, doubted, restated, queued, parked] = [0, 0, 0, 0, 0, 0]
  let findings: CaseResult['findings'] = {}
  const complaints: string[] = []
  for (const job of jobs) {
    const { status, stdout, stderr } = await lake.run(['--json', ...job.split(' '), '--market', 'us'])
    for (const { message, again: isAgain } of logLines(stderr)) {
      if (message === 'refused' && isAgain === true) again += 1
      else if (message === 'refused') refused += 1
      else if (message.includes('is doubted')) doubted += 1
    }
    if (stdout === '') {
      complaints.push(`${job} ended with ${status}: ${stderr.split('\n').at(-1)}`)
      continue
    }
    const outcome = JSON.parse(stdout) as {
      readonly queuedCount: number
      readonly parkedCount: number
      readonly details: { readonly curation?: Record<string, unknown> }
    }
    queued = outcome.queuedCount
    parked = outcome.parkedCount
    const { curation } = outcome.details
    if (curation === undefined) continue
    findings = curation.findings as CaseResult['findings']
    restated = curation.restatementCount as number
  }
  return { again, refused, doubted, queued, parked, findings, restated, complaints }
}

type LogLine = { readonly message: string; readonly again?: boolean }

function logLines(stderr: string): readonly LogLine[] {
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'))
  return lines.map((line) => JSON.parse(line) as LogLine)
}

type Looked = {
  readonly dataDir: string
  readonly symbols: readonly string[]
  readonly at: string
  /** Of the evening: a vendor that restates its history is believed as long as it says so. */
  readonly fault: BadBodiesCase | null
  readonly hasBars: boolean
}

async function differenceOfLake({ dataDir, symbols, at, fault, hasBars }: Looked): Promise<RowDifference> {
  const truth = trueRows(WORLD, symbols, Date.parse(at) as UnixMs, hasBars ? BARS_FROM : null)
  const held = await heldRows(dataDir, hasBars)
  if (fault === null) return differenceOf(held, truth, [])
  // A symbol without an answer, or without a row of this session, is adjusted to the end of what it has.
  const before = [GOOD_DAY, DAY_BEFORE].map((day) =>
    trueRows(WORLD, symbols, Date.parse(day) as UnixMs, null),
  )
  const isRestated = fault === 'restated' || fault === 'all'
  const restated = isRestated ? [restatedRows(truth, at.slice(0, 10) as MarketDate)] : []
  return differenceOf(held, truth, [...before, ...restated])
}

async function heldRows(dataDir: string, hasBars: boolean): Promise<Parameters<typeof differenceOf>[0]> {
  const database = await DuckDBInstance.create(':memory:')
  const connection = await database.connect()
  try {
    const rowsOf = async (frequency: string, columns: string): ReturnType<typeof heldRows> => {
      const glob = join(dataDir, `analytics/us/candles/frequency=${frequency}/**/*.parquet`)
      const reader = await connection.runAndReadAll(
        `select symbol, epoch_ms("timestamp")::double as at_ms, ${columns} from read_parquet('${glob}')`,
      )
      return reader.getRows().map(([symbol, atMs, ...values]) => {
        const at = frequency === '1d' ? new Date(Number(atMs)).toISOString().slice(0, 10) : String(atMs)
        return { key: `${frequency} ${String(symbol)} ${at}`, values: values.map(Number) }
      })
    }
    const prices = 'open, high, low, close, volume::double'
    const days = await rowsOf('1d', `${prices}, adj_close`)
    return hasBars ? [...days, ...(await rowsOf('5m', prices))] : days
  } finally {
    connection.closeSync()
    database.closeSync()
  }
}
