/**
 * How does a test say "at 09:15:03 a packet came"? Builds the journal entries of one NSE day and feeds
 * them to a fold, through the real encoder and the real decoder.
 */

import { CandleFold } from '../../src/candles/fold.ts'
import type { Lateness } from '../../src/candles/open-minutes.ts'
import type { CandleColumns } from '../../src/domain/candle.ts'
import { type Candle, candleAt } from '../../src/domain/candle.ts'
import { ENTRY_PACKETS, type Fact, PACKET_HEAD_BYTES, PACKETS_HEAD_BYTES } from '../../src/domain/fact.ts'
import type { Instrument } from '../../src/domain/instrument.ts'
import type { PacketFields } from '../../src/domain/packet.ts'
import type { Phases } from '../../src/domain/session.ts'
import type { Mode } from '../../src/domain/tick.ts'
import { type MarketDate, type Minute, minuteOf, type UnixMs } from '../../src/domain/time.ts'
import { EMPTY_FIELDS } from '../../src/sim/smartapi/packet-maker.ts'
import { encodePacket, smartapi } from '../../src/venues/smartapi/index.ts'

export const DATE: MarketDate = '2026-07-01' as MarketDate
export const UTC_OFFSET_MS = 19_800_000
const MIDNIGHT_MS = Date.parse(`${DATE}T00:00:00Z`) - UTC_OFFSET_MS

/** "09:15", "09:15:03" or "09:15:03.250" of the test day, as Unix ms. */
export function at(text: string): UnixMs {
  const [hours, minutes, seconds] = text.split(':').map(Number)
  return (MIDNIGHT_MS + Math.round(((hours! * 60 + minutes!) * 60 + (seconds ?? 0)) * 1000)) as UnixMs
}

export function minuteAt(text: string): Minute {
  return minuteOf(at(text))
}

export const CASH_PHASES: Phases = {
  preOpen: { fromMs: at('09:00'), toMs: at('09:15') },
  continuous: [{ fromMs: at('09:15'), toMs: at('15:30') }],
  closingAuction: null,
}

export const INFY: Instrument = { exchange: 'NSE', token: '1594', symbol: 'INFY-EQ' }
export const SBIN: Instrument = { exchange: 'NSE', token: '3045', symbol: 'SBIN-EQ' }
export const NIFTY: Instrument = { exchange: 'NSE', token: '99926000', symbol: 'Nifty 50' }

export const PLAIN: PacketFields = { ...EMPTY_FIELDS, mode: 'quote', token: INFY.token, lastQuantity: 1 }

export type Packet = Partial<PacketFields> & { readonly receivedMs?: number; readonly connection?: number }

/** The vendor's answer to a REST quote of INFY; the price in rupees. */
export function quotesBody(feed: string, price: number, volume: number): string {
  const time = `01-Jul-2026 ${feed}`
  const quote = {
    exchange: 'NSE',
    tradingSymbol: 'INFY-EQ',
    symbolToken: INFY.token,
    ltp: price,
    open: 290,
    high: 300,
    low: 280,
    close: 290,
    lastTradeQty: 1,
    exchFeedTime: time,
    exchTradeTime: time,
    tradeVolume: volume,
  }
  return JSON.stringify({
    status: true,
    message: 'SUCCESS',
    errorcode: '',
    data: { fetched: [quote], unfetched: [] },
  })
}

export type KitOptions = {
  readonly lateness?: Lateness
  readonly mode?: Mode
  readonly instruments?: readonly Instrument[]
  readonly shards?: readonly number[]
  readonly phases?: readonly Phases[]
}

export class SessionKit {
  readonly fold: CandleFold
  readonly finalised: Map<Minute, CandleColumns> = new Map<Minute, CandleColumns>()
  readonly #options: KitOptions
  readonly #scratch = new Uint8Array(PACKETS_HEAD_BYTES + PACKET_HEAD_BYTES + 512)
  readonly #view: DataView = new DataView(this.#scratch.buffer)
  #sequence = 1_000

  constructor(options: KitOptions = {}) {
    this.#options = options
    this.fold = new CandleFold({
      venue: smartapi,
      lateness: options.lateness ?? 'live',
      onCandles: (minute, columns) => this.finalised.set(minute, columns),
    })
  }

