/** What stands in the vendor's list of instruments? Rows of texts only, as the vendor serves them. */
import { TICK_PAISE } from './listing.ts'
import type { ListedInstrument } from './source.ts'

export type MasterFileRow = Readonly<Record<string, string>>

export function masterRows(instruments: readonly ListedInstrument[]): readonly MasterFileRow[] {
  return instruments.map((instrument) => ({
    token: instrument.token,
    symbol: instrument.vendorSymbol,
    name: instrument.symbol,
    expiry: '',
    strike: instrument.isIndex ? '0.000000' : '-1.000000',
    lotsize: '1',
    instrumenttype: instrument.isIndex ? 'AMXIDX' : '',
    exch_seg: instrument.exchange,
    tick_size: instrument.isIndex ? '0.000000' : `${TICK_PAISE}.000000`,
  }))
}
