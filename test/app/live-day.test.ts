/** Is a restart only a pause? Real journals, real Parquet, real manifests; only the sockets are told. */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { foldJournal } from '../../src/app/fold-journal.ts'
import { replayDay } from '../../src/app/replay.ts'
import { verifyIndia } from '../../src/app/verify.ts'
import { CandleFold } from '../../src/candles/fold.ts'
import type { CandleColumns } from '../../src/domain/candle.ts'
import { OperatingError } from '../../src/domain/error.ts'
import type { Minute } from '../../src/domain/time.ts'
import { journalDir, pathOf } from '../../src/store/lake.ts'
import { entriesByPath, readManifest } from '../../src/store/manifest.ts'
import { smartapi } from '../../src/venues/smartapi/index.ts'
import { tempFolder, treeOf } from '../store/kit.ts'
import { at, INFY, minuteAt, SBIN } from '../support/session-kit.ts'
import { contextIn, copyOfLake, DAY, DayRun, planOf, type TestContext } from './kit.ts'

const NOTHING = { onProgress: (): void => {} }

/** All that a fold says of a day. */
function stateOf(fold: CandleFold): object {
  return {
    accounts: fold.instruments().map((_, index) => fold.volumeAccount(index)),
    gaps: fold.gaps(),
    outcomes: fold.outcomes(),
    firstOpen: fold.firstOpenMinute(),
    heardMs: fold.lastReceivedMs(),
    late: fold.lateCount(),
    connections: fold.connectionsMax(),
  }
}

function foldOf(context: TestContext): { state: object; finalised: Map<Minute, CandleColumns> } {
  const finalised = new Map<Minute, CandleColumns>()
  const fold = new CandleFold({
    venue: smartapi,
    lateness: 'live',
    onCandles: (minute, columns) => finalised.set(minute, columns),
  })
  foldJournal(join(context.config.dataDir, journalDir(DAY)), [fold])
  return { state: stateOf(fold), finalised }
}

function manifestOf(context: TestContext): ReturnType<typeof entriesByPath> {
  return entriesByPath(readManifest(context.config.dataDir, DAY))
}

