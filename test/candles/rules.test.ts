/** The ten rules of the candle, each as a promise. Prices are in paise on the wire, rupees in candles. */
import { expect, test } from 'vitest'
import { at, INFY, NIFTY, quotesBody, SBIN, SessionKit } from '../support/session-kit.ts'

const OPENED = (): SessionKit =>
  new SessionKit().liveSinceMorning().packet('09:08', { price: 29_000, dayVolume: 1_000 })

test('open, high, low, close and volume of a minute are those of its trades', () => {
  const kit = OPENED()
    .packet('09:15:01', { price: 29_100, dayVolume: 1_010, dayHigh: 29_100, dayLow: 29_000 })
    .packet('09:15:20', { price: 28_900, dayVolume: 1_030, dayHigh: 29_100, dayLow: 28_900 })
    .packet('09:15:59', { price: 29_050, dayVolume: 1_060, dayHigh: 29_100, dayLow: 28_900 })
    .minute('09:15')
  expect(kit.candle('09:15')).toEqual({
    symbol: 'INFY-EQ',
    exchange: 'NSE',
    token: '1594',
    timestampMs: at('09:15'),
    open: 291,
    high: 291,
    low: 289,
    close: 290.5,
    volume: 60,
    vwap: (29_100 * 10 + 28_900 * 20 + 29_050 * 30) / 60 / 100,
    tickCount: 3,
    dayHigh: 291,
    dayLow: 289,
    firstTickMs: at('09:15:01'),
    lastTickMs: at('09:15:59'),
    complete: true,
    source: 'ticks',
    revision: 0,
  })
})

test('the volume of the pre-open auction is in no candle', () => {
  const kit = OPENED().packet('09:15:00', { price: 29_000, dayVolume: 1_005 }).minute('09:15')
  expect(kit.candle('09:15').volume).toBe(5)
  expect(kit.fold.volumeAccount(0).inPreOpen).toBe(1_000)
})

test('a tick at the very end of a minute belongs to the next', () => {
  const kit = OPENED()
    .packet('09:15:59.999', { price: 29_000, dayVolume: 1_001 })
    .packet('09:16:00', { price: 29_500, dayVolume: 1_002 })
    .minute('09:15')
    .minute('09:16')
  expect(kit.candle('09:15').close).toBe(290)
  expect(kit.candle('09:16').open).toBe(295)
})

test('a packet that only moves the order book makes no candle', () => {
  const kit = OPENED()
    .packet('09:15:01', { price: 29_000, dayVolume: 1_001 })
    .packet('09:16:10', { price: 29_000, dayVolume: 1_001 })
    .minute('09:15')
    .minute('09:16')
  expect(kit.candles('09:16')).toEqual([])
})

test('a price that moves before its volume is evidence, and the volume comes with a later packet', () => {
  const kit = OPENED()
    .packet('09:15:01', { price: 29_010, dayVolume: 1_000 })
    .packet('09:15:02', { price: 29_010, dayVolume: 1_040 })
    .minute('09:15')
  expect(kit.candle('09:15')).toMatchObject({ open: 290.1, close: 290.1, volume: 40, tickCount: 2 })
})

test('a print that conflation hid widens the candle it was traded in', () => {
  const kit = OPENED()
    .packet('09:15:01', { price: 29_000, dayVolume: 1_001, dayHigh: 29_000, dayLow: 29_000 })
    .packet('09:16:01', { price: 29_000, dayVolume: 1_900, dayHigh: 29_700, dayLow: 28_800 })
    .packet('09:17:01', { price: 29_000, dayVolume: 1_901, dayHigh: 29_700, dayLow: 28_800 })
    .minute('09:15')
    .minute('09:16')
    .minute('09:17')
  expect(kit.candle('09:15')).toMatchObject({ high: 290, low: 290 })
  expect(kit.candle('09:16')).toMatchObject({ high: 297, low: 288 })
  expect(kit.candle('09:17')).toMatchObject({ high: 290, low: 290 })
})

test('a day high that only catches up with a price we saw widens nothing', () => {
  const kit = OPENED()
    .packet('09:15:59', { price: 29_900, dayVolume: 1_001, dayHigh: 29_000, dayLow: 29_000 })
    .packet('09:16:00', { price: 29_100, dayVolume: 1_002, dayHigh: 29_900, dayLow: 29_000 })
    .minute('09:15')
    .minute('09:16')
  expect(kit.candle('09:15').high).toBe(299)
  expect(kit.candle('09:16').high).toBe(291)
})

