/**
 * By which factor does an old price compare with today's? The rule of curation, for actions of the reader's
 * own choosing, such as those that were known at a date. Going back in time, with C the close of the session
 * before the ex-date, D the dividend and S the new shares for each old one, prices before it are worth
 *
 *     factor = 1 / S − D / C
 *
 * of those after it. A dividend that would leave nothing cannot be one, and is left out. An action on a date
 * without a session takes effect at the next one.
 */
import type { DailyCandle } from '../domain/daily-candle.ts'
import type { MarketDate } from '../domain/time.ts'

export type Action = {
  /** The ex-date, or the first day in new shares. */
  readonly date: MarketDate
  readonly kind: 'split' | 'dividend'
  /** New shares for each old one, or the amount per share. */
  readonly value: number
}

/** The rows with `adjustedClose`, `dividend` and `split` by these actions alone. `rows` ascend by date. */
export function adjust(rows: readonly DailyCandle[], actions: readonly Action[]): readonly DailyCandle[] {
  const adjusted: DailyCandle[] = []
  let factor = 1
  for (let at = rows.length - 1; at >= 0; at--) {
    const row = rows[at]!
    const before = rows[at - 1]
    const own = actions.filter(
      ({ date }) => date <= row.date && (before === undefined ? date === row.date : date > before.date),
    )
    const dividend = own.reduce((sum, { kind, value }) => (kind === 'dividend' ? sum + value : sum), 0)
    const split = own.reduce((product, { kind, value }) => (kind === 'split' ? product * value : product), 1)
    adjusted.push({ ...row, adjustedClose: row.close * factor, dividend, split })
    if (before !== undefined) factor *= factorOf(split, dividend, before.close)
  }
  return adjusted.reverse()
}

function factorOf(split: number, dividend: number, closeBefore: number): number {
  const factor = 1 / split - dividend / closeBefore
  return factor > 0 ? factor : 1 / split
}
