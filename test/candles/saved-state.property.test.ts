/** Is a fold that was saved and loaded the same fold? Whatever came before, and whatever comes after. */
import { createHash } from 'node:crypto'
import { deserialize } from 'node:v8'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CandleFold, FOLD_VERSION } from '../../src/candles/fold.ts'
import { addMomentum, growMomentum, startMomentum } from '../../src/candles/momentum.ts'
import type { CandleColumns } from '../../src/domain/candle.ts'
import { ENTRY_PACKETS, type Fact, PACKET_HEAD_BYTES, PACKETS_HEAD_BYTES } from '../../src/domain/fact.ts'
import type { MomentumColumns } from '../../src/domain/momentum.ts'
import { MODES } from '../../src/domain/tick.ts'
import type { Minute } from '../../src/domain/time.ts'
import { StateReader, StateWriter } from '../../src/platform/saved-state.ts'
import { smartapi } from '../../src/venues/smartapi/index.ts'
import {
  at,
  CASH_PHASES,
  INFY,
  minuteAt,
  NIFTY,
  quotesBody,
  SBIN,
  SessionKit,
} from '../support/session-kit.ts'
import { FIRST, MINUTES, play, STOCKS, step } from '../support/session-steps.ts'

type Entry = (fold: CandleFold) => void

/** Keeps what is told, to be told again to other folds. */
class RecordingKit extends SessionKit {
  readonly entries: Entry[] = []

  override fact(fact: Fact): this {
    this.entries.push((fold) => fold.fact(fact))
    return super.fact(fact)
  }

  override raw(packet: Uint8Array, receivedMs: number, connection = 0): this {
    const bytes = new Uint8Array(PACKETS_HEAD_BYTES + PACKET_HEAD_BYTES + packet.length)
    const view = new DataView(bytes.buffer)
    view.setFloat64(0, receivedMs, true)
    view.setUint16(PACKETS_HEAD_BYTES, packet.length, true)
    view.setUint16(PACKETS_HEAD_BYTES + 2, connection, true)
    bytes.set(packet, PACKETS_HEAD_BYTES + PACKET_HEAD_BYTES)
    this.entries.push((fold) => fold.entry(ENTRY_PACKETS, 1, bytes, view, 0, bytes.length))
    return super.raw(packet, receivedMs, connection)
  }
}

const LATER = { ...CASH_PHASES, continuous: [{ fromMs: at('09:16'), toMs: at('15:40') }] }

/** What a plain day of packets does not hold: other runs, other deals, refusals, answers, missing entries. */
const rarities: fc.Arbitrary<Entry> = fc
  .record({
    atMs: fc.integer({ min: at('09:14'), max: at('09:22') }).map((ms) => ms as never),
    shard: fc.integer({ min: 0, max: 1 }),
    what: fc.integer({ min: 0, max: 9 }),
  })
  .map(({ atMs, shard, what }) => {
    const told =
      (fact: Fact): Entry =>
      (fold) =>
        fold.fact(fact)
    const begun =
      (change: object): Entry =>
      (fold) => {
        const start = fold.startFact()
        if (start !== null) fold.fact({ ...start, atMs, ...change })
      }
    switch (what) {
      case 0:
        return begun({ instruments: [SBIN, INFY], shards: [0, 1], phaseOf: [0, 0] })
      case 1:
        return begun({
          instruments: [INFY, SBIN, NIFTY],
          shards: [0, shard, 1],
          phaseOf: [0, 1, 0],
          phases: [CASH_PHASES, LATER],
        })
      case 2:
        return begun({ instruments: [NIFTY], shards: [0], phaseOf: [0], mode: MODES[0] })
      case 3:
        return told({ kind: 'refused', instruments: [0, 7], code: 'AB1', message: '', atMs })
      case 4:
        return told({ kind: 'quotes', body: quotesBody('09:16:02', 201, 900), atMs })
      case 5:
        return told({ kind: 'dropped', shard, count: 3, atMs })
      case 6:
        return (fold) => fold.missed()
      case 7:
        return told({ kind: 'alive', shard, atMs, askedMs: (atMs - 500) as never })
      case 8:
        return told({ kind: 'connect', shard, connection: 3, atMs })
      default:
        return told({ kind: 'live', shard, connection: 3, atMs })
    }
  })

