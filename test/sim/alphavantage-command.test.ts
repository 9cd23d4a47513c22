/** What does `chandler sim alphavantage` start? The same stand-in, with a calendar and a clock of its own. */
import { expect, test } from 'vitest'
import { type AlphavantageSimOptions, startAlphavantageSim } from '../../src/app/sim-alphavantage.ts'
import { createClock, parseClockSetting } from '../../src/platform/clock.ts'
import { createSender } from '../../src/platform/http.ts'
import { alphavantage } from '../../src/venues/alphavantage/index.ts'
import { read } from '../venues/alphavantage-samples.ts'
import { GOOD_KEY, wishOf } from './alphavantage-kit.ts'
import { QUIET_LOG } from './kit.ts'

const OPTIONS: AlphavantageSimOptions = { port: 0, seed: 1, plan: 'premium', instruments: 3 }

test('a date is played after its close, with the holidays of New York, until it is stopped', async () => {
  const stop = new AbortController()
  const sim = await startAlphavantageSim({ ...OPTIONS, date: '2026-07-06' }, (simulation) => ({
    clock: createClock(simulation),
    log: QUIET_LOG,
    signal: stop.signal,
  }))
  const { url, restUrl, clock = '' } = sim.address
  expect(restUrl).toBe(url)
  expect(new Date(parseClockSetting(clock).instantMs).toISOString()).toBe('2026-07-06T20:30:00.000Z')
  const wish = wishOf('TIME_SERIES_DAILY', 'QAAA', 'compact')
  const reply = await createSender(url)(alphavantage.request(wish, GOOD_KEY))
  const { bars } = read(alphavantage.readDaily(wish, reply.body))
  // 3 July 2026 is the observed holiday, the 4th and 5th a weekend.
  expect(bars.slice(-3).map(({ date }) => date)).toEqual(['2026-07-01', '2026-07-02', '2026-07-06'])
  stop.abort()
  await sim.ended
  await expect(createSender(url)(alphavantage.request(wish, GOOD_KEY))).rejects.toThrow('check the network')
})

test('a time that is none is told so before anything starts', async () => {
  await expect(
    startAlphavantageSim({ ...OPTIONS, at: '25:00' }, () => {
      throw new Error('a context was made')
    }),
  ).rejects.toMatchObject({ code: 'USAGE' })
})
