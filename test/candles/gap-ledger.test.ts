/** When could a shard be trusted, and what may be said of a minute? */
import { expect, test } from 'vitest'
import { Absences } from '../../src/candles/absences.ts'
import { GapLedger } from '../../src/candles/gap-ledger.ts'
import type { UnixMs } from '../../src/domain/time.ts'
import { at } from '../support/session-kit.ts'

const TRADED_SINCE = at('09:00')
const GRACE_MS = 2_000

function touches(ledger: GapLedger, text: string, shard = 0): boolean {
  return ledger.overlaps(shard, at(text), at(text) + 60_000, GRACE_MS)
}

function withGap(fromText: string, toText: string): GapLedger {
  const ledger = new GapLedger(4)
  ledger.lose(0, at(fromText), 'disconnected', '')
  ledger.restore(0, at(toText), TRADED_SINCE)
  return ledger
}

test('a gap touches the minutes that it overlaps, and no other', () => {
  const ledger = withGap('10:01:30', '10:03:10')
  const minutes = ['10:00', '10:01', '10:02', '10:03', '10:04']
  expect(minutes.map((text) => touches(ledger, text))).toEqual([false, true, true, true, false])
  expect(touches(ledger, '10:02', 1)).toBe(false)
})

test('a gap that ends where a minute begins does not touch it', () => {
  expect(touches(withGap('10:01:30', '10:02:00'), '10:02')).toBe(false)
  expect(touches(withGap('10:01:30', '10:02:00.001'), '10:02')).toBe(true)
})

test("a gap that begins within a minute's grace touches the minute", () => {
  expect(touches(withGap('10:02:01.999', '10:02:10'), '10:01')).toBe(true)
  expect(touches(withGap('10:02:02', '10:02:10'), '10:01')).toBe(false)
})

test('an open gap touches everything after its beginning', () => {
  const ledger = new GapLedger(1)
  ledger.lose(0, at('10:01:30'), 'stalled', 'nothing for 25 s')
  expect(touches(ledger, '15:00')).toBe(true)
  expect(touches(ledger, '10:00')).toBe(false)
  expect(ledger.openCount()).toBe(1)
  expect(ledger.gaps()).toMatchObject([{ fromMs: at('10:01:30'), toMs: null, reason: 'stalled' }])
})

test('the first reason is the cause: a gap in a gap is one', () => {
  const ledger = new GapLedger(1)
  ledger.lose(0, at('10:00:00'), 'disconnected', 'first')
  ledger.lose(0, at('09:30:00'), 'asleep', 'second')
  ledger.restore(0, at('10:01:00'), TRADED_SINCE)
  ledger.restore(0, at('10:05:00'), TRADED_SINCE)
  expect(ledger.gaps()).toMatchObject([
    { fromMs: at('10:00'), toMs: at('10:01'), reason: 'disconnected', detail: 'first' },
  ])
  expect(ledger.openCount()).toBe(0)
})

test('what was sent and not proven to have arrived is part of the gap', () => {
  const ledger = new GapLedger(1)
  ledger.answer(0, at('10:00:50'))
  ledger.lose(0, at('10:01:05'), 'disconnected', '')
  expect(ledger.gaps()[0]!.fromMs).toBe(at('10:00:50'))
  expect(touches(ledger, '10:00')).toBe(true)
})

/** The instrument's side of it: what it remembered of the last packet against what holds now. */
function isAcross(ledger: GapLedger, remembered: number): boolean {
  return remembered !== ledger.epoch[0]!
}

test('after a gap the next packet lies across it, and the one after that does not', () => {
  const ledger = new GapLedger(1)
  const before = ledger.mark[0]!
  expect(isAcross(ledger, before)).toBe(false)
  ledger.lose(0, at('10:00'), 'disconnected', '')
  ledger.distrust(0)
  ledger.restore(0, at('10:01'), TRADED_SINCE)
  expect(isAcross(ledger, before)).toBe(true)
  expect(isAcross(ledger, ledger.mark[0]!)).toBe(false)
})

test('while a gap lasts, every packet lies across it', () => {
  const ledger = new GapLedger(1)
  ledger.lose(0, at('10:00'), 'disconnected', '')
  ledger.distrust(0)
  const during = ledger.mark[0]!
  expect(isAcross(ledger, during)).toBe(true)
  ledger.restore(0, at('10:01'), TRADED_SINCE)
  expect(isAcross(ledger, during)).toBe(true)
})

test('a gap that ends before anything can be traded hides nothing', () => {
  const ledger = new GapLedger(1)
  const before = ledger.mark[0]!
  ledger.lose(0, at('08:50'), 'stopped', '')
  ledger.restore(0, at('08:59'), TRADED_SINCE)
  expect(isAcross(ledger, before)).toBe(false)
})

test('shares without a minute are written down with the last gap of their shard', () => {
  const ledger = withGap('10:00', '10:01')
  ledger.noteUnattributed(0, 5)
  ledger.lose(0, at('10:05'), 'disconnected', '')
  ledger.noteUnattributed(0, 7)
  ledger.noteUnattributed(0, 1)
  ledger.noteUnattributed(3, 100) // a shard that never had a gap has nowhere to put it
  expect(ledger.gaps().map(({ unattributedVolume }) => unattributedVolume)).toEqual([5, 8])
})

test('a busy feed that falls silent is a sign by itself, a quiet one is not', () => {
  const ledger = new GapLedger(1)
  const minuteOf = (count: number): void => {
    for (let n = 0; n < count; n++) ledger.tell(0, at('10:00'), at('10:00'))
    ledger.countMinute(0)
  }
  minuteOf(60)
  expect(ledger.isBusy(0, GRACE_MS)).toBe(false)
  minuteOf(600)
  expect(ledger.isBusy(0, GRACE_MS)).toBe(true)
  minuteOf(0)
  expect(ledger.isBusy(0, GRACE_MS)).toBe(true) // the minute before still counts
  minuteOf(0)
  expect(ledger.isBusy(0, GRACE_MS)).toBe(false)
})

test('a packet proves what was sent before its stamp, but nothing of the future', () => {
  const ledger = new GapLedger(1)
  ledger.tell(0, at('10:00:10'), at('10:00:12'))
  expect(ledger.provenMs(0)).toBe(at('10:00:10'))
  ledger.tell(0, at('10:30:00'), at('10:00:13'))
  expect(ledger.provenMs(0)).toBe(at('10:00:13'))
  ledger.tell(0, at('10:00:01'), at('10:00:20'))
  expect(ledger.provenMs(0)).toBe(at('10:00:13'))
})

test('an instrument is absent from one moment to the next, each time by itself', () => {
  const absences = new Absences()
  const isAbsent = (index: number, text: string): boolean =>
    absences.overlaps(index, at(text), at(text) + 60_000)
  absences.begin(1, Number.NEGATIVE_INFINITY)
  absences.end(at('10:00:30'), () => true)
  absences.begin(1, at('11:00:30'))
  absences.begin(1, at('11:30:00')) // is absent already
  absences.begin(2, at('11:00:30'))
  absences.end(at('12:00') as UnixMs, (index) => index === 1)
  const times = ['09:15', '10:00', '10:01', '11:00', '11:59', '12:00']
  expect(times.map((text) => isAbsent(1, text))).toEqual([true, true, false, true, true, false])
  expect(times.map((text) => isAbsent(2, text))).toEqual([false, false, false, true, true, true])
  expect(isAbsent(0, '11:30')).toBe(false)
})
