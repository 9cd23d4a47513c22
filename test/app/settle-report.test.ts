/** Does the report account for every share, whatever settle did? */
import { expect, test } from 'vitest'
import { settleReport } from '../../src/app/settle-facts.ts'
import { byMinute, settle } from '../../src/candles/settle.ts'
import type { SettleReport } from '../../src/domain/settle-report.ts'
import { at, DATE, INFY, minuteAt, NIFTY, SBIN, SessionKit, UTC_OFFSET_MS } from '../support/session-kit.ts'

const INSTRUMENTS = [INFY, NIFTY, SBIN]
const HISTORY = { askedCount: 0, failedCount: 0, failures: [] }
const BAR = { open: 1, high: 1, low: 1, close: 1, volume: 0 }

/** Bars by symbol: minute and volume. */
type Bars = Readonly<Record<string, readonly (readonly [text: string, volume: number])[]>>

function reportOf(playOn: (kit: SessionKit) => SessionKit, bars: Bars = {}): SettleReport {
  const live = playOn(new SessionKit({ instruments: INSTRUMENTS }))
  const { fold } = playOn(new SessionKit({ instruments: INSTRUMENTS, lateness: 'settle' }))
  fold.end()
  const vendor = new Map(
    Object.entries(bars).map(([symbol, list]) => {
      const candles = list.map(([text, volume]) => ({ ...BAR, timestampMs: at(text), volume }))
      return [INSTRUMENTS.findIndex((one) => one.symbol === symbol), byMinute(candles)] as const
    }),
  )
  const settled = settle({ fold, live: live.finalised, vendor })
  return settleReport(fold, settled, { history: HISTORY, lateTickCount: live.fold.lateCount() })
}

const rowOf = (report: SettleReport, symbol: string): SettleReport['conservation'][number] =>
  report.conservation.find((row) => row.symbol === symbol)!

/** 1,000 in the pre-open, 30 at 09:15, a gap over 09:16 and 09:17 with 500, 20 at 09:18, 7 after hours. */
const WITH_GAP = (kit: SessionKit): SessionKit =>
  kit
    .liveSinceMorning()
    .packet('09:08', { price: 29_000, dayVolume: 1_000 })
    .packet('09:15:10', { price: 29_000, dayVolume: 1_030 })
    .minute('09:15')
    .lost('09:16:20')
    .minute('09:16', true)
    .live('09:17:30')
    .minute('09:17')
    .packet('09:18:10', { price: 29_500, dayVolume: 1_530 })
    .packet('09:18:20', { price: 29_500, dayVolume: 1_550 })
    .minute('09:18')
    .alive('15:40')
    .packet('15:41:00', { price: 29_500, dayVolume: 1_557 })

test('every share is in a candle, outside the session, or unattributed across a gap', () => {
  const report = reportOf(WITH_GAP)
  expect(rowOf(report, 'INFY-EQ')).toEqual({
    symbol: 'INFY-EQ',
    candleVolume: 50,
    outsideVolume: { preOpen: 1_000, closingAuction: 0, other: 7 },
    unattributedVolume: 500,
    lastDayVolume: 1_557,
    balanced: true,
  })
  expect(report.gaps).toMatchObject([
    { fromMs: at('09:16'), toMs: at('09:17:30'), reason: 'disconnected', unattributedVolume: 500 },
  ])
})

test("what the vendor's candles bring is taken from what was unattributed, even below zero", () => {
  const filled = reportOf(WITH_GAP, {
    'INFY-EQ': [
      ['09:16', 180],
      ['09:17', 320],
    ],
  })
  expect(rowOf(filled, 'INFY-EQ')).toMatchObject({ candleVolume: 550, unattributedVolume: 0, balanced: true })
  // 09:18 holds the first packet after the gap, so it is not whole: the vendor's 700 replace 20.
  const more = reportOf(WITH_GAP, {
    'INFY-EQ': [
      ['09:16', 180],
      ['09:17', 320],
      ['09:18', 700],
    ],
  })
  expect(rowOf(more, 'INFY-EQ')).toMatchObject({
    candleVolume: 1_230,
    unattributedVolume: -680,
    balanced: true,
  })
  expect(more.candles).toEqual({ total: 4, ticksComplete: 1, ticksIncomplete: 0, vendor: 3, revised: 0 })
  expect(more.history.usedBarCount).toBe(3)
})

test('late ticks are counted as they were live, and their shares are in the settled candles', () => {
  const late = reportOf((kit) =>
    kit
      .liveSinceMorning()
      .minute('09:15')
      .packet('09:15:30', { price: 29_000, dayVolume: 40, receivedMs: at('09:16:10') })
      .minute('09:16'),
  )
  expect(late.lateTickCount).toBe(1)
  expect(late.candles).toMatchObject({ total: 1, revised: 1 })
  expect(rowOf(late, 'INFY-EQ')).toMatchObject({ candleVolume: 40, lastDayVolume: 40, balanced: true })
})

test('without volume there is nothing to add up, and without packets nothing to be missing', () => {
  const report = reportOf(
    (kit) =>
      kit
        .liveSinceMorning()
        .packet('09:15:01', { token: NIFTY.token, price: 2_450_000, sequence: 0 })
        .minute('09:15'),
    { 'Nifty 50': [['09:16', 0]] },
  )
  expect(rowOf(report, 'Nifty 50')).toMatchObject({
    candleVolume: 0,
    unattributedVolume: 0,
    lastDayVolume: null,
    balanced: true,
  })
  expect(rowOf(report, 'SBIN-EQ')).toMatchObject({ candleVolume: 0, lastDayVolume: 0, balanced: true })
})

test('rejections are told by reason, and gaps only where they touch the session', () => {
  const report = reportOf((kit) =>
    kit
      .start('08:40')
      .connect('08:41')
      .live('08:42')
      .lost('08:50')
      .live('08:51', 0)
      .packet('09:15:10', { price: 29_000, dayVolume: 10, sequence: 5 })
      .packet('09:15:11', { price: 29_000, dayVolume: 10, sequence: 5 })
      .packet('09:15:12', { price: 29_000, dayVolume: 10, token: '999' })
      .minute('09:15')
      .lost('09:40:00')
      .live('09:41:00')
      .alive('15:35')
      .lost('15:40'),
  )
  expect(report.gaps.map(({ fromMs }) => fromMs)).toEqual([at('09:16')])
  expect(report.acceptedCount).toBe(1)
  expect(report.rejected).toMatchObject({ sequence: 1, token: 1, length: 0 })
  expect(report).toMatchObject({
    schema: 'chandler.settle_report.v1',
    market: 'in',
    date: DATE,
    utcOffsetMs: UTC_OFFSET_MS,
    instrumentCount: 3,
    minuteCount: minuteAt('15:30') - minuteAt('09:15'),
    file: null,
  })
  expect(report.conservation.map(({ symbol }) => symbol)).toEqual(['INFY-EQ', 'Nifty 50', 'SBIN-EQ'])
})
