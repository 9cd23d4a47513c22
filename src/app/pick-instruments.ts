/**
 * Which instruments are meant by names? "NIFTY 50", "reliance" or "SBIN-EQ", looked up in the vendor's
 * master. Nothing is guessed: a name that fits nothing or fits two instruments is an error that lists what
 * comes near.
 */
import { OperatingError } from '../domain/error.ts'
import type { Exchange } from '../domain/instrument.ts'
import type { MasterRow } from '../domain/venue.ts'

export type PickedInstrument = {
  readonly exchange: Exchange
  readonly token: string
  readonly symbol: string
  /** True for stocks that have futures: their continuous session ends earlier. */
  readonly derivatives: boolean
}

const EQUITY_SUFFIX = '-EQ'
const NEAR_MAX = 5

/** In the order of the names, each instrument once. Throws INSTRUMENTS_INVALID. */
export function pickInstruments(
  names: readonly string[],
  master: readonly MasterRow[],
): readonly PickedInstrument[] {
  // Cash instruments of NSE: what a name without more means. Everything else is written into the file by
  // hand.
  const cash = master.filter((row) => row.exchange === 'NSE' && isCash(row))
  const withFutures = new Set(
    master.filter((row) => row.exchange === 'NFO' && row.instrumentType === 'FUTSTK').map(({ name }) => name),
  )
  const picked = new Map<string, PickedInstrument>()
  for (const name of names) {
    const { token, symbol, name: company } = rowFor(name, cash)
    picked.set(token, {
      exchange: 'NSE',
      token,
      symbol: symbol.endsWith(EQUITY_SUFFIX) ? symbol.slice(0, -EQUITY_SUFFIX.length) : symbol,
      derivatives: symbol.endsWith(EQUITY_SUFFIX) && withFutures.has(company),
    })
  }
  return [...picked.values()]
}

function isCash({ instrumentType, symbol }: MasterRow): boolean {
  return instrumentType === 'AMXIDX' || (instrumentType === '' && symbol.endsWith(EQUITY_SUFFIX))
}

function rowFor(name: string, cash: readonly MasterRow[]): MasterRow {
  const wanted = plain(name)
  const rows = cash.filter(
    ({ symbol }) => plain(symbol) === wanted || plain(symbol) === wanted + plain(EQUITY_SUFFIX),
  )
  if (rows.length === 1) return rows[0]!
  const near = (rows.length > 1 ? rows : cash.filter((row) => plain(row.symbol + row.name).includes(wanted)))
    .slice(0, NEAR_MAX)
    .map(({ symbol, token }) => `${symbol} (${token})`)
    .join(', ')
  const what =
    rows.length === 0 ? 'is not among the cash instruments of NSE' : 'fits more than one instrument'
  throw new OperatingError(
    `looking up "${name}" in the vendor's master: it ${what}${near === '' ? '' : `; near it: ${near}`}; ` +
      'correct the name given with --instruments',
    { code: 'INSTRUMENTS_INVALID' },
  )
}

/** Without what people write differently: case, blanks, and punctuation. */
function plain(text: string): string {
  return text.toUpperCase().replace(/[^A-Z0-9&]/g, '')
}
