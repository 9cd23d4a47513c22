/**
 * What does it cost to keep, to fold and to be sure, beside only listening? The worker's own connection,
 * ingest, journal (durable) and candle fold in one process, against a bare `ws` client that only counts,
 * both from the same flood of real quote packets from another process.
 *
 * A run of ours begins with the first packet and ends when every packet is durable and every minute is
 * finalised. Sealed segments are left uncompressed: a flood fills in a second what a market fills in a
 * quarter of an hour, and compression is done behind the feed. No Parquet is written, for the same reason.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import WebSocket from 'ws'
import { Ingest } from '../src/app/ingest.ts'
import { CandleFold } from '../src/candles/fold.ts'
import type { FeedSink } from '../src/domain/feed.ts'
import { Secret } from '../src/domain/secret.ts'
import type { Minute, UnixMs } from '../src/domain/time.ts'
import { openJournal } from '../src/journal/journal.ts'
import { createClock, wallOncePerTurn } from '../src/platform/clock.ts'
import { openSocket } from '../src/platform/websocket.ts'
import { Connection } from '../src/stream/connection.ts'
import { smartapi } from '../src/venues/smartapi/index.ts'
import { startChild } from './child.ts'
import { alternate, flag, medianOf, report, say, spreadOf } from './measure.ts'
import { type BenchDay, generateDay, openingFacts, openOf } from './session.ts'

type Offer = {
  readonly port: number
  readonly packetCount: number
  readonly packetsBefore: readonly number[]
  readonly openMinute: number
}

const INSTRUMENTS = 3_000
const MINUTES = 40
const RATE = 500
const RATIO_MIN = 0.5
/** As in the configuration's defaults. */
const JOURNAL = { commitMs: 100, commitBytes: 1 << 20, segmentMaxBytes: 64 << 20, ballastBytes: 0 }

const runs = flag('runs', 7)
const ringBytes = flag('ring-mib', 16) << 20
say('the sender encodes its packets')
const sender = await startChild<Offer>('flood-sender.ts', [
  ...['--instruments', String(INSTRUMENTS), '--minutes', String(MINUTES), '--rate', String(RATE)],
])
const { offer } = sender
const url = `ws://127.0.0.1:${offer.port}/`
const generated = generateDay(INSTRUMENTS, RATE)
// One socket carries all instruments here, so the machine's two cores are sender and receiver.
const day: BenchDay = { ...generated.day, shards: generated.day.shards.map(() => 0) }
const totals = { dropped: 0, rejected: 0, candles: 0 }
/** CPU time of the listening thread alone, ns a packet: what remains of a figure on a busy machine. */
const threadNs = { whole: [] as number[], bare: [] as number[] }

function sinceNs(start: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(start)
  return ((user + system) * 1_000) / offer.packetCount
}

function bare(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false })
    let count = 0
    let startMs = 0
    const cpu = process.threadCpuUsage()
    socket.on('message', () => {
      if (count++ === 0) startMs = performance.now()
    })
    socket.on('error', reject)
    socket.on('close', () => {
      if (count !== offer.packetCount) reject(new Error(`the bare client received ${count} packets`))
      threadNs.bare.push(sinceNs(cpu))
      resolve((count / (performance.now() - startMs)) * 1_000)
    })
  })
}

/** Finalises each minute behind its last packet, where live would have asked the clock. */
class MinutesByCount implements FeedSink {
  readonly #ingest: Ingest
  count = 0
  startMs = 0
  #minutes = 0

  constructor(ingest: Ingest) {
    this.#ingest = ingest
  }

