/** What may settle change, and what must it leave alone? */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { byMinute, historyNeeds, type Settled, settle } from '../../src/candles/settle.ts'
import { type Candle, type CandleColumns, candleAt, type VendorCandle } from '../../src/domain/candle.ts'
import { type Minute, minuteStart } from '../../src/domain/time.ts'
import { at, INFY, minuteAt, NIFTY, SBIN, SessionKit } from '../support/session-kit.ts'
import { FIRST, kitOf, MINUTES, play, step } from '../support/session-steps.ts'

/** By symbol, then by minute. */
type Bars = Readonly<Record<string, Readonly<Record<string, Partial<VendorCandle>>>>>

const BAR = { open: 1, high: 2, low: 0.5, close: 1.5, volume: 100 }

type Day = { readonly settled: Settled; readonly rows: readonly Candle[]; readonly fold: SessionKit['fold'] }

/** Plays the day live and with hindsight, and settles it with the vendor's bars. */
function settleDay(playOn: (kit: SessionKit) => SessionKit, bars: Bars = {}, instruments = [INFY]): Day {
  const live = playOn(new SessionKit({ instruments })).finalised
  const { fold } = playOn(new SessionKit({ instruments, lateness: 'settle' }))
  fold.end()
  const vendor = new Map(
    Object.entries(bars).map(([symbol, minutes]) => {
      const candles = Object.entries(minutes).map(([text, bar]) => ({
        timestampMs: at(text),
        ...BAR,
        ...bar,
      }))
      return [instruments.findIndex((one) => one.symbol === symbol), byMinute(candles)] as const
    }),
  )
  const settled = settle({ fold, live, vendor })
  return { settled, rows: rowsOf(fold, settled.columns), fold }
}

function rowsOf(fold: SessionKit['fold'], columns: CandleColumns): Candle[] {
  const table = { instruments: fold.instruments(), columns }
  return Array.from({ length: columns.rowCount }, (_, row) => candleAt(table, row))
}

const TRADED = (kit: SessionKit): SessionKit =>
  kit
    .liveSinceMorning()
    .packet('09:15:01', { price: 29_000, dayVolume: 10 })
    .minute('09:15')
    .packet('09:16:01', { price: 29_100, dayVolume: 15 })
    .minute('09:16')
    .alive('09:17:05') // past the grace

/** Trades at 09:15, 09:17 and 09:20; the feed is lost from 09:16:30 to 09:18:20. */
const WITH_GAP = (kit: SessionKit): SessionKit =>
  kit
    .liveSinceMorning()
    .packet('09:15:01', { price: 29_000, dayVolume: 10 })
    .minute('09:15')
    .packet('09:16:05', { price: 29_100, dayVolume: 30 })
    .lost('09:16:30')
    .minute('09:16', true)
    .minute('09:17', true)
    .live('09:18:20')
    .packet('09:18:40', { price: 29_500, dayVolume: 500 })
    .minute('09:18')
    .minute('09:19')
    .packet('09:20:01', { price: 29_600, dayVolume: 505 })
    .minute('09:20')
    .alive('09:21:05') // past the grace

test('a day on which nothing went wrong settles to what was finalised live, revision 0', () => {
  const { rows, settled, fold } = settleDay(TRADED, { 'INFY-EQ': { '09:15': {}, '09:16': {} } })
  const live = TRADED(new SessionKit())
  expect(rows).toEqual([...live.candles('09:15'), ...live.candles('09:16')])
  expect(rows.map(({ revision, source }) => [revision, source])).toEqual([
    [0, 'ticks'],
    [0, 'ticks'],
  ])
  expect(settled).toMatchObject({ revisedCount: 0, vendorCount: 0 })
  expect(fold.volumeAccount(0).inCandles).toBe(15)
})

test('a late tick raises the revision of its own minute and of no other', () => {
  const { rows, settled } = settleDay((kit) =>
    TRADED(kit).packet('09:15:58', { price: 29_900, dayVolume: 25, receivedMs: at('09:17:05') }),
  )
  expect(rows).toMatchObject([
    {
      timestampMs: at('09:15'),
      close: 299,
      high: 299,
      volume: 20,
      tickCount: 2,
      revision: 1,
      source: 'ticks',
    },
    { timestampMs: at('09:16'), close: 291, high: 291, volume: 5, tickCount: 1, revision: 0 },
  ])
  expect(settled.revisedCount).toBe(1)
})

