/**
 * What may an operator rely on when the feed misbehaves? Each kind of fault that the stand-in knows, at its
 * own time of the day, met by a worker over real sockets, and compared with a worker whose feed had none.
 *
 * Nobody can see that a packet was never sent, while the socket lives: `drop` leaves candles that say
 * `complete` and miss a price or hold shares of the minute before. Nor that a number is false which could be
 * true: `corrupt` leaves a few. Nor that an index, which has neither sequence nor volume, was told twice, or
 * lacks a value. These are the only exceptions (`UNSEEN`); the day's volume is conserved even then.
 */
import { rmSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Fact, LostReason } from '../../src/domain/fact.ts'
import { type MarketDate, MINUTE_MS } from '../../src/domain/time.ts'
import { type Evidence, FAULTLESS, momentOf, type PlayedFaults, playFaults } from './fault-day.ts'
import { keyOf, type LakeRow, type RowKey } from './lake-rows.ts'
import { tempDir } from './processes.ts'

const DATE = '2026-07-02' as MarketDate
const GRACE_MS = 30_000
const DELAYED = ['1001', '1008', '1015', '1022', '1029', '1043']

/** What happens to packets, to sockets, and at the doors. Each plan is a faults file. */
const PLANS = {
  packets: [
    { kind: 'duplicate', at: '09:19:20', for: 60, share: 0.5 },
    { kind: 'reorder', at: '09:21:20', for: 60, share: 0.3 },
    { kind: 'drop', at: '09:23:20', for: 60, share: 0.3 },
    { kind: 'wrong_length', at: '09:25:20', for: 60, share: 0.3 },
    { kind: 'falling_volume', at: '09:27:20', for: 60, share: 0.3 },
    // Of the first 25 seconds all comes too late; the rest is overtaken by what follows at 09:31.
    { kind: 'late', at: '09:29:00', for: 120, by: 95, tokens: DELAYED },
    { kind: 'slow_link', at: '09:33:20', for: 80, bytesPerSecond: 300 },
    { kind: 'corrupt', at: '09:37:20', for: 60, share: 0.2 },
  ],
  sockets: [
    { kind: 'stall', at: '09:19:20', for: 100 },
    { kind: 'mute', at: '09:23:20', for: 150 },
    { kind: 'disconnect', at: '09:28:20' },
    { kind: 'token_expiry', at: '09:30:20' },
    { kind: 'disconnect', at: '09:30:30' },
    { kind: 'disconnect', at: '09:33:20' },
    { kind: 'reject_401', at: '09:33:20', for: 15 },
    { kind: 'disconnect', at: '09:36:20' },
    { kind: 'reject_429', at: '09:36:20', for: 15 },
  ],
  doors: [
    { kind: 'disconnect', at: '09:19:20' },
    { kind: 'reject_401', at: '09:19:20', for: 120 },
    { kind: 'disconnect', at: '09:25:20' },
    { kind: 'reject_429', at: '09:25:20', for: 300 },
    // Late enough that quotes are certainly being asked for: over its limit a socket is tried now and then.
    { kind: 'reject_403', at: '09:28:30', for: 45 },
    { kind: 'disconnect', at: '09:36:20' },
    { kind: 'e1002', at: '09:36:20', for: 30 },
  ],
}
const MINUTES = 26
/** The minutes before are those in which the processes started. */
const COMPARED_FROM = '09:19'

type Window = readonly [from: string, to: string]
const UNSEEN: readonly {
  readonly what: string
  readonly minutes: Window
  readonly isMet: (row: LakeRow) => boolean
}[] = [
  { what: 'drop', minutes: ['09:23', '09:24'], isMet: () => true },
  { what: 'duplicate, reorder', minutes: ['09:19', '09:22'], isMet: isIndex },
  { what: 'wrong_length', minutes: ['09:25', '09:26'], isMet: isIndex },
  { what: 'corrupt', minutes: ['09:37', '09:38'], isMet: () => true },
]

let played: PlayedFaults
const dir = tempDir('faults')

beforeAll(async () => {
  played = await playFaults({
    dir,
    plans: PLANS,
    date: DATE,
    speed: 60,
    graceMs: GRACE_MS,
    minutes: MINUTES,
    instrumentCount: 24,
    packetsPerSecond: 12,
    stream: { socketSilenceMs: 60_000, dataSilenceMs: 60_000, pingIntervalMs: 15_000 },
  })
}, 150_000)

afterAll(() => rmSync(dir, { recursive: true, force: true }))

const FAULTY = Object.keys(PLANS)
const ALL = [FAULTLESS, ...FAULTY]

function day(name: string): Evidence {
  return played.days.get(name)!
}

function isIndex(row: LakeRow): boolean {
  return row.volume === null
}

