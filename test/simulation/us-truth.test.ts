/**
 * Does a US session become the truth, and by nobody's hand but an operator's? Every step is a command of its
 * own, as it is typed: fetch, judge, decide, advance; and each refusal moves nothing.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { newYorkDays } from '../../src/app/sim-alphavantage.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import { adjustedCloses } from '../../src/sim/alphavantage/history.ts'
import { Market } from '../../src/sim/alphavantage/market.ts'
import { BatchLake, startVendor, type Vendor, type VendorOptions } from './batch-lake.ts'
import { type Ended, fileIn, tempDir } from './processes.ts'

const THURSDAY = '2026-05-14' as MarketDate
const FRIDAY = '2026-05-15' as MarketDate
const WORLD = { symbolCount: 6, historyFrom: '2025-10-01' as MarketDate, daysBetween: newYorkDays() }
/** A fund: the universe of stocks does not have it, and nothing is canonical without it. */
const FUND = 'QQETF'

const dir = tempDir('us-truth')
afterAll(() => rmSync(dir, { recursive: true, force: true }))

type Session = { readonly vendor: Vendor; readonly lake: BatchLake }

async function sessionOf(date: MarketDate, options: Partial<VendorOptions> = {}): Promise<Session> {
  const limits = { perSecond: null, perMinute: null, perDay: null }
  const vendor = await startVendor({ ...WORLD, at: `${date}T20:40:00Z`, limits, ...options })
  return { vendor, lake: new BatchLake(dir, vendor, { required: [FUND] }) }
}

function requireSymbols(version: string, required: readonly string[]): void {
  fileIn(dir, 'proxies.json', {
    schema: 'chandler.proxy_set.v1',
    market: 'us',
    version,
    roles: ['equity_core', 'volatility'].map((role) => ({ role, symbols: [FUND, 'QAAA'] })),
    required,
  })
}

type Move = Pick<Ended, 'status' | 'stdout' | 'stderr'>

async function typed(lake: BatchLake, words: string, ...texts: readonly string[]): Promise<Move> {
  return await lake.run([...words.split(' '), ...texts])
}

const BY = ['--market', 'us', '--operator', 'ann']

async function usStatus(lake: BatchLake): Promise<unknown> {
  const { stdout } = await lake.run(['--json', 'status'])
  return (JSON.parse(stdout) as { readonly markets: { readonly us: unknown } }).markets.us
}

/** The fund's last session half as high again, on eight times its volume: nobody knows whether it is true. */
function leapingFund(date: MarketDate): string {
  const market = new Market({ ...WORLD, seed: 1, symbols: [] })
  const company = market.companies.find(FUND, date)!
  const { rows } = market.historyOf(company, Date.parse(`${date}T20:40:00Z`) as UnixMs)
  const adjusted = adjustedCloses(rows)
  const lines = rows.map((row, at) => {
    const times = at === rows.length - 1 ? 1.5 : 1
    const prices = [row.open, row.high, row.low, row.close, adjusted[at]!].map((price) => price * times)
    const volume = times === 1 ? row.volume : row.volume * 8
    return [row.date, ...prices, volume, row.dividend, row.split].join(',')
  })
  const header = 'timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient'
  const recording = join(dir, 'recording')
  mkdirSync(recording)
  const newest = lines.slice(-100).reverse()
  fileIn(recording, `TIME_SERIES_DAILY_ADJUSTED_${FUND}_compact.csv`, `${[header, ...newest].join('\n')}\n`)
  return recording
}

test('a session that passes moves CTT, and TE waits for an operator by name', async () => {
  const { vendor, lake } = await sessionOf(THURSDAY)
  await lake.job(['batch', 'symbols'])
  const early = await typed(lake, 'gate epoch --market us')
  expect([early.status, early.stderr]).toEqual([3, expect.stringContaining('no session is canonical yet')])
  const daily = await lake.job(['batch', 'daily'])
  expect(daily).toMatchObject({ status: 0, outcome: 'done', session: THURSDAY })
  expect(vendor.standIn.counts().questions[`TIME_SERIES_DAILY_ADJUSTED ${FUND} compact`]?.served).toBe(1)

  const passed = await typed(lake, `gate ingest --market us --date ${THURSDAY}`)
  expect([passed.status, passed.stdout.trim().split('\n').at(-1)]).toEqual([0, `us ${THURSDAY}: pass`])
  expect(await usStatus(lake)).toMatchObject({
    times: { canonicalTruthTime: THURSDAY, truthEpoch: null, state: 'PENDING_EVALUATION' },
  })
  const again = await typed(lake, `gate ingest --market us --date ${THURSDAY}`)
  expect(again.stdout).toContain('as recorded before')
  const nobody = await typed(lake, `epoch advance --market us --to ${THURSDAY} --operator`, '')
  expect(nobody.status).toBe(2)
  const moved = await typed(lake, `epoch advance --to ${THURSDAY}`, ...BY)
  expect([moved.status, moved.stdout]).toEqual([0, expect.stringContaining(`TE of us is ${THURSDAY}`)])
  expect(await usStatus(lake)).toMatchObject({
    times: {
      rawDataTimeMs: expect.any(Number),
      canonicalTruthTime: THURSDAY,
      truthEpoch: THURSDAY,
      state: 'SYNCHRONISED',
    },
    truth: { halt: null, reviewCount: 0 },
  })
  await vendor.standIn.stop()
}, 60_000)

