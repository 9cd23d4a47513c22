/** Values that the tests of the terminal room share: plausible, and free of any clock. */
import type { Candle } from '../../src/domain/candle.ts'
import type { SettleReport } from '../../src/domain/settle-report.ts'
import type { StatusReport } from '../../src/domain/status.ts'
import { HOUR_MS, type MarketDate, MINUTE_MS, SECOND_MS, type UnixMs } from '../../src/domain/time.ts'
import type { LiveSnapshot } from '../../src/terminal/live-snapshot.ts'

export const INDIA_MS: number = 5.5 * HOUR_MS
export const DATE: MarketDate = '2026-07-01' as MarketDate
/** 09:15 in Mumbai. */
export const OPEN_MS: UnixMs = Date.UTC(2026, 6, 1, 3, 45) as UnixMs

export function after(minutes: number, seconds = 0): UnixMs {
  return (OPEN_MS + minutes * MINUTE_MS + seconds * SECOND_MS) as UnixMs
}

export function candle(minute: number, prices: readonly number[], changes: Partial<Candle> = {}): Candle {
  const [open, high, low, close] = prices as [number, number, number, number]
  return {
    symbol: 'RELIANCE',
    exchange: 'NSE',
    token: '2885',
    timestampMs: after(minute),
    open,
    high,
    low,
    close,
    volume: 1_000 + 100 * minute,
    vwap: (high + low) / 2,
    tickCount: 42,
    dayHigh: high,
    dayLow: low,
    firstTickMs: after(minute, 1),
    lastTickMs: after(minute, 58),
    complete: true,
    source: 'ticks',
    revision: 0,
    ...changes,
  }
}

const NAMES = ['RELIANCE', 'HDFCBANK', 'INFY', 'TCS', 'SBIN', 'ITC', 'LT', 'ICICIBANK']

export function liveSnapshot(changes: Partial<LiveSnapshot> = {}): LiveSnapshot {
  return {
    title: 'demo',
    market: 'in',
    date: DATE,
    atMs: after(147, 17),
    utcOffsetMs: INDIA_MS,
    speed: 60,
    phase: 'continuous',
    session: { fromMs: OPEN_MS, toMs: after(375) },
    shards: [
      { shard: 0, state: 'live', sinceMs: after(-14), connectCount: 1, instrumentCount: 1_000 },
      { shard: 1, state: 'backing off', sinceMs: after(147, 5), connectCount: 3, instrumentCount: 1_000 },
      { shard: 2, state: 'live', sinceMs: after(60), connectCount: 2, instrumentCount: 481 },
    ],
    packetsPerSecond: 12_345.4,
    packetRates: Array.from({ length: 60 }, (_, at) => 10_000 + 4_000 * Math.sin(at / 5)),
    acceptedCount: 18_204_511,
    rejected: { sequence: 1_204, volume_fell: 31, stale: 2 },
    lateTickCount: 17,
    journal: { writtenSeq: 1_204_511, durableSeq: 1_204_480, lagBytes: 48_213, sizeBytes: 1_873_240_112 },
    candleCount: 352_110,
    minuteCount: 147,
    finaliseP50Ms: 1.24,
    finaliseP99Ms: 8.91,
    openGapCount: 1,
    gapCount: 4,
    symbols: NAMES.map((symbol, at) => ({
      symbol,
      lastPrice: 1_000 + 311.35 * at,
      referencePrice: 1_005 + 310 * at,
      closes: Array.from({ length: 147 }, (_, minute) =>
        minute % 50 === 49 ? null : 1_000 + 8 * Math.sin(minute / (9 + at)) + minute / 20,
      ),
    })),
    logLines: Array.from(
      { length: 12 },
      (_, at) =>
        `2026-07-01T06:0${at % 10}:07Z info  minute finalised minute=11:3${at % 10} candles=2398 seq=${at}`,
    ),
    ...changes,
  }
}

export function statusReport(): StatusReport {
  return {
    schema: 'chandler.status.v1',
    atMs: after(147, 17),
    dataDir: '/srv/chandler/data',
    markets: {
      in: {
        sessionDate: DATE,
        utcOffsetMs: INDIA_MS,
        workerRunning: true,
        feed: { liveCount: 2, shardCount: 3 },
        times: { rawDataTimeMs: after(147, 16), canonicalTruthTime: null, truthEpoch: null, state: null },
        journal: { lastSeq: 1_204_511, sizeBytes: 1_873_240_112, segmentCount: 28 },
        partCount: 147,
        settled: false,
        gaps: [
          { shard: 1, fromMs: after(147, 5), toMs: null, reason: 'disconnected', detail: 'code 1006' },
          { shard: 0, fromMs: after(31, 2), toMs: after(33, 25), reason: 'stalled', detail: '' },
        ],
        rejected: { sequence: 1_204, volume_fell: 31, stale: 2 },
        jobs: [],
        queue: null,
      },
      us: {
        sessionDate: '2026-06-30' as MarketDate,
        utcOffsetMs: -4 * HOUR_MS,
        workerRunning: false,
        feed: null,
        times: {
          rawDataTimeMs: after(-300),
          canonicalTruthTime: '2026-06-30' as MarketDate,
          truthEpoch: '2026-06-26' as MarketDate,
          state: 'PENDING_EVALUATION',
        },
        journal: null,
        partCount: 0,
        settled: true,
        gaps: [],
        rejected: {},
        jobs: [
          { name: 'daily', outcome: 'done', lastRunMs: after(-300), nextRunMs: after(1_140), detail: '' },
          {
            name: 'symbols',
            outcome: 'failed',
            lastRunMs: after(-310),
            nextRunMs: after(1_130),
            detail: 'HTTP 503',
          },
        ],
        queue: { waitingCount: 212, runningCount: 1, failedCount: 3 },
      },
    },
    disk: { freeBytes: 412e9, totalBytes: 1e12 },
  }
}

export function settleReport(): SettleReport {
  const row = (symbol: string, candleVolume: number, unattributedVolume = 0, offBy = 0) => ({
    symbol,
    candleVolume,
    outsideVolume: { preOpen: 12_400, closingAuction: 88_100, other: 0 },
    unattributedVolume,
    lastDayVolume: candleVolume + 100_500 + unattributedVolume - offBy,
    balanced: offBy === 0,
  })
  return {
    schema: 'chandler.settle_report.v1',
    market: 'in',
    date: DATE,
    utcOffsetMs: INDIA_MS,
    instrumentCount: 2_481,
    minuteCount: 375,
    candles: { total: 902_114, ticksComplete: 898_020, ticksIncomplete: 1_204, vendor: 2_890, revised: 17 },
    gaps: [
      { shard: 1, fromMs: after(147, 5), toMs: after(149, 11), reason: 'disconnected', detail: 'code 1006' },
      { shard: 0, fromMs: after(31, 2), toMs: after(33, 25), reason: 'stalled', detail: '' },
    ],
    conservation: [
      row('HDFCBANK', 8_120_332),
      row('INFY', 3_908_114, 21_400),
      row('RELIANCE', 6_402_118),
      row('TCS', 1_204_551, 0, 150),
    ],
    lateTickCount: 17,
    acceptedCount: 48_204_511,
    rejected: { sequence: 1_204, volume_fell: 31, stale: 2 },
    history: {
      askedCount: 1_000,
      failedCount: 1,
      usedBarCount: 2_890,
      failures: ['IDEA: AB1004 try after sometime'],
    },
    file: {
      path: 'analytics/in/candles/frequency=1m/date=2026-07-01/candles.parquet',
      sizeBytes: 31_204_118,
      rowCount: 902_114,
      sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    },
  }
}
