/** What did the vendor answer over HTTP? Any text in, a value or a named refusal out. */
import type { VendorCandle } from '../../domain/candle.ts'
import { EXCHANGES, type Exchange } from '../../domain/instrument.ts'
import { Secret } from '../../domain/secret.ts'
import { MINUTE_MS, type UnixMs } from '../../domain/time.ts'
import type { Answer, HttpReply, Quote, Tokens } from '../../domain/venue.ts'
import { parseCandleStamp, parseQuoteStamp } from './ist.ts'
import { isObject, type JsonObject, numberOf, textOf } from './json.ts'
import { notUnderstood, openEnvelope, refuse } from './refusals.ts'

/** Login and refresh answer alike. All three tokens are needed, and must be able to stand in a header. */
export function parseTokens(reply: HttpReply): Answer<Tokens> {
  const envelope = openEnvelope(reply)
  if (!envelope.ok) return envelope
  const data = isObject(envelope.value.data) ? envelope.value.data : {}
  const [jwt, refresh, feed] = ['jwtToken', 'refreshToken', 'feedToken'].map((name) => headerText(data, name))
  if (!jwt || !refresh || !feed) return refuse(notUnderstood('a positive answer without all three tokens'))
  return { ok: true, value: { jwt: new Secret(jwt), refresh: new Secret(refresh), feed: new Secret(feed) } }
}

/** Some clients of the vendor put "Bearer " into the token itself; requests add their own. */
function headerText(data: JsonObject, name: string): string {
  const text = textOf(data, name).replace(/^Bearer /, '')
  return /^[\x21-\x7e]+$/.test(text) ? text : ''
}

/**
 * Instruments without a price or without a time are left out, as are those that the vendor did not
 * find: a quote is evidence, and there is none. Not understood where nothing at all can be read.
 */
export function parseQuotes(reply: HttpReply): Answer<readonly Quote[]> {
  const envelope = openEnvelope(reply)
  if (!envelope.ok) return envelope
  const { data } = envelope.value
  const fetched = isObject(data) ? data.fetched : undefined
  if (!Array.isArray(fetched)) return refuse(notUnderstood('a positive answer without a list of quotes'))
  const rows: readonly unknown[] = fetched
  if (!rows.every(isQuoteRow)) return refuse(notUnderstood('a list of quotes with something else in it'))
  return { ok: true, value: rows.map(readQuote).filter((quote) => quote !== null) }
}

function isQuoteRow(row: unknown): row is JsonObject {
  return isObject(row) && textOf(row, 'exchange') !== '' && tokenOf(row) !== '' && 'ltp' in row
}

function readQuote(row: JsonObject): Quote | null {
  const exchange = exchangeNamed(textOf(row, 'exchange'))
  const price = numberOf(row.ltp)
  const exchangeMs = parseQuoteStamp(row.exchFeedTime)
  if (exchange === null || price === null || price <= 0 || exchangeMs === null) return null
  const dayVolume = numberOf(row.tradeVolume ?? 0) // indices have none
  const dayHigh = numberOf(row.high)
  const dayLow = numberOf(row.low)
  if (dayVolume === null || dayVolume < 0 || dayHigh === null || dayLow === null) return null
  // An index is computed, not traded, and has no time of a trade.
  const tradeMs = parseQuoteStamp(row.exchTradeTime) ?? exchangeMs
  return { exchange, token: tokenOf(row), price, dayVolume, dayHigh, dayLow, exchangeMs, tradeMs }
}

function tokenOf(row: JsonObject): string {
  return textOf(row, 'symbolToken', 'symboltoken')
}

function exchangeNamed(name: string): Exchange | null {
  return EXCHANGES.find((exchange) => exchange === name) ?? null
}

/**
 * Candles in order of time, each minute once. One row that cannot be read makes the whole answer not
 * understood: history decides what a day's candles finally say, and half an answer looks like a whole.
 */
export function parseHistory(reply: HttpReply): Answer<readonly VendorCandle[]> {
  const envelope = openEnvelope(reply)
  if (!envelope.ok) return envelope
  const rows: unknown = envelope.value.data ?? [] // null says: nothing there
  if (!Array.isArray(rows)) return refuse(notUnderstood('a positive answer without a list of candles'))
  const candles = new Map<UnixMs, VendorCandle>()
  for (const [index, row] of rows.entries()) {
    const candle = readCandle(row)
    if (candle === null) return refuse(notUnderstood(`candle ${index + 1} of ${rows.length} is malformed`))
    const twin = candles.get(candle.timestampMs)
    if (twin !== undefined && !sameCandle(twin, candle)) {
      return refuse(notUnderstood(`candle ${index + 1} of ${rows.length} contradicts another of its minute`))
    }
    candles.set(candle.timestampMs, candle)
  }
  return { ok: true, value: [...candles.values()].sort((a, b) => a.timestampMs - b.timestampMs) }
}

function readCandle(row: unknown): VendorCandle | null {
  if (!Array.isArray(row) || row.length < 6) return null
  const timestampMs = parseCandleStamp(row[0])
  const [open, high, low, close, volume] = row.slice(1, 6) as unknown[]
  if (timestampMs === null || timestampMs % MINUTE_MS !== 0) return null
  if (!isPrice(open) || !isPrice(high) || !isPrice(low) || !isPrice(close) || !isCount(volume)) return null
  return { timestampMs, open, high, low, close, volume }
}

function isPrice(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function sameCandle(a: VendorCandle, b: VendorCandle): boolean {
  return (
    a.open === b.open && a.high === b.high && a.low === b.low && a.close === b.close && a.volume === b.volume
  )
}
