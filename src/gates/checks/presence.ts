/**
 * Which minutes of the session has each instrument? One byte for each instrument and minute: expected by the
 * calendar, there, touched by a recorded gap. What is expected, not there and in no gap is a silence, and
 * whether a silence means anything is for `continuity.ts` to say.
 */
import type { CandleTable } from '../../domain/candle.ts'
import type { Gap } from '../../domain/gap.ts'
import type { Phases } from '../../domain/session.ts'
import { MINUTE_MS } from '../../domain/time.ts'
import type { SessionEvidence } from '../ingest-evidence.ts'

export type Presence = {
  /** Start of slot 0, Unix ms. */
  readonly startMs: number
  readonly slotCount: number
  /** 1 where a gap touches the minute. */
  readonly inGap: Uint8Array
  /** By class of phases, 1 where the minute belongs to its continuous session. */
  readonly expected: readonly Uint8Array[]
  readonly phaseOf: readonly number[]
  /** Row + 1 by instrument and slot; 0: no row. */
  readonly rowAt: Int32Array
}

export function presenceOf(
  { calendar }: SessionEvidence,
  table: CandleTable,
  gaps: readonly Gap[],
): Presence | null {
  const spans = (calendar?.phases ?? []).flatMap(({ continuous }) => continuous)
  if (calendar === null || spans.length === 0) return null
  const startMs = Math.min(...spans.map(({ fromMs }) => fromMs))
  const slotCount = (Math.max(...spans.map(({ toMs }) => toMs)) - startMs) / MINUTE_MS
  const { columns, instruments } = table
  const rowAt = new Int32Array(instruments.length * slotCount)
  for (let row = 0; row < columns.rowCount; row++) {
    const slot = Math.floor((columns.timestampMs[row]! - startMs) / MINUTE_MS)
    if (slot >= 0 && slot < slotCount) rowAt[columns.instrument[row]! * slotCount + slot] = row + 1
  }
  const expected = calendar.phases.map((phases) => minutesOf(phases, startMs, slotCount))
  return {
    startMs,
    slotCount,
    inGap: gapMinutes(gaps, startMs, slotCount),
    expected,
    phaseOf: calendar.phaseOf,
    rowAt,
  }
}

function minutesOf({ continuous }: Phases, startMs: number, slotCount: number): Uint8Array {
  const minutes = new Uint8Array(slotCount)
  for (const { fromMs, toMs } of continuous) {
    minutes.fill(1, (fromMs - startMs) / MINUTE_MS, (toMs - startMs) / MINUTE_MS)
  }
  return minutes
}

/** A gap without an end lasts to the end of the session. */
function gapMinutes(gaps: readonly Gap[], startMs: number, slotCount: number): Uint8Array {
  const minutes = new Uint8Array(slotCount)
  for (const { fromMs, toMs } of gaps) {
    const from = Math.max(0, Math.floor((fromMs - startMs) / MINUTE_MS))
    const to = toMs === null ? slotCount : Math.ceil((toMs - startMs) / MINUTE_MS)
    if (to > from) minutes.fill(1, from, to)
  }
  return minutes
}

/**
 * 1 where the instrument should have had a candle if it traded, and no gap and no `excused` minute explains
 * it.
 */
export function judgedMinutes(presence: Presence, instrument: number, excused: Uint8Array): Uint8Array {
  const { slotCount, expected, phaseOf, inGap } = presence
  const own = expected[phaseOf[instrument]!]!
  const judged = new Uint8Array(slotCount)
  for (let slot = 0; slot < slotCount; slot++) {
    judged[slot] = own[slot] === 1 && inGap[slot] === 0 && excused[slot] === 0 ? 1 : 0
  }
  return judged
}
