import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import type { UnixMs } from '../../src/domain/time.ts'
import { istMidnight } from '../../src/sim/smartapi/ist.ts'
import { openRecording } from '../../src/sim/smartapi/recording.ts'
import { runStandIn } from '../../src/sim/smartapi/run.ts'
import { smartapi, smartapiStandIn } from '../../src/venues/smartapi/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { CREDENTIALS } from '../venues/samples.ts'
import { DATE, ist, Listener, login, QUIET_LOG, withScene } from './kit.ts'

const HEADER = 'time_ms,exchange,token,price,size'
const TRADES = join(import.meta.dirname, '../../../shared/data/us-trades-2013-10/spy-20131007-trades.csv.gz')
const TRADES_ABSENT = !existsSync(TRADES)
const needsTrades = TRADES_ABSENT ? ' (skipped: ../shared/data/us-trades-2013-10 is absent)' : ''

function recording(rows: readonly string[], name = 'trades.csv'): string {
  const dir = mkdtempSync(join(tmpdir(), 'chandler-recording-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const path = join(dir, name)
  const text = [HEADER, ...rows, ''].join('\n')
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text)
  return path
}

function sinceMidnight(time: string): number {
  return ist(time) - istMidnight(DATE)
}

const ROWS = [
  `${sinceMidnight('10:00:01.200')},NSE,1594,1961.15,5`,
  `${sinceMidnight('10:00:02')},NSE,3045,800,10`,
  `${ist('10:00:02.700')},NSE,1594,1961.25,29`,
  `${ist('10:00:02.700')},NSE,1594,1960.90,0`,
  `${ist('10:01:03')},NSE,1594,1962.05,100`,
]

test('each row is one packet, with the sums of the day so far', async () => {
  for (const name of ['trades.csv', 'trades.csv.gz']) {
    const source = await openRecording(recording(ROWS, name), DATE)
    expect(source).toMatchObject({ rowCount: 5, firstMs: ist('10:00:01.200'), lastMs: ist('10:01:03') })
    await withScene({ source, time: '10:00:00' }, async (scene) => {
      const listener = await Listener.connect(scene, await login(scene))
      listener.subscribe(['1594', '3045'], 3)
      await listener.catchUp()
      await scene.clock.advance(120_000)
      await listener.catchUp()
      expect(scene.standIn.stats()).toMatchObject({ updateCount: 5, packetCount: 7, isEnded: true })
      expect(listener.packetsOf('1594').slice(1)).toMatchObject([
        { price: 196_115, lastQuantity: 5, dayVolume: 5, averagePrice: 196_115, exchangeMs: ist('10:00:01') },
        { price: 196_125, lastQuantity: 29, dayVolume: 34, dayOpen: 196_115, dayHigh: 196_125 },
        { price: 196_090, lastQuantity: 29, dayVolume: 34, dayLow: 196_090, tradeMs: ist('10:00:02') },
        { price: 196_205, lastQuantity: 100, dayVolume: 134, dayHigh: 196_205, dayLow: 196_090 },
      ])
      expect(listener.packetsOf('3045').slice(1)).toMatchObject([{ price: 80_000, dayVolume: 10 }])
    })
  }
})

test('a stand-in that starts late knows what happened before, and sends only the rest', async () => {
  const source = await openRecording(recording(ROWS), DATE)
  await withScene({ source, time: '10:00:30' }, async (scene) => {
    const listener = await Listener.connect(scene, await login(scene))
    listener.subscribe(['1594'])
    await listener.catchUp()
    await scene.clock.advance(60_000)
    await listener.catchUp()
    expect(listener.packetsOf('1594')).toMatchObject([
      { price: 196_090, dayVolume: 34, sequence: 4, exchangeMs: ist('10:00:02') },
      { price: 196_205, dayVolume: 134, sequence: 5 },
    ])
  })
})

test('history holds the recording’s true candles; the running one only what has been sent', async () => {
  const source = await openRecording(recording(ROWS), DATE)
  const first = {
    timestampMs: ist('10:00:00'),
    open: 1961.15,
    high: 1961.25,
    low: 1960.9,
    close: 1960.9,
    volume: 34,
  }
  await withScene({ source, time: '09:59:00' }, async (scene) => {
    const candles = (): unknown => scene.standIn.trueCandles()[0]!.candles
    await scene.clock.advance(60_000)
    expect(candles()).toEqual([])
    await scene.clock.advance(2_000)
    expect(candles()).toEqual([{ ...first, high: 1961.15, low: 1961.15, close: 1961.15, volume: 5 }])
    await scene.clock.advance(60_000)
    expect(candles()).toEqual([first])
    const tokens = await login(scene)
    const fromMs = ist('09:15:00') as UnixMs
    const request = smartapi.historyRequest(
      CREDENTIALS,
      tokens,
      source.instruments[0]!,
      fromMs,
      ist('10:01:00') as UnixMs,
    )
    expect(smartapi.parseHistory(await scene.send(request))).toEqual({ ok: true, value: [first] })
  })
})

test('a recording that is wrong is refused with file and line', async () => {
  const refusal = (path: string): Promise<unknown> =>
    openRecording(path, DATE).catch((error: unknown) => error)
  const code = 'RECORDING_INVALID'
  const bad: readonly (readonly [string, string])[] = [
    ['1,NSE,1594,10', 'values'],
    ['1,NSE,1594,10,5,6', 'values'],
    ['x,NSE,1594,10,5', 'time_ms'],
    [',NSE,1594,10,5', 'time_ms'],
    ['1,NYSE,1594,10,5', 'exchange'],
    ['1,NSE,,10,5', 'token'],
    ['1,NSE,1594,0,5', 'price'],
    ['1,NSE,1594,-3,5', 'price'],
    ['1,NSE,1594,10,1.5', 'size'],
    ['1,NSE,1594,10,-1', 'size'],
    ['1,NSE,1594,10,', 'size'],
    [`0,NSE,1594,10,5`, 'time'],
  ]
  for (const [row, what] of bad) {
    const path = recording(['1,NSE,1594,10,5', row])
    expect(await refusal(path)).toMatchObject({
      code,
      message: expect.stringMatching(new RegExp(`trades\\.csv:3: .*${what}`)),
    })
  }
  expect(await refusal(recording([]))).toMatchObject({ code, message: expect.stringContaining('no trade') })
  const headless = recording([])
  writeFileSync(headless, '1,NSE,1594,10,5\n')
  expect(await refusal(headless)).toMatchObject({ code, message: expect.stringContaining('trades.csv:1:') })
  writeFileSync(headless, '')
  expect(await refusal(headless)).toMatchObject({ code })
  const torn = recording(ROWS, 'trades.csv.gz')
  writeFileSync(torn, gzipSync('x'.repeat(10_000)).subarray(0, 20))
  expect(await refusal(torn)).toMatchObject({ code })
  expect(await refusal('no-such-file.csv')).toMatchObject({ code })
})

test('the command’s stand-in prints where it is, and what time its clock has', async () => {
  const simulation = { instantMs: ist('10:00:00') as UnixMs, realMs: 1_790_000_000_000, speed: 60 }
  const { address, standIn } = await runStandIn({
    clock: new ManualClock(ist('10:00:00')),
    simulation,
    venue: smartapiStandIn,
    log: QUIET_LOG,
    recording: recording(ROWS),
  })
  await standIn.stop()
  expect(address).toEqual({
    url: standIn.url,
    restUrl: standIn.url,
    streamUrl: `${standIn.url.replace('http', 'ws')}/smart-stream`,
    masterUrl: `${standIn.url}/OpenAPI_File/files/OpenAPIScripMaster.json`,
    clock: '2026-07-01T04:30:00.000Z@1790000000000x60',
  })
})

test.skipIf(TRADES_ABSENT)(`a day of real trades is played without loss${needsTrades}`, async () => {
  const rows = gunzipSync(readFileSync(TRADES))
    .toString()
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','))
    .map(([time, price, size]) => `${time},NSE,SPY,${price},${size}`)
  const source = await openRecording(recording(rows, 'spy.csv.gz'), DATE)
  expect(source.rowCount).toBe(rows.length)
  const stream = source.open(0 as UnixMs)
  let rowCount = 0
  let volume = 0
  for (let batch = await stream.next(); batch !== null; batch = await stream.next()) {
    rowCount += batch.count
    volume = batch.dayVolume[batch.count - 1]!
  }
  expect(rowCount).toBe(rows.length)
  expect(volume).toBe(rows.reduce((sum, row) => sum + Number(row.split(',')[4]), 0))
  const candles = source.candles(0, 0 as UnixMs, ist('23:59:00') as UnixMs, ist('23:59:59') as UnixMs)
  expect(candles.reduce((sum, candle) => sum + candle.volume, 0)).toBe(volume)
})
