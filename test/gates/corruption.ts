/**
 * Which ways of being wrong must the ingestion gate see, and which check is the one to see each? Every kind
 * is a small change to a session that is real in everything else; where in the session it falls is drawn from
 * a seed, so a run can be repeated. `expected` is the check that should catch it; others may speak, too.
 */
import type { CandleColumns, CandleTable } from '../../src/domain/candle.ts'
import type { SettleReport } from '../../src/domain/settle-report.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import type { IngestVerdict } from '../../src/domain/verdict.ts'
import { judgeSession } from '../../src/gates/ingest.ts'
import type { FieldFacts, FileFacts, SessionEvidence } from '../../src/gates/ingest-evidence.ts'
import type { Prng } from '../../src/sim/prng.ts'
import { asTicks, closesOf, copyOf, pickOf, reportOf } from './corruption-sessions.ts'

export type Corruption = {
  readonly kind: string
  readonly expected: string
  /** The same evidence, made wrong. The symbols that must not pass, null where it is the session. */
  readonly apply: (evidence: SessionEvidence, random: Prng) => Corrupted
}

export type Corrupted = { readonly evidence: SessionEvidence; readonly symbols: readonly string[] | null }

/** Null when the gate did its work, else what it said instead. */
export function missOf(corruption: Corruption, { evidence, symbols }: Corrupted): string | null {
  const verdict = judgeSession(evidence)
  const check = verdict.checks.find(({ check }) => check === corruption.expected)
  if (check === undefined || check.outcome === 'pass')
    return `${corruption.expected} said nothing: ${foundBy(verdict)}`
  if (check.rows.length === 0 || check.countFound === 0) return `${corruption.expected} has no evidence`
  if (symbols === null) return verdict.verdict === 'pass' ? 'the session passed' : null
  const unnamed = symbols.filter((symbol) => check.symbols.length > 0 && !check.symbols.includes(symbol))
  if (unnamed.length > 0) return `${corruption.expected} did not name ${unnamed.join(', ')}`
  const passed =
    verdict.verdict === 'pass' ? symbols.filter((symbol) => verdict.symbols.includes(symbol)) : []
  return passed.length > 0 ? `${passed.join(', ')} passed` : null
}

function foundBy(verdict: IngestVerdict): string {
  const others = verdict.checks.filter(({ outcome }) => outcome !== 'pass').map(({ check }) => check)
  return others.length === 0 ? 'nobody did' : `only ${others.join(', ')} did`
}

// ---- where it falls ----------------------------------------------------------------------------------

function below(random: Prng, count: number): number {
  return Math.floor(random.next() * count)
}

type Spot = { readonly at: number; readonly symbol: string; readonly from: number; readonly to: number }

/** A run of rows of one instrument. `isIndex` chooses among those with or without volume. */
function spotOf(table: CandleTable, random: Prng, isIndex = false): Spot {
  const { columns, instruments } = table
  const start = below(random, instruments.length)
  for (let turn = 0; turn < instruments.length; turn++) {
    const at = (start + turn) % instruments.length
    const from = columns.instrument.indexOf(at)
    const to = columns.instrument.lastIndexOf(at) + 1
    const { symbol } = instruments[at]!
    const hasNone = columns.volume.subarray(from, to).every(Number.isNaN)
    if (from >= 0 && hasNone === isIndex && !symbol.includes('VIX')) return { at, symbol, from, to }
  }
  throw new Error('the session has no such instrument')
}

/**
 * A row of the spot, away from its edges, that moved and was traded no more than usual, where it has volume.
 */
function rowIn({ columns }: CandleTable, { from, to }: Spot, random: Prng): number {
  const margin = 20
  const volumes = columns.volume.slice(from, to).filter((volume) => volume > 0)
  const usual = 3 * (volumes.sort()[volumes.length >> 1] ?? 0)
  const start = below(random, to - from - 2 * margin)
  for (let turn = 0; turn < to - from - 2 * margin; turn++) {
    const row = from + margin + ((start + turn) % (to - from - 2 * margin))
    const volume = columns.volume[row]!
    const isTraded = Number.isNaN(volume) || (volume > 0 && volume <= usual)
    if (isTraded && columns.high[row]! > columns.low[row]!) return row
  }
  throw new Error('the instrument has no such minute')
}

// ---- what changes ------------------------------------------------------------------------------------

type RowChange = (columns: CandleColumns, row: number, random: Prng) => void

