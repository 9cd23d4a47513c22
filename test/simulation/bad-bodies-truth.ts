/**
 * What did the made-up companies really do? Their history, made anew from the seed in this process: no
 * answer, no parser and no lake lies between. Adjusted closes are worked out here a second time, by the rule.
 */
import { newYorkDays } from '../../src/app/sim-alphavantage.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import { type DayRow, restated } from '../../src/sim/alphavantage/history.ts'
import { Market } from '../../src/sim/alphavantage/market.ts'

export type World = {
  readonly seed: number
  readonly symbolCount: number
  readonly symbols: readonly string[]
  readonly historyFrom: MarketDate
}

/** `1d QAAA 2026-05-15`, `5m QAAA <unix ms>` -> open, high, low, close, volume, of days also adj_close. */
export type TrueRows = ReadonlyMap<string, readonly number[]>

/** Of sessions that were over at `untilMs`: all their days, and all their bars since `barsFrom`. */
export function trueRows(
  world: World,
  symbols: readonly string[],
  untilMs: UnixMs,
  barsFrom: MarketDate | null,
): TrueRows {
  const market = new Market({ ...world, daysBetween: newYorkDays() })
  const today = new Date(untilMs).toISOString().slice(0, 10) as MarketDate
  const rows = new Map<string, readonly number[]>()
  for (const symbol of symbols) {
    const company = market.companies.find(symbol, today)
    if (company === null) throw new Error(`the stand-in has no ${symbol}`)
    const history = market.historyOf(company, untilMs)
    if (history.isPartial) throw new Error('the truth was asked for while a session was on')
    const adjusted = adjustedCloses(history.rows)
    for (const [at, { date, open, high, low, close, volume }] of history.rows.entries())
      rows.set(`1d ${symbol} ${date}`, [open, high, low, close, volume, adjusted[at]!])
    if (barsFrom === null) continue
    for (const { startMs, open, high, low, close, volume } of market.barsOf(
      company,
      barsFrom,
      today,
      untilMs,
    ))
      rows.set(`5m ${symbol} ${startMs}`, [open, high, low, close, volume])
  }
  return rows
}

/** What the vendor says of past days once it has restated them, by the rows of its truth. */
export function restatedRows(truth: TrueRows, before: MarketDate): TrueRows {
  const rows = [...truth].flatMap(([key, values]): [string, readonly number[]][] => {
    const [frequency, symbol = '', date = ''] = key.split(' ')
    if (frequency !== '1d') return []
    const [open = 0, high = 0, low = 0, close = 0, volume = 0, adjusted = 0] = values
    const row = { date: date as MarketDate, open, high, low, close, volume, dividend: 0, split: 1 }
    const [told] = restated([row], symbol, before)
    return [[key, [open, told!.high, low, close, told!.volume, adjusted]]]
  })
  return new Map(rows)
}

/** Before an ex-date a share was worth 1 / split - dividend / close before of what it is worth after it. */
function adjustedCloses(rows: readonly DayRow[]): readonly number[] {
  const closes: number[] = []
  let factor = 1
  for (const [at, { close, dividend, split }] of [...rows.entries()].reverse()) {
    closes[at] = close * factor
    const before = rows[at - 1]
    if (before !== undefined) factor *= 1 / split - dividend / before.close
  }
  return closes
}

export type RowDifference = {
  readonly comparedCount: number
  /** Rows that say something else than the truth, of which it knows nothing, or that stand twice. */
  readonly wrong: readonly string[]
  readonly missing: readonly string[]
}

/** Keys may repeat: a lake could hold a row twice. `believed`: what was true, or told, before. */
export function differenceOf(
  held: readonly { readonly key: string; readonly values: readonly number[] }[],
  truth: TrueRows,
  believed: readonly TrueRows[],
): RowDifference {
  const seen = new Set<string>()
  const wrong: string[] = []
  for (const { key, values } of held) {
    const isTrue = [truth, ...believed].some((rows) => isRow(values, rows.get(key)))
    if (!isTrue || seen.has(key)) {
      wrong.push(`${key}: ${values.join(' ')}, in truth ${truth.get(key)?.join(' ')}`)
    }
    seen.add(key)
  }
  return {
    comparedCount: held.length,
    wrong,
    missing: [...truth.keys()].filter((key) => !seen.has(key)),
  }
}

function isRow(values: readonly number[], row: readonly number[] | undefined): boolean {
  return row?.every((value, at) => isSame(value, values[at]!)) === true
}

/** Products of factors differ in their last bits. */
function isSame(left: number, right: number): boolean {
  return Math.abs(left - right) <= 1e-9 * Math.abs(left)
}
