/**
 * Can each row be true by itself? Prices are real and positive, the range holds open and close, the mean lies
 * within the range, the day's range holds the minute's, times lie where they belong, and no minute stands
 * twice.
 */
import { CANDLE_SOURCES, type CandleTable } from '../../domain/candle.ts'
import { MINUTE_MS } from '../../domain/time.ts'
import type { CheckOutcome } from '../../domain/verdict.ts'
import type { FileFacts, SessionEvidence } from '../ingest-evidence.ts'
import type { IngestLimits } from '../ingest-limits.ts'
import { Findings, PRICES } from './outcome.ts'
import type { InstrumentRows } from './spans.ts'

const VENDOR = CANDLE_SOURCES.indexOf('vendor')

/** No NaN and no infinity in what must be a number. In `vwap` a NaN of the file is told apart from null. */
export function checkFinite(table: CandleTable, file: FileFacts): CheckOutcome {
  const { columns } = table
  const { open, high, low, close, dayHigh, dayLow, volume, vwap } = columns
  const findings = new Findings()
  for (let row = 0; row < columns.rowCount; row++) {
    // NaN and infinity survive a sum; volume and mean may be null.
    const sum = open[row]! + high[row]! + low[row]! + close[row]! + dayHigh[row]! + dayLow[row]!
    if (Number.isFinite(sum) && !isInfinite(vwap[row]!) && !isInfinite(volume[row]!)) continue
    findings.addRow(table, row, [...PRICES, 'dayHigh', 'dayLow', 'volume', 'vwap'])
  }
  const nanCount = file.fields.find(({ name }) => name === 'vwap')?.nanCount ?? 0
  if (nanCount > 0) findings.add(null, () => ({ column: 'vwap', nanCount }))
  return findings.outcome({
    check: 'integrity.finite',
    word: 'fail',
    countChecked: columns.rowCount,
    what: 'rows hold a NaN or an infinity',
  })
}

function isInfinite(value: number): boolean {
  return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY
}

export function checkSigns(table: CandleTable): CheckOutcome {
  const { columns } = table
  const { open, high, low, close, volume, tickCount, revision } = columns
  const findings = new Findings()
  for (let row = 0; row < columns.rowCount; row++) {
    const isPositive = !(open[row]! <= 0 || high[row]! <= 0 || low[row]! <= 0 || close[row]! <= 0)
    const isCounted = !(volume[row]! < 0) && tickCount[row]! >= 0 && revision[row]! >= 0
    if (!isPositive || !isCounted) findings.addRow(table, row, [...PRICES, 'volume', 'tickCount'])
  }
  return findings.outcome({
    check: 'integrity.signs',
    word: 'fail',
    countChecked: columns.rowCount,
    what: 'rows hold a price that is not positive, or a negative count',
  })
}

/** high >= max(open, close), low <= min(open, close). */
export function checkOhlc(table: CandleTable): CheckOutcome {
  const { columns } = table
  const { open, high, low, close } = columns
  const findings = new Findings()
  for (let row = 0; row < columns.rowCount; row++) {
    const isAbove = high[row]! < open[row]! || high[row]! < close[row]!
    const isBelow = low[row]! > open[row]! || low[row]! > close[row]!
    if (isAbove || isBelow || high[row]! < low[row]!) findings.addRow(table, row, PRICES)
  }
  return findings.outcome({
    check: 'integrity.ohlc',
    word: 'fail',
    countChecked: columns.rowCount,
    what: 'rows have open or close outside [low, high]',
  })
}

/** A mean of prices lies among them, and only what was traded has one. */
export function checkVwap(table: CandleTable, { vwapTolerance }: IngestLimits): CheckOutcome {
  const { columns } = table
  const { high, low, volume, vwap } = columns
  const findings = new Findings()
  for (let row = 0; row < columns.rowCount; row++) {
    const mean = vwap[row]!
    if (Number.isNaN(mean)) continue
    const slack = Math.abs(mean) * vwapTolerance
    const isWithin = mean >= low[row]! - slack && mean <= high[row]! + slack
    if (!isWithin || !(volume[row]! > 0)) findings.addRow(table, row, ['low', 'high', 'vwap', 'volume'])
  }
  return findings.outcome({
    check: 'integrity.vwap',
    word: 'fail',
    countChecked: columns.rowCount,
    limits: { vwapTolerance },
    what: 'rows have a vwap outside [low, high] or without volume',
  })
}

