/**
 * What lives as long as one run of the worker? The journal, the fold of it, and the publication of what
 * the fold finalises. Opening it replays what earlier runs of the same day left, from their last checkpoint
 * on or, where there is none of use, from the beginning; so afterwards state and candles are exactly what an
 * uninterrupted run would have, and only the gap is told.
 */
import { join } from 'node:path'
import { openSeqFile } from '../bus/seq-file.ts'
import { CandleFold } from '../candles/fold.ts'
import type { CandleColumns } from '../domain/candle.ts'
import { messageOf } from '../domain/error.ts'
import type { Fact } from '../domain/fact.ts'
import type { Instrument } from '../domain/instrument.ts'
import type { Phases, Session } from '../domain/session.ts'
import { type Minute, minuteEnd, type UnixMs } from '../domain/time.ts'
import type { JournalAppender } from '../journal/appender.ts'
import { openJournal } from '../journal/journal.ts'
import type { JournalPlace } from '../journal/place.ts'
import { type LoopDelay, type LoopDelayMonitor, watchLoopDelay } from '../platform/loop-delay.ts'
import type { StateWriter } from '../platform/saved-state.ts'
import { journalDir, type LakeDay } from '../store/lake.ts'
import { entriesByPath, journalFloor, readManifest } from '../store/manifest.ts'
import { createPublisher, type Publisher } from '../store/publish.ts'
import { chainHeadMember } from './chain.ts'
import { type Checkpoint, readCheckpoint, usableOf } from './checkpoint.ts'
import { CheckpointKeeper } from './checkpoint-keeper.ts'
import { counted, type FinalisedCounts, loadState, NOTHING_FINALISED, saveState } from './checkpoint-state.ts'
import { foldJournal, tellDamages } from './fold-journal.ts'
import { INDIA, venue } from './india-day.ts'
import { Ingest } from './ingest.ts'
import type { LatencyRecord, LatencySummary } from './latency-record.ts'
import { Publication } from './publication.ts'
import type { IndiaContext } from './vendor.ts'
import { alertOfFlapping, WorkerBus, WorkerCounters } from './worker-bus.ts'

/** One session, its instruments sorted by symbol, and per instrument its shard and class of phases. */
export type DayPlan = {
  readonly session: Session
  readonly instruments: readonly Instrument[]
  readonly shards: readonly number[]
  readonly phases: readonly Phases[]
  readonly phaseOf: readonly number[]
}

export type StreamSummary = {
  readonly candleCount: number
  readonly packetCount: number
  readonly lateCount: number
  readonly gapCount: number
  readonly publishedMinutes: number
  /** By reason. */
  readonly rejected: Readonly<Record<string, number>>
  /** From a minute's end plus grace to its durable part; null when no minute ended. */
  readonly latency: LatencySummary | null
  /** How long the feed's thread kept a waiting packet waiting. */
  readonly loopDelay: LoopDelay | null
}

export interface LiveDay {
  readonly fold: CandleFold
  readonly ingest: Ingest
  readonly journal: JournalAppender
  /** When the run before this one was heard of last; null for the first run of the day. */
  readonly resumedFromMs: UnixMs | null
  /** From the end of a minute's grace to its durable part, of the minutes that ended in this run. */
  readonly latencies: LatencyRecord
  candleCount(): number
  publishedMinutes(): number
  start(): void
  finalise(minute: Minute): void
  stop(reason: string): void
  /** Resolves when everything finalised is published. */
  published(): Promise<void>
  summary(): StreamSummary
  /** Makes everything durable and ends the threads. Safe to call twice. */
  end(): Promise<void>
}