/** One row of one symbol changes; the report still speaks of the row as it was. */
function rowWrong(kind: string, expected: string, change: RowChange, isIndex = false): Corruption {
  return onSpot(kind, expected, isIndex, (columns, spot, random, table) =>
    change(columns, rowIn(table, spot, random), random),
  )
}

type SpotChange = (columns: CandleColumns, spot: Spot, random: Prng, table: CandleTable) => void

function onSpot(kind: string, expected: string, isIndex: boolean, change: SpotChange): Corruption {
  return {
    kind,
    expected,
    apply(evidence, random) {
      const table = evidence.table!
      const spot = spotOf(table, random, isIndex)
      const columns = copyOf(table.columns)
      change(columns, spot, random, table)
      return { evidence: { ...evidence, table: { ...table, columns } }, symbols: [spot.symbol] }
    },
  }
}

/** The same on a session whose candles were made of ticks. */
function tickWrong(kind: string, expected: string, change: RowChange): Corruption {
  const { apply } = rowWrong(kind, expected, change)
  return { kind, expected, apply: (evidence, random) => apply(ofTicks(evidence), random) }
}

function ofTicks(evidence: SessionEvidence): SessionEvidence {
  return reported(evidence, asTicks(evidence.table!))
}

/** The evidence with other rows, and a report that was made of these: nothing but the rows can tell. */
function reported(evidence: SessionEvidence, table: CandleTable): SessionEvidence {
  const file = { ...evidence.file!, rowCount: table.columns.rowCount }
  const listed = { ...evidence.listed!, rowCount: table.columns.rowCount }
  const fresh = reportOf(table, evidence.session, file)
  const known = new Map(fresh.conservation.map((account) => [account.symbol, account]))
  const conservation = evidence.report!.conservation.map(
    (account) =>
      known.get(account.symbol) ?? { ...account, candleVolume: 0, lastDayVolume: account.lastDayVolume && 0 },
  )
  const report = { ...fresh, conservation, instrumentCount: conservation.length }
  return { ...evidence, table, file, listed, report }
}

/** Rows vanish, consistently: file, manifest and report all agree that there are fewer. */
function rowsLost(
  kind: string,
  expected: string,
  isIndex: boolean,
  isLost: (row: number, spot: Spot, at: number) => boolean,
): Corruption {
  return {
    kind,
    expected,
    apply(evidence, random) {
      const table = evidence.table!
      const spot = spotOf(table, random, isIndex)
      const row = rowIn(table, spot, random)
      const kept = [...table.columns.instrument.keys()].filter((one) => !isLost(one, spot, row))
      const shorter = { ...table, columns: pickOf(table.columns, kept) }
      return { evidence: reported(evidence, shorter), symbols: [spot.symbol] }
    },
  }
}

/** The session as a whole is wrong. */
function sessionWrong(
  kind: string,
  expected: string,
  change: (evidence: SessionEvidence, random: Prng) => SessionEvidence,
): Corruption {
  return {
    kind,
    expected,
    apply: (evidence, random) => ({ evidence: change(evidence, random), symbols: null }),
  }
}

function fileWrong(
  kind: string,
  expected: string,
  change: (file: FileFacts) => Partial<FileFacts>,
): Corruption {
  return sessionWrong(kind, expected, (evidence) => ({
    ...evidence,
    file: { ...evidence.file!, ...change(evidence.file!) },
  }))
}

function fieldWrong(kind: string, expected: string, name: string, change: Partial<FieldFacts>): Corruption {
  return fileWrong(kind, expected, ({ fields }) => ({
    fields: fields.map((field) => (field.name === name ? { ...field, ...change } : field)),
  }))
}

function reportWrong(
  kind: string,
  expected: string,
  change: (report: SettleReport) => Partial<SettleReport>,
): Corruption {
  return sessionWrong(kind, expected, (evidence) => ({
    ...evidence,
    report: { ...evidence.report!, ...change(evidence.report!) },
  }))
}

type Account = SettleReport['conservation'][number]

/** One account of the report changes. */
function accountWrong(
  kind: string,
  expected: string,
  change: (account: Account) => Partial<Account>,
): Corruption {
  return {
    kind,
    expected,
    apply(evidence, random) {
      const { symbol } = spotOf(evidence.table!, random)
      const conservation = evidence.report!.conservation.map((account) =>
        account.symbol === symbol ? { ...account, ...change(account) } : account,
      )
      return { evidence: { ...evidence, report: { ...evidence.report!, conservation } }, symbols: [symbol] }
    },
  }
}

