/**
 * Is our adjustment the one of people who have done it for years? Eight symbols, 1998 to 2021, as traded,
 * served in the vendor's own form: full histories, and the splits and dividends that the factor files imply,
 * with as many decimals as the vendor gives. Adjusted by us, every row is compared with the factor files.
 *
 * A line of a factor file holds up to and including its date: price_factor x split_factor is what a close of
 * then is worth at the end. Where two lines differ, the ex-date is the session after the first one's date,
 * and with C the close of that date: split = s2 / s1, dividend = C (1 - p1 / p2) per share of before the
 * split.
 */
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { alphavantage } from '../../src/venues/alphavantage/index.ts'
import { RawLake } from './raw-lake.ts'

const DIR = '../shared/data/us-daily'
const SYMBOLS = ['aapl', 'aig', 'bac', 'eem', 'ibm', 'iwm', 'qqq', 'spy']
const DEVIATION_MAX = 0.0005

type Factor = { readonly untilDate: string; readonly price: number; readonly split: number }

const skipped = existsSync(DIR) ? '' : ' (skipped: no recorded daily bars here)'

test.skipIf(skipped !== '')(
  `23 years of eight symbols are adjusted within 0.05 % of their factor files on every row${skipped}`,
  async () => {
    const lake = new RawLake()
    try {
      const expected = new Map<string, number>()
      for (const symbol of SYMBOLS) serve(lake, symbol, expected)
      const report = await lake.curate({ venue: alphavantage })
      expect(report.findings).toEqual({})
      const rows = await lake.rows('analytics/us/candles/frequency=1d/**/*.parquet')
      expect(rows.length).toBe(expected.size)
      const deviations = rows.map((row) => {
        const held = expected.get(`${row.symbol} ${String(row.timestamp).slice(0, 10)}`)!
        return Math.abs(Number(row.adj_close) / held - 1)
      })
      expect(Math.max(...deviations)).toBeLessThanOrEqual(DEVIATION_MAX)
      if (process.env.CHANDLER_TELL) process.stderr.write(`largest deviation ${Math.max(...deviations)}\n`)
    } finally {
      lake.remove()
    }
  },
)

function serve(lake: RawLake, name: string, expected: Map<string, number>): void {
  const symbol = name.toUpperCase()
  const lines = gunzipSync(readFileSync(`${DIR}/${name}.csv.gz`))
    .toString()
    .trim()
    .split('\n')
    .slice(1)
  const bars = lines.map((line) => line.split(','))
  const factors = readFactors(name)
  const closes = bars.map((bar) => ({ date: bar[0]!, close: Number(bar[4]) }))
  for (const { date, close } of closes) {
    const { price, split } = factors.find(({ untilDate }) => date <= untilDate)!
    expected.set(`${symbol} ${date}`, close * price * split)
  }
  const csv = ['timestamp,open,high,low,close,volume', ...lines.toReversed()].join('\n')
  lake.add('TIME_SERIES_DAILY', symbol, '2021-04-01 18:00', csv, 'full')
  const { splits, dividends } = actionsOf(factors, closes)
  if (splits.length > 0) {
    lake.add('SPLITS', symbol, '2021-04-01 18:01', ['effective_date,split_factor', ...splits].join('\n'), '')
  }
  const header = 'ex_dividend_date,declaration_date,record_date,payment_date,amount'
  if (dividends.length > 0) {
    lake.add('DIVIDENDS', symbol, '2021-04-01 18:02', [header, ...dividends].join('\n'), '')
  }
}

function readFactors(name: string): readonly Factor[] {
  const lines = readFileSync(`${DIR}/${name}-factors.csv`, 'utf8').trim().split('\n').slice(1)
  return lines.map((line) => {
    const [date, price, split] = line.split(',')
    const untilDate = `${date!.slice(0, 4)}-${date!.slice(4, 6)}-${date!.slice(6)}`
    return { untilDate, price: Number(price), split: Number(split) }
  })
}

function actionsOf(
  factors: readonly Factor[],
  closes: readonly { readonly date: string; readonly close: number }[],
): { readonly splits: readonly string[]; readonly dividends: readonly string[] } {
  const splits: string[] = []
  const dividends: string[] = []
  for (const [at, before] of factors.slice(0, -1).entries()) {
    const after = factors[at + 1]!
    const last = closes.findLastIndex(({ date }) => date <= before.untilDate)
    const exDate = closes[last + 1]?.date
    if (last < 0 || exDate === undefined) continue
    const dividend = closes[last]!.close * (1 - before.price / after.price)
    if (before.split !== after.split) splits.push(`${exDate},${(after.split / before.split).toFixed(4)}`)
    if (before.price !== after.price) dividends.push(`${exDate},None,None,None,${dividend.toFixed(4)}`)
  }
  return { splits, dividends }
}
