/**
 * What happened while the worker was away? After a restart the vendor's history of the gap is fetched
 * and journalled: at least the last five minutes, at most the gap, at the vendor's pace, beside the live
 * feed. Live candles are not touched by it; settle uses it, and whatever overlaps is decided there by
 * minute: a whole candle of ticks wins.
 */
import { MINUTE_MS, minuteEnd, minuteOf, type UnixMs } from '../domain/time.ts'
import { fetchHistory } from '../stream/history.ts'
import { venue } from './india-day.ts'
import type { LiveDay } from './live-day.ts'
import type { IndiaContext, Vendor } from './vendor.ts'

const OVERLAP_MS = 5 * MINUTE_MS
/** The vendor's candle of a minute is there a little after the minute's end. */
const VENDOR_DELAY_MS = 5_000

/** Never rejects: a gap that could not be filled now is filled at settle, and the log says so. */
export async function fetchGapHistory(
  context: IndiaContext,
  vendor: Vendor,
  day: LiveDay,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = context
  if (day.resumedFromMs === null) return
  const resumedMs = clock.wallMs()
  const gapEndMs = minuteEnd(minuteOf(resumedMs))
  await clock.sleepUntil((gapEndMs + VENDOR_DELAY_MS) as UnixMs, signal)
  if (signal.aborted) return
  const range = day.fold.minuteRange()
  const wantedFromMs = Math.min(day.resumedFromMs, resumedMs - OVERLAP_MS)
  const fromMs = Math.max(minuteOf(wantedFromMs), range.from) * MINUTE_MS
  const toMs = Math.min(gapEndMs, range.to * MINUTE_MS)
  if (fromMs >= toMs) return
  const wishes = day.fold.instruments().map((instrument) => ({
    instrument,
    fromMs: fromMs as UnixMs,
    toMs: toMs as UnixMs,
  }))
  log.info('fetching history of the gap', {
    instruments: wishes.length,
    minutes: (toMs - fromMs) / MINUTE_MS,
  })
  try {
    const result = await fetchHistory(wishes, {
      ...context,
      ...vendor,
      venue,
      signal,
      onFact: (fact) => day.ingest.fact(fact),
    })
    log.info('history of the gap fetched', { fetched: result.fetchedCount, failed: result.failed.length })
  } catch (error) {
    if (signal.aborted) return
    log.warn('history of the gap not fetched, settle will ask again', { why: String(error) })
  }
}
