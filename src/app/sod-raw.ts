/**
 * Is `raw` filling? India: today's journal is looked at until packets came, for a few seconds; what the
 * worker itself writes down (timers, attempts to connect) is no data. US: the session of the newest answer.
 */
import { statSync } from 'node:fs'
import { lastFinalDate } from '../calendars/finality.ts'
import { systemCodeOf } from '../domain/error.ts'
import { ENTRY_PACKETS } from '../domain/fact.ts'
import { type MarketDate, SECOND_MS, type UnixMs } from '../domain/time.ts'
import { readSegments } from '../journal/reader.ts'
import { listSegments } from '../journal/segments.ts'
import { INDIA, indiaJournalDir } from './india-day.ts'
import { calendarOf, type Market, rawSessionOf } from './truth-market.ts'
import type { IndiaContext } from './vendor.ts'

export type RawFacts =
  | {
      readonly kind: 'journal'
      readonly sizeBytes: number
      readonly packetCount: number
      readonly tookMs: number
    }
  | { readonly kind: 'answers'; readonly session: MarketDate | null; readonly expected: MarketDate }

export type OpenFeed = {
  readonly date: MarketDate
  readonly feedFromMs: UnixMs
  readonly feedToMs: UnixMs
}

/** While trading is on, some instrument speaks within a second. */
const LOOK_MAX_MS = 6 * SECOND_MS
const LOOK_EVERY_MS = 250

export async function rawFacts(
  context: IndiaContext,
  market: Market,
  today: OpenFeed | null,
  isWorkerRunning: boolean,
): Promise<RawFacts> {
  const { config, clock, signal } = context
  if (market !== INDIA) {
    const expected = lastFinalDate(calendarOf(config, market), clock.wallMs())
    return { kind: 'answers', session: rawSessionOf(config, market), expected }
  }
  if (today === null) return { kind: 'journal', sizeBytes: 0, packetCount: 0, tookMs: 0 }
  const dir = indiaJournalDir(config, today.date)
  const atMs = clock.wallMs()
  const isOpen = isWorkerRunning && atMs >= today.feedFromMs && atMs < today.feedToMs
  const sinceMs = clock.monoMs()
  const tookMs = (): number => (clock.monoMs() - sinceMs) / clock.speed
  const before = endOf(dir)
  let now = before
  while (isOpen && packetsSince(before, now) === 0 && tookMs() < LOOK_MAX_MS) {
    await clock.sleep(LOOK_EVERY_MS * clock.speed, signal)
    signal.throwIfAborted()
    now = endOf(dir)
  }
  const packetCount = packetsSince(before, now)
  return { kind: 'journal', sizeBytes: now.sizeBytes, packetCount, tookMs: tookMs() }
}

type JournalEnd = { readonly segment: number; readonly sizeBytes: number; readonly packetCount: number }

/** The segment that is being written: its number, its size, the packets in it. */
function endOf(dir: string): JournalEnd {
  const last = listSegments(dir).at(-1)
  if (last === undefined) return { segment: 0, sizeBytes: 0, packetCount: 0 }
  const { segment } = last
  let packetCount = 0
  const after = { segment, seq: 0, firstSeq: 0, generation: 0, salt: 0, previousSha256: '' }
  // The end of a segment that is being written may be half a frame.
  for (const { type, count } of readSegments(dir, { after, onDamage: () => {} })) {
    if (type === ENTRY_PACKETS) packetCount += count
  }
  return { segment, sizeBytes: sizeOf(dir), packetCount }
}

/** In a new segment all that is there has come since. */
function packetsSince(before: JournalEnd, now: JournalEnd): number {
  return now.segment === before.segment ? now.packetCount - before.packetCount : now.packetCount
}

function sizeOf(dir: string): number {
  return listSegments(dir).reduce((sum, { path }) => sum + fileBytes(path), 0)
}

function fileBytes(path: string): number {
  try {
    return statSync(path).size
  } catch (error) {
    // Sealed, compressed and removed since it was listed.
    if (systemCodeOf(error) === 'ENOENT') return 0
    throw error
  }
}
