/** Does a backfill that is killed lose or repeat anything? The small version of scripts/backfill-kills.ts. */
import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { brokenBackfillPromises, runBackfillKills } from './batch-kills.ts'
import { tempDir } from './processes.ts'

test('a killed backfill loses no answer, asks for none twice, and ends with the same lake', async () => {
  const dir = tempDir('backfill-kills')
  const summary = await runBackfillKills({
    dir,
    count: 8,
    seed: 20_260_515,
    symbolCount: 12,
    latencyMs: 25,
    lifeMsMax: 150,
    onProgress: () => {},
  })
  expect(brokenBackfillPromises(summary)).toEqual([])
  expect(summary.kills).toBeGreaterThanOrEqual(5)
  expect(summary.answersStored).toBeGreaterThan(12)
  expect(summary.rowsCompared).toBeGreaterThan(2_000)
  rmSync(dir, { recursive: true })
}, 120_000)
