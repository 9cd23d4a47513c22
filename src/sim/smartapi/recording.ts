/**
 * What happened once, and is to happen again? A recording of trades, each of which becomes one packet.
 *
 * The file is read twice: once at the start, to check all of it and to know its instruments and its
 * candles, and then row by row as the rows fall due. So a bad line is reported before the first client
 * connects, and the file may be longer than the memory.
 */
import type { VendorCandle } from '../../domain/candle.ts'
import { instrumentKey } from '../../domain/instrument.ts'
import {
  type MarketDate,
  MINUTE_MS,
  minuteOf,
  minuteStart,
  SECOND_MS,
  type UnixMs,
} from '../../domain/time.ts'
import { istDateOf, istMidnight } from './ist.ts'
import { toTick } from './listing.ts'
import { type RecordedTrade, readRecording } from './recording-rows.ts'
import {
  type ListedInstrument,
  type TickSource,
  UPDATE_BATCH_ROWS,
  UpdateBatch,
  type UpdateStream,
} from './source.ts'

export interface Recording extends TickSource {
  readonly rowCount: number
  readonly firstMs: UnixMs
  readonly lastMs: UnixMs
}

type RunningCandle = { -readonly [Field in keyof VendorCandle]: VendorCandle[Field] }

/** Checks the whole file first. `date` gives a meaning to times that count from midnight. */
export async function openRecording(path: string, date: MarketDate): Promise<Recording> {
  const midnightMs = istMidnight(date)
  const positions = new Map<string, number>()
  const instruments: ListedInstrument[] = []
  const candles: RunningCandle[][] = []
  let rowCount = 0
  let firstMs = 0
  let lastMs = 0
  for await (const rows of readRecording(path, midnightMs)) {
    for (const row of rows) {
      if (rowCount === 0) firstMs = row.timeMs
      rowCount += 1
      lastMs = row.timeMs
      let at = positions.get(instrumentKey(row))
      if (at === undefined) {
        at = instruments.push(listed(row)) - 1
        candles.push([])
        positions.set(instrumentKey(row), at)
      }
      addTrade(candles[at]!, row)
    }
  }
  let stream: RecordingStream | null = null
  return {
    rowCount,
    firstMs: firstMs as UnixMs,
    lastMs: lastMs as UnixMs,
    instruments,
    open: () => {
      stream = new RecordingStream(readRecording(path, midnightMs), positions)
      return stream
    },
    candles: (instrument, fromMs, toMs, nowMs) => {
      const isWanted = ({ timestampMs }: VendorCandle): boolean => timestampMs >= fromMs && timestampMs < toMs
      const whole = candles[instrument]!.filter(({ timestampMs }) => timestampMs + MINUTE_MS <= nowMs)
      const running = stream?.runningCandle(instruments[instrument]!, nowMs) ?? null
      return [...whole, ...(running === null ? [] : [running])].filter(isWanted).map(rupees)
    },
  }
}

function listed(row: RecordedTrade): ListedInstrument {
  return {
    exchange: row.exchange,
    token: row.token,
    symbol: row.token,
    vendorSymbol: row.exchange === 'NSE' ? `${row.token}-EQ` : row.token,
    isIndex: false,
    // The recording does not know the day before; its first price is the nearest there is.
    previousClose: row.price,
    lowerCircuit: toTick(row.price * 0.8),
    upperCircuit: toTick(row.price * 1.2),
  }
}

/** Candles in paise, the last one still growing. A row of size 0 is a price as well. */
function addTrade(candles: RunningCandle[], { timeMs, price, size }: RecordedTrade): void {
  const timestampMs = minuteStart(minuteOf(timeMs))
  const last = candles.at(-1)
  if (last === undefined || last.timestampMs !== timestampMs) {
    candles.push({ timestampMs, open: price, high: price, low: price, close: price, volume: size })
    return
  }
  if (price > last.high) last.high = price
  if (price < last.low) last.low = price
  last.close = price
  last.volume += size
}

function rupees(paise: VendorCandle): VendorCandle {
  const { timestampMs, open, high, low, close, volume } = paise
  return { timestampMs, open: open / 100, high: high / 100, low: low / 100, close: close / 100, volume }
}

