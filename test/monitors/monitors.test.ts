import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import { readLedger, requireGraduation } from '../../src/monitors/ledger.ts'
import {
  identityOf,
  MONITORS,
  type MonitorFacts,
  type MonitorName,
  newSuggestions,
  type Suggestion,
  suggestionsOf,
} from '../../src/monitors/monitors.ts'

const SESSION = '2026-07-01' as MarketDate
const NOW_MS = Date.parse('2026-07-01T05:00:00Z') as UnixMs
const FEED = {
  shardCount: 3,
  liveCount: 3,
  silentMs: 300,
  tickSilentMs: 400,
  silentMaxMs: 25_000,
  tickSilentMaxMs: 30_000,
  openGaps: [],
  packetCount: 100_000,
  lateCount: 3,
}

/** A morning on which all is well. */
const CALM: MonitorFacts = {
  market: 'in',
  atMs: NOW_MS,
  session: SESSION,
  today: SESSION,
  feed: FEED,
  clockDriftMs: 400,
  disk: { freeBytes: 50e9, warnBytes: 1e9, stopBytes: 0.25e9 },
  permits: { leftToday: 20, perDay: 25, wishCount: 20 },
  queue: { waitingCount: 3, parkedCount: 0, universeCount: 100 },
  calendar: { verifiedThrough: '2026-12-31' as MarketDate, daysLeft: 183 },
  chain: { status: 'VERIFIED', says: '' },
  truth: { driftSessions: 1, driftSessionsMax: 3, halted: false },
}

const gap = { fromMs: (NOW_MS - 10_000) as UnixMs, reason: 'disconnected' }

/** For each monitor what it must see, and the same matter grown urgent where it can. */
const TROUBLE: Readonly<Record<MonitorName, readonly [Partial<MonitorFacts>, Partial<MonitorFacts> | null]>> =
  {
    feed_stalled: [{ feed: { ...FEED, silentMs: 26_000 } }, { feed: { ...FEED, silentMs: 120_000 } }],
    feed_mute: [{ feed: { ...FEED, tickSilentMs: 31_000 } }, { feed: { ...FEED, tickSilentMs: 130_000 } }],
    gap_open: [
      { feed: { ...FEED, openGaps: [gap] } },
      { feed: { ...FEED, openGaps: [gap] }, atMs: (NOW_MS + 300_000) as UnixMs },
    ],
    lateness_rising: [{ feed: { ...FEED, lateCount: 2_000 } }, { feed: { ...FEED, lateCount: 20_000 } }],
    clock_drift: [{ clockDriftMs: -2_500 }, { clockDriftMs: 21_000 }],
    disk_filling: [
      { disk: { freeBytes: 0.9e9, warnBytes: 1e9, stopBytes: 0.25e9 } },
      { disk: { freeBytes: 0.4e9, warnBytes: 1e9, stopBytes: 0.25e9 } },
    ],
    permits_low: [{ permits: { leftToday: 4, perDay: 25, wishCount: 8 } }, null],
    queue_growing: [{ queue: { waitingCount: 11, parkedCount: 0, universeCount: 100 } }, null],
    calendar_ending: [
      { calendar: { verifiedThrough: SESSION, daysLeft: 30 } },
      { calendar: { verifiedThrough: SESSION, daysLeft: 3 } },
    ],
    chain_unverified: [{ chain: { status: 'BROKEN', says: 'event 7: mutation' } }, null],
    truth_drifting: [{ truth: { driftSessions: 4, driftSessionsMax: 3, halted: false } }, null],
  }

const names = Object.keys(MONITORS) as MonitorName[]

/** What the chain would hold after the monitors had looked once more. */
function look(facts: MonitorFacts, known: Set<string>): readonly Suggestion[] {
  const fresh = newSuggestions(suggestionsOf(facts), known)
  for (const suggestion of fresh) known.add(identityOf(suggestion))
  return fresh
}

test('when all is well nothing is suggested', () => {
  expect(suggestionsOf(CALM)).toEqual([])
})

