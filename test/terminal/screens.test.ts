import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stripInk, visibleWidth } from '../../src/terminal/line.ts'
import { liveLine, renderLiveView } from '../../src/terminal/live-view.ts'
import { renderSettleReport } from '../../src/terminal/settle-report.ts'
import { renderStatus } from '../../src/terminal/status-screen.ts'
import { liveSnapshot, settleReport, statusReport } from './samples.ts'

const HOSTILE = 'X\u001b[2J\u001b]0;owned\u0007\u009b5mY\r\n'
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is the promise
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

/** `value` with every text in it made hostile; keys stay. */
function poisoned<Value>(value: Value): Value {
  const poison = (at: unknown): unknown => {
    if (typeof at === 'string') return at + HOSTILE
    if (Array.isArray(at)) return at.map(poison)
    if (at === null || typeof at !== 'object') return at
    return Object.fromEntries(Object.entries(at).map(([name, inner]) => [name, poison(inner)]))
  }
  return poison(value) as Value
}

function expectFits(text: string, widthColumns: number): void {
  for (const line of text.split('\n')) {
    expect(visibleWidth(line)).toBeLessThanOrEqual(widthColumns)
    expect(stripInk(line)).not.toMatch(CONTROL)
  }
}

const anySize = fc.record({
  widthColumns: fc.integer({ min: 1, max: 220 }),
  heightRows: fc.integer({ min: 1, max: 60 }),
  color: fc.boolean(),
  unicode: fc.boolean(),
})

test('every screen fits every terminal', () => {
  fc.assert(
    fc.property(anySize, (options) => {
      const live = renderLiveView(liveSnapshot(), options)
      expect(live.split('\n').length).toBeLessThanOrEqual(options.heightRows)
      expectFits(live, options.widthColumns)
      expectFits(renderStatus(statusReport(), options), options.widthColumns)
      expectFits(renderSettleReport(settleReport(), options), options.widthColumns)
    }),
    { numRuns: 100 },
  )
})

test('no text from outside passes a control character to the terminal', () => {
  const options = { widthColumns: 200, heightRows: 50, color: true, unicode: true }
  const { shards, phase, ...live } = liveSnapshot()
  expectFits(renderLiveView({ ...poisoned(live), shards, phase }, options), 200)
  expect(liveLine({ ...poisoned(live), shards, phase })).not.toMatch(CONTROL)
  expectFits(renderStatus(poisoned(statusReport()), options), 200)
  expectFits(renderSettleReport(poisoned(settleReport()), options), 200)
})

test('the live screen at 80x24', () => {
  const text = renderLiveView(liveSnapshot(), { widthColumns: 80, heightRows: 24, color: false })
  expect(`\n${text}\n`).toMatchInlineSnapshot(`
    "
    CHANDLER  demo in 2026-07-01               ● continuous   11:42:17 ×60 simulated
    09:15 ▕████████████████▍                         ▏ 15:30   39 %  3 h 48 min left
    feed ─────────────────────────────────   ticks ────────────────────────────────
    1 ◌ backing off        12 s 3 connects   packets/s          12,345  █▆▄▃▂▁▁▁▂▃▄
    0 ● live         2 h 41 min 1 connect    accepted       18,204,511
    2 ● live         1 h 27 min 2 connects   rejected            1,237  17 late
                                             sequence 1,204, volume fell 31
    candles ──────────────────────────────   journal ──────────────────────────────
    finalised    352,110 in 147 minutes      written      seq 1,204,511
    p50 latency  1.2 ms                      durable      seq 1,204,480
    p99 latency  8.9 ms                      lag          47.1 KiB in 31 entries
    gaps         1 open, 4 in all            size         1.7 GiB
    symbols ────────────────────────────────────────────────────────────────────────
    RELIANCE           1,000.00   −0.50 %  ▄▅▆▆▆▆▅▄▃▂▁▁▁▂▃▄▅▆▇▇▇▆▆▄▄▃▂▂▂▃▄▅▆▇███▇▆▅▄
    HDFCBANK           1,311.35   −0.28 %  ▃▅▅▆▆▆▅▅▄▃▂▁▁▁▁▂▃▄▅▆▇▇▇▆▆▅▄▄▃▂▂▂▃▃▅▆▆▇███
    INFY               1,622.70   −0.14 %  ▄▅▆▆▇▇▆▆▅▄▃▂▁▁▁▁▂▃▄▅▆▇▇███▇▇▆▅▄▃▂▂▃▃▄▅▆▇█
    TCS                1,934.05   −0.05 %  ▄▅▅▆▆▇▆▆▅▅▄▃▂▂▁▁▁▂▂▃▄▅▆▇▇████▇▆▅▄▄▃▃▂▃▃▄▅
    SBIN               2,245.40   +0.02 %  ▃▄▅▆▆▆▆▆▆▅▄▃▃▂▂▁▁▁▁▂▃▃▄▅▆▇▇████▇▆▆▅▄▄▃▃▃▃
    ITC                2,556.75   +0.07 %  ▃▄▅▆▆▆▆▆▆▅▅▄▃▃▂▂▁▁▁▁▂▂▃▄▅▅▆▇▇████▇▇▆▆▅▄▄▃
    LT                 2,868.10   +0.11 %  ▃▄▅▅▆▆▆▆▆▆▅▅▄▃▃▂▂▁▁▁▁▁▂▃▃▄▅▅▆▇▇█████▇▇▆▅▅
    log ────────────────────────────────────────────────────────────────────────────
    2026-07-01T06:09:07Z info  minute finalised minute=11:39 candles=2398 seq=9
    2026-07-01T06:00:07Z info  minute finalised minute=11:30 candles=2398 seq=10
    2026-07-01T06:01:07Z info  minute finalised minute=11:31 candles=2398 seq=11
    "
  `)
})