function scale(columns: CandleColumns, from: number, to: number, factorAt: (row: number) => number): void {
  for (let row = from; row < to; row++) {
    for (const name of ['open', 'high', 'low', 'close', 'dayHigh', 'dayLow'] as const) {
      columns[name][row]! *= factorAt(row)
    }
  }
  // The day's range is that of the rows, as whoever made such a file would have made it.
  for (let row = from; row < to; row++) {
    const isFirst = row === 0 || columns.instrument[row] !== columns.instrument[row - 1]
    columns.dayHigh[row] = Math.max(columns.high[row]!, isFirst ? 0 : columns.dayHigh[row - 1]!)
    columns.dayLow[row] = Math.min(
      columns.low[row]!,
      isFirst ? Number.POSITIVE_INFINITY : columns.dayLow[row - 1]!,
    )
  }
}

function shiftTimes(columns: CandleColumns, from: number, to: number, byMs: number): void {
  for (let row = from; row < to; row++) columns.timestampMs[row]! += byMs
}

/** A copy of the table in which two rows have changed places. */
function swapped(table: CandleTable, a: number, b: number): CandleTable {
  const rows = [...table.columns.instrument.keys()]
  const kept = rows[a]!
  rows[a] = rows[b]!
  rows[b] = kept
  return { ...table, columns: pickOf(table.columns, rows) }
}

const SCHEMA: readonly Corruption[] = [
  fileWrong('a column is missing', 'schema.columns', ({ fields }) => ({
    fields: fields.filter(({ name }) => name !== 'vwap'),
  })),
  fileWrong('two columns have changed places', 'schema.columns', ({ fields }) => ({
    fields: fields.with(5, fields[6]!).with(6, fields[5]!),
  })),
  fileWrong('a column has another name', 'schema.columns', ({ fields }) => ({
    fields: fields.with(8, { ...fields[8]!, name: 'qty' }),
  })),
  fileWrong('the schema has another name', 'schema.columns', () => ({ schemaName: 'chandler.momentum.v1' })),
  fileWrong('the file cannot be decoded', 'schema.columns', () => ({
    fields: [],
    unreadable: 'corrupt footer',
  })),
  fieldWrong('volume is a double', 'schema.types', 'volume', { kind: 'double' }),
  fieldWrong('prices are texts', 'schema.types', 'close', { kind: 'utf8' }),
  fieldWrong('times are in microseconds', 'schema.types', 'timestamp', { kind: 'timestamp[us, UTC]' }),
  fieldWrong('times have no zone', 'schema.types', 'timestamp', { kind: 'timestamp[ms, no zone]' }),
  fieldWrong('a price is null', 'schema.types', 'high', { nullable: true, nullCount: 3 }),
  fileWrong('a source that nobody knows', 'schema.words', () => ({ strangeWords: ['source: guess'] })),
  fileWrong('an exchange that nobody knows', 'schema.words', () => ({ strangeWords: ['exchange: XXXX'] })),
  sessionWrong('a symbol is padded with a blank', 'schema.words', (evidence, random) => {
    const table = evidence.table!
    const at = below(random, table.instruments.length)
    const padded = { ...table.instruments[at]!, symbol: `${table.instruments[at]!.symbol} ` }
    return { ...evidence, table: { ...table, instruments: table.instruments.with(at, padded) } }
  }),
  sessionWrong('two minutes have changed places', 'schema.order', (evidence, random) => {
    const row = rowIn(evidence.table!, spotOf(evidence.table!, random), random)
    return { ...evidence, table: swapped(evidence.table!, row, row + 1) }
  }),
  sessionWrong('symbols are out of order', 'schema.order', (evidence) => {
    const table = evidence.table!
    const { instrument } = table.columns
    const rows = [...instrument.keys()].sort((a, b) => instrument[b]! - instrument[a]! || a - b)
    return { ...evidence, table: { ...table, columns: pickOf(table.columns, rows) } }
  }),
]

