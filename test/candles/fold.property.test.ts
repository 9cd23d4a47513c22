/** What holds for every day, however the feed behaved? */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Candle } from '../../src/domain/candle.ts'
import { minuteStart } from '../../src/domain/time.ts'
import { at, INFY, minuteAt, SBIN, SessionKit } from '../support/session-kit.ts'

const START_MS = at('09:14:30')
const MINUTES = 6
const FIRST = minuteAt('09:15')

/** One step of a day: time goes on by `stepMs`, then something happens. */
type Step = {
  readonly stepMs: number
  readonly what: 'trade' | 'book' | 'old' | 'lost' | 'live' | 'restart'
  readonly stock: number
  readonly rise: number
  readonly price: number
  /** How far the exchange's stamp lies behind the moment of arrival. */
  readonly lagMs: number
}

const step: fc.Arbitrary<Step> = fc.record({
  stepMs: fc.integer({ min: 0, max: 9_000 }),
  what: fc.oneof(
    { weight: 12, arbitrary: fc.constant('trade' as const) },
    { weight: 3, arbitrary: fc.constant('book' as const) },
    { weight: 2, arbitrary: fc.constant('old' as const) },
    { weight: 1, arbitrary: fc.constantFrom('lost' as const, 'live' as const, 'restart' as const) },
  ),
  stock: fc.integer({ min: 0, max: 1 }),
  rise: fc.integer({ min: 0, max: 500 }),
  price: fc.integer({ min: 20_000, max: 20_100 }),
  lagMs: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 150_000 })),
})

const STOCKS = [INFY, SBIN]

/** Plays the steps, with the timer firing for every minute that passed, and returns the kit. */
function play(steps: readonly Step[], kit: SessionKit): SessionKit {
  kit.start('08:55').connect('08:55:01').live('08:55:02')
  let nowMs: number = START_MS
  let minute = FIRST as number
  let sequence = 1
  const volumes = [0, 0]
  const fire = (): void => {
    while ((minute + 1) * 60_000 + 2_000 <= nowMs) {
      kit.fact({ kind: 'alive', shard: 0, atMs: nowMs as never })
      kit.fact({ kind: 'minute', minute: minute++ as never, atMs: nowMs as never })
    }
  }
  for (const { stepMs, what, stock, rise, price, lagMs } of steps) {
    nowMs += stepMs
    fire()
    const atMs = nowMs as never
    if (what === 'lost') {
      kit.fact({ kind: 'lost', shard: 0, fromMs: atMs, atMs, reason: 'disconnected', detail: '' })
    } else if (what === 'live') kit.fact({ kind: 'live', shard: 0, connection: 0, atMs })
    else if (what === 'restart') {
      const start = kit.fold.startFact()!
      kit.fact({ ...start, atMs }).fact({ kind: 'connect', shard: 0, connection: 0, atMs })
    } else {
      if (what === 'trade') volumes[stock]! += rise
      const dayVolume = what === 'old' ? Math.max(0, volumes[stock]! - 1) : volumes[stock]!
      kit.packet('09:15', {
        token: STOCKS[stock]!.token,
        exchangeMs: Math.floor((nowMs - lagMs) / 1_000) * 1_000,
        sequence: sequence++,
        price,
        dayVolume,
        dayHigh: 20_100,
        dayLow: 20_000,
        receivedMs: nowMs,
      })
    }
  }
  nowMs = minuteStart((FIRST + MINUTES) as never) + 200_000
  fire()
  return kit
}

const kitOf = (lateness: 'live' | 'settle' = 'live'): SessionKit =>
  new SessionKit({ lateness, instruments: STOCKS })

function allCandles(kit: SessionKit): Candle[] {
  return [...kit.finalised.keys()].flatMap((minute) => kit.candles(labelOf(minute)))
}

function labelOf(minute: number): string {
  const minutes = minute - minuteAt('00:00')
  return `${Math.floor(minutes / 60)}:${minutes % 60}`
}

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