test('a small screen with many shards shows those that are not well', () => {
  const shards = Array.from({ length: 9 }, (_, shard) => ({
    ...liveSnapshot().shards[0]!,
    shard,
    state: shard === 8 ? ('lost' as const) : ('live' as const),
  }))
  const text = renderLiveView(liveSnapshot({ shards }), { widthColumns: 80, heightRows: 24, color: false })
  expect(text).toMatch(/8 ○ lost/)
  expect(text).toContain('6 more shards')
})

test('the live screen before anything happened has no invented figures', () => {
  const empty = liveSnapshot({
    shards: [],
    symbols: [],
    logLines: [],
    rejected: {},
    packetRates: [],
    finaliseP50Ms: null,
    finaliseP99Ms: null,
    phase: 'before',
    atMs: liveSnapshot().session.fromMs,
  })
  const text = renderLiveView(empty, { widthColumns: 80, heightRows: 24, color: false })
  expect(text).toContain('no shard yet')
  expect(text).toMatch(/p50 latency +–/)
})

test('a pipe reads one line with the same figures', () => {
  expect(liveLine(liveSnapshot()).split(', ')).toMatchInlineSnapshot(`
    [
      "11:42:17 in continuous",
      "shards 2/3 live",
      "12,345 packets/s",
      "18,204,511 ticks",
      "1,237 rejected",
      "17 late",
      "352,110 candles in 147 minutes",
      "gaps 1 open of 4",
      "journal durable 1,204,480 of 1,204,511",
    ]
  `)
})

test('the status screen says that no gate has run, instead of a date', () => {
  const text = renderStatus(statusReport(), { widthColumns: 80, color: false, unicode: true })
  expect(`\n${text}\n`).toMatchInlineSnapshot(`
    "
    chandler status  /srv/chandler/data                      2026-07-01 06:12:17 UTC
    disk      ▕█████████▍      ▏ 384 GiB free of 931 GiB

    IN  session 2026-07-01 ─────────────────────────────────────────────────────────
    feed      ● 2 of 3 shards live
    RDT       2026-07-01 11:42:16  (1.0 s ago)
    CTT       not yet: no gate has run
    TE        not yet: no gate has run
    journal   seq 1,204,511 · 1.7 GiB · 28 segments
    candles   147 parts published, not settled
    rejected  1,237 · sequence 1,204 · volume fell 31 · stale 2
    gaps      1 open, 2 in all
              11:42:05 → open              12 s  shard 1  disconnected: code 1006
              09:46:02 → 09:48:25    2 min 23 s  shard 0  stalled
    jobs      none
    queue     none

    US  session 2026-06-30 ─────────────────────────────────────────────────────────
    feed      ○ no worker is running
    RDT       2026-06-30 18:45:00  (7 h 27 min ago)
    CTT       2026-06-30   PENDING_EVALUATION
    TE        2026-06-26
    journal   none
    candles   0 parts published, settled
    rejected  0
    gaps      none
    jobs      daily    done 7 h 27 min ago, next 2026-07-01 18:45
              symbols  failed 7 h 37 min ago, next 2026-07-01 18:35  HTTP 503
    queue     212 waiting · 1 running · 3 failed
    "
  `)
})

