/** How is the running worker? Taken from its day once a second, for whoever watches from another process. */
import { SECOND_MS, type UnixMs } from '../domain/time.ts'
import type { WorkerSample } from '../domain/worker-sample.ts'
import type { Clock } from '../platform/clock.ts'
import { parentOfProcess } from '../platform/parent.ts'
import type { StreamProbe } from './stream-probe.ts'

/** Tells the process that started us once a second of real time; does nothing where nobody listens. */
export function tellParentOf(probe: StreamProbe, clock: Clock): () => void {
  const parent = parentOfProcess()
  if (parent === null) return () => {}
  const startedMs = clock.wallMs()
  return clock.every(SECOND_MS * clock.speed, () => {
    void parent.tell(sampleOf(probe, clock, startedMs))
  })
}

export function sampleOf(probe: StreamProbe, clock: Clock, startedMs: UnixMs): WorkerSample {
  const { day, session } = probe
  const { fold, journal, ingest, latencies } = day
  const atMs = clock.wallMs()
  const { accepted, ...rejected } = fold.outcomes()
  const { shards } = probe.feed()
  const quietest = (heard: (shard: (typeof shards)[number]) => UnixMs | null): number =>
    Math.max(0, ...shards.map((shard) => atMs - Math.max(heard(shard) ?? 0, startedMs)))
  const gaps = fold.gaps()
  return {
    kind: 'worker-sample',
    atMs,
    market: session.market,
    session: session.date,
    packetCount: fold.packetCount(),
    acceptedCount: accepted ?? 0,
    rejected,
    lateCount: fold.lateCount(),
    overflowCount: ingest.droppedCount,
    candleCount: day.candleCount(),
    minuteCount: day.publishedMinutes(),
    lateness: fold.lateness(),
    finalise: latencies.histogram.facts(),
    sync: journal.syncTimes(),
    journalLagBytes: journal.usedBytes(),
    journalledBytes: ingest.journalledBytes,
    gapCount: gaps.length,
    openGaps: gaps.flatMap(({ fromMs, toMs, reason }) => (toMs === null ? [{ fromMs, reason }] : [])),
    shardCount: shards.length,
    liveCount: shards.filter(({ state }) => state === 'live').length,
    connectCount: shards.reduce((sum, { connectCount }) => sum + connectCount, 0),
    isTrading: isTrading(probe, atMs),
    silentMs: quietest(({ lastReceiptMs }) => lastReceiptMs),
    tickSilentMs: quietest(({ lastTickMs }) => lastTickMs),
    loopDelay: day.summary().loopDelay,
    rssBytes: process.memoryUsage.rss(),
  }
}

function isTrading({ day }: StreamProbe, atMs: UnixMs): boolean {
  const phases = day.fold.startFact()?.phases ?? []
  return phases.some(({ continuous }) => continuous.some(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs))
}
