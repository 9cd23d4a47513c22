/** What proves an operator's audit, and what is the way out when the chain is not what it was? */
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { anchorAudit, newestAnchor, verifyAudit } from '../../src/app/audit.ts'
import { chainDir, openMarketChain } from '../../src/app/chain.ts'
import type { DayPlan } from '../../src/app/live-day.ts'
import { renewAudit } from '../../src/app/renew-audit.ts'
import { settleDay } from '../../src/app/settle-day.ts'
import { verifyIndia } from '../../src/app/verify.ts'
import { verifyChain } from '../../src/bus/verify-chain.ts'
import type { ChainEvent, ChainHead } from '../../src/domain/event.ts'
import type { UnixMs } from '../../src/domain/time.ts'
import { type ManifestEntry, ManifestLog, readManifest } from '../../src/store/manifest.ts'
import { draftOf } from '../bus/lines.ts'
import { tempFolder } from '../store/kit.ts'
import { at, CASH_PHASES } from '../support/session-kit.ts'
import { contextIn, DAY, DayRun, planOf, type TestContext } from './kit.ts'

const REASON = 'the disk lost the end of the file after the power cut'
const BY = { operator: 'asha', reason: REASON, isUnderstood: true }

/** A session of two minutes. */
const SHORT: DayPlan = {
  ...planOf(),
  phases: [{ ...CASH_PHASES, continuous: [{ fromMs: at('09:15'), toMs: at('09:17') }] }],
}

type Place = TestContext & { readonly dir: string; readonly events: string }

function placeOf(wall = '15:46'): Place {
  const context = contextIn(tempFolder('chandler-audit-'), { wall })
  const dir = chainDir(context.config.dataDir, 'in')
  return { ...context, dir, events: join(dir, 'events.jsonl') }
}

function chainIn({ config, clock }: TestContext): ReturnType<typeof openMarketChain> {
  return openMarketChain({ dataDir: config.dataDir, market: 'in', clock, note: () => {} })
}

function appendTo(place: Place, count: number): readonly ChainEvent[] {
  const chain = chainIn(place)
  return Array.from({ length: count }, (_, i) => chain.append(draftOf(i)))
}

function verified({ config }: TestContext): ReturnType<typeof verifyAudit> {
  return verifyAudit({ dataDir: config.dataDir, market: 'in' })
}

/** Keeps so many lines, and no checkpoint. */
function cut({ dir, events }: Place, lineCount: number): void {
  const lines = readFileSync(events, 'utf8').split('\n')
  truncateSync(events, Buffer.byteLength(`${lines.slice(0, lineCount).join('\n')}\n`))
  rmSync(join(dir, 'checkpoints.jsonl'), { force: true })
}

function listDay({ config }: TestContext, chainHead: ChainHead | null, rows = 1): void {
  const log = new ManifestLog(config.dataDir, DAY, () => {})
  const path = 'settled/in/day.parquet'
  const entry: ManifestEntry = {
    path,
    kind: 'day',
    sha256: 'ab',
    bytes: 1,
    rows,
    minTs: 1,
    maxTs: 1,
    journalToSeq: 1,
    ...(chainHead === null ? {} : { chainHead }),
  }
  log.append(entry)
  log.end()
}

test('a chain that was cut with its checkpoints is ROLLED_BACK by the head in a manifest alone', () => {
  const place = placeOf()
  appendTo(place, 70)
  listDay(place, chainIn(place).anchorHead())
  expect(verified(place)).toMatchObject({ status: 'VERIFIED', unanchoredCount: 0 })
  cut(place, 40)
  expect(verifyChain({ dir: place.dir, market: 'in' }).status).toBe('VERIFIED')
  const report = verified(place)
  expect(report).toMatchObject({ status: 'ROLLED_BACK', flaw: { index: 40, kind: 'cut' } })
  expect(report.flaw!.says).toContain(`raw/in/manifest/${DAY.date}.jsonl`)
  const { isIntact, findings, chains } = verifyIndia(place.config)
  expect(isIntact).toBe(false)
  expect(chains).toMatchObject([{ market: 'in', status: 'ROLLED_BACK' }])
  expect(findings.map(({ path }) => path)).toContain('events/in/events.jsonl')
})

test('an entry that differs in the head of the chain only is not listed again', () => {
  const place = placeOf()
  const [first, second] = [
    { eventIndex: 1, checksum: 'a' },
    { eventIndex: 2, checksum: 'b' },
  ]
  for (const head of [first, second, null]) listDay(place, head)
  const { entries } = readManifest(place.config.dataDir, DAY)
  expect(entries.map(({ chainHead }) => chainHead)).toEqual([first])
  listDay(place, second, 2)
  expect(readManifest(place.config.dataDir, DAY).entries.at(-1)).toMatchObject({ rows: 2, chainHead: second })
})