/** Even; drawn as a double, nearly every one would be next to nothing. */
const share: fc.Arbitrary<number> = fc.noBias(fc.integer({ min: 0, max: 9_999 })).map((n) => n / 10_000)

const day: fc.Arbitrary<readonly Entry[]> = fc
  .record({
    steps: fc.array(step, { maxLength: 100, size: 'max' }),
    rare: fc.array(fc.record({ entry: rarities, place: share }), { maxLength: 12, size: 'max' }),
    /** What comes twice, late, or far too early: then all that is in between is refused, and outvotes it. */
    copies: fc.array(fc.record({ from: share, place: share }), { maxLength: 6, size: 'max' }),
  })
  .map(({ steps, rare, copies }) => {
    const kit = new RecordingKit({ instruments: STOCKS })
    play(steps, kit)
    const entries = [...kit.entries]
    const insert = (place: number, entry: Entry): void =>
      void entries.splice(Math.floor(place * entries.length), 0, entry)
    for (const { from, place } of copies) insert(place, entries[Math.floor(from * entries.length)]!)
    for (const { entry, place } of rare) insert(place, entry)
    return entries
  })

/** A fold with what a worker keeps beside it. */
class Listener {
  fold: CandleFold = this.#newFold()
  readonly candles: [Minute, CandleColumns][] = []
  readonly signals: MomentumColumns[] = []
  #momentum = startMomentum(0)

