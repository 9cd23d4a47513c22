/** What does each morning and each evening look like to a checklist? Facts in, items out. */
import { expect, test } from 'vitest'
import { worstOf } from '../../src/app/checklist-items.ts'
import { type EodFacts, eodItems } from '../../src/app/eod-items.ts'
import { type SodFacts, sodItems } from '../../src/app/sod-items.ts'
import { clockOff } from '../../src/app/sod-reach.ts'
import type { ChecklistItem } from '../../src/domain/checklist.ts'
import type { ChainEvent } from '../../src/domain/event.ts'
import type { SettleReport } from '../../src/domain/settle-report.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import type { TruthState } from '../../src/domain/truth.ts'
import { renderChecklist } from '../../src/terminal/checklist.ts'
import { stripInk } from '../../src/terminal/line.ts'
import { at, UTC_OFFSET_MS } from '../support/session-kit.ts'

const TODAY = '2026-07-01' as MarketDate
const YESTERDAY = '2026-06-30' as MarketDate
const NOON = at('12:00')

const TRUTH: TruthState = {
  market: 'in',
  eventCount: 7,
  head: '',
  ctt: YESTERDAY,
  cttBySymbol: new Map(),
  sinceBySymbol: new Map(),
  rejected: [],
  epoch: null,
  epochs: [],
  halt: null,
  reviews: [],
  alerts: [],
  overrides: [],
  inspection: false,
}

/** All is well: half past eleven of an ordinary session. */
const SOUND: SodFacts = {
  market: 'in',
  atMs: NOON,
  utcOffsetMs: UTC_OFFSET_MS,
  reach: { isReached: true, url: 'https://vendor', status: 200, tookMs: 12, clockOffMs: 0 },
  credentials: { outcome: 'accepted', says: 'a login was accepted' },
  permits: null,
  disk: { freeBytes: 9e9, warnBytes: 1e9, stopBytes: 1e8 },
  listed: { count: 13, fault: '', path: 'list.csv' },
  today: {
    date: TODAY,
    feedFromMs: at('09:00'),
    feedToMs: at('15:45'),
    trading: { fromMs: at('09:15'), toMs: at('15:30') },
  },
  closed: null,
  calendar: { name: 'nse', verifiedThrough: '2026-12-31' as MarketDate, daysLeft: 183, warning: null },
  before: {
    session: YESTERDAY,
    isRecorded: true,
    isSettled: true,
    word: { verdict: 'pass', says: [] },
    isFirstDay: false,
  },
  chain: { status: 'VERIFIED', eventCount: 7, says: '' },
  truth: TRUTH,
  daemon: { isRunning: true, reasons: [] },
  isWorkerRunning: true,
  raw: { kind: 'journal', sizeBytes: 4_000_000, packetCount: 31, tookMs: 250 },
}

function sod(facts: Partial<SodFacts>, name: string): ChecklistItem {
  return sodItems({ ...SOUND, ...facts }).find((item) => item.name === name)!
}

test('on a sound morning every item is ok, and none asks for anything', () => {
  const items = sodItems(SOUND)
  expect(items.filter(({ outcome }) => outcome !== 'ok')).toEqual([])
  expect(items.filter(({ mend }) => mend !== null)).toEqual([])
  expect(worstOf(items)).toBe('ok')
})

test('whatever is not ok names a command or a runbook that mends it', () => {
  const bad = sodItems({
    ...SOUND,
    reach: { isReached: false, url: 'https://vendor', why: 'no route' },
    credentials: { outcome: 'refused', says: 'the PIN is wrong' },
    disk: { freeBytes: 1, warnBytes: 1e9, stopBytes: 1e8 },
    listed: { count: 0, fault: 'no such file', path: 'list.csv' },
    before: { ...SOUND.before, isSettled: false },
    calendar: { ...SOUND.calendar, daysLeft: 3 },
    chain: { status: 'BROKEN', eventCount: 2, says: 'event 2: mutation' },
    truth: null,
    daemon: { isRunning: false, reasons: [] },
    isWorkerRunning: false,
    raw: { kind: 'journal', sizeBytes: 0, packetCount: 0, tookMs: 0 },
  })
  expect(bad.filter(({ outcome, mend }) => outcome !== 'ok' && mend === null)).toEqual([])
  expect(bad.filter(({ outcome }) => outcome === 'fail').map(({ name }) => name)).toEqual([
    'network',
    'credentials',
    'instruments',
    'disk',
    'yesterday',
    'waiting',
    'chain',
    'ingestion',
    'raw',
  ])
})

