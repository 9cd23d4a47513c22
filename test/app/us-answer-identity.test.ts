import { expect, test } from 'vitest'
import { IdentifiedAsking } from '../../src/app/us-answer-identity.ts'
import type { Asked } from '../../src/batch/asking.ts'
import type { BatchWish, RawAnswer } from '../../src/domain/batch.ts'
import type { UnixMs } from '../../src/domain/time.ts'
import { alphavantage } from '../../src/venues/alphavantage/index.ts'

const PRICES: BatchWish = { function: 'TIME_SERIES_DAILY', symbol: 'A', variant: 'compact', format: 'csv' }
const SPLITS: BatchWish = { function: 'SPLITS', symbol: 'A', variant: '', format: 'csv' }
const NOW = Date.parse('2026-05-15T21:00:00Z') as UnixMs
const DATES = ['2026-05-11', '2026-05-12', '2026-05-13', '2026-05-14', '2026-05-15']

function csvOf(closes: readonly number[]): string {
  const rows = closes.map((close, at) => [DATES[at], close, close, close, close, 100].join(','))
  return `timestamp,open,high,low,close,volume\n${rows.join('\n')}\n`
}

function jsonOf(closes: readonly (number | string)[]): string {
  const rows = closes.map((close, at) => [
    DATES[at],
    { '1. open': close, '2. high': close, '3. low': close, '4. close': close, '5. volume': '100' },
  ])
  const meta = { '2. Symbol': 'A' }
  return JSON.stringify({ 'Meta Data': meta, 'Time Series (Daily)': Object.fromEntries(rows) })
}

type Body = string | Extract<Asked, { readonly ok: false }>

/** A vendor that has a body for each format; `held` is what was kept before. */
function askingOf(bodies: Partial<Record<'csv' | 'json', Body>>, held: string | null = null) {
  const formats: string[] = []
  const kept: RawAnswer = { wish: PRICES, fetchedAtMs: NOW, path: 'kept' }
  const asking = new IdentifiedAsking({
    asking: {
      ask: async ({ format }): Promise<Asked> => {
        formats.push(format)
        const body = bodies[format]!
        return typeof body === 'string' ? { ok: true, body, fetchedAtMs: NOW, tries: 1 } : body
      },
    },
    venue: alphavantage,
    known: { newestLike: () => (held === null ? null : kept) },
    readBody: () => held!,
    log: { info: () => {}, warn: () => {}, error: () => {}, pass: () => {} },
  })
  return { formats, ask: (wish: BatchWish) => asking.ask(wish) }
}

const HELD = csvOf([10, 11, 12, 13])

test('the first answer of a symbol comes in the format that names its symbol', async () => {
  const { ask, formats } = askingOf({ json: jsonOf([10, 11]) })
  expect(await ask(PRICES)).toMatchObject({ ok: true, format: 'json', tries: 1 })
  expect(formats).toEqual(['json'])
})

test('a CSV that goes on from what is held is believed, though a row of it was restated', async () => {
  const { ask, formats } = askingOf({ csv: csvOf([10, 11, 12.5, 13, 14]) }, HELD)
  expect(await ask(PRICES)).toMatchObject({ ok: true, format: 'csv', tries: 1 })
  expect(formats).toEqual(['csv'])
})

test('rows of another company are asked again, and kept only if JSON names the symbol', async () => {
  const stranger = csvOf([70, 71, 72, 73, 74])
  const { ask, formats } = askingOf({ csv: stranger, json: jsonOf([10, 11, 12, 13, 14]) }, HELD)
  expect(await ask(PRICES)).toMatchObject({ ok: true, format: 'json', tries: 2 })
  expect(formats).toEqual(['csv', 'json'])
  const refusal = { kind: 'not_understood', message: 'an answer for another symbol' } as const
  const refused = { ok: false, refusal, next: 'queue', untilMs: null, tries: 4 } as const
  expect(await askingOf({ csv: stranger, json: refused }, HELD).ask(PRICES)).toEqual({ ...refused, tries: 5 })
})

test('a CSV that has no date in common with what is held is asked again, too', async () => {
  const old = csvOf([10]).replace(DATES[0]!, '2020-01-02')
  const { ask, formats } = askingOf({ csv: csvOf([10, 11]), json: jsonOf([10, 11]) }, old)
  expect(await ask(PRICES)).toMatchObject({ ok: true, format: 'json' })
  expect(formats).toEqual(['csv', 'json'])
})

test('an answer that nobody could read later is not kept, and waits in the queue', async () => {
  const { ask } = askingOf({ json: jsonOf([10, 'NaN']) })
  const asked = await ask(PRICES)
  expect(asked).toMatchObject({ ok: false, next: 'queue', tries: 2, refusal: { kind: 'not_understood' } })
})

test('that there are no splits is no answer where there were some', async () => {
  const refusal = { kind: 'no_data', message: 'an answer without data' } as const
  const empty = { ok: false, refusal, next: 'accept', untilMs: null, tries: 1 } as const
  expect(await askingOf({ json: empty }).ask(SPLITS)).toMatchObject({ next: 'accept' })
  expect(await askingOf({ json: empty }, '{"symbol":"A","data":[]}').ask(SPLITS)).toMatchObject({
    next: 'queue',
  })
})
