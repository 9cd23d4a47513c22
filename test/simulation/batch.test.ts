/** Does the batch pipeline keep its promises as real processes against a vendor on a real socket? */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { zstdDecompressSync } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import type { MarketDate } from '../../src/domain/time.ts'
import { takeLock } from '../../src/platform/lock.ts'
import {
  BatchLake,
  CANARY_KEY,
  type LakeOptions,
  startVendor,
  type Vendor,
  type VendorOptions,
} from './batch-lake.ts'
import { tempDir } from './processes.ts'

/** Friday 15 May 2026, an hour after the close in New York. */
const AFTER_CLOSE = '2026-05-15T21:00:00Z'
const VENDOR: VendorOptions = {
  at: AFTER_CLOSE,
  symbolCount: 14,
  historyFrom: '2023-01-03' as MarketDate,
  limits: { perSecond: null, perMinute: null, perDay: null },
}
const SYMBOLS = ['QAAA', 'QAAB', 'QAAC', 'QAAE']

const cleanUps: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function vendorOf(options: Partial<VendorOptions> = {}): Promise<Vendor> {
  const vendor = await startVendor({ ...VENDOR, ...options })
  cleanUps.push(() => vendor.standIn.stop())
  return vendor
}

function lakeOf(vendor: Pick<Vendor, 'url' | 'clock'>, options?: LakeOptions): BatchLake {
  const dir = tempDir('batch')
  cleanUps.push(() => rmSync(dir, { recursive: true }))
  return new BatchLake(dir, vendor, options)
}

test('symbols, then daily: a universe, a lake, a chain of what was done, nothing asked twice', async () => {
  const vendor = await vendorOf()
  const lake = lakeOf(vendor)
  const chosen = await lake.job(['batch', 'symbols'])
  expect(chosen).toMatchObject({ status: 0, outcome: 'done', session: '2026-05-15', askedCount: 1 })
  const universe = JSON.parse(
    readFileSync(join(lake.dataDir, 'jobs/us/universe/2026-05-15.json'), 'utf8'),
  ) as {
    readonly entries: readonly { readonly symbol: string }[]
  }
  const symbols = universe.entries.map(({ symbol }) => symbol)
  expect(symbols).toContain('NA')
  expect(symbols).not.toContain('ZVZZT')
  expect(symbols).not.toContain('QQ-WS')
  expect(symbols.length).toBeGreaterThan(10)

  const daily = await lake.job(['batch', 'daily'])
  expect(daily).toMatchObject({ status: 0, outcome: 'done', completeCount: symbols.length, failedCount: 0 })
  expect(daily.askedCount).toBe(symbols.length)
  expect(lake.files('analytics/us/candles').length).toBeGreaterThan(0)

  const before = vendor.standIn.counts().askedCount
  const again = await lake.job(['batch', 'daily'])
  expect(again).toMatchObject({ status: 0, outcome: 'done', askedCount: 0, completeCount: symbols.length })
  expect(vendor.standIn.counts().askedCount).toBe(before)
  const runs = lake.events().filter(({ event_type }) => event_type === 'job.run')
  expect(runs.map(({ payload }) => [payload.job, payload.outcome])).toEqual([
    ['symbols', 'done'],
    ['daily', 'done'],
    ['daily', 'done'],
  ])
  const status = await lake.run(['--json', 'status'])
  expect(JSON.parse(status.stdout)).toMatchObject({
    markets: {
      us: { queue: { waitingCount: 0, parkedCount: 0 }, permits: { takenCount: symbols.length + 1 } },
    },
  })
}, 60_000)

test("a listing that lost its symbols is refused, and yesterday's universe stays in force", async () => {
  const lake = lakeOf(await vendorOf())
  await lake.job(['batch', 'symbols'])
  const [before] = lake.files('jobs/us/universe')
  const shrunken = await vendorOf({ at: '2026-05-22T12:00:00Z', symbolCount: 2 })
  const sameLake = new BatchLake(dirname(lake.dataDir), shrunken)
  const { status, stderr } = await sameLake.run(['batch', 'symbols', '--market', 'us'])
  expect(status).toBe(1)
  expect(stderr).toMatch(/symbols are left of \d+, more than 20 % are gone, so the one before stays/)
  expect(sameLake.files('jobs/us/universe')).toEqual([before])
  expect(sameLake.events().at(-1)?.payload).toMatchObject({ job: 'symbols', outcome: 'failed' })
}, 60_000)

test('the candle of a session that is still being traded is not in the lake before its close', async () => {
  const lake = lakeOf(await vendorOf({ at: '2026-05-15T15:00:00Z' }), { symbols: ['QAAA'] })
  expect(await lake.job(['batch', 'daily'])).toMatchObject({ session: '2026-05-14', completeCount: 1 })
  const vendor = await vendorOf()
  const sameLake = new BatchLake(dirname(lake.dataDir), vendor, { symbols: ['QAAA'] })
  // The vendor did show it, in the JSON that a symbol's first answer comes in.
  expect(sameLake.rawBodies().get('QAAA_TIME_SERIES_DAILY_ADJUSTED_compact')?.[0]).toContain(
    '"2026-05-15": {',
  )
  expect(await sameLake.lastDate('QAAA')).toBe('2026-05-14')
  expect(await sameLake.job(['batch', 'daily'])).toMatchObject({ session: '2026-05-15', askedCount: 1 })
  expect(await sameLake.lastDate('QAAA')).toBe('2026-05-15')
}, 60_000)

