/**
 * What if the day has several runs, and not all of them alike? Instruments come, go and are refused, the
 * mode and the phases change, the journal has lost entries; what a candle says of itself must stay true.
 */
import { expect, test } from 'vitest'
import { settle } from '../../src/candles/settle.ts'
import { candleAt } from '../../src/domain/candle.ts'
import type { Fact } from '../../src/domain/fact.ts'
import { ENTRY_PACKETS } from '../../src/domain/fact.ts'
import type { Instrument } from '../../src/domain/instrument.ts'
import {
  at,
  CASH_PHASES,
  DATE,
  INFY,
  minuteAt,
  NIFTY,
  quotesBody,
  SBIN,
  SessionKit,
  UTC_OFFSET_MS,
} from '../support/session-kit.ts'

type StartFact = Extract<Fact, { kind: 'start' }>

const GOLD: Instrument = { exchange: 'MCX', token: '234230', symbol: 'GOLD' }
const MCX_PHASES = {
  preOpen: null,
  continuous: [{ fromMs: at('09:00'), toMs: at('23:30') }],
  closingAuction: null,
}

function run(text: string, instruments: readonly Instrument[], change: Partial<StartFact> = {}): StartFact {
  return {
    kind: 'start',
    version: 1,
    market: 'in',
    venue: 'smartapi',
    date: DATE,
    utcOffsetMs: UTC_OFFSET_MS,
    atMs: at(text),
    mode: 'quote',
    graceMs: 2_000,
    instruments,
    shards: instruments.map(() => 0),
    phaseOf: instruments.map(() => 0),
    phases: [CASH_PHASES],
    ...change,
  }
}

/** Index of an instrument, and whether its minute is vouched for: with no candle, that nothing was traded. */
function isVouched(kit: SessionKit, instrument: Instrument, text: string): boolean {
  return kit.fold.isVouched(kit.fold.indexOf(instrument)!, minuteAt(text))
}

/** Timer and a sign of life for each minute of [from, to). */
function minutes(kit: SessionKit, from: string, to: string): SessionKit {
  for (let minute = minuteAt(from); minute < minuteAt(to); minute = (minute + 1) as never) {
    const endMs = ((minute + 1) * 60_000) as never
    kit.fact({ kind: 'alive', shard: 0, atMs: endMs }).fact({ kind: 'minute', minute, atMs: endMs })
  }
  return kit
}

test('of an instrument that joined at noon nothing is claimed of the morning', () => {
  const kit = new SessionKit({ lateness: 'settle' })
  kit
    .fact(run('08:55', [INFY]))
    .connect('08:55')
    .live('08:56')
  minutes(kit, '09:15', '12:00')
  kit
    .fact(run('12:00:10', [INFY, SBIN]))
    .connect('12:00:11', 1)
    .live('12:00:12', 1)
  minutes(kit, '12:00', '12:05')
  expect(isVouched(kit, INFY, '10:00')).toBe(true)
  expect(isVouched(kit, SBIN, '10:00')).toBe(false)
  expect(isVouched(kit, SBIN, '12:00')).toBe(false)
  expect(isVouched(kit, SBIN, '12:01')).toBe(true)
})

test('nothing is claimed of the time in which an instrument was off the list', () => {
  const kit = new SessionKit({ lateness: 'settle' })
  kit
    .fact(run('08:55', [INFY, SBIN]))
    .connect('08:55')
    .live('08:56')
  minutes(kit, '09:15', '10:00')
  kit
    .fact(run('10:00:01', [INFY]))
    .connect('10:00:02', 1)
    .live('10:00:03', 1)
  minutes(kit, '10:00', '11:00')
  kit
    .fact(run('11:00:01', [INFY, SBIN]))
    .connect('11:00:02', 2)
    .live('11:00:03', 2)
  minutes(kit, '11:00', '11:05')
  const claims = (instrument: Instrument): boolean[] =>
    ['09:30', '10:30', '11:02'].map((text) => isVouched(kit, instrument, text))
  expect(claims(INFY)).toEqual([true, true, true])
  expect(claims(SBIN)).toEqual([true, false, true])
})