test('status without a market or a disk is still a screen', () => {
  const text = renderStatus(
    { ...statusReport(), markets: {}, disk: null },
    { widthColumns: 80, color: false, unicode: true },
  )
  expect(text).toContain('no market is configured')
})

test('the settle report accounts for every share', () => {
  const text = renderSettleReport(settleReport(), { widthColumns: 80, color: false, unicode: true })
  expect(`\n${text}\n`).toMatchInlineSnapshot(`
    "
    settled in 2026-07-01 ──────────────────────────────────────────────────────────
    scope          2,481 instruments × 375 minutes of the session
    candles        902,114  ▕███████████████████▉▏ 99.5 % complete
                   898,020 complete · 1,204 incomplete · 2,890 vendor
                   17 revised by late ticks
                   28,261 instrument minutes without a candle

    gaps           2, 4 min 29 s of shard time, UTC+05:30
      09:46:02 → 09:48:25    2 min 23 s  shard 0  stalled
      11:42:05 → 11:44:11    2 min 06 s  shard 1  disconnected: code 1006

    ticks          48,204,511 accepted, 17 late
    rejected       1,237
                   sequence 1,204 · volume fell 31 · stale 2
    history        asked 1,000 · 1 failed · 2,890 vendor bars used
                   IDEA: AB1004 try after sometime

    volume         NOT BALANCED for 1 of 4 instruments
    symbol  off by     candles  pre-open  auction  other  unattributed  day volume
    ──────  ──────  ──────────  ────────  ───────  ─────  ────────────  ──────────
    TCS        150   1,204,551    12,400   88,100      0             0   1,304,901
    INFY         0   3,908,114    12,400   88,100      0        21,400   4,030,014
    total      150  19,635,115    49,600  352,400      0        21,400  20,058,365

    file           analytics/in/candles/frequency=1m/date=2026-07-01/candles.parquet
                   902,114 rows, 29.8 MiB
    sha256         9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    "
  `)
})

test('a balanced day says so and shows only the total', () => {
  const report = settleReport()
  const conservation = report.conservation.filter((row) => row.balanced && row.unattributedVolume === 0)
  const text = renderSettleReport(
    { ...report, conservation },
    { widthColumns: 80, color: false, unicode: true },
  )
  expect(text).toContain('balanced for all 2 instruments')
  expect(text).not.toMatch(/^RELIANCE/m)
  expect(text).toMatch(/^total +0 +14,522,450/m)
})

test('a day without anything is reported without a division by zero', () => {
  const empty = {
    ...settleReport(),
    instrumentCount: 0,
    candles: { total: 0, ticksComplete: 0, ticksIncomplete: 0, vendor: 0, revised: 0 },
    gaps: [],
    conservation: [],
    file: null,
  }
  const text = renderSettleReport(empty, { widthColumns: 80, color: false, unicode: true })
  expect(text).not.toContain('NaN')
  expect(text).toContain('nothing was published')
})

test('large volumes are shortened rather than cut, the difference never', () => {
  const report = settleReport()
  const huge = report.conservation.map((row) => ({
    ...row,
    candleVolume: row.candleVolume * 1e6,
    lastDayVolume: row.lastDayVolume! + row.candleVolume * 1e6 - row.candleVolume,
  }))
  const text = renderSettleReport(
    { ...report, conservation: huge },
    { widthColumns: 80, color: false, unicode: true },
  )
  expect(text).toMatch(/^TCS +150 +1\.2 T/m)
  expect(text).not.toContain('…')
})
