/** How does settle meet a vendor, a damaged journal, another process and an impatient operator? */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { lockIndia } from '../../src/app/india-day.ts'
import type { DayPlan } from '../../src/app/live-day.ts'
import { settleDay } from '../../src/app/settle-day.ts'
import { statusReport } from '../../src/app/status.ts'
import { OperatingError } from '../../src/domain/error.ts'
import type { SettleReport } from '../../src/domain/settle-report.ts'
import { startServer } from '../../src/platform/server.ts'
import { journalDir, pathOf } from '../../src/store/lake.ts'
import { entriesByPath, readManifest } from '../../src/store/manifest.ts'
import { readCandles } from '../../src/store/read.ts'
import { tempDir } from '../simulation/processes.ts'
import { tempFolder } from '../store/kit.ts'
import { rowsOf } from '../store/tables.ts'
import { at, CASH_PHASES, INFY, SBIN } from '../support/session-kit.ts'
import { type ContextOptions, contextIn, copyOfLake, DAY, DayRun, planOf, type TestContext } from './kit.ts'

type Asked = { readonly symboltoken: string; readonly fromdate: string; readonly todate: string }

/** A vendor whose history holds what `bars` says: by token, minute and volume; null refuses. */
class HistoryVendor {
  readonly asked: Asked[] = []
  bars: Readonly<Record<string, readonly (readonly [text: string, volume: number])[] | null>> = {}
  /** Called with each question, before it is answered. */
  onAsked: (asked: Asked) => void = () => {}
  url = ''

