/** A minute ends by our clock: each once, in order, whatever the market, the process and the clock do. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runMinuteTimer } from '../../src/candles/minute-timer.ts'
import { MINUTE_MS, type Minute } from '../../src/domain/time.ts'
import { ManualClock } from '../support/manual-clock.ts'

const GRACE_MS = 2_000
const FROM = 1_000 as Minute
const TO = 1_005 as Minute
const OPEN_MS = FROM * MINUTE_MS

class Timer {
  readonly clock: ManualClock
  /** What happened, in order: minutes, with the wall time of their end, and turns of the event loop. */
  readonly ended: number[] = []
  readonly atMs: number[] = []
  turnCount = 0
  isOver = false
  readonly #ending = new AbortController()
  readonly running: Promise<void>

  constructor(wallMs: number = OPEN_MS, from: Minute = FROM) {
    this.clock = new ManualClock(wallMs)
    this.running = runMinuteTimer({
      clock: this.clock,
      graceMs: GRACE_MS,
      from,
      to: TO,
      onMinute: (minute) => {
        this.ended.push(minute)
        this.atMs.push(this.clock.wallMs())
      },
      yieldTurn: () => {
        this.turnCount++
        return Promise.resolve()
      },
      signal: this.#ending.signal,
    }).then(() => {
      this.isOver = true
    })
  }

  abort(): void {
    this.#ending.abort()
  }
}

test('a silent market still ends every minute, at its end plus grace', async () => {
  const timer = new Timer()
  await timer.clock.advance(MINUTE_MS + GRACE_MS - 1)
  expect(timer.ended).toEqual([])
  await timer.clock.advance(1)
  expect(timer.ended).toEqual([1_000])
  await timer.clock.advance(10 * MINUTE_MS)
  expect(timer.ended).toEqual([1_000, 1_001, 1_002, 1_003, 1_004])
  expect(timer.atMs).toEqual(timer.ended.map((minute) => (minute + 1) * MINUTE_MS + GRACE_MS))
  await timer.running
  expect(timer.clock.timerCount).toBe(0)
})

test('before a minute ends, what already waits in the sockets is read', async () => {
  const timer = new Timer()
  await timer.clock.advance(MINUTE_MS + GRACE_MS)
  expect(timer.turnCount).toBe(1)
})

test('started late, it ends the minutes that passed at once and goes on in time', async () => {
  const timer = new Timer(OPEN_MS + 2.5 * MINUTE_MS)
  expect(timer.ended).toEqual([1_000, 1_001])
  await timer.clock.advance(0.5 * MINUTE_MS + GRACE_MS)
  expect(timer.ended).toEqual([1_000, 1_001, 1_002])
  timer.abort()
  await timer.running
})

test('a process that slept through minutes ends them all, in order, when it wakes', async () => {
  const timer = new Timer()
  await timer.clock.advance(30_000)
  await timer.clock.oversleep(3 * MINUTE_MS)
  expect(timer.ended).toEqual([1_000, 1_001, 1_002])
  await timer.clock.advance(2 * MINUTE_MS)
  expect(timer.ended).toEqual([1_000, 1_001, 1_002, 1_003, 1_004])
})

test('a clock that is set back ends no minute twice, and none too early', async () => {
  const timer = new Timer()
  await timer.clock.advance(MINUTE_MS + GRACE_MS)
  timer.clock.jumpWall(-3 * MINUTE_MS)
  await timer.clock.advance(3 * MINUTE_MS)
  expect(timer.ended).toEqual([1_000])
  await timer.clock.advance(MINUTE_MS)
  expect(timer.ended).toEqual([1_000, 1_001])
  timer.abort()
  await timer.running
})

test('a clock that is set back while the sockets are read is noticed', async () => {
  const clock = new ManualClock(OPEN_MS)
  const ended: number[] = []
  const ending = new AbortController()
  let turnCount = 0
  const running = runMinuteTimer({
    clock,
    graceMs: GRACE_MS,
    from: FROM,
    to: TO,
    onMinute: (minute) => ended.push(minute),
    yieldTurn: () => {
      if (++turnCount === 1) clock.jumpWall(-10_000)
      return Promise.resolve()
    },
    signal: ending.signal,
  })
  await clock.advance(MINUTE_MS + GRACE_MS)
  expect(ended).toEqual([])
  await clock.advance(10_000)
  expect(ended).toEqual([1_000])
  ending.abort()
  await running
})

test('asked to stop it ends no further minute and leaves no timer behind', async () => {
  const timer = new Timer()
  await timer.clock.advance(MINUTE_MS + GRACE_MS + 10)
  timer.abort()
  await timer.running
  expect(timer.clock.timerCount).toBe(0)
  await timer.clock.advance(10 * MINUTE_MS)
  expect(timer.ended).toEqual([1_000])
})

test('asked to stop before it began it does nothing, however late it is', async () => {
  const ending = new AbortController()
  ending.abort()
  const ended: number[] = []
  await runMinuteTimer({
    clock: new ManualClock(OPEN_MS + 60 * MINUTE_MS),
    graceMs: GRACE_MS,
    from: FROM,
    to: TO,
    onMinute: (minute) => ended.push(minute),
    yieldTurn: () => Promise.resolve(),
    signal: ending.signal,
  })
  expect(ended).toEqual([])
})

test('a session whose minutes have all ended is over at once', async () => {
  const timer = new Timer(OPEN_MS, TO)
  await timer.running
  expect([timer.isOver, timer.ended]).toEqual([true, []])
})

const move = fc.oneof(
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 90_000 }) }),
  fc.record({ kind: fc.constant('sleep' as const), ms: fc.integer({ min: 0, max: 200_000 }) }),
  fc.record({ kind: fc.constant('jump' as const), ms: fc.integer({ min: -150_000, max: 150_000 }) }),
)

test('however time passes or jumps, each minute ends once, in order, never before its time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(move, { maxLength: 12 }), async (moves) => {
      const timer = new Timer()
      for (const { kind, ms } of moves) {
        if (kind === 'pass') await timer.clock.advance(ms)
        else if (kind === 'sleep') await timer.clock.oversleep(ms)
        else timer.clock.jumpWall(ms)
      }
      await timer.clock.advance(60 * MINUTE_MS)
      expect(timer.ended).toEqual([1_000, 1_001, 1_002, 1_003, 1_004])
      for (const [n, minute] of timer.ended.entries()) {
        expect(timer.atMs[n]).toBeGreaterThanOrEqual((minute + 1) * MINUTE_MS + GRACE_MS)
      }
    }),
    { numRuns: 60 },
  )
})