test('a clock is judged by what it is off for certain: 2 s are borne, 20 s are the end of logins', () => {
  const sentMs = 1_000_000
  const off = (datedMs: number): number => clockOff({ sentMs, answeredMs: sentMs + 40, datedMs })
  expect([off(sentMs), off(sentMs - 999), off(sentMs + 40)]).toEqual([0, 0, 0])
  expect([off(sentMs - 4_000), off(sentMs + 5_040)]).toEqual([3_000, -5_000])
  const outcome = (clockOffMs: number): string => {
    const reach = { isReached: true, url: '', status: 200, tookMs: 1, clockOffMs } as const
    return sod({ reach }, 'clock').outcome
  }
  expect([0, 2_000, -2_001, 20_000, 20_001, -60_000].map(outcome)).toEqual([
    'ok',
    'ok',
    'warn',
    'warn',
    'fail',
    'fail',
  ])
})

test('before the feed opens it is enough that somebody will listen; after, somebody must', () => {
  const early = { atMs: at('08:35'), isWorkerRunning: false }
  expect(sod(early, 'ingestion')).toMatchObject({ outcome: 'ok', says: /opens at 09:00/ })
  const nobody = { isRunning: false, reasons: [] }
  expect(sod({ ...early, daemon: nobody }, 'ingestion')).toMatchObject({
    outcome: 'fail',
    mend: 'chandler daemon --market in',
  })
  expect(sod({ isWorkerRunning: false }, 'ingestion').outcome).toBe('fail')
  expect(sod({ daemon: nobody }, 'ingestion').outcome).toBe('ok')
  const sick = { isRunning: true, reasons: ['1 of 2 sockets are not live'] }
  expect(sod({ daemon: sick }, 'ingestion')).toMatchObject({ outcome: 'fail', says: sick.reasons[0] })
  expect(sod({ ...early, daemon: sick }, 'ingestion').outcome).toBe('warn')
  expect(sod({ atMs: at('16:00'), daemon: nobody, isWorkerRunning: false }, 'ingestion').outcome).toBe('ok')
})

test('a journal without packets is no filling: a failure while trading is on, a warning around it', () => {
  const raw = { kind: 'journal', sizeBytes: 4_000, packetCount: 0, tookMs: 6_000 } as const
  const outcomeAt = (text: string): string => sod({ raw, atMs: at(text) }, 'raw').outcome
  expect(['08:35', '09:05', '09:15', '15:29', '15:30', '15:45'].map(outcomeAt)).toEqual([
    'warn',
    'warn',
    'fail',
    'fail',
    'warn',
    'ok',
  ])
})

test('yesterday must be settled, gated and canonical; what is missing is named with its command', () => {
  const before = (change: Partial<SodFacts['before']>): ChecklistItem =>
    sod({ before: { ...SOUND.before, ...change } }, 'yesterday')
  expect(before({ isSettled: false })).toMatchObject({ outcome: 'fail', mend: /^chandler settle/ })
  expect(before({ word: null })).toMatchObject({ outcome: 'fail', mend: /^chandler gate ingest/ })
  expect(before({ word: { verdict: 'fail', says: ['fail: 3 rows'] } })).toMatchObject({
    outcome: 'fail',
    details: ['fail: 3 rows'],
  })
  expect(before({ word: { verdict: 'review', says: [] } })).toMatchObject({ outcome: 'warn' })
  expect(before({ isRecorded: false })).toMatchObject({ outcome: 'warn', mend: /gap-found/ })
  expect(before({ isRecorded: false, isFirstDay: true }).outcome).toBe('ok')
  expect(sod({ truth: { ...TRUTH, ctt: null } }, 'yesterday')).toMatchObject({ outcome: 'warn' })
})