test('ticks of one second are ordered by cumulative volume, not by arrival', () => {
  const kit = new SessionKit({ instruments: [INFY] }).liveSinceMorning().connect('09:00', 1)
  kit
    .packet('09:15:01', { price: 29_100, dayVolume: 10, connection: 0 })
    .packet('09:15:03', { price: 29_200, dayVolume: 30, connection: 0 })
    .packet('09:15:02', { price: 29_300, dayVolume: 40, connection: 1 })
    .minute('09:15')
  expect(kit.candle('09:15')).toMatchObject({ open: 291, close: 292, high: 293, volume: 40 })
})

test('last traded quantity is never volume', () => {
  const kit = OPENED()
    .packet('09:15:01', { price: 29_000, dayVolume: 1_500, lastQuantity: 5 })
    .minute('09:15')
  expect(kit.candle('09:15').volume).toBe(500)
})

test.each([
  ['a duplicate', { sequence: 5_000 }, 'sequence'],
  ['a fallen cumulative volume', { dayVolume: 1_000 }, 'volume_fell'],
  ['a price of zero', { price: 0 }, 'no_price'],
  ['a token that nobody asked for', { token: '77' }, 'token'],
  ['a stamp of yesterday', { exchangeMs: at('09:15:02') - 86_400_000 }, 'stale'],
  ['a stamp an hour ahead', { exchangeMs: at('10:15:02') }, 'future'],
])('%s is dropped, counted, and changes nothing', (_name, change, reason) => {
  const base = { price: 29_000, dayVolume: 1_010, sequence: 5_000 }
  const kit = OPENED().packet('09:15:01', base)
  const before = kit.fold.volumeAccount(0)
  kit.packet('09:15:02', { ...base, sequence: 6_000, dayVolume: 1_020, price: 29_900, ...change })
  expect(kit.fold.outcomes()[reason]).toBe(1)
  expect(kit.fold.volumeAccount(0)).toEqual(before)
  kit.minute('09:15')
  expect(kit.candle('09:15')).toMatchObject({ close: 290, volume: 10, tickCount: 1 })
})

test('after a reconnect the sequence is compared afresh', () => {
  const kit = OPENED()
    .packet('09:15:01', { price: 29_000, dayVolume: 1_010, sequence: 9_000 })
    .connect('09:15:05', 1)
    .packet('09:15:06', { price: 29_100, dayVolume: 1_020, sequence: 10, connection: 1 })
    .minute('09:15')
  expect(kit.candle('09:15')).toMatchObject({ close: 291, volume: 20 })
})

test('a rise across a gap that spans minutes is in no candle, and is accounted for', () => {
  const kit = OPENED()
    .packet('09:15:10', { price: 29_000, dayVolume: 1_010 })
    .lost('09:15:20')
    .minute('09:15')
    .live('09:17:30')
    .packet('09:17:31', { price: 29_500, dayVolume: 1_510 })
    .packet('09:17:40', { price: 29_500, dayVolume: 1_520 })
    .minute('09:16')
    .minute('09:17')
  expect(kit.candle('09:15')).toMatchObject({ volume: 10, complete: false })
  expect(kit.candles('09:16')).toEqual([])
  expect(kit.candle('09:17')).toMatchObject({ volume: 10, complete: false })
  expect(kit.fold.volumeAccount(0).unattributed).toBe(500)
  expect(kit.imbalance()).toBe(0)
})

test('a rise across a gap inside one minute stays in that minute, which is incomplete', () => {
  const kit = OPENED()
    .packet('09:15:10', { price: 29_000, dayVolume: 1_010 })
    .lost('09:15:20')
    .live('09:15:30')
    .packet('09:15:31', { price: 29_500, dayVolume: 1_040 })
    .minute('09:15')
  expect(kit.candle('09:15')).toMatchObject({ volume: 40, complete: false })
  expect(kit.fold.volumeAccount(0).unattributed).toBe(0)
})

