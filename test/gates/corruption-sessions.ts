/**
 * Which sessions do the tests of the ingestion gate judge? Real ones, recorded at NSE in 2016, put into the
 * settled form with honest columns: every candle is the vendor's, nobody saw a tick of it. Where the
 * recording is absent, a made session of the same shape.
 *
 * No gap is recorded in them: the gate shall think that somebody listened all day, or no silence would mean
 * anything.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { classify } from '../../src/app/india-day.ts'
import { isSession, loadCalendar } from '../../src/calendars/calendar.ts'
import { allocateCandles, type CandleColumns, type CandleTable } from '../../src/domain/candle.ts'
import type { Instrument } from '../../src/domain/instrument.ts'
import type { SettleReport } from '../../src/domain/settle-report.ts'
import type { MarketDate } from '../../src/domain/time.ts'
import { CANDLE_FIELDS_WANTED } from '../../src/gates/checks/schema.ts'
import type { PreviousClose, SessionEvidence } from '../../src/gates/ingest-evidence.ts'
import { hashText, Prng } from '../../src/sim/prng.ts'

export const RECORDING = '../shared/data/nse-minute/kuldeeptest_minute.tar.gz'

const OFFSET_MS = 19_800_000
const MINUTE_MS = 60_000

/** By date, in order. `only` leaves the other dates unread. The part day 2016-09-12 is not a session. */
export function recordedSessions(only?: readonly string[]): ReadonlyMap<MarketDate, CandleTable> {
  const wanted = only === undefined ? null : new Set(only)
  const rowsOf = new Map<string, Row[]>()
  for (const { name, text } of filesOfTar(gunzipSync(readFileSync(RECORDING)))) {
    const match = /^(?:\.\/)?minute(?:29_|_)[^/]*\/(.+)\.csv$/.exec(name)
    if (match === null) continue
    for (const row of rowsOfCsv(text, match[1]!, wanted)) {
      const known = rowsOf.get(row.date)
      if (known === undefined) rowsOf.set(row.date, [row])
      else known.push(row)
    }
  }
  const dates = [...rowsOf.keys()].filter((date) => date !== '2016-09-12').sort() as MarketDate[]
  return new Map(dates.map((date) => [date, tableOf(rowsOf.get(date)!)]))
}

type Row = {
  readonly symbol: string
  readonly date: string
  readonly timeMs: number
  readonly prices: readonly number[]
  readonly volume: number
}

function* filesOfTar(tar: Buffer): Generator<{ readonly name: string; readonly text: string }> {
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const name = tar.toString('utf8', at, at + 100).split('\0', 1)[0]!
    const sizeBytes = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8)
    yield { name, text: tar.toString('latin1', at + 512, at + 512 + sizeBytes) }
    at += 512 + Math.ceil(sizeBytes / 512) * 512
  }
}

/** The schema drifts: with and without the code in front. Rows stand in any order. */
function* rowsOfCsv(text: string, symbol: string, wanted: ReadonlySet<string> | null): Generator<Row> {
  for (let at = text.indexOf('\n') + 1; at > 0 && at < text.length; ) {
    const found = text.indexOf('\n', at)
    const end = found < 0 ? text.length : found
    const stamp = text.indexOf('20', Math.max(at, text.indexOf('-', at) - 4))
    const date = text.slice(stamp, stamp + 10)
    if (wanted === null || wanted.has(date)) {
      const fields = text.slice(stamp, end).split(',')
      const timeMs = timeOf(date, fields[0]!)
      if (!Number.isNaN(timeMs)) {
        yield { symbol, date, timeMs, prices: fields.slice(1, 5).map(Number), volume: Number(fields[5]) }
      }
    }
    at = end + 1
  }
}

/** `YYYY-MM-DD HH:MM:SS` in India; seconds are always 0. */
function timeOf(date: string, stamp: string): number {
  return (
    Date.parse(date) -
    OFFSET_MS +
    (Number(stamp.slice(11, 13)) * 60 + Number(stamp.slice(14, 16))) * MINUTE_MS
  )
}

/** Indices carry no volume, and their 0 is none: null. */
function tableOf(rows: readonly Row[]): CandleTable {
  const rowsOf = new Map<string, Row[]>()
  for (const row of rows) {
    const known = rowsOf.get(row.symbol)
    if (known === undefined) rowsOf.set(row.symbol, [row])
    else known.push(row)
  }
  const symbols = [...rowsOf.keys()].sort()
  const columns = allocateCandles(rows.length)
  let at = 0
  for (const [instrument, symbol] of symbols.entries()) {
    const own = rowsOf.get(symbol)!.sort((a, b) => a.timeMs - b.timeMs)
    const hasVolume = own.some(({ volume }) => volume > 0)
    for (const { timeMs, prices, volume } of own) {
      columns.instrument[at] = instrument
      columns.timestampMs[at] = timeMs
      columns.open[at] = prices[0]!
      columns.high[at] = prices[1]!
      columns.low[at] = prices[2]!
      columns.close[at] = prices[3]!
      columns.volume[at++] = hasVolume ? volume : Number.NaN
    }
  }
  return asVendors({ instruments: symbols.map(instrumentOf), columns })
}

