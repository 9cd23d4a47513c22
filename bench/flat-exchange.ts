/**
 * Who sends 30,000 packets a second, minute after minute? The stand-in, protocol and all, with a source
 * of its own: every instrument gets the same number of packets, evenly, all session long. (The stand-in's
 * generator has a busy open and quiet noons; a figure that holds "throughout" wants an even load.) The
 * clock is CHANDLER_CLOCK's. Prints its address as one line of JSON.
 */

import { MINUTE_MS, SECOND_MS, type UnixMs } from '../src/domain/time.ts'
import { createClock, parseClockSetting } from '../src/platform/clock.ts'
import { demoInstruments } from '../src/sim/smartapi/listing.ts'
import {
  type ListedInstrument,
  type TickSource,
  UPDATE_BATCH_ROWS,
  UpdateBatch,
  type UpdateStream,
} from '../src/sim/smartapi/source.ts'
import { startSmartapiStandIn } from '../src/sim/smartapi/stand-in.ts'
import { smartapiStandIn } from '../src/venues/smartapi/index.ts'
import { flag } from './measure.ts'
import { openOf, planBenchDay } from './session.ts'

const SESSION_MINUTES = 375
/** From the exchange to the vendor's socket. */
const LATENCY_MS = 40
const BASE_PAISE = 100_000

const packetsPerSecond = flag('rate', 500)
const instrumentCount = flag('instruments', 3_000)
const setting = process.env.CHANDLER_CLOCK
if (setting === undefined) throw new Error('CHANDLER_CLOCK is not set')
const clock = createClock(parseClockSetting(setting))
const listed: ListedInstrument[] = demoInstruments(instrumentCount).map((instrument) => ({
  ...instrument,
  vendorSymbol: instrument.symbol,
  isIndex: false,
  previousClose: BASE_PAISE,
  lowerCircuit: BASE_PAISE * 0.5,
  upperCircuit: BASE_PAISE * 2,
}))
const openMs = openOf(planBenchDay(listed))

class FlatStream implements UpdateStream {
  readonly #batch = new UpdateBatch()
  readonly #price = new Float64Array(instrumentCount).fill(BASE_PAISE)
  readonly #high = new Float64Array(instrumentCount).fill(BASE_PAISE)
  readonly #low = new Float64Array(instrumentCount).fill(BASE_PAISE)
  readonly #volume = new Float64Array(instrumentCount)
  #count = 0
  #chance = 1

  next(): UpdateBatch | null {
    const batch = this.#batch
    const total = SESSION_MINUTES * 60 * packetsPerSecond
    batch.count = Math.min(UPDATE_BATCH_ROWS, total - this.#count)
    for (let row = 0; row < batch.count; row++) this.#write(batch, row)
    return batch.count === 0 ? null : batch
  }

  #write(batch: UpdateBatch, row: number): void {
    const n = this.#count++
    // A stride that shares no factor with the count visits all instruments before it repeats one.
    const at = (n * 1_009) % instrumentCount
    const timeMs = openMs + (n * SECOND_MS) / packetsPerSecond
    this.#chance = (Math.imul(this.#chance, 1_664_525) + 1_013_904_223) | 0
    const step = (((this.#chance >>> 8) % 7) - 3) * 5
    const price = Math.min(BASE_PAISE * 1.9, Math.max(BASE_PAISE * 0.6, this.#price[at]! + step))
    const size = 1 + ((this.#chance >>> 16) & 63)
    this.#price[at] = price
    this.#volume[at]! += size
    this.#high[at] = Math.max(this.#high[at]!, price)
    this.#low[at] = Math.min(this.#low[at]!, price)
    batch.atMs[row] = timeMs + LATENCY_MS
    batch.instrument[row] = at
    batch.sequence[row] = n + 1
    batch.exchangeMs[row] = Math.floor(timeMs / SECOND_MS) * SECOND_MS
    batch.price[row] = price
    batch.lastQuantity[row] = size
    batch.averagePrice[row] = price
    batch.dayVolume[row] = this.#volume[at]!
    batch.dayOpen[row] = BASE_PAISE
    batch.dayHigh[row] = this.#high[at]!
    batch.dayLow[row] = this.#low[at]!
    batch.tradeMs[row] = batch.exchangeMs[row]!
  }

  close(): void {
    this.#count = SESSION_MINUTES * MINUTE_MS * packetsPerSecond
  }
}

const source: TickSource = {
  instruments: listed,
  open: (_fromMs: UnixMs) => new FlatStream(),
  candles: () => [],
}
const log = {
  info: () => {},
  warn: () => {},
  error: (text: string) => void process.stderr.write(`${text}\n`),
  pass: () => {},
}
const standIn = await startSmartapiStandIn({ clock, venue: smartapiStandIn, port: 0, source, log })
process.stdout.write(`${JSON.stringify({ restUrl: standIn.restUrl, streamUrl: standIn.streamUrl })}\n`)
process.once('SIGTERM', () => {
  const { updateCount, packetCount, conflatedCount } = standIn.stats()
  process.stdout.write(`${JSON.stringify({ updateCount, packetCount, conflatedCount })}\n`)
  void standIn.stop()
})
