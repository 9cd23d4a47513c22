/**
 * What are the day's final candles? Settle looks at the same journal with hindsight: a tick that came
 * after its minute was finalised falls into that minute now, and a stall that was noticed late spoils
 * the minutes it really touched. Then the vendor's candle takes the place of what we could not see
 * whole: minutes that are incomplete, or missing inside a gap.
 *
 * Pure: the live fold's candles, the settle fold and the vendor's candles in, one table out. A row that
 * is not exactly what was finalised live carries revision 1; every other row carries 0.
 */
import { allocateCandles, type CandleColumns, type VendorCandle } from '../domain/candle.ts'
import { type Minute, minuteOf, minuteStart } from '../domain/time.ts'
import type { CandleFold } from './fold.ts'

const SOURCE_VENDOR = 1

export type SettleInput = {
  /** A fold of lateness 'settle' over the whole journal, ended. */
  readonly fold: CandleFold
  /** What the live fold finalised, by minute. */
  readonly live: ReadonlyMap<Minute, CandleColumns>
  /** Vendor candles by instrument index, then minute. */
  readonly vendor: ReadonlyMap<number, ReadonlyMap<Minute, VendorCandle>>
}

export type Settled = {
  readonly columns: CandleColumns
  readonly revisedCount: number
  readonly vendorCount: number
  /** Minutes of the continuous session that a gap touches and for which nobody had a candle. */
  readonly missingCount: number
  /** Shares in tick candles that the vendor's candle replaced, and in the vendor's, by instrument. */
  readonly replacedVolume: Float64Array
  readonly vendorVolume: Float64Array
}

type ByMinute = { readonly columns: CandleColumns; readonly rowOf: Int32Array }

export function settle(input: SettleInput): Settled {
  const { fold } = input
  const range = fold.minuteRange()
  const instrumentCount = fold.instruments().length
  const settled = new Map<Minute, ByMinute>()
  const live = new Map<Minute, ByMinute>()
  let rowsMax = 0
  for (let minute = range.from; minute < range.to; minute = (minute + 1) as Minute) {
    const columns = fold.columnsOf(minute)
    rowsMax += columns.rowCount
    settled.set(minute, indexed(columns, instrumentCount))
    const finalised = input.live.get(minute)
    if (finalised !== undefined) live.set(minute, indexed(finalised, instrumentCount))
  }
  for (const bars of input.vendor.values()) rowsMax += bars.size
  const day = new DayBuilder(input, rowsMax, instrumentCount)
  for (const named of bySymbol(fold)) {
    for (let minute = range.from; minute < range.to; minute = (minute + 1) as Minute) {
      for (const index of named) day.add(index, minute, settled.get(minute)!, live.get(minute))
    }
  }
  return day.result()
}

/**
 * Indices in the order of the symbols. A token that was corrected during the day leaves two of one symbol.
 */
function bySymbol(fold: CandleFold): readonly (readonly number[])[] {
  const groups = new Map<string, number[]>()
  for (const index of fold.order()) {
    const { symbol } = fold.instruments()[index]!
    const group = groups.get(symbol)
    if (group === undefined) groups.set(symbol, [index])
    else group.push(index)
  }
  return [...groups.values()]
}

/** Which instruments need the vendor's history, and for which minutes. */
export function historyNeeds(fold: CandleFold): ReadonlyMap<number, readonly Minute[]> {
  const needs = new Map<number, Minute[]>()
  const range = fold.minuteRange()
  for (let minute = range.from; minute < range.to; minute = (minute + 1) as Minute) {
    const { columns, rowOf } = indexed(fold.columnsOf(minute), fold.instruments().length)
    for (const index of fold.order()) {
      if (!isWanted(fold, index, minute, columns, rowOf[index]!)) continue
      const minutes = needs.get(index)
      if (minutes === undefined) needs.set(index, [minute])
      else minutes.push(minute)
    }
  }
  return needs
}

/** An incomplete candle, or none where the feed cannot say that there was nothing to see. */
function isWanted(
  fold: CandleFold,
  index: number,
  minute: Minute,
  columns: CandleColumns,
  row: number,
): boolean {
  if (row >= 0) return columns.complete[row] === 0
  return fold.isContinuous(index, minuteStart(minute)) && !fold.isVouched(index, minute)
}

function indexed(columns: CandleColumns, instrumentCount: number): ByMinute {
  const rowOf = new Int32Array(instrumentCount).fill(-1)
  for (let row = 0; row < columns.rowCount; row++) rowOf[columns.instrument[row]!] = row
  return { columns, rowOf }
}

class DayBuilder {
  readonly #input: SettleInput
  readonly #columns: CandleColumns
  readonly #replacedVolume: Float64Array
  readonly #vendorVolume: Float64Array
  #rowCount = 0
  #revisedCount = 0
  #vendorCount = 0
  #missingCount = 0
  /** By instrument: the day's range so far, for rows that come from the vendor. */
  readonly #runningHigh: Float64Array
  readonly #runningLow: Float64Array