test('a run of the worker and a settled day repeat the head of the chain, against a later cut', async () => {
  const place = placeOf('08:50')
  appendTo(place, 5)
  const head = chainIn(place).anchorHead()!
  Object.defineProperty(place.clock, 'speed', { value: 100 })
  const run = (await DayRun.open(place, SHORT)).start('08:55')
  run.packet('09:15:10', { price: 29_000, dayVolume: 10 }).minute('09:15').minute('09:16')
  await run.end('15:45')
  place.clock.jumpWall((at('15:46') - place.clock.wallMs()) as UnixMs)
  let isDone = false
  const settling = settleDay(place, { date: DAY.date, onProgress: () => {} }).finally(() => {
    isDone = true
  })
  while (!isDone) await place.clock.advance(1_000)
  await settling
  const { entries } = readManifest(place.config.dataDir, DAY)
  const listed = entries.filter(({ chainHead }) => chainHead !== undefined)
  expect(listed.map(({ kind, chainHead }) => [kind, chainHead])).toEqual([
    ['day', head],
    ['report', head],
  ])
  expect(verifyIndia(place.config).chains).toMatchObject([
    {
      status: 'VERIFIED',
      anchors: expect.arrayContaining([expect.objectContaining({ where: `the journal of ${DAY.date}` })]),
    },
  ])
  rmSync(join(place.config.dataDir, 'raw/in/manifest'), { recursive: true })
  cut(place, 3)
  expect(verified(place).status).toBe('VERIFIED')
  expect(verifyIndia(place.config).chains).toMatchObject([{ status: 'ROLLED_BACK', flaw: { index: 3 } }])
}, 60_000)

test('an anchor kept elsewhere is remembered with its time, and its record tells a cut too', async () => {
  const place = placeOf()
  appendTo(place, 3)
  const where = { dataDir: place.config.dataDir, market: 'in' }
  expect(newestAnchor(where)).toBeNull()
  const to = join(tempFolder(), 'note')
  anchorAudit({ ...where, to, clock: place.clock, note: () => {} })
  const at = new Date(place.clock.wallMs()).toISOString()
  expect(newestAnchor(where)).toMatchObject({ at, to, eventIndex: 3 })
  expect(verified(place)).toMatchObject({ status: 'VERIFIED', unanchoredCount: 0 })
  cut(place, 2)
  expect(verified(place)).toMatchObject({ status: 'ROLLED_BACK', flaw: { index: 2 } })
  expect(() => anchorAudit({ ...where, to, clock: place.clock, note: () => {} })).toThrow(/was left as it is/)
  writeFileSync(join(place.dir, 'anchors.json'), 'not JSON')
  expect(newestAnchor(where)).toBeNull()
})

test('a chain that is not intact is set aside, and the next generation says what was before it', () => {
  const place = placeOf()
  const to = join(tempFolder(), 'note')
  const events = appendTo(place, 70)
  const where = { dataDir: place.config.dataDir, market: 'in' }
  anchorAudit({ ...where, to, clock: place.clock, note: () => {} })
  listDay(place, chainIn(place).anchorHead())
  expect(() => renewAudit(place, 'in', BY)).toThrow(/VERIFIED.*nothing to renew/)
  const open = chainIn(place)
  expect(open.head().eventIndex).toBe(70)
  const harmed = readFileSync(place.events, 'utf8').replace('"count":30', '"count":31')
  writeFileSync(place.events, harmed)
  expect(() => renewAudit(place, 'in', { ...BY, isUnderstood: false })).toThrow(/must be gated again/)
  expect(() => renewAudit(place, 'in', { ...BY, reason: 'broken' })).toThrow(/--reason/)
  const renewed = renewAudit(place, 'in', BY)
  expect(renewed).toMatchObject({ generation: 2, asidePath: `${place.events}.generation-1` })
  expect(readFileSync(renewed.asidePath, 'utf8')).toBe(harmed)
  expect(readdirSync(place.dir)).toContain('checkpoints.jsonl')
  const [started] = [...chainIn(place).events()]
  expect(started).toMatchObject({
    event_type: 'chain.started',
    payload: {
      generation: 2,
      operator: 'asha',
      reason: REASON,
      previous: {
        generation: 1,
        bytes: Buffer.byteLength(harmed),
        status: 'BROKEN',
        newest_anchor: { event_index: 70, checksum: events.at(-1)!.checksum },
      },
    },
  })
  // What was signed and remembered of the first generation is no evidence against the second.
  expect(verifyAudit(where, { noteFiles: [to] })).toMatchObject({ status: 'VERIFIED', generation: 2 })
  // A process that knew the first one goes on with the second.
  expect(open.append(draftOf(1)).event_index).toBe(1)
  for (let i = 0; i < 70; i++) chainIn(place).append(draftOf(i))
  expect(verified(place)).toMatchObject({ status: 'VERIFIED', eventCount: 72, unanchoredCount: 8 })
  expect(readdirSync(place.dir)).toContain('checkpoints-2.jsonl')
})

test('a chain whose file is gone, and one whose second generation is harmed, can be renewed', () => {
  const place = placeOf()
  appendTo(place, 3)
  chainIn(place).checkpoint()
  rmSync(place.events)
  expect(verified(place).status).toBe('ROLLED_BACK')
  expect(renewAudit(place, 'in', BY).generation).toBe(2)
  appendTo(place, 3)
  chainIn(place).checkpoint()
  truncateSync(place.events, 100)
  expect(verified(place).status).toBe('ROLLED_BACK')
  expect(() => appendTo(place, 1)).toThrow(/audit verify/)
  expect(renewAudit(place, 'in', BY).generation).toBe(3)
  appendTo(place, 3)
  expect(verified(place)).toMatchObject({ status: 'VERIFIED', generation: 3, eventCount: 4 })
  expect(
    readdirSync(place.dir)
      .filter((name) => name.includes('generation'))
      .toSorted(),
  ).toEqual(['events.jsonl.generation-1', 'events.jsonl.generation-2'])
})
