/** Does a symbol that the vendor once called unknown stay in sight, and can an operator bring it back? */
import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { MarketDate } from '../../src/domain/time.ts'
import { BatchLake, startVendor, type Vendor, type VendorOptions } from './batch-lake.ts'
import { tempDir } from './processes.ts'

const cleanUps: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function vendorOf(options: Partial<VendorOptions> = {}): Promise<Vendor> {
  const vendor = await startVendor({
    at: '2026-05-15T21:00:00Z',
    symbolCount: 4,
    historyFrom: '2026-01-05' as MarketDate,
    limits: { perSecond: null, perMinute: null, perDay: null },
    ...options,
  })
  cleanUps.push(() => vendor.standIn.stop())
  return vendor
}

test('a parked symbol is no success, and a backfill brings it back to the daily job', async () => {
  const dir = tempDir('parked')
  cleanUps.push(() => rmSync(dir, { recursive: true }))
  const symbols = ['QAAA', 'LATE']
  const lake = new BatchLake(dir, await vendorOf(), { symbols })
  expect(await lake.job(['batch', 'daily'])).toMatchObject({ outcome: 'failed', parkedCount: 1 })
  const again = await lake.job(['batch', 'daily'])
  expect(again).toMatchObject({ status: 1, outcome: 'failed', askedCount: 0, completeCount: 1 })
  expect(again.says).toMatch(/1 of 2 symbols is parked .*chandler backfill/)

  const knowing = await vendorOf({ at: '2026-05-15T22:00:00Z', symbols: ['LATE'] })
  const sameLake = new BatchLake(dirname(lake.dataDir), knowing, { symbols })
  const filled = await sameLake.job(['backfill', '--symbols', 'LATE'])
  expect(filled).toMatchObject({ outcome: 'done', completeCount: 1, parkedCount: 0 })
  const daily = await sameLake.job(['batch', 'daily'])
  expect(daily).toMatchObject({ status: 0, outcome: 'done', completeCount: 2, parkedCount: 0 })
}, 60_000)

test('a late vendor makes the daily job partial, and the retry of the evening completes it', async () => {
  const dir = tempDir('late')
  cleanUps.push(() => rmSync(dir, { recursive: true }))
  const symbols = ['QAAA', 'QAAB']
  const onTime = await vendorOf({ symbols })
  const late = await vendorOf({ at: '2026-05-14T21:00:00Z', symbols })
  const lake = new BatchLake(dir, { url: late.url, clock: onTime.clock }, { symbols })
  const first = await lake.job(['batch', 'daily'])
  expect(first).toMatchObject({ status: 0, outcome: 'partial', completeCount: 0, withoutSessionCount: 2 })
  expect(first.says).toMatch(/^2 of 2 answers do not have the session yet: QAAA, QAAB$/)
  expect(first).toMatchObject({ queuedCount: 0, parkedCount: 0, session: '2026-05-15' })

  const sameLake = new BatchLake(dir, onTime, { symbols })
  const retried = await sameLake.job(['batch', 'retry'])
  expect(retried).toMatchObject({ status: 0, outcome: 'done', askedCount: 2, completeCount: 2 })
  const daily = await sameLake.job(['batch', 'daily'])
  expect(daily).toMatchObject({ outcome: 'done', askedCount: 0, completeCount: 2, withoutSessionCount: 0 })
}, 60_000)