test('a quiet instrument whose first packet after a gap brings volume spoils that minute only', () => {
  const kit = OPENED()
    .packet('09:15:10', { price: 29_000, dayVolume: 1_010 })
    .lost('09:15:20')
    .live('09:15:40')
    .minute('09:15')
    .minute('09:16')
    .packet('09:17:05', { price: 29_000, dayVolume: 1_100 })
    .packet('09:18:05', { price: 29_000, dayVolume: 1_110 })
    .minute('09:17')
    .minute('09:18')
  expect(kit.candle('09:17')).toMatchObject({ volume: 0, vwap: null, complete: false })
  expect(kit.candle('09:18')).toMatchObject({ volume: 10, complete: true })
  expect(kit.imbalance()).toBe(0)
})

test('a worker that starts at ten claims nothing of what was traded before', () => {
  const kit = new SessionKit().start('10:00:10').connect('10:00:11').live('10:00:12')
  kit.minute('09:59')
  kit
    .packet('10:00:13', { price: 29_000, dayVolume: 50_000 })
    .packet('10:00:20', { price: 29_100, dayVolume: 50_007 })
    .minute('10:00')
    .packet('10:01:20', { price: 29_100, dayVolume: 50_009 })
    .minute('10:01')
  expect(kit.candle('10:00')).toMatchObject({ open: 291, volume: 7, complete: false, tickCount: 1 })
  expect(kit.candle('10:01')).toMatchObject({ volume: 2, complete: true })
  expect(kit.fold.volumeAccount(0).unattributed).toBe(50_000)
})

test('a minute is complete only when something was heard after its end', () => {
  const kit = OPENED().packet('09:15:50', { price: 29_000, dayVolume: 1_010 }).minute('09:15', true)
  expect(kit.candle('09:15').complete).toBe(false)
})

test("a feed that is lost within a minute's grace may have lost a tick of it that was on its way", () => {
  const lostAt = (text: string): SessionKit => {
    const kit = OPENED().packet('09:15:50', { price: 29_000, dayVolume: 1_010 }).alive('09:16:00.050')
    return kit.lost(text).minute('09:15', true)
  }
  // The kit's grace is 2 s.
  expect(lostAt('09:16:00.100').candle('09:15').complete).toBe(false)
  expect(lostAt('09:16:01.999').candle('09:15').complete).toBe(false)
  expect(lostAt('09:16:02').candle('09:15').complete).toBe(true)
})

test('instruments of another shard are not touched by a gap', () => {
  const kit = new SessionKit({ instruments: [INFY, SBIN], shards: [0, 1] }).start('08:55')
  for (const shard of [0, 1]) kit.connect('08:55', shard, shard).live('08:56', shard, shard)
  kit
    .packet('09:15:01', { price: 29_000, dayVolume: 10, connection: 0 })
    .packet('09:15:01', { price: 50_000, dayVolume: 20, connection: 1, token: SBIN.token })
    .lost('09:15:30', '09:15:30', 0)
    .alive('09:16:00', 1)
    .minute('09:15')
  expect(kit.candles('09:15').map(({ symbol, complete }) => [symbol, complete])).toEqual([
    ['INFY-EQ', false],
    ['SBIN-EQ', true],
  ])
})

test('a late tick never reaches another minute, and settle gives it to its own', () => {
  const play = (kit: SessionKit): SessionKit =>
    kit
      .liveSinceMorning()
      .packet('09:15:01', { price: 29_000, dayVolume: 10 })
      .minute('09:15')
      .packet('09:15:58', { price: 29_900, dayVolume: 25, receivedMs: at('09:16:05') })
      .packet('09:16:10', { price: 29_100, dayVolume: 30 })
      .minute('09:16')
  const live = play(new SessionKit())
  expect(live.candle('09:15')).toMatchObject({ close: 290, volume: 10 })
  expect(live.candle('09:16')).toMatchObject({ open: 291, high: 291, volume: 5 })
  expect(live.fold.lateCount()).toBe(1)
  expect(live.fold.volumeAccount(0).late).toBe(15)
  expect(live.imbalance()).toBe(0)
  const settled = play(new SessionKit({ lateness: 'settle' }))
  expect(settled.candle('09:15')).toMatchObject({ close: 290 }) // finalised before the tick came
  const columns = settled.fold.columnsOf(Math.floor(at('09:15') / 60_000) as never)
  expect([columns.close[0], columns.volume[0], columns.high[0]]).toEqual([299, 25, 299])
})

