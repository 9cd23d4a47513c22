/**
 * What would the vendor have said? A lake in a temp folder to which a test adds answers, in the form of the
 * raw files, and a venue that reads them: CSV with the vendor's headers, without the quirks, which are not
 * our matter.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { type CurationInput, type CurationReport, curate } from '../../src/curation/curate.ts'
import type { BatchAnswer, BatchFunction, BatchWish, RawAnswer } from '../../src/domain/batch.ts'
import { DAY_MS, type MarketDate, type UnixMs } from '../../src/domain/time.ts'
import type { Log } from '../../src/platform/log.ts'
import { Zone } from '../../src/platform/zone.ts'

export const NEW_YORK: Zone = new Zone('America/New_York')

const SILENT: Log = { info: () => {}, warn: () => {}, error: () => {}, pass: () => {} }

export type Bar = readonly [
  date: string,
  open: number,
  high: number,
  low: number,
  close: number,
  volume: number,
  adjusted?: number,
  dividend?: number,
  split?: number,
]

/** A bar like many others. */
export function bar(date: string, close: number, volume = 1_000): Bar {
  return [date, close, close + 1, close - 1, close, volume]
}

/** The same with what TIME_SERIES_DAILY_ADJUSTED has more. */
export function adjustedBar(
  date: string,
  close: number,
  adjusted: number,
  dividend: number = 0,
  split: number = 1,
): Bar {
  return [date, close, close + 1, close - 1, close, 1_000, adjusted, dividend, split]
}

/** Monday to Friday: enough of a calendar here. */
export function isWeekday(date: string): boolean {
  const day = new Date(Date.parse(date)).getUTCDay()
  return day !== 0 && day !== 6
}

/** Final from 16:15 New York on. */
export function isFinalAfterClose(date: MarketDate, fetchedAtMs: UnixMs): boolean {
  return fetchedAtMs >= (NEW_YORK.utcOf(`${date} 16:15`) ?? Number.POSITIVE_INFINITY)
}

export function newYork(wall: string): UnixMs {
  const ms = NEW_YORK.utcOf(wall)
  if (ms === null) throw new Error(`no such time: ${wall}`)
  return ms
}

export class RawLake {
  readonly dataDir: string
  readonly answers: RawAnswer[] = []

  constructor(dataDir: string = mkdtempSync(join(tmpdir(), 'chandler-curation-'))) {
    this.dataDir = dataDir
  }

  add(fn: BatchFunction, symbol: string, fetchedAt: string, body: string, variant = 'compact'): RawAnswer {
    const fetchedAtMs = newYork(fetchedAt)
    const wish: BatchWish = { function: fn, symbol, variant, format: 'csv' }
    const stamp = new Date(fetchedAtMs).toISOString().replaceAll(/[-:.]/g, '')
    const date = NEW_YORK.dateOf(fetchedAtMs)
    const path = `raw/us/${date}/${encodeURIComponent(symbol)}_${fn}_${variant}_${stamp}.csv.zst`
    const answer = { wish, fetchedAtMs, path }
    mkdirSync(dirname(join(this.dataDir, path)), { recursive: true })
    writeFileSync(join(this.dataDir, path), zstdCompressSync(body))
    this.answers.push(answer)
    return answer
  }

  daily(symbol: string, fetchedAt: string, bars: readonly Bar[], variant = 'compact'): RawAnswer {
    return this.add('TIME_SERIES_DAILY', symbol, fetchedAt, csvOf(bars), variant)
  }

  adjusted(symbol: string, fetchedAt: string, bars: readonly Bar[], variant = 'compact'): RawAnswer {
    return this.add('TIME_SERIES_DAILY_ADJUSTED', symbol, fetchedAt, csvOf(bars), variant)
  }

  splits(symbol: string, fetchedAt: string, rows: readonly (readonly [string, number])[]): RawAnswer {
    return this.add('SPLITS', symbol, fetchedAt, csvOf(rows), '')
  }

  dividends(symbol: string, fetchedAt: string, rows: readonly (readonly [string, number])[]): RawAnswer {
    return this.add('DIVIDENDS', symbol, fetchedAt, csvOf(rows), '')
  }