  constructor(input: SettleInput, rowsMax: number, instrumentCount: number) {
    this.#input = input
    this.#columns = allocateCandles(rowsMax)
    this.#replacedVolume = new Float64Array(instrumentCount)
    this.#vendorVolume = new Float64Array(instrumentCount)
    this.#runningHigh = new Float64Array(instrumentCount).fill(Number.NEGATIVE_INFINITY)
    this.#runningLow = new Float64Array(instrumentCount).fill(Number.POSITIVE_INFINITY)
  }

  add(index: number, minute: Minute, settled: ByMinute, live: ByMinute | undefined): void {
    const row = settled.rowOf[index]!
    const wanted = isWanted(this.#input.fold, index, minute, settled.columns, row)
    const bar = wanted ? this.#input.vendor.get(index)?.get(minute) : undefined
    if (bar !== undefined) this.#addVendor(index, minute, bar, settled.columns, row)
    else if (row >= 0) this.#addTicks(index, settled.columns, row, live)
    else if (wanted) this.#missingCount++
  }

  #addTicks(index: number, from: CandleColumns, row: number, live: ByMinute | undefined): void {
    const to = this.#rowCount++
    copyRow(from, row, this.#columns, to)
    const liveRow = live?.rowOf[index] ?? -1
    const isAsLive = liveRow >= 0 && live !== undefined && equalRows(from, row, live.columns, liveRow)
    this.#columns.revision[to] = isAsLive ? 0 : 1
    if (!isAsLive) this.#revisedCount++
    this.#widenRunning(index, from.dayHigh[row]!, from.dayLow[row]!)
  }

  #addVendor(index: number, minute: Minute, bar: VendorCandle, ticks: CandleColumns, row: number): void {
    const columns = this.#columns
    const to = this.#rowCount++
    this.#widenRunning(index, bar.high, bar.low)
    columns.instrument[to] = index
    columns.timestampMs[to] = minuteStart(minute)
    columns.open[to] = bar.open
    columns.high[to] = bar.high
    columns.low[to] = bar.low
    columns.close[to] = bar.close
    columns.volume[to] = this.#input.fold.hasVolume(index) ? bar.volume : Number.NaN
    columns.vwap[to] = Number.NaN
    columns.dayHigh[to] = this.#runningHigh[index]!
    columns.dayLow[to] = this.#runningLow[index]!
    columns.tickCount[to] = row >= 0 ? ticks.tickCount[row]! : 0
    columns.firstTickMs[to] = row >= 0 ? ticks.firstTickMs[row]! : Number.NaN
    columns.lastTickMs[to] = row >= 0 ? ticks.lastTickMs[row]! : Number.NaN
    columns.complete[to] = 1
    columns.source[to] = SOURCE_VENDOR
    columns.revision[to] = 1
    this.#vendorCount++
    this.#vendorVolume[index]! += bar.volume
    if (row >= 0) this.#replacedVolume[index]! += ticks.volume[row]! || 0
  }

  #widenRunning(index: number, high: number, low: number): void {
    this.#runningHigh[index] = Math.max(this.#runningHigh[index]!, high)
    this.#runningLow[index] = Math.min(this.#runningLow[index]!, low)
  }

  result(): Settled {
    return {
      columns: cut(this.#columns, this.#rowCount),
      revisedCount: this.#revisedCount,
      vendorCount: this.#vendorCount,
      missingCount: this.#missingCount,
      replacedVolume: this.#replacedVolume,
      vendorVolume: this.#vendorVolume,
    }
  }
}

const DOUBLES = [
  'timestampMs',
  'open',
  'high',
  'low',
  'close',
  'volume',
  'vwap',
  'dayHigh',
  'dayLow',
  'firstTickMs',
  'lastTickMs',
] as const
const INTEGERS = ['instrument', 'tickCount', 'complete', 'source', 'revision'] as const

function copyRow(from: CandleColumns, fromRow: number, to: CandleColumns, toRow: number): void {
  for (const name of DOUBLES) to[name][toRow] = from[name][fromRow]!
  for (const name of INTEGERS) to[name][toRow] = from[name][fromRow]!
}

function equalRows(a: CandleColumns, aRow: number, b: CandleColumns, bRow: number): boolean {
  return (
    DOUBLES.every((name) => Object.is(a[name][aRow], b[name][bRow])) &&
    INTEGERS.every((name) => a[name][aRow] === b[name][bRow])
  )
}

function cut(columns: CandleColumns, rowCount: number): CandleColumns {
  const shorter = allocateCandles(rowCount)
  for (const name of DOUBLES) shorter[name].set(columns[name].subarray(0, rowCount))
  for (const name of INTEGERS) shorter[name].set(columns[name].subarray(0, rowCount))
  return shorter
}

/** Vendor candles by minute; a minute given twice keeps the one that was fetched last. */
export function byMinute(candles: readonly VendorCandle[]): Map<Minute, VendorCandle> {
  return new Map(candles.map((candle) => [minuteOf(candle.timestampMs), candle]))
}