export async function openLiveDay(
  context: IndiaContext,
  plan: DayPlan,
  onFailure: (error: unknown) => void,
): Promise<LiveDay> {
  const { config, log, simulation } = context
  const lakeDay: LakeDay = { market: INDIA, date: plan.session.date }
  const manifest = readManifest(config.dataDir, lakeDay)
  const dir = join(config.dataDir, journalDir(lakeDay))
  const { journal: limits } = config.markets.in
  const news = new WorkerBus(log, openSeqFile(join(config.dataDir, 'jobs', INDIA, 'bus.seq')))
  const publisher = await createPublisher({
    dataDir: config.dataDir,
    market: INDIA,
    note: (text) => log.warn(text),
  })
  try {
    const found = readCheckpoint(dir, lakeDay.date)
    const { appender, report, isKnown } = await openJournal({
      dir,
      floorSeq: journalFloor(manifest),
      known: found.kind === 'found' ? found.checkpoint.place : undefined,
      ringBytes: limits.ringBytes,
      commitMs: limits.syncIntervalMs,
      commitBytes: limits.syncBytes,
      segmentMaxBytes: limits.segmentBytes,
      segmentMaxMs: limits.segmentMinutes * 60_000,
      ballastBytes: limits.ballastBytes,
      ballastPath: join(config.dataDir, '.ballast'),
      ...(simulation === undefined ? {} : { simulation }),
    })
    appender.onFailure(onFailure)
    appender.onDegraded((what) => log.error(what))
    if (!report.wasClean) log.warn('the last run did not end cleanly', { journal: report.class })
    const published = new Set(entriesByPath(manifest).keys())
    const { checkpoint, why } = usableOf(found, isKnown)
    if (why !== null) log.warn(NOT_USED, { reason: why })
    const parts = { context, plan, lakeDay, dir, appender, publisher, published, news, onFailure }
    return new OpenDay(parts, checkpoint)
  } catch (error) {
    await publisher.end()
    throw error
  }
}

const NOT_USED = 'checkpoint not used: the whole journal is read'

type OpenDayParts = {
  readonly context: IndiaContext
  readonly plan: DayPlan
  readonly lakeDay: LakeDay
  readonly dir: string
  readonly appender: JournalAppender
  readonly publisher: Publisher
  readonly published: ReadonlySet<string>
  readonly news: WorkerBus
  readonly onFailure: (error: unknown) => void
}

class OpenDay implements LiveDay {
  readonly fold: CandleFold
  readonly ingest: Ingest
  readonly journal: JournalAppender
  readonly resumedFromMs: UnixMs | null
  readonly #news: WorkerBus
  readonly #counters: WorkerCounters
  readonly #parts: OpenDayParts
  readonly #publication: Publication
  readonly #keeper: CheckpointKeeper
  /** When this run began to listen; minutes that ended before are late by our absence, not by our speed. */
  #startedMs = Number.POSITIVE_INFINITY
  #loopDelay: LoopDelayMonitor | null = null
  #finalised: { minute: Minute; columns: CandleColumns }[] = []
  #counts: FinalisedCounts = NOTHING_FINALISED
  #knownInstruments = 0
  #hasEnded = false

