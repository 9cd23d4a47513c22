/**
 * How fast is a day read back? A session's ticks on disk, as raw and as compressed segments of the journal,
 * through the reader and the fold that `chandler replay` uses; against DuckDB, which groups the same ticks
 * from a Parquet file that holds nothing but what the grouping needs (instrument, minute, order, price,
 * volume). Files are warm in the page cache for both.
 */
import { cpSync, globSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { type Table, tableFromArrays, tableToIPC } from 'apache-arrow'
import { Compression, Table as ParquetTable, WriterPropertiesBuilder, writeParquet } from 'parquet-wasm'
import { foldJournal } from '../src/app/fold-journal.ts'
import { CandleFold } from '../src/candles/fold.ts'
import {
  ENTRY_FACT,
  ENTRY_PACKETS,
  encodeFact,
  type Fact,
  PACKET_HEAD_BYTES,
  PACKETS_HEAD_BYTES,
} from '../src/domain/fact.ts'
import { TickFields } from '../src/domain/tick.ts'
import { MINUTE_MS, type UnixMs } from '../src/domain/time.ts'
import type { JournalAppender } from '../src/journal/appender.ts'
import { compressFile } from '../src/journal/compress.ts'
import { openJournal } from '../src/journal/journal.ts'
import { decodePacket, smartapi } from '../src/venues/smartapi/index.ts'
import { flag, medianOf, report, say, spreadOf } from './measure.ts'
import { generateDay, openingFacts, QUOTE_BYTES, RecordedDay } from './session.ts'

const INSTRUMENTS = 3_000
const MINUTES = 375
const PACKETS_PER_SECOND = 400
const RATE_MIN = 3_000_000

const runs = flag('runs', 7)
const dir = mkdtempSync(join(tmpdir(), 'chandler-bench-'))
try {
  await run()
} finally {
  rmSync(dir, { recursive: true, force: true })
}

async function run(): Promise<void> {
  say('making a session, its journal and its Parquet file')
  const total = PACKETS_PER_SECOND * MINUTES * 60 * 1.1
  const recorded = new RecordedDay(generateDay(INSTRUMENTS, PACKETS_PER_SECOND), MINUTES, total)
  const raw = join(dir, 'raw')
  const compressed = join(dir, 'compressed')
  await writeJournal(recorded, raw)
  cpSync(raw, compressed, { recursive: true })
  for (const path of globSync(join(compressed, '*.wal'))) await compressFile(path)
  const parquet = join(dir, 'ticks.parquet')
  writeTicks(recorded, parquet)
  const duck = await openDuck(parquet)

  const figures = {
    raw: [] as number[],
    compressed: [] as number[],
    two: [] as number[],
    one: [] as number[],
  }
  let candleCount = 0
  let groupCount = 0
  for (let round = 0; round <= runs; round++) {
    const a = replay(raw, recorded.packetCount)
    const two = await duck(2)
    const b = replay(compressed, recorded.packetCount)
    const one = await duck(1)
    candleCount = a.candleCount
    groupCount = one.groupCount
    if (round === 0) continue
    figures.raw.push(a.rate)
    figures.compressed.push(b.rate)
    figures.two.push(recorded.packetCount / two.seconds)
    figures.one.push(recorded.packetCount / one.seconds)
  }
  if (candleCount !== groupCount) throw new Error(`${candleCount} candles, but DuckDB has ${groupCount}`)
  const sizes = {
    rawMib: sizeOf(raw),
    compressedMib: sizeOf(compressed),
    parquetMib: sizeOf(dir, '*.parquet'),
  }
  for (const kind of ['raw', 'compressed'] as const) reportReplay(kind, figures, recorded, candleCount, sizes)
}

function reportReplay(
  kind: 'raw' | 'compressed',
  figures: Record<'raw' | 'compressed' | 'two' | 'one', number[]>,
  recorded: RecordedDay,
  candleCount: number,
  sizes: Readonly<Record<string, number>>,
): void {
  const figure = spreadOf(figures[kind])
  report({
    name: `replay-${kind}`,
    what: `ticks read from ${kind} segments on disk, checked, decoded and folded into candles`,
    figure: figure.median,
    unit: 'ticks/s',
    ...figure,
    baseline: medianOf(figures.two),
    baselineUnit: 'ticks/s',
    baselineWhat: 'DuckDB grouping the same ticks, already decoded, from Parquet, two threads',
    ratio: medianOf(figures[kind].map((value, at) => value / figures.two[at]!)),
    target: `>= ${RATE_MIN} ticks/s; how it stands to DuckDB is said, not demanded`,
    holds: figure.median >= RATE_MIN,
    notes: {
      ticks: recorded.packetCount,
      candles: candleCount,
      duckOneThread: medianOf(figures.one),
      ratioToOneThread: medianOf(figures[kind].map((value, at) => value / figures.one[at]!)),
      ...sizes,
    },
  })
}

async function writeJournal(recorded: RecordedDay, into: string): Promise<void> {
  const { appender } = await openJournal({ dir: into, isCompressing: false, ballastBytes: 0 })
  for (const fact of openingFacts(recorded.day)) await append(appender, ENTRY_FACT, encodeFact(fact), 1)
  for (const step of recorded.steps()) {
    if (step.kind === 'minute') {
      const fact: Fact = { kind: 'minute', minute: step.minute, atMs: (step.minute * MINUTE_MS) as UnixMs }
      await append(appender, ENTRY_FACT, encodeFact(fact), 1)
    } else {
      const payload = recorded.bytes.subarray(step.offset, step.offset + step.length)
      await append(appender, ENTRY_PACKETS, payload, step.count)
    }
  }
  await appender.close()
}

async function append(
  appender: JournalAppender,
  type: number,
  payload: Uint8Array,
  count: number,
): Promise<void> {
  let at = appender.begin(type, payload.byteLength)
  while (at < 0) {
    await appender.whenRoom(payload.byteLength)
    at = appender.begin(type, payload.byteLength)
  }
  appender.bytes.set(payload, at)
  appender.commit(payload.byteLength, count)
}

function replay(from: string, tickCount: number): { rate: number; candleCount: number } {
  let candleCount = 0
  const fold = new CandleFold({
    venue: smartapi,
    lateness: 'live',
    onCandles: (_minute, columns) => {
      candleCount += columns.rowCount
    },
  })
  const startMs = performance.now()
  const { damages } = foldJournal(from, [fold])
  const seconds = (performance.now() - startMs) / 1_000
  if (fold.outcomes().accepted !== tickCount || damages.length > 0) throw new Error('ticks are missing')
  return { rate: tickCount / seconds, candleCount }
}

/** What grouping needs and nothing else: the ticks as a warehouse would hold them. */
function writeTicks(recorded: RecordedDay, path: string): void {
  const count = recorded.packetCount
  const columns = {
    instrument: new Int32Array(count),
    minute: new Int32Array(count),
    n: new Int32Array(count),
    price: new Int32Array(count),
    volume: new Int32Array(count),
    isTrade: new Int8Array(count),
  }
  const tick = new TickFields()
  const tokens = new Map(recorded.day.instruments.map(({ token }, at) => [token, at]))
  const volumes = new Float64Array(tokens.size)
  const prices = new Float64Array(tokens.size)
  let row = 0
  for (const step of recorded.steps()) {
    if (step.kind === 'minute') continue
    for (let n = 0, at = step.offset + PACKETS_HEAD_BYTES; n < step.count; n++, row++) {
      decodePacket(recorded.bytes, recorded.view, at + PACKET_HEAD_BYTES, QUOTE_BYTES, tick)
      const text = recorded.bytes.subarray(tick.tokenOffset, tick.tokenOffset + tick.tokenLength)
      const instrument = tokens.get(Buffer.from(text).toString('latin1'))!
      columns.instrument[row] = instrument
      columns.minute[row] = Math.floor(tick.exchangeMs / MINUTE_MS)
      columns.n[row] = row
      columns.price[row] = tick.price
      const rise = tick.dayVolume - volumes[instrument]!
      const hasVolume = smartapi.hasVolume(recorded.day.instruments[instrument]!)
      columns.volume[row] = rise
      columns.isTrade[row] = !hasVolume || rise > 0 || tick.price !== prices[instrument] ? 1 : 0
      volumes[instrument] = tick.dayVolume
      prices[instrument] = tick.price
      at += PACKET_HEAD_BYTES + QUOTE_BYTES
    }
  }
  const table: Table = tableFromArrays(columns)
  const properties = new WriterPropertiesBuilder().setCompression(Compression.ZSTD).build()
  writeFileSync(path, writeParquet(ParquetTable.fromIPCStream(tableToIPC(table, 'stream')), properties))
}

type Grouped = { readonly seconds: number; readonly groupCount: number }

async function openDuck(parquet: string): Promise<(threads: number) => Promise<Grouped>> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  return async (threads) => {
    await connection.run(`SET threads = ${threads}`)
    const startMs = performance.now()
    const reader = await connection.runAndReadAll(
      `CREATE OR REPLACE TABLE candles AS
       SELECT instrument, minute, arg_min(price, n) AS open, max(price) AS high, min(price) AS low,
              arg_max(price, n) AS close, sum(volume) AS volume
       FROM read_parquet('${parquet}')
       WHERE isTrade = 1
       GROUP BY instrument, minute`,
    )
    const seconds = (performance.now() - startMs) / 1_000
    return { seconds, groupCount: Number(reader.getRows()[0]![0]) }
  }
}

function sizeOf(from: string, pattern = '*'): number {
  return globSync(join(from, pattern)).reduce((sum, path) => sum + statSync(path).size, 0) / (1 << 20)
}
