/** What does a comparison of lake and journal find? */
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lockDir } from '../../src/app/india-day.ts'
import { type ReplayResult, replayDay } from '../../src/app/replay.ts'
import { verifyIndia } from '../../src/app/verify.ts'
import { takeLock } from '../../src/platform/lock.ts'
import { manifestPath, partsDir, pathOf } from '../../src/store/lake.ts'
import { formatEntry } from '../../src/store/manifest.ts'
import { tempFolder, treeOf } from '../store/kit.ts'
import { contextIn, DAY, DayRun, type TestContext } from './kit.ts'

const replayed = (context: TestContext, outDir?: string): Promise<ReplayResult> =>
  replayDay(context, { date: DAY.date, outDir, onProgress: () => {} })

async function recorded(): Promise<TestContext> {
  const context = contextIn(tempFolder())
  const run = (await DayRun.open(context)).start('08:55')
  run.packet('09:15:10', { price: 29_000, dayVolume: 10 }).minute('09:15')
  run.packet('09:16:10', { price: 29_000, dayVolume: 20 }).minute('09:16')
  await run.end('09:17:10')
  return context
}

test('a part that the lake lists and the journal does not give is a difference', async () => {
  const context = await recorded()
  expect(await replayed(context)).toMatchObject({ equalCount: 4, different: [], unlisted: [] })
  const path = pathOf({ kind: 'part', day: DAY, hhmm: '0917' })
  const entry = { path, kind: 'part' as const, sha256: null, bytes: 0, rows: 0, minTs: null, maxTs: null }
  const manifest = join(context.config.dataDir, manifestPath(DAY))
  appendFileSync(manifest, formatEntry({ ...entry, journalToSeq: 3 }))
  expect(await replayed(context)).toMatchObject({ equalCount: 4, different: [path], unlisted: [] })
})

test('written elsewhere it is the same lake, and no other writer is met there', async () => {
  const context = await recorded()
  const out = join(tempFolder(), 'out')
  await replayed(context, out)
  const partsOf = (dir: string): [string, string][] =>
    [...treeOf(dir)].filter(([path]) => path.startsWith('staging/'))
  expect(partsOf(out)).toEqual(partsOf(context.config.dataDir))
  const lock = takeLock(lockDir(out), 'in')
  await expect(replayed(context, out)).rejects.toMatchObject({ code: 'LOCK_HELD' })
  lock.release()
})

test('a day without a journal leaves no lake behind', async () => {
  const context = contextIn(tempFolder())
  const out = join(tempFolder(), 'out')
  await expect(replayed(context, out)).rejects.toMatchObject({ code: 'JOURNAL_MISSING' })
  expect(existsSync(join(out, 'staging'))).toBe(false)
})

test('a file that nobody listed is damage, also on the second look', async () => {
  const context = await recorded()
  const path = `${partsDir(DAY)}/0918.parquet`
  mkdirSync(join(context.config.dataDir, partsDir(DAY)), { recursive: true })
  writeFileSync(join(context.config.dataDir, path), 'foreign')
  expect(verifyIndia(context.config)).toMatchObject({ isIntact: false, findings: [{ path }] })
})