function timeOf(row: { readonly timestampMs: number }): string {
  return new Date(row.timestampMs + 19_800_000).toISOString().slice(11, 16)
}

function isUnseen(name: string, row: LakeRow): boolean {
  const time = timeOf(row)
  return (
    name === 'packets' &&
    UNSEEN.some(({ minutes: [from, to], isMet }) => from <= time && time <= to && isMet(row))
  )
}

function textsOf(rows: readonly LakeRow[]): readonly string[] {
  return rows.map(({ everything }) => everything)
}

/** Rows of those minutes that both workers were there for. */
function compared(rows: Iterable<LakeRow>): readonly LakeRow[] {
  return [...rows].filter((row) => timeOf(row) >= COMPARED_FROM)
}

function rowsIn(rows: Iterable<LakeRow>, [from, to]: Window): readonly LakeRow[] {
  return [...rows].filter((row) => from <= timeOf(row) && timeOf(row) <= to)
}

function said(name: string, message: string): Evidence['log'] {
  return day(name).log.filter((line) => line.message === message)
}

function factsOf<Kind extends Fact['kind']>(
  name: string,
  kind: Kind,
): readonly Extract<Fact, { kind: Kind }>[] {
  return day(name).facts.filter((fact) => fact.kind === kind) as Extract<Fact, { kind: Kind }>[]
}

/** A gap of the reason that begins by the one moment and ends after the other. */
function expectGap(name: string, reason: LostReason, from: string, to: string): void {
  const covering = day(name).gaps.filter(
    (gap) =>
      gap.fromMs <= momentOf(DATE, from) && (gap.toMs ?? Number.POSITIVE_INFINITY) >= momentOf(DATE, to),
  )
  expect(covering).toMatchObject([{ reason }])
  const { fromMs, toMs } = covering[0]!
  // Told with some room around it, but not as half a day.
  expect(momentOf(DATE, from) - fromMs).toBeLessThan(15_000)
  expect(toMs! - momentOf(DATE, to)).toBeLessThan(3 * MINUTE_MS)
}

test.each(ALL)('%s: the worker survives, and so does the next command', (name) => {
  const { status, settleStatus, doubled, report } = day(name)
  expect([status, settleStatus, doubled]).toEqual([0, 0, []])
  expect(report.history.failures).toEqual([])
})

test.each(ALL)('%s: replay gives the bytes that live gave', (name) => {
  const { status, equalCount, different, unlisted } = day(name).replay
  expect({ status, different, unlisted }).toEqual({ status: 0, different: [], unlisted: [] })
  // Candles and signals of every minute.
  expect(equalCount).toBe(2 * MINUTES)
})

test.each(ALL)('%s: every share of the day is accounted for', (name) => {
  const { conservation } = day(name).report
  expect(conservation).toHaveLength(24)
  expect(conservation.filter(({ balanced }) => !balanced)).toEqual([])
})

test.each(FAULTY)('%s: a live candle that says complete is the one of a feed without faults', (name) => {
  const witness = day(FAULTLESS)
  const { live, settled } = day(name)
  const complete = compared(live.values()).filter((row) => row.complete && !isUnseen(name, row))
  const wrong = complete.filter((row) => {
    const key = keyOf(row)
    // A tick that came after its minute was finalised is in no live candle, and settle says which it is of.
    const isRevised = settled.get(key)?.candle !== row.candle
    const known = [witness.live.get(key)?.candle, witness.settled.get(key)?.candle]
    return !known.includes(row.candle) && !isRevised
  })
  expect(textsOf(wrong)).toEqual([])
  expect(complete.length).toBeGreaterThan(100)
})

test.each(FAULTY)('%s: a settled candle of ticks is the one of a feed without faults', (name) => {
  const witness = day(FAULTLESS)
  const rows = compared(day(name).settled.values())
  const ticks = rows.filter((row) => row.source === 'ticks' && row.complete && !isUnseen(name, row))
  const wrong = ticks.filter((row) => witness.settled.get(keyOf(row))?.candle !== row.candle)
  expect(textsOf(wrong)).toEqual([])
  expect(ticks.length).toBeGreaterThan(100)
})

test.each(ALL)('%s: what the feed left open is settled with what was really traded', (name) => {
  const { settled } = day(name)
  const missing = [...played.truth.keys()].filter((key) => !settled.has(key))
  expect(missing).toEqual([])
  expect(textsOf([...settled.values()].filter((row) => !row.complete))).toEqual([])
  const vendor = [...settled.values()].filter((row) => row.source === 'vendor')
  const wrong = vendor.filter((row) => {
    const traded = played.truth.get(keyOf(row))
    return JSON.stringify([traded?.prices, traded?.volume]) !== JSON.stringify([row.prices, row.volume ?? 0])
  })
  expect(textsOf(wrong)).toEqual([])
  // The faults cost something, and not everything.
  if (name !== FAULTLESS) expect(vendor.length).toBeGreaterThan(100)
})