const FILE: readonly Corruption[] = [
  fileWrong('one byte of the file has changed', 'integrity.file', () => ({ sha256: 'a'.repeat(64) })),
  fileWrong('the file is cut', 'integrity.file', ({ sizeBytes }) => ({ sizeBytes: sizeBytes - 1 })),
  sessionWrong('the manifest does not list the file', 'integrity.file', (evidence) => ({
    ...evidence,
    listed: null,
  })),
  sessionWrong('the manifest counts other rows', 'integrity.file', (evidence) => ({
    ...evidence,
    listed: { ...evidence.listed!, rowCount: evidence.listed!.rowCount + 1 },
  })),
  sessionWrong('the report was changed after it was published', 'integrity.file', (evidence) => ({
    ...evidence,
    reportSha256: 'b'.repeat(64),
  })),
  reportWrong('the report is of another file', 'integrity.file', ({ file }) => ({
    file: { ...file!, sha256: 'c'.repeat(64) },
  })),
  reportWrong('the report names no file', 'integrity.file', () => ({ file: null })),
  reportWrong('the report counts other candles', 'integrity.report', ({ candles }) => ({
    candles: { ...candles, total: candles.total - 1 },
  })),
  reportWrong("the report counts the vendor's candles as ticks", 'integrity.report', ({ candles }) => ({
    candles: { ...candles, vendor: 0, ticksComplete: candles.vendor },
  })),
  reportWrong('the report is of another date', 'integrity.report', () => ({
    date: '2016-08-15' as MarketDate,
  })),
  reportWrong('the report is of a shorter session', 'integrity.report', () => ({ minuteCount: 60 })),
  {
    kind: 'an instrument that nobody listened to',
    expected: 'integrity.accounted',
    apply(evidence, random) {
      const { symbol } = spotOf(evidence.table!, random)
      const conservation = evidence.report!.conservation.filter((account) => account.symbol !== symbol)
      return { evidence: { ...evidence, report: { ...evidence.report!, conservation } }, symbols: [symbol] }
    },
  },
]

const ROWS: readonly Corruption[] = [
  rowWrong('a price is NaN', 'integrity.finite', (columns, row) => {
    columns.close[row] = Number.NaN
  }),
  rowWrong('a price is infinite', 'integrity.finite', (columns, row) => {
    columns.high[row] = Number.POSITIVE_INFINITY
  }),
  fieldWrong('a vwap is NaN, not null', 'integrity.finite', 'vwap', { nanCount: 1 }),
  rowWrong('a volume is negative', 'integrity.signs', (columns, row) => {
    columns.volume[row]! *= -1
  }),
  rowWrong('a price is zero', 'integrity.signs', (columns, row) => {
    columns.low[row] = 0
  }),
  rowWrong('prices are negative', 'integrity.signs', (columns, row) => {
    for (const name of ['open', 'high', 'low', 'close'] as const) columns[name][row]! *= -1
  }),
  rowWrong('the high is below the close', 'integrity.ohlc', (columns, row) => {
    columns.high[row] = columns.close[row]! * 0.999
  }),
  rowWrong('the low is above the open', 'integrity.ohlc', (columns, row) => {
    columns.low[row] = columns.open[row]! * 1.001
  }),
  rowWrong('high and low have changed places', 'integrity.ohlc', (columns, row) => {
    ;[columns.high[row], columns.low[row]] = [columns.low[row]!, columns.high[row]!]
  }),
  tickWrong('a vwap outside the range', 'integrity.vwap', (columns, row) => {
    columns.vwap[row] = columns.high[row]! * 1.002
  }),
  tickWrong('a vwap without volume', 'integrity.vwap', (columns, row) => {
    columns.volume[row] = 0
  }),
  rowWrong("the day's high is below the minute's", 'integrity.day_range', (columns, row) => {
    columns.dayHigh[row] = columns.high[row]! * 0.99
  }),
  tickWrong("the day's range narrows", 'integrity.day_range', (columns, row) => {
    columns.dayHigh[row]! *= 1.01
  }),
  onSpot('minutes before the open', 'integrity.session', false, (columns, { from }) =>
    shiftTimes(columns, from, from + 1, -5 * 60_000),
  ),
  onSpot('minutes of the closing auction', 'integrity.session', false, (columns, { to }) =>
    shiftTimes(columns, to - 1, to, 10 * 60_000),
  ),
  rowWrong('a minute that begins at second 7', 'integrity.session', (columns, row) =>
    shiftTimes(columns, row, row + 1, 7_000),
  ),
  sessionWrong('market time taken for UTC', 'integrity.session', (evidence) => {
    const columns = copyOf(evidence.table!.columns)
    shiftTimes(columns, 0, columns.rowCount, 19_800_000)
    return { ...evidence, table: { ...evidence.table!, columns } }
  }),
  sessionWrong('bars stamped with their end', 'integrity.session', (evidence) => {
    const columns = copyOf(evidence.table!.columns)
    shiftTimes(columns, 0, columns.rowCount, 60_000)
    return { ...evidence, table: { ...evidence.table!, columns } }
  }),
  sessionWrong('the rows of another date', 'integrity.session', (evidence) => {
    const columns = copyOf(evidence.table!.columns)
    shiftTimes(columns, 0, columns.rowCount, -86_400_000)
    return { ...evidence, table: { ...evidence.table!, columns } }
  }),
  {
    kind: 'a minute stands twice',
    expected: 'integrity.unique',
    apply(evidence, random) {
      const table = evidence.table!
      const spot = spotOf(table, random)
      const row = rowIn(table, spot, random)
      const rows = [...table.columns.instrument.keys()].toSpliced(row, 0, row)
      const longer = { ...table, columns: pickOf(table.columns, rows) }
      return { evidence: reported(evidence, longer), symbols: [spot.symbol] }
    },
  },
  tickWrong('a tick of the next minute', 'integrity.ticks', (columns, row) => {
    columns.lastTickMs[row] = columns.timestampMs[row]! + 60_000
  }),
  tickWrong('the last tick is before the first', 'integrity.ticks', (columns, row) => {
    columns.lastTickMs[row] = columns.firstTickMs[row]! - 1
  }),
  tickWrong('a candle of ticks that counts none', 'integrity.ticks', (columns, row) => {
    columns.tickCount[row] = 0
  }),
  rowWrong("the vendor's candle is incomplete", 'integrity.ticks', (columns, row) => {
    columns.complete[row] = 0
  }),
]