test('a halt, a critical alert, a review and inspection are told one at a time, the gravest first', () => {
  const halt = { id: 'H-7', reason: 'gate 2 failed', failedChecks: [], eventIndex: 7 }
  const alert = { id: 'A-1', severity: 'critical', text: 'half of the symbols', eventIndex: 3 } as const
  const review = { id: 'R-1', session: YESTERDAY, evidenceSha256: '', says: [], eventIndex: 4 }
  const all = { ...TRUTH, halt, alerts: [alert], reviews: [review], inspection: true }
  const steps: readonly Partial<TruthState>[] = [{}, { halt: null }, { alerts: [] }, { reviews: [] }]
  let truth: TruthState = all
  const told = steps.map((step) => {
    truth = { ...truth, ...step }
    const { outcome, mend } = sod({ truth }, 'waiting')
    return `${outcome} ${mend}`
  })
  expect(told).toEqual([
    'fail chandler halt clear --market in --operator NAME --reason TEXT',
    'fail chandler review resolve A-1 --market in --operator NAME --reason TEXT',
    'warn chandler review list --market in',
    'warn chandler halt inspect off --market in --operator NAME --reason TEXT',
  ])
})

test('permits are few when they are fewer than the symbols, and gone at 0', () => {
  const permits = (leftToday: number): string =>
    sod({ permits: { leftToday, perDay: 25, wanted: 10 } }, 'permits').outcome
  expect([25, 10, 9, 0].map(permits)).toEqual(['ok', 'ok', 'warn', 'fail'])
})

const REPORT: SettleReport = {
  schema: 'chandler.settle_report.v1',
  market: 'in',
  date: TODAY,
  utcOffsetMs: UTC_OFFSET_MS,
  instrumentCount: 2,
  minuteCount: 375,
  candles: { total: 700, ticksComplete: 690, ticksIncomplete: 0, vendor: 10, revised: 1 },
  gaps: [],
  conservation: [],
  lateTickCount: 0,
  acceptedCount: 5_000,
  rejected: {},
  history: { askedCount: 2, failedCount: 0, usedBarCount: 10, failures: [] },
  file: null,
}

const GATED = {
  event_index: 3,
  event_type: 'gate.ingest',
  actor: 'system:gate',
  payload: { verdict: 'pass' },
}

const ENDED: EodFacts = {
  market: 'in',
  session: TODAY,
  atMs: at('15:50'),
  utcOffsetMs: UTC_OFFSET_MS,
  sessionEndMs: at('15:30'),
  isHeld: false,
  isDaemonRunning: true,
  orphans: [],
  isSettled: true,
  report: REPORT,
  symbols: null,
  word: { verdict: 'pass', says: [] },
  truth: { ...TRUTH, ctt: TODAY },
  chain: SOUND.chain,
  disk: SOUND.disk,
  events: [GATED as unknown as ChainEvent],
  published: [{ path: 'a/candles.parquet', sha256: 'f'.repeat(64), rows: 700 }],
  partCount: 750,
  suggestions: [],
  archive: {
    fileCount: 8,
    sizeBytes: 1_000,
    done: { dir: 'archive/in/2026-07-01', isNew: true },
    fault: '',
    journalCount: 1,
    retention: null,
  },
}

function eod(facts: Partial<EodFacts>, name: string): ChecklistItem {
  return eodItems({ ...ENDED, ...facts }).find((item) => item.name === name)!
}

test('after a sound day every item is ok, and the candles are counted against what was possible', () => {
  expect(worstOf(eodItems(ENDED))).toBe('ok')
  expect(eod({}, 'candles').evidence).toMatchObject({ expected: 750, held: 700, missing: 50, complete: 690 })
})

test('a day that is not over, is held, or is out of balance cannot be signed', () => {
  expect(eod({ atMs: at('15:29') }, 'processes').outcome).toBe('fail')
  expect(eod({ isHeld: true }, 'processes').outcome).toBe('fail')
  const row = {
    symbol: 'INFY',
    candleVolume: 9,
    outsideVolume: { preOpen: 0, closingAuction: 0, other: 0 },
    unattributedVolume: 0,
    lastDayVolume: 10,
    balanced: false,
  }
  expect(eod({ report: { ...REPORT, conservation: [row] } }, 'candles').outcome).toBe('fail')
  expect(eod({ report: null }, 'candles').outcome).toBe('fail')
  expect(eod({ events: [] }, 'decisions').outcome).toBe('fail')
})

