/** What does the ingestion gate promise whoever relies on CTT? Real sessions where they are to be had. */
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { MarketDate } from '../../src/domain/time.ts'
import { judgeSession } from '../../src/gates/ingest.ts'
import type { SessionEvidence } from '../../src/gates/ingest-evidence.ts'
import { Prng } from '../../src/sim/prng.ts'
import { CORRUPTIONS, type Corrupted, missOf } from './corruption.ts'
import {
  asTicks,
  copyOf,
  evidenceOf,
  madeSession,
  pickOf,
  RECORDING,
  recordedSessions,
  restrictedTo,
} from './corruption-sessions.ts'

const [BEFORE, DAY] = ['2016-08-24' as MarketDate, '2016-08-25' as MarketDate]
const hasRecording = existsSync(RECORDING)
const recordedOrSkipped = test.skipIf(!hasRecording)
const why = hasRecording ? '' : ` (skipped: there is no ${RECORDING})`

/** Indices and every sixth stock, or a made session where nothing is recorded. */
function smallEvidence(): SessionEvidence {
  if (!hasRecording) {
    const previous = madeSession(BEFORE, 25, 5, 1)
    return evidenceOf(madeSession(DAY, 25, 5, 1), { date: DAY, previous })
  }
  const sessions = recordedSessions([BEFORE, DAY])
  const isKept = (symbol: string, at: number): boolean => at % 6 === 0 || symbol.startsWith('NIFTY')
  const previous = restrictedTo(sessions.get(BEFORE)!, isKept)
  return evidenceOf(restrictedTo(sessions.get(DAY)!, isKept), { date: DAY, previous })
}

const clean = smallEvidence()

test('a clean session passes, and every symbol of it may be canonical', () => {
  const { verdict, checks, symbols } = judgeSession(clean)
  expect(checks.filter(({ outcome }) => outcome !== 'pass')).toEqual([])
  expect(verdict).toBe('pass')
  expect(symbols).toEqual(clean.table!.instruments.map(({ symbol }) => symbol).toSorted())
})

test('a clean session passes also when its candles are made of ticks', () => {
  const ticks = evidenceOf(asTicks(clean.table!), { date: DAY })
  expect(judgeSession(ticks).verdict).toBe('pass')
})

test('the same evidence gives the same verdict and the same digest', () => {
  const again = { ...clean, table: { ...clean.table!, columns: copyOf(clean.table!.columns) } }
  expect(judgeSession(again)).toEqual(judgeSession(clean))
})

test('whatever decides is in the digest', () => {
  const { evidenceSha256 } = judgeSession(clean)
  const others: SessionEvidence[] = [
    { ...clean, file: { ...clean.file!, sha256: '0'.repeat(64) } },
    { ...clean, reportSha256: '0'.repeat(64) },
    { ...clean, required: ['INDIAVIX'] },
    { ...clean, before: { ...clean.before, market: 'hole' } },
    { ...clean, previousCloses: new Map() },
    { ...clean, actions: [{ symbol: 'ACC', kind: 'split', factor: 0.5 }] },
    { ...clean, volatility: ['ACC'] },
  ]
  const digests = others.map((evidence) => judgeSession(evidence).evidenceSha256)
  expect(new Set([evidenceSha256, ...digests]).size).toBe(others.length + 1)
})

test('a verdict is plain JSON, whatever was found', () => {
  for (const { apply } of CORRUPTIONS) {
    const verdict = judgeSession(apply(clean, new Prng(7)).evidence)
    expect(JSON.parse(JSON.stringify(verdict))).toEqual(verdict)
  }
})

describe('every kind of corruption is caught by the check that should catch it', () => {
  expect(CORRUPTIONS.length).toBeGreaterThanOrEqual(30)
  test.each(CORRUPTIONS.map((corruption) => [corruption.kind, corruption.expected, corruption] as const))(
    '%s: %s',
    (kind, _expected, corruption) => {
      const at = CORRUPTIONS.findIndex((one) => one.kind === kind)
      for (const seed of [1, 2])
        expect(missOf(corruption, corruption.apply(clean, new Prng(seed, at)))).toBeNull()
    },
  )
})

test('a symbol that is held back does not hold back the others', () => {
  const { evidence, symbols } = corrupted('a price is NaN')
  const verdict = judgeSession(evidence)
  expect(verdict.verdict).toBe('pass')
  expect(verdict.symbols).toHaveLength(clean.table!.instruments.length - 1)
  expect(verdict.symbols).not.toContain(symbols![0])
})

test('a required symbol that is held back holds back the session', () => {
  const { evidence, symbols } = corrupted('a price is NaN')
  const verdict = judgeSession({ ...evidence, required: symbols! })
  expect(verdict.verdict).toBe('fail')
  expect(verdict.symbols).toEqual([])
})