/** What readers see: everything but the journal, whose segments are cut by the runs. */
function lakeOf(context: TestContext): Map<string, string> {
  return new Map([...treeOf(context.config.dataDir)].filter(([path]) => /^(staging|analytics)\//.test(path)))
}

const MORNING = (run: DayRun): DayRun =>
  run
    .start('08:55')
    .packet('09:08', { price: 29_000, dayVolume: 1_000 })
    .packet('09:15:10', { price: 29_100, dayVolume: 1_010 })
    .packet('09:15:20', { token: SBIN.token, price: 50_000, dayVolume: 77 })
    .minute('09:15')
    .packet('09:16:10', { price: 29_200, dayVolume: 1_030 })

const NOON = (run: DayRun): DayRun =>
  run
    .start('09:16:40')
    .packet('09:16:45', { price: 29_300, dayVolume: 1_040 })
    .minute('09:16')
    .packet('09:16:59', { price: 29_900, dayVolume: 1_044 })
    .packet('09:17:30', { price: 29_300, dayVolume: 1_050 })
    .minute('09:17')

test('after a clean end, state, candles, parts and manifest go on exactly where they were', async () => {
  const context = contextIn(tempFolder())
  const morning = MORNING(await DayRun.open(context))
  await morning.end('09:16:30')
  const before = lakeOf(context)
  expect([...before.keys()]).toEqual([
    pathOf({ kind: 'part', day: DAY, hhmm: '0915' }),
    pathOf({ kind: 'momentum', day: DAY, hhmm: '0915' }),
  ])
  const noon = await DayRun.open(context)
  expect(stateOf(noon.day.fold)).toEqual(stateOf(morning.day.fold))
  expect(noon.day.resumedFromMs).toBe(at('09:16:10'))
  await NOON(noon).end('09:18:10')
  for (const [path, bytes] of before) expect(lakeOf(context).get(path)).toBe(bytes)
  expect(manifestOf(context).size).toBe(6)
  expect(noon.day.publishedMinutes()).toBe(2)
  expect(noon.day.summary()).toMatchObject({ publishedMinutes: 2, lateCount: 1, packetCount: 7 })
  expect(stateOf(noon.day.fold)).toEqual(foldOf(context).state)
  const replayed = await replayDay(context, { date: DAY.date, outDir: undefined, ...NOTHING })
  expect(replayed).toMatchObject({
    equalCount: 6,
    different: [],
    unlisted: [],
    damageCount: 0,
    minuteCount: 3,
  })
  expect(verifyIndia(context.config).isIntact).toBe(true)
  expect([...morning.failures, ...noon.failures]).toEqual([])
})

test('a run that was killed goes on from its journal, as if it had only paused', async () => {
  const context = contextIn(tempFolder())
  const morning = MORNING(await DayRun.open(context))
  await morning.day.published()
  morning.day.journal.requestSync()
  await morning.day.journal.whenDurable(morning.day.journal.committedSeq())
  const killed = copyOfLake(context)
  // And one whose parts were not yet published when it was killed.
  const unpublished = copyOfLake(context)
  for (const folder of ['staging', 'raw/in/manifest']) {
    rmSync(join(unpublished.config.dataDir, folder), { recursive: true })
  }
  const published = lakeOf(context)
  for (const one of [killed, unpublished]) {
    const run = await DayRun.open(one)
    expect(stateOf(run.day.fold)).toEqual(stateOf(morning.day.fold))
    await run.day.published()
    expect(lakeOf(one)).toEqual(published)
    await NOON(run).end('09:18:10')
    expect(run.day.fold.gaps().map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
      [at('08:55'), at('08:55')],
      [at('09:16:10'), at('09:16:40')],
      [at('09:18'), null], // what was sent after the last pong is not proven to have come
    ])
  }
  expect(lakeOf(killed)).toEqual(lakeOf(unpublished))
  expect(manifestOf(killed)).toEqual(manifestOf(unpublished))
  await morning.day.end()
})

test('two short sessions of a day, with a restart between, are one day', async () => {
  const context = contextIn(tempFolder())
  const plan = planOf()
  const continuous = [
    { fromMs: at('09:15'), toMs: at('09:17') },
    { fromMs: at('09:20'), toMs: at('09:22') },
  ]
  const short = { ...plan, phases: [{ preOpen: null, continuous, closingAuction: null }] }
  const first = (await DayRun.open(context, short)).start('08:55')
  first.packet('09:16:59', { price: 29_000, dayVolume: 10 }).minute('09:15').minute('09:16')
  first.packet('09:18:00', { price: 29_000, dayVolume: 15 }).minute('09:17').minute('09:18')
  await first.end('09:19:10')
  const second = (await DayRun.open(context, short)).start('09:19:30')
  second
    .packet('09:20:00', { price: 29_000, dayVolume: 17 })
    .packet('09:20:05', { price: 29_010, dayVolume: 18 })
  await second.minute('09:19').minute('09:20').minute('09:21').end('09:22:10')
  const { finalised } = foldOf(context)
  const volumes = [...finalised].map(([minute, { rowCount, volume }]) => [
    minute,
    rowCount > 0 ? volume[0] : null,
  ])
  expect(volumes).toEqual([
    [minuteAt('09:15'), null],
    [minuteAt('09:16'), 10],
    [minuteAt('09:17'), null],
    [minuteAt('09:18'), null],
    [minuteAt('09:19'), null],
    [minuteAt('09:20'), 1],
    [minuteAt('09:21'), null],
  ])
  expect(second.day.fold.volumeAccount(0)).toMatchObject({ inOther: 5, unattributed: 2, inCandles: 11 })
  const replayed = await replayDay(context, { date: DAY.date, outDir: undefined, ...NOTHING })
  expect(replayed).toMatchObject({ equalCount: 14, different: [], unlisted: [] })
})

test('instruments that come and go between the runs of a day leave every part as it was made', async () => {
  const context = contextIn(tempFolder())
  const first = (await DayRun.open(context, planOf([SBIN]))).start('08:55')
  first.packet('09:15:10', { token: SBIN.token, price: 50_000, dayVolume: 7 }).minute('09:15')
  await first.end('09:16:10')
  const second = (await DayRun.open(context, planOf([INFY, SBIN]))).start('09:16:20')
  second
    .packet('09:17:10', { price: 29_000, dayVolume: 70 })
    .packet('09:17:11', { price: 29_000, dayVolume: 71 })
  second.packet('09:17:12', { token: SBIN.token, price: 50_010, dayVolume: 8 })
  await second.minute('09:16').minute('09:17').end('09:18:10')
  const third = (await DayRun.open(context, planOf([INFY]))).start('09:18:20')
  third.packet('09:19:10', { price: 29_000, dayVolume: 73 })
  await third.minute('09:18').minute('09:19').end('09:20:10')
  const replayed = await replayDay(context, { date: DAY.date, outDir: undefined, ...NOTHING })
  expect(replayed).toMatchObject({ equalCount: 10, different: [], unlisted: [] })
  expect(verifyIndia(context.config).findings).toEqual([])
})

test('facts that wait for room when the run ends are taken before it does', async () => {
  const context = contextIn(tempFolder(), { journal: { ringBytes: 1_048_576, syncBytes: 4_096 } })
  const run = MORNING(await DayRun.open(context))
  await run.day.published() // nothing else is left that the end would wait for
  const body = 'x'.repeat(300_000)
  const history = {
    kind: 'history' as const,
    instrument: { exchange: 'NSE', token: INFY.token },
    fromMs: at('09:15'),
    toMs: at('09:16'),
    body,
    atMs: at('09:17'),
  }
  for (let n = 0; n < 12; n++) run.day.ingest.fact(history)
  run.minute('09:16')
  expect(run.day.fold.firstOpenMinute()).toBe(minuteAt('09:16')) // the timer's fact waits
  await run.end('09:17:10')
  expect(run.failures).toEqual([])
  expect(manifestOf(context).has(pathOf({ kind: 'part', day: DAY, hhmm: '0916' }))).toBe(true)
  expect(run.day.fold.firstOpenMinute()).toBe(minuteAt('09:17'))
  expect(foldOf(context).state).toEqual(stateOf(run.day.fold))
})

test('a part that is listed and gone is damage, and a replay into the lake brings it back', async () => {
  const context = contextIn(tempFolder())
  await MORNING(await DayRun.open(context)).end('09:16:30')
  const path = pathOf({ kind: 'part', day: DAY, hhmm: '0915' })
  const before = lakeOf(context)
  rmSync(join(context.config.dataDir, path))
  expect(verifyIndia(context.config)).toMatchObject({
    isIntact: false,
    findings: [{ severity: 'damage', path }],
  })
  const run = await DayRun.open(context)
  await run.day.end()
  expect(existsSync(join(context.config.dataDir, path))).toBe(false)
  await replayDay(context, { date: DAY.date, outDir: context.config.dataDir, ...NOTHING })
  expect(lakeOf(context)).toEqual(before)
  expect(verifyIndia(context.config).isIntact).toBe(true)
})

test('a day that cannot be opened leaves no thread behind and says why', async () => {
  const context = contextIn(tempFolder())
  const dir = join(context.config.dataDir, journalDir(DAY))
  await MORNING(await DayRun.open(context)).end('09:16:30')
  writeFileSync(join(dir, '00000009.wal'), 'not a segment of ours'.repeat(100))
  await expect(DayRun.open(context)).rejects.toThrow(OperatingError)
})
