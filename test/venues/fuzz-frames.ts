/**
 * Can any damage to a packet surprise the decoder? Good packets of all modes are damaged in a
 * reproducible way, and every result is compared with a second opinion: the same question answered
 * slowly, with BigInt, straight from the layout. Each packet lies between guard bytes and is decoded
 * twice with other guards and another alignment, so a look beyond its ends changes a result.
 */
import { EXCHANGES } from '../../src/domain/instrument.ts'
import { ABSENT, MODES, PACKET_OUTCOMES, type TickFields } from '../../src/domain/tick.ts'
import { decodePacket, encodePacket, readPacket } from '../../src/venues/smartapi/index.ts'
import { SAMPLE_PACKET, spoiltTick } from './samples.ts'

export type FuzzReport = {
  readonly count: number
  readonly seed: number
  /** How many frames came to each outcome, in the order of PACKET_OUTCOMES. */
  readonly outcomes: Readonly<Record<string, number>>
  /** Sums up every outcome and number: equal for equal count and seed, whatever the machine. */
  readonly digest: number
}

const LENGTHS = [51, 123, 379, 443]
const CODES = [1, 2, 3, 4, 5, 7, 13]
const I64_OFFSETS = [27, 35, 43, 51, 59, 67, 91, 99, 107, 115, 123, 131, 347, 355, 363, 371]
const EDGES = [
  0n,
  1n,
  -1n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  9_007_199_254_740n, // the last second, and the first that is no exact number of milliseconds
  9_007_199_254_741n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  -(2n ** 32n),
]

type Random = () => number

/** Throws at the first frame that is judged wrongly, with the frame in hex. */
export function fuzzFrames(count: number, seed: number): FuzzReport {
  const random = seeded(seed)
  const good = goodFrames()
  const outcomes = new Array<number>(PACKET_OUTCOMES.length).fill(0)
  let digest = 0
  for (let index = 0; index < count; index += 1) {
    const frame = damaged(good, random)
    const result = judge(frame, random)
    outcomes[result.outcome] = outcomes[result.outcome]! + 1
    digest = (Math.imul(digest, 31) + result.outcome + Math.trunc(result.tick.price)) | 0
  }
  const named = PACKET_OUTCOMES.map((name, code) => [name, outcomes[code]!] as const)
  return { count, seed, outcomes: Object.fromEntries(named), digest }
}

function goodFrames(): readonly Uint8Array[] {
  return MODES.flatMap((mode) =>
    EXCHANGES.map((exchange, index) => {
      const out = new Uint8Array(443)
      const token = ['1', '1594', '99926000', '1234567890123456789012345'][index % 4]!
      return out.slice(0, encodePacket({ ...SAMPLE_PACKET, mode, exchange, token }, out, 0))
    }),
  )
}

function damaged(good: readonly Uint8Array[], random: Random): Uint8Array {
  const frame = good[below(random, good.length)]!.slice()
  const view = new DataView(frame.buffer)
  switch (below(random, 8)) {
    case 0: // bits flip
      for (let flips = 1 + below(random, 8); flips > 0; flips -= 1) {
        frame[below(random, frame.length)]! ^= 1 << below(random, 8)
      }
      return frame
    case 1: // the end is missing
      return frame.slice(0, below(random, frame.length))
    case 2: {
      // something follows
      const longer = new Uint8Array(frame.length + 1 + below(random, 400))
      longer.set(frame)
      return longer
    }
    case 3: // a number at its edge, often where numbers are
      for (let edges = 1 + below(random, 3); edges > 0; edges -= 1) {
        const known = I64_OFFSETS[below(random, I64_OFFSETS.length)]!
        const at = known + 8 <= frame.length ? known : below(random, frame.length - 7)
        view.setBigInt64(at, EDGES[below(random, EDGES.length)]!, true)
      }
      return frame
    case 4: {
      // the head of one packet, the tail of another
      const other = good[below(random, good.length)]!
      const cut = below(random, Math.min(frame.length, other.length))
      return Uint8Array.from([...frame.subarray(0, cut), ...other.subarray(cut)])
    }
    case 5: // another mode or exchange
      frame[below(random, 2)] = below(random, 16)
      return frame
    case 6: // noise of a plausible size
      for (let at = 2; at < frame.length; at += 1) frame[at] = below(random, 256)
      return frame
    default: // noise from here to there
      for (let at = below(random, frame.length); at < frame.length && random() > 0.05; at += 1) {
        frame[at] = below(random, 256)
      }
      return frame
  }
}

