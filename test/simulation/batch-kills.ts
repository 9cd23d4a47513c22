/**
 * Does a backfill that is killed again and again lose an answer, or ask for one twice? One stand-in vendor,
 * one backfill that nobody disturbs (the witness) and one that is killed with SIGKILL at moments drawn from a
 * seed (the victim), each in a lake of its own. After every kill it is written down which answers are stored
 * and how often the vendor was asked for each; what was stored then must be there at the end, byte for byte,
 * and must not have been asked for again.
 *
 * Times of fetching differ between the two lakes by nature, so trees are compared by what was answered and by
 * the rows of the lake without the columns of times and of file names.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import type { MarketDate } from '../../src/domain/time.ts'
import { Prng } from '../../src/sim/prng.ts'
import { BatchLake, startVendor, type Vendor } from './batch-lake.ts'
import type { Ended, RunningCommand } from './processes.ts'

export type BackfillKillOptions = {
  /** Folder for the two lakes; kept. */
  readonly dir: string
  readonly count: number
  readonly seed: number
  readonly symbolCount: number
  /** Of the vendor, in real ms: so that a kill meets a request in flight. */
  readonly latencyMs: number
  /** Longest life of a run, in real ms, from when it begins to ask. */
  readonly lifeMsMax: number
  readonly onProgress: (text: string) => void
}

export type BackfillKillSummary = {
  readonly kills: number
  /** Runs that were begun, the last undisturbed ones among them. */
  readonly runs: number
  readonly symbols: number
  readonly answersStored: number
  /** Requests beyond one for each answer: those in flight when a kill came. */
  readonly askedInVain: number
  readonly answersLost: number
  readonly askedTwiceOnceStored: number
  readonly rawDifferent: number
  readonly lakeDifferent: number
  readonly rowsCompared: number
  /** What the last runs said that they should not have. */
  readonly complaints: readonly string[]
  readonly seed: number
}

const AFTER_CLOSE = '2026-05-15T21:00:00Z'
/** Long enough for splits and dividends, short enough to be curated in a moment. */
const HISTORY_FROM = '2023-01-03' as MarketDate
/** A run that was cut down in its last step is followed by another one or two. */
const RUNS_AFTER_MAX = 3

export async function runBackfillKills(options: BackfillKillOptions): Promise<BackfillKillSummary> {
  const { dir, symbolCount, latencyMs, seed } = options
  const vendor = await startVendor({
    at: AFTER_CLOSE,
    symbolCount: symbolCount * 2,
    historyFrom: HISTORY_FROM,
    limits: { perSecond: null, perMinute: null, perDay: null },
    latencyMs,
    seed,
  })
  try {
    const symbols = await symbolsOf(vendor, symbolCount)
    const witness = new BatchLake(join(dir, 'witness'), vendor, { symbols })
    const undisturbed = await witness.run(BACKFILL)
    const asked = askedBy(vendor)
    const victim = new BatchLake(join(dir, 'victim'), vendor, { symbols })
    const killed = new KilledBackfill(options, vendor, victim, asked)
    const last = await killed.killAll()
    return await judge(options, killed, { witness, victim, undisturbed, last, symbols })
  } finally {
    await vendor.standIn.stop()
  }
}

const BACKFILL = ['--json', 'backfill', '--market', 'us']

/** Symbols with a history: what the vendor lists as stocks. */
async function symbolsOf(vendor: Vendor, count: number): Promise<readonly string[]> {
  const reply = await fetch(`${vendor.url}/query?function=LISTING_STATUS&apikey=kills`)
  const rows = (await reply.text()).trim().split('\n').slice(1)
  const symbols = rows.map((row) => row.split(',')[0]!).filter((symbol) => /^Q[A-Z]{3}$/.test(symbol))
  if (symbols.length < count) throw new Error(`the stand-in lists only ${symbols.length} symbols`)
  return symbols.slice(0, count)
}

