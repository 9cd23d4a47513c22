/** Which thing is traded, and where? `symbol` is our name; (exchange, token) is the vendor's. */

export const EXCHANGES = ['NSE', 'NFO', 'BSE', 'BFO', 'MCX', 'NCDEX', 'CDS'] as const
export type Exchange = (typeof EXCHANGES)[number]

/** Position in `EXCHANGES`: the exchange as a small number, for the hot path. */
export type ExchangeOrdinal = number

export type Instrument = {
  readonly exchange: Exchange
  readonly token: string
  readonly symbol: string
  /**
   * True where the instrument is a stock that has derivatives: since 2026-08-03 such a stock's
   * continuous session on NSE ends at 15:15 and a closing auction follows. Optional fourth column
   * `derivatives` of the instruments file; absent means false.
   */
  readonly derivatives?: boolean
}

export function instrumentKey(instrument: { readonly exchange: string; readonly token: string }): string {
  return `${instrument.exchange}:${instrument.token}`
}

/** Rows of every candle file are sorted by symbol in code-unit order, so ours are from the start. */
export function bySymbol(a: Instrument, b: Instrument): number {
  return compareText(a.symbol, b.symbol) || compareText(instrumentKey(a), instrumentKey(b))
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