const VOLUMES: readonly Corruption[] = [
  rowWrong('a volume has a digit more', 'integrity.conservation', (columns, row) => {
    columns.volume[row]! *= 10
  }),
  rowWrong('a volume is lost', 'integrity.conservation', (columns, row) => {
    columns.volume[row] = Number.NaN
  }),
  onSpot(
    'volume moves from one symbol to its neighbour',
    'integrity.conservation',
    false,
    (columns, { from }) => {
      const other = from === 0 ? columns.instrument.lastIndexOf(0) + 1 : from - 1
      columns.volume[from]! += 100
      columns.volume[other]! -= 100
    },
  ),
  accountWrong('an account that does not add up', 'integrity.conservation', ({ lastDayVolume }) => ({
    lastDayVolume: lastDayVolume! + 1,
  })),
  accountWrong('an account that says so itself', 'integrity.conservation', () => ({ balanced: false })),
  accountWrong('2 % of the volume in no candle', 'completeness.unattributed_some', ({ candleVolume }) => {
    const unattributedVolume = Math.ceil(candleVolume * 0.02)
    return { unattributedVolume, lastDayVolume: candleVolume + unattributedVolume }
  }),
  accountWrong('a third of the volume in no candle', 'completeness.unattributed_many', ({ candleVolume }) => {
    const unattributedVolume = Math.ceil(candleVolume / 2)
    return { unattributedVolume, lastDayVolume: candleVolume + unattributedVolume }
  }),
]

/** Every so many-th candle of a symbol says that it is not whole. */
function incomplete(kind: string, expected: string, everyRows: number): Corruption {
  return {
    kind,
    expected,
    apply(evidence, random) {
      const table = asTicks(evidence.table!)
      const spot = spotOf(table, random)
      for (let row = spot.from; row < spot.to; row += everyRows) table.columns.complete[row] = 0
      return { evidence: reported(evidence, table), symbols: [spot.symbol] }
    },
  }
}

/** The feed was away from 10:45 on, and nobody filled the minutes. */
function gapUnfilled(minutes: number): (evidence: SessionEvidence) => SessionEvidence {
  return (evidence) => {
    const table = evidence.table!
    const { timestampMs } = table.columns
    const fromMs = (Math.min(...timestampMs.subarray(0, 375)) + 90 * 60_000) as UnixMs
    const toMs = (fromMs + minutes * 60_000) as UnixMs
    const kept = [...timestampMs.keys()].filter(
      (row) => timestampMs[row]! < fromMs || timestampMs[row]! >= toMs,
    )
    const fresh = reported(evidence, { ...table, columns: pickOf(table.columns, kept) })
    const gap = { shard: 0, fromMs, toMs, reason: 'disconnected' as const, detail: '' }
    return { ...fresh, report: { ...fresh.report!, gaps: [gap] } }
  }
}

