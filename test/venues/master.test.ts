import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { masterBaseUrl, masterRequest, parseMaster, surveyMaster } from '../../src/venues/smartapi/index.ts'
import { DATA_ABSENT, DATA_DIR, needsData } from './samples.ts'

const ROW = {
  token: '3045',
  symbol: 'SBIN-EQ',
  name: 'SBIN',
  expiry: '',
  strike: '-1.000000',
  lotsize: '1',
  instrumenttype: '',
  exch_seg: 'NSE',
  tick_size: '5.000000',
}

test('a row of texts becomes a row of values, the tick size in rupees', () => {
  expect(parseMaster(JSON.stringify([ROW]))).toEqual({
    ok: true,
    value: [
      {
        exchange: 'NSE',
        token: '3045',
        symbol: 'SBIN-EQ',
        name: 'SBIN',
        expiry: '',
        instrumentType: '',
        tickSize: 0.05,
        lotSize: 1,
      },
    ],
  })
})

test.skipIf(DATA_ABSENT)(`recorded rows of the master are all read${needsData}`, () => {
  const answer = surveyMaster(readFileSync(join(DATA_DIR, 'scripmaster_sample_rows.json'), 'utf8'))
  if (!answer.ok) throw new Error(answer.refusal.message)
  expect(answer.value).toMatchObject({ foreignCount: 0, malformedCount: 0 })
  expect(
    answer.value.rows.map((row) => `${row.exchange}:${row.token} ${row.tickSize} ${row.lotSize}`),
  ).toEqual([
    'NSE:3045 0.1 1',
    'NSE:99926000 0 1',
    'NSE:99926009 0 1',
    'NSE:99926017 0 1',
    'NFO:61093 0.1 65',
    'NFO:47338 0.05 50',
    'NSE:10666 0.05 1',
  ])
  expect(answer.value.rows[5]).toMatchObject({ expiry: '09MAR2023', instrumentType: 'OPTIDX' })
})

test('rows of unknown segments and rows without the needful are left out and counted', () => {
  const rows = [
    ROW,
    { ...ROW, exch_seg: 'nse_cm' },
    { ...ROW, exch_seg: 'NYSE' },
    { ...ROW, exch_seg: undefined },
    { ...ROW, token: '' },
    { ...ROW, token: 3045 },
    { ...ROW, symbol: null },
    { ...ROW, tick_size: 'five' },
    { ...ROW, lotsize: '' },
    { ...ROW, lotsize: '-1' },
    null,
  ]
  const answer = surveyMaster(JSON.stringify(rows))
  expect(answer).toMatchObject({ ok: true, value: { foreignCount: 2, malformedCount: 7 } })
  expect(answer.ok && answer.value.rows).toHaveLength(2)
})

test('what has been served instead of a master is refused', () => {
  const whole = JSON.stringify([ROW, ROW])
  const refused = [
    ['null', 'not_understood'],
    ['', 'not_understood'],
    ['[]', 'not_understood'],
    ['{}', 'not_understood'],
    ['[{}]', 'not_understood'],
    ['<html>Request Rejected</html>', 'outage'],
    [whole.slice(0, -1), 'outage'],
    [whole.slice(0, 200), 'outage'],
  ]
  for (const [body, kind] of refused) {
    expect(parseMaster(body!)).toMatchObject({ ok: false, refusal: { kind, code: '' } })
  }
})

test('any text at all is a master or a refusal', () => {
  const anyRow = fc.record(
    { exch_seg: fc.constantFrom('NSE', 'X', 7), token: fc.jsonValue(), symbol: fc.jsonValue() },
    { requiredKeys: [] },
  )
  const anyBody = fc.oneof(
    fc.string(),
    fc.json(),
    fc.array(anyRow).map((rows) => JSON.stringify(rows)),
  )
  fc.assert(
    fc.property(anyBody, (body) => {
      expect(typeof parseMaster(body).ok).toBe('boolean')
    }),
  )
})

test('the master is asked for at its own host, without credentials', () => {
  const { path, headers, method } = masterRequest()
  expect(new URL(path, masterBaseUrl).href).toBe(
    'https://margincalculator.angelone.in/OpenAPI_File/files/OpenAPIScripMaster.json',
  )
  expect([method, Object.keys(headers)]).toEqual(['GET', ['Accept']])
})
