/** Where did the shares of the day go? Every share of the cumulative volume is in exactly one of these. */
import {
  IN_CANDLES,
  IN_CLOSING_AUCTION,
  IN_OTHER,
  IN_PRE_OPEN,
  type InstrumentState,
  LATE,
  LATE_COUNT,
  PREVIOUS_VOLUME,
  UNATTRIBUTED,
} from './instrument-state.ts'

/** Where the day's volume of one instrument went; all in shares. */
export type VolumeAccount = {
  readonly inCandles: number
  readonly inPreOpen: number
  readonly inClosingAuction: number
  readonly inOther: number
  readonly unattributed: number
  readonly late: number
  readonly lateCount: number
  readonly dayVolume: number
}

export function volumeAccountOf(state: InstrumentState, index: number): VolumeAccount {
  return {
    inCandles: state.get(index, IN_CANDLES),
    inPreOpen: state.get(index, IN_PRE_OPEN),
    inClosingAuction: state.get(index, IN_CLOSING_AUCTION),
    inOther: state.get(index, IN_OTHER),
    unattributed: state.get(index, UNATTRIBUTED),
    late: state.get(index, LATE),
    lateCount: state.get(index, LATE_COUNT),
    dayVolume: state.get(index, PREVIOUS_VOLUME),
  }
}