const COMPLETENESS: readonly Corruption[] = [
  incomplete('one candle in thirty is incomplete', 'completeness.some', 30),
  incomplete('one candle in four is incomplete', 'completeness.many', 4),
  sessionWrong('an hour of a recorded gap stayed empty', 'completeness.many', gapUnfilled(60)),
  {
    kind: 'the history of one symbol is missing',
    expected: 'completeness.history',
    apply(evidence, random) {
      const { symbol } = spotOf(evidence.table!, random)
      const history = {
        ...evidence.report!.history,
        failedCount: 1,
        failures: [`${symbol}: AB1004 try later`],
      }
      return { evidence: { ...evidence, report: { ...evidence.report!, history } }, symbols: [symbol] }
    },
  },
  reportWrong('the vendor did not answer at all', 'completeness.history', ({ history }) => ({
    history: {
      ...history,
      failedCount: history.askedCount,
      failures: ['logging in: no answer; try again later'],
    },
  })),
  sessionWrong('the file is not there yet', 'completeness.settled', (evidence) => ({
    ...evidence,
    file: null,
    table: null,
  })),
  sessionWrong('the report is not there yet', 'completeness.settled', (evidence) => ({
    ...evidence,
    report: null,
  })),
  sessionWrong('a required symbol was not listened to', 'completeness.required', (evidence) => ({
    ...evidence,
    required: ['NOT THERE'],
  })),
  rowsLost(
    'an index without a single candle',
    'completeness.silent',
    true,
    (row, { from, to }) => row >= from && row < to,
  ),
  sessionWrong('a tenth of the symbols is gone', 'completeness.vanished', (evidence) => {
    const symbols = evidence.report!.conservation.map(({ symbol }) => symbol)
    const gone = symbols.map((_, at) => `GONE${at}`).slice(0, Math.ceil(symbols.length / 9))
    return {
      ...evidence,
      before: { ...evidence.before, market: 'follows', symbols: [...symbols, ...gone].sort() },
    }
  }),
]

const CONTINUITY: readonly Corruption[] = [
  sessionWrong('a date without a session', 'continuity.session', (evidence) => ({
    ...evidence,
    calendar: null,
  })),
  sessionWrong('the session before is not canonical', 'continuity.previous', (evidence) => ({
    ...evidence,
    before: { ...evidence.before, market: 'hole' },
  })),
  sessionWrong('the session before was changed after its verdict', 'continuity.previous', (evidence) => ({
    ...evidence,
    before: { ...evidence.before, market: 'follows', fileIsAsJudged: false },
  })),
  sessionWrong('three minutes of all symbols are gone', 'continuity.market', (evidence, random) => {
    const table = evidence.table!
    const { timestampMs } = table.columns
    const fromMs = timestampMs[20 + below(random, 300)]!
    const kept = [...timestampMs.keys()].filter(
      (row) => timestampMs[row]! < fromMs || timestampMs[row]! >= fromMs + 180_000,
    )
    return reported(evidence, { ...table, columns: pickOf(table.columns, kept) })
  }),
  sessionWrong('the last quarter of an hour of all symbols is gone', 'continuity.market', (evidence) => {
    const table = evidence.table!
    const { timestampMs } = table.columns
    const lastMs = timestampMs.reduce((last, timeMs) => Math.max(last, timeMs), 0)
    const kept = [...timestampMs.keys()].filter((row) => timestampMs[row]! <= lastMs - 900_000)
    return reported(evidence, { ...table, columns: pickOf(table.columns, kept) })
  }),
  rowsLost('one minute of an index is gone', 'continuity.minutes', true, (row, _, at) => row === at),
  rowsLost(
    'ten minutes of a stock are gone',
    'continuity.minutes',
    false,
    (row, _, at) => row >= at - 5 && row < at + 5,
  ),
  rowsLost(
    'the first quarter of an hour of a stock is gone',
    'continuity.minutes',
    false,
    (row, { from }) => row >= from && row < from + 15,
  ),
]

/**
 * The feed of one stock stood for ten minutes, unnoticed; its counter brings their shares with the next
 * tick.
 */
