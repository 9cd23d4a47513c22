/** What does the vendor's history say? The source's 1-minute candles, and longer ones made from them. */
import type { VendorCandle } from '../../domain/candle.ts'
import { DAY_MS, MINUTE_MS, type UnixMs } from '../../domain/time.ts'
import { istDateOf, istIso, istMidnight, parseIstMinute } from './ist.ts'
import type { TickSource } from './source.ts'

type Interval = { readonly minutes: number; readonly daysMax: number }

const INTERVALS: ReadonlyMap<string, Interval> = new Map([
  ['ONE_MINUTE', { minutes: 1, daysMax: 30 }],
  ['THREE_MINUTE', { minutes: 3, daysMax: 60 }],
  ['FIVE_MINUTE', { minutes: 5, daysMax: 100 }],
  ['TEN_MINUTE', { minutes: 10, daysMax: 100 }],
  ['FIFTEEN_MINUTE', { minutes: 15, daysMax: 200 }],
  ['THIRTY_MINUTE', { minutes: 30, daysMax: 200 }],
  ['ONE_HOUR', { minutes: 60, daysMax: 400 }],
  ['ONE_DAY', { minutes: 1_440, daysMax: 2_000 }],
])
/** Intraday candles are anchored at the open. */
const ANCHOR_OFFSET_MS = (9 * 60 + 15) * MINUTE_MS

export type HistoryWish = {
  readonly interval: string
  readonly fromdate: unknown
  readonly todate: unknown
}

/** Rows as on the wire, `todate` included; null for a range or interval that the vendor refuses. */
export function historyRows(
  source: TickSource,
  instrument: number,
  wish: HistoryWish,
  nowMs: UnixMs,
): readonly (readonly [string, number, number, number, number, number])[] | null {
  const interval = INTERVALS.get(wish.interval)
  const fromMs = parseIstMinute(wish.fromdate)
  const toMs = parseIstMinute(wish.todate)
  if (interval === undefined || fromMs === null || toMs === null) return null
  if (fromMs >= toMs || fromMs > nowMs || toMs - fromMs > interval.daysMax * DAY_MS) return null
  const endMs = (toMs + MINUTE_MS) as UnixMs
  if (interval.minutes === 1) return source.candles(instrument, fromMs, endMs, nowMs).map(rowOf)
  const lengthMs = interval.minutes * MINUTE_MS
  // A day is stamped with its midnight, so any time of the day asks for it.
  const firstMs = lengthMs >= DAY_MS ? startOf(fromMs, lengthMs) : fromMs
  // The minutes of a long candle that starts at `toMs` belong to it as a whole.
  const minutes = source.candles(instrument, firstMs, (toMs + lengthMs) as UnixMs, nowMs)
  const joined = joinCandles(minutes, lengthMs)
  return joined.filter(({ timestampMs }) => timestampMs >= firstMs && timestampMs <= toMs).map(rowOf)
}

function joinCandles(minutes: readonly VendorCandle[], lengthMs: number): readonly VendorCandle[] {
  const joined: VendorCandle[] = []
  for (const minute of minutes) {
    const timestampMs = startOf(minute.timestampMs, lengthMs)
    const last = joined.at(-1)
    if (last === undefined || last.timestampMs !== timestampMs) joined.push({ ...minute, timestampMs })
    else {
      joined[joined.length - 1] = {
        timestampMs,
        open: last.open,
        high: Math.max(last.high, minute.high),
        low: Math.min(last.low, minute.low),
        close: minute.close,
        volume: last.volume + minute.volume,
      }
    }
  }
  return joined
}

function startOf(minuteMs: number, lengthMs: number): UnixMs {
  const midnightMs = istMidnight(istDateOf(minuteMs))
  if (lengthMs >= DAY_MS) return midnightMs
  const anchorMs = midnightMs + ANCHOR_OFFSET_MS
  return (anchorMs + Math.floor((minuteMs - anchorMs) / lengthMs) * lengthMs) as UnixMs
}

function rowOf(candle: VendorCandle): readonly [string, number, number, number, number, number] {
  const { timestampMs, open, high, low, close, volume } = candle
  return [istIso(timestampMs), open, high, low, close, volume]
}
