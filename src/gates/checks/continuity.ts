/**
 * Is a minute without a candle a quiet minute, or one that we lost? No trade means no row (nothing is
 * invented), so absence alone proves nothing. Four things are asked of a silence, in this order:
 *
 * 1. A recorded gap explains it. It is then a matter of completeness, not of continuity.
 * 2. The neighbours: where most instruments that are never silent fall silent in one minute, the market stood
 *    still (a halt) or the feed did, and nobody wrote it down. An operator knows which.
 * 3. The instrument's own habit: present in a share p of its other minutes, it is silent for k minutes on end
 *    by chance about N (1 - p)^k times a session. A stock at 30 % may rest for an hour, one at 99 % may not
 *    rest for five minutes. Below a share of minutes the sum says nothing, because trade comes in waves.
 * 4. The minutes around it: an index is published every second and never rests; a stock with ten ticks in
 *    each of the five minutes before and after did not stop for one.
 *
 * One thing speaks for a silence: the volume account. The feed counts the day's shares, so what was traded
 * while we heard nothing comes with the next tick, into the next candle. Where that candle holds no more than
 * a part of what such a time usually brings, nothing was traded: the stock was halted, or locked at its band.
 * A vendor's candles have no such memory, an index has no shares, and at the session's end there is no next
 * candle.
 *
 * Nothing here rejects: a silence that is not explained is shown to an operator.
 */
import { CANDLE_SOURCES, type CandleTable } from '../../domain/candle.ts'
import { MINUTE_MS } from '../../domain/time.ts'
import type { CheckOutcome } from '../../domain/verdict.ts'
import type { SessionEvidence } from '../ingest-evidence.ts'
import type { IngestLimits } from '../ingest-limits.ts'
import { Findings, momentOf } from './outcome.ts'
import { judgedMinutes, type Presence } from './presence.ts'

const VENDOR = CANDLE_SOURCES.indexOf('vendor')

export type Silences = {
  readonly market: CheckOutcome
  readonly minutes: CheckOutcome
}

export function checkMinutes(table: CandleTable, presence: Presence, limits: IngestLimits): Silences {
  const { marketSilentShare, marketDenseMin, silenceChance, denseShare } = limits
  const { neighbourMinutes, busyTicks, quietShare, quietMinutesMin } = limits
  const silent = new Findings()
  const standstill = marketSilences(table, presence, limits)
  for (let slot = 0; slot < presence.slotCount; slot++) {
    if (standstill.minutes[slot] === 0) continue
    const at = momentOf(presence.startMs + slot * MINUTE_MS)
    silent.add(null, () => ({
      at,
      denseCount: standstill.denseCount,
      silentCount: standstill.silentCount[slot]!,
    }))
  }
  const own = new Findings()
  for (let at = 0; at < table.instruments.length; at++) {
    judgeInstrument({ table, presence, limits, at, excused: standstill.minutes, findings: own })
  }
  return {
    market: silent.outcome({
      check: 'continuity.market',
      word: 'review',
      countChecked: presence.slotCount,
      limits: { marketSilentShare, marketDenseMin, denseShare },
      what: 'minutes are without most of the instruments that never rest, and no gap was recorded',
    }),
    minutes: own.outcome({
      check: 'continuity.minutes',
      word: 'review',
      countChecked: table.instruments.length,
      limits: { silenceChance, denseShare, neighbourMinutes, busyTicks, quietShare, quietMinutesMin },
      what: 'silences of instruments that do not rest are explained by no gap',
    }),
  }
}

type Standstill = {
  readonly minutes: Uint8Array
  readonly silentCount: Int32Array
  readonly denseCount: number
}

/** Minutes in which most of the dense instruments that are expected have no row. */
function marketSilences(table: CandleTable, presence: Presence, limits: IngestLimits): Standstill {
  const { slotCount, rowAt } = presence
  const noneExcused = new Uint8Array(slotCount)
  const silentCount = new Int32Array(slotCount)
  const expectedCount = new Int32Array(slotCount)
  let denseCount = 0
  for (let at = 0; at < table.instruments.length; at++) {
    const judged = judgedMinutes(presence, at, noneExcused)
    const { there, of } = shareOf(rowAt, at * slotCount, judged)
    // A standstill of an hour must not make everybody look quiet by nature.
    if (of === 0 || there / of < limits.denseShare) continue
    denseCount++
    for (let slot = 0; slot < slotCount; slot++) {
      if (judged[slot] === 0) continue
      expectedCount[slot]!++
      if (rowAt[at * slotCount + slot] === 0) silentCount[slot]!++
    }
  }
  const minutes = new Uint8Array(slotCount)
  for (let slot = 0; slot < slotCount && denseCount >= limits.marketDenseMin; slot++) {
    minutes[slot] = silentCount[slot]! > limits.marketSilentShare * expectedCount[slot]! ? 1 : 0
  }
  return { minutes, silentCount, denseCount }
}

function shareOf(rowAt: Int32Array, base: number, judged: Uint8Array): { there: number; of: number } {
  let there = 0
  let of = 0
  for (let slot = 0; slot < judged.length; slot++) {
    of += judged[slot]!
    if (judged[slot] === 1 && rowAt[base + slot] !== 0) there++
  }
  return { there, of }
}

