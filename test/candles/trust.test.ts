/** What may a candle claim of a feed that loses, damages, delays or withholds packets? */
import { expect, test } from 'vitest'
import { historyNeeds } from '../../src/candles/settle.ts'
import { DAY_MS, MINUTE_MS } from '../../src/domain/time.ts'
import { at, encode, INFY, minuteAt, type Packet, PLAIN, SBIN, SessionKit } from '../support/session-kit.ts'

const BASE: Packet = { price: 29_000, dayVolume: 1_010, sequence: 5_000 }
const OPENED = (kit: SessionKit = new SessionKit()): SessionKit =>
  kit.liveSinceMorning().packet('09:08', { price: 29_000, dayVolume: 1_000, sequence: 10 })

/** A packet as `encode` makes it, `extraBytes` longer or shorter. */
function misshapen(text: string, extraBytes: number): Uint8Array {
  const whole = encode({ ...PLAIN_QUOTE, exchangeMs: Math.floor(at(text) / 1_000) * 1_000 })
  const bytes = new Uint8Array(whole.length + extraBytes)
  bytes.set(whole.subarray(0, bytes.length))
  return bytes
}

const PLAIN_QUOTE = { ...PLAIN, sequence: 5_500, price: 29_500, dayVolume: 1_015 }

/** Settle's look at a played day. */
function settled(play: (kit: SessionKit) => SessionKit): SessionKit {
  const kit = play(new SessionKit({ lateness: 'settle' }))
  kit.fold.end()
  return kit
}

function isComplete(kit: SessionKit, text: string): boolean {
  const columns = kit.fold.columnsOf(minuteAt(text))
  if (columns.rowCount !== 1) throw new Error(`${columns.rowCount} candles at ${text}`)
  return columns.complete[0] === 1
}

test.each([
  ['was overtaken', { sequence: 4_000 }, false],
  ['has a fallen cumulative volume', { dayVolume: 1_000 }, false],
  ['has a stamp of yesterday', { exchangeMs: at('09:15:02') - DAY_MS }, false],
  ['has a stamp an hour ahead', { exchangeMs: at('10:15:02') }, false],
  ['has a number that cannot be', { dayVolume: -5 }, false],
  ['is a copy', { sequence: 5_000 }, true],
  ['has no price', { price: 0 }, true],
  ['is of a token that nobody asked for', { token: '77' }, true],
])('a dropped packet that %s: the minute says so', (_name, change, complete) => {
  const kit = OPENED()
    .packet('09:15:01', BASE)
    .packet('09:15:02', { ...BASE, sequence: 6_000, dayVolume: 1_020, ...change })
    .packet('09:15:03', { ...BASE, sequence: 7_000, dayVolume: 1_030 })
    .packet('09:16:03', { ...BASE, sequence: 8_000, dayVolume: 1_040 })
    .minute('09:15')
    .minute('09:16')
  expect(kit.candle('09:15')).toMatchObject({ volume: 30, complete })
  expect(kit.candle('09:16')).toMatchObject({ volume: 10, complete: true })
  expect(kit.imbalance()).toBe(0)
})

test.each([-20, -1, 1, 17])(
  'a packet that is %d bytes too long or short spoils its own instrument',
  (extra) => {
    const kit = OPENED(new SessionKit({ instruments: [INFY, SBIN] }))
      .packet('09:15:01', BASE)
      .packet('09:15:01', { ...BASE, token: SBIN.token })
      .raw(misshapen('09:15:02', extra), at('09:15:02'))
      .minute('09:15')
    expect(kit.candles('09:15').map(({ symbol, complete }) => [symbol, complete])).toEqual([
      ['INFY-EQ', false],
      ['SBIN-EQ', true],
    ])
  },
)

test('what is too short to have a name spoils nothing, and is counted', () => {
  const kit = OPENED()
    .packet('09:15:01', BASE)
    .raw(new Uint8Array(20).fill(1), at('09:15:02'))
    .minute('09:15')
  expect(kit.candle('09:15').complete).toBe(true)
  expect(kit.fold.outcomes().length).toBe(1)
})

test('shares that a dropped packet told of, and that come in another minute, are in no candle', () => {
  const kit = OPENED()
    .packet('09:15:01', BASE)
    .raw(misshapen('09:15:58', 3), at('09:15:58'))
    .packet('09:16:03', { ...BASE, sequence: 8_000, dayVolume: 1_040 })
    .packet('09:16:04', { ...BASE, sequence: 8_001, dayVolume: 1_045 })
    .packet('09:17:04', { ...BASE, sequence: 8_002, dayVolume: 1_046 })
    .minute('09:15')
    .minute('09:16')
    .minute('09:17')
  expect(kit.candle('09:15')).toMatchObject({ volume: 10, complete: false })
  expect(kit.candle('09:16')).toMatchObject({ volume: 5, complete: false })
  expect(kit.candle('09:17')).toMatchObject({ volume: 1, complete: true })
  expect(kit.fold.volumeAccount(0).unattributed).toBe(30)
})