test('an index has candles without volume, from every packet', () => {
  const kit = new SessionKit({ instruments: [NIFTY] }).liveSinceMorning()
  kit
    .packet('09:15:01', { price: 2_450_000, token: NIFTY.token, sequence: 0 })
    .packet('09:15:02', { price: 2_450_000, token: NIFTY.token, sequence: 0 })
    .minute('09:15')
  expect(kit.candle('09:15')).toMatchObject({ open: 24_500, volume: null, vwap: null, tickCount: 2 })
})

test('the ltp mode makes candles without volume', () => {
  const kit = new SessionKit({ mode: 'ltp' }).liveSinceMorning()
  kit.packet('09:15:01', { price: 29_000 }).packet('09:15:02', { price: 29_100 }).minute('09:15')
  expect(kit.candle('09:15')).toMatchObject({ open: 290, close: 291, volume: null, dayHigh: 291 })
})

test('a snap quote is judged by the time of its trade', () => {
  const kit = new SessionKit({ mode: 'snap_quote' }).liveSinceMorning()
  kit
    .packet('09:16:01', { price: 29_000, dayVolume: 10, tradeMs: at('09:15:59') })
    .minute('09:15')
    .minute('09:16')
  expect(kit.candle('09:15').volume).toBe(10)
  expect(kit.candles('09:16')).toEqual([])
})

test('the closing auction makes no candle of the continuous session', () => {
  const kit = new SessionKit({
    phases: [
      {
        preOpen: null,
        continuous: [{ fromMs: at('09:15'), toMs: at('15:15') }],
        closingAuction: { fromMs: at('15:15'), toMs: at('15:35') },
      },
    ],
  }).liveSinceMorning()
  kit
    .packet('15:14:59', { price: 29_000, dayVolume: 10, exchangeMs: at('09:15:00') })
    .packet('15:31:10', { price: 29_500, dayVolume: 9_010 })
    .packet('15:50:00', { price: 29_500, dayVolume: 9_020 })
    .minute('15:14')
  expect(kit.fold.volumeAccount(0)).toMatchObject({ inCandles: 10, inClosingAuction: 9_000, inOther: 10 })
  expect(kit.imbalance()).toBe(0)
})

test('what the vendor refused to send is never complete', () => {
  const kit = OPENED()
    .fact({ kind: 'refused', instruments: [0], code: 'E1002', message: '', atMs: at('09:10') })
    .packet('09:15:01', { price: 29_000, dayVolume: 1_001 })
    .minute('09:15')
  expect(kit.candle('09:15').complete).toBe(false)
})

test('a restart in the middle of a minute goes on from the same state', () => {
  const kit = OPENED()
    .packet('09:15:10', { price: 29_000, dayVolume: 1_010 })
    .start('09:15:20')
    .connect('09:15:21', 1)
    .live('09:15:22', 1)
    .packet('09:15:31', { price: 29_500, dayVolume: 1_040, connection: 1 })
    .minute('09:15')
    .packet('09:16:31', { price: 29_500, dayVolume: 1_050, connection: 1 })
    .minute('09:16')
  expect(kit.candle('09:15')).toMatchObject({ volume: 40, complete: false })
  expect(kit.candle('09:16')).toMatchObject({ volume: 10, complete: true })
  expect(kit.imbalance()).toBe(0)
})

test('quotes taken by REST while the socket is down make candles that are not complete', () => {
  const kit = OPENED()
    .packet('09:15:10', { price: 29_000, dayVolume: 1_010 })
    .lost('09:15:20')
    .minute('09:15')
    .fact({ kind: 'quotes', body: quotesBody('09:16:05', 291, 1_100), atMs: at('09:16:06') })
    .fact({ kind: 'quotes', body: quotesBody('09:16:25', 292, 1_130), atMs: at('09:16:26') })
    .minute('09:16', true)
  expect(kit.candle('09:16')).toMatchObject({ close: 292, volume: 30, complete: false })
  expect(kit.fold.volumeAccount(0).unattributed).toBe(90)
  expect(kit.imbalance()).toBe(0)
})