function instrumentOf(symbol: string, at: number): Instrument {
  return { exchange: 'NSE', token: String(1_000 + at), symbol }
}

/** What a settle writes of minutes that only the vendor saw. */
function asVendors(table: CandleTable): CandleTable {
  const { columns } = table
  let before = -1
  for (let row = 0; row < columns.rowCount; row++) {
    const isNew = before < 0 || columns.instrument[row] !== columns.instrument[before]
    columns.dayHigh[row] = Math.max(columns.high[row]!, isNew ? 0 : columns.dayHigh[before]!)
    columns.dayLow[row] = Math.min(
      columns.low[row]!,
      isNew ? Number.POSITIVE_INFINITY : columns.dayLow[before]!,
    )
    columns.vwap[row] = Number.NaN
    columns.firstTickMs[row] = Number.NaN
    columns.lastTickMs[row] = Number.NaN
    columns.complete[row] = 1
    columns.source[row] = 1
    columns.revision[row] = 1
    before = row
  }
  return table
}

/** The same with ticks behind each candle, for faults that only such candles can have. */
export function asTicks({ instruments, columns }: CandleTable): CandleTable {
  const ticks = copyOf(columns)
  for (let row = 0; row < ticks.rowCount; row++) {
    const hasVolume = ticks.volume[row]! > 0
    ticks.tickCount[row] = 40
    ticks.firstTickMs[row] = ticks.timestampMs[row]! + 1_000
    ticks.lastTickMs[row] = ticks.timestampMs[row]! + 59_000
    ticks.vwap[row] = hasVolume ? (ticks.high[row]! + ticks.low[row]!) / 2 : Number.NaN
    ticks.source[row] = 0
    ticks.revision[row] = 0
  }
  return { instruments, columns: ticks }
}

/** A made session: stocks that walk and trade in every minute, and indices without volume. */
export function madeSession(date: string, stockCount: number, indexCount: number, seed: number): CandleTable {
  const openMs = Date.parse(`${date}T03:45:00Z`)
  const rows: Row[] = []
  for (let at = 0; at < stockCount + indexCount; at++) {
    const isIndex = at >= stockCount
    const symbol = isIndex ? `INDEX${String(at).padStart(4, '0')}` : `STOCK${String(at).padStart(4, '0')}`
    // The level belongs to the symbol, the walk to the date: neighbouring sessions go on from each other.
    const level = 100 + 90 * new Prng(hashText(symbol)).next()
    const random = new Prng(seed, hashText(date), hashText(symbol))
    let price = level
    for (let minute = 0; minute < 375; minute++) {
      const step = (): number => Math.max(1, price * (1 + (random.next() - 0.5) * 0.002))
      const prices = [price, step(), step(), step()]
      const volume = isIndex ? 0 : 1 + Math.floor(random.next() * 2_000)
      const timeMs = openMs + minute * MINUTE_MS
      const [open, close] = [prices[0]!, prices[3]!]
      rows.push({
        symbol,
        date,
        timeMs,
        prices: [open, Math.max(...prices), Math.min(...prices), close],
        volume,
      })
      price = close
    }
  }
  return tableOf(rows)
}

/** Only these symbols, as a session of its own. */
export function restrictedTo(
  table: CandleTable,
  isWanted: (symbol: string, at: number) => boolean,
): CandleTable {
  const kept = table.instruments.map(({ symbol }, at) => isWanted(symbol, at))
  const numberOf = new Int32Array(kept.length)
  let count = 0
  for (const [at, isKept] of kept.entries()) if (isKept) numberOf[at] = count++
  const rows = [...table.columns.instrument.keys()].filter((row) => kept[table.columns.instrument[row]!])
  const columns = pickOf(table.columns, rows)
  for (let row = 0; row < columns.rowCount; row++)
    columns.instrument[row] = numberOf[columns.instrument[row]!]!
  return { instruments: table.instruments.filter((_, at) => kept[at]), columns }
}

export function copyOf(columns: CandleColumns): CandleColumns {
  return pickOf(columns, null)
}

/** The rows named, in the order named; null for all. */
export function pickOf(columns: CandleColumns, rows: readonly number[] | null): CandleColumns {
  const picked = allocateCandles(rows?.length ?? columns.rowCount)
  for (const [name, values] of Object.entries(columns)) {
    if (typeof values === 'number') continue
    const into = picked[name as 'open']
    if (rows === null) into.set((values as Float64Array).subarray(0, columns.rowCount))
    else for (let at = 0; at < rows.length; at++) into[at] = (values as Float64Array)[rows[at]!]!
  }
  return picked
}