test('a packet that comes within the grace of a minute may have been of it', () => {
  const lateBy = (text: string): SessionKit =>
    OPENED()
      .packet('09:15:01', BASE)
      .packet('09:16:00', { ...BASE, sequence: 6_000, dayVolume: 1_020, receivedMs: at('09:16:00.100') })
      .raw(misshapen(text, 3), at(text))
  // The kit's grace is 2 s; from 09:16:00 on the instrument was heard of in the later minute.
  expect(isComplete(lateBy('09:16:01').alive('09:17'), '09:15')).toBe(true)
  const unheard = OPENED()
    .packet('09:15:01', BASE)
    .raw(misshapen('09:16:01', 3), at('09:16:01'))
    .alive('09:17')
  expect(isComplete(unheard, '09:15')).toBe(false)
})

test('a packet that was overtaken by the next minute spoils both, and no third', () => {
  const kit = settled((one) =>
    OPENED(one)
      .packet('09:15:01', BASE)
      .packet('09:16:40', { ...BASE, sequence: 8_000, dayVolume: 1_040 })
      .packet('09:17:01', { ...BASE, sequence: 8_001, dayVolume: 1_050 })
      .packet('09:15:50', { ...BASE, sequence: 6_000, dayVolume: 1_030, receivedMs: at('09:17:05') })
      .alive('09:20'),
  )
  expect(['09:15', '09:16', '09:17'].map((text) => isComplete(kit, text))).toEqual([false, false, true])
})

test('a minute of which every packet was dropped is asked of the vendor', () => {
  const kit = settled((one) =>
    OPENED(one)
      .packet('09:15:01', BASE)
      .packet('09:16:01', { ...BASE, sequence: 100, dayVolume: 1_001 })
      .raw(misshapen('09:17:30', 3), at('09:17:30'))
      .alive('15:40'),
  )
  expect(kit.fold.columnsOf(minuteAt('09:16')).rowCount).toBe(0)
  expect(historyNeeds(kit.fold).get(0)).toEqual([minuteAt('09:16'), minuteAt('09:17')])
})

test.each([
  ['sequence', { sequence: 90_000_000 }],
  ['volume', { dayVolume: 900_000_000 }],
  ['sequence and volume', { sequence: 90_000_000, dayVolume: 900_000_000 }],
])('one packet with a false %s does not deafen its instrument for the day', (_name, lie) => {
  const play = (kit: SessionKit): SessionKit => {
    OPENED(kit).packet('09:15:01', BASE)
    kit.packet('09:15:02', { ...BASE, sequence: 5_001, dayVolume: 1_012, ...lie })
    for (let n = 0; n < 60; n++) {
      const second = 3 + 3 * n
      kit.packet(`09:${15 + Math.floor(second / 60)}:${second % 60}`, {
        ...BASE,
        sequence: 5_100 + n,
        dayVolume: 1_020 + 10 * n,
      })
      if (second % 60 > 56) kit.minute(`09:${15 + Math.floor(second / 60)}`)
    }
    return kit
  }
  const kit = play(new SessionKit())
  expect(kit.candle('09:15').complete).toBe(false)
  expect(kit.candle('09:16')).toMatchObject({ volume: 200, complete: true })
  expect(kit.fold.volumeAccount(0).dayVolume).toBe(1_610)
  expect(kit.imbalance()).toBe(0)
  const outcomes = kit.fold.outcomes()
  expect(outcomes.sequence! + outcomes.volume_fell!).toBe(10)
  const inHindsight = settled(play)
  expect(isComplete(inHindsight, '09:15')).toBe(false)
  expect(isComplete(inHindsight, '09:16')).toBe(true)
  expect(inHindsight.fold.outcomes()).toEqual(outcomes)
})

test('old packets do not outvote a true one, however many come', () => {
  const kit = OPENED().packet('09:15:40', { ...BASE, sequence: 9_000, dayVolume: 9_000 })
  for (let n = 0; n < 40; n++) {
    const text = `09:15:${n}`
    kit.packet(text, { ...BASE, sequence: 6_000 + n, dayVolume: 2_000 + n, receivedMs: at('09:15:41') + n })
  }
  expect(kit.fold.volumeAccount(0).dayVolume).toBe(9_000)
  kit.packet('09:15:50', { ...BASE, sequence: 9_001, dayVolume: 9_005 })
  expect(kit.fold.volumeAccount(0)).toMatchObject({ dayVolume: 9_005, unattributed: 0 })
})

test.each([
  ['far above its own day', { price: 2_900_000_000, dayHigh: 29_000 }, false],
  ['far below its own day', { price: 290, dayLow: 29_000 }, false],
  ['before its day high, as prices may be', { price: 29_900, dayHigh: 29_000 }, true],
  ['of a feed without a day range', { price: 59_000, dayHigh: 0, dayLow: 0 }, true],
])('a price that lies %s', (_name, change, complete) => {
  const kit = OPENED()
    .packet('09:15:01', { ...BASE, ...change })
    .minute('09:15')
  expect(kit.candle('09:15').complete).toBe(complete)
})