/** Question -> how often it was asked so far. */
function askedBy(vendor: Vendor): ReadonlyMap<string, number> {
  const { questions } = vendor.standIn.counts()
  return new Map(Object.entries(questions).map(([question, { asked }]) => [question, asked]))
}

type Stored = { readonly bytes: Buffer; readonly askedCount: number; readonly question: string }

class KilledBackfill {
  readonly #options: BackfillKillOptions
  readonly #vendor: Vendor
  readonly #lake: BatchLake
  /** What the witness asked. */
  readonly #before: ReadonlyMap<string, number>
  /** Path -> as it was when it was first seen after a kill. */
  readonly stored = new Map<string, Stored>()
  kills = 0
  runs = 0

  constructor(
    options: BackfillKillOptions,
    vendor: Vendor,
    lake: BatchLake,
    before: ReadonlyMap<string, number>,
  ) {
    this.#options = options
    this.#vendor = vendor
    this.#lake = lake
    this.#before = before
  }

  /** Resolves with the last run, which nobody killed. */
  async killAll(): Promise<Ended> {
    const { count, lifeMsMax, seed, onProgress } = this.#options
    const prng = new Prng(seed, 1)
    while (this.kills < count) {
      const command = this.#lake.start(BACKFILL)
      this.runs += 1
      await Promise.race([this.#live(command, prng, lifeMsMax), command.ended])
      const ended = await command.end('SIGKILL')
      if (ended.signal !== 'SIGKILL') break
      this.kills += 1
      this.#look()
      if (this.kills % 10 === 0) onProgress(`${this.kills} kills, ${this.stored.size} answers stored`)
    }
    return await this.#finish()
  }

  /** Asks of the victim alone, after the witness. */
  askedFor(question: string): number {
    const all = this.#vendor.standIn.counts().questions[question]?.asked ?? 0
    return all - (this.#before.get(question) ?? 0)
  }

  askedInAll(): number {
    const { questions } = this.#vendor.standIn.counts()
    return Object.keys(questions).reduce((sum, question) => sum + this.askedFor(question), 0)
  }

  /** One run in four is killed at any moment, its start included; the others while they ask. */
  async #live(command: RunningCommand, prng: Prng, lifeMsMax: number): Promise<void> {
    const [isAny, share] = [prng.next() < 0.25, prng.next()]
    if (!isAny) await Promise.race([command.said('estimate:'), command.ended])
    await pause(share * lifeMsMax)
  }

  #look(): void {
    for (const path of this.#lake.files('raw/us').filter((name) => name.endsWith('.zst'))) {
      if (this.stored.has(path)) continue
      const question = questionOf(path)
      const bytes = readFileSync(join(this.#lake.dataDir, path))
      this.stored.set(path, { bytes, question, askedCount: this.askedFor(question) })
    }
  }

  async #finish(): Promise<Ended> {
    let last: Ended | null = null
    for (let run = 0; run < RUNS_AFTER_MAX && last?.status !== 0; run++) {
      this.runs += 1
      last = await this.#lake.run(BACKFILL)
    }
    return last!
  }
}

/** `…/QAAA_TIME_SERIES_DAILY_ADJUSTED_full_20260515T210000000Z.csv.zst` as the vendor counts it. */
function questionOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/_\d{8}T\d{9}Z\.(csv|json)\.zst$/, '')
  const [, symbol, what = ''] = /^([^_]+)_(.+)$/.exec(name) ?? []
  const variant = /_(compact|full)$/.exec(what)?.[1] ?? ''
  const asked = variant === '' ? what : what.slice(0, -variant.length - 1)
  return `${asked} ${symbol} ${variant}`.trim()
}

type Lakes = {
  readonly witness: BatchLake
  readonly victim: BatchLake
  readonly undisturbed: Ended
  readonly last: Ended
  readonly symbols: readonly string[]
}

