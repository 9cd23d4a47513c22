/** Does one evening on which the vendor was late stop the truth of all evenings after it? */

import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { sessionTimes } from '../../src/app/job-plan.ts'
import { loadCalendar } from '../../src/calendars/calendar.ts'
import type { MarketDate } from '../../src/domain/time.ts'
import { jobsOf } from '../../src/scheduler/plan.ts'
import { BatchLake, startVendor } from './batch-lake.ts'
import { tempDir } from './processes.ts'

const cleanUps: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function lakeAt(dir: string, date: string): Promise<BatchLake> {
  const limits = { perSecond: null, perMinute: null, perDay: null }
  const historyFrom = '2026-01-05' as MarketDate
  const vendor = await startVendor({ at: `${date}T22:30:00Z`, symbolCount: 4, historyFrom, limits })
  cleanUps.push(() => vendor.standIn.stop())
  return new BatchLake(dir, vendor, { symbols: ['QAAA', 'QAAB'] })
}

/** The gate as the plan of that session runs it. */
function gateOf(date: string): readonly string[] {
  const jobs = jobsOf(sessionTimes(loadCalendar('nyse'), date as MarketDate, []))
  return jobs.find(({ name }) => name === 'gate')!.args
}

test('a session that waited for its data is made up for by the next evening, and CTT goes on', async () => {
  const dir = tempDir('late')
  cleanUps.push(() => rmSync(dir, { recursive: true }))
  const thursday = await lakeAt(dir, '2026-05-14')
  await thursday.job(['batch', 'daily'])
  expect((await thursday.run(gateOf('2026-05-14'))).status).toBe(0)
  const friday = await lakeAt(dirname(thursday.dataDir), '2026-05-15')
  const early = await friday.run(['--json', ...gateOf('2026-05-15')])
  expect(early.status).toBe(3)
  expect(JSON.parse(early.stdout)).toMatchObject({ judged: [{ verdict: { verdict: 'wait' } }] })
  const monday = await lakeAt(dirname(thursday.dataDir), '2026-05-18')
  await monday.job(['batch', 'daily'])
  const { status, stdout } = await monday.run(gateOf('2026-05-18'))
  expect([status, stdout.match(/^us .*$/gm)]).toEqual([0, ['us 2026-05-15: pass', 'us 2026-05-18: pass']])
  const again = await monday.run(gateOf('2026-05-18'))
  expect([again.status, again.stdout]).toEqual([0, 'us: nothing is to be judged, CTT is there already\n'])
}, 60_000)
