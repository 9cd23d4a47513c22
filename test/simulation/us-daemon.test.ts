/**
 * What does the US market's daemon do at an early close and over a weekend? Real processes on simulated
 * clocks: the Friday after Thanksgiving, on which the market closes at 13:00 and the daemon is killed in the
 * middle of its daily job; then the weekend, on which nothing is due until Monday at 06:00.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { newYorkDays } from '../../src/app/sim-alphavantage.ts'
import type { MarketDate } from '../../src/domain/time.ts'
import { BatchLake, startVendor, type Vendor } from './batch-lake.ts'
import { type RunningCommand, tempDir } from './processes.ts'

const FRIDAY = '2026-11-27'
const MONDAY = '2026-11-30'
const SYMBOLS = ['QAAA', 'QAAB', 'QAAC', 'QAAE', 'QAAF', 'QAAG']
const DAILY = 'TIME_SERIES_DAILY_ADJUSTED'

const dir = tempDir('us-daemon')
const vendors: Vendor[] = []
afterAll(async () => {
  for (const { standIn } of vendors) await standIn.stop()
  rmSync(dir, { recursive: true, force: true })
})

/** A market whose time goes on from `at`, and a lake that lives on from the one before. */
async function timeFrom(
  at: string,
  speed: number,
  latencyMs = 0,
): Promise<{ vendor: Vendor; lake: BatchLake }> {
  const limits = { perSecond: null, perMinute: null, perDay: null }
  const historyFrom = '2026-06-01' as MarketDate
  const world = { symbolCount: 8, historyFrom, daysBetween: newYorkDays() }
  const vendor = await startVendor({ ...world, at, speed, latencyMs, limits })
  vendors.push(vendor)
  return { vendor, lake: new BatchLake(dir, vendor, { symbols: SYMBOLS }) }
}

function daemonOf(lake: BatchLake): RunningCommand {
  return lake.start(['daemon', '--market', 'us'])
}

/** `[planned, outcome]` of each job that the scheduler recorded, and when New York said it was due. */
function recorded(lake: BatchLake): readonly (readonly [string, string, string])[] {
  const wall = new Intl.DateTimeFormat('en-GB', { timeZone: 'America/New_York', timeStyle: 'short' })
  return lake.events().flatMap(({ event_type, event_time, payload }) => {
    if (event_type !== 'job.run' || typeof payload.planned !== 'string') return []
    return [[payload.planned, String(payload.outcome), wall.format(new Date(event_time))] as const]
  })
}

async function recordedJob(lake: BatchLake, daemon: RunningCommand, id: string): Promise<void> {
  while (!recorded(lake).some(([planned]) => planned === id)) {
    if (!daemon.isRunning) throw new Error(`ended:\n${daemon.stderrLines.join('\n')}`)
    await pause(20)
  }
}

function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0])
}

test('an early close has the hours that it has, and each of them is recorded once', async () => {
  const { vendor, lake } = await timeFrom(`${FRIDAY}T15:20:00Z`, 1_200)
  const daemon = daemonOf(lake)
  await recordedJob(lake, daemon, `intraday@${FRIDAY}T17:30Z`)
  await daemon.said(`waiting next=${FRIDAY}T22:00:00Z`)
  expect(await daemon.end('SIGTERM')).toMatchObject({ status: 0, signal: null })
  expect(recorded(lake).map(([planned, , due]) => [planned, due])).toEqual([
    [`intraday@${FRIDAY}T15:30Z`, '10:30'],
    [`intraday@${FRIDAY}T16:30Z`, '11:30'],
    [`intraday@${FRIDAY}T17:30Z`, '12:30'],
  ])
  // A machine that was busy for an hour of the market misses an hour, and says so.
  const done = recorded(lake).filter(([, outcome]) => outcome === 'done')
  expect(done.length).toBeGreaterThanOrEqual(1)
  expect(vendor.standIn.counts().served.TIME_SERIES_INTRADAY).toBeGreaterThanOrEqual(SYMBOLS.length)
}, 60_000)

test('a daemon that is killed in its daily job is followed by one that asks for the rest alone', async () => {
  // A question takes ten minutes of the market: a kill meets one in flight.
  const { vendor, lake } = await timeFrom(`${FRIDAY}T21:58:00Z`, 1_800, 600_000)
  const asked = (): readonly number[] =>
    SYMBOLS.map((symbol) => vendor.standIn.counts().questions[`${DAILY} ${symbol} compact`]?.asked ?? 0)
  const first = daemonOf(lake)
  while (asked().reduce((sum, count) => sum + count, 0) < 2) await pause(10)
  const child = childOf(first.pid)
  await first.end('SIGKILL')
  while (existsSync(`/proc/${child}`)) await pause(20)
  expect(recorded(lake).map(([planned]) => planned)).not.toContain(`daily@${FRIDAY}`)
  expect(asked()).toContain(0)

  const second = daemonOf(lake)
  await recordedJob(lake, second, `gate@${FRIDAY}`)
  expect(await second.end('SIGTERM')).toMatchObject({ status: 0, signal: null })
  expect(asked()).toEqual(SYMBOLS.map(() => 1))
  expect(recorded(lake).slice(3)).toEqual([
    [`daily@${FRIDAY}`, 'done', '17:00'],
    [`retry@${FRIDAY}`, 'done', '18:30'],
    [`gate@${FRIDAY}`, 'done', '18:30'],
  ])
  const { stdout } = await lake.run(['--json', 'status'])
  expect(JSON.parse(stdout)).toMatchObject({ markets: { us: { times: { canonicalTruthTime: FRIDAY } } } })
}, 60_000)

test('nothing is due on a weekend, and the week begins with its symbols at six', async () => {
  const { vendor, lake } = await timeFrom('2026-11-29T04:00:00Z', 18_000)
  const before = recorded(lake).length
  const daemon = daemonOf(lake)
  await daemon.said(`waiting next=${MONDAY}T11:00:00Z`)
  await recordedJob(lake, daemon, `symbols@${MONDAY}`)
  await daemon.end('SIGTERM')
  expect(recorded(lake)[before]).toEqual([`symbols@${MONDAY}`, 'done', '06:00'])
  expect(vendor.standIn.counts().served.LISTING_STATUS).toBe(1)
  const ids = recorded(lake).map(([planned]) => planned)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.filter((id) => /2026-11-(26|28|29)/.test(id))).toEqual([])
}, 60_000)
