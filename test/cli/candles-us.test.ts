/** What does `chandler candles --market us` answer? A small lake, and the command as users start it. */
import { rmSync } from 'node:fs'
import { tableFromIPC } from 'apache-arrow'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeUsLake } from '../app/us-lake.ts'
import { type Ended, run, tempDir } from '../simulation/processes.ts'

let dir: string
const fetchedAt = '2026-03-06T22:00:00Z'

beforeAll(async () => {
  dir = tempDir('candles-us')
  await writeUsLake(dir, {
    candles: [
      { symbol: 'ACME', date: '2026-02-27', close: 400, adjustedClose: 100, fetchedAt },
      { symbol: 'ACME', date: '2026-03-02', close: 101, split: 4, fetchedAt },
      { symbol: 'NAN', date: '2026-03-02', close: 7, fetchedAt },
    ],
  })
})

afterAll(() => rmSync(dir, { recursive: true }))

function ask(...args: readonly string[]): Promise<Ended> {
  return run(['candles', ...args, '--data-dir', dir])
}

describe.concurrent('the US market', () => {
  test('the table has the traded close beside the adjusted one', async () => {
    const { status, stdout, stderr } = await ask('ACME', '--market', 'us')
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/date +open +high +low +close +adj_close +volume +split\n/)
    expect(stdout).toMatch(/2026-02-27 .* 400\.00 +100\.0000 +1,000\n/)
  })

  test('csv, json and arrow say the same, and NAN is a symbol', async () => {
    const answers = await Promise.all(
      ['csv', 'json'].map((format) => ask('NAN', '--market', 'us', '--format', format)),
    )
    const [csv] = parse(answers[0]!.stdout, { columns: true }) as Record<string, string>[]
    const [json] = JSON.parse(answers[1]!.stdout) as Record<string, unknown>[]
    expect(csv).toMatchObject({ symbol: 'NAN', close: '7', adj_close: '7', split_coef: '1' })
    expect(json).toMatchObject({ symbol: 'NAN', close: 7, adj_close: 7, split_coef: 1 })
    expect(Object.keys(csv!)).toEqual(Object.keys(json!))
  })

  test('the chart marks the split and tells its factor', async () => {
    const { stdout } = await ask('ACME', '--market', 'us', '--format', 'chart')
    expect(stdout).toMatch(/2 sessions {3}S 1 split/)
    expect(stdout).toMatch(/S 2026-03-02 4:1/)
  })

  test.each([
    [['ACME', '--market', 'us', '--date', '2026-02-28'], 1, /closed \(weekend\)/],
    [['ACME', '--market', 'us', '--live'], 2, /no live parts/],
    [['ACME', '--market', 'uk'], 2, /"uk" is no market/],
    [['ACME', '--as-of', '2026-03-05'], 2, /--as-of: it is for --market us/],
  ] as const)('%j ends with one line and status %d', async (args, status, message) => {
    const ended = await ask(...args)
    expect([ended.status, ended.stdout]).toEqual([status, ''])
    expect(ended.stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(message)])
  })

  test('a date past what the calendar is verified for is warned about, and answered', async () => {
    const { status, stderr } = await ask(
      'ACME',
      '--market',
      'us',
      '--from',
      '2026-01-02',
      '--to',
      '2029-06-01',
    )
    expect(status).toBe(0)
    expect(stderr).toMatch(/warn .*nyse.*cannot vouch for 2029-06-01/)
  })
})

test('arrow has the columns of the lake', async () => {
  const { historyToArrow } = await import('../../src/store/history-arrow.ts')
  const { readSessions } = await import('../../src/app/us-history.ts')
  const { Zone } = await import('../../src/platform/zone.ts')
  const zone = new Zone('America/New_York')
  const rows = await readSessions({ dataDir: dir, market: 'us', symbol: 'ACME', zone })
  const table = tableFromIPC(historyToArrow(rows))
  expect(table.schema.fields.map(({ name }) => name).join(',')).toBe(
    'symbol,timestamp,open,high,low,close,volume,adj_close,dividend_amt,split_coef,source,fetched_at',
  )
  expect(table.numRows).toBe(2)
  expect(String(table.schema.fields[1]!.type)).toBe('Timestamp<MILLISECOND, UTC>')
  expect(table.getChild('close')!.toArray()).toEqual(Float64Array.of(400, 101))
})
