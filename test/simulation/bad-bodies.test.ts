/** Does a bad body ever become a row? The small version of scripts/bad-bodies.ts, in one evening. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BAD_BODY_KINDS, brokenBadBodies, fillLake, runBadBodies } from './bad-bodies.ts'
import { tempDir } from './processes.ts'

const JOBS = ['backfill']

test('no bad body becomes a row, each leaves a trace, and later nothing is missing', async () => {
  const dir = tempDir('bad-bodies')
  const filled = join(dir, 'filled')
  await fillLake(filled, 'all', JOBS)
  const result = await runBadBodies(filled, join(dir, 'case'), 'all', JOBS)
  expect(brokenBadBodies([result])).toEqual([])
  expect(result).toMatchObject({ wrong: 0, missing: 0, complaints: [] })
  // All but the two that end the day for everybody.
  expect(result.kindsMet).toBe(BAD_BODY_KINDS.length - 2)
  // The doubted ones: values that are no numbers, and another company's prices.
  expect(result.doubted).toBeGreaterThanOrEqual(2)
  expect(result.queued).toBeGreaterThan(5)
  expect(result.findings).toMatchObject({ bad_row: expect.any(Number) })
  expect(result.restated).toBeGreaterThan(0)
  expect(result.missingThen).toBeGreaterThan(0)
  expect(result.rowsCompared).toBeGreaterThan(5_000)
  rmSync(dir, { recursive: true })
}, 60_000)
