/**
 * What can happen in a few minutes of a session? Days made of steps, for properties: trades, book changes,
 * old packets, a feed that is lost and comes back, a worker that is restarted, stamps that lag behind.
 */
import fc from 'fast-check'
import type { Candle } from '../../src/domain/candle.ts'
import type { Instrument } from '../../src/domain/instrument.ts'
import { type Minute, minuteStart, type UnixMs } from '../../src/domain/time.ts'
import { at, INFY, minuteAt, SBIN, SessionKit } from './session-kit.ts'

export const START_MS: UnixMs = at('09:14:30')
export const MINUTES = 6
export const FIRST: Minute = minuteAt('09:15')

/** One step of a day: time goes on by `stepMs`, then something happens. */
export type Step = {
  readonly stepMs: number
  readonly what: 'trade' | 'book' | 'old' | 'lost' | 'live' | 'restart'
  readonly stock: number
  readonly rise: number
  readonly price: number
  /** How far the exchange's stamp lies behind the moment of arrival. */
  readonly lagMs: number
}

export const step: fc.Arbitrary<Step> = fc.record({
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

export const STOCKS: readonly Instrument[] = [INFY, SBIN]

/** Plays the steps, with the timer firing for every minute that passed, and returns the kit. */
export function play(steps: readonly Step[], kit: SessionKit): SessionKit {
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

export const kitOf = (lateness: 'live' | 'settle' = 'live'): SessionKit =>
  new SessionKit({ lateness, instruments: STOCKS })

export function allCandles(kit: SessionKit): Candle[] {
  return [...kit.finalised.keys()].flatMap((minute) => kit.candles(labelOf(minute)))
}

function labelOf(minute: number): string {
  const minutes = minute - minuteAt('00:00')
  return `${Math.floor(minutes / 60)}:${minutes % 60}`
}