  #newFold(): CandleFold {
    return new CandleFold({
      venue: smartapi,
      lateness: 'live',
      onCandles: (minute, columns) => {
        this.candles.push([minute, columns])
        this.#momentum = growMomentum(this.#momentum, this.fold.instruments().length)
        this.signals.push(addMomentum(this.#momentum, columns, minute - this.fold.minuteRange().from))
      },
    })
  }

  hear(entries: readonly Entry[]): this {
    for (const entry of entries) entry(this.fold)
    return this
  }

  /** As a restart does: all that was in memory is gone but what was written. */
  restart(writer: StateWriter): this {
    writer.reset()
    const { priceVolume, volume, high } = this.#momentum
    for (const cells of [priceVolume, volume, high]) writer.cells(cells)
    this.fold.save(writer)
    const reader = new StateReader(writer.bytes().slice())
    this.#momentum = { priceVolume: reader.float64(), volume: reader.float64(), high: reader.float64() }
    this.fold = this.#newFold()
    this.fold.load(reader)
    expect(reader.isAtEnd()).toBe(true)
    return this
  }

  /** All that anybody can ask. */
  observed(): object {
    const { fold } = this
    const minutes = Array.from({ length: MINUTES + 12 }, (_, n) => (FIRST - 4 + n) as Minute)
    const indices = [...fold.instruments().keys()]
    return {
      candles: this.candles,
      signals: this.signals,
      start: fold.startFact(),
      instruments: fold.instruments(),
      indices: fold.instruments().map((instrument) => fold.indexOf(instrument)),
      order: fold.order(),
      gaps: fold.gaps(),
      openGaps: fold.openGapCount(),
      outcomes: fold.outcomes(),
      accounts: indices.map((index) => fold.volumeAccount(index)),
      prices: indices.map((index) => fold.lastPrice(index)),
      hasVolume: indices.map((index) => fold.hasVolume(index)),
      lateness: fold.lateness(),
      counts: [fold.packetCount(), fold.lateCount(), fold.droppedCount(), fold.connectionsMax()],
      heardMs: fold.lastReceivedMs(),
      range: [fold.firstOpenMinute(), fold.minuteRange()],
      open: minutes.map((minute) => fold.columnsOf(minute)),
      vouched: minutes.map((minute) => indices.map((index) => fold.isVouched(index, minute))),
      trading: minutes.map((minute) => indices.map((index) => fold.isContinuous(index, minute * 60_000))),
      state: itemsOf(fold),
    }
  }
}

/** What is saved, made plain. */
function itemsOf(fold: CandleFold): readonly unknown[] {
  const writer = new StateWriter()
  fold.save(writer)
  const bytes = writer.bytes()
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const items: unknown[] = []
  for (let itemAt = 0; itemAt < bytes.byteLength; ) {
    const sizeBytes = view.getUint32(itemAt + 4, true)
    const item = bytes.slice(itemAt + 8, itemAt + 8 + sizeBytes)
    items.push(view.getUint32(itemAt, true) === 1 ? deserialize(item) : item)
    itemAt += 8 + ((sizeBytes + 7) & ~7)
  }
  return items
}

test('a fold that is saved and loaded anywhere in a day goes on as if nothing had been', () => {
  const writer = new StateWriter()
  fc.assert(
    fc.property(day, fc.array(share, { maxLength: 3, size: 'max' }), (entries, shares) => {
      const whole = new Listener().hear(entries)
      const cuts = shares.map((one) => Math.floor(one * (entries.length + 1))).sort((a, b) => a - b)
      const pieced = new Listener()
      let from = 0
      for (const cut of cuts) {
        pieced.hear(entries.slice(from, cut)).restart(writer)
        from = cut
      }
      expect(pieced.hear(entries.slice(from)).observed()).toEqual(whole.observed())
    }),
    { numRuns: 200 },
  )
})

test('a feed that was busy and has gone quiet is still missed after a restart', () => {
  const kit = new RecordingKit({ instruments: STOCKS }).liveSinceMorning()
  for (let n = 0; n < 700; n++) {
    kit.packet(`09:15:${String(10 + (n % 40)).padStart(2, '0')}`, { price: 20_000, dayVolume: 100 + n })
  }
  kit.minute('09:15').packet('09:16:01', { price: 20_000, dayVolume: 900 }).minute('09:16').alive('09:18')
  const whole = new Listener().hear(kit.entries)
  expect(whole.fold.isVouched(0, minuteAt('09:16'))).toBe(false)
  for (let cut = kit.entries.length - 6; cut <= kit.entries.length; cut++) {
    const pieced = new Listener().hear(kit.entries.slice(0, cut)).restart(new StateWriter())
    expect(pieced.hear(kit.entries.slice(cut)).observed()).toEqual(whole.observed())
  }
})

test('a fold can be saved before it was told anything', () => {
  expect(new Listener().restart(new StateWriter()).observed()).toEqual(new Listener().observed())
})

test('only a live fold is saved: settle knows the journal and nothing else', () => {
  const { fold } = new SessionKit({ lateness: 'settle' })
  expect(() => fold.save(new StateWriter())).toThrow('live')
})

test('saving again takes no more memory, and leaves nothing of what was saved before', () => {
  const kit = new SessionKit({ instruments: STOCKS })
  const writer = new StateWriter()
  play(fc.sample(step, { seed: 3, numRuns: 100 }), kit).fold.save(writer)
  const [first, { buffer }] = [writer.bytes().slice(), writer.bytes()]
  for (let n = 0; n < 3; n++) {
    writer.reset()
    kit.fold.save(writer)
    expect(writer.bytes()).toEqual(first)
    expect(writer.bytes().buffer).toBe(buffer)
  }
})

/**
 * Of the numbers below, made of a fixed day. Where a rule of the candle or the layout has changed, a state
 * that an older program left must not be gone on from: give FOLD_VERSION the next number, and this the hash.
 */
const FINGERPRINT = '1 58bc8de215024130'

test('another rule or another layout is another version of the fold', () => {
  const days = fc.sample(day, { seed: 11, numRuns: 25 })
  const hash = createHash('sha256')
  for (const entries of days) hash.update(JSON.stringify(new Listener().hear(entries).observed(), plain))
  expect(`${FOLD_VERSION} ${hash.digest('hex').slice(0, 16)}`).toBe(FINGERPRINT)
})

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  return value instanceof Map ? [...value] : value
}

test('a state that ends too early, or is another, is told', () => {
  const writer = new StateWriter()
  play([], new SessionKit({ instruments: STOCKS })).fold.save(writer)
  const bytes = writer.bytes().slice()
  const load = (part: Uint8Array): void => new Listener().fold.load(new StateReader(part))
  expect(() => load(bytes)).not.toThrow()
  for (const share of [0, 0.1, 0.5, 0.999]) {
    expect(() => load(bytes.subarray(0, Math.floor((bytes.byteLength * share) / 8) * 8))).toThrow(
      'saved state',
    )
  }
  writer.reset()
  writer.cells(new Uint8Array(8))
  expect(() => load(writer.bytes())).toThrow('otherwise')
})