test('a late tick makes a candle of a minute that had none, revision 1', () => {
  const { rows } = settleDay((kit) =>
    TRADED(kit)
      .minute('09:17')
      .packet('09:17:58', { price: 29_200, dayVolume: 18, receivedMs: at('09:18:05') }),
  )
  expect(rows.at(-1)).toMatchObject({ timestampMs: at('09:17'), volume: 3, revision: 1, source: 'ticks' })
})

test("the vendor's candle replaces an incomplete one and fills minutes inside a gap, and only those", () => {
  const all = ['09:15', '09:16', '09:17', '09:18', '09:19', '09:20'].map((text) => [text, {}] as const)
  const { rows, settled } = settleDay(WITH_GAP, { 'INFY-EQ': Object.fromEntries(all) })
  expect(rows.map(({ timestampMs, source, complete }) => [timestampMs, source, complete])).toEqual([
    [at('09:15'), 'ticks', true],
    [at('09:16'), 'vendor', true],
    [at('09:17'), 'vendor', true],
    [at('09:18'), 'vendor', true],
    // 09:19 was silent, and the feed can say so.
    [at('09:20'), 'ticks', true],
  ])
  expect(rows[1]).toMatchObject({
    open: 1,
    high: 2,
    low: 0.5,
    close: 1.5,
    volume: 100,
    vwap: null,
    revision: 1,
  })
  expect(settled).toMatchObject({ vendorCount: 3, missingCount: minutesAfter('09:21') })
  expect(settled.replacedVolume[0]).toBe(20)
  expect(settled.vendorVolume[0]).toBe(300)
})

/** The journal ends there: every later minute of the session lies in a gap, and nobody has a candle. */
function minutesAfter(text: string): number {
  return minuteAt('15:30') - minuteAt(text)
}

test('a row of the vendor keeps what was seen of its minute, and goes on with the range of the day', () => {
  const { rows } = settleDay(WITH_GAP, { 'INFY-EQ': { '09:16': {}, '09:17': { high: 400 } } })
  expect(rows[1]).toMatchObject({
    tickCount: 1,
    firstTickMs: at('09:16:05'),
    lastTickMs: at('09:16:05'),
    dayHigh: 290,
    dayLow: 0.5,
  })
  expect(rows[2]).toMatchObject({
    tickCount: 0,
    firstTickMs: null,
    lastTickMs: null,
    dayHigh: 400,
    dayLow: 0.5,
  })
})

test('without a candle of the vendor an incomplete one stays, and says that it is', () => {
  const { rows, settled } = settleDay(WITH_GAP)
  expect(rows.map(({ timestampMs, complete }) => [timestampMs, complete])).toEqual([
    [at('09:15'), true],
    [at('09:16'), false],
    [at('09:18'), false],
    [at('09:20'), true],
  ])
  expect(settled.missingCount).toBe(1 + minutesAfter('09:21'))
})

test('a silence that was noticed late spoils the minutes that it touched, with hindsight', () => {
  // Pongs came, ticks did not: the minute was called complete live, until the watchdog said since when.
  const { rows, settled } = settleDay((kit) =>
    TRADED(kit)
      .minute('09:17')
      .fact({
        kind: 'lost',
        shard: 0,
        fromMs: at('09:16:30'),
        atMs: at('09:18:30'),
        reason: 'mute',
        detail: '',
      }),
  )
  expect(rows.map(({ complete, revision }) => [complete, revision])).toEqual([
    [true, 0],
    [false, 1],
  ])
  expect(settled.revisedCount).toBe(1)
})

test('history is asked for just those minutes that a candle could be missing from', () => {
  const { fold } = settleDay(WITH_GAP)
  const minutes = historyNeeds(fold).get(0)!
  expect(minutes.slice(0, 4)).toEqual(['09:16', '09:17', '09:18', '09:21'].map(minuteAt))
  expect(minutes.at(-1)).toBe(minuteAt('15:29'))
})

