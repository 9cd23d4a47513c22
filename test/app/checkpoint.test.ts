/** Does a start that goes on from a checkpoint differ from one that reads the whole journal? Only in time. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readCheckpoint, titleOf } from '../../src/app/checkpoint.ts'
import { replayDay } from '../../src/app/replay.ts'
import { verifyIndia } from '../../src/app/verify.ts'
import type { MarketDate } from '../../src/domain/time.ts'
import { journalDir, manifestPath } from '../../src/store/lake.ts'
import { tempFolder, treeOf } from '../store/kit.ts'
import { INFY, SBIN } from '../support/session-kit.ts'
import { contextIn, copyOfLake, DAY, DayRun, planOf, type TestContext } from './kit.ts'

const WHOLE = 'checkpoint not used: the whole journal is read'

function journalOf(context: TestContext): string {
  return join(context.config.dataDir, journalDir(DAY))
}

function checkpointOf(context: TestContext): string {
  return join(journalOf(context), 'checkpoint')
}

/** Two packets a minute and the timer, from one minute to another of the hour after nine. */
function minutes(run: DayRun, from: number, to: number): DayRun {
  for (let minute = from; minute <= to; minute++) {
    run
      .packet(`09:${minute}:10`, { price: 29_000 + minute, dayVolume: minute * 100 })
      .packet(`09:${minute}:20`, { token: SBIN.token, price: 50_000 - minute, dayVolume: minute * 70 })
      .minute(`09:${minute}`)
  }
  return run
}

/** A lake whose worker was killed at 09:24:30, some minutes after its checkpoint. */
async function killedLake(journal: object = {}): Promise<TestContext> {
  const context = contextIn(tempFolder(), { journal })
  const run = minutes((await DayRun.open(context)).start('08:55'), 15, 20)
  await run.day.published()
  await waitFor(() => existsSync(checkpointOf(context)))
  minutes(run, 21, 23).packet('09:24:05', { price: 29_500, dayVolume: 2_450 })
  await run.day.published()
  run.day.ingest.commit()
  run.day.journal.requestSync()
  await run.day.journal.whenDurable(run.day.journal.committedSeq())
  const killed = copyOfLake(context)
  await run.day.end()
  expect(run.failures).toEqual([])
  return killed
}

async function waitFor(isThere: () => boolean): Promise<void> {
  await expect.poll(isThere, { timeout: 5_000, interval: 5 }).toBe(true)
}

/** The lake with another checkpoint, or none; then the day goes on and ends. */
async function goOn(
  lake: TestContext,
  change: (path: string, context: TestContext) => void,
): Promise<{ readonly context: TestContext; readonly log: string; readonly told: object }> {
  const context = copyOfLake(lake)
  change(checkpointOf(context), context)
  const run = await DayRun.open(context)
  const opened = [run.day.candleCount(), run.day.fold.packetCount(), run.day.resumedFromMs]
  await minutes(run.start('09:24:40'), 24, 26).end('09:27:10')
  expect(run.failures).toEqual([])
  const { fold } = run.day
  const { latency: _, loopDelay: __, ...summary } = run.day.summary()
  const told = {
    opened,
    summary,
    accounts: fold.instruments().map((____, index) => fold.volumeAccount(index)),
    gaps: fold.gaps(),
    lateness: fold.lateness(),
  }
  return { context, log: context.logLines.join('\n'), told }
}

/** What readers see: candles and signals, byte for byte. */
function lakeOf(context: TestContext): Map<string, string> {
  return new Map([...treeOf(context.config.dataDir)].filter(([path]) => path.startsWith('staging/')))
}

test('a start from a checkpoint finds and makes the same as one that reads the whole journal', async () => {
  const lake = await killedLake()
  const fromCheckpoint = await goOn(lake, () => {})
  const fromBeginning = await goOn(lake, (path) => rmSync(path))
  expect(fromCheckpoint.log).toMatch(/journal replayed.*afterSeq=[1-9]/)
  expect(fromBeginning.log).toMatch(/journal replayed.*afterSeq=0/)
  expect(fromCheckpoint.log).not.toContain(WHOLE)
  expect(fromCheckpoint.told).toEqual(fromBeginning.told)
  expect(lakeOf(fromCheckpoint.context)).toEqual(lakeOf(fromBeginning.context))
  const { context } = fromCheckpoint
  const replayed = await replayDay(context, { date: DAY.date, outDir: undefined, onProgress: () => {} })
  expect(replayed).toMatchObject({ equalCount: 24, different: [], unlisted: [], damageCount: 0 })
  expect(verifyIndia(context.config).isIntact).toBe(true)
})

test('minutes that were finalised after the checkpoint and not published are published', async () => {
  const lake = await killedLake()
  const lost = (_path: string, context: TestContext): void => {
    // The kill came before the last two minutes were listed.
    const path = join(context.config.dataDir, manifestPath(DAY))
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    expect(lines.length).toBe(18)
    writeFileSync(path, `${lines.slice(0, 14).join('\n')}\n`)
  }
  const { log, context, told } = await goOn(lake, lost)
  expect(log).toMatch(/journal replayed.*afterSeq=[1-9]/)
  expect(told).toMatchObject({ summary: { publishedMinutes: 5 } })
  expect(lakeOf(context)).toEqual(lakeOf((await goOn(lake, () => {})).context))
})

