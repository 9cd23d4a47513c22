/**
 * Is every share accounted for? candle + outside + unattributed = last cumulative volume, and the first of
 * them summed again from the rows: what the report says of itself is not taken on trust.
 */
import type { CandleTable } from '../../domain/candle.ts'
import type { ConservationRow, SettleReport } from '../../domain/settle-report.ts'
import type { CheckOutcome } from '../../domain/verdict.ts'
import { Findings, numberTold } from './outcome.ts'

/** Per symbol the sum of its candles' volumes, NaN where none of its rows carries one. */
export function volumesOf({ columns, instruments }: CandleTable): Map<string, number> {
  const sums = new Float64Array(instruments.length).fill(Number.NaN)
  for (let row = 0; row < columns.rowCount; row++) {
    const volume = columns.volume[row]!
    const at = columns.instrument[row]!
    if (!Number.isNaN(volume)) sums[at] = (sums[at]! || 0) + volume
  }
  const bySymbol = new Map<string, number>()
  for (const [at, { symbol }] of instruments.entries()) {
    const known = bySymbol.get(symbol)
    const sum = sums[at]!
    bySymbol.set(symbol, known === undefined || Number.isNaN(known) ? sum : known + (sum || 0))
  }
  return bySymbol
}

export function checkConservation(report: SettleReport, table: CandleTable): CheckOutcome {
  const sums = volumesOf(table)
  const told = new Map<string, number>()
  const findings = new Findings()
  for (const account of report.conservation) {
    const { symbol, candleVolume } = account
    told.set(symbol, (told.get(symbol) ?? 0) + candleVolume)
    if (isBalanced(account)) continue
    findings.add(symbol, () => ({ ...flat(account), why: 'the account does not add up' }))
  }
  for (const [symbol, candleVolume] of told) {
    const inRows = sums.get(symbol) ?? 0
    if (candleVolume === (inRows || 0)) continue
    findings.add(symbol, () => ({
      symbol,
      candleVolume,
      inRows: numberTold(inRows),
      why: 'the rows add up to another',
    }))
  }
  return findings.outcome({
    check: 'integrity.conservation',
    word: 'fail',
    countChecked: report.conservation.length,
    what: 'accounts of volume do not balance, or not with the rows',
  })
}

/** A wrong `balanced` is found both ways; a part that is negative where it cannot be, too. */
function isBalanced(account: ConservationRow): boolean {
  const { candleVolume, outsideVolume, unattributedVolume, lastDayVolume, balanced } = account
  const outside = outsideVolume.preOpen + outsideVolume.closingAuction + outsideVolume.other
  const isSum = lastDayVolume === null || candleVolume + outside + unattributedVolume === lastDayVolume
  return isSum && balanced && candleVolume >= 0 && outside >= 0
}

function flat({ symbol, candleVolume, outsideVolume, unattributedVolume, lastDayVolume }: ConservationRow) {
  return { symbol, candleVolume, ...outsideVolume, unattributedVolume, lastDayVolume }
}
