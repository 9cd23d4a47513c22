/** Does each fault do what its name says, when it is told to, and nothing else? */
import { expect, test } from 'vitest'
import { OperatingError } from '../../src/domain/error.ts'
import { HOUR_MS, SECOND_MS } from '../../src/domain/time.ts'
import { yieldTurn } from '../../src/platform/clock.ts'
import { checkBatchFaults } from '../../src/sim/alphavantage/faults.ts'
import * as refusals from '../../src/sim/alphavantage/refusals.ts'
import { alphavantage } from '../../src/venues/alphavantage/index.ts'
import { AV_DATA_ABSENT, kindOf, needsAvData, read, recorded } from '../venues/alphavantage-samples.ts'
import { GOOD_KEY, wishOf, withBatchScene } from './alphavantage-kit.ts'

const WISH = wishOf('TIME_SERIES_DAILY', 'QAAA', 'compact')

/** What the venue makes of each: of the reply and, where that was taken, of its rows. */
const VERDICTS: Readonly<Record<string, { readonly csv: string; readonly json: string }>> = {
  '502_html': { csv: 'outage', json: 'outage' },
  '503': { csv: 'outage', json: 'outage' },
  truncated_json: { csv: 'outage', json: 'outage' },
  burst: { csv: 'burst', json: 'burst' },
  day_limit: { csv: 'day_limit', json: 'day_limit' },
  premium: { csv: 'not_entitled', json: 'not_entitled' },
  key_echo: { csv: 'day_limit', json: 'day_limit' },
  empty: { csv: 'no_data', json: 'no_data' },
  garbage: { csv: 'not_understood', json: 'not_understood' },
  header_only: { csv: 'no_data', json: 'no_data' },
  nan_values: { csv: 'not_understood', json: 'not_understood' },
  // CSV does not name the company: only the prices show that they are another's.
  wrong_symbol: { csv: 'ok', json: 'not_understood' },
  negative_price: { csv: 'ok', json: 'ok' },
  duplicate_rows: { csv: 'ok', json: 'ok' },
}

for (const [kind, expected] of Object.entries(VERDICTS)) {
  test(`${kind} is seen as what it is, in CSV and in JSON`, async () => {
    await withBatchScene({ faults: [{ kind }] }, async ({ ask, counts }) => {
      for (const format of ['csv', 'json'] as const) {
        const wish = { ...WISH, format }
        const answer = await ask(wish)
        expect(JSON.stringify(answer)).not.toContain(GOOD_KEY.reveal())
        const rows = answer.ok ? alphavantage.readDaily(wish, answer.value) : answer
        expect(kindOf(rows)).toBe(expected[format])
      }
      expect(await counts()).toMatchObject({ askedCount: 2, faults: { [kind]: 2 } })
    })
  })
}

test.skipIf(AV_DATA_ABSENT)(`the stand-in refuses in the published words${needsAvData}`, () => {
  const { bodies } = JSON.parse(recorded('http200_failures.json')) as {
    readonly bodies: readonly Published[]
  }
  const published = (name: string, at = 0): object => bodies.filter((one) => one.class === name)[at]!.body
  const said = (reply: { readonly body: string }): unknown => JSON.parse(reply.body)
  expect(said(refusals.dayLimit(25))).toEqual(published('rate_day'))
  expect(said(refusals.dayLimitWithKey('XXXX', 25))).toEqual(published('rate_day', 1))
  expect(said(refusals.burst(25))).toEqual(published('rate_burst'))
  expect(said(refusals.premiumEndpoint())).toEqual(published('premium'))
  expect(said(refusals.premiumOutputSize('TIME_SERIES_DAILY'))).toEqual(published('premium_param'))
  expect(said(refusals.keyRefused())).toEqual(published('bad_key'))
  expect(said(refusals.invalidCall('TIME_SERIES_DAILY'))).toEqual(published('bad_call'))
  expect(said(refusals.minuteLimit(5, 500))).toEqual(published('rate_legacy'))
})

type Published = { readonly class: string; readonly body: object }

test('a row that comes twice is read once, and a negative price is read as such', async () => {
  await withBatchScene({}, async ({ daily: good }) => {
    const truth = await good(WISH)
    await withBatchScene({ faults: [{ kind: 'duplicate_rows' }] }, async ({ ask, daily }) => {
      expect(read(await ask(WISH)).split('\n')).toHaveLength(100 + 3)
      expect(await daily(WISH)).toEqual(truth)
    })
    await withBatchScene({ faults: [{ kind: 'negative_price' }] }, async ({ daily }) => {
      expect((await daily(WISH)).at(-1)!.close).toBe(-truth.at(-1)!.close)
    })
    await withBatchScene({ faults: [{ kind: 'wrong_symbol' }] }, async ({ daily }) => {
      expect(await daily(WISH)).not.toEqual(truth)
    })
  })
})

