/**
 * What becomes of what the sockets hear when the journal cannot keep up? The writer runs in this thread and
 * only when a test says so, behind a small ring: it fills up, packets are refused and counted, facts wait.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { foldJournal } from '../../src/app/fold-journal.ts'
import { Ingest } from '../../src/app/ingest.ts'
import { CandleFold } from '../../src/candles/fold.ts'
import type { CandleColumns } from '../../src/domain/candle.ts'
import {
  decodeFact,
  ENTRY_PACKETS,
  type Fact,
  PACKET_HEAD_BYTES,
  PACKETS_HEAD_BYTES,
} from '../../src/domain/fact.ts'
import type { Minute, UnixMs } from '../../src/domain/time.ts'
import { minuteOf } from '../../src/domain/time.ts'
import { readSegments } from '../../src/journal/reader.ts'
import { yieldTurn } from '../../src/platform/clock.ts'
import { smartapi } from '../../src/venues/smartapi/index.ts'
import { endRig, type Rig, startRig, tempDir } from '../journal/harness.ts'
import { at, CASH_PHASES, DATE, encode, INFY, PLAIN, UTC_OFFSET_MS } from '../support/session-kit.ts'

/** Room for three of the largest groups: the smallest ring in which any packet fits the half. */
const RING_BYTES = 256 * 1024
const PACKET_MAX_BYTES = 65_535

class Desk {
  readonly dir: string = tempDir()
  readonly rig: Rig = startRig(this.dir, { ringBytes: RING_BYTES })
  readonly finalised: [Minute, CandleColumns][] = []
  readonly fold: CandleFold = foldInto(this.finalised)
  readonly ingest: Ingest = new Ingest({ journal: this.rig.appender, fold: this.fold })
  /** What was said, in order: the fact, or the packet's bytes as they should be kept. */
  readonly told: (Fact | Uint8Array)[] = []
  refusedCount = 0
  foldedCount = 0
  factCount = 0

  fact(fact: Fact): void {
    this.factCount++
    this.told.push(fact)
    this.ingest.record(fact, () => this.foldedCount++)
  }

  packet(frame: Uint8Array, receivedMs: UnixMs): boolean {
    const isTaken = this.ingest.packet(0, frame, receivedMs)
    if (isTaken) this.told.push(frame.slice(0, PACKET_MAX_BYTES))
    else this.refusedCount++
    return isTaken
  }

  /** The writer's thread has its turn; everything committed so far becomes durable. */
  async write(): Promise<void> {
    this.rig.clock.nowMs += 100
    this.rig.writer.turn()
    await yieldTurn()
  }

  /** Ends the run in good order. */
  async end(): Promise<void> {
    this.ingest.commit()
    while (this.foldedCount < this.factCount) await this.write()
    endRig(this.rig)
  }

  /** What the journal holds, in order, like `told`. */
  kept(): (Fact | Uint8Array)[] {
    return keptIn(this.dir)
  }
}

function foldInto(finalised: [Minute, CandleColumns][]): CandleFold {
  const onCandles = (minute: Minute, columns: CandleColumns): void => void finalised.push([minute, columns])
  return new CandleFold({ venue: smartapi, lateness: 'live', onCandles })
}

function keptIn(dir: string): (Fact | Uint8Array)[] {
  const kept: (Fact | Uint8Array)[] = []
  for (const { type, count, bytes, view, payloadOffset, payloadLength } of readSegments(dir)) {
    if (type !== ENTRY_PACKETS) {
      kept.push(decodeFact(bytes.subarray(payloadOffset, payloadOffset + payloadLength)))
      continue
    }
    let from = payloadOffset + PACKETS_HEAD_BYTES
    for (let n = 0; n < count; n++) {
      const length = view.getUint16(from, true)
      from += PACKET_HEAD_BYTES
      kept.push(bytes.slice(from, from + length))
      from += length
    }
  }
  return kept
}

/** Everything that a reader of the fold can ask for. */
function stateOf(fold: CandleFold, finalised: readonly [Minute, CandleColumns][]): unknown {
  return {
    finalised: finalised.map(([minute, columns]) => [
      minute,
      Object.entries(columns).map(([, v]) => String(v)),
    ]),
    outcomes: fold.outcomes(),
    packetCount: fold.packetCount(),
    lateCount: fold.lateCount(),
    droppedCount: fold.droppedCount(),
    gaps: fold.gaps(),
    lastReceivedMs: fold.lastReceivedMs(),
    firstOpen: fold.firstOpenMinute(),
    account: fold.instruments().map((_, index) => fold.volumeAccount(index)),
  }
}

const START: Fact = {
  kind: 'start',
  version: 1,
  market: 'in',
  venue: 'smartapi',
  date: DATE,
  utcOffsetMs: UTC_OFFSET_MS,
  atMs: at('08:55'),
  mode: 'quote',
  graceMs: 2_000,
  instruments: [INFY],
  shards: [0],
  phaseOf: [0],
  phases: [CASH_PHASES],
}

function opened(): Desk {
  const desk = new Desk()
  desk.fact(START)
  desk.fact({ kind: 'connect', shard: 0, connection: 0, atMs: at('08:56') })
  desk.fact({ kind: 'live', shard: 0, connection: 0, atMs: at('08:56') })
  return desk
}

