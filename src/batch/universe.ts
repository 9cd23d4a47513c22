/**
 * Which symbols of a vendor's listing do we follow? Stocks of the configured exchanges, and of those only
 * what a company's shareholders hold: no test symbols, no warrants, units, rights or preferred stock. Every
 * row that is left out is counted under one reason, so that a universe can be reconciled with its listing.
 *
 * Two conventions of writing meet in a listing. NYSE marks an issue by a suffix (`BRK-B` a share class, `-WS`
 * warrants, `-U` units, `-R` rights, `-P-A` preferred stock); NASDAQ reserves the fifth letter (W, U and R
 * for the first three). Share classes stay, and so does every word that only looks odd: NA and NAN are
 * symbols of companies. NASDAQ's other fifth letters are not judged: L is a share class here (GOOGL), a
 * note there; where the name of the issue says warrant, it is one.
 */
import type { ListingRow } from '../domain/batch.ts'
import type { MarketDate } from '../domain/time.ts'

export type UniverseEntry = {
  readonly symbol: string
  readonly name: string
  readonly exchange: string
  readonly assetType: string
  readonly ipoDate: MarketDate | null
}

/** In the order in which they are asked: a row is counted under the first that applies. */
export const EXCLUSIONS = [
  'not_active',
  'other_exchange',
  'other_asset_type',
  'test_symbol',
  'second_venue', // `AAPL:BAT`: the same issue under another market's name
  'warrant',
  'unit',
  'right',
  'preferred',
  'when_issued',
  'malformed', // not the writing of a symbol: a leading dash, a blank, a bracket
  'repeated',
] as const
export type Exclusion = (typeof EXCLUSIONS)[number]

export type Universe = {
  /** Ascending by symbol, symbols unique. */
  readonly entries: readonly UniverseEntry[]
  readonly excluded: Readonly<Record<Exclusion, number>>
}

export type UniverseRules = {
  readonly exchanges: readonly string[]
  readonly assetTypes: readonly string[]
}

export function selectUniverse(rows: readonly ListingRow[], rules: UniverseRules): Universe {
  const excluded = Object.fromEntries(EXCLUSIONS.map((reason) => [reason, 0])) as Record<Exclusion, number>
  const bySymbol = new Map<string, UniverseEntry>()
  for (const row of rows) {
    const reason = exclusionOf(row, rules) ?? (bySymbol.has(row.symbol) ? 'repeated' : null)
    if (reason === null) bySymbol.set(row.symbol, entryOf(row))
    else excluded[reason] += 1
  }
  const entries = [...bySymbol.values()].sort((a, b) => (a.symbol < b.symbol ? -1 : 1))
  return { entries, excluded }
}

/** Null for a row that belongs to the universe. */
export function exclusionOf(row: ListingRow, { exchanges, assetTypes }: UniverseRules): Exclusion | null {
  if (row.status !== 'Active') return 'not_active'
  if (!exchanges.includes(row.exchange)) return 'other_exchange'
  if (!assetTypes.includes(row.assetType)) return 'other_asset_type'
  return isTest(row) ? 'test_symbol' : issueOf(row)
}

function entryOf({ symbol, name, exchange, assetType, ipoDate }: ListingRow): UniverseEntry {
  return { symbol, name: name.trim(), exchange, assetType, ipoDate }
}

/** Symbols with which the exchanges try out their lines; listings carry them as active. */
const TEST_SYMBOLS = new Set(['ZZZ', 'ZTST', 'ZZK', 'ZBZX', 'ZXYZ-A'])
/** ZVZZT and its sisters; NTEST, NTEST-A, and the same for other markets' letters. */
const TEST_SHAPE = /^(Z[A-Z]ZZT|[A-Z]TEST(-[A-Z])?)$/
const TEST_NAME = /\b(test stock|test ticker|listed test|symbology test|tst security)\b/i

function isTest({ symbol, name }: ListingRow): boolean {
  return TEST_SYMBOLS.has(symbol) || TEST_SHAPE.test(symbol) || TEST_NAME.test(name)
}

/** A symbol is letters and digits, with at most a letter for the share class behind a dash. */
const SHARE = /^[A-Z0-9]+(-[A-Z])?$/

const SUFFIXES: readonly (readonly [RegExp, Exclusion])[] = [
  [/:[A-Z]+$/, 'second_venue'],
  [/-R(-W)?$/, 'right'],
  [/-(WS|W)(-[A-Z])?$/, 'warrant'],
  [/-U$/, 'unit'],
  [/[A-Z0-9]-P(-[A-Z]+)?$|\/P[A-Z]$/, 'preferred'],
  [/-(WD|WI)$/, 'when_issued'],
]

const FIFTH_LETTERS: Readonly<Record<string, Exclusion>> = { W: 'warrant', U: 'unit', R: 'right' }

function issueOf({ symbol, name, exchange }: ListingRow): Exclusion | null {
  for (const [shape, exclusion] of SUFFIXES) if (shape.test(symbol)) return exclusion
  if (!SHARE.test(symbol)) return 'malformed'
  if (/\bwarrants?\b/i.test(name)) return 'warrant'
  const fifth = exchange === 'NASDAQ' && /^[A-Z]{5}$/.test(symbol) ? symbol[4]! : ''
  return FIFTH_LETTERS[fifth] ?? null
}
