/**
 * Where do the stand-in's packets come from? A source knows a list of instruments and, for each of
 * them, everything that happens in a session, by the clock of the session and whoever listens: two
 * runs of one source send the same packets, so an undisturbed run and a killed one can be compared.
 *
 * An update is the state of one instrument at one moment: one packet, whatever its mode. Updates move
 * in batches of parallel arrays, because a source makes tens of thousands of them a second.
 */
import type { VendorCandle } from '../../domain/candle.ts'
import type { Instrument } from '../../domain/instrument.ts'
import type { UnixMs } from '../../domain/time.ts'

/** An instrument as the stand-in lists it. Prices in paise. */
export type ListedInstrument = Instrument & {
  /** The vendor's own name, `SBIN-EQ`. */
  readonly vendorSymbol: string
  /** Index: packets carry no volume and no sequence. */
  readonly isIndex: boolean
  readonly previousClose: number
  readonly lowerCircuit: number
  readonly upperCircuit: number
}

export const UPDATE_BATCH_ROWS = 2_048

/** Rows [0, count) are filled. Prices in paise, times in Unix ms, quantities in shares. */
export class UpdateBatch {
  count: number = 0
  /** When the packet leaves the vendor; rises over a stream's batch. */
  readonly atMs: Float64Array
  /** Position in `TickSource.instruments`. */
  readonly instrument: Int32Array
  readonly sequence: Float64Array
  /** Whole seconds. */
  readonly exchangeMs: Float64Array
  readonly price: Float64Array
  readonly lastQuantity: Float64Array
  readonly averagePrice: Float64Array
  readonly dayVolume: Float64Array
  readonly dayOpen: Float64Array
  readonly dayHigh: Float64Array
  readonly dayLow: Float64Array
  /** Whole seconds; 0 before the first trade of the day. */
  readonly tradeMs: Float64Array

  constructor(rows: number = UPDATE_BATCH_ROWS) {
    this.atMs = new Float64Array(rows)
    this.instrument = new Int32Array(rows)
    this.sequence = new Float64Array(rows)
    this.exchangeMs = new Float64Array(rows)
    this.price = new Float64Array(rows)
    this.lastQuantity = new Float64Array(rows)
    this.averagePrice = new Float64Array(rows)
    this.dayVolume = new Float64Array(rows)
    this.dayOpen = new Float64Array(rows)
    this.dayHigh = new Float64Array(rows)
    this.dayLow = new Float64Array(rows)
    this.tradeMs = new Float64Array(rows)
  }

  /** Overwrites row `at` by row `row` of `from`. */
  copyRow(at: number, from: UpdateBatch, row: number): void {
    this.atMs[at] = from.atMs[row]!
    this.instrument[at] = from.instrument[row]!
    this.sequence[at] = from.sequence[row]!
    this.exchangeMs[at] = from.exchangeMs[row]!
    this.price[at] = from.price[row]!
    this.lastQuantity[at] = from.lastQuantity[row]!
    this.averagePrice[at] = from.averagePrice[row]!
    this.dayVolume[at] = from.dayVolume[row]!
    this.dayOpen[at] = from.dayOpen[row]!
    this.dayHigh[at] = from.dayHigh[row]!
    this.dayLow[at] = from.dayLow[row]!
    this.tradeMs[at] = from.tradeMs[row]!
  }
}

export interface UpdateStream {
  /**
   * The following updates in the order of their times, or null after the last one. The batch is the
   * stream's and only valid until the next call.
   */
  next(): UpdateBatch | null | Promise<UpdateBatch | null>
  close(): void
}

export interface TickSource {
  readonly instruments: readonly ListedInstrument[]
  /**
   * All updates from `fromMs` on, preceded by as many earlier ones as it takes to know the state of
   * every instrument at `fromMs`. May be called again, for an independent stream.
   */
  open(fromMs: UnixMs): UpdateStream
  /**
   * The vendor's 1-minute history: made from every single trade, so free of conflation. Candles that
   * start in [fromMs, toMs), sorted, as far as they are known at `nowMs`; the running one is included.
   */
  candles(instrument: number, fromMs: UnixMs, toMs: UnixMs, nowMs: UnixMs): readonly VendorCandle[]
}