type Judged = {
  readonly table: CandleTable
  readonly presence: Presence
  readonly limits: IngestLimits
  readonly at: number
  readonly excused: Uint8Array
  readonly findings: Findings
}

function judgeInstrument({ table, presence, limits, at, excused, findings }: Judged): void {
  const { slotCount, rowAt, startMs } = presence
  const base = at * slotCount
  const judged = judgedMinutes(presence, at, excused)
  const { there, of } = shareOf(rowAt, base, judged)
  if (there === of || there === 0) return
  for (let slot = 0; slot < slotCount; slot++) {
    if (judged[slot] === 0 || rowAt[base + slot] !== 0) continue
    const from = slot
    while (slot + 1 < slotCount && judged[slot + 1] === 1 && rowAt[base + slot + 1] === 0) slot++
    const run = slot + 1 - from
    const habit = there / Math.max(1, of - run)
    const chance = of * (1 - (there + 0.5) / (of - run + 1)) ** run
    const isUnlikely = habit >= limits.denseShare && chance < limits.silenceChance
    if (!isUnlikely && !isAmongBusy(table, presence, limits, at, from, slot)) continue
    if (isProvedQuiet(table, presence, limits, { base, from, to: slot })) continue
    const { symbol } = table.instruments[at]!
    const share = Number(habit.toFixed(4))
    findings.add(symbol, () => ({ symbol, from: momentOf(startMs + from * MINUTE_MS), minutes: run, share }))
  }
}

/** Every neighbour on both sides is there and busy. At the session's edges there is one side only. */
function isAmongBusy(
  table: CandleTable,
  { slotCount, rowAt, inGap }: Presence,
  { neighbourMinutes, busyTicks }: IngestLimits,
  at: number,
  from: number,
  to: number,
): boolean {
  for (let distance = 1; distance <= neighbourMinutes; distance++) {
    for (const slot of [from - distance, to + distance]) {
      if (slot < 0 || slot >= slotCount || inGap[slot] === 1) continue
      const row = rowAt[at * slotCount + slot]! - 1
      if (row < 0 || !isBusy(table, row, busyTicks)) return false
    }
  }
  return true
}

/** The usual volume of a minute is that of so many minutes on each side, or of as many as were silent. */
const USUAL_MINUTES_MIN = 15

type Run = { readonly base: number; readonly from: number; readonly to: number }

/** The first candle after the silence would hold what was traded in it. */
function isProvedQuiet(
  { columns }: CandleTable,
  { slotCount, rowAt, inGap }: Presence,
  { quietShare, quietMinutesMin }: IngestLimits,
  { base, from, to }: Run,
): boolean {
  const run = to + 1 - from
  const row = to + 1 < slotCount && inGap[to + 1] === 0 ? rowAt[base + to + 1]! - 1 : -1
  if (run < quietMinutesMin || row < 0 || columns.source[row] === VENDOR) return false
  // Trade is lively at the open and the close: what is usual is asked of the minutes around.
  const reach = Math.max(run, USUAL_MINUTES_MIN)
  const volumes: number[] = []
  for (let slot = Math.max(0, from - reach); slot <= Math.min(slotCount - 1, to + 1 + reach); slot++) {
    const one = rowAt[base + slot]! - 1
    if (one >= 0 && one !== row) volumes.push(columns.volume[one]!)
  }
  const usual = volumes.sort((a, b) => a - b)[volumes.length >> 1] ?? Number.NaN
  // NaN, of an index, is no proof.
  return columns.volume[row]! <= quietShare * run * usual
}

function isBusy({ columns }: CandleTable, row: number, busyTicks: number): boolean {
  const volume = columns.volume[row]!
  if (Number.isNaN(volume) || columns.source[row] === VENDOR) return Number.isNaN(volume) || volume > 0
  return columns.tickCount[row]! >= busyTicks
}

/** What of the evidence of any market says where a session stands. */
type PlaceInTime = Pick<SessionEvidence, 'session' | 'previousSession' | 'before'> & {
  readonly calendar: object | null
}

/** Is it a session at all, and is nothing missing between it and what is canonical already? */
export function checkSessionOrder({
  calendar,
  session,
  previousSession,
  before,
}: PlaceInTime): CheckOutcome[] {
  const closed = new Findings()
  if (calendar === null)
    closed.add(null, () => ({ session, why: 'the calendar has no session on this date' }))
  const hole = new Findings()
  if (before.market === 'hole') {
    hole.add(null, () => ({ session, previousSession, why: 'the session before is not canonical' }))
  } else if (!before.fileIsAsJudged) {
    hole.add(null, () => ({ session, previousSession, why: 'its file is not the one that was judged' }))
  }
  return [
    closed.outcome({
      check: 'continuity.session',
      word: 'fail',
      countChecked: 1,
      what: 'dates have no session',
    }),
    hole.outcome({
      check: 'continuity.previous',
      word: 'wait',
      countChecked: 1,
      what: 'sessions before this one are to be judged first',
    }),
  ]
}