test('what an operator may accept is everything that no check rejected', () => {
  const { evidence, symbols } = corrupted('a stock leaps 12 %, paid for and staying')
  const { verdict, checks, symbols: offered } = judgeSession(evidence)
  expect(verdict).toBe('review')
  expect(checks.find(({ check }) => check === 'drift.minute')!.symbols).toEqual(symbols)
  const rejected = checks.filter(({ outcome }) => outcome === 'fail').flatMap((check) => check.symbols)
  expect(offered).toEqual(
    clean
      .table!.instruments.map(({ symbol }) => symbol)
      .filter((one) => !rejected.includes(one))
      .toSorted(),
  )
})

test('a known split and a known dividend explain what would else be an alarm', () => {
  const { evidence, symbols } = corrupted('a split that nobody announced')
  const [symbol] = symbols!
  const night = (actions: SessionEvidence['actions']): string =>
    judgeSession({ ...evidence, actions }).checks.find(({ check }) => check === 'drift.night')!.outcome
  expect(night([])).toBe('review')
  expect(night([{ symbol: symbol!, kind: 'split', factor: 0.5 }])).toBe('pass')
  const both = [
    { symbol: symbol!, kind: 'split', factor: 0.51 },
    { symbol: symbol!, kind: 'dividend', factor: 0.98 },
  ] as const
  expect(night(both)).toBe('pass')
})

test('an illiquid stock may rest, a liquid one may not', () => {
  const made = madeSession(DAY, 12, 2, 3)
  const { columns, instruments } = made
  const rests = (row: number): boolean =>
    columns.instrument[row] === 3 && columns.timestampMs[row]! % 180_000 !== 0
  const rows = [...columns.instrument.keys()].filter((row) => !rests(row))
  const quiet = { instruments, columns: pickOf(columns, rows) }
  expect(judgeSession(evidenceOf(quiet, { date: DAY })).verdict).toBe('pass')
  const stops = (row: number): boolean => columns.instrument[row] === 5 && row % 375 >= 100 && row % 375 < 110
  const hole = {
    instruments,
    columns: pickOf(
      columns,
      rows.filter((row) => !stops(row)),
    ),
  }
  const verdict = judgeSession(evidenceOf(hole, { date: DAY }))
  expect(verdict.verdict).toBe('review')
  expect(verdict.checks.find(({ check }) => check === 'continuity.minutes')!.symbols).toEqual([
    instruments[5]!.symbol,
  ])
})

test('a stock that was halted is quiet, not lost: no shares came afterwards', () => {
  const made = asTicks(madeSession(DAY, 12, 2, 3))
  const { columns, instruments } = made
  const rows = [...columns.instrument.keys()].filter((row) => row < 5 * 375 + 100 || row >= 5 * 375 + 122)
  const halted = { instruments, columns: pickOf(columns, rows) }
  expect(judgeSession(evidenceOf(halted, { date: DAY })).verdict).toBe('pass')
})

test('a silence that a recorded gap explains is no question of continuity', () => {
  const made = madeSession(DAY, 12, 2, 3)
  const { columns, instruments } = made
  const rows = [...columns.instrument.keys()].filter((row) => row % 375 < 100 || row % 375 >= 102)
  const evidence = evidenceOf({ instruments, columns: pickOf(columns, rows) }, { date: DAY })
  const fromMs = columns.timestampMs[100]! as never
  const gap = {
    shard: 0,
    fromMs,
    toMs: (fromMs + 120_000) as never,
    reason: 'disconnected',
    detail: '',
  } as const
  const outcomes = (gaps: readonly (typeof gap)[]): string[] =>
    judgeSession({ ...evidence, report: { ...evidence.report!, gaps } })
      .checks.filter(({ outcome }) => outcome !== 'pass')
      .map(({ check }) => check)
  expect(outcomes([])).toEqual(['continuity.market'])
  expect(outcomes([gap])).toEqual([])
})

function corrupted(kind: string): Corrupted {
  const corruption = CORRUPTIONS.find((one) => one.kind === kind)!
  return corruption.apply(clean, new Prng(5))
}

recordedOrSkipped(
  `18 recorded sessions pass but one, whose genuine leap of 10 % is for an operator${why}`,
  () => {
    const reviewed: string[] = []
    let previous: SessionEvidence['table'] = null
    let count = 0
    for (const [date, table] of recordedSessions()) {
      if (date > '2016-09-09') continue
      const { verdict, checks } = judgeSession(
        evidenceOf(table, { date, ...(previous === null ? {} : { previous }) }),
      )
      for (const { check, outcome, rows } of checks) {
        if (outcome !== 'pass') reviewed.push(`${date} ${verdict} ${check} ${JSON.stringify(rows)}`)
      }
      previous = table
      count++
    }
    expect(count).toBe(18)
    expect(reviewed).toEqual([
      '2016-08-25 review drift.minute ' +
        '[{"row":28489,"symbol":"IDBI","at":"2016-08-25T09:49:00.000Z","move":0.102691,"from":70.6,' +
        '"to":77.85,' +
        '"volume":15161383,"medianVolume":25247,"returned":false}]',
    ])
  },
)