test('an endless body ends when the client has had enough', async () => {
  await withBatchScene({ faults: [{ kind: 'endless_body', times: 1 }] }, async ({ ask, daily }) => {
    const asked = ask(WISH)
    await expect(asked).rejects.toBeInstanceOf(OperatingError)
    await expect(asked).rejects.toThrow('longer than')
    expect(await daily(WISH)).toHaveLength(100)
  })
})

test('a slow answer comes when its time has passed on the clock', async () => {
  await withBatchScene({ faults: [{ kind: 'slow', by: 20 }], latencyMs: 500 }, async ({ ask, clock }) => {
    let isAnswered = false
    const asked = ask(WISH).finally(() => {
      isAnswered = true
    })
    while (clock.timerCount === 0) await yieldTurn()
    await clock.advance(20 * SECOND_MS)
    expect(isAnswered).toBe(false)
    await clock.advance(500)
    expect(kindOf(await asked)).toBe('ok')
  })
})

test('restated history differs from then on, in a few sessions of the past', async () => {
  const faults = [{ kind: 'restated', at: HOUR_MS }]
  await withBatchScene({ faults }, async ({ clock, daily }) => {
    const before = await daily(wishOf('TIME_SERIES_DAILY', 'QAAA'))
    await clock.advance(HOUR_MS)
    const after = await daily(wishOf('TIME_SERIES_DAILY', 'QAAA'))
    const changed = after.filter((bar, at) => bar.volume !== before[at]!.volume)
    expect(changed.length / after.length).toBeGreaterThan(0.05)
    expect(changed.length / after.length).toBeLessThan(0.2)
    expect(after.map(({ date, close }) => [date, close])).toEqual(
      before.map(({ date, close }) => [date, close]),
    )
    expect(after.at(-1)).toEqual(before.at(-1))
    expect(await daily(wishOf('TIME_SERIES_DAILY', 'QAAA'))).toEqual(after)
  })
})

test('a fault meets the symbols, functions, moments and numbers that it names', async () => {
  const faults = [
    { kind: '503', symbols: ['QAAB'], functions: ['TIME_SERIES_DAILY'], times: 2 },
    { kind: 'empty', at: '17:00:00', every: 600, for: 60 },
  ]
  await withBatchScene({ faults }, async ({ ask, clock }) => {
    const kinds = async (...wishes: readonly Parameters<typeof ask>[0][]): Promise<readonly string[]> => {
      const all: string[] = []
      for (const wish of wishes) all.push(kindOf(await ask(wish)))
      return all
    }
    const other = wishOf('TIME_SERIES_DAILY', 'QAAB', 'compact')
    const adjusted = wishOf('TIME_SERIES_DAILY_ADJUSTED', 'QAAB', 'compact')
    expect(await kinds(WISH, adjusted, other, other, other)).toEqual(['ok', 'ok', 'outage', 'outage', 'ok'])
    await clock.advance(30 * 60 * SECOND_MS)
    expect(await kinds(WISH)).toEqual(['no_data'])
    await clock.advance(60 * SECOND_MS)
    expect(await kinds(WISH)).toEqual(['ok'])
    await clock.advance(540 * SECOND_MS)
    expect(await kinds(WISH)).toEqual(['no_data'])
  })
})

test('a share of the questions is met, the same ones in every run', async () => {
  const runs: string[] = []
  for (const _run of [1, 2]) {
    await withBatchScene({ faults: [{ kind: '503', share: 0.3 }] }, async ({ ask }) => {
      let met = ''
      for (let more = 0; more < 60; more += 1) met += kindOf(await ask(WISH)) === 'ok' ? '.' : 'x'
      runs.push(met)
    })
  }
  expect(runs[0]).toBe(runs[1])
  const metCount = runs[0]!.replaceAll('.', '').length
  expect(metCount).toBeGreaterThan(5)
  expect(metCount).toBeLessThan(35)
})

test('a faults file that is wrong is told with the path of what is wrong', () => {
  for (const [value, words] of [
    [[{ kind: 'nonsense' }], 'kind'],
    [[{ kind: 'slow' }], 'by'],
    [[{ kind: '503', at: '25:00:00' }], 'HH:MM:SS'],
    [[{ kind: '503', every: 60 }], 'shorter than every'],
    [[{ kind: '503', symbol: 'A' }], 'symbol'],
    [{ kind: '503' }, 'array'],
  ] as const) {
    expect(() => checkBatchFaults(value, 'faults.yaml')).toThrow(words)
  }
  expect(checkBatchFaults(null, 'faults.yaml')).toEqual([])
})