test('nothing is asked for, or filled, outside the continuous session of the instrument', () => {
  const phases = [
    {
      preOpen: null,
      continuous: [{ fromMs: at('09:15'), toMs: at('15:15') }],
      closingAuction: { fromMs: at('15:15'), toMs: at('15:35') },
    },
  ]
  const { fold } = new SessionKit({ phases, lateness: 'settle' }).start('15:00')
  fold.end()
  expect(historyNeeds(fold).get(0)!.at(-1)).toBe(minuteAt('15:14'))
})

test('an index takes the prices of the vendor and still has no volume', () => {
  const { rows } = settleDay((kit) => kit.start('09:14'), { 'Nifty 50': { '09:15': { volume: 0 } } }, [NIFTY])
  expect(rows).toMatchObject([{ close: 1.5, volume: null, vwap: null, source: 'vendor' }])
})

test('instruments stand in the order of their symbols, whatever the order of the list', () => {
  const { rows } = settleDay(
    (kit) => kit.start('09:14'),
    {
      'INFY-EQ': { '09:15': {}, '09:16': {} },
      'SBIN-EQ': { '09:15': {} },
    },
    [SBIN, INFY],
  )
  expect(rows.map(({ symbol, timestampMs }) => [symbol, timestampMs])).toEqual([
    ['INFY-EQ', at('09:15')],
    ['INFY-EQ', at('09:16')],
    ['SBIN-EQ', at('09:15')],
  ])
})

/** One bar for every minute of both stocks, at a price that no tick has. */
const EVERYWHERE = new Map(
  [0, 1].map((index) => {
    const minutes = Array.from({ length: MINUTES }, (_, n) => (FIRST + n) as Minute)
    return [index, byMinute(minutes.map((minute) => ({ timestampMs: minuteStart(minute), ...BAR })))]
  }),
)

test('whole candles stay, doubtful minutes are filled, rows are sorted, shares add up', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const live = play(steps, kitOf()).finalised
      const { fold } = play(steps, kitOf('settle'))
      fold.end()
      const { columns, replacedVolume, vendorVolume } = settle({ fold, live, vendor: EVERYWHERE })
      const rows = rowsOf(fold, columns)
      const keys = rows.map(({ symbol, timestampMs }) => `${symbol} ${timestampMs}`)
      expect(keys).toEqual([...new Set(keys)].sort())
      for (const [row, { timestampMs, source, complete, volume }] of rows.entries()) {
        const isWhole = fold.isVouched(columns.instrument[row]!, (timestampMs / 60_000) as Minute)
        expect([source, complete]).toEqual([isWhole ? 'ticks' : 'vendor', true])
        expect(volume).toBe(source === 'vendor' ? BAR.volume : volume)
      }
      for (const [minute, finalised] of live) expectKept(rowsOf(fold, finalised), rows, minute)
      for (const index of [0, 1]) {
        const { inCandles, inPreOpen, inOther, unattributed, late, dayVolume } = fold.volumeAccount(index)
        const inFile = rows
          .filter((_, row) => columns.instrument[row] === index)
          .reduce((sum, { volume }) => sum + (volume ?? 0), 0)
        expect(late).toBe(0)
        expect(inFile + replacedVolume[index]! - vendorVolume[index]!).toBe(inCandles)
        expect(inCandles + inPreOpen + inOther + unattributed).toBe(dayVolume)
      }
    }),
    { numRuns: 150 },
  )
})

/** No row is lost, and one that is called unchanged is. */
function expectKept(finalised: readonly Candle[], rows: readonly Candle[], minute: Minute): void {
  for (const candle of finalised) {
    const kept = rows.find(
      ({ symbol, timestampMs }) => symbol === candle.symbol && timestampMs === minuteStart(minute),
    )
    expect(kept).toBeDefined()
    if (kept!.revision === 0) expect(kept).toEqual(candle)
    else expect(kept).not.toEqual({ ...candle, revision: 1 })
  }
}