async function judge(
  { seed }: BackfillKillOptions,
  killed: KilledBackfill,
  { witness, victim, undisturbed, last, symbols }: Lakes,
): Promise<BackfillKillSummary> {
  const files = new Set(victim.files('raw/us'))
  const stored = [...killed.stored]
  const lost = stored.filter(([path, { bytes }]) => {
    return !files.has(path) || !readFileSync(join(victim.dataDir, path)).equals(bytes)
  })
  const twice = stored.filter(([, { question, askedCount }]) => killed.askedFor(question) > askedCount)
  const lakes = await lakeDifference(witness, victim)
  const ends = { witness: undisturbed, victim: last }
  return {
    kills: killed.kills,
    runs: killed.runs,
    symbols: symbols.length,
    answersStored: files.size,
    askedInVain: killed.askedInAll() - witnessRequests(undisturbed),
    answersLost: lost.length,
    askedTwiceOnceStored: twice.length,
    rawDifferent: rawDifferences(witness, victim),
    ...lakes,
    complaints: Object.entries(ends).flatMap(([name, { status, stderr }]) => {
      return status === 0 ? [] : [`${name} ended with ${status}: ${stderr.split('\n').at(-1) ?? ''}`]
    }),
    seed,
  }
}

function witnessRequests({ stdout }: Ended): number {
  return stdout === '' ? 0 : (JSON.parse(stdout) as { readonly askedCount: number }).askedCount
}

/** Wishes of which the one lake has other answers, or more of them, than the other. */
function rawDifferences(witness: BatchLake, victim: BatchLake): number {
  const [ours, theirs] = [witness.rawBodies(), victim.rawBodies()]
  const wishes = new Set([...ours.keys(), ...theirs.keys()])
  return [...wishes].filter((wish) => JSON.stringify(ours.get(wish)) !== JSON.stringify(theirs.get(wish)))
    .length
}

/** Columns that say when and from which file, not what. */
const TIMES = "['fetched_at', 'confirmed_at', 'source']"

type LakeDifference = Pick<BackfillKillSummary, 'lakeDifferent' | 'rowsCompared'>

/** Rows that only one lake has, over every Parquet file of `analytics`; a file that only one has counts 1. */
async function lakeDifference(witness: BatchLake, victim: BatchLake): Promise<LakeDifference> {
  const database = await DuckDBInstance.create(':memory:')
  const connection = await database.connect()
  const countOf = async (sql: string): Promise<number> => {
    const reader = await connection.runAndReadAll(`select count(*)::int as count from (${sql})`)
    return Number(reader.getRowObjectsJson()[0]!.count)
  }
  const parquet = (lake: BatchLake): readonly string[] =>
    lake.files('analytics/us').filter((path) => path.endsWith('.parquet'))
  const [ours, theirs] = [new Set(parquet(witness)), new Set(parquet(victim))]
  let [lakeDifferent, rowsCompared] = [ours.symmetricDifference(theirs).size, 0]
  try {
    for (const path of ours.intersection(theirs)) {
      const [left, right] = [witness, victim].map(
        ({ dataDir }) =>
          `select columns(c -> not list_contains(${TIMES}, c)) from read_parquet('${join(dataDir, path)}')`,
      )
      rowsCompared += await countOf(left!)
      lakeDifferent += await countOf(`${left} except all ${right}`)
      lakeDifferent += await countOf(`${right} except all ${left}`)
    }
  } finally {
    connection.closeSync()
    database.closeSync()
  }
  return { lakeDifferent, rowsCompared }
}

/** Counts that must be 0. */
const PROMISES = ['answersLost', 'askedTwiceOnceStored', 'rawDifferent', 'lakeDifferent'] as const

export function brokenBackfillPromises(summary: BackfillKillSummary): readonly string[] {
  const broken = PROMISES.filter((name) => summary[name] !== 0).map((name) => `${name}: ${summary[name]}`)
  // Each kill can cost one request: the one that was in flight.
  const vain = summary.askedInVain > summary.kills ? [`askedInVain: ${summary.askedInVain}`] : []
  return [...broken, ...vain, ...summary.complaints]
}
