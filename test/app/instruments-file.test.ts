import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseInstruments, readInstruments } from '../../src/app/instruments-file.ts'
import { bySymbol, EXCHANGES, type Instrument } from '../../src/domain/instrument.ts'

const HEADER = 'exchange,token,symbol\n'

test('the list comes back sorted by symbol in code-unit order, whatever its order in the file', () => {
  const text =
    'exchange,token,symbol,derivatives\nNSE,3045,SBIN,true\nNSE,99926000,Nifty 50,\nBSE,1,M&M,false\n'
  expect(parseInstruments(text, 'in.csv')).toEqual([
    { exchange: 'BSE', token: '1', symbol: 'M&M' },
    { exchange: 'NSE', token: '99926000', symbol: 'Nifty 50' },
    { exchange: 'NSE', token: '3045', symbol: 'SBIN', derivatives: true },
  ])
})

test('what a spreadsheet saves is read: byte order mark, CRLF, quotes, blanks, TRUE, empty lines', () => {
  const text = '\ufeffexchange,token,symbol,derivatives\r\n"NSE", 3045 ,SBIN,TRUE\r\n\r\nNSE,1594,INFY\r\n'
  expect(parseInstruments(text, 'in.csv')).toEqual([
    { exchange: 'NSE', token: '1594', symbol: 'INFY' },
    { exchange: 'NSE', token: '3045', symbol: 'SBIN', derivatives: true },
  ])
})

test.each([
  ['', /in\.csv:1: the header lacks exchange, token, symbol/],
  ['NSE,3045,SBIN\n', /in\.csv:1: the header lacks exchange, token, symbol/],
  ['exchange,token\nNSE,3045\n', /in\.csv:1: the header lacks symbol/],
  ['exchange,token,symbol,lot\n', /in\.csv:1: unknown or repeated column "lot"/],
  ['exchange,token,symbol,token\n', /in\.csv:1: unknown or repeated column "token"/],
  [HEADER, /in\.csv: no instrument below the header/],
  [`${HEADER}NSE,3045,SBIN\nNYSE,1,A\n`, /in\.csv:3: exchange "NYSE" is none of NSE, NFO/],
  [`${HEADER}nse,1,A\n`, /in\.csv:2: exchange "nse" is none of/],
  [`${HEADER}NSE,,A\n`, /in\.csv:2: the token is empty/],
  [`${HEADER}NSE,${'1'.repeat(25)},A\n`, /in\.csv:2: the token is longer than 24 bytes/],
  [`${HEADER}NSE,३०४५,A\n`, /in\.csv:2: the token has characters other than printable ASCII/],
  [`${HEADER}NSE,1 2,A\n`, /in\.csv:2: the token has characters other than printable ASCII/],
  [`${HEADER}NSE,1\n`, /in\.csv:2: the symbol is empty/],
  [`${HEADER}NSE,1,A/B\n`, /in\.csv:2: the symbol may only have/],
  [`${HEADER}NSE,1,..\n`, /in\.csv:2: the symbol needs a letter or a digit/],
  [`${HEADER}NSE,1,A,B\n`, /in\.csv:2: 4 fields for 3 columns/],
  ['exchange,token,symbol,derivatives\nNSE,1,A,yes\n', /in\.csv:2: derivatives is neither true nor false/],
  [`${HEADER}NSE,1,A\n\nNSE,1,B\n`, /in\.csv:4: \(exchange, token\) NSE:1 stands in line 2 already/],
  [`${HEADER}NSE,1,A\nBSE,1,A\n`, /in\.csv:3: symbol "A" stands in line 2 already/],
  [`${HEADER}NSE,1,A\nNSE,2,"B\n`, /in\.csv:\d+: not CSV/],
])('a faulty list is refused with file and line: %j', (text, message) => {
  const parse = (): unknown => parseInstruments(text, 'in.csv')
  expect(parse).toThrow(message)
  expect(parse).toThrow(expect.objectContaining({ code: 'INSTRUMENTS_INVALID' }))
})

test('a token of 24 bytes is accepted', () => {
  expect(parseInstruments(`${HEADER}NSE,${'1'.repeat(24)},A\n`, 'in.csv')).toHaveLength(1)
})

test('an absent list says which path was tried', () => {
  const dir = mkdtempSync(join(tmpdir(), 'chandler-instruments-'))
  try {
    const path = join(dir, 'in.csv')
    expect(() => readInstruments(path)).toThrow(path)
    writeFileSync(path, `${HEADER}NSE,3045,SBIN\n`)
    expect(readInstruments(path)).toEqual([{ exchange: 'NSE', token: '3045', symbol: 'SBIN' }])
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('any list of distinct instruments survives the way through a file', () => {
  const symbol = fc.stringMatching(/^[A-Z0-9][A-Za-z0-9 &._-]{0,9}[A-Z0-9]$/)
  const instrument: fc.Arbitrary<Instrument> = fc.record(
    {
      exchange: fc.constantFrom(...EXCHANGES),
      token: fc.stringMatching(/^[0-9]{1,24}$/),
      symbol,
      derivatives: fc.constant(true),
    },
    { requiredKeys: ['exchange', 'token', 'symbol'] },
  )
  const list = fc.uniqueArray(instrument, {
    minLength: 1,
    maxLength: 50,
    comparator: (a, b) => a.symbol === b.symbol || (a.exchange === b.exchange && a.token === b.token),
  })
  fc.assert(
    fc.property(list, (instruments) => {
      const lines = instruments.map(
        ({ exchange, token, symbol: name, derivatives }) =>
          `${exchange},${token},${name},${derivatives ?? ''}`,
      )
      const text = `exchange,token,symbol,derivatives\n${lines.join('\n')}\n`
      expect(parseInstruments(text, 'in.csv')).toEqual(instruments.toSorted(bySymbol))
    }),
    { numRuns: 200 },
  )
})