/** The day's range so far holds the minute's, and between two candles of ticks it never narrows. */
export function checkDayRange(table: CandleTable, { rows, starts }: InstrumentRows): CheckOutcome {
  const { columns, instruments } = table
  const { high, low, dayHigh, dayLow, source } = columns
  const findings = new Findings()
  for (let at = 0; at < instruments.length; at++) {
    let before = -1
    for (let place = starts[at]!; place < starts[at + 1]!; place++) {
      const row = rows[place]!
      const isTicks = source[row] !== VENDOR
      const holds = !(dayHigh[row]! < high[row]! || dayLow[row]! > low[row]!)
      const grows =
        before < 0 || !isTicks || !(dayHigh[row]! < dayHigh[before]! || dayLow[row]! > dayLow[before]!)
      if (!holds || !grows) findings.addRow(table, row, ['low', 'high', 'dayLow', 'dayHigh'])
      if (isTicks) before = row
    }
  }
  return findings.outcome({
    check: 'integrity.day_range',
    word: 'fail',
    countChecked: columns.rowCount,
    what: "rows have a day's range that does not hold the minute, or that narrows",
  })
}

/** On the minute, and within the continuous session of its instrument. */
export function checkSession(table: CandleTable, { calendar }: SessionEvidence): CheckOutcome {
  const { columns } = table
  const { timestampMs, instrument } = columns
  const findings = new Findings()
  for (let row = 0; row < columns.rowCount; row++) {
    const timeMs = timestampMs[row]!
    const phases = calendar?.phases[calendar.phaseOf[instrument[row]!]!]
    const continuous = phases?.continuous ?? []
    let isWithin = false
    for (const span of continuous) isWithin ||= timeMs >= span.fromMs && timeMs < span.toMs
    if (timeMs % MINUTE_MS === 0 && isWithin) continue
    findings.addRow(table, row, [], isWithin ? 'not on the minute' : 'outside the continuous session')
  }
  return findings.outcome({
    check: 'integrity.session',
    word: 'fail',
    countChecked: columns.rowCount,
    what: 'rows begin off the minute or outside the continuous session',
  })
}

/** (exchange, token, timestamp) stands once. In order, equal keys of an instrument follow each other. */
export function checkUnique(table: CandleTable): CheckOutcome {
  const { columns, instruments } = table
  const { timestampMs, instrument } = columns
  const findings = new Findings()
  const before = new Float64Array(instruments.length).fill(Number.NaN)
  for (let row = 0; row < columns.rowCount; row++) {
    const at = instrument[row]!
    if (timestampMs[row] === before[at]) findings.addRow(table, row, [...PRICES, 'volume'])
    before[at] = timestampMs[row]!
  }
  return findings.outcome({
    check: 'integrity.unique',
    word: 'fail',
    countChecked: columns.rowCount,
    what: 'rows repeat the minute of the row before',
  })
}

/** First and last tick within their minute, in order, and there exactly when ticks were counted. */
export function checkTicks(table: CandleTable): CheckOutcome {
  const { columns } = table
  const { timestampMs, firstTickMs, lastTickMs, tickCount, source, complete } = columns
  const findings = new Findings()
  for (let row = 0; row < columns.rowCount; row++) {
    const first = firstTickMs[row]!
    const last = lastTickMs[row]!
    const startMs = timestampMs[row]!
    const isTimed = first >= startMs && first <= last && last < startMs + MINUTE_MS
    const isUntimed = Number.isNaN(first) && Number.isNaN(last)
    const isSound = tickCount[row]! > 0 ? isTimed : isUntimed && source[row] === VENDOR
    if (isSound && (source[row] !== VENDOR || complete[row] === 1)) continue
    findings.addRow(table, row, ['tickCount', 'firstTickMs', 'lastTickMs', 'complete'])
  }
  return findings.outcome({
    check: 'integrity.ticks',
    word: 'fail',
    countChecked: columns.rowCount,
    what: 'rows have ticks outside their minute, out of order, or counted and not timed',
  })
}
