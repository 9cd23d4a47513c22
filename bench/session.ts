/**
 * What is measured? One NSE session of the stand-in's generator: instruments, phases and shards as the
 * worker would plan them, and its packets in quote mode as the vendor's bytes.
 */
import { classify } from '../src/app/india-day.ts'
import { isSession, loadCalendar } from '../src/calendars/calendar.ts'
import type { CandleFold } from '../src/candles/fold.ts'
import { ENTRY_PACKETS, type Fact, PACKET_HEAD_BYTES, PACKETS_HEAD_BYTES } from '../src/domain/fact.ts'
import { bySymbol, type Instrument } from '../src/domain/instrument.ts'
import type { Phases, Session } from '../src/domain/session.ts'
import {
  HOUR_MS,
  type MarketDate,
  MINUTE_MS,
  type Minute,
  minuteEnd,
  type UnixMs,
} from '../src/domain/time.ts'
import { createGenerator } from '../src/sim/smartapi/generator.ts'
import { PacketMaker } from '../src/sim/smartapi/packet-maker.ts'
import { planShards } from '../src/stream/shards.ts'
import { smartapi, smartapiStandIn } from '../src/venues/smartapi/index.ts'

export const DATE: MarketDate = '2026-07-01' as MarketDate
export const GRACE_MS = 2_000
/** Bytes of a packet in quote mode. */
export const QUOTE_BYTES = 123
const QUOTE_MODE = 1
const GROUP_MAX_BYTES = 64 * 1024

export type BenchDay = {
  readonly session: Session
  readonly instruments: readonly Instrument[]
  readonly shards: readonly number[]
  readonly phases: readonly Phases[]
  readonly phaseOf: readonly number[]
}

/** One generated packet; the memory of `frame` is only valid during the visit. */
export type VisitPacket = (frame: Uint8Array, atMs: number, instrument: number) => void

export function planBenchDay(listed: readonly Instrument[]): BenchDay {
  const calendar = loadCalendar('nse')
  const session = calendar.sessionOn(DATE)
  if (!isSession(session)) throw new Error(`${DATE} has no session`)
  const instruments = listed
    .map(({ exchange, token, symbol, derivatives }) => ({
      exchange,
      token,
      symbol,
      ...(derivatives === true ? { derivatives } : {}),
    }))
    .sort(bySymbol)
  const shards = planShards(instruments, smartapi.limits, smartapi.name)
  return { session, instruments, shards, ...classify(calendar, session, instruments) }
}

export type GeneratedDay = {
  readonly day: BenchDay
  /** Per listed instrument, in the order that `visit` counts them: its shard. */
  readonly shardOfListed: readonly number[]
  /** Visits the packets from 09:15 on for `minutes`, in the order of their times. */
  readonly walk: (minutes: number, visit: VisitPacket) => void
}

export function generateDay(instrumentCount: number, packetsPerSecond: number): GeneratedDay {
  const generator = createGenerator({ date: DATE, instrumentCount, packetsPerSecond })
  const day = planBenchDay(generator.instruments)
  const shardOf = new Map(day.instruments.map(({ token }, at) => [token, day.shards[at]!]))
  const openMs = openOf(day)
  return {
    day,
    shardOfListed: generator.instruments.map(({ token }) => shardOf.get(token)!),
    walk: (minutes, visit) => {
      const maker = new PacketMaker(smartapiStandIn, generator.instruments)
      const stream = generator.open(openMs)
      const toMs = openMs + minutes * MINUTE_MS
      for (let batch = stream.next(); batch !== null; batch = stream.next()) {
        if (batch instanceof Promise) throw new Error('the generator answers at once')
        for (let row = 0; row < batch.count; row++) {
          const atMs = batch.atMs[row]!
          if (atMs < openMs) continue
          if (atMs >= toMs) return
          visit(maker.frame(batch, row, QUOTE_MODE), atMs, batch.instrument[row]!)
        }
      }
    },
  }
}

export function openOf(day: BenchDay): UnixMs {
  return day.phases[0]!.continuous[0]!.fromMs
}