test('a checkpoint that is cut, foreign or of unlisted minutes costs a line and no more', async () => {
  const lake = await killedLake()
  const other = await killedLake()
  const wanted = await goOn(lake, (path) => rmSync(path))
  const changed = (change: (bytes: Buffer) => Uint8Array) => (path: string) =>
    writeFileSync(path, change(readFileSync(path)))
  const changes: readonly (readonly [(path: string, context: TestContext) => void, string])[] = [
    [changed((bytes) => bytes.subarray(0, bytes.length >> 1)), 'damaged'],
    [changed((bytes) => remade(bytes, lake, '2026-07-02')), 'it is of 2026-07-02'],
    [changed((bytes) => remade(bytes.subarray(0, -16), lake, DAY.date)), 'the saved state ends too early'],
    [(path) => writeFileSync(path, readFileSync(checkpointOf(other))), 'not the one that it was made of'],
    [changed((bytes) => remade(bytes, lake, DAY.date, 10_000)), 'not the one that it was made of'],
    [unlistFirst, 'not listed'],
  ]
  for (const [change, reason] of changes) {
    const one = await goOn(lake, change)
    expect(one.log).toContain(WHOLE)
    expect(one.log).toContain(reason)
    expect(one.log).toMatch(/journal replayed.*afterSeq=0/)
    if (reason !== 'not listed') expect(one.told).toEqual(wanted.told)
    expect(lakeOf(one.context)).toEqual(lakeOf(wanted.context))
  }
})

test('no flipped bit and no cut of a checkpoint goes unnoticed', () => {
  const dir = tempFolder()
  const place = { seq: 9, segment: 2, firstSeq: 5, generation: 1, salt: 7, previousSha256: '00ff' }
  const checkpoint = { place, state: Uint8Array.from({ length: 40 }, (_, n) => n) }
  const whole = Buffer.concat([titleOf(checkpoint, DAY.date), checkpoint.state])
  const read = (bytes: Uint8Array): string => {
    writeFileSync(join(dir, 'checkpoint'), bytes)
    return readCheckpoint(dir, DAY.date).kind
  }
  expect(readCheckpoint(dir, DAY.date)).toEqual({ kind: 'none' })
  expect(read(whole)).toBe('found')
  for (let sizeBytes = 0; sizeBytes < whole.length; sizeBytes++) {
    expect(read(whole.subarray(0, sizeBytes))).toBe('unusable')
    const flipped = Buffer.from(whole)
    flipped[sizeBytes]! ^= 1 << (sizeBytes % 8)
    expect(read(flipped)).toBe('unusable')
  }
})

/** The same state, or a part of it, under a title that is right for it; `seq`: after another entry. */
function remade(bytes: Buffer, lake: TestContext, date: string, seq?: number): Uint8Array {
  const found = readCheckpoint(journalOf(lake), DAY.date)
  if (found.kind !== 'found') throw new Error('there is no checkpoint')
  const place = { ...found.checkpoint.place, ...(seq === undefined ? {} : { seq }) }
  const state = bytes.subarray(bytes.indexOf(10) + 1)
  return Buffer.concat([titleOf({ place, state }, date as MarketDate), state])
}

function unlistFirst(_path: string, context: TestContext): void {
  const path = join(context.config.dataDir, manifestPath(DAY))
  const [, ...lines] = readFileSync(path, 'utf8').split('\n')
  writeFileSync(path, lines.join('\n'))
}

test('a checkpoint stays of use over runs with other instruments', async () => {
  const context = contextIn(tempFolder())
  const first = minutes((await DayRun.open(context, planOf([INFY, SBIN]))).start('08:55'), 15, 19)
  await first.end('09:20:10')
  const second = await DayRun.open(context, planOf([SBIN]))
  await minutes(second.start('09:20:20'), 20, 25).end('09:26:10')
  const third = await DayRun.open(context, planOf([INFY, SBIN]))
  expect(context.logLines.filter((line) => /journal replayed.*afterSeq=[1-9]/.test(line)).length).toBe(2)
  await minutes(third.start('09:26:20'), 26, 27).end('09:28:10')
  const replayed = await replayDay(context, { date: DAY.date, outDir: undefined, onProgress: () => {} })
  expect(replayed).toMatchObject({ equalCount: 26, different: [], unlisted: [] })
})

test('a checkpoint that cannot be written costs a warning, and the day goes on', async () => {
  const context = contextIn(tempFolder())
  mkdirSync(checkpointOf(context), { recursive: true })
  const run = minutes((await DayRun.open(context)).start('08:55'), 15, 20)
  await run.end('09:21:10')
  expect(run.failures).toEqual([])
  const log = context.logLines.join('\n')
  expect(log).toContain(WHOLE)
  expect(log).toContain('checkpoint not written')
  expect(run.day.publishedMinutes()).toBe(6)
})
