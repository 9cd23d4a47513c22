/** What does the worker look like from outside, right now? Samples a running day for the live screen. */
import type { CandleFold } from '../candles/fold.ts'
import type { Interval, Phases } from '../domain/session.ts'
import { SECOND_MS, type UnixMs } from '../domain/time.ts'
import type { Clock } from '../platform/clock.ts'
import type { ShardStatus } from '../stream/connection.ts'
import type { LivePhase, LiveShard, LiveSnapshot, LiveSymbol, ShardState } from '../terminal/live-snapshot.ts'
import type { StreamProbe } from './stream-probe.ts'

const RATES_KEPT = 120
const LOG_LINES_KEPT = 50
const SYMBOLS_SHOWN = 12

export class LiveSampler {
  readonly #title: string
  readonly #clock: Clock
  readonly #probe: StreamProbe
  readonly #logLines: string[]
  readonly #rates: number[] = []
  readonly #closes = new Map<number, (number | null)[]>()
  readonly #references = new Map<number, number>()
  #sampledMinute = 0
  #packetCount = 0
  #sampledMonoMs: number

  constructor(title: string, clock: Clock, probe: StreamProbe, logLines: string[]) {
    this.#title = title
    this.#clock = clock
    this.#probe = probe
    this.#logLines = logLines
    this.#sampledMonoMs = clock.monoMs()
    this.#packetCount = probe.day.fold.packetCount()
  }

  sample(): LiveSnapshot {
    const { day, session } = this.#probe
    const { fold, journal, latencies } = day
    const atMs = this.#clock.wallMs()
    const { accepted, ...rejected } = fold.outcomes()
    const range = fold.minuteRange()
    const gaps = fold.gaps()
    this.#noteRate(fold)
    this.#noteCloses(fold)
    return {
      title: this.#title,
      market: session.market,
      date: session.date,
      atMs,
      utcOffsetMs: session.utcOffsetMs,
      speed: this.#clock.speed,
      phase: phaseAt(fold.startFact()?.phases ?? [], atMs),
      session: { fromMs: (range.from * 60_000) as UnixMs, toMs: (range.to * 60_000) as UnixMs },
      shards: this.#shards(atMs),
      packetsPerSecond: this.#rates.at(-1) ?? 0,
      packetRates: this.#rates,
      acceptedCount: accepted ?? 0,
      rejected,
      lateTickCount: fold.lateCount(),
      journal: {
        writtenSeq: journal.writtenSeq(),
        durableSeq: journal.durableSeq(),
        lagBytes: journal.usedBytes(),
        sizeBytes: day.ingest.journalledBytes,
      },
      candleCount: day.candleCount(),
      minuteCount: day.publishedMinutes(),
      finaliseP50Ms: latencies.quantile(0.5),
      finaliseP99Ms: latencies.quantile(0.99),
      openGapCount: gaps.filter(({ toMs }) => toMs === null).length,
      gapCount: gaps.filter((gap) => isInSession(gap.fromMs, gap.toMs, range.from, range.to)).length,
      symbols: this.#symbols(fold),
      logLines: this.#logLines.slice(-LOG_LINES_KEPT),
    }
  }

  /** Packets a second of real time since the sample before. */
  #noteRate(fold: CandleFold): void {
    const monoMs = this.#clock.monoMs()
    const realSeconds = (monoMs - this.#sampledMonoMs) / this.#clock.speed / SECOND_MS
    if (realSeconds <= 0) return
    this.#rates.push((fold.packetCount() - this.#packetCount) / realSeconds)
    if (this.#rates.length > RATES_KEPT) this.#rates.shift()
    this.#packetCount = fold.packetCount()
    this.#sampledMonoMs = monoMs
  }

  #noteCloses(fold: CandleFold): void {
    const minute = fold.firstOpenMinute()
    if (minute === this.#sampledMinute || fold.instruments().length === 0) return
    this.#sampledMinute = minute
    for (const index of fold.order().subarray(0, SYMBOLS_SHOWN)) {
      const price = fold.lastPrice(index) || null
      const closes = this.#closes.get(index) ?? []
      closes.push(price)
      this.#closes.set(index, closes)
      if (price !== null && !this.#references.has(index)) this.#references.set(index, price)
    }
  }

  #symbols(fold: CandleFold): readonly LiveSymbol[] {
    return Array.from(fold.order().subarray(0, SYMBOLS_SHOWN), (index) => ({
      symbol: fold.instruments()[index]!.symbol,
      lastPrice: fold.lastPrice(index) || null,
      referencePrice: this.#references.get(index) ?? null,
      closes: this.#closes.get(index) ?? [],
    }))
  }

  #shards(atMs: UnixMs): readonly LiveShard[] {
    return this.#probe.feed().shards.map((status) => ({
      shard: status.shard,
      state: stateOf(status),
      sinceMs: status.lastReceiptMs ?? atMs,
      connectCount: status.connectCount,
      instrumentCount: status.instrumentCount,
    }))
  }
}

function stateOf({ state }: ShardStatus): ShardState {
  switch (state) {
    case 'live':
      return 'live'
    case 'authorising':
    case 'connecting':
    case 'subscribing':
      return 'connecting'
    case 'backing-off':
      return 'backing off'
    default:
      return 'lost'
  }
}

function isInSession(fromMs: number, toMs: number | null, from: number, to: number): boolean {
  return fromMs < to * 60_000 && (toMs === null || toMs > from * 60_000)
}

function phaseAt(phases: readonly Phases[], atMs: UnixMs): LivePhase {
  const [first] = phases
  if (first === undefined) return 'before'
  const isWithin = (interval: Interval | null): boolean =>
    interval !== null && interval.fromMs <= atMs && atMs < interval.toMs
  if (first.continuous.some(isWithin)) return 'continuous'
  if (isWithin(first.preOpen)) return 'pre-open'
  if (isWithin(first.closingAuction)) return 'closing auction'
  if (first.continuous.every(({ fromMs }) => atMs < fromMs)) return 'before'
  return first.continuous.every(({ toMs }) => atMs >= toMs) ? 'after' : 'break'
}