const TEN_MINUTES_AS_ONE: Corruption = {
  kind: "ten minutes of a stock's ticks came as one",
  expected: 'continuity.minutes',
  apply(evidence, random) {
    const table = asTicks(evidence.table!)
    const { columns } = table
    const spot = spotOf(table, random)
    const row = rowIn(table, spot, random)
    for (let lost = row - 10; lost < row; lost++) columns.volume[row]! += columns.volume[lost]!
    const kept = [...columns.instrument.keys()].filter((one) => one < row - 10 || one >= row)
    const shorter = { ...table, columns: pickOf(columns, kept) }
    return { evidence: reported(evidence, shorter), symbols: [spot.symbol] }
  },
}

/** A minute whose prices are `factor` times what they were, from `row` on or only there. */
function moved(kind: string, expected: string, factor: number, stays: boolean, isIndex = false): Corruption {
  return onSpot(kind, expected, isIndex, (columns, spot, random, table) => {
    const row = rowIn(table, spot, random)
    scale(columns, row, spot.to, (one) => (one === row || stays ? factor : 1))
  })
}

const DRIFT: readonly Corruption[] = [
  onSpot('a wick of 8 % that nobody paid for', 'drift.spike', false, (columns, spot, random, table) => {
    const row = rowIn(table, spot, random)
    columns.volume[row] = 1
    columns.high[row] = columns.close[row - 1]! * 1.08
    scale(columns, spot.from, spot.to, () => 1)
  }),
  moved('a price with a digit too many', 'drift.spike', 10, false),
  moved('a price with a digit too few', 'drift.spike', 0.1, false),
  moved('a minute at 93 %, back at once', 'drift.spike', 0.93, false),
  moved('an index at 103 % for a minute', 'drift.spike', 1.03, false, true),
  moved('a level that rises by 15 % unpaid', 'drift.jump', 1.15, true),
  moved('rupees become paise in the middle', 'drift.jump', 100, true),
  onSpot(
    'a stock leaps 12 %, paid for and staying',
    'drift.minute',
    false,
    (columns, spot, random, table) => {
      const row = rowIn(table, spot, random)
      columns.volume[row] = 1e9
      scale(columns, row, spot.to, () => 1.12)
    },
  ),
  moved('an index leaps 8 % and stays', 'drift.minute', 1.08, true, true),
  onSpot('a split that nobody announced', 'drift.night', false, (columns, { from, to }) =>
    scale(columns, from, to, () => 0.5),
  ),
  onSpot('a whole session in paise', 'drift.unit', false, (columns, { from, to }) =>
    scale(columns, from, to, () => 100),
  ),
  onSpot('a session that ends 30 % away', 'drift.day', false, (columns, { from, to }) =>
    scale(columns, from, to, (row) => 1 + (0.3 * (row - from)) / (to - from)),
  ),
  {
    kind: 'yesterday once more',
    expected: 'drift.repeated',
    apply: (evidence) => ({
      evidence: { ...evidence, previousCloses: closesOf(evidence.table!) },
      symbols: null,
    }),
  },
  onSpot('an index that stands still', 'drift.frozen', true, (columns, spot, random, table) => {
    const row = rowIn(table, spot, random)
    for (let one = row; one < row + 15; one++) {
      for (const name of ['open', 'high', 'low', 'close'] as const)
        columns[name][one] = columns.close[row - 1]!
    }
  }),
  sessionWrong('one symbol in three is damaged', 'session.held', (evidence) => {
    const columns = copyOf(evidence.table!.columns)
    for (let row = 0; row < columns.rowCount; row++) {
      if (columns.instrument[row]! % 3 === 0) columns.high[row] = columns.low[row]! / 2
    }
    return { ...evidence, table: { ...evidence.table!, columns } }
  }),
]

const COMPARING: ReadonlySet<string> = new Set([
  'drift.night',
  'drift.unit',
  'drift.day',
  'completeness.silent',
])

/** What can only be seen beside the session before; the first of all has none. */
export function comparesDays({ expected }: Corruption): boolean {
  return COMPARING.has(expected)
}

export const CORRUPTIONS: readonly Corruption[] = [
  ...SCHEMA,
  ...FILE,
  ...ROWS,
  ...VOLUMES,
  ...COMPLETENESS,
  ...CONTINUITY,
  TEN_MINUTES_AS_ONE,
  ...DRIFT,
]