/** Sums of one instrument over the day so far. */
class DaySums {
  date = ''
  volume = 0
  turnover = 0
  open = 0
  high = 0
  low = 0
  tradeMs = 0
  lastQuantity = 0
}

class RecordingStream implements UpdateStream {
  readonly #blocks: AsyncGenerator<readonly RecordedTrade[], void, void>
  readonly #positions: ReadonlyMap<string, number>
  readonly #sums: readonly DaySums[]
  readonly #batch = new UpdateBatch()
  #block: readonly RecordedTrade[] = []
  #row = 0
  #rowCount = 0
  /**
   * Rows handed out, from the minute in which the batch before the present one ended. Who asks for the
   * running candle has used up that batch, so the minute that runs for him is in here.
   */
  #recent: RecordedTrade[] = []

  constructor(
    blocks: AsyncGenerator<readonly RecordedTrade[], void, void>,
    positions: ReadonlyMap<string, number>,
  ) {
    this.#blocks = blocks
    this.#positions = positions
    this.#sums = Array.from(positions, () => new DaySums())
  }

  async next(): Promise<UpdateBatch | null> {
    const batch = this.#batch
    batch.count = 0
    const usedUpTo = minuteOf(this.#recent.at(-1)?.timeMs ?? 0)
    this.#recent = this.#recent.filter(({ timeMs }) => minuteOf(timeMs) >= usedUpTo)
    while (batch.count < UPDATE_BATCH_ROWS) {
      if (this.#row === this.#block.length && !(await this.#readBlock())) break
      const row = this.#block[this.#row++]!
      this.#write(batch, batch.count++, row)
      this.#recent.push(row)
    }
    return batch.count === 0 ? null : batch
  }

  close(): void {
    void this.#blocks.return()
  }

  runningCandle(instrument: ListedInstrument, nowMs: number): VendorCandle | null {
    const candles: RunningCandle[] = []
    for (const row of this.#recent) {
      const due = row.timeMs <= nowMs && minuteOf(row.timeMs) === minuteOf(nowMs)
      if (due && row.token === instrument.token && row.exchange === instrument.exchange)
        addTrade(candles, row)
    }
    return candles[0] ?? null
  }

  /** Brings at least one more row; false at the end of the file. */
  async #readBlock(): Promise<boolean> {
    do {
      const { value, done } = await this.#blocks.next()
      if (done === true) return false
      this.#block = value
    } while (this.#block.length === 0)
    this.#row = 0
    return true
  }

  #write(batch: UpdateBatch, at: number, row: RecordedTrade): void {
    const instrument = this.#positions.get(instrumentKey(row))
    // The file changed between the two readings: what was checked is not what is played.
    if (instrument === undefined) throw new Error(`the recording changed while it was played`)
    const sums = this.#sums[instrument]!
    addToDay(sums, row)
    batch.atMs[at] = row.timeMs
    batch.instrument[at] = instrument
    batch.sequence[at] = ++this.#rowCount
    batch.exchangeMs[at] = Math.floor(row.timeMs / SECOND_MS) * SECOND_MS
    batch.price[at] = row.price
    batch.lastQuantity[at] = sums.lastQuantity
    batch.averagePrice[at] = sums.volume === 0 ? 0 : Math.round(sums.turnover / sums.volume)
    batch.dayVolume[at] = sums.volume
    batch.dayOpen[at] = sums.open
    batch.dayHigh[at] = sums.high
    batch.dayLow[at] = sums.low
    batch.tradeMs[at] = sums.tradeMs
  }
}

function addToDay(sums: DaySums, { timeMs, price, size }: RecordedTrade): void {
  const date = istDateOf(timeMs)
  if (date !== sums.date) Object.assign(sums, new DaySums(), { date, open: price, high: price, low: price })
  sums.volume += size
  sums.turnover += price * size
  sums.high = Math.max(sums.high, price)
  sums.low = Math.min(sums.low, price)
  if (size === 0) return
  sums.lastQuantity = size
  sums.tradeMs = Math.floor(timeMs / SECOND_MS) * SECOND_MS
}
