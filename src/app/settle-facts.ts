/** What does the settle report say? Counts and the account of every instrument's volume. */
import type { CandleFold } from '../candles/fold.ts'
import type { Settled } from '../candles/settle.ts'
import type { CandleColumns } from '../domain/candle.ts'
import type { ConservationRow, SettleReport } from '../domain/settle-report.ts'

/** What became of the questions to the vendor's history. */
export type HistoryOutcome = {
  readonly askedCount: number
  readonly failedCount: number
  readonly failures: readonly string[]
}

export type SettleCircumstances = {
  readonly history: HistoryOutcome
  /** Ticks that came after their minute was finalised live. */
  readonly lateTickCount: number
}

/** The report without the file, which is published first. Pure. */
export function settleReport(
  fold: CandleFold,
  settled: Settled,
  { history, lateTickCount }: SettleCircumstances,
): SettleReport {
  const start = fold.startFact()!
  const { columns } = settled
  const range = fold.minuteRange()
  const { accepted, ...rejected } = fold.outcomes()
  return {
    schema: 'chandler.settle_report.v1',
    market: start.market,
    date: start.date,
    utcOffsetMs: start.utcOffsetMs,
    instrumentCount: fold.instruments().length,
    minuteCount: range.to - range.from,
    candles: countCandles(columns, settled),
    gaps: fold.gaps().filter((gap) => gap.fromMs < range.to * 60_000 && touches(gap.toMs, range.from)),
    conservation: conservation(fold, settled),
    lateTickCount,
    acceptedCount: accepted!,
    rejected,
    history: { ...history, usedBarCount: settled.vendorCount },
    file: null,
  }
}

function touches(toMs: number | null, fromMinute: number): boolean {
  return toMs === null || toMs > fromMinute * 60_000
}

function countCandles(columns: CandleColumns, settled: Settled): SettleReport['candles'] {
  let ticksComplete = 0
  let ticksIncomplete = 0
  for (let row = 0; row < columns.rowCount; row++) {
    if (columns.source[row] !== 0) continue
    if (columns.complete[row] === 1) ticksComplete++
    else ticksIncomplete++
  }
  const { vendorCount: vendor, revisedCount: revised } = settled
  return { total: columns.rowCount, ticksComplete, ticksIncomplete, vendor, revised }
}

function conservation(fold: CandleFold, settled: Settled): ConservationRow[] {
  const inFile = volumeInFile(fold, settled.columns)
  return Array.from(fold.order(), (index) => {
    const account = fold.volumeAccount(index)
    const outsideVolume = {
      preOpen: account.inPreOpen,
      closingAuction: account.inClosingAuction,
      other: account.inOther,
    }
    const unattributedVolume =
      account.unattributed + settled.replacedVolume[index]! - settled.vendorVolume[index]!
    const hasVolume = fold.hasVolume(index)
    const outside = account.inPreOpen + account.inClosingAuction + account.inOther
    return {
      symbol: fold.instruments()[index]!.symbol,
      candleVolume: inFile[index]!,
      outsideVolume,
      unattributedVolume: hasVolume ? unattributedVolume : 0,
      lastDayVolume: hasVolume ? account.dayVolume : null,
      balanced: !hasVolume || inFile[index]! + outside + unattributedVolume === account.dayVolume,
    }
  })
}

/** Counted from the rows that are published, not from the sums that they were made with. */
function volumeInFile(fold: CandleFold, columns: CandleColumns): Float64Array {
  const volumes = new Float64Array(fold.instruments().length)
  for (let row = 0; row < columns.rowCount; row++) {
    const volume = columns.volume[row]!
    if (!Number.isNaN(volume)) volumes[columns.instrument[row]!]! += volume
  }
  return volumes
}
