/**
 * How do the tests talk to the batch stand-in? As a client does: over real sockets, in the venue's own
 * words.
 */
import type { BatchAnswer, BatchFunction, BatchWish, DailyBar } from '../../src/domain/batch.ts'
import { Secret } from '../../src/domain/secret.ts'
import type { MarketDate } from '../../src/domain/time.ts'
import { createSender } from '../../src/platform/http.ts'
import type { StandInCounts } from '../../src/sim/alphavantage/counts.ts'
import { checkBatchFaults } from '../../src/sim/alphavantage/faults.ts'
import {
  type AlphavantageStandIn,
  type AlphavantageStandInOptions,
  startAlphavantageStandIn,
} from '../../src/sim/alphavantage/stand-in.ts'
import { newYork } from '../../src/sim/alphavantage/trading-days.ts'
import { alphavantage } from '../../src/venues/alphavantage/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { read } from '../venues/alphavantage-samples.ts'

/** A Monday, and half an hour after its close. */
export const TODAY = '2026-07-06' as MarketDate
export const AFTER_CLOSE: string = `${TODAY} 16:30:00`
export const GOOD_KEY: Secret = new Secret('SAMPLEKEY0000001')

export function wishOf(
  name: BatchFunction,
  symbol = '',
  variant: string = USUAL_VARIANT[name],
  format: 'csv' | 'json' = 'csv',
): BatchWish {
  return { function: name, symbol, variant, format }
}

const USUAL_VARIANT: Readonly<Record<BatchFunction, string>> = {
  LISTING_STATUS: 'active',
  TIME_SERIES_DAILY: 'full',
  TIME_SERIES_DAILY_ADJUSTED: 'full',
  TIME_SERIES_INTRADAY: 'recent',
  SPLITS: '',
  DIVIDENDS: '',
}

export type BatchScene = {
  readonly clock: ManualClock
  readonly standIn: AlphavantageStandIn
  /** Asks and lets the venue judge, as the batch room does. */
  readonly ask: (wish: BatchWish, key?: Secret) => Promise<BatchAnswer<string>>
  /** The candles of a daily wish, or its refusal as an error. */
  readonly daily: (wish: BatchWish) => Promise<readonly DailyBar[]>
  readonly counts: () => Promise<StandInCounts>
}

type SceneOptions = Omit<Partial<AlphavantageStandInOptions>, 'clock' | 'log' | 'faults'> & {
  /** Wall time of New York. */
  readonly time?: string
  readonly faults?: readonly unknown[]
}

/**
 * Runs `play` against a stand-in of its own, which is stopped whatever happens. No limits but the given
 * ones.
 */
export async function withBatchScene(
  options: SceneOptions,
  play: (scene: BatchScene) => Promise<void>,
): Promise<void> {
  const { time = AFTER_CLOSE, faults = [], ...others } = options
  const clock = new ManualClock(newYork.utcOf(time)!)
  const standIn = await startAlphavantageStandIn({
    clock,
    log: { info: () => {}, warn: () => {}, error: expectNone, pass: () => {} },
    symbolCount: 50,
    historyFrom: '2023-01-03' as MarketDate,
    limits: { perMinute: null },
    faults: checkBatchFaults(faults, 'test'),
    ...others,
  })
  const send = createSender(standIn.address.restUrl, { timeoutMs: 10_000, bodyMaxBytes: 4_000_000 })
  const ask = async (wish: BatchWish, key: Secret = GOOD_KEY): Promise<BatchAnswer<string>> =>
    alphavantage.judge(wish, await send(alphavantage.request(wish, key)), key)
  try {
    await play({
      clock,
      standIn,
      ask,
      daily: async (wish) => read(alphavantage.readDaily(wish, read(await ask(wish)))).bars,
      counts: async () => JSON.parse((await send(COUNTS_REQUEST)).body) as StandInCounts,
    })
  } finally {
    await standIn.stop()
  }
}

const COUNTS_REQUEST = { method: 'GET', path: '/__counts', headers: {} } as const

/** The stand-in logs an error only for a defect of its own. */
function expectNone(message: string): void {
  throw new Error(message)
}
