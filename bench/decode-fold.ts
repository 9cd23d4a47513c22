/**
 * How many packets a second does one thread decode and fold, and how many does the vendor's own SDK only
 * decode? A whole session: 3,000 instruments, 375 minutes, quote packets, every minute finalised.
 */
import { CandleFold } from '../src/candles/fold.ts'
import { smartapi } from '../src/venues/smartapi/index.ts'
import { alternate, flag, medianOf, report, say, secondsOf, spreadOf } from './measure.ts'
import { generateDay, RecordedDay } from './session.ts'
import { openSdkDecoder } from './smartapi-sdk.ts'

const INSTRUMENTS = 3_000
const MINUTES = 375
/** Five packets a candle: far fewer than a busy feed sends, and as many as fit into memory. */
const PACKETS_PER_SECOND = 250
/** The SDK compiles a parser for every packet: a few thousand take it long enough. */
const SDK_PACKETS = 3_000
const RATE_MIN = 5_000_000
const RATIO_MIN = 100

const runs = flag('runs', 7)
say(`making a session of ${INSTRUMENTS} instruments`)
const recorded = new RecordedDay(
  generateDay(INSTRUMENTS, PACKETS_PER_SECOND),
  MINUTES,
  PACKETS_PER_SECOND * MINUTES * 60 * 1.1,
)
let candleCount = 0
let acceptedCount = 0

function foldAll(): number {
  candleCount = 0
  const fold = new CandleFold({
    venue: smartapi,
    lateness: 'live',
    onCandles: (_minute, columns) => {
      candleCount += columns.rowCount
    },
  })
  const seconds = secondsOf(() => recorded.foldInto(fold))
  acceptedCount = fold.outcomes().accepted!
  return recorded.packetCount / seconds
}

const sdk = openSdkDecoder()
const packets = recorded.packets(SDK_PACKETS).map((packet) => Buffer.from(packet))

function decodeAll(): number {
  let sum = 0
  const seconds = secondsOf(() => {
    for (const packet of packets) sum += Number(sdk.decode(packet).vol_traded)
  })
  if (!(sum > 0)) throw new Error('the SDK decoded no volume')
  return packets.length / seconds
}

const { ours, theirs, ratios } = await alternate(runs, foldAll, decodeAll)
sdk.close()
const figure = spreadOf(ours)
const ratio = medianOf(ratios)
report({
  name: 'decode-fold',
  what: 'quote packets decoded and folded into candles, one thread',
  figure: figure.median,
  unit: 'packets/s',
  ...figure,
  baseline: medianOf(theirs),
  baselineUnit: 'packets/s',
  baselineWhat: 'smartapi-javascript 1.0.27, its message handler, decoding only',
  ratio,
  target: `>= ${RATE_MIN} packets/s and >= ${RATIO_MIN} times the SDK`,
  holds: figure.median >= RATE_MIN && ratio >= RATIO_MIN,
  notes: {
    instruments: INSTRUMENTS,
    minutes: MINUTES,
    packets: recorded.packetCount,
    accepted: acceptedCount,
    candles: candleCount,
    sdkPackets: SDK_PACKETS,
  },
})
