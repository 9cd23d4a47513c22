/** What holds for every day, however the feed behaved? */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { at, INFY } from '../support/session-kit.ts'
import { allCandles, kitOf, play, START_MS, STOCKS, type Step, step } from '../support/session-steps.ts'

test('every share of the day is in a candle, outside, unattributed or late: none lost, none twice', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const kit = play(steps, kitOf())
      const inCandles = [0, 0]
      for (const candle of allCandles(kit)) {
        inCandles[candle.token === INFY.token ? 0 : 1]! += candle.volume ?? 0
      }
      for (const index of [0, 1]) {
        expect(kit.imbalance(index)).toBe(0)
        expect(kit.fold.volumeAccount(index).inCandles).toBe(inCandles[index])
      }
    }),
    { numRuns: 300 },
  )
})

test('high and low enclose open, close and vwap in every candle', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      for (const candle of allCandles(play(steps, kitOf()))) {
        expect(candle.low).toBeLessThanOrEqual(Math.min(candle.open, candle.close))
        expect(candle.high).toBeGreaterThanOrEqual(Math.max(candle.open, candle.close))
        expect(candle.tickCount).toBeGreaterThan(0)
        expect(candle.firstTickMs!).toBeLessThanOrEqual(candle.lastTickMs!)
        if (candle.vwap !== null) {
          expect(candle.vwap).toBeGreaterThanOrEqual(candle.low - 1e-9)
          expect(candle.vwap).toBeLessThanOrEqual(candle.high + 1e-9)
        }
      }
    }),
    { numRuns: 200 },
  )
})

test('the same entries give the same candles, and settle never loses what live had', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const first = play(steps, kitOf())
      const second = play(steps, kitOf())
      expect(allCandles(second)).toEqual(allCandles(first))
      const settled = play(steps, kitOf('settle'))
      settled.fold.end()
      for (const index of [0, 1]) {
        const live = first.fold.volumeAccount(index)
        const late = settled.fold.volumeAccount(index)
        expect(late.late).toBe(0)
        expect(late.inCandles).toBe(live.inCandles + live.late)
        expect(settled.imbalance(index)).toBe(0)
      }
      expect(settled.fold.outcomes()).toEqual(first.fold.outcomes())
    }),
    { numRuns: 200 },
  )
})

/** The same rules written the slow way, for a feed that was always trusted and never late. */
function oracle(steps: readonly Step[]): Map<string, [number, number, number, number, number, number]> {
  const trades = new Map<string, { timeMs: number; volume: number; price: number; rise: number }[]>()
  const volumes = [0, 0]
  const prices: (number | undefined)[] = [undefined, undefined]
  let nowMs: number = START_MS
  for (const { stepMs, what, stock, rise, price } of steps) {
    nowMs += stepMs
    if (what !== 'trade' && what !== 'book') continue
    const timeMs = Math.floor(nowMs / 1_000) * 1_000
    const gained = what === 'trade' ? rise : 0
    const isEvidence = gained > 0 || (prices[stock] !== undefined && prices[stock] !== price)
    volumes[stock]! += gained
    prices[stock] = price
    if (!isEvidence || timeMs < at('09:15')) continue
    const key = `${STOCKS[stock]!.symbol} ${Math.floor(timeMs / 60_000)}`
    const list = trades.get(key) ?? []
    list.push({ timeMs, volume: volumes[stock]!, price, rise: gained })
    trades.set(key, list)
  }
  return new Map(
    [...trades].map(([key, list]) => {
      const sorted = list.toSorted((a, b) => a.timeMs - b.timeMs || a.volume - b.volume)
      const all = sorted.map(({ price }) => price)
      const volume = sorted.reduce((sum, { rise }) => sum + rise, 0)
      return [key, [all[0]!, Math.max(...all), Math.min(...all), all.at(-1)!, volume, list.length]]
    }),
  )
}

test('on a trusted feed every candle equals the rules worked out by hand', () => {
  const trusted = fc.array(
    step.map((one) => ({ ...one, lagMs: 0, what: one.what === 'trade' ? one.what : ('book' as const) })),
    { maxLength: 120 },
  )
  fc.assert(
    fc.property(trusted, (steps) => {
      // The day range is fixed at the walls here, so that no hidden print widens anything.
      const kit = play(steps, kitOf())
      const made = new Map(
        allCandles(kit).map((one) => [
          `${one.symbol} ${one.timestampMs / 60_000}`,
          [one.open, one.close, one.volume ?? -1, one.tickCount],
        ]),
      )
      const wanted = new Map(
        [...oracle(steps)].map(([key, [open, , , close, volume, count]]) => [
          key,
          [open / 100, close / 100, volume, count],
        ]),
      )
      expect(made).toEqual(wanted)
    }),
    { numRuns: 300 },
  )
})
