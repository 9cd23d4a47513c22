/** May a journal be deleted? Only what was copied, read back, canonical and said; whatever else happened. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openMarketChain } from '../../src/app/chain.ts'
import { endOfDay } from '../../src/app/eod.ts'
import { archiveSession, newestArchive } from '../../src/app/eod-archive.ts'
import { planRetirement, retire } from '../../src/app/eod-retire.ts'
import { lockIndia } from '../../src/app/india-day.ts'
import { startOfDay } from '../../src/app/sod.ts'
import type { OperatingError } from '../../src/domain/error.ts'
import type { MarketDate } from '../../src/domain/time.ts'
import { tempFolder } from '../store/kit.ts'
import { contextIn, type TestContext } from './kit.ts'

const [OLD, NEW] = ['2026-06-29', '2026-06-30'] as MarketDate[] as [MarketDate, MarketDate]
const TODAY = '2026-07-01' as MarketDate

type Lake = { readonly context: TestContext; readonly archive: string }

function lakeOf(...sessions: readonly MarketDate[]): Lake {
  const dir = tempFolder('chandler-archive-')
  const context = contextIn(dir)
  for (const session of sessions) {
    writeJournal(context, session, '00000001.wal.zst', `first of ${session}`)
    writeJournal(context, session, '00000002.wal', `second of ${session}`)
  }
  return { context, archive: join(dir, 'archive') }
}

function journalOf({ config }: TestContext, session: MarketDate): string {
  return join(config.dataDir, 'raw/in/journal', session)
}

function writeJournal(context: TestContext, session: MarketDate, name: string, text: string): void {
  mkdirSync(journalOf(context, session), { recursive: true })
  writeFileSync(join(journalOf(context, session), name), text)
}

function plan({ context, archive }: Lake, ctt: MarketDate | null, days = 0) {
  return planRetirement(context.config, { today: TODAY, days, ctt, archive })
}

test('an archive repeats every byte, is not made twice, and is never changed', () => {
  const { context, archive } = lakeOf(OLD)
  const first = archiveSession(context.config, 'in', OLD, archive)
  expect(first).toMatchObject({ isNew: true, dir: join(archive, 'in', OLD) })
  expect(readFileSync(join(first.dir, 'raw/in/journal', OLD, '00000001.wal.zst'), 'utf8')).toBe(
    `first of ${OLD}`,
  )
  expect(archiveSession(context.config, 'in', OLD, archive)).toMatchObject({ isNew: false, dir: first.dir })
  writeJournal(context, OLD, '00000003.wal', 'settled again')
  const second = archiveSession(context.config, 'in', OLD, archive)
  expect(second).toMatchObject({ isNew: true, dir: join(archive, 'in', `${OLD}.2`) })
  expect(first.list.files).toHaveLength(2)
  expect(readdirSync(join(first.dir, 'raw/in/journal', OLD))).toHaveLength(2)
  expect(newestArchive(archive, 'in', OLD)?.dir).toBe(second.dir)
})

test('the key that signs checkpoints and the locks stay at home', () => {
  const { context, archive } = lakeOf(OLD)
  const { dataDir } = context.config
  const chain = openMarketChain({ dataDir, market: 'in', clock: context.clock, note: () => {} })
  chain.append({ type: 'job.run', atMs: context.clock.wallMs(), actor: 'system:test', payload: {} })
  chain.checkpoint()
  const names = archiveSession(context.config, 'in', OLD, archive).list.files.map(({ path }) => path)
  expect(names).toContain('events/in/events.jsonl')
  expect(names.filter((name) => /key|lock/.test(name))).toEqual([])
  expect(readdirSync(join(dataDir, 'events/in')).some((name) => name.endsWith('.key'))).toBe(true)
})

test('a copy that was cut short has no list: it is no archive, and is begun anew', () => {
  const { context, archive } = lakeOf(OLD)
  const { dir } = archiveSession(context.config, 'in', OLD, archive)
  rmSync(join(dir, 'archive.json'))
  writeFileSync(join(dir, 'half'), 'a file that was being copied')
  expect(newestArchive(archive, 'in', OLD)).toBe(null)
  expect(plan({ context, archive }, OLD).ready).toEqual([])
  expect(archiveSession(context.config, 'in', OLD, archive)).toMatchObject({ isNew: true, dir })
  expect(existsSync(join(dir, 'half'))).toBe(false)
})

test('a copy that does not read back is told, and its journal stays', () => {
  const lake = lakeOf(OLD)
  const { dir } = archiveSession(lake.context.config, 'in', OLD, lake.archive)
  writeFileSync(join(dir, 'raw/in/journal', OLD, '00000002.wal'), 'another disk, another text')
  expect(() => archiveSession(lake.context.config, 'in', OLD, lake.archive)).toThrow(
    expect.objectContaining({ code: 'VERIFY_FAILED' } satisfies Partial<OperatingError>),
  )
  expect(plan(lake, OLD)).toMatchObject({
    ready: [],
    kept: [{ session: OLD, why: /not what its list says/ }],
  })
})

test('only journals go that are old, canonical, archived, and as they were archived', () => {
  const lake = lakeOf(OLD, NEW)
  const { config } = lake.context
  expect(plan(lake, NEW).kept.map(({ why }) => why)).toEqual(['it is not archived', 'it is not archived'])
  for (const session of [OLD, NEW]) archiveSession(config, 'in', session, lake.archive)
  const readyFor = (ctt: MarketDate | null, days: number): readonly string[] =>
    plan(lake, ctt, days).ready.map(({ session }) => session)
  expect(readyFor(NEW, 0)).toEqual([OLD, NEW])
  expect(readyFor(NEW, 1)).toEqual([OLD])
  expect(readyFor(NEW, 30)).toEqual([])
  expect(readyFor(OLD, 0)).toEqual([OLD])
  expect(readyFor(null, 0)).toEqual([])
  writeJournal(lake.context, OLD, '00000002.wal', 'written to since')
  expect(readyFor(NEW, 0)).toEqual([NEW])
})

test('that a journal goes is an event before it goes, with the archive that holds it', () => {
  const lake = lakeOf(OLD, NEW)
  const { context } = lake
  const archived = archiveSession(context.config, 'in', OLD, lake.archive)
  const lock = lockIndia(context.config)
  expect(() => retire(context, plan(lake, NEW), 'asha')).toThrow(
    expect.objectContaining({ code: 'LOCK_HELD' }),
  )
  lock.release()
  expect(existsSync(journalOf(context, OLD))).toBe(true)
  retire(context, plan(lake, NEW), 'asha')
  expect([OLD, NEW].map((session) => existsSync(journalOf(context, session)))).toEqual([false, true])
  const { dataDir } = context.config
  const events = [
    ...openMarketChain({ dataDir, market: 'in', clock: context.clock, note: () => {} }).events(),
  ]
  expect(events.at(-1)).toMatchObject({
    event_type: 'journal.retired',
    actor: 'operator:asha',
    payload: { session: OLD, files: 2, archive: archived.dir, archive_list_sha256: archived.listSha256 },
  })
})

function eventsIn({ config, clock }: TestContext): readonly string[] {
  const chain = openMarketChain({ dataDir: config.dataDir, market: 'in', clock, note: () => {} })
  return [...chain.events()].map(({ event_type }) => event_type)
}

test('deleting wants an archive and a name, and half an order deletes nothing', () => {
  const { context, archive } = lakeOf(OLD)
  const usage = expect.objectContaining({ code: 'USAGE' })
  const end = (options: Parameters<typeof endOfDay>[2]) => () => endOfDay(context, 'in', options)
  expect(end({ pruneOlderThanDays: 0, operator: 'asha' })).toThrow(usage)
  expect(end({ pruneOlderThanDays: 0, archive })).toThrow(usage)
  expect(end({ operator: '../asha' })).toThrow(usage)
  expect(existsSync(journalOf(context, OLD))).toBe(true)
  expect(existsSync(archive)).toBe(false)
})

test('a start of day is signed on its own day: Saturday cannot sign for Monday', async () => {
  const { context } = lakeOf(NEW)
  const saturdayMs = Date.parse('2026-07-04T08:35:00+05:30')
  context.clock.jumpWall((saturdayMs - context.clock.wallMs()) as never)
  await expect(startOfDay(context, 'in', 'asha')).rejects.toThrow(/no session today.*sign on 2026-07-06/)
  expect(eventsIn(context)).toEqual([])
})

test('a checklist with a failure is not signed, whoever asks', () => {
  const { context } = lakeOf(NEW)
  const list = endOfDay(context, 'in', { operator: 'asha' })
  expect(list).toMatchObject({ kind: 'eod', session: NEW, outcome: 'fail', completed: null })
  expect(eventsIn(context)).toEqual([])
})

test('what nobody owns is found: temporary, set aside, failed, unlisted', () => {
  const { context } = lakeOf(NEW)
  const { dataDir } = context.config
  for (const name of [
    '.tmp/in/7.parquet',
    `raw/in/journal/${NEW}/00000002.wal.torn-0a1b2c3d`,
    `raw/in/journal/${NEW}/00000003.wal.poison`,
    `staging/in/candles/date=${NEW}/0915.parquet`,
  ]) {
    mkdirSync(join(dataDir, name, '..'), { recursive: true })
    writeFileSync(join(dataDir, name), '')
  }
  const orphans = endOfDay(context, 'in', {}).items.find(({ name }) => name === 'orphans')!
  expect(orphans.evidence).toEqual({
    temporary: 1,
    'set aside': 1,
    'failed segment': 1,
    unlisted: 1,
    open_gaps: 0,
  })
  expect(orphans.outcome).toBe('fail')
})
