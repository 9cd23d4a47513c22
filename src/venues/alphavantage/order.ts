/**
 * How do rows come into order? The vendor sends the newest first, nobody promises it. A row that stands there
 * twice is one row; two rows of one time that differ are a contradiction, and nobody chooses between them.
 */

/** Sorts ascending in place and drops repetitions; null where two rows of one time differ. */
export function ascending<Row extends object>(
  rows: Row[],
  compare: (left: Row, right: Row) => number,
): readonly Row[] | null {
  if (isDescending(rows, compare)) rows.reverse()
  else rows.sort(compare)
  let keptCount = 0
  for (const row of rows) {
    const before = keptCount === 0 ? null : rows[keptCount - 1]!
    if (before !== null && compare(before, row) === 0) {
      if (!isEqual(before, row)) return null
      continue
    }
    rows[keptCount] = row
    keptCount += 1
  }
  rows.length = keptCount
  return rows
}

function isDescending<Row>(rows: readonly Row[], compare: (left: Row, right: Row) => number): boolean {
  for (let at = 1; at < rows.length; at += 1) {
    if (compare(rows[at - 1]!, rows[at]!) < 0) return false
  }
  return true
}

function isEqual<Row extends object>(left: Row, right: Row): boolean {
  return (Object.keys(left) as (keyof Row)[]).every((name) => Object.is(left[name], right[name]))
}