test('what cannot be seen spoils no other minute: prices of an index told twice, shares of the day', () => {
  const witness = day(FAULTLESS)
  const told = rowsIn(day('packets').live.values(), ['09:19', '09:20']).filter(isIndex)
  expect(told).toHaveLength(2)
  for (const row of told) expect(row.prices).toEqual(witness.live.get(keyOf(row))!.prices)
  // A share that was dropped with its packet comes with the next one, if in another minute. After damage it
  // may count in two minutes or in none, where one of them is the vendor's: the report has the difference.
  for (const name of ALL) {
    expect(sharesOf(day(name).settled)).toEqual(sharesOf(played.truth))
  }
})

/** Sum over all minutes before packets were damaged, by instrument. */
function sharesOf(
  rows: ReadonlyMap<RowKey, { readonly volume: number | null }>,
): Readonly<Record<string, number>> {
  const shares: Record<string, number> = {}
  for (const [key, { volume }] of rows) {
    const [instrument, timestampMs] = key.split('@') as [string, string]
    if (Number(timestampMs) >= momentOf(DATE, '09:37:00')) continue
    shares[instrument] = (shares[instrument] ?? 0) + (volume ?? 0)
  }
  return shares
}

test('every packet that was dropped here is counted under its reason', () => {
  const { met, report } = day('packets')
  const { sequence, length, volume_fell, range, token, stale } = report.rejected
  for (const kind of ['duplicate', 'reorder', 'drop', 'wrong_length', 'falling_volume', 'late', 'corrupt']) {
    expect(met[kind], kind).toBeGreaterThan(50)
  }
  // All packets but those of the index, which has neither sequence nor volume.
  expect(sequence).toBeGreaterThan(0.85 * (met.duplicate! + met.reorder!))
  expect(volume_fell).toBeGreaterThan(0.85 * met.falling_volume!)
  expect(length).toBeGreaterThanOrEqual(met.wrong_length!)
  expect(length! - met.wrong_length!).toBeLessThan(met.corrupt!)
  expect(range! + token! + stale!).toBeGreaterThan(met.corrupt! / 5)
  const { rejected } = day(FAULTLESS).report
  expect(Object.values(rejected).filter((count) => count !== 0)).toEqual([])
})

test('a damaged packet does not deafen its instrument: after the faults candles are whole again', () => {
  const last = rowsIn(day('packets').live.values(), ['09:40', '09:40'])
  expect(last).toHaveLength(23)
  expect(textsOf(last.filter((row) => !row.complete))).toEqual([])
})

test('of damaged packets few go unseen', () => {
  const witness = day(FAULTLESS)
  const rows = rowsIn(day('packets').live.values(), ['09:37', '09:38'])
  const isUnlike = (row: LakeRow): boolean => row.candle !== witness.live.get(keyOf(row))?.candle
  const unseen = rows.filter((row) => row.complete && isUnlike(row))
  expect(rows.length).toBeGreaterThan(40)
  expect(unseen.length).toBeLessThan(rows.length / 8)
})

test('rejected packets spoil their minutes, and settle takes the exchange’s candles for them', () => {
  const windows: readonly Window[] = [
    ['09:21', '09:22'],
    ['09:25', '09:26'],
    ['09:27', '09:28'],
    ['09:37', '09:38'],
  ]
  for (const minutes of windows) {
    const rows = rowsIn(day('packets').live.values(), minutes)
    expect(rows.filter((row) => !row.complete).length).toBeGreaterThan(rows.length / 2)
    const settled = rowsIn(day('packets').settled.values(), minutes)
    expect(settled.filter(({ source }) => source === 'vendor').length).toBeGreaterThan(settled.length / 2)
  }
})

test('late ticks are counted, put into no other minute, and given back at settle', () => {
  const { report, live, settled } = day('packets')
  expect(report.lateTickCount).toBeGreaterThan(100)
  const isDelayed = ({ token }: LakeRow): boolean => DELAYED.includes(token)
  expect(rowsIn(live.values(), ['09:29', '09:29']).filter(isDelayed)).toEqual([])
  const rows = rowsIn(settled.values(), ['09:29', '09:32']).filter(isDelayed)
  expect(rows).toHaveLength(4 * DELAYED.length)
})

test('over a slow link a minute is not called complete before it is proven, and is whole at settle', () => {
  const { live, settled, gaps } = day('packets')
  const slow = rowsIn(live.values(), ['09:33', '09:33'])
  expect(slow.length).toBeGreaterThan(20)
  expect(textsOf(slow.filter((row) => row.complete))).toEqual([])
  expect(gaps.some((gap) => gap.reason === 'stalled' || gap.reason === 'mute')).toBe(false)
  const whole = rowsIn(settled.values(), ['09:33', '09:35'])
  expect(whole.filter((row) => row.source === 'ticks' && row.complete).length).toBeGreaterThan(60)
})