test('a free key gets adjusted history, spends its day and goes on the day after', async () => {
  const free = { entitlement: 'free', limits: { perSecond: null, perDay: 25 }, speed: 100 } as const
  const vendor = await vendorOf(free)
  const batch = { callsPerMinute: 25, callsPerDay: 25, intervalMs: 1_200 }
  const symbols = ['QAAA', 'QAAB', 'QAAC', 'QAAD', 'QAAE', 'QAAF', 'QAAG', 'QAAH', 'QAAI', 'QAAJ']
  const lake = lakeOf(vendor, { symbols, batch })
  const first = await lake.job(['backfill'])
  // One request finds out about the adjusted series, one about the whole history; three a symbol follow.
  expect(first).toMatchObject({ status: 0, outcome: 'partial', completeCount: 7, askedCount: 25 })
  expect(first.says).toMatch(/permits of the day are spent; 3 symbols are left, run it again after 2026-05-1/)
  expect(first.details).toMatchObject({ requestCount: 30, dayCount: 2 })
  const spent = vendor.standIn.counts().askedCount
  expect(await lake.job(['backfill'])).toMatchObject({ status: 0, outcome: 'partial', askedCount: 0 })
  expect(vendor.standIn.counts().askedCount).toBe(spent)
  expect(vendor.standIn.counts().refused).toEqual({ not_entitled: 2 })

  const tomorrow = await vendorOf({ at: '2026-05-16T15:00:00Z', ...free })
  const sameLake = new BatchLake(dirname(lake.dataDir), tomorrow, { symbols, batch })
  const second = await sameLake.job(['backfill'])
  expect(second).toMatchObject({ status: 0, outcome: 'done', completeCount: 10 })
  expect(second.says).toContain('the last 100 sessions')
  const asked = Object.values(tomorrow.standIn.counts().questions)
  expect(asked.every((question) => question.asked === 1)).toBe(true)
  expect(sameLake.rawBodies().get('QAAJ_TIME_SERIES_DAILY_compact')).toHaveLength(1)
}, 60_000)

test('what fails is queued, what is unknown is parked, and the second pass gets the rest', async () => {
  const faults = [{ kind: '502_html', symbols: ['QAAB'], at: 0, times: 6, share: 1 }] as const
  const vendor = await vendorOf({ faults, speed: 60 })
  const lake = lakeOf(vendor, { symbols: [...SYMBOLS, 'NOPE'] })
  const daily = await lake.job(['batch', 'daily'])
  expect(daily).toMatchObject({ status: 1, outcome: 'failed', failed: { outage: 1, bad_symbol: 1 } })
  expect(daily).toMatchObject({ completeCount: 3, queuedCount: 1, parkedCount: 1 })
  const [alert] = lake.events().filter(({ event_type }) => event_type === 'alert.raised')
  expect(alert?.payload).toMatchObject({ id: 'batch-daily-2026-05-15', severity: 'critical' })

  const nextDay = await vendorOf({ at: '2026-05-16T21:00:00Z' })
  const sameLake = new BatchLake(dirname(lake.dataDir), nextDay, { symbols: [...SYMBOLS, 'NOPE'] })
  const retried = await sameLake.job(['batch', 'retry'])
  expect(retried).toMatchObject({
    status: 0,
    outcome: 'done',
    completeCount: 1,
    queuedCount: 0,
    parkedCount: 1,
  })
  expect(nextDay.standIn.counts().askedCount).toBe(1)
  const status = await sameLake.run(['status'])
  expect(status.stdout).toMatch(/queue +0 waiting.* 1 parked/)
  expect(status.stdout).toMatch(/daily +failed .*2 of 5 symbols failed/)
  expect(status.stdout).toMatch(/retry +done/)
}, 60_000)

test("in market hours the intraday job leaves the daily job's permits alone", async () => {
  const vendor = await vendorOf({ at: '2026-05-15T15:00:00Z' })
  const lake = lakeOf(vendor, { symbols: SYMBOLS, batch: { callsPerDay: 7, callsPerMinute: 7 } })
  const intraday = await lake.job(['batch', 'intraday'])
  expect(intraday).toMatchObject({ status: 0, symbolCount: 3, completeCount: 3, permitsLeft: 4 })
  expect(intraday.says).toContain("3 of 4 symbols: the other permits are the daily job's")
  expect(lake.files('raw/us').filter((path) => path.includes('TIME_SERIES_INTRADAY_2026-05_'))).toHaveLength(
    3,
  )
}, 60_000)

