/**
 * What does `chandler candles` answer? A small lake, made through the store, and the command as users start
 * it.
 */

import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { tableFromIPC } from 'apache-arrow'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Candle } from '../../src/domain/candle.ts'
import { FilePublisher } from '../../src/store/publish-steps.ts'
import { CANDLE_FIELDS } from '../../src/store/schema.ts'
import { type Ended, run, tempDir } from '../simulation/processes.ts'
import { DAY, rowsOf, sampleInstruments, sampleTable } from '../store/tables.ts'

const SYMBOL = sampleInstruments(1)[0]!.symbol
const MINUTES = [0, 1, 2, 3, 6, 7]
/** Settled on the first of July; on the second only live parts. */
const LIVE_DATE = '2026-07-02'

let dir: string

beforeAll(() => {
  dir = tempDir('candles')
  const publisher = new FilePublisher(dir, 'in', () => {})
  publisher.setInstruments(sampleInstruments(3))
  const { columns } = sampleTable(3, MINUTES)
  publisher.publish({ file: { kind: 'day', day: DAY }, columns, journalToSeq: 1 })
  const live = { market: 'in', date: LIVE_DATE as typeof DAY.date }
  for (const minute of [1_440, 1_441]) {
    const part = { kind: 'part' as const, day: live, hhmm: `09${15 + minute - 1_440}` }
    publisher.publish({ file: part, columns: sampleTable(3, [minute]).columns, journalToSeq: 1 })
  }
  publisher.end()
})

afterAll(() => rmSync(dir, { recursive: true }))

function ask(...args: readonly string[]): Promise<Ended> {
  return run(['candles', ...args, '--data-dir', dir])
}

/** What the lake holds of the symbol, as rows. */
const STORED: readonly Candle[] = rowsOf(sampleTable(3, MINUTES)).filter(({ symbol }) => symbol === SYMBOL)

describe.concurrent('the formats', () => {
  test('json is the candles with every column of the lake', async () => {
    const { status, stdout, stderr } = await ask(SYMBOL, '--date', DAY.date, '--format', 'json')
    expect([status, stderr]).toEqual([0, ''])
    const rows = JSON.parse(stdout) as Record<string, unknown>[]
    expect(rows).toHaveLength(STORED.length)
    for (const [n, row] of rows.entries()) {
      expect(Object.keys(row)).toEqual(CANDLE_FIELDS.map(({ name }) => name))
      const { open, high, low, close, volume, complete, source } = STORED[n]!
      expect(row).toMatchObject({ symbol: SYMBOL, open, high, low, close, volume, complete, source })
    }
  })

  test('csv reads back as the same rows, an absent value as an empty field', async () => {
    const { status, stdout } = await ask(SYMBOL, '--date', DAY.date, '--format', 'csv')
    expect(status).toBe(0)
    const rows: Record<string, string>[] = parse(stdout, { columns: true })
    expect(Object.keys(rows[0]!)).toEqual(CANDLE_FIELDS.map(({ name }) => name))
    expect(rows.map(({ close, volume }) => [Number(close), volume === '' ? null : Number(volume)])).toEqual(
      STORED.map(({ close, volume }) => [close, volume]),
    )
  })

  test('arrow is a stream that an Arrow reader takes', () => {
    const main = new URL('../../src/cli/main.ts', import.meta.url).pathname
    const args = [main, 'candles', SYMBOL, '--date', DAY.date, '--format', 'arrow', '--data-dir', dir]
    const { status, stdout } = spawnSync(process.execPath, args)
    expect(status).toBe(0)
    const table = tableFromIPC(stdout)
    expect(table.schema.fields.map(({ name }) => name)).toEqual(CANDLE_FIELDS.map(({ name }) => name))
    expect([...table.getChild('close')!]).toEqual(STORED.map(({ close }) => close))
  })

  test('the table has a line a candle, and the chart names the symbol', async () => {
    const table = await ask(SYMBOL, '--date', DAY.date)
    expect(table.status).toBe(0)
    expect(table.stdout).toContain('09:15')
    expect(table.stdout).toContain('09:22')
    const chart = await ask(SYMBOL, '--date', DAY.date, '--format', 'chart')
    expect(chart.status).toBe(0)
    expect(chart.stdout).toContain(`${SYMBOL} ${DAY.date} 1m settled`)
  })

  test('--json is json, whatever the format', async () => {
    const { stdout } = await ask(SYMBOL, '--date', DAY.date, '--format', 'chart', '--json')
    expect(JSON.parse(stdout)).toHaveLength(STORED.length)
  })
})