function quote(timeMs: number, sequence: number, dayVolume: number, price: number): Uint8Array {
  const exchangeMs = Math.floor(timeMs / 1_000) * 1_000
  return encode({ ...PLAIN, exchangeMs, sequence, dayVolume, price, dayHigh: price, dayLow: price })
}

test('a full ring refuses and counts packets; facts wait, none is lost, their order is kept', async () => {
  const desk = opened()
  const big = new Uint8Array(60_000)
  while (desk.packet(big, at('09:20'))) desk.ingest.commit()
  expect(desk.refusedCount).toBe(1)
  // The ring is full of packets: these facts find no room, and no packet may overtake them.
  const alive: Fact[] = Array.from({ length: 2_000 }, (_, n) => ({
    kind: 'note',
    text: `${n} ${'x'.repeat(100)}`,
    atMs: at('09:20:01'),
  }))
  for (const fact of alive) desk.fact(fact)
  expect(desk.foldedCount).toBeLessThan(desk.factCount)
  expect(desk.packet(new Uint8Array(10), at('09:20:02'))).toBe(false)
  expect(desk.ingest.droppedCount).toBe(2)
  let hasRoom = false
  void desk.ingest.whenRoom().then(() => {
    hasRoom = true
  })
  await yieldTurn()
  expect(hasRoom).toBe(false)
  while (desk.foldedCount < desk.factCount) await desk.write()
  await desk.write()
  expect(hasRoom).toBe(true)
  expect(desk.packet(new Uint8Array(10), at('09:20:03'))).toBe(true)
  await desk.end()
  expect(desk.kept()).toEqual(desk.told)
})

test('a frame longer than a packet can be is kept up to there, and rejected by its length', async () => {
  const desk = opened()
  for (const sizeBytes of [PACKET_MAX_BYTES, PACKET_MAX_BYTES + 1, 1 << 20]) {
    expect(desk.packet(new Uint8Array(sizeBytes).fill(7), at('09:20'))).toBe(true)
    await desk.write()
  }
  await desk.end()
  expect(desk.kept()).toEqual(desk.told)
  expect(desk.fold.outcomes().accepted).toBe(0)
  expect(desk.fold.packetCount()).toBe(3)
})

type Step =
  | { readonly kind: 'quote'; readonly afterMs: number; readonly shares: number; readonly move: number }
  | { readonly kind: 'junk'; readonly sizeBytes: number }
  | { readonly kind: 'back'; readonly byMs: number }
  | { readonly kind: 'minute' | 'alive' | 'lost' | 'live' | 'write' | 'turn' }

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('quote' as const),
      afterMs: fc.integer({ min: 0, max: 20_000 }),
      shares: fc.integer({ min: 0, max: 50 }),
      move: fc.integer({ min: -20, max: 20 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('junk' as const),
      sizeBytes: fc.oneof(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 30_000, max: 140_000 })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('back' as const), byMs: fc.integer({ min: 1, max: 5_000 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'minute' as const,
        'alive' as const,
        'lost' as const,
        'live' as const,
        'write' as const,
        'turn' as const,
      ),
    }),
  },
)

async function play(desk: Desk, steps: readonly Step[]): Promise<void> {
  let nowMs: number = at('09:15:01')
  let sequence = 0
  let dayVolume = 0
  let price = 100_000
  for (const step of steps) {
    const atMs = nowMs as UnixMs
    switch (step.kind) {
      case 'quote':
        nowMs += step.afterMs
        dayVolume += step.shares
        price += step.move
        desk.packet(quote(nowMs, ++sequence, dayVolume, price), nowMs as UnixMs)
        break
      case 'junk':
        desk.packet(new Uint8Array(step.sizeBytes).fill(sequence), atMs)
        break
      case 'back': // the wall clock is corrected
        nowMs -= step.byMs
        break
      case 'minute':
        desk.fact({ kind: 'minute', minute: (minuteOf(nowMs) - 1) as Minute, atMs })
        break
      case 'alive':
        desk.fact({ kind: 'alive', shard: 0, atMs })
        break
      case 'lost':
        desk.fact({ kind: 'lost', shard: 0, fromMs: atMs, atMs, reason: 'overflow', detail: '' })
        break
      case 'live':
        desk.fact({ kind: 'live', shard: 0, connection: 0, atMs })
        break
      case 'write':
        await desk.write()
        break
      case 'turn':
        await yieldTurn()
    }
  }
}

test('the live fold is the fold of what is on disk, however full the ring was', async () => {
  let refusedCount = 0
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 120, size: 'max' }), async (steps) => {
      const desk = opened()
      await play(desk, steps)
      await desk.end()
      const finalised: [Minute, CandleColumns][] = []
      const again = foldInto(finalised)
      const { damages } = foldJournal(desk.dir, [again])
      expect(damages).toEqual([])
      expect(desk.kept()).toEqual(desk.told)
      expect(stateOf(again, finalised)).toEqual(stateOf(desk.fold, desk.finalised))
      expect(desk.ingest.droppedCount).toBe(desk.refusedCount)
      refusedCount += desk.refusedCount
    }),
    { numRuns: 100 },
  )
  // Otherwise the property was never put to the test where it is hard.
  expect(refusedCount).toBeGreaterThan(50)
})