test('incomplete candles, missing history, orphans, open gaps and suggestions are warnings', () => {
  const candles = { ...REPORT.candles, ticksIncomplete: 4 }
  expect(eod({ report: { ...REPORT, candles } }, 'candles')).toMatchObject({ outcome: 'warn' })
  const history = { ...REPORT.history, failedCount: 1, failures: ['INFY: no answer'] }
  expect(eod({ report: { ...REPORT, history } }, 'candles').outcome).toBe('warn')
  const gap = { shard: 0, fromMs: at('15:20'), toMs: null, reason: 'disconnected', detail: '' } as const
  expect(eod({ report: { ...REPORT, gaps: [gap] } }, 'orphans')).toMatchObject({
    outcome: 'warn',
    details: ['gap open since 15:20: disconnected'],
  })
  expect(eod({ orphans: [{ kind: 'temporary', name: '.tmp/in/x' }] }, 'orphans').outcome).toBe('warn')
  const payload = { urgent: true, text: 'the feed is silent', command: 'chandler status' }
  const suggestion = { event_index: 9, event_type: 'suggestion', payload } as unknown as ChainEvent
  expect(eod({ suggestions: [suggestion] }, 'suggestions')).toMatchObject({
    outcome: 'warn',
    details: ['event 9: URGENT: the feed is silent → chandler status'],
  })
})

test('a Parquet file that no manifest lists is a failure: readers already see it', () => {
  const orphans = [{ kind: 'unlisted', name: 'staging/in/candles/date=2026-07-01/0915.parquet' }] as const
  expect(eod({ orphans }, 'orphans')).toMatchObject({ outcome: 'fail', mend: 'chandler verify --market in' })
})

const ASCII = /^[\n\x20-\x7e]*$/

const LIST = {
  schema: 'chandler.checklist.v1',
  kind: 'sod',
  market: 'in',
  session: TODAY,
  atMs: at('08:35') as UnixMs,
  utcOffsetMs: UTC_OFFSET_MS,
  completed: null,
} as const

test('colour says nothing that a glyph or a word does not, and ASCII is enough', () => {
  const items = sodItems({ ...SOUND, isWorkerRunning: false, calendar: { ...SOUND.calendar, daysLeft: 3 } })
  const list = { ...LIST, items, outcome: worstOf(items) }
  const plain = renderChecklist(list, { widthColumns: 80, color: false, unicode: true })
  const inked = renderChecklist(list, { widthColumns: 80, color: true, unicode: true })
  expect(stripInk(inked)).toBe(plain)
  expect(inked).not.toBe(plain)
  const ascii = renderChecklist(list, { widthColumns: 80, color: false, unicode: false })
  expect(ascii).toMatch(/^ok {3}network/m)
  expect(ascii).toMatch(/^warn calendar/m)
  expect(ascii).toMatch(/^FAIL ingestion/m)
  expect(ascii).toMatch(ASCII)
  expect(plain.split('\n').at(-1)).toBe('SOD not complete: 1 failure, 1 warning')
  const evening = { ...LIST, kind: 'eod', items: eodItems(ENDED), outcome: 'ok' } as const
  expect(renderChecklist(evening, { widthColumns: 80, color: false, unicode: false })).toMatch(ASCII)
})

test('commands are never broken, whatever the width, and text of others cannot move the cursor', () => {
  const item = { ...sod({ before: { ...SOUND.before, isSettled: false } }, 'yesterday'), says: 'a\u001b[2Jb' }
  const text = renderChecklist(
    { ...LIST, items: [item], outcome: 'fail' },
    { widthColumns: 30, color: false, unicode: true },
  )
  expect(text).toContain('→ chandler settle --market in --date 2026-06-30')
  expect(text).not.toContain('\u001b')
})
