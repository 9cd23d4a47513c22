/** What does the quote call say of one instrument? The present state, in rupees and in Mumbai's time. */
import { istQuoteTime } from './ist.ts'
import { TICK_PAISE } from './listing.ts'
import type { ListedInstrument, UpdateBatch } from './source.ts'

export type QuoteMode = 'LTP' | 'OHLC' | 'FULL'

export function quoteOf(
  mode: QuoteMode,
  instrument: ListedInstrument,
  state: UpdateBatch,
  row: number,
  nowMs: number,
): Readonly<Record<string, unknown>> {
  const price = state.price[row]!
  const name = {
    exchange: instrument.exchange,
    tradingSymbol: instrument.vendorSymbol,
    symbolToken: instrument.token,
    ltp: price / 100,
  }
  if (mode === 'LTP') return name
  const prices = {
    open: state.dayOpen[row]! / 100,
    high: state.dayHigh[row]! / 100,
    low: state.dayLow[row]! / 100,
    close: instrument.previousClose / 100,
  }
  if (mode === 'OHLC') return { ...name, ...prices }
  const change = price - instrument.previousClose
  const exchangeMs = state.exchangeMs[row]! || nowMs
  return {
    ...name,
    ...prices,
    lastTradeQty: state.lastQuantity[row]!,
    exchFeedTime: istQuoteTime(exchangeMs),
    exchTradeTime: istQuoteTime(state.tradeMs[row]! || exchangeMs),
    netChange: Math.round(change) / 100,
    percentChange: Math.round((change / instrument.previousClose) * 10_000) / 100,
    avgPrice: state.averagePrice[row]! / 100,
    tradeVolume: state.dayVolume[row]!,
    opnInterest: 0,
    lowerCircuit: instrument.lowerCircuit / 100,
    upperCircuit: instrument.upperCircuit / 100,
    totBuyQuan: 0,
    totSellQuan: 0,
    '52WeekLow': Math.min(instrument.lowerCircuit, price) / 100,
    '52WeekHigh': Math.max(instrument.upperCircuit, price) / 100,
    depth: { buy: bookSide(price, -1), sell: bookSide(price + TICK_PAISE, 1) },
  }
}

export function unfetchedOf(exchange: string, token: string): Readonly<Record<string, string>> {
  return { exchange, symbolToken: token, message: 'Symbol token not found', errorCode: 'AB4046' }
}

function bookSide(best: number, direction: 1 | -1): readonly Readonly<Record<string, number>>[] {
  return [0, 1, 2, 3, 4].map((level) => ({
    price: (best + direction * level * TICK_PAISE) / 100,
    quantity: 100 + level,
    orders: 1 + level,
  }))
}
