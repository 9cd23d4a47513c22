/** Which companies does the stand-in know? Made up, but with every oddity that the vendor's listing has. */
import { DAY_MS, type MarketDate } from '../../domain/time.ts'
import { hashText, Prng } from '../prng.ts'

export type Company = {
  readonly symbol: string
  readonly name: string
  readonly exchange: string
  readonly assetType: string
  readonly ipoDate: MarketDate
  /** First date without a session of it. */
  readonly delistingDate: MarketDate | null
}

export type CompaniesOptions = {
  readonly seed: number
  /** How many to make up. */
  readonly count: number
  /** Symbols that must be there besides: old, on NASDAQ, never delisted. */
  readonly symbols: readonly string[]
  /** First date of every history. */
  readonly from: MarketDate
}

/**
 * Symbol, name, exchange, kind: what breaks readers and filters. The name's trailing blank is the vendor's.
 */
const ODD: readonly (readonly [string, string, string, string])[] = [
  ['NA', 'Nano Sample Ltd', 'NASDAQ', 'Stock'],
  ['NAN', 'Sample Municipal Income Fund', 'NYSE', 'Stock'],
  ['TRUE', 'True Sample Inc ', 'NASDAQ', 'Stock'],
  ['-P-HIZ', 'Sample Holdings Inc', 'NASDAQ', 'Stock'],
  ['QQ-P-A', 'Sample Preferred', 'NYSE', 'Stock'],
  ['QQ-WS', 'Sample Warrants', 'NYSE', 'Stock'],
  ['QQ-U', 'Sample Units', 'NYSE', 'Stock'],
  ['QQ:BAT', 'Sample on Another Exchange', 'BATS', 'Stock'],
  ['QQETF', 'SAMPLE INDEX ETF ', 'NYSE ARCA', 'ETF'],
  ['ZVZZT', '', 'NASDAQ', 'Stock'],
  ['ZZZ', 'TEST TICKER FOR UTP', 'NYSE ARCA', 'Stock'],
]

const LETTERS = 26
const SYMBOLS_MAX = LETTERS ** 3
/** One of so many has gone or will go, came later than the history begins, or is still to come. */
const DELISTED_EVERY = 25
const YOUNG_EVERY = 4
const NEWCOMER_EVERY = 50

/**
 * Dates are drawn between fixed ones, never relative to today: whoever starts the stand-in again a day later
 * meets the same companies with the same histories, and listings change as the clock goes on.
 */
const YOUNG_UNTIL = '2024-01-01' as MarketDate
const NEWCOMERS_FROM = '2026-01-01' as MarketDate
const KNOWN_UNTIL = '2027-12-31' as MarketDate

export class Companies {
  /** By symbol, ascending. */
  readonly all: readonly Company[]
  readonly #bySymbol: ReadonlyMap<string, Company>

  constructor(options: CompaniesOptions) {
    const { from, symbols, count } = options
    const made = Array.from({ length: Math.min(count, SYMBOLS_MAX) }, (_, number) => makeUp(options, number))
    const odd = count === 0 ? [] : ODD
    const old = [
      ...odd,
      ...symbols.map((symbol) => [symbol, `${symbol} Sample Corp`, 'NASDAQ', 'Stock'] as const),
    ]
    const named = old.map(([symbol, name, exchange, assetType]) => ({
      symbol,
      name,
      exchange,
      assetType,
      ipoDate: from,
      delistingDate: null,
    }))
    this.#bySymbol = new Map([...made, ...named].map((company) => [company.symbol, company]))
    this.all = [...this.#bySymbol.values()].sort((left, right) => (left.symbol < right.symbol ? -1 : 1))
  }

  /** Null for a symbol that was never listed by that date. */
  find(symbol: string, today: MarketDate): Company | null {
    const company = this.#bySymbol.get(symbol.toUpperCase())
    return company === undefined || company.ipoDate > today ? null : company
  }

  listed(state: 'active' | 'delisted', today: MarketDate): readonly Company[] {
    return this.all.filter(({ ipoDate, delistingDate }) => {
      const isGone = delistingDate !== null && delistingDate <= today
      return ipoDate <= today && isGone === (state === 'delisted')
    })
  }
}

function makeUp({ seed, from }: CompaniesOptions, number: number): Company {
  const symbol = `Q${letter(number / LETTERS ** 2)}${letter(number / LETTERS)}${letter(number)}`
  const prng = new Prng(seed, hashText(symbol), 1)
  const ipoDate = ipoDateOf(from, number, prng.next())
  const goneShare = 0.2 + 0.8 * prng.next()
  return {
    symbol,
    name: `Sample ${symbol.slice(1)} Inc`,
    exchange: prng.next() < 0.65 ? 'NASDAQ' : 'NYSE',
    assetType: 'Stock',
    ipoDate,
    delistingDate: isOneIn(number, DELISTED_EVERY, 24) ? dateBetween(ipoDate, KNOWN_UNTIL, goneShare) : null,
  }
}

function ipoDateOf(from: MarketDate, number: number, share: number): MarketDate {
  if (isOneIn(number, NEWCOMER_EVERY, 37)) return dateBetween(NEWCOMERS_FROM, KNOWN_UNTIL, share)
  return isOneIn(number, YOUNG_EVERY, 3) && from < YOUNG_UNTIL ? dateBetween(from, YOUNG_UNTIL, share) : from
}

function isOneIn(number: number, every: number, which: number): boolean {
  return number % every === which
}

function letter(value: number): string {
  return String.fromCharCode(65 + (Math.floor(value) % LETTERS))
}

function dateBetween(from: MarketDate, to: MarketDate, share: number): MarketDate {
  const fromMs = Date.parse(from)
  const days = Math.floor(((Date.parse(to) - fromMs) / DAY_MS) * share)
  return new Date(fromMs + days * DAY_MS).toISOString().slice(0, 10) as MarketDate
}