test('a leap waits for a review, a failed gate halts, and an operator lifts both by name', async () => {
  const { vendor, lake } = await sessionOf(FRIDAY, { recording: leapingFund(FRIDAY) })
  expect(await lake.job(['batch', 'daily'])).toMatchObject({ status: 0, session: FRIDAY })
  const asks = await typed(lake, `gate ingest --market us --date ${FRIDAY}`)
  expect([asks.status, asks.stderr]).toEqual([3, expect.stringMatching(/review: .*CTT did not move/)])
  expect((await typed(lake, 'epoch status --market us')).stdout).toMatch(
    /RDT +2026-05-15\n.*CTT +2026-05-14\n.*TE +2026-05-14 .*CANONICAL(.|\n)*reviews +1/,
  )

  // Beyond CTT nothing is evaluated: asking for it all the same halts the market.
  const failed = await typed(lake, `epoch advance --to ${FRIDAY}`, ...BY)
  expect([failed.status, failed.stderr]).toEqual([3, expect.stringContaining('us is halted (H-')])
  expect(await usStatus(lake)).toMatchObject({
    times: { canonicalTruthTime: THURSDAY, truthEpoch: THURSDAY, state: 'PENDING_INGESTION' },
    truth: { halt: { reason: expect.stringContaining('completeness.ctt') }, reviewCount: 1 },
  })
  const halted = await typed(lake, `epoch advance --to ${FRIDAY}`, ...BY)
  expect([halted.status, halted.stderr]).toEqual([3, expect.stringContaining('halt')])

  const listed = await typed(lake, 'review list --market us')
  const [id] = /R-\S+/.exec(listed.stdout) ?? ['none']
  const accepted = await typed(lake, `review accept ${id}`, ...BY, '--reason', 'the fund was really bought')
  expect(accepted.stdout).toBe(`${id} accepted; CTT of us is ${FRIDAY}\n`)
  const lifted = await typed(lake, 'halt clear', ...BY, '--reason', 'the review has been decided by now')
  expect(lifted.stdout).toContain('us goes on')
  const moved = await typed(lake, `epoch advance --to ${FRIDAY}`, ...BY)
  expect([moved.status, moved.stdout]).toEqual([0, expect.stringContaining(`TE of us is ${FRIDAY}`)])
  expect((await lake.run(['status'])).stdout).toMatch(/2026-05-15/)
  await vendor.standIn.stop()
}, 60_000)

test('another list of proxies invalidates the epoch, and the old one stays readable', async () => {
  const { vendor, lake } = await sessionOf(FRIDAY)
  requireSymbols('1.1.0', [FUND, 'QAAA'])
  const status = await typed(lake, 'epoch status --market us')
  expect(status.stdout).toMatch(/TE +2026-05-15 .*of the proxy set 1\.0\.0: invalid(.|\n)*set +1\.1\.0/)
  expect(await usStatus(lake)).toMatchObject({ truth: { isEpochInvalidated: true } })
  const moved = await typed(lake, `epoch advance --to ${FRIDAY}`, ...BY)
  expect([moved.status, moved.stdout]).toEqual([0, expect.stringContaining(`TE of us is ${FRIDAY}`)])
  const types = lake.events().map(({ event_type }) => event_type)
  expect(types.filter((type) => type === 'epoch.advanced')).toHaveLength(3)
  expect(types).toContain('epoch.invalidated')
  expect(await usStatus(lake)).toMatchObject({ truth: { isEpochInvalidated: false } })
  await vendor.standIn.stop()
}, 60_000)