test('nothing is suggested about what is not known, or about a feed between sessions', () => {
  const unknown = {
    feed: null,
    clockDriftMs: null,
    disk: null,
    permits: null,
    queue: null,
    chain: null,
    truth: null,
  }
  expect(suggestionsOf({ ...CALM, ...unknown })).toEqual([])
  const broken = { ...FEED, silentMs: 1e9, tickSilentMs: 1e9, openGaps: [gap], lateCount: 90_000 }
  expect(suggestionsOf({ ...CALM, session: null, feed: broken })).toEqual([])
})

test.each(names)('%s is told once, with a command, and once more when it becomes urgent', (name) => {
  const known = new Set<string>()
  const [trouble, urgent] = TROUBLE[name]
  const [first, ...others] = look({ ...CALM, ...trouble }, known)
  expect(others).toEqual([])
  expect(first).toMatchObject({ monitor: name })
  expect(first!.command).toMatch(/^(chandler|timedatectl) \w/)
  expect(first!.text).not.toMatch(/NaN|undefined|null/)
  for (let again = 0; again < 100; again++) expect(look({ ...CALM, ...trouble }, known)).toEqual([])
  if (urgent === null) return
  expect(first!.isUrgent).toBe(false)
  expect(look({ ...CALM, ...urgent }, known)).toMatchObject([{ monitor: name, isUrgent: true }])
  for (let again = 0; again < 100; again++) expect(look({ ...CALM, ...urgent }, known)).toEqual([])
})

test('a monitor cannot act: its room knows words, a schema and nothing of the machine', () => {
  for (const path of globSync('src/monitors/*.ts')) {
    const imports = [...readFileSync(path, 'utf8').matchAll(/from '([^']+)'/g)].map((match) => match[1]!)
    const others = imports.filter((name) => !/^(\.\.\/domain\/|\.\/|zod$)/.test(name))
    expect(others, path).toEqual([])
  }
})

test('looking leaves the facts as they were', () => {
  const frozen = structuredClone({ ...CALM, ...TROUBLE.gap_open[0] })
  const before = structuredClone(frozen)
  for (let again = 0; again < 100; again++) suggestionsOf(frozen)
  expect(frozen).toEqual(before)
})

test('no monitor has graduated, and one that has not may not act', () => {
  const ledger = readLedger(readFileSync('decision-ledger.json', 'utf8'), 'decision-ledger.json')
  expect(ledger).toEqual([])
  for (const name of names) expect(() => requireGraduation(name, ledger)).toThrow(/decision ledger/)
})

test('an entry of the ledger needs seven passive days, none of them wrong, a name and a reason', () => {
  const entry = {
    monitor: 'disk_filling',
    decidedOn: '2026-08-01',
    decidedBy: 'A. Operator',
    passiveDays: 12,
    accuracyRatio: 1,
    reason: 'twelve days, nine suggestions, all of them right',
  }
  const read = (change: object): unknown =>
    readLedger(
      JSON.stringify({ schema: 'chandler.decision_ledger.v1', graduations: [{ ...entry, ...change }] }),
      'ledger.json',
    )
  expect(read({})).toHaveLength(1)
  for (const wrong of [
    { passiveDays: 6 },
    { accuracyRatio: 0.99 },
    { decidedBy: '' },
    { reason: 'trust me' },
  ]) {
    expect(() => read(wrong)).toThrow(/^reading the decision ledger ledger\.json: graduations\.0\./)
  }
  expect(() => readLedger('{', 'ledger.json')).toThrow(/not JSON/)
})

test('a clock that is slow is said to be behind, and by how much', () => {
  const drift = (clockDriftMs: number): string => MONITORS.clock_drift({ ...CALM, clockDriftMs })?.text ?? ''
  expect(drift(-2_500)).toMatch(/2\.5 s behind the vendor's/)
  expect(drift(-2_500)).not.toMatch(/-/)
  expect(drift(2_500)).toMatch(/2\.5 s ahead of the vendor's/)
})
