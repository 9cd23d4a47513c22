/**
 * What may a Prometheus ask? Names, units and help texts stand here and nowhere else; the values are those
 * of the view at the moment of asking. Counters of a session begin at zero with it, which Prometheus
 * understands.
 */
import { Counter, Gauge, type Metric, Registry } from 'prom-client'
import type { HistogramFacts } from '../domain/histogram.ts'
import type { WorkerSample } from '../domain/worker-sample.ts'
import type { MarketView } from './market-view.ts'

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export class MarketMetrics {
  readonly #registry = new Registry()
  readonly #view: () => MarketView

  constructor(view: () => MarketView) {
    this.#view = view
    this.#registry.setDefaultLabels({ market: view().market })
    this.#addWorker()
    this.#addHistograms()
    this.#addTruth()
    this.#addJobs()
    this.#addMachine()
  }

  /** Prometheus text. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  #addWorker(): void {
    this.#counter('packets_total', 'Packets received in the session', (w) => w.packetCount)
    this.#counter('ticks_total', 'Packets that were accepted', (w) => w.acceptedCount)
    this.#counter('late_ticks_total', 'Ticks of minutes that were finalised already', (w) => w.lateCount)
    this.#counter('overflow_packets_total', 'Packets lost because the journal could not take them', (w) => {
      return w.overflowCount
    })
    this.#counter('candles_finalised_total', 'Candles finalised in the session', (w) => w.candleCount)
    this.#counter('minutes_published_total', 'Minutes published as Parquet', (w) => w.minuteCount)
    this.#counter(
      'gaps_total',
      'Intervals of the session in which the feed could not be trusted',
      (w) => w.gapCount,
    )
    this.#counter('feed_connects_total', 'Sockets opened by this run of the worker', (w) => w.connectCount)
    this.#counter(
      'journal_bytes_total',
      'Bytes journalled by this run of the worker',
      (w) => w.journalledBytes,
    )
    this.#ofWorker('gaps_open', 'Gaps that are open now', (w) => w.openGaps.length)
    this.#ofWorker('feed_shards', 'Sockets that are to be held', (w) => w.shardCount)
    this.#ofWorker('feed_shards_live', 'Sockets that are live', (w) => w.liveCount)
    this.#ofWorker(
      'feed_silent_seconds',
      'Since the quietest socket received anything',
      (w) => w.silentMs / 1_000,
    )
    this.#ofWorker('feed_tick_silent_seconds', 'Since the quietest socket received a tick', (w) => {
      return w.tickSilentMs / 1_000
    })
    this.#ofWorker('journal_lag_bytes', 'Bytes received and not yet durable', (w) => w.journalLagBytes)
    this.#ofWorker(
      'event_loop_delay_p99_seconds',
      "How long the feed's thread kept work waiting, p99",
      (w) => (w.loopDelay === null ? null : w.loopDelay.p99Ms / 1_000),
    )
    const rejected = new Counter({
      name: 'chandler_packets_rejected_total',
      help: 'Packets that were rejected, by reason',
      labelNames: ['reason'],
      registers: [this.#registry],
      collect: () => {
        rejected.reset()
        for (const [reason, count] of Object.entries(this.#view().worker?.rejected ?? {})) {
          rejected.inc({ reason }, count)
        }
      },
    })
  }

  #addHistograms(): void {
    this.#histogram(
      'packet_lateness_seconds',
      'From the stamp of the exchange to the arrival',
      (w) => w.lateness,
    )
    this.#histogram(
      'finalise_seconds',
      "From a minute's end plus grace to its durable file",
      (w) => w.finalise,
    )
    this.#histogram('journal_sync_seconds', 'Durations of fdatasync', (w) => w.sync)
  }

  #addTruth(): void {
    this.#gauge('ctt_age_sessions', 'Sessions that ended after the last canonical one', (v) => {
      return v.truth?.cttAgeSessions ?? null
    })
    this.#gauge('truth_epoch_age_sessions', 'Sessions that ended after the truth epoch', (v) => {
      return v.truth?.epochAgeSessions ?? null
    })
    this.#gauge('halted', '1 while a halt is on', (v) => {
      return v.truth === null ? null : Number(v.truth.haltReason !== null)
    })
    this.#gauge('reviews_open', 'Verdicts that wait for an operator', (v) => v.truth?.reviewCount ?? null)
    this.#gauge('chain_verified', '1 while the event chain is intact', (v) => {
      return v.chain === null ? null : Number(v.chain.status === 'VERIFIED')
    })
    this.#gauge('chain_events', 'Events in the chain', (v) => v.chain?.eventCount ?? null)
  }

  #addJobs(): void {
    this.#gauge(
      'permits_left_today',
      "Requests left of the vendor's day",
      (v) => v.permits?.leftToday ?? null,
    )
    this.#gauge('permits_left_this_minute', "Requests left of the vendor's minute", (v) => {
      return v.permits?.leftThisMinute ?? null
    })
    this.#gauge(
      'queue_waiting',
      'Failed requests that wait for the retry pass',
      (v) => v.queue?.waitingCount ?? null,
    )
    this.#gauge(
      'queue_parked',
      'Failed requests that wait for an operator',
      (v) => v.queue?.parkedCount ?? null,
    )
    const jobs = new Counter({
      name: 'chandler_jobs_total',
      help: 'Jobs that ended, by outcome',
      labelNames: ['job', 'outcome'],
      registers: [this.#registry],
      collect: () => {
        jobs.reset()
        for (const { job, outcome, count } of this.#view().jobCounts) jobs.inc({ job, outcome }, count)
      },
    })
    const suggestions = new Gauge({
      name: 'chandler_suggestions',
      help: 'Suggestions of the day, by monitor',
      labelNames: ['monitor'],
      registers: [this.#registry],
      collect: () => {
        suggestions.reset()
        for (const { monitor, count } of this.#view().suggestionCounts) suggestions.set({ monitor }, count)
      },
    })
  }

  #addMachine(): void {
    this.#gauge('disk_free_bytes', 'Free space where the lake lies', (v) => v.disk?.freeBytes ?? null)
    const memory = new Gauge({
      name: 'chandler_resident_memory_bytes',
      help: 'Resident memory',
      labelNames: ['process'],
      registers: [this.#registry],
      collect: () => {
        const { worker, daemonRssBytes } = this.#view()
        memory.reset()
        memory.set({ process: 'daemon' }, daemonRssBytes)
        if (worker !== null) memory.set({ process: 'worker' }, worker.rssBytes)
      },
    })
    const build = new Gauge({
      name: 'chandler_build_info',
      help: 'Always 1; the version stands in the label',
      labelNames: ['version'],
      registers: [this.#registry],
    })
    build.set({ version: this.#view().version }, 1)
  }

  #counter(name: string, help: string, of: (worker: WorkerSample) => number): void {
    const counter: Counter = new Counter({
      name: `chandler_${name}`,
      help,
      registers: [this.#registry],
      collect: () => {
        const { worker } = this.#view()
        counter.reset()
        counter.inc(worker === null ? 0 : of(worker))
      },
    })
  }

  #ofWorker(name: string, help: string, of: (worker: WorkerSample) => number | null): void {
    this.#gauge(name, help, ({ worker }) => (worker === null ? null : of(worker)))
  }

  /** A value that is not known is not shown, rather than shown as zero. */
  #gauge(name: string, help: string, of: (view: MarketView) => number | null): void {
    const gauge: Gauge = new Gauge({
      name: `chandler_${name}`,
      help,
      registers: [this.#registry],
      collect: () => {
        const value = of(this.#view())
        if (value === null) gauge.remove()
        else gauge.set(value)
      },
    })
  }

  #histogram(name: string, help: string, of: (worker: WorkerSample) => HistogramFacts): void {
    const metric = countedElsewhere(`chandler_${name}`, help, () => {
      const { worker } = this.#view()
      return worker === null ? null : of(worker)
    })
    this.#registry.registerMetric(metric)
  }
}

/**
 * The library counts by itself; what was counted in another process is shown through its registry all the
 * same.
 */
function countedElsewhere(name: string, help: string, facts: () => HistogramFacts | null): Metric<string> {
  const get = (): Promise<object> =>
    Promise.resolve({ name, help, type: 'histogram', values: valuesOf(name, facts()) })
  const metric = { name, help, type: 'histogram', labelNames: ['le'], get, reset: () => {} }
  return metric as unknown as Metric<string>
}

type HistogramValue = { readonly labels: object; readonly value: number; readonly metricName: string }

function valuesOf(name: string, facts: HistogramFacts | null): readonly HistogramValue[] {
  if (facts === null) return []
  let total = 0
  const buckets = facts.counts.map((count, place) => {
    total += count
    const boundMs = facts.boundsMs[place]
    const le = boundMs === undefined ? '+Inf' : String(boundMs / 1_000)
    return { labels: { le }, value: total, metricName: `${name}_bucket` }
  })
  return [
    ...buckets,
    { labels: {}, value: facts.sumMs / 1_000, metricName: `${name}_sum` },
    { labels: {}, value: total, metricName: `${name}_count` },
  ]
}
