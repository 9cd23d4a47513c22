/** Does the batch stand-in answer as the vendor does, and do its functions tell one truth? */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Secret } from '../../src/domain/secret.ts'
import { HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts'
import { alphavantage } from '../../src/venues/alphavantage/index.ts'
import {
  AV_DATA_ABSENT,
  DAILY_CSV,
  kindOf,
  needsAvData,
  read,
  recorded,
  recordedDir,
} from '../venues/alphavantage-samples.ts'
import { GOOD_KEY, TODAY, wishOf, withBatchScene } from './alphavantage-kit.ts'

const SYMBOLS = ['QAAA', 'QAAB', 'QAAC', 'QAAD', 'QAAE', 'QABQ']

test('splits and dividends explain the adjusted closes of every company', async () => {
  let actionCount = 0
  await withBatchScene({}, async ({ ask, daily }) => {
    for (const symbol of SYMBOLS) {
      const adjusted = await daily(wishOf('TIME_SERIES_DAILY_ADJUSTED', symbol))
      const plain = await daily(wishOf('TIME_SERIES_DAILY', symbol))
      expect(adjusted.map(({ close }) => close)).toEqual(plain.map(({ close }) => close))
      const splits = await ask(wishOf('SPLITS', symbol))
      const dividends = await ask(wishOf('DIVIDENDS', symbol))
      const splitOn = new Map(
        splits.ok
          ? read(alphavantage.readSplits(wishOf('SPLITS'), splits.value)).map((row) => [row.date, row.factor])
          : [],
      )
      const paidOn = new Map(
        dividends.ok
          ? read(alphavantage.readDividends(wishOf('DIVIDENDS'), dividends.value)).map((row) => [
              row.exDate,
              row.amount,
            ])
          : [],
      )
      let factor = 1
      for (const { date, close, adjustedClose, dividend, split } of adjusted.toReversed()) {
        expect(adjustedClose! / (close * factor)).toBeCloseTo(1, 9)
        expect([dividend, split]).toEqual([paidOn.get(date) ?? 0, splitOn.get(date) ?? 1])
        factor *= close / (close + dividend!) / split!
      }
      actionCount += splitOn.size + paidOn.size
    }
  })
  expect(actionCount).toBeGreaterThan(10)
})

test('a split divides the prices that follow it', async () => {
  await withBatchScene({ historyFrom: '2000-01-03' as never }, async ({ ask, daily, standIn }) => {
    const symbols = Array.from({ length: 20 }, (_, at) => `QAA${String.fromCharCode(65 + at)}`)
    let splitCount = 0
    for (const symbol of symbols) {
      const answer = await ask(wishOf('SPLITS', symbol))
      if (!answer.ok) continue
      const bars = await daily(wishOf('TIME_SERIES_DAILY', symbol))
      for (const { date, factor } of read(alphavantage.readSplits(wishOf('SPLITS'), answer.value))) {
        const at = bars.findIndex((bar) => bar.date === date)
        const ratio = bars[at - 1]!.close / bars[at]!.close
        expect(Math.abs(Math.log(ratio / factor))).toBeLessThan(0.15)
        splitCount += 1
      }
    }
    expect(splitCount).toBeGreaterThan(3)
    expect(standIn.counts().refused).not.toHaveProperty('bad_symbol')
  })
})

test('CSV and JSON tell the same, and the same seed the same again', async () => {
  const bodies: string[] = []
  for (const _run of [1, 2]) {
    await withBatchScene({}, async ({ ask, daily }) => {
      for (const name of ['TIME_SERIES_DAILY', 'TIME_SERIES_DAILY_ADJUSTED'] as const) {
        const csv = await daily(wishOf(name, 'QAAB'))
        expect(await daily(wishOf(name, 'QAAB', 'full', 'json'))).toEqual(csv)
        expect(await daily(wishOf(name, 'QAAB', 'compact'))).toEqual(csv.slice(-100))
      }
      const wish = wishOf('TIME_SERIES_INTRADAY', 'QAAB')
      const json = { ...wish, format: 'json' as const }
      const body = read(await ask(wish))
      expect(alphavantage.readIntraday(json, read(await ask(json)))).toEqual(
        alphavantage.readIntraday(wish, body),
      )
      bodies.push(body)
    })
  }
  expect(bodies[0]).toBe(bodies[1])
  await withBatchScene({ seed: 2 }, async ({ ask }) => {
    expect(read(await ask(wishOf('TIME_SERIES_INTRADAY', 'QAAB')))).not.toBe(bodies[0])
  })
})

test('the bars of a day stay within the candle of the day, in either stamp convention', async () => {
  for (const stamps of ['start', 'end'] as const) {
    await withBatchScene({ stamps }, async ({ ask, daily }) => {
      for (const symbol of SYMBOLS) {
        const wish = wishOf('TIME_SERIES_INTRADAY', symbol, '2026-06')
        const series = read(alphavantage.readIntraday(wish, read(await ask(wish))))
        expect(series).toMatchObject({ convention: stamps, intervalMinutes: 5 })
        const byDate = Map.groupBy(series.bars, ({ timestampMs }) =>
          new Date(timestampMs).toISOString().slice(0, 10),
        )
        const days = (await daily(wishOf('TIME_SERIES_DAILY', symbol))).filter(({ date }) =>
          date.startsWith('2026-06'),
        )
        expect([...byDate.keys()]).toEqual(days.map(({ date }) => date))
        for (const day of days) {
          const bars = byDate.get(day.date)!
          expect(new Date(bars[0]!.timestampMs).toISOString().slice(11)).toBe('13:30:00.000Z')
          expect([bars[0]!.open, bars.at(-1)!.close]).toEqual([day.open, day.close])
          expect(Math.max(...bars.map(({ high }) => high))).toBeLessThanOrEqual(day.high)
          expect(Math.min(...bars.map(({ low }) => low))).toBeGreaterThanOrEqual(day.low)
          expect(bars.reduce((sum, { volume }) => sum + volume, 0)).toBeLessThan(day.volume)
        }
      }
    })
  }
})

test('today comes with the clock: no bar, a partial one, the final one, and yesterday stays', async () => {
  const wish = wishOf('TIME_SERIES_DAILY', 'QAAA', 'compact', 'json')
  await withBatchScene({ time: `${TODAY} 09:00:00` }, async ({ ask, clock }) => {
    const readSeries = async () => read(alphavantage.readDaily(wish, read(await ask(wish))))
    const early = await readSeries()
    expect(early).toMatchObject({ refreshed: '2026-07-03' })
    await clock.advance(3 * HOUR_MS)
    const noon = await readSeries()
    expect(noon.refreshed).toBe(`${TODAY} 12:00:00`)
    expect(noon.bars.slice(0, -1)).toEqual(early.bars.slice(1))
    await clock.advance(4 * HOUR_MS + MINUTE_MS)
    const evening = await readSeries()
    expect(evening.refreshed).toBe(TODAY)
    expect(evening.bars.at(-1)!.volume).toBeGreaterThan(noon.bars.at(-1)!.volume)
    await clock.advance(24 * HOUR_MS)
    const next = await readSeries()
    expect(next.bars.at(-1)!.date).toBe('2026-07-07')
    expect(next.bars.slice(0, -1)).toEqual(evening.bars.slice(1))
  })
})

test('the listing has every oddity of the real one, and the gone have no sessions afterwards', async () => {
  await withBatchScene({ symbols: ['BRK-B'], symbolCount: 200 }, async ({ ask, daily }) => {
    const rowsOf = async (state: string) => {
      const wish = wishOf('LISTING_STATUS', '', state)
      return read(alphavantage.readListing(wish, read(await ask(wish))))
    }
    const active = await rowsOf('active')
    const gone = await rowsOf('delisted')
    expect(active.map(({ symbol }) => symbol)).toEqual(
      expect.arrayContaining(['BRK-B', 'NA', 'NAN', 'TRUE', '-P-HIZ', 'QQ:BAT', 'ZVZZT', 'QAAA']),
    )
    expect(active.length).toBeGreaterThan(50)
    expect(gone.length).toBeGreaterThan(0)
    expect(active.every(({ status, delistingDate }) => status === 'Active' && delistingDate === null)).toBe(
      true,
    )
    expect(gone.every(({ status, delistingDate }) => status === 'Delisted' && delistingDate !== null)).toBe(
      true,
    )
    for (const { symbol, delistingDate, ipoDate } of gone) {
      const bars = await daily(wishOf('TIME_SERIES_DAILY', symbol))
      expect(bars[0]!.date >= ipoDate!).toBe(true)
      expect(bars.at(-1)!.date < delistingDate!).toBe(true)
    }
  })
})

test('a stand-in of a year later tells the same history, and its listing has moved on', async () => {
  const symbols = ['QAAA', 'QAAD', 'QAAH']
  const histories: string[][] = []
  const listings: Set<string>[] = []
  for (const time of ['2026-07-06 16:30:00', '2027-07-06 16:30:00']) {
    await withBatchScene({ time, symbolCount: 1_000 }, async ({ ask, daily }) => {
      const bars = await Promise.all(symbols.map((symbol) => daily(wishOf('TIME_SERIES_DAILY', symbol))))
      histories.push(bars.map((some) => JSON.stringify(some.filter(({ date }) => date <= TODAY))))
      const wish = wishOf('LISTING_STATUS')
      const rows = read(alphavantage.readListing(wish, read(await ask(wish))))
      listings.push(new Set(rows.map(({ symbol }) => symbol)))
    })
  }
  expect(histories[1]).toEqual(histories[0])
  expect(listings[1]!.difference(listings[0]!).size).toBeGreaterThan(0)
  expect(listings[0]!.difference(listings[1]!).size).toBeGreaterThan(0)
})

test('a free key is refused what is premium, in the words of the vendor', async () => {
  await withBatchScene({ entitlement: 'free', limits: { perSecond: null } }, async ({ ask, standIn }) => {
    const kinds: string[] = []
    for (const wish of [
      wishOf('TIME_SERIES_DAILY', 'QAAA', 'compact'),
      wishOf('TIME_SERIES_DAILY', 'QAAA', 'full'),
      wishOf('TIME_SERIES_DAILY_ADJUSTED', 'QAAA', 'compact'),
      wishOf('TIME_SERIES_INTRADAY', 'QAAA'),
      wishOf('LISTING_STATUS'),
    ]) {
      kinds.push(kindOf(await ask(wish)))
    }
    expect(kinds).toEqual(['ok', 'not_entitled', 'not_entitled', 'not_entitled', 'ok'])
    expect(standIn.counts().refused).toEqual({ not_entitled: 3 })
  })
})

test('a free key gets one answer a second and 25 a day, from midnight in New York again', async () => {
  await withBatchScene({ entitlement: 'free' }, async ({ ask, clock, counts }) => {
    const wish = wishOf('TIME_SERIES_DAILY', 'QAAA', 'compact')
    expect(kindOf(await ask(wish))).toBe('ok')
    expect(kindOf(await ask(wish))).toBe('burst')
    for (let more = 0; more < 24; more += 1) {
      await clock.advance(1_200)
      expect(kindOf(await ask(wish))).toBe('ok')
    }
    await clock.advance(1_200)
    expect(kindOf(await ask(wish))).toBe('day_limit')
    await clock.advance(7 * HOUR_MS)
    expect(kindOf(await ask(wish))).toBe('day_limit')
    await clock.advance(HOUR_MS)
    expect(kindOf(await ask(wish))).toBe('ok')
    expect(await counts()).toMatchObject({
      askedCount: 29,
      servedCount: 26,
      refused: { burst: 1, day_limit: 2 },
      questions: { 'TIME_SERIES_DAILY QAAA compact': { asked: 29, served: 26 } },
    })
  })
})

test('a plan of so many a minute refuses the next one until a minute has passed', async () => {
  await withBatchScene({ limits: { perMinute: 3 } }, async ({ ask, clock }) => {
    const wish = wishOf('DIVIDENDS', 'QAAA')
    const kinds: string[] = []
    for (let more = 0; more < 4; more += 1) kinds.push(kindOf(await ask(wish)))
    expect(kinds.map((kind) => kind === 'minute_limit')).toEqual([false, false, false, true])
    await clock.advance(MINUTE_MS)
    expect(kindOf(await ask(wish))).not.toBe('minute_limit')
  })
})

test('a wrong key and an unknown symbol are refused, and everything asked is counted', async () => {
  await withBatchScene({ key: GOOD_KEY.reveal() }, async ({ ask, counts }) => {
    const wish = wishOf('TIME_SERIES_DAILY', 'QAAA')
    expect(kindOf(await ask(wish, new Secret('ANOTHERKEY000001')))).toBe('key_refused')
    expect(kindOf(await ask(wishOf('TIME_SERIES_DAILY', 'NOSUCH')))).toBe('bad_symbol')
    expect(kindOf(await ask(wish))).toBe('ok')
    expect(await counts()).toEqual({
      askedCount: 3,
      servedCount: 1,
      served: { TIME_SERIES_DAILY: 1 },
      refused: { key_refused: 1, bad_symbol: 1 },
      questions: {
        'TIME_SERIES_DAILY QAAA full': { asked: 2, served: 1 },
        'TIME_SERIES_DAILY NOSUCH full': { asked: 1, served: 0 },
      },
      symbols: { QAAA: { asked: 2, served: 1 }, NOSUCH: { asked: 1, served: 0 } },
      faults: {},
    })
  })
})

test('recorded answers go before made-up ones, byte for byte', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'recorded-'))
  try {
    writeFileSync(join(dir, 'TIME_SERIES_DAILY_IBM_compact.csv'), DAILY_CSV)
    writeFileSync(join(dir, 'SPLITS_IBM.csv'), 'effective_date,split_factor\n1999-05-27,2.0000\n')
    await withBatchScene({ recording: dir, symbols: ['IBM'] }, async ({ ask }) => {
      expect(read(await ask(wishOf('TIME_SERIES_DAILY', 'IBM', 'compact')))).toBe(DAILY_CSV)
      expect(read(await ask(wishOf('TIME_SERIES_DAILY', 'IBM', 'full')))).not.toBe(DAILY_CSV)
      expect(read(await ask(wishOf('SPLITS', 'IBM')))).toContain('1999-05-27')
    })
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test.skipIf(AV_DATA_ABSENT)(`the vendor's own recordings are served as they are${needsAvData}`, async () => {
  await withBatchScene({ recording: join(recordedDir(), 'portfoliotree') }, async ({ ask }) => {
    const served = read(await ask(wishOf('TIME_SERIES_DAILY', 'IBM', 'compact')))
    expect(served).toBe(recorded('portfoliotree/TIME_SERIES_DAILY_42a08190.csv'))
    expect(read(await ask(wishOf('LISTING_STATUS')))).toBe(
      recorded('portfoliotree/LISTING_STATUS_42ba3c24.csv'),
    )
  })
})

test('a recording without an answer to anything is told so before the stand-in starts', async () => {
  await expect(withBatchScene({ recording: tmpdir() }, async () => {})).rejects.toMatchObject({
    code: 'RECORDING_INVALID',
  })
})