export type EvidenceOptions = {
  readonly date: MarketDate
  readonly previous?: CandleTable
  readonly required?: readonly string[]
}

/** A clean session as the gate sees it: published, listed, reported, following its predecessor. */
export function evidenceOf(table: CandleTable, options: EvidenceOptions): SessionEvidence {
  const { date, previous, required = [] } = options
  const calendar = loadCalendar('nse')
  const session = calendar.sessionOn(date)
  if (!isSession(session)) throw new Error(`${date} is no session`)
  const sizeBytes = table.columns.rowCount * 8
  const [sha256, reportSha256] = ['f'.repeat(64), 'e'.repeat(64)]
  const path = `analytics/in/candles/frequency=1m/date=${date}/candles.parquet`
  const { rowCount } = table.columns
  const nullCountOf = new Map([
    ['volume', countNaN(table.columns.volume)],
    ['vwap', countNaN(table.columns.vwap)],
    ['first_tick_at', countNaN(table.columns.firstTickMs)],
    ['last_tick_at', countNaN(table.columns.lastTickMs)],
  ])
  const fields = CANDLE_FIELDS_WANTED.map((field) => ({
    ...field,
    nullCount: nullCountOf.get(field.name) ?? 0,
    nanCount: 0,
  }))
  const schemaName = 'chandler.candles.v1'
  return {
    market: 'in',
    session: date,
    previousSession: '2000-01-03' as MarketDate,
    calendar: classify(calendar, session, table.instruments),
    file: { path, sha256, sizeBytes, rowCount, schemaName, fields, strangeWords: [], unreadable: null },
    table,
    listed: { sha256, sizeBytes, rowCount },
    report: reportOf(table, date, { path, sha256, sizeBytes, rowCount }),
    reportSha256,
    reportListed: { sha256: reportSha256, sizeBytes: 1_000, rowCount: 0 },
    before: {
      market: previous === undefined ? 'first' : 'follows',
      symbols: (previous?.instruments ?? []).map(({ symbol }) => symbol),
      fileIsAsJudged: true,
    },
    previousCloses: previous === undefined ? new Map() : closesOf(previous),
    actions: [],
    volatility: table.instruments.map(({ symbol }) => symbol).filter((symbol) => symbol.includes('VIX')),
    required,
  }
}

function countNaN(values: Float64Array): number {
  return values.reduce((count, value) => count + (Number.isNaN(value) ? 1 : 0), 0)
}

/** What the settle says of such a day: every bar asked for and answered. */
export function reportOf(
  { instruments, columns }: CandleTable,
  date: MarketDate,
  file: NonNullable<SettleReport['file']>,
): SettleReport {
  const volumes = new Float64Array(instruments.length).fill(Number.NaN)
  const counts = { ticksComplete: 0, ticksIncomplete: 0, vendor: 0 }
  for (let row = 0; row < columns.rowCount; row++) {
    const at = columns.instrument[row]!
    if (!Number.isNaN(columns.volume[row]!)) volumes[at] = (volumes[at]! || 0) + columns.volume[row]!
    if (columns.source[row] === 1) counts.vendor++
    else if (columns.complete[row] === 1) counts.ticksComplete++
    else counts.ticksIncomplete++
  }
  const { vendor } = counts
  return {
    schema: 'chandler.settle_report.v1',
    market: 'in',
    date,
    utcOffsetMs: OFFSET_MS,
    instrumentCount: instruments.length,
    minuteCount: 375,
    candles: { total: columns.rowCount, ...counts, revised: vendor },
    gaps: [],
    conservation: instruments.map(({ symbol }, at) => ({
      symbol,
      candleVolume: volumes[at]! || 0,
      outsideVolume: { preOpen: 0, closingAuction: 0, other: 0 },
      unattributedVolume: 0,
      lastDayVolume: Number.isNaN(volumes[at]!) ? null : volumes[at]!,
      balanced: true,
    })),
    lateTickCount: 0,
    acceptedCount: 0,
    rejected: {},
    history: { askedCount: instruments.length, failedCount: 0, usedBarCount: vendor, failures: [] },
    file,
  }
}

export function closesOf({ instruments, columns }: CandleTable): Map<string, PreviousClose> {
  const closes = new Map<string, PreviousClose>()
  for (let row = 0; row < columns.rowCount; row++) {
    const { symbol } = instruments[columns.instrument[row]!]!
    const before = closes.get(symbol)
    const volume = columns.volume[row]!
    closes.set(symbol, {
      close: columns.close[row]!,
      high: Math.max(columns.high[row]!, before?.high ?? 0),
      low: Math.min(columns.low[row]!, before?.low ?? Number.POSITIVE_INFINITY),
      volume: before === undefined ? volume : before.volume + volume,
      rowCount: (before?.rowCount ?? 0) + 1,
    })
  }
  return closes
}
