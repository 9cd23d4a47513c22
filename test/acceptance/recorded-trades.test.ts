/** The gold standard, one day of it; `npm run recorded` plays both days and lists every difference. */
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { compareDay, TRADES_DIR } from './recorded-trades.ts'

const REASON = existsSync(TRADES_DIR) ? '' : ' (skipped: the recorded trades are not on this machine)'

test.skipIf(REASON !== '')(
  `candles of recorded trades equal candles that nobody here made${REASON}`,
  async () => {
    const result = await compareDay('20131008', { speed: 1_000, graceMs: 120_000, compared: 'settled' })
    expect(result.comparedCount).toBe(746)
    expect(result.differences.map(({ reason }) => reason)).not.toContain(
      'the prices are in the trades; the difference is ours',
    )
    expect(result.equalCount / result.comparedCount).toBeGreaterThanOrEqual(0.994)
    expect(result.wrongVolumes).toEqual([])
    expect(result.unbalanced).toEqual([])
    expect(result.replayDifferentCount).toBe(0)
    expect(result.rejectedCount).toBe(0)
  },
  180_000,
)