test('an instrument that left has its own phases still, whatever classes the later run has', () => {
  const kit = new SessionKit({ lateness: 'settle' })
  kit.fact(run('08:40', [INFY, GOLD], { phaseOf: [0, 1], phases: [CASH_PHASES, MCX_PHASES] }))
  kit.connect('08:40').live('08:41')
  kit.fact(run('10:00', [INFY]))
  const [infy, gold] = [kit.fold.indexOf(INFY)!, kit.fold.indexOf(GOLD)!]
  expect(kit.fold.isContinuous(gold, at('18:00'))).toBe(true)
  expect(kit.fold.isContinuous(infy, at('18:00'))).toBe(false)
  kit.fact(run('11:00', [GOLD], { phases: [MCX_PHASES] }))
  expect(kit.fold.isContinuous(infy, at('18:00'))).toBe(false)
  expect(kit.fold.isContinuous(gold, at('18:00'))).toBe(true)
})

test.each(['live', 'settle'] as const)(
  'a run with an earlier session has its first minutes, where no minute has begun (%s)',
  (lateness) => {
    const kit = new SessionKit({ lateness })
    kit
      .fact(run('08:40', [INFY]))
      .connect('08:40')
      .live('08:41')
    kit.fact(run('08:50', [GOLD, INFY], { phaseOf: [1, 0], phases: [CASH_PHASES, MCX_PHASES] }))
    kit.connect('08:51', 1).live('08:52', 1)
    kit.packet('09:00:05', { exchange: 'MCX', token: GOLD.token, price: 7_000, dayVolume: 3, connection: 1 })
    kit.minute('09:00')
    expect(kit.candles('09:00')).toMatchObject([{ symbol: 'GOLD', volume: 3, complete: true }])
  },
)

test('a restart before anything can be traded costs nothing', () => {
  const kit = new SessionKit().start('08:50').connect('08:51').live('08:52')
  kit.start('08:55').connect('08:55:01', 1).live('08:55:02', 1)
  kit.packet('09:15:01', { price: 29_000, dayVolume: 40, connection: 1 }).minute('09:15')
  expect(kit.candle('09:15')).toMatchObject({ volume: 40, complete: true })
  expect(kit.fold.volumeAccount(0).unattributed).toBe(0)
})

test('where a later run carries volume, no minute gets the whole day of it', () => {
  const kit = new SessionKit({ mode: 'ltp' })
  kit
    .fact(run('08:55', [INFY], { mode: 'ltp' }))
    .connect('08:55')
    .live('08:56')
  kit.packet('09:15:10', { mode: 'ltp', price: 29_000 })
  kit.packet('09:16:10', { mode: 'ltp', price: 29_000 }).minute('09:15')
  kit
    .fact(run('09:16:20', [INFY]))
    .connect('09:16:21', 1)
    .live('09:16:22', 1)
  kit.packet('09:16:30', { mode: 'quote', price: 29_100, dayVolume: 5_000_000, connection: 1 })
  kit.packet('09:16:40', { mode: 'quote', price: 29_100, dayVolume: 5_000_007, connection: 1 })
  kit.minute('09:16')
  expect(kit.candle('09:15')).toMatchObject({ volume: null, vwap: null })
  expect(kit.candle('09:16')).toMatchObject({ volume: 7, complete: false })
  expect(kit.fold.volumeAccount(0).unattributed).toBe(5_000_000)
  expect(kit.imbalance()).toBe(0)
})

test('quotes a minute apart cannot say in which minute their shares were traded', () => {
  const kit = new SessionKit().liveSinceMorning().packet('09:15:10', { price: 29_000, dayVolume: 1_000 })
  kit.lost('09:15:20').minute('09:15', true)
  kit
    .fact({ kind: 'quotes', body: quotesBody('09:16:50', 291, 1_100), atMs: at('09:16:51') })
    .minute('09:16', true)
  kit.fact({ kind: 'quotes', body: quotesBody('09:17:50', 291, 1_300), atMs: at('09:17:51') })
  kit
    .fact({ kind: 'quotes', body: quotesBody('09:17:55', 291, 1_310), atMs: at('09:17:56') })
    .minute('09:17', true)
  kit.live('09:18:01').packet('09:18:05', { price: 29_200, dayVolume: 1_400 }).minute('09:18')
  expect(kit.candle('09:16')).toMatchObject({ volume: 0, complete: false })
  expect(kit.candle('09:17')).toMatchObject({ volume: 10, complete: false })
  expect(kit.candle('09:18')).toMatchObject({ volume: 0, complete: false })
  expect(kit.fold.volumeAccount(0)).toMatchObject({ inCandles: 1_010, unattributed: 390 })
  expect(kit.imbalance()).toBe(0)
})