  input(more: Partial<CurationInput> = {}): CurationInput {
    return {
      dataDir: this.dataDir,
      market: 'us',
      venue: READERS,
      answers: this.answers,
      readBody: ({ path }) => zstdDecompressSync(readFileSync(join(this.dataDir, path))).toString(),
      zone: NEW_YORK,
      isSession: isWeekday,
      isFinal: isFinalAfterClose,
      log: SILENT,
      ...more,
    }
  }

  curate(more: Partial<CurationInput> = {}): Promise<CurationReport> {
    return curate(this.input(more))
  }

  /** Content of all files but the raw ones, by path. */
  tree(): ReadonlyMap<string, string> {
    return treeOf(this.dataDir)
  }

  /** Rows of a glob below the data directory, with times as text. */
  rows(glob: string, rest = 'order by all'): Promise<readonly Record<string, unknown>[]> {
    return queryRows(`from read_parquet('${this.dataDir}/${glob}', hive_partitioning = false) ${rest}`)
  }

  /** Removes staging and analytics. */
  forget(...folders: readonly string[]): void {
    for (const folder of folders) rmSync(join(this.dataDir, folder), { recursive: true, force: true })
  }

  remove(): void {
    rmSync(this.dataDir, { recursive: true, force: true })
  }
}

/** Not raw answers, not temporary files. */
const LAKE_FILE = /^\/(staging|analytics)\//

export function treeOf(dataDir: string): ReadonlyMap<string, string> {
  const files = readdirSync(dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => LAKE_FILE.test(path.slice(dataDir.length)))
    .toSorted()
  return new Map(files.map((path) => [path.slice(dataDir.length + 1), readFileSync(path).toString('base64')]))
}

export function differing(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): readonly string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((path) => a.get(path) !== b.get(path))
}

export async function queryRows(sql: string): Promise<readonly Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    await connection.run("set TimeZone = 'UTC'")
    const reader = await connection.runAndReadAll(sql)
    return reader.getRowObjectsJson() as Record<string, unknown>[]
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

function csvOf(rows: readonly (readonly (string | number | undefined)[])[]): string {
  return rows.map((row) => `${row.join(',')}\n`).join('')
}

function linesOf(body: string): readonly (readonly string[])[] {
  return body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(','))
}

/** The word `refused` stands for whatever a venue does not understand. */
function read<Value>(body: string, valueIn: () => Value): BatchAnswer<Value> {
  return body === 'refused'
    ? { ok: false, refusal: { kind: 'not_understood', message: 'no table' } }
    : { ok: true, value: valueIn() }
}

function optional(text: string | undefined): number | null {
  return text === undefined || text === '' ? null : Number(text)
}

export const READERS: CurationInput['venue'] = {
  name: 'test',
  readDaily: (_wish, body) =>
    read(body, () => ({
      refreshed: null,
      bars: linesOf(body).map(([date, open, high, low, close, volume, adjusted, dividend, split]) => ({
        date: date as MarketDate,
        open: Number(open),
        high: Number(high),
        low: Number(low),
        close: Number(close),
        volume: Number(volume),
        adjustedClose: optional(adjusted),
        dividend: optional(dividend),
        split: optional(split),
      })),
    })),
  readIntraday: (_wish, body) =>
    read(body, () => ({
      intervalMinutes: 5,
      convention: 'start',
      bars: linesOf(body).map(([wall, open, high, low, close, volume]) => ({
        timestampMs: newYork(wall!),
        open: Number(open),
        high: Number(high),
        low: Number(low),
        close: Number(close),
        volume: Number(volume),
      })),
    })),
  readSplits: (_wish, body) =>
    read(body, () =>
      linesOf(body).map(([date, factor]) => ({ date: date as MarketDate, factor: Number(factor) })),
    ),
  readDividends: (_wish, body) =>
    read(body, () =>
      linesOf(body).map(([exDate, amount]) => ({ exDate: exDate as MarketDate, amount: Number(amount) })),
    ),
}

/** `count` weekdays from `first` on. */
export function weekdays(first: string, count: number): readonly string[] {
  const dates: string[] = []
  for (let ms = Date.parse(first); dates.length < count; ms += DAY_MS) {
    const date = new Date(ms).toISOString().slice(0, 10)
    if (isWeekday(date)) dates.push(date)
  }
  return dates
}