/** What the journal says before the first packet: the start, and every shard live before the open. */
export function openingFacts(day: BenchDay): readonly Fact[] {
  const earlyMs = (openOf(day) - HOUR_MS / 2) as UnixMs
  const { session, instruments, shards, phases, phaseOf } = day
  const facts: Fact[] = [
    {
      kind: 'start',
      version: 1,
      market: session.market,
      venue: smartapi.name,
      date: session.date,
      utcOffsetMs: session.utcOffsetMs,
      atMs: earlyMs,
      mode: 'quote',
      graceMs: GRACE_MS,
      instruments,
      shards,
      phaseOf,
      phases,
    },
  ]
  for (const shard of new Set(shards)) {
    facts.push({ kind: 'connect', shard, connection: shard, atMs: earlyMs })
    facts.push({ kind: 'live', shard, connection: shard, atMs: earlyMs })
  }
  return facts
}

/** One step of a day as the journal holds it: a group of packets, or the timer. */
type Step =
  | { readonly kind: 'packets'; readonly offset: number; readonly length: number; readonly count: number }
  | { readonly kind: 'minute'; readonly minute: Minute }

/** A day in memory, in the journal's own form, to be folded again and again. */
export class RecordedDay {
  readonly day: BenchDay
  readonly bytes: Uint8Array
  readonly view: DataView
  packetCount = 0
  readonly #steps: Step[] = []

  constructor(generated: GeneratedDay, minutes: number, packetsMax: number) {
    this.day = generated.day
    this.bytes = new Uint8Array(Math.ceil(packetsMax * (PACKET_HEAD_BYTES + QUOTE_BYTES) * 1.01) + 1_000_000)
    this.view = new DataView(this.bytes.buffer)
    this.#record(generated, minutes)
  }

  #record(generated: GeneratedDay, minutes: number): void {
    const { shardOfListed } = generated
    let at = 0
    let groupAt = 0
    let count = 0
    let baseMs = 0
    let minute = Math.floor(openOf(this.day) / MINUTE_MS) as Minute
    const endGroup = (): void => {
      if (count > 0) this.#steps.push({ kind: 'packets', offset: groupAt, length: at - groupAt, count })
      count = 0
    }
    generated.walk(minutes, (frame, atMs, instrument) => {
      const packet = frame.subarray(frame.byteLength - QUOTE_BYTES)
      if (atMs >= minuteEnd(minute) + GRACE_MS) {
        endGroup()
        this.#steps.push({ kind: 'minute', minute })
        minute = (minute + 1) as Minute
      }
      if (count > 0 && at - groupAt + PACKET_HEAD_BYTES + QUOTE_BYTES > GROUP_MAX_BYTES) endGroup()
      if (count === 0) {
        groupAt = at
        baseMs = atMs
        this.view.setFloat64(at, atMs, true)
        at += PACKETS_HEAD_BYTES
      }
      this.view.setUint16(at, QUOTE_BYTES, true)
      this.view.setUint16(at + 2, shardOfListed[instrument]!, true)
      this.view.setUint32(at + 4, atMs - baseMs, true)
      this.bytes.set(packet, at + PACKET_HEAD_BYTES)
      at += PACKET_HEAD_BYTES + QUOTE_BYTES
      count++
      this.packetCount++
    })
    endGroup()
    this.#steps.push({ kind: 'minute', minute })
  }

  /** Everything, once, into a fresh fold. */
  foldInto(fold: CandleFold): void {
    for (const fact of openingFacts(this.day)) fold.fact(fact)
    for (const step of this.#steps) {
      if (step.kind === 'minute') fold.fact({ kind: 'minute', minute: step.minute, atMs: 0 as UnixMs })
      else fold.entry(ENTRY_PACKETS, step.count, this.bytes, this.view, step.offset, step.length)
    }
  }

  /** The first packets, verbatim, each a view. */
  packets(limit: number): Uint8Array[] {
    const packets: Uint8Array[] = []
    for (const step of this.#steps) {
      if (step.kind === 'minute') continue
      for (let n = 0, at = step.offset + PACKETS_HEAD_BYTES; n < step.count; n++) {
        if (packets.length === limit) return packets
        packets.push(this.bytes.subarray(at + PACKET_HEAD_BYTES, at + PACKET_HEAD_BYTES + QUOTE_BYTES))
        at += PACKET_HEAD_BYTES + QUOTE_BYTES
      }
    }
    return packets
  }

  steps(): readonly Step[] {
    return this.#steps
  }
}
