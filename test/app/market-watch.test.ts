import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openMarketChain } from '../../src/app/chain.ts'
import { MarketWatch } from '../../src/app/market-watch.ts'
import { RetryQueue } from '../../src/batch/retry-queue.ts'
import { healthOf } from '../../src/dashboard/health.ts'
import type { BatchWish } from '../../src/domain/batch.ts'
import type { UnixMs } from '../../src/domain/time.ts'
import { suggestionsOf } from '../../src/monitors/monitors.ts'
import { TruthLake } from '../gates/truth-lake.ts'
import { tempDir } from '../simulation/processes.ts'

const PRESENT = { worker: null, runningJob: null, isWorkerDue: false, version: '0' }

let dir: string
let lake: TruthLake
beforeEach(() => {
  dir = tempDir('watch')
  lake = new TruthLake(dir)
})
afterEach(() => rmSync(dir, { recursive: true }))

test('a chain that verifies and cannot be is a reason to be unwell, and no missing page', () => {
  const { config, clock } = lake.context
  const chain = openMarketChain({ dataDir: config.dataDir, market: 'us', clock, note: () => {} })
  const payload = { haltId: 'H-9', operator: 'asha', reason: 'nobody ever raised it' }
  chain.append({ type: 'halt.cleared', atMs: clock.wallMs(), actor: 'operator:asha', payload })
  const watch = new MarketWatch(lake.context, 'us')
  const view = watch.view(PRESENT)
  expect(view.truth).toBeNull()
  const { status, reasons } = healthOf(view, 0)
  expect(status).toBe('failing')
  expect(reasons.join()).toMatch(/event 1 \(halt\.cleared\) cannot be: no halt H-9 was in force/)
  expect(suggestionsOf(watch.facts(PRESENT)).map(({ monitor }) => monitor)).toContain('chain_unverified')
})

test('a few failed requests of a large universe are no growing queue, many are', () => {
  const { config, clock, log } = lake.context
  const { symbols } = config.markets.us.batch
  mkdirSync(join(symbols, '..'), { recursive: true })
  writeFileSync(symbols, `symbol\n${Array.from({ length: 50 }, (_, at) => `Z${at}`).join('\n')}\n`)
  const jobsDir = join(config.dataDir, 'jobs', 'us')
  const queue = new RetryQueue({ jobsDir, attemptsMax: 5, log })
  const fail = (symbol: string): void => {
    const wish: BatchWish = { function: 'SPLITS', symbol, variant: '', format: 'csv' }
    queue.add(wish, { kind: 'outage', message: 'away' }, clock.wallMs() as UnixMs)
  }
  const growing = (): boolean =>
    suggestionsOf(new MarketWatch(lake.context, 'us').facts(PRESENT)).some(
      ({ monitor }) => monitor === 'queue_growing',
    )
  for (const at of [0, 1]) fail(`Z${at}`)
  expect(growing()).toBe(false)
  for (let at = 2; at < 12; at++) fail(`Z${at}`)
  expect(growing()).toBe(true)
  queue.close()
})