test('each loss of a socket is a gap with its reason, over all of the time that it cost', () => {
  expectGap('sockets', 'stalled', '09:19:20.500', '09:21:00')
  expectGap('sockets', 'mute', '09:23:20.500', '09:25:49')
  expectGap('sockets', 'disconnected', '09:28:20.500', '09:28:20.500')
  expectGap('sockets', 'disconnected', '09:30:30.500', '09:30:31')
  expectGap('sockets', 'disconnected', '09:33:20.500', '09:33:35')
  expectGap('sockets', 'disconnected', '09:36:20.500', '09:36:50')
  expectGap('doors', 'disconnected', '09:19:20.500', '09:21:20')
  expectGap('doors', 'disconnected', '09:25:20.500', '09:30:20')
})

test('no candle of a minute in which the socket was lost says complete', () => {
  for (const name of FAULTY) {
    const { gaps, live } = day(name)
    const inGap = [...live.values()].filter(({ timestampMs }) =>
      gaps.some(
        ({ fromMs, toMs }) =>
          fromMs < timestampMs + MINUTE_MS && (toMs ?? Number.POSITIVE_INFINITY) > timestampMs,
      ),
    )
    expect(textsOf(inGap.filter((row) => row.complete))).toEqual([])
  }
})

test('tokens that are refused are tried once more, then there is a new login', () => {
  expect(said('sockets', 'handshake refused').filter(({ code }) => code === '401').length).toBeGreaterThan(2)
  expect(said('sockets', 'handshake refused').filter(({ code }) => code === '429').length).toBeGreaterThan(0)
  expect(said('sockets', 'logged in').length).toBeGreaterThan(1)
  // A storm of refusals is no storm of logins.
  expect(said('doors', 'logged in').length).toBeLessThan(9)
})

test('refused instruments are named, none of them is complete, and the next socket has them again', () => {
  const refused = factsOf('doors', 'refused')
  expect(refused).toMatchObject([{ code: 'E1002' }])
  expect(refused[0]!.instruments).toHaveLength(24)
  const [line] = said('doors', 'the vendor refuses instruments')
  expect(line).toMatchObject({ level: 'error', code: 'E1002', count: 24 })
  const { live, settled } = day('doors')
  expect(textsOf(rowsIn(live.values(), ['09:36', '09:37']).filter((row) => row.complete))).toEqual([])
  const later = rowsIn(live.values(), ['09:39', '09:40'])
  expect(later).toHaveLength(2 * 23)
  expect(textsOf(later.filter((row) => !row.complete))).toEqual([])
  // What was complete before the refusal is not given up for it.
  expect(rowsIn(settled.values(), ['09:33', '09:34']).every(({ source }) => source === 'ticks')).toBe(true)
})

test('where no socket can be held quotes take its place, it is said, and it ends with the socket', () => {
  const begun = said('doors', 'socket keeps failing, asking for quotes over REST')
  const ended = said('doors', 'socket live again, no more quotes over REST')
  expect([begun.length, ended.length]).toEqual([2, 2])
  const momentsOf = (lines: Evidence['log']): readonly number[] =>
    lines.map(({ at }) => Date.parse(String(at)))
  const spans = momentsOf(begun).map((fromMs, at) => [fromMs, momentsOf(ended)[at]!] as const)
  const quotes = factsOf('doors', 'quotes')
  for (const [fromMs, toMs] of spans) {
    expect(quotes.filter(({ atMs }) => fromMs <= atMs && atMs <= toMs).length).toBeGreaterThan(10)
  }
  // An answer that was on its way may still come.
  const isOutside = (atMs: number): boolean =>
    spans.every(([fromMs, toMs]) => atMs < fromMs || atMs > toMs + 5_000)
  expect(quotes.filter(({ atMs }) => isOutside(atMs))).toEqual([])
  const polled = rowsIn(day('doors').live.values(), ['09:21', '09:21'])
  expect(polled.length).toBeGreaterThan(15)
  expect(textsOf(polled.filter((row) => row.complete))).toEqual([])
})

test('quotes that are refused over rate are asked for ever slower, and that is said', () => {
  const pauses = said('doors', 'over the vendor rate, pausing')
  expect(pauses.length).toBeGreaterThan(1)
  const waits = pauses.map(({ waitMs }) => Number(waitMs))
  expect(waits).toEqual(waits.toSorted((a, b) => a - b))
  const { met } = day('doors')
  expect(met.reject_403).toBeLessThan(12)
})
