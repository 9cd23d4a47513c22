import fc from 'fast-check'
import { expect, test } from 'vitest'
import { listenForEnd } from '../../src/cli/keys.ts'
import type { MarketDate } from '../../src/domain/time.ts'
import { stripInk, visibleWidth } from '../../src/terminal/line.ts'
import { renderWatch, watchLine } from '../../src/terminal/watch-screen.ts'
import type { WatchMarket, WatchSnapshot } from '../../src/terminal/watch-snapshot.ts'
import { after, DATE, statusReport } from './samples.ts'

const { in: india, us } = statusReport().markets

const INDIA: WatchMarket = {
  name: 'in',
  status: {
    ...india!,
    times: {
      rawDataTimeMs: after(147, 16),
      canonicalTruthTime: '2026-06-30' as MarketDate,
      truthEpoch: '2026-06-26' as MarketDate,
      state: 'PENDING_EVALUATION',
    },
  },
  session: {
    date: DATE,
    isToday: true,
    isOpen: true,
    fromMs: after(0),
    toMs: after(375),
    nextFromMs: after(24 * 60),
  },
  cttAgeSessions: 0,
  epochAgeSessions: 2,
  jobs: [
    { name: 'stream', dueMs: after(-15), state: 'running', says: '' },
    { name: 'settle', dueMs: after(390), state: 'later', says: '' },
    { name: 'gate', dueMs: after(390), state: 'later', says: '' },
  ],
  suggestions: [],
  events: [{ atMs: after(-1000), text: 'gate.ingest 2026-06-30 pass' }],
  reviews: [],
  chain: { status: 'VERIFIED', says: '', eventCount: 1_204 },
  daemon: {
    kind: 'answers',
    isWell: true,
    reasons: [],
    running: `stream@${DATE}`,
    worker: {
      packetCount: 18_204_511,
      packetsPerSecond: 12_345.4,
      packetRates: Array.from({ length: 40 }, (_, at) => 10_000 + 4_000 * Math.sin(at / 5)),
      candleCount: 352_110,
      minuteCount: 147,
      lateCount: 17,
      rejectedCount: 1_237,
      shardCount: 3,
      liveCount: 2,
      tickSilentMs: 400,
      openGapCount: 1,
      finaliseP50Ms: 1.2,
      finaliseP99Ms: 8.9,
      syncP99Ms: 3.4,
      journalLagBytes: 48_230,
      rssBytes: 230e6,
    },
  },
}

const NEW_YORK: WatchMarket = {
  ...INDIA,
  name: 'us',
  status: { ...us!, permits: { date: DATE, takenCount: 13, leftCount: 12 } },
  session: {
    ...INDIA.session,
    isOpen: false,
    fromMs: after(585),
    toMs: after(975),
    nextFromMs: after(2_025),
  },
  cttAgeSessions: 1,
  jobs: [
    { name: 'intraday', dueMs: after(645), state: 'done', says: '' },
    { name: 'intraday', dueMs: after(705), state: 'failed', says: 'asking www.alphavantage.co: HTTP 503' },
    { name: 'intraday', dueMs: after(765), state: 'later', says: '' },
    { name: 'daily', dueMs: after(1_035), state: 'later', says: '' },
  ],
  suggestions: [
    {
      atMs: after(1),
      isUrgent: false,
      text: 'permits run out before the queue does',
      command: 'chandler status',
    },
  ],
  daemon: { kind: 'none' },
}

function snapshotOf(...markets: readonly WatchMarket[]): WatchSnapshot {
  const { dataDir, disk } = statusReport()
  return { atMs: after(147, 17), speed: 1, dataDir, disk, markets, trouble: '' }
}

const NOW = { nowMs: after(147, 18) }
const PLAIN = { ...NOW, widthColumns: 80, heightRows: 24, color: false, unicode: true }

test('both markets at 80x24', () => {
  expect(`\n${renderWatch(snapshotOf(INDIA, NEW_YORK), PLAIN)}\n`).toMatchInlineSnapshot(`
    "
    CHANDLER  /srv/chandler/data                             2026-07-01 06:12:18 UTC
    disk ▕█████████▍      ▏ 384 GiB free of 931 GiB                          q quits
    IN  11:42:18  ● open until 15:30, 3 h 48 min left ──────────────── ● daemon well
    session  09:15 ▕██████████████████▍                            ▏ 15:30  39 %
    RDT      2026-07-01 11:42:16  2.0 s ago
    CTT      2026-06-30           the last session   PENDING_EVALUATION
    TE       2026-06-26           2 sessions behind
    feed     ▲ 2 of 3 shards live · tick 400 ms ago · 12,345 packets/s  ▁▂▃▃▄▅▆▇▇███
    candles  352,110 in 147 minutes · p50 1.2 ms · p99 8.9 ms · 17 late
    gaps     ▲ 1 open, 2 in all
             11:42:05 → open              13 s  shard 1  disconnected: code 1006
    journal  seq 1,204,511 · 1.7 GiB · 47.1 KiB not durable · fsync p99 3.4 ms
    jobs     ● stream 09:00  · settle 15:45  · gate 15:45
    chain    VERIFIED, 1,204 events
    US  02:12:18  ○ closed, opens 09:30, in 7 h 18 min ───────────────── ○ no daemon
    RDT      2026-06-30 18:45:00  7 h 27 min ago
    CTT      2026-06-30           1 session behind   PENDING_EVALUATION
    TE       2026-06-26           2 sessions behind
    jobs     ✓✗· intraday 12:30  · daily 17:00
             ✗ intraday 11:30 failed: asking www.alphavantage.co: HTTP 503
    requests 12 permits left · 13 taken on 2026-07-01 · 212 waiting
    advice   → permits run out before the queue does; run: chandler status
    chain    VERIFIED, 1,204 events
             2026-06-30 07:05  gate.ingest 2026-06-30 pass
    "
  `)
})