  instruments(): readonly Instrument[] {
    return this.#options.instruments ?? [INFY]
  }

  start(text: string): this {
    const instruments = this.instruments()
    return this.fact({
      kind: 'start',
      version: 1,
      market: 'in',
      venue: 'smartapi',
      date: DATE,
      utcOffsetMs: UTC_OFFSET_MS,
      atMs: at(text),
      mode: this.#options.mode ?? 'quote',
      graceMs: 2_000,
      instruments,
      shards: this.#options.shards ?? instruments.map(() => 0),
      phaseOf: instruments.map(() => 0),
      phases: this.#options.phases ?? [CASH_PHASES],
    })
  }

  /** A feed that was there before anything could be traded. */
  liveSinceMorning(): this {
    return this.start('08:55').connect('08:55:01').live('08:55:02')
  }

  connect(text: string, connection = 0, shard = 0): this {
    return this.fact({ kind: 'connect', shard, connection, atMs: at(text) })
  }

  live(text: string, connection = 0, shard = 0): this {
    return this.fact({ kind: 'live', shard, connection, atMs: at(text) })
  }

  lost(fromText: string, atText: string = fromText, shard = 0): this {
    return this.fact({
      kind: 'lost',
      shard,
      fromMs: at(fromText),
      atMs: at(atText),
      reason: 'disconnected',
      detail: '',
    })
  }

  alive(text: string, shard = 0): this {
    return this.fact({ kind: 'alive', shard, atMs: at(text) })
  }

  /** The timer fires for the minute, with a sign of life at its end unless `isSilent`. */
  minute(text: string, isSilent = false): this {
    const minute = minuteAt(text)
    const endMs = ((minute + 1) * 60_000) as UnixMs
    if (!isSilent) this.fact({ kind: 'alive', shard: 0, atMs: endMs })
    return this.fact({ kind: 'minute', minute, atMs: (endMs + 2_000) as UnixMs })
  }

  fact(fact: Fact): this {
    this.fold.fact(fact)
    return this
  }

  /** A packet whose exchange time is `text` floored to seconds, received 100 ms later. */
  packet(text: string, packet: Packet): this {
    const exchangeMs = Math.floor(at(text) / 1000) * 1000
    const { receivedMs, connection, ...fields } = packet
    const price = fields.price ?? 0
    return this.raw(
      encode({
        ...PLAIN,
        mode: this.#options.mode ?? 'quote',
        sequence: this.#sequence++,
        exchangeMs,
        dayHigh: price,
        dayLow: price,
        ...fields,
      }),
      receivedMs ?? at(text) + 100,
      connection ?? 0,
    )
  }

  raw(packet: Uint8Array, receivedMs: number, connection = 0): this {
    const view = this.#view
    view.setFloat64(0, receivedMs, true)
    view.setUint16(8, packet.length, true)
    view.setUint16(10, connection, true)
    view.setUint32(12, 0, true)
    this.#scratch.set(packet, PACKETS_HEAD_BYTES + PACKET_HEAD_BYTES)
    this.fold.entry(ENTRY_PACKETS, 1, this.#scratch, view, 0, 16 + packet.length)
    return this
  }

  /** The finalised candles of a minute. */
  candles(text: string): readonly Candle[] {
    const columns = this.finalised.get(minuteAt(text))
    if (columns === undefined) throw new Error(`${text} is not finalised`)
    const table = { instruments: this.fold.instruments(), columns }
    return Array.from({ length: columns.rowCount }, (_, row) => candleAt(table, row))
  }

  candle(text: string): Candle {
    const [candle] = this.candles(text)
    if (candle === undefined) throw new Error(`no candle at ${text}`)
    return candle
  }

  /** Sum of where the day's volume went, minus the last cumulative volume; 0 when conserved. */
  imbalance(index = 0): number {
    const account = this.fold.volumeAccount(index)
    const { inCandles, inPreOpen, inClosingAuction, inOther, unattributed, late, dayVolume } = account
    return inCandles + inPreOpen + inClosingAuction + inOther + unattributed + late - dayVolume
  }
}

export function encode(fields: PacketFields): Uint8Array {
  const out = new Uint8Array(512)
  return out.subarray(0, encodePacket(fields, out, 0))
}
