/** Does a worker that is killed again and again lose anything? The small version of `npm run kills`. */
import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { brokenPromises, runKillLoop } from './kill-loop.ts'
import { tempDir } from './processes.ts'

test('kill after kill costs no published candle, and every candle that says complete is', async () => {
  const dir = tempDir('kill-loop')
  const summary = await runKillLoop({
    dir,
    count: 8,
    seed: 20_260_701,
    speed: 100,
    graceMs: 20_000,
    instrumentCount: 16,
    packetsPerSecond: 8,
    intervalMs: 1_600,
    onProgress: () => {},
  })
  expect(summary.findings).toEqual([])
  expect(brokenPromises(summary)).toEqual([])
  // A machine under load may not get through all eight before the close.
  expect(summary.kills).toBeGreaterThanOrEqual(6)
  expect(summary.gaps).toBeGreaterThan(1)
  expect(summary.candlesCompared).toBeGreaterThan(50)
  expect(summary.vendorRows).toBeGreaterThan(50)
  expect(summary.replayEqual).toBeGreaterThan(10)
  expect(summary.checkpointsUsed).toBeGreaterThan(0)
  rmSync(dir, { recursive: true })
}, 120_000)