test('a backfill that is told to stop finishes its request, exits 0 and goes on next time', async () => {
  const vendor = await vendorOf({ latencyMs: 300 })
  const lake = lakeOf(vendor, { symbols: ['QAAA', 'QAAB'] })
  const command = lake.start(['backfill', '--market', 'us'])
  // Counted as it is answered, or as it comes: in either case a request is in flight a moment later.
  while (vendor.standIn.counts().askedCount === 0) await pause(20)
  const ended = await command.end('SIGTERM')
  expect(ended).toMatchObject({ status: 0, signal: null })
  expect(ended.stdout).toContain('the next run goes on with them')
  expect(ended.stderr).toContain('2 symbols, 6 requests')
  const keptCount = lake.files('raw/us').length
  expect(keptCount).toBe(vendor.standIn.counts().servedCount)
  const rest = await lake.job(['backfill'])
  expect(rest).toMatchObject({ status: 0, outcome: 'done', completeCount: 2 })
  const asked = Object.values(vendor.standIn.counts().questions)
  expect(asked.map((question) => question.asked)).toEqual([1, 1, 1, 1, 1, 1])
}, 60_000)

test('the key is in no file, no line, no event and no argument, though the vendor repeats it', async () => {
  const faults = [{ kind: 'key_echo', symbols: ['QAAC'], at: 0, times: 1, share: 1 }] as const
  const vendor = await vendorOf({ faults, latencyMs: 50 })
  const lake = lakeOf(vendor, { symbols: SYMBOLS })
  const command = lake.start(['--json', 'batch', 'daily', '--market', 'us'])
  const cmdline = readFileSync(`/proc/${command.pid}/cmdline`, 'utf8')
  const ended = await command.ended
  const told = [cmdline, ended.stdout, ended.stderr]
  for (const path of lake.files()) {
    const bytes = readFileSync(join(lake.dataDir, path))
    told.push(path, (path.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes).toString('latin1'))
  }
  expect(lake.files('raw/us').length).toBeGreaterThan(1)
  expect(told.filter((text) => text.includes(CANARY_KEY))).toEqual([])
}, 60_000)

test('bad input is one clear line and the right exit status', async () => {
  const vendor = await vendorOf({ key: 'another-key' })
  const lake = lakeOf(vendor)
  const broken = join(dirname(lake.dataDir), 'broken.csv')
  writeFileSync(broken, 'symbol\nAAPL\nnot a symbol\n')
  const real = lakeOf({ ...vendor, url: 'https://www.alphavantage.co' }, { symbols: SYMBOLS })
  const newer = lakeOf(vendor)
  mkdirSync(join(newer.dataDir, 'analytics/us'), { recursive: true })
  writeFileSync(join(newer.dataDir, 'analytics/us/curation.json'), '{"schema":"chandler.curation.v9"}')
  const held = lakeOf(vendor)
  const lock = takeLock(join(held.dataDir, '.lock-us'), 'us')
  const cases: readonly (readonly [BatchLake, string, number, string])[] = [
    [lake, 'batch daily --market us', 1, 'no universe yet; run `chandler batch symbols --market us`'],
    [lake, 'batch weekly --market us', 2, 'weekly'],
    [lake, 'batch daily --market in', 2, '"in" has no batch jobs; use us'],
    [lake, 'backfill --market us --symbols aapl', 2, '"aapl" is not a symbol'],
    [lake, `backfill --market us --symbols-file ${broken}`, 1, 'broken.csv:3: "not a symbol"'],
    [real, 'batch daily --market us', 1, 'time is simulated but www.alphavantage.co is a real vendor'],
    [newer, 'backfill --market us --symbols A', 1, 'a newer version of this program'],
    [held, 'backfill --market us --symbols A', 75, 'another chandler process holds it'],
  ]
  const ends = await Promise.all(cases.map(async ([of, words]) => await of.run(words.split(' '))))
  lock.release()
  for (const [at, [, words, status, text]] of cases.entries()) {
    const lines = ends[at]!.stderr.split('\n').filter((line) => line.startsWith('chandler: '))
    expect([words, ends[at]!.status, lines]).toEqual([words, status, [expect.stringContaining(text)]])
  }
  // None of all that has cost a request.
  expect(vendor.standIn.counts().askedCount).toBe(0)
  const ask = ['backfill', '--market', 'us', '--symbols', 'A']
  const [refused, missing] = await Promise.all([
    lake.run(ask),
    lakeOf(vendor).run(ask, { ALPHAVANTAGE_API_KEY: '' }),
  ])
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('the key is refused')])
  expect([missing.status, missing.stderr]).toEqual([1, expect.stringContaining('API_KEY is not set')])
  expect(vendor.standIn.counts().askedCount).toBe(1)
}, 60_000)

test('a symbol that the vendor does not know is said, and the command fails', async () => {
  const vendor = await vendorOf()
  const lake = lakeOf(vendor)
  const { status, stderr, stdout } = await lake.run(['backfill', '--market', 'us', '--symbols', 'NOPE'])
  expect(status).toBe(1)
  expect(stderr.split('\n').at(-1)).toMatch(/1 of 1 symbols failed \(NOPE: bad_symbol/)
  // Nothing was answered beside it, so the vendor may be away.
  expect(stdout).toContain('1 waiting, 0 parked')
}, 60_000)