type Told = {
  readonly timestamp: string
  readonly open: number
  readonly close: number
  readonly volume: number
}

async function told(...args: readonly string[]): Promise<readonly Told[]> {
  const { stdout, stderr } = await ask(...args, '--format', 'json')
  expect(stderr).toBe('')
  return JSON.parse(stdout) as Told[]
}

const timesOf = (rows: readonly Told[]): string[] =>
  rows.map(({ timestamp }) => new Date(Date.parse(timestamp) + 19_800_000).toISOString().slice(11, 16))

describe.concurrent('what is asked for', () => {
  test('times are those of the market, the end excluded', async () => {
    expect(timesOf(await told(SYMBOL, '--date', DAY.date, '--from', '09:16', '--to', '09:21'))).toEqual([
      '09:16',
      '09:17',
      '09:18',
    ])
  })

  test('wider candles begin with the session and are put together from minutes', async () => {
    const rows = await told(SYMBOL, '--date', DAY.date, '--every', '5m')
    expect(timesOf(rows)).toEqual(['09:15', '09:20'])
    expect([rows[0]!.open, rows[0]!.close]).toEqual([STORED[0]!.open, STORED[3]!.close])
  })

  test('without a date it is the last one there is, live parts where it is not settled', async () => {
    const rows = await told(SYMBOL)
    expect(rows.map(({ timestamp }) => timestamp.slice(0, 10))).toEqual([LIVE_DATE, LIVE_DATE])
    const chart = await ask(SYMBOL, '--format', 'chart')
    expect(chart.stdout).toContain('live, not settled yet')
  })

  test('a span without candles is an empty answer, not a failure', async () => {
    expect(await told(SYMBOL, '--date', DAY.date, '--from', '12:00', '--to', '13:00')).toEqual([])
  })
})

describe.concurrent('a question that has no answer', () => {
  test.each([
    ['a symbol that is not there', ['NOBODY-EQ', '--date', DAY.date], 1, /NOBODY-EQ.*check the symbol/],
    ['a date that is not there', [SYMBOL, '--date', '2026-06-30'], 1, /there are 2026-07-01, 2026-07-02/],
    ['a date without a session', [SYMBOL, '--date', '2026-07-04'], 1, /there are none/],
    ['no date', [SYMBOL, '--date', '2026-13-01'], 2, /not a date/],
    ['no time', [SYMBOL, '--from', '9 am'], 2, /write it as 09:15/],
    ['times in the wrong order', [SYMBOL, '--from', '10:00', '--to', '09:30'], 2, /earlier time first/],
    ['no number of minutes', [SYMBOL, '--every', '0m'], 2, /write it as 5m/],
    ['no format', [SYMBOL, '--format', 'xlsx'], 2, /xlsx.*table/],
    ['another market', [SYMBOL, '--market', 'uk'], 2, /uk.*use in or us/],
  ])('%s is one clear line, and no table', async (_name, args, status, says) => {
    const ended = await ask(...args)
    expect(ended.status).toBe(status)
    expect(ended.stdout).toBe('')
    expect(ended.stderr.trim().split('\n')).toHaveLength(1)
    expect(ended.stderr).toMatch(says)
  })
})
