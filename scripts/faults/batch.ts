/** Rows 26 and 27: what if the batch vendor refuses, lies or chokes, or the backfill is killed? */
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { BatchOutcome } from '../../src/app/batch-outcome.ts'
import type { MarketDate } from '../../src/domain/time.ts'
import type { BatchFault } from '../../src/sim/alphavantage/faults.ts'
import type { Place } from '../../test/faults/place.ts'
import { brokenOf, type FaultRow, type Outcome } from '../../test/faults/row.ts'
import { brokenBackfillPromises, runBackfillKills } from '../../test/simulation/batch-kills.ts'
import { BatchLake, CANARY_KEY, startVendor, type Vendor } from '../../test/simulation/batch-lake.ts'

const AFTER_CLOSE = '2026-05-15T21:00:00Z'
const SPEED = 60
const PER_MINUTE = 60
const RUNS_MAX = 12
const SYMBOLS = 20

/**
 * What meets the questions for prices, each as often as `times` says. Not among them: another company's prices
 * under the right name, which nobody can see in an answer alone.
 */
const STORM: readonly BatchFault[] = (
  [
    ['502_html', 6],
    ['503', 6],
    ['truncated_json', 4],
    ['empty', 4],
    ['garbage', 4],
    ['header_only', 4],
    ['nan_values', 4],
    ['negative_price', 4],
    ['duplicate_rows', 4],
    ['burst', 6],
    ['endless_body', 1],
    ['key_echo', 1],
  ] as const
).map(([kind, times]) => ({ kind, times, at: 0, share: 0.4, functions: ['TIME_SERIES_DAILY_ADJUSTED'] }))

const VENDOR = {
  at: AFTER_CLOSE,
  speed: SPEED,
  symbolCount: SYMBOLS * 2,
  historyFrom: '2024-01-02' as MarketDate,
  limits: { perSecond: null, perMinute: PER_MINUTE, perDay: null },
}

type Weathered = {
  readonly lake: BatchLake
  readonly vendor: Vendor
  readonly outcomes: readonly BatchOutcome[]
  readonly told: readonly string[]
}

/** Daily and retry by turns, until every symbol is complete. */
async function weather(place: Place, name: string, faults: readonly BatchFault[]): Promise<Weathered> {
  const vendor = await startVendor({ ...VENDOR, faults })
  place.after('the stand-in', () => vendor.standIn.stop())
  const symbols = await symbolsOf(vendor)
  const batch = { callsPerMinute: PER_MINUTE, intervalMs: 200, timeoutMs: 2_000, attemptsMax: 50 }
  const lake = new BatchLake(join(place.dir, name), vendor, { symbols, batch })
  const told: string[] = []
  const outcomes: BatchOutcome[] = []
  for (let run = 0; run < RUNS_MAX; run++) {
    const job = run % 2 === 0 ? 'daily' : 'retry'
    const ended = await lake.run(['--json', 'batch', job, '--market', 'us'])
    told.push(ended.stdout, ended.stderr)
    if (ended.stdout !== '') outcomes.push(JSON.parse(ended.stdout) as BatchOutcome)
    if (isWhole(outcomes.at(-1))) break
  }
  return { lake, vendor, outcomes, told }
}

function isWhole(outcome: BatchOutcome | undefined): boolean {
  return outcome?.job === 'daily' && outcome.outcome === 'done' && outcome.completeCount === SYMBOLS
}

async function symbolsOf(vendor: Vendor): Promise<readonly string[]> {
  const reply = await fetch(`${vendor.url}/query?function=LISTING_STATUS&apikey=faults`)
  const listed = (await reply.text()).split('\n').map((row) => row.split(',')[0]!)
  return listed.filter((symbol) => /^Q[A-Z]{3}$/.test(symbol)).slice(0, SYMBOLS)
}

/** The daily candles as any reader of Parquet finds them, one line for each symbol. */
async function candlesOf(lake: BatchLake): Promise<readonly string[]> {
  const database = await DuckDBInstance.create(':memory:')
  const connection = await database.connect()
  const glob = join(lake.dataDir, 'analytics/us/candles/frequency=1d/**/*.parquet')
  try {
    const reader = await connection.runAndReadAll(
      `select symbol, count(*)::int as candles, round(sum(open + high + low + close), 2)::double as prices,
         sum(volume)::double as volume from read_parquet('${glob}') group by symbol order by symbol`,
    )
    return reader.getRowObjectsJson().map((row) => JSON.stringify(row))
  } finally {
    connection.closeSync()
    database.closeSync()
  }
}

async function stormRow(place: Place): Promise<Outcome> {
  const stormy = await weather(place, 'storm', STORM)
  const { askedCount, refused, faults } = stormy.vendor.standIn.counts()
  const calm = await weather(place, 'calm', [])
  const [ours, theirs] = [await candlesOf(stormy.lake), await candlesOf(calm.lake)]
  const different = theirs.filter((line, at) => line !== ours[at])
  const overLimit = refused.minute_limit ?? 0
  const broken = brokenOf({
    'more was asked than the limit allows': overLimit === 0,
    'the universe never became whole': isWhole(stormy.outcomes.at(-1)),
    [`candles differ from those of a calm vendor: ${different[0]}`]:
      different.length === 0 && ours.length > 0,
    'a bare defect was shown': !stormy.told.some((text) => text.includes('this is a defect')),
    'the key was told': !stormy.told.some((text) => text.includes(CANARY_KEY)),
    'hardly a fault was met': Object.keys(faults).length >= 10,
  })
  const figures = {
    symbols: ours.length,
    runs: stormy.outcomes.length,
    askedCount,
    refused: JSON.stringify(refused),
    met: JSON.stringify(faults),
    candlesDifferent: different.length,
  }
  return { figures, broken }
}

async function killedBackfillRow(place: Place): Promise<Outcome> {
  const summary = await runBackfillKills({
    dir: place.dir,
    count: 15,
    seed: 1,
    symbolCount: 40,
    latencyMs: 15,
    lifeMsMax: 400,
    onProgress: place.tell,
  })
  const { complaints, ...figures } = summary
  return { figures: { ...figures, complaints: complaints.length }, broken: brokenBackfillPromises(summary) }
}

export const BATCH_ROWS: readonly FaultRow[] = [
  {
    row: 26,
    name: 'storm of refusals',
    injects:
      '502, 503, truncated, empty, garbage, NaN, negative, doubled rows, endless body, bursts, echoed key',
    mustHold: 'never over the limit; after the storm the same candles as of a calm vendor; no key in the log',
    needs: [],
    isQuick: false,
    run: stormRow,
  },
  {
    row: 27,
    name: 'kill during backfill',
    injects: 'SIGKILL of `chandler backfill` at moments from a seed, beside a witness that nobody disturbs',
    mustHold: 'no answer lost, none asked twice once stored, the same rows in the lake',
    needs: [],
    isQuick: false,
    run: killedBackfillRow,
  },
]
