import { expect, test } from 'vitest'
import { pickInstruments } from '../../src/app/pick-instruments.ts'
import type { MasterRow } from '../../src/domain/venue.ts'

const PLAIN: MasterRow = {
  exchange: 'NSE',
  token: '0',
  symbol: '',
  name: '',
  expiry: '',
  instrumentType: '',
  tickSize: 0.05,
  lotSize: 1,
}

const MASTER: readonly MasterRow[] = [
  { ...PLAIN, token: '99926000', symbol: 'Nifty 50', name: 'NIFTY', instrumentType: 'AMXIDX' },
  { ...PLAIN, token: '99926009', symbol: 'Nifty Bank', name: 'BANKNIFTY', instrumentType: 'AMXIDX' },
  { ...PLAIN, token: '3045', symbol: 'SBIN-EQ', name: 'SBIN' },
  { ...PLAIN, token: '2031', symbol: 'M&M-EQ', name: 'M&M' },
  { ...PLAIN, token: '9999', symbol: 'SBIN-BE', name: 'SBIN' },
  { ...PLAIN, token: '777', symbol: 'SMALLCO-EQ', name: 'SMALLCO' },
  { ...PLAIN, exchange: 'BSE', token: '500112', symbol: 'SBIN', name: 'SBIN' },
  { ...PLAIN, exchange: 'NFO', token: '5', symbol: 'SBIN26JULFUT', name: 'SBIN', instrumentType: 'FUTSTK' },
]

test('a name is found however people write it, and stocks with futures are marked', () => {
  expect(pickInstruments(['NIFTY 50', 'nifty50', 'sbin', 'm&m', 'SMALLCO-EQ'], MASTER)).toEqual([
    { exchange: 'NSE', token: '99926000', symbol: 'Nifty 50', derivatives: false },
    { exchange: 'NSE', token: '3045', symbol: 'SBIN', derivatives: true },
    { exchange: 'NSE', token: '2031', symbol: 'M&M', derivatives: false },
    { exchange: 'NSE', token: '777', symbol: 'SMALLCO', derivatives: false },
  ])
})

test('a name that is not there is not guessed: what comes near is listed', () => {
  expect(() => pickInstruments(['Nifty'], MASTER)).toThrow(
    /^looking up "Nifty" .*near it: Nifty 50 \(99926000\), Nifty Bank \(99926009\); correct/,
  )
  expect(() => pickInstruments(['XYZ'], MASTER)).toThrow(
    /it is not among the cash instruments of NSE; correct/,
  )
})

test('a name that fits two is not decided for the operator', () => {
  const twice = [...MASTER, { ...PLAIN, token: '3046', symbol: 'SBIN-EQ', name: 'SBIN' }]
  expect(() => pickInstruments(['SBIN'], twice)).toThrow(
    /fits more than one instrument; near it: SBIN-EQ \(3045\)/,
  )
})
