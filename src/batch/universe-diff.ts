/**
 * How did the universe change, and may it have? Listings come truncated or empty now and then; a universe
 * that lost too much at once is the vendor's slip until a person says otherwise, and yesterday's stays.
 */
import { OperatingError } from '../domain/error.ts'
import type { UniverseEntry } from './universe.ts'

export type UniverseDiff = {
  readonly listed: readonly string[]
  readonly delisted: readonly string[]
  /** The same company (name and day of the first listing) under another symbol. */
  readonly renamed: readonly { readonly from: string; readonly to: string }[]
}

export const DROP_RATIO_MAX = 0.2

/** All lists ascending. A rename is in neither of the other two. */
export function universeDiff(
  before: readonly UniverseEntry[],
  after: readonly UniverseEntry[],
): UniverseDiff {
  const known = new Set(before.map(({ symbol }) => symbol))
  const kept = new Set(after.map(({ symbol }) => symbol))
  const gone = before.filter(({ symbol }) => !kept.has(symbol))
  const come = after.filter(({ symbol }) => !known.has(symbol))
  const renamed = renames(gone, come)
  const renamedFrom = new Set(renamed.map(({ from }) => from))
  const renamedTo = new Set(renamed.map(({ to }) => to))
  const symbols = (entries: readonly UniverseEntry[], except: ReadonlySet<string>): readonly string[] =>
    entries
      .map(({ symbol }) => symbol)
      .filter((symbol) => !except.has(symbol))
      .sort()
  return { listed: symbols(come, renamedTo), delisted: symbols(gone, renamedFrom), renamed }
}

/** Only where one symbol went and one came: two share classes of a company are not told apart by its name. */
function renames(
  gone: readonly UniverseEntry[],
  come: readonly UniverseEntry[],
): readonly { readonly from: string; readonly to: string }[] {
  const goneBy = byCompany(gone)
  const comeBy = byCompany(come)
  return [...goneBy]
    .flatMap(([company, from]) => {
      const to = comeBy.get(company) ?? []
      return from.length === 1 && to.length === 1 ? [{ from: from[0]!, to: to[0]! }] : []
    })
    .sort((a, b) => (a.from < b.from ? -1 : 1))
}

/** Company -> its symbols; without those that say too little to be known again. */
function byCompany(entries: readonly UniverseEntry[]): ReadonlyMap<string, readonly string[]> {
  const symbolsOf = new Map<string, string[]>()
  for (const { symbol, name, ipoDate } of entries) {
    if (name === '' || ipoDate === null) continue
    const company = JSON.stringify([name.toLowerCase(), ipoDate])
    const symbols = symbolsOf.get(company)
    if (symbols === undefined) symbolsOf.set(company, [symbol])
    else symbols.push(symbol)
  }
  return symbolsOf
}

/** Throws BATCH_FAILED for a universe that must not take the place of the one before. */
export function refuseShrunken(before: readonly UniverseEntry[], after: readonly UniverseEntry[]): void {
  if (after.length === 0) {
    throw refused(
      'no symbol is left of the listing',
      'check markets.us.batch.exchanges and assetTypes, or run the job again later',
    )
  }
  const keptMin = before.length * (1 - DROP_RATIO_MAX)
  if (after.length >= keptMin) return
  throw refused(
    `${after.length} symbols are left of ${before.length}, more than ${DROP_RATIO_MAX * 100} % are gone`,
    'run the job again later; where the change is wanted, name the symbols in markets.us.batch.symbols',
  )
}

function refused(what: string, advice: string): OperatingError {
  return new OperatingError(`choosing the universe: ${what}, so the one before stays in force; ${advice}`, {
    code: 'BATCH_FAILED',
    retryable: true,
  })
}