const TROUBLED: WatchMarket = {
  ...INDIA,
  status: {
    ...INDIA.status,
    truth: {
      chainFault: '',
      halt: { id: 'H-7', reason: 'gate.epoch failed: sharpe' },
      reviewCount: 1,
      criticalAlertCount: 0,
      isInspected: false,
      epochId: 'TE-2026-06-26',
      isEpochInvalidated: false,
      isEpochOverridden: true,
      overrideExpiredAfter: null,
    },
  },
  reviews: ['R-2026-07-01 of 2026-07-01: volume differs by 0.3 %'],
  suggestions: [
    { atMs: after(146), isUrgent: true, text: 'the feed is stalled', command: 'chandler sod --market in' },
  ],
  daemon: {
    kind: 'answers',
    isWell: false,
    reasons: ['1 of 3 sockets are not live'],
    running: null,
    worker: null,
  },
}

test('whatever needs a person is seen on the smallest screen, above everything else', () => {
  const text = renderWatch(snapshotOf(TROUBLED, NEW_YORK), { ...PLAIN, heightRows: 18 })
  const at = (what: string): number => text.indexOf(what)
  for (const what of [
    'HALT H-7: gate.epoch failed: sharpe',
    '1 of 3 sockets are not live',
    'the feed is stalled; run: chandler sod --market in',
    'REVIEW R-2026-07-01',
    'TE stands on an override',
    'daemon failing',
  ]) {
    expect(at(what), what).toBeGreaterThan(0)
    expect(at(what), what).toBeLessThan(at('CTT '))
  }
  expect(watchLine(snapshotOf(TROUBLED))).toContain('HALT H-7')
})

test('a wide terminal shows the markets side by side, a look that failed says so', () => {
  const wide = { ...PLAIN, widthColumns: 160, heightRows: 30 }
  const lines = renderWatch({ ...snapshotOf(INDIA, NEW_YORK), trouble: 'no such file' }, wide).split('\n')
  expect(lines.filter((line) => /IN {2}.*US {2}/.test(line))).toHaveLength(1)
  expect(lines.join('\n')).toContain('could not look: no such file')
  expect(lines.join('\n')).toContain('intraday 11:30 failed: asking www.alphavantage.co: HTTP 503')
})

const anySize = fc.record({
  widthColumns: fc.integer({ min: 1, max: 220 }),
  heightRows: fc.integer({ min: 1, max: 60 }),
  color: fc.boolean(),
  unicode: fc.boolean(),
})

test('the screen fits every terminal, and passes no control character to it', () => {
  const hostile = 'X\u001b[2J\u001b]0;owned\u0007\u009b5mY\r\n'
  const market = {
    ...TROUBLED,
    name: hostile,
    reviews: [hostile],
    events: [{ atMs: after(0), text: hostile }],
    jobs: [{ name: hostile, dueMs: after(0), state: 'failed' as const, says: hostile }, ...INDIA.jobs],
    suggestions: [{ atMs: after(0), isUrgent: false, text: hostile, command: hostile }],
    daemon: { ...TROUBLED.daemon, reasons: [hostile] },
  } as WatchMarket
  fc.assert(
    fc.property(anySize, fc.boolean(), (size, isOne) => {
      const snapshot = snapshotOf(...(isOne ? [market] : [market, NEW_YORK]))
      const lines = renderWatch(
        { ...snapshot, dataDir: hostile, trouble: hostile },
        { ...NOW, ...size },
      ).split('\n')
      expect(lines.length).toBeLessThanOrEqual(size.heightRows)
      for (const line of lines) {
        expect(visibleWidth(line)).toBeLessThanOrEqual(size.widthColumns)
        // biome-ignore lint/suspicious/noControlCharactersInRegex: that is the promise
        expect(stripInk(line)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
      }
    }),
    { numRuns: 100 },
  )
})

test('without UTF-8 the screen is plain ASCII', () => {
  const text = renderWatch(snapshotOf(TROUBLED, NEW_YORK, INDIA), {
    ...PLAIN,
    unicode: false,
    heightRows: 60,
  })
  expect(text).toMatch(/^[\n\x20-\x7e]*$/)
})

test('q, Escape and Ctrl-C end it at once, arrows do not, and the keyboard is as it was', () => {
  const heard: string[] = []
  let hear: (bytes: Buffer) => void = () => {}
  const keyboard = {
    isTTY: true,
    setRawMode: (isRaw: boolean) => heard.push(`raw ${isRaw}`),
    on: (_event: 'data', next: (bytes: Buffer) => void) => {
      hear = next
    },
    off: () => heard.push('off'),
    resume: () => {},
    pause: () => heard.push('pause'),
  }
  let endCount = 0
  const stop = listenForEnd(keyboard, () => endCount++)
  for (const text of ['\u001b[A', 'x', '\u001b[5~']) hear(Buffer.from(text))
  expect(endCount).toBe(0)
  for (const text of ['q', '\u001b', '\u0003']) hear(Buffer.from(text))
  expect(endCount).toBe(3)
  stop()
  expect(heard).toEqual(['raw true', 'off', 'raw false', 'pause'])
})
