/** What does a checkpoint hold? All that a whole replay leaves in memory: counts, momentum and the fold. */
import type { CandleFold } from '../candles/fold.ts'
import { type Minute, nextMinute } from '../domain/time.ts'
import { StateReader, type StateWriter } from '../platform/saved-state.ts'
import type { Publication } from './publication.ts'

export type FinalisedCounts = {
  readonly candleCount: number
  /** The minutes that were finalised, `to` excluded; both 0 when none was. */
  readonly from: Minute
  readonly to: Minute
}

export const NOTHING_FINALISED: FinalisedCounts = { candleCount: 0, from: 0 as Minute, to: 0 as Minute }

/** `minute` comes after all that were counted. */
export function counted(counts: FinalisedCounts, minute: Minute, rowCount: number): FinalisedCounts {
  return {
    candleCount: counts.candleCount + rowCount,
    from: counts.to === 0 ? minute : counts.from,
    to: nextMinute(minute),
  }
}

export function saveState(
  writer: StateWriter,
  counts: FinalisedCounts,
  publication: Publication,
  fold: CandleFold,
): void {
  writer.value(counts)
  publication.save(writer)
  fold.save(writer)
}

/**
 * Loads `state` into a new publication and a new fold. Throws where it does not fit; then the publication is
 * as it was, and the fold is of no use.
 */
export function loadState(state: Uint8Array, publication: Publication, fold: CandleFold): FinalisedCounts {
  const reader = new StateReader(state)
  const counts = reader.value<FinalisedCounts>()
  for (let minute = counts.from; minute < counts.to; minute = nextMinute(minute)) {
    if (!publication.wasPublished(minute)) throw new Error('a minute that was published is not listed')
  }
  const momentum = { priceVolume: reader.float64(), volume: reader.float64(), high: reader.float64() }
  fold.load(reader)
  if (!reader.isAtEnd()) throw new Error('the saved state is laid out otherwise')
  publication.resume(momentum, fold.instruments())
  return counts
}