  /** The checkpoint is not kept: its state is as large as the fold's. */
  constructor(parts: OpenDayParts, checkpoint: Checkpoint | null) {
    this.#parts = parts
    this.journal = parts.appender
    this.#news = parts.news
    this.#counters = new WorkerCounters(this.#news.bus)
    alertOfFlapping(this.#news.bus, parts.context.log)
    this.#publication = new Publication({
      day: parts.lakeDay,
      utcOffsetMs: parts.plan.session.utcOffsetMs,
      publisher: parts.publisher,
      whenDurable: (seq) => this.#whenDurable(seq),
      published: parts.published,
      onPublished: (minute) => this.#onPublished(minute),
      onFailure: parts.onFailure,
      onIdle: () => this.#keeper.offer(),
    })
    this.#keeper = new CheckpointKeeper({
      dir: parts.dir,
      date: parts.lakeDay.date,
      save: (writer) => this.#save(writer),
      whenDurable: (seq) => this.#whenDurable(seq),
      log: parts.context.log,
    })
    const fold = checkpoint === null ? null : this.#resumed(checkpoint)
    this.fold = fold ?? this.#newFold()
    const onFact = (fact: Fact): void => this.#news.fact(fact)
    this.ingest = new Ingest({ journal: parts.appender, fold: this.fold, onFact })
    this.#replay(fold === null ? undefined : checkpoint?.place)
    const heardMs = this.fold.lastReceivedMs()
    this.resumedFromMs = heardMs > 0 ? heardMs : null
  }

  #newFold(): CandleFold {
    return new CandleFold({
      venue,
      lateness: 'live',
      onCandles: (minute, columns) => this.#finalised.push({ minute, columns }),
    })
  }

  /** The fold as it was at the checkpoint; null where it does not fit. */
  #resumed(checkpoint: Checkpoint): CandleFold | null {
    try {
      const fold = this.#newFold()
      this.#counts = loadState(checkpoint.state, this.#publication, fold)
      this.#knownInstruments = fold.instruments().length
      return fold
    } catch (error) {
      this.#parts.context.log.warn(NOT_USED, { reason: messageOf(error) })
      return null
    }
  }

  /** The state after the last entry of the journal, which is returned. */
  #save(writer: StateWriter): number {
    this.ingest.commit()
    saveState(writer, this.#counts, this.#publication, this.fold)
    return this.journal.committedSeq()
  }

  /**
   * Folds what earlier runs of the day journalled, after the checkpoint; publishes what they finalised and
   * did not publish.
   */
  #replay(after: JournalPlace | undefined): void {
    const { log } = this.#parts.context
    let seq = 0
    const takeOver = (): void => this.#takeFinalised(seq)
    const read = foldJournal(this.#parts.dir, [this.fold], {
      after,
      onEntry: (next) => {
        takeOver()
        seq = next
      },
    })
    takeOver()
    tellDamages(log, read)
    const { entryCount, lastSeq } = read
    if (lastSeq > 0) log.info('journal replayed', { entries: entryCount, afterSeq: after?.seq ?? 0, lastSeq })
  }

  #takeFinalised(journalSeq: number): void {
    if (this.#finalised.length === 0) return
    const batch = this.#finalised
    this.#finalised = []
    const instruments = this.fold.instruments()
    if (instruments.length !== this.#knownInstruments) {
      this.#knownInstruments = instruments.length
      this.#publication.setInstruments(instruments)
    }
    const first = this.fold.minuteRange().from
    for (const { minute, columns } of batch) {
      this.#counts = counted(this.#counts, minute, columns.rowCount)
      this.#keeper.countMinute()
      this.#publication.add({ minute, columns, journalSeq, minutesBefore: minute - first })
    }
  }

  start(): void {
    const { context, plan } = this.#parts
    const { session, instruments, shards, phases, phaseOf } = plan
    context.log.info('ready to connect')
    this.#startedMs = context.clock.wallMs()
    this.#loopDelay = watchLoopDelay()
    this.ingest.fact({
      kind: 'start',
      version: 1,
      market: session.market,
      venue: venue.name,
      date: session.date,
      utcOffsetMs: session.utcOffsetMs,
      atMs: context.clock.wallMs(),
      mode: context.config.markets.in.stream.mode,
      graceMs: context.config.markets.in.stream.graceMs,
      instruments,
      shards,
      phaseOf,
      phases,
      ...chainHeadMember(context, INDIA),
    })
  }

  finalise(minute: Minute): void {
    const { clock } = this.#parts.context
    this.ingest.record({ kind: 'minute', minute, atMs: clock.wallMs() }, (seq) => {
      this.#takeFinalised(seq)
      this.journal.requestSync()
    })
  }

  #onPublished(minute: Minute): void {
    const { clock, config } = this.#parts.context
    const deadlineMs = minuteEnd(minute) + config.markets.in.stream.graceMs
    const atMs = clock.wallMs()
    // The wall's time: it counts a timer that fired late. Asked to stop, a minute ends before its grace does.
    const latencyMs = deadlineMs < this.#startedMs ? null : Math.max(0, atMs - deadlineMs) / clock.speed
    this.#news.minutePublished(minute, latencyMs, atMs)
  }

  #whenDurable(seq: number): Promise<void> {
    // What was replayed from disk was recovered, and recovery makes it durable.
    return seq <= this.journal.durableSeq() ? Promise.resolve() : this.journal.whenDurable(seq)
  }

  candleCount(): number {
    return this.#counts.candleCount
  }

  publishedMinutes(): number {
    return this.#counters.publishedMinutes
  }

  stop(reason: string): void {
    this.ingest.fact({ kind: 'stop', reason, atMs: this.#parts.context.clock.wallMs() })
  }

  async published(): Promise<void> {
    await this.ingest.drained()
    await this.#publication.drained()
  }

  get latencies(): LatencyRecord {
    return this.#counters.latencies
  }

  summary(): StreamSummary {
    // Nothing is half done here: what was published in this very turn is counted as well.
    this.#news.bus.drain()
    const { accepted: _accepted, ...rejected } = this.fold.outcomes()
    return {
      candleCount: this.#counts.candleCount,
      packetCount: this.fold.packetCount(),
      lateCount: this.fold.lateCount(),
      gapCount: this.fold.gaps().length,
      publishedMinutes: this.#counters.publishedMinutes,
      rejected,
      latency: this.latencies.summary(),
      loopDelay: this.#loopDelay?.soFar() ?? null,
    }
  }

  async end(): Promise<void> {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#loopDelay?.stop()
    this.ingest.commit()
    try {
      await this.published()
      await this.#keeper.end()
      await this.journal.close()
    } finally {
      await this.#parts.publisher.end()
    }
  }
}
