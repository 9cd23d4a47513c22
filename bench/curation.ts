/**
 * How fast do raw answers become history, and how does it grow? A daily run (8,000 symbols, 100 rows each,
 * one file per symbol) and a backfill (500 symbols, 20 years each), every one with the actions in its rows,
 * from raw files to analytics in a process of its own, whose peak memory is what the system says. Then the
 * daily run of the next session on top, which is what an operator sees every day. The baseline is DuckDB
 * alone, reading the same raw files as CSV and writing one sorted Parquet file: no staging, no judging, no
 * vintages, no adjustment.
 *
 *     node bench/curation.ts [--runs 3] [--symbols 8000]
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { curate } from '../src/curation/curate.ts'
import type { RawAnswer } from '../src/domain/batch.ts'
import { DAY_MS, type UnixMs } from '../src/domain/time.ts'
import { alphavantage } from '../src/venues/alphavantage/index.ts'
import { isFinalAfterClose, isWeekday, NEW_YORK, newYork, weekdays } from '../test/curation/raw-lake.ts'
import { QUIET } from './child.ts'
import { flag, medianOf, report, say, spreadOf } from './measure.ts'

const SECONDS_MAX = { daily: 20, backfill: 60 }
const RSS_BYTES_MAX = 1.5e9
const HEADER = 'timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient'
const SECTION = 'TIME_SERIES_DAILY_ADJUSTED'

type Figure = {
  readonly seconds: number
  /** Of all threads: what a busy machine cannot stretch much. */
  readonly cpuSeconds: number
  readonly rssBytes: number
  readonly rows: number
  readonly files: number
}

const childCase = process.argv[2] === '--child' ? process.argv[3] : undefined
if (childCase !== undefined) await runChild(childCase)
else await runAll()

async function runAll(): Promise<void> {
  const runs = flag('runs', 3)
  const symbols = flag('symbols', 8_000)
  const dir = mkdtempSync(join(tmpdir(), 'chandler-bench-'))
  try {
    say('writing raw files')
    const daily = join(dir, 'daily')
    const backfill = join(dir, 'backfill')
    writeAnswers(daily, symbols, weekdays('2025-09-01', 100), '2026-01-16 18:00')
    writeAnswers(backfill, 500, weekdays('2006-09-04', 5_040), '2026-01-16 18:00')
    for (const name of ['daily', 'backfill'] as const) await measure(name, join(dir, name), runs)
    say('the session after')
    writeAnswers(daily, symbols, weekdays('2025-09-02', 100), '2026-01-20 18:00')
    const next = child('next', daily)
    line('curation-next-day', 'the next daily run on top', [next], SECONDS_MAX.daily, null)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function measure(name: 'daily' | 'backfill', dataDir: string, runs: number): Promise<void> {
  const ours: Figure[] = []
  const theirs: number[] = []
  for (let run = 0; run < runs; run++) {
    for (const folder of ['staging', 'analytics'])
      rmSync(join(dataDir, folder), { recursive: true, force: true })
    ours.push(child(name, dataDir))
    theirs.push(child('baseline', dataDir).seconds)
    say(`${name}: ${ours.at(-1)!.seconds.toFixed(1)} s, DuckDB alone ${theirs.at(-1)!.toFixed(1)} s`)
  }
  line(`curation-${name}`, `raw files to analytics, ${name}`, ours, SECONDS_MAX[name], theirs)
}

function line(
  name: string,
  what: string,
  ours: readonly Figure[],
  secondsMax: number,
  theirs: readonly number[] | null,
): void {
  const spread = spreadOf(ours.map(({ seconds }) => seconds))
  const rssBytes = Math.max(...ours.map((figure) => figure.rssBytes))
  const baseline = theirs === null ? null : medianOf(theirs)
  report({
    name,
    what,
    figure: spread.median,
    unit: 's',
    ...spread,
    baseline,
    baselineUnit: 's',
    baselineWhat: 'DuckDB: read_csv of the same raw files, sorted, one Parquet file',
    ratio: baseline === null ? null : spread.median / baseline,
    target: `<= ${secondsMax} s, resident <= 1.5 GB`,
    holds: spread.max <= secondsMax && rssBytes <= RSS_BYTES_MAX,
    notes: {
      cpuSeconds: medianOf(ours.map((figure) => figure.cpuSeconds)),
      rssBytes,
      rows: ours[0]!.rows,
      files: ours[0]!.files,
    },
  })
}

function child(name: string, dataDir: string): Figure {
  const script = fileURLToPath(import.meta.url)
  const { stdout, status } = spawnSync(process.execPath, [QUIET, script, '--child', name, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`the run of ${name} failed`)
  return JSON.parse(stdout) as Figure
}

async function runChild(name: string): Promise<void> {
  const dataDir = process.argv[4]!
  const startMs = performance.now()
  const counted = name === 'baseline' ? await baseline(dataDir) : await curateAll(dataDir)
  const seconds = (performance.now() - startMs) / 1_000
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage()
  const cpuSeconds = (userCPUTime + systemCPUTime) / 1e6
  process.stdout.write(JSON.stringify({ seconds, cpuSeconds, rssBytes: maxRSS * 1_024, ...counted }))
}

async function curateAll(dataDir: string): Promise<{ rows: number; files: number }> {
  const answers = JSON.parse(readFileSync(join(dataDir, 'answers.json'), 'utf8')) as RawAnswer[]
  const silent = { info: () => {}, warn: () => {}, error: () => {}, pass: () => {} }
  const { staged, files } = await curate({
    dataDir,
    market: 'us',
    venue: alphavantage,
    answers,
    readBody: ({ path }) => zstdDecompressSync(readFileSync(join(dataDir, path))).toString(),
    zone: NEW_YORK,
    isSession: isWeekday,
    isFinal: isFinalAfterClose,
    log: silent,
  })
  return { rows: staged.rowCount, files: files.length }
}

async function baseline(dataDir: string): Promise<{ rows: number; files: number }> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '1200MB' })
  const connection = await instance.connect()
  const result = await connection.run(
    `copy (select filename, * from read_csv('${dataDir}/raw/us/*/*.csv.zst', filename = true)
           order by filename, timestamp) to '${dataDir}/baseline.parquet' (format parquet, compression zstd)`,
  )
  const rows = result.rowsChanged
  connection.closeSync()
  instance.closeSync()
  rmSync(`${dataDir}/baseline.parquet`)
  return { rows, files: 1 }
}