  packet(connection: number, bytes: Uint8Array, receivedMs: UnixMs): boolean {
    if (this.count === 0) this.startMs = performance.now()
    const isTaken = this.#ingest.packet(connection, bytes, receivedMs)
    if (++this.count === offer.packetsBefore[this.#minutes]) {
      const minute = (offer.openMinute + this.#minutes++) as Minute
      this.#ingest.fact({ kind: 'minute', minute, atMs: receivedMs })
    }
    return isTaken
  }

  fact(fact: Parameters<FeedSink['fact']>[0]): void {
    this.#ingest.fact(fact)
  }

  get isFilling(): boolean {
    return this.#ingest.isFilling
  }

  whenRoom(): Promise<void> {
    return this.#ingest.whenRoom()
  }
}

async function whole(): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'chandler-bench-'))
  try {
    const { appender } = await openJournal({ dir, ringBytes, isCompressing: false, ...JOURNAL })
    const fold = new CandleFold({
      venue: smartapi,
      lateness: 'live',
      onCandles: (_minute, columns) => {
        totals.candles += columns.rowCount
      },
    })
    const ingest = new Ingest({ journal: appender, fold })
    ingest.fact(openingFacts(day)[0]!)
    // The writer's thread has started when this is durable: the start of a thread is no throughput.
    appender.requestSync()
    await appender.whenDurable(appender.committedSeq())
    const sink = new MinutesByCount(ingest)
    const cpu = process.threadCpuUsage()
    await listen(sink)
    ingest.commit()
    threadNs.whole.push(sinceNs(cpu))
    appender.requestSync()
    await appender.whenDurable(appender.committedSeq())
    const seconds = (performance.now() - sink.startMs) / 1_000
    await appender.close()
    totals.dropped += ingest.droppedCount + offer.packetCount - fold.packetCount()
    totals.rejected += offer.packetCount - fold.outcomes().accepted!
    return fold.packetCount() / seconds
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Resolves when the vendor has hung up. */
function listen(sink: FeedSink): Promise<void> {
  const clock = createClock({ instantMs: (openOf(day) - 1_800_000) as UnixMs, realMs: Date.now(), speed: 1 })
  const secret = new Secret('bench')
  const tokens = { jwt: secret, refresh: secret, feed: secret }
  const silent = { info: () => {}, warn: () => {}, error: () => {}, pass: () => {} }
  return new Promise((resolve) => {
    const connection = new Connection({
      shard: 0,
      instruments: day.instruments,
      indexOf: new Map(),
      venue: smartapi,
      mode: 'quote',
      streamUrl: url,
      credentials: { apiKey: secret, clientCode: secret, pin: secret, totpSecret: secret },
      tokens: { loginCount: 1, take: async () => tokens, renew: async () => tokens },
      sink,
      clock,
      nowMs: wallOncePerTurn(clock),
      random: () => 0.5,
      log: silent,
      scrub: (text) => text,
      open: openSocket,
      nextConnection: () => 0,
      pingIntervalMs: 10_000,
      backoffCapMs: 30_000,
      onLive: () => {},
      onFailed: () => {
        void connection.stop()
        resolve()
      },
      onRefused: (_shard, error) => {
        throw error
      },
    })
    connection.start()
  })
}

const { ours, theirs, ratios } = await alternate(runs, whole, bare)
await sender.end()
const figure = spreadOf(ours)
const ratio = medianOf(ratios)
const roundsCount = runs + 1
report({
  name: 'whole-path',
  what: 'quote packets from a socket into the durable journal and into candles, one process',
  figure: figure.median,
  unit: 'packets/s',
  ...figure,
  baseline: medianOf(theirs),
  baselineUnit: 'packets/s',
  baselineWhat: 'a bare ws client that only counts, same sender',
  ratio,
  target: `>= ${RATIO_MIN * 100} % of the bare client, nothing dropped`,
  holds: ratio >= RATIO_MIN && totals.dropped === 0,
  notes: {
    ratioSpread: spreadOf(ratios),
    bareSpread: spreadOf(theirs),
    packets: offer.packetCount,
    minutes: MINUTES,
    droppedOfAllRuns: totals.dropped,
    rejectedOfAllRuns: totals.rejected,
    candlesPerRun: totals.candles / roundsCount,
    threadNsPerPacket: { whole: medianOf(threadNs.whole), bare: medianOf(threadNs.bare) },
  },
})