test('the ledger says of each gap how many shares were traded across it', () => {
  const kit = new SessionKit().liveSinceMorning().packet('09:15:10', { price: 29_000, dayVolume: 1_000 })
  kit.lost('09:15:20').live('09:17:30').packet('09:17:31', { price: 29_500, dayVolume: 1_510 })
  kit.lost('09:18:20').live('09:19:30').packet('09:19:31', { price: 29_500, dayVolume: 1_517 })
  expect(kit.fold.gaps().map(({ unattributedVolume }) => unattributedVolume)).toEqual([0, 510, 7])
})

test('entries that are missing from the journal are a gap until the feed speaks again', () => {
  const kit = new SessionKit({ instruments: [INFY, SBIN] }).liveSinceMorning()
  kit.packet('09:15:10', { price: 29_000, dayVolume: 10 }).minute('09:15')
  kit.packet('09:16:10', { price: 29_000, dayVolume: 20 })
  kit.fold.missed()
  kit.packet('09:18:40', { price: 29_500, dayVolume: 70 })
  kit.packet('09:18:50', { price: 29_500, dayVolume: 75 })
  kit.minute('09:18').packet('09:19:01', { price: 29_500, dayVolume: 80 }).minute('09:19')
  expect(kit.candle('09:15').complete).toBe(true)
  expect(kit.candle('09:16')).toMatchObject({ volume: 10, complete: false })
  expect(isVouched(kit, SBIN, '09:17')).toBe(false)
  expect(kit.candle('09:18')).toMatchObject({ volume: 5, complete: false })
  expect(kit.candle('09:19')).toMatchObject({ volume: 5, complete: true })
  expect(kit.fold.gaps().at(-1)).toMatchObject({ reason: 'damaged', unattributedVolume: 50 })
  expect(kit.imbalance()).toBe(0)
})

test('a journal whose beginning is not readable says nothing, and harms nothing', () => {
  const kit = new SessionKit().connect('09:14').live('09:14').minute('09:15')
  kit.packet('09:15:10', { price: 29_000, dayVolume: 10 })
  expect(kit.finalised.size).toBe(0)
  expect(kit.fold.outcomes().token).toBe(1)
  kit.fold.entry(ENTRY_PACKETS, 0, new Uint8Array(8), new DataView(new ArrayBuffer(8)), 0, 8)
  kit.start('10:00').connect('10:00:01', 1).live('10:00:02', 1)
  minutes(kit, '09:15', '10:01')
  kit.packet('10:01:05', { price: 29_000, dayVolume: 50, connection: 1 })
  kit.packet('10:01:06', { price: 29_000, dayVolume: 51, connection: 1 }).minute('10:01')
  expect(kit.candle('10:01')).toMatchObject({ volume: 1, complete: false })
})

test('a token that was corrected during the day leaves one symbol in order', () => {
  const wrong: Instrument = { ...INFY, token: '1111' }
  const play = (kit: SessionKit): SessionKit => {
    kit
      .fact(run('08:55', [wrong, NIFTY]))
      .connect('08:55')
      .live('08:56')
    kit.packet('09:15:10', { token: wrong.token, price: 100, dayVolume: 10 })
    kit.packet('09:17:10', { token: wrong.token, price: 101, dayVolume: 11 })
    minutes(kit, '09:15', '09:18')
    kit
      .fact(run('09:18:01', [INFY, NIFTY]))
      .connect('09:18:02', 1)
      .live('09:18:03', 1)
    kit.packet('09:19:10', { price: 29_000, dayVolume: 500, connection: 1 })
    kit.packet('09:19:11', { price: 29_010, dayVolume: 501, connection: 1 })
    return minutes(kit, '09:18', '09:21')
  }
  const live = play(new SessionKit())
  const { fold } = play(new SessionKit({ lateness: 'settle' }))
  fold.end()
  const bar = { open: 290, high: 290, low: 290, close: 290, volume: 1 }
  const early = new Map([[minuteAt('09:16'), { timestampMs: at('09:16'), ...bar }]])
  const { columns } = settle({ fold, live: live.finalised, vendor: new Map([[fold.indexOf(INFY)!, early]]) })
  const rows = Array.from({ length: columns.rowCount }, (_, row) =>
    candleAt({ instruments: fold.instruments(), columns }, row),
  )
  expect(rows.map(({ token, timestampMs }) => [token, timestampMs])).toEqual([
    ['1111', at('09:15')],
    ['1594', at('09:16')],
    ['1111', at('09:17')],
    ['1594', at('09:19')],
  ])
})