/** Prices of two decimals, a dividend a quarter for every second symbol, adjusted closes with it. */
function writeAnswers(dataDir: string, symbolCount: number, dates: readonly string[], fetched: string): void {
  const firstMs = newYork(fetched)
  const held = readAnswerList(dataDir)
  for (let at = 0; at < symbolCount; at++) {
    const symbol = symbolOf(at)
    const fetchedAtMs = (firstMs + at * 100) as UnixMs
    const stamp = new Date(fetchedAtMs).toISOString().replaceAll(/[-:.]/g, '')
    const variant = dates.length > 100 ? 'full' : 'compact'
    const path = `raw/us/${NEW_YORK.dateOf(fetchedAtMs)}/${symbol}_${SECTION}_${variant}_${stamp}.csv.zst`
    const wish = { function: SECTION, symbol, variant, format: 'csv' } as const
    held.push({ wish, fetchedAtMs, path })
    mkdirSync(dirname(join(dataDir, path)), { recursive: true })
    writeFileSync(join(dataDir, path), zstdCompressSync(bodyOf(at, dates)))
  }
  writeFileSync(join(dataDir, 'answers.json'), JSON.stringify(held))
}

function readAnswerList(dataDir: string): RawAnswer[] {
  mkdirSync(dataDir, { recursive: true })
  try {
    return JSON.parse(readFileSync(join(dataDir, 'answers.json'), 'utf8')) as RawAnswer[]
  } catch {
    return []
  }
}

function symbolOf(at: number): string {
  return `S${at.toString(36).toUpperCase().padStart(4, '0')}`
}

/** The same symbol and date always have the same bar, whatever the answer's window. */
function bodyOf(seed: number, dates: readonly string[]): string {
  const lines: string[] = []
  let factor = 1
  for (const date of dates.toReversed()) {
    const day = Date.parse(date) / DAY_MS
    const close = closeOf(seed, day)
    const dividend = seed % 2 === 0 && day % 91 === seed % 91 ? 0.25 : 0
    const volume = 100_000 + ((day * 7_919 + seed * 104_729) % 900_000)
    const prices = [close - 0.12, close + 0.5, close - 0.61, close]
    lines.push(
      [date, ...prices.map((price) => price.toFixed(2)), (close * factor).toFixed(4), volume]
        .concat(dividend.toFixed(4), '1.0')
        .join(','),
    )
    if (dividend > 0) factor *= 1 - dividend / closeOf(seed, sessionBefore(day))
  }
  return [HEADER, ...lines, ''].join('\n')
}

function closeOf(seed: number, day: number): number {
  return (
    Math.round(
      (60 + (seed % 300) + 20 * Math.sin(day / 90 + seed) + ((day * 37 + seed * 11) % 101) / 100) * 100,
    ) / 100
  )
}

function sessionBefore(day: number): number {
  const before = day - 1
  return isWeekday(new Date(before * DAY_MS).toISOString().slice(0, 10)) ? before : sessionBefore(before)
}