function judge(frame: Uint8Array, random: Random): { readonly outcome: number; readonly tick: TickFields } {
  const first = decodeGuarded(frame, below(random, 16), 0x00)
  const second = decodeGuarded(frame, below(random, 16), 0xff)
  const opinion = secondOpinion(frame)
  const packet = readPacket(frame)
  const isWhole = opinion.outcome !== 1 && opinion.outcome !== 2
  const agrees =
    first.outcome === second.outcome &&
    first.outcome === opinion.outcome &&
    sameTick(first.tick, second.tick) &&
    Object.entries(opinion.numbers).every(
      ([name, value]) => first.tick[name as keyof TickFields] === value,
    ) &&
    (packet !== null) === isWhole
  if (!agrees) throw new Error(`wrongly judged: ${Buffer.from(frame).toString('hex')}`)
  return first
}

function decodeGuarded(
  frame: Uint8Array,
  offset: number,
  guard: number,
): { readonly outcome: number; readonly tick: TickFields } {
  const bytes = new Uint8Array(offset + frame.length + 500).fill(guard)
  bytes.set(frame, offset)
  const tick = spoiltTick()
  const outcome = decodePacket(bytes, new DataView(bytes.buffer), offset, frame.length, tick)
  if (tick.tokenOffset >= 0) tick.tokenOffset -= offset
  return { outcome, tick }
}

function sameTick(a: TickFields, b: TickFields): boolean {
  return (Object.keys(a) as (keyof TickFields)[]).every((name) => a[name] === b[name])
}

type Opinion = { readonly outcome: number; readonly numbers: Readonly<Record<string, number>> }

/** The rules once more, written for clarity: the outcome, and the numbers that it vouches for. */
function secondOpinion(frame: Uint8Array): Opinion {
  const mode = frame[0] ?? 0
  if (LENGTHS[mode - 1] !== frame.length) return { outcome: 1, numbers: {} }
  const exchange = CODES.indexOf(frame[1]!)
  if (exchange < 0) return { outcome: 2, numbers: {} }
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const end = frame.subarray(2, 27).indexOf(0)
  const base = { mode: mode - 1, exchange, tokenOffset: 2, tokenLength: end < 0 ? 25 : end }
  const wire = (at: number): bigint => view.getBigInt64(at, true)
  const counts: Record<string, bigint> = { exchangeMs: wire(mode === 4 ? 27 : 35) }
  if (mode !== 4) counts.sequence = wire(27)
  if (mode === 2 || mode === 3) {
    Object.assign(counts, { lastQuantity: wire(51), dayVolume: wire(67) })
    Object.assign(counts, { dayOpen: wire(91), dayHigh: wire(99), dayLow: wire(107) })
  }
  if (mode === 3) counts.tradeMs = wire(123) * 1000n
  const isExact = (value: bigint): boolean => value >= 0n && value < 2n ** 53n
  if (!Object.values(counts).every(isExact)) return { outcome: 3, numbers: base }
  const price = mode === 4 ? 0n : wire(43)
  if (price >= 2n ** 53n) return { outcome: 3, numbers: base }
  const absent = { sequence: ABSENT, lastQuantity: ABSENT, dayVolume: ABSENT, dayOpen: ABSENT }
  const alsoAbsent = { dayHigh: ABSENT, dayLow: ABSENT, tradeMs: ABSENT }
  const present = Object.fromEntries(Object.entries(counts).map(([name, value]) => [name, Number(value)]))
  const isPriced = price > 0n
  const numbers = { ...base, ...absent, ...alsoAbsent, ...present, price: isPriced ? Number(price) : ABSENT }
  return { outcome: isPriced ? 0 : 4, numbers }
}

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit)
}

/** mulberry32: small, fast, and the same everywhere. */
function seeded(seed: number): Random {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