test('volumes that fall and agree with nothing outvote nobody', () => {
  const kit = OPENED().packet('09:15:01', { ...BASE, dayVolume: 9_000 })
  for (let n = 0; n < 200; n++) {
    const dayVolume = 5_000 + ((n * 7_919) % 2_003)
    kit.packet('09:15:30', { ...BASE, sequence: 5_001 + n, dayVolume })
  }
  expect(kit.fold.volumeAccount(0).dayVolume).toBe(9_000)
  expect(kit.fold.outcomes().volume_fell).toBe(200)
})

test('a refusal of the vendor spoils what it covers and nothing before or after', () => {
  const play = (kit: SessionKit): SessionKit =>
    OPENED(kit)
      .packet('09:15:01', BASE)
      .minute('09:15')
      .lost('09:16:10')
      .connect('09:16:12', 1)
      .fact({ kind: 'refused', instruments: [0], code: 'E1002', message: '', atMs: at('09:16:12.100') })
      .live('09:16:12.200', 1)
      .minute('09:16')
      .minute('09:17')
      .lost('09:18:10')
      .connect('09:18:12', 2)
      .live('09:18:13', 2)
      .packet('09:18:20', { ...BASE, sequence: 8, dayVolume: 1_500, connection: 2 })
      .minute('09:18')
      .packet('09:19:20', { ...BASE, sequence: 9, dayVolume: 1_510, connection: 2 })
      .minute('09:19')
      .alive('09:30')
  const live = play(new SessionKit())
  expect(['09:15', '09:18', '09:19'].map((text) => live.candle(text).complete)).toEqual([true, false, true])
  const kit = settled(play)
  expect(isComplete(kit, '09:15')).toBe(true)
  const needs = historyNeeds(kit.fold)
    .get(0)!
    .filter((minute) => minute < minuteAt('09:20'))
  expect(needs).toEqual([minuteAt('09:16'), minuteAt('09:17'), minuteAt('09:18')])
})

test('over a slow link what comes after a minute does not prove the minute', () => {
  const kit = OPENED()
    .packet('09:15:20', BASE)
    .packet('09:15:40', { ...BASE, sequence: 6_000, dayVolume: 1_020, receivedMs: at('09:16:01') })
    .fact({ kind: 'alive', shard: 0, atMs: at('09:16:01.500'), askedMs: at('09:15:42') })
    .minute('09:15', true)
  expect(kit.candle('09:15').complete).toBe(false)
  const proven = OPENED()
    .packet('09:15:20', BASE)
    .fact({ kind: 'alive', shard: 0, atMs: at('09:16:01.500'), askedMs: at('09:16') })
    .minute('09:15', true)
  expect(proven.candle('09:15').complete).toBe(true)
})

test('a gap begins where the proof ends: what was on its way is lost with the socket', () => {
  const play = (kit: SessionKit): SessionKit =>
    OPENED(kit)
      .packet('09:15:20', BASE)
      .packet('09:15:40', { ...BASE, sequence: 6_000, dayVolume: 1_020, receivedMs: at('09:16:30') })
      .lost('09:16:30')
      .live('09:16:40')
      .minute('09:16')
  expect(play(new SessionKit()).fold.gaps().at(-1)).toMatchObject({
    fromMs: at('09:15:40'),
    toMs: at('09:16:40'),
  })
  expect(isComplete(settled(play), '09:15')).toBe(false)
})

/** Ten ticks a second until `last`, pongs all the while. */
function busyUntil(kit: SessionKit, last: string): SessionKit {
  OPENED(kit)
  let dayVolume = 1_000
  for (let timeMs = at('09:15') as number; timeMs < at(last); timeMs += 100) {
    if (timeMs % MINUTE_MS === 2_000 && timeMs > at('09:16')) kit.minute(textOf(timeMs - MINUTE_MS))
    kit.packet(textOf(timeMs), { price: 29_000, dayVolume: ++dayVolume })
  }
  return kit
}

function textOf(timeMs: number): string {
  return new Date(timeMs + 19_800_000).toISOString().slice(11, 23)
}

test('a busy feed that brings pongs and no ticks is not believed, before the watchdog speaks', () => {
  const kit = busyUntil(new SessionKit(), '09:17:40').minute('09:17')
  expect(kit.candle('09:16').complete).toBe(true)
  expect(kit.candle('09:17').complete).toBe(false)
  // Settle knows what came of it: here nothing was missing.
  const quiet = settled((one) => busyUntil(one, '09:17:40').minute('09:17').alive('09:18:30'))
  expect(isComplete(quiet, '09:17')).toBe(true)
})

test('a quiet feed is believed for its pongs', () => {
  const kit = OPENED()
    .packet('09:15:01', BASE)
    .minute('09:15')
    .packet('09:16:20', { ...BASE, sequence: 6_000, dayVolume: 2_000 })
  expect(kit.minute('09:16').candle('09:16').complete).toBe(true)
})

test('after the last minute of the session no tick is due', () => {
  const phases = [
    { preOpen: null, continuous: [{ fromMs: at('09:15'), toMs: at('09:18') }], closingAuction: null },
  ]
  const kit = busyUntil(new SessionKit({ phases }), '09:18').minute('09:17')
  expect(kit.candle('09:17').complete).toBe(true)
})
