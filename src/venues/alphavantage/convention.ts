/**
 * Does an answer stamp its bars with their start or with their end? The vendor changed from end to start
 * between 2020 and 2026 and announced it nowhere, and nobody knows what it answers for months of before. So
 * each answer is asked for evidence. With extended hours it is weighed in three ranks: labels that only one
 * of the conventions can write (04:00, 20:00), and both of them are a contradiction, not evidence; then
 * where the crowd of the open went; then, weakest, a label that one of them would hardly have left empty
 * (19:55, 04:05).
 *
 *     labels of a day with 5-minute bars     start                   end
 *     extended hours, 04:00 to 20:00         04:00 .. 19:55          04:05 .. 20:00
 *     regular hours,  09:30 to 16:00         09:30 .. 15:55          09:35 .. 16:00
 *
 * With start stamps the closing auction may also stand at 16:00, outside regular hours but in the answer:
 * of regular hours alone 16:00 proves nothing. Bars without trades are left out, so an absence counts only
 * over all days: the end is meant where no day has 09:30, and 09:35 is not much rarer than 16:00. A company
 * that seldom trades early, but in every closing auction, is no evidence.
 */
import type { StampConvention } from '../../domain/batch.ts'

/** One bar's label in minutes since midnight, and its volume. */
export type LabelledVolume = { readonly label: number; readonly volume: number }

const EXTENDED_OPEN = 4 * 60
const OPEN = 9 * 60 + 30
const CLOSE = 16 * 60
const EXTENDED_CLOSE = 20 * 60
/** The first bar of a session holds the opening auction: its neighbour before the open has far less. */
const OPENING_JUMP_RATIO = 2
const SELDOM_RATIO = 2

export function conventionOf(bars: readonly LabelledVolume[], intervalMinutes: number): StampConvention {
  const labels = new Set(bars.map(({ label }) => label))
  const isExtended = bars.some(({ label }) => label < OPEN || label > CLOSE)
  if (!isExtended) return conventionOfRegularHours(bars, intervalMinutes)
  if (labels.has(EXTENDED_OPEN) || labels.has(EXTENDED_CLOSE)) {
    return onlyOne(labels.has(EXTENDED_OPEN), labels.has(EXTENDED_CLOSE))
  }
  const jump = conventionOfOpening(bars, intervalMinutes)
  if (jump !== 'unknown') return jump
  return onlyOne(labels.has(EXTENDED_CLOSE - intervalMinutes), labels.has(EXTENDED_OPEN + intervalMinutes))
}

function conventionOfRegularHours(bars: readonly LabelledVolume[], intervalMinutes: number): StampConvention {
  const countOf = (wanted: number): number => bars.filter(({ label }) => label === wanted).length
  if (countOf(OPEN) > 0) return 'start'
  const closeCount = countOf(CLOSE)
  return closeCount > 0 && countOf(OPEN + intervalMinutes) * SELDOM_RATIO >= closeCount ? 'end' : 'unknown'
}

function conventionOfOpening(bars: readonly LabelledVolume[], intervalMinutes: number): StampConvention {
  let atOpen = 0
  let afterOpen = 0
  for (const { label, volume } of bars) {
    if (label === OPEN) atOpen += volume
    if (label === OPEN + intervalMinutes) afterOpen += volume
  }
  return onlyOne(atOpen > afterOpen * OPENING_JUMP_RATIO, afterOpen > atOpen * OPENING_JUMP_RATIO)
}

function onlyOne(isStart: boolean, isEnd: boolean): StampConvention {
  if (isStart === isEnd) return 'unknown'
  return isStart ? 'start' : 'end'
}