  static async start(): Promise<HistoryVendor> {
    const vendor = new HistoryVendor()
    const server = await startServer({
      port: 0,
      onRequest: ({ path, body }) => ({ status: 200, body: JSON.stringify(vendor.#answer(path, body)) }),
      onUpgrade: () => ({ status: 404, body: '' }),
      onError: () => {},
    })
    onTestFinished(() => server.stop())
    vendor.url = `http://127.0.0.1:${server.port}`
    return vendor
  }

  #answer(path: string, body: string): object {
    const answer = { status: true, message: 'SUCCESS', errorcode: '' }
    if (!path.endsWith('getCandleData')) {
      return {
        ...answer,
        data: { jwtToken: 'jwt-text', refreshToken: 'refresh-text', feedToken: 'feed-text' },
      }
    }
    const asked = JSON.parse(body) as Asked
    this.asked.push(asked)
    this.onAsked(asked)
    const bars = this.bars[asked.symboltoken]
    if (bars === null) return { status: false, message: 'no such symbol', errorcode: 'AB1009', data: null }
    const rows = (bars ?? []).map(([text, volume]) => [`2026-07-01T${text}:00+05:30`, 1, 2, 0.5, 1.5, volume])
    return { ...answer, data: rows }
  }
}

/** A session of ten minutes, 09:15 to 09:25. */
const SHORT: DayPlan = {
  ...planOf(),
  phases: [{ ...CASH_PHASES, continuous: [{ fromMs: at('09:15'), toMs: at('09:25') }] }],
}

const OF_ONE: DayPlan = { ...planOf([INFY]), phases: SHORT.phases }

/** A day to settle, its context with a clock on which a pause between two requests is soon over. */
function quick(context: TestContext): TestContext {
  Object.defineProperty(context.clock, 'speed', { value: 100 })
  return context
}

let recorded: TestContext | undefined

/** INFY trades at 09:15, 09:16 and 09:19; the feed is lost from 09:16:30 to 09:18:20. */
async function record(): Promise<TestContext> {
  const context = contextIn(tempDir('settle'))
  const run = (await DayRun.open(context, SHORT)).start('08:55')
  const { ingest } = run.day
  run.packet('09:15:10', { price: 29_000, dayVolume: 10 }).minute('09:15')
  run.packet('09:16:10', { price: 29_000, dayVolume: 20 })
  const atMs = at('09:16:30')
  ingest.fact({ kind: 'lost', shard: 0, fromMs: atMs, atMs, reason: 'disconnected', detail: '' })
  run.minute('09:16').minute('09:17')
  ingest.fact({ kind: 'live', shard: 0, connection: 0, atMs: at('09:18:20') })
  run.minute('09:18').packet('09:19:10', { price: 29_000, dayVolume: 90 })
  run.packet('09:19:12', { price: 29_010, dayVolume: 95 }).minute('09:24')
  await run.end('15:45')
  return context
}

afterAll(() => {
  if (recorded !== undefined) rmSync(dirname(recorded.config.dataDir), { recursive: true })
})

/** A copy of the day that is recorded once. */
async function recordedDay(options: ContextOptions = {}): Promise<TestContext> {
  recorded ??= await record()
  return quick(copyOfLake(recorded, { wall: '15:46', ...options }))
}

/** Settles while the clock goes on: requests are paced, and what fails is waited out, in its time. */
async function settled(context: TestContext): Promise<SettleReport> {
  let isDone = false
  const settling = settleDay(context, { date: DAY.date, onProgress: () => {} }).finally(() => {
    isDone = true
  })
  // Looked at below; it may end before.
  settling.catch(() => {})
  while (!isDone) await context.clock.advance(1_000)
  return await settling
}

function dayFile(context: TestContext): string {
  return readFileSync(join(context.config.dataDir, pathOf({ kind: 'day', day: DAY }))).toString('base64')
}

test('a gap is filled from the history, and settling again asks nothing and changes no byte', async () => {
  const vendor = await HistoryVendor.start()
  const context = await recordedDay({ restUrl: vendor.url })
  vendor.bars = {
    '1594': [
      ['09:16', 40],
      ['09:17', 11],
      ['09:18', 9],
      ['09:19', 999],
    ],
    '3045': [['09:17', 5]],
  }
  const report = await settled(context)
  expect(vendor.asked).toMatchObject([
    { symboltoken: '1594', fromdate: '2026-07-01 09:16', todate: '2026-07-01 09:19' },
    { symboltoken: '3045', fromdate: '2026-07-01 09:16', todate: '2026-07-01 09:18' },
  ])
  expect(report.history).toMatchObject({ askedCount: 2, failedCount: 0, usedBarCount: 5 })
  expect(report.conservation.every(({ balanced }) => balanced)).toBe(true)
  const { table } = await readCandles({
    dataDir: context.config.dataDir,
    market: 'in',
    fromDate: DAY.date,
    toDate: DAY.date,
  })
  expect(rowsOf(table).map(({ symbol, timestampMs, source }) => [symbol, timestampMs, source])).toEqual([
    ['INFY-EQ', at('09:15'), 'ticks'],
    ['INFY-EQ', at('09:16'), 'vendor'],
    ['INFY-EQ', at('09:17'), 'vendor'],
    ['INFY-EQ', at('09:18'), 'vendor'],
    ['INFY-EQ', at('09:19'), 'vendor'], // the first packet after the gap brought shares of nobody knows when
    [SBIN.symbol, at('09:17'), 'vendor'],
  ])
  // The manifest names the entry that the day rests on, the vendor's answers among them.
  const entry = entriesByPath(readManifest(context.config.dataDir, DAY)).get(report.file!.path)
  expect(entry!.journalToSeq).toBe(statusReport(context).markets.in!.journal!.lastSeq)
  const bytes = dayFile(context)
  const again = await settled(context)
  expect(vendor.asked).toHaveLength(2)
  expect(dayFile(context)).toBe(bytes)
  expect(again.file).toEqual(report.file)
})

test('an answer that came right after the minute is used, but the vendor is asked again', async () => {
  const vendor = await HistoryVendor.start()
  const early = quick(contextIn(tempFolder(), { restUrl: vendor.url }))
  const run = (await DayRun.open(early, OF_ONE)).start('08:55')
  run.packet('09:15:10', { price: 29_000, dayVolume: 10 }).minute('09:15')
  await run.end('09:16:10')
  const resumed = (await DayRun.open(early, OF_ONE)).start('09:17:40')
  const body = JSON.stringify({ status: true, message: '', errorcode: '', data: [] })
  const instrument = { exchange: 'NSE', token: '1594' }
  const [fromMs, toMs, atMs] = [at('09:15'), at('09:18'), at('09:18:05')]
  resumed.day.ingest.fact({ kind: 'history', instrument, fromMs, toMs, body, atMs })
  await resumed.minute('09:24').end('15:45')
  await settled(early)
  expect(vendor.asked.map(({ fromdate, todate }) => [fromdate, todate])).toEqual([
    // The vendor takes no range of a single minute, so the one before is asked for too.
    ['2026-07-01 09:16', '2026-07-01 09:17'],
  ])
})

test('what the vendor refuses is told, the rest is settled, and only it is asked again', async () => {
  const vendor = await HistoryVendor.start()
  const context = await recordedDay({ restUrl: vendor.url })
  vendor.bars = { '1594': [['09:17', 40]], '3045': null }
  const report = await settled(context)
  expect(report.history).toMatchObject({ askedCount: 2, failedCount: 1, usedBarCount: 1 })
  expect(report.history.failures[0]).toContain('SBIN-EQ')
  vendor.asked.length = 0
  vendor.bars = { '3045': [['09:17', 5]] }
  expect((await settled(context)).history).toMatchObject({ askedCount: 1, failedCount: 0, usedBarCount: 2 })
  expect(vendor.asked.map(({ symboltoken }) => symboltoken)).toEqual(['3045'])
})

test('a vendor who is not there leaves a settled day that says what is missing', async () => {
  const context = await recordedDay()
  const report = await settled(context)
  expect(report.history).toMatchObject({ askedCount: 2, failedCount: 2 })
  expect(report.candles).toMatchObject({ total: 3, ticksIncomplete: 2, vendor: 0 })
  expect(report.file!.rowCount).toBe(3)
})

test('an operator who loses patience loses no answer', async () => {
  const vendor = await HistoryVendor.start()
  const context = await recordedDay({ restUrl: vendor.url })
  const stopped = quick(copyOfLake(context, { restUrl: vendor.url, wall: '15:46' }))
  vendor.onAsked = ({ symboltoken }) => {
    if (symboltoken === '3045') stopped.abort()
  }
  await expect(settled(stopped)).rejects.toMatchObject({ name: 'AbortError' })
  expect(vendor.asked.map(({ symboltoken }) => symboltoken)).toEqual(['1594', '3045'])
  vendor.onAsked = () => {}
  vendor.asked.length = 0
  const again = quick(copyOfLake(stopped, { restUrl: vendor.url, wall: '15:47' }))
  await settled(again)
  expect(vendor.asked.map(({ symboltoken }) => symboltoken)).toEqual(['3045'])
})

test('beside a running worker it does not start', async () => {
  const context = contextIn(tempFolder())
  const lock = lockIndia(context.config)
  onTestFinished(() => lock.release())
  await expect(settled(context)).rejects.toMatchObject({ code: 'LOCK_HELD' })
})

test('before the close, and of a day without a journal, it says so and writes nothing', async () => {
  const context = await recordedDay()
  const morning = copyOfLake(context, { wall: '09:20' })
  await expect(settled(morning)).rejects.toThrow(/not over before 2026-07-01T03:55:00.000Z/)
  await expect(settleDay(context, { date: '2026-07-02', onProgress: () => {} })).rejects.toMatchObject({
    code: 'JOURNAL_MISSING',
  })
  expect(readdirSync(morning.config.dataDir)).not.toContain('analytics')
})

/** Flips one byte inside the frame that holds `text`. */
function damage(context: TestContext, text: string): void {
  const dir = join(context.config.dataDir, journalDir(DAY))
  for (const name of readdirSync(dir)) {
    const bytes = readFileSync(join(dir, name))
    const found = bytes.indexOf(text)
    if (!name.endsWith('.wal') || found < 0) continue
    bytes[found] = bytes[found]! ^ 1
    writeFileSync(join(dir, name), bytes)
    return
  }
  throw new Error(`no raw segment holds ${text}`)
}

/** A day whose journal is still there as it was written, not compressed. */
async function uncompressedDay(): Promise<TestContext> {
  const vendor = await HistoryVendor.start()
  const context = contextIn(tempFolder())
  const run = (await DayRun.open(context, SHORT)).start('08:55')
  for (const [text, dayVolume] of [
    ['09:15', 10],
    ['09:16', 20],
    ['09:17', 30],
    ['09:18', 40],
  ] as const) {
    run.packet(`${text}:10`, { price: 29_000, dayVolume })
    run.day.ingest.commit()
    run.day.ingest.fact({ kind: 'note', text: `note of ${text}`, atMs: at(`${text}:11`) })
    run.minute(text)
  }
  run.day.ingest.fact({ kind: 'alive', shard: 0, atMs: at('09:19:05') })
  await run.day.published()
  run.day.journal.requestSync()
  await run.day.journal.whenDurable(run.day.journal.committedSeq())
  const copy = quick(copyOfLake(context, { restUrl: vendor.url, wall: '15:46' }))
  await run.day.end()
  return copy
}

test('entries that the journal has lost make minutes incomplete, and the damage is told', async () => {
  const context = await uncompressedDay()
  damage(context, 'note of 09:16')
  const report = await settled(context)
  expect(report.gaps.map(({ reason }) => reason)).toEqual(['damaged', 'stopped'])
  expect(report.candles).toMatchObject({ total: 4, ticksIncomplete: 2, revised: 0 })
  expect(context.logLines.some((line) => line.includes('journal damaged'))).toBe(true)
})

test('a journal whose beginning is not readable is one clear error', async () => {
  const context = await uncompressedDay()
  damage(context, '"kind":"start"')
  await expect(settled(context)).rejects.toBeInstanceOf(OperatingError)
  await expect(settled(context)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
  expect(statusReport(context).markets.in).toMatchObject({ workerRunning: false, settled: false })
})
