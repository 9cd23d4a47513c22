import { expect, test } from 'vitest'
import { healthOf } from '../../src/dashboard/health.ts'
import type { MarketView } from '../../src/dashboard/market-view.ts'
import { MarketMetrics } from '../../src/dashboard/metrics.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import type { WorkerSample } from '../../src/domain/worker-sample.ts'

const AT_MS = Date.parse('2026-07-01T05:00:00Z') as UnixMs
const SPREAD = { boundsMs: [1_000, 2_000], counts: [5, 3, 2], sumMs: 12_500, leastMs: 300 }

const WORKER: WorkerSample = {
  kind: 'worker-sample',
  atMs: AT_MS,
  market: 'in',
  session: '2026-07-01' as MarketDate,
  packetCount: 1_000,
  acceptedCount: 990,
  rejected: { sequence: 7, length: 3 },
  lateCount: 2,
  overflowCount: 0,
  candleCount: 400,
  minuteCount: 2,
  lateness: SPREAD,
  finalise: SPREAD,
  sync: SPREAD,
  journalLagBytes: 64,
  journalledBytes: 131_000,
  gapCount: 1,
  openGaps: [],
  shardCount: 3,
  liveCount: 3,
  connectCount: 4,
  isTrading: true,
  silentMs: 120,
  tickSilentMs: 250,
  loopDelay: { p50Ms: 0.05, p99Ms: 0.9, maxMs: 12 },
  rssBytes: 230_000_000,
}

const WELL: MarketView = {
  market: 'in',
  version: '1.2.3',
  atMs: AT_MS,
  worker: WORKER,
  runningJob: 'stream@2026-07-01',
  isWorkerDue: true,
  jobCounts: [{ job: 'settle', outcome: 'done', count: 8 }],
  failedJobs: [],
  truth: {
    ctt: '2026-06-30' as MarketDate,
    epoch: '2026-06-29' as MarketDate,
    cttAgeSessions: 0,
    epochAgeSessions: 1,
    haltReason: null,
    reviewCount: 0,
  },
  chain: { status: 'VERIFIED', says: '', eventCount: 120 },
  permits: null,
  queue: null,
  disk: { freeBytes: 50e9, stopBytes: 250e6 },
  suggestionCounts: [{ monitor: 'gap_open', count: 1 }],
  daemonRssBytes: 90_000_000,
}

/** Value of a line of the text, labels as they stand there. */
function valueIn(text: string, series: string): string | undefined {
  return text
    .split('\n')
    .find((line) => line.startsWith(`${series} `))
    ?.slice(series.length + 1)
}

test('all is well', () => {
  expect(healthOf(WELL, 900)).toMatchObject({ status: 'ok', reasons: [], running: 'stream@2026-07-01' })
})

test.each([
  ['no worker has spoken for 31 s', {}, 31_000],
  ['1 of 3 sockets are not live', { worker: { ...WORKER, liveCount: 2 } }, 0],
  [
    'the event chain is BROKEN: event 7: mutation',
    { chain: { status: 'BROKEN', says: 'event 7: mutation', eventCount: 9 } },
    0,
  ],
  ['halted: completeness', { truth: { ...WELL.truth!, haltReason: 'completeness' } }, 0],
  ['the disk is full', { disk: { freeBytes: 1, stopBytes: 2 } }, 0],
  ['job failed: settle@2026-06-30', { failedJobs: ['settle@2026-06-30'] }, 0],
] satisfies [string, Partial<MarketView>, number][])(
  'it is failing, and says: %s',
  (words, change, ageMs) => {
    const { status, reasons } = healthOf({ ...WELL, ...change }, ageMs)
    expect(status).toBe('failing')
    expect(reasons).toHaveLength(1)
    expect(reasons[0]).toContain(words)
  },
)

test('between sessions nobody expects a worker, and a socket that is closed at night is no failure', () => {
  expect(healthOf({ ...WELL, worker: null, isWorkerDue: false }, 1e9).status).toBe('ok')
  const atNight = { ...WORKER, isTrading: false, liveCount: 0 }
  expect(healthOf({ ...WELL, worker: atNight }, 0).status).toBe('ok')
})

test('metrics are those of the moment, in Prometheus text, with the market on each', async () => {
  let view = WELL
  const metrics = new MarketMetrics(() => view)
  const text = await metrics.text()
  expect(valueIn(text, 'chandler_packets_total{market="in"}')).toBe('1000')
  expect(valueIn(text, 'chandler_packets_rejected_total{reason="sequence",market="in"}')).toBe('7')
  expect(valueIn(text, 'chandler_resident_memory_bytes{process="worker",market="in"}')).toBe('230000000')
  expect(valueIn(text, 'chandler_jobs_total{job="settle",outcome="done",market="in"}')).toBe('8')
  expect(valueIn(text, 'chandler_build_info{version="1.2.3",market="in"}')).toBe('1')
  view = { ...WELL, worker: { ...WORKER, packetCount: 1_500, rejected: {} } }
  const next = await metrics.text()
  expect(valueIn(next, 'chandler_packets_total{market="in"}')).toBe('1500')
  expect(next).not.toContain('reason="sequence"')
})

test('a histogram counts upward, ends at +Inf, and agrees with its count and sum', async () => {
  const text = await new MarketMetrics(() => WELL).text()
  const bucket = (le: string): string | undefined =>
    valueIn(text, `chandler_packet_lateness_seconds_bucket{le="${le}",market="in"}`)
  expect([bucket('1'), bucket('2'), bucket('+Inf')]).toEqual(['5', '8', '10'])
  expect(valueIn(text, 'chandler_packet_lateness_seconds_count{market="in"}')).toBe('10')
  expect(valueIn(text, 'chandler_packet_lateness_seconds_sum{market="in"}')).toBe('12.5')
  expect(text).toContain('# TYPE chandler_packet_lateness_seconds histogram')
})

test('what is not known is not shown as zero', async () => {
  const text = await new MarketMetrics(() => ({ ...WELL, worker: null, truth: null, chain: null })).text()
  for (const name of [
    'feed_silent_seconds',
    'halted',
    'ctt_age_sessions',
    'chain_verified',
    'permits_left_today',
  ]) {
    expect(
      text.split('\n').filter((line) => line.startsWith(`chandler_${name}`)),
      name,
    ).toEqual([])
  }
})
