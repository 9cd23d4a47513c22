import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { EXCLUSIONS, exclusionOf, selectUniverse, type UniverseEntry } from '../../src/batch/universe.ts'
import { refuseShrunken, universeDiff } from '../../src/batch/universe-diff.ts'
import {
  readUniverse,
  type UniverseFile,
  universeDates,
  writeUniverse,
} from '../../src/batch/universe-file.ts'
import type { ListingRow } from '../../src/domain/batch.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'

const RULES = { exchanges: ['NYSE', 'NASDAQ'], assetTypes: ['Stock'] }
const LISTING = '../shared/data/alphavantage/portfoliotree/LISTING_STATUS_42ba3c24.csv'

const dirs: string[] = []
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true })
})

function row(symbol: string, fields: Partial<ListingRow> = {}): ListingRow {
  return {
    symbol,
    name: `${symbol} Corp`,
    exchange: 'NYSE',
    assetType: 'Stock',
    ipoDate: '2001-02-03' as MarketDate,
    delistingDate: null,
    status: 'Active',
    ...fields,
  }
}

function entry(symbol: string, fields: Partial<UniverseEntry> = {}): UniverseEntry {
  const { name, exchange, assetType, ipoDate } = row(symbol)
  return { symbol, name, exchange, assetType, ipoDate, ...fields }
}

test('NA, NAN and TRUE are symbols of companies, and share classes stay', () => {
  const symbols = ['NA', 'NAN', 'TRUE', 'BRK-B', 'BF-A', 'MKC-V', 'A', 'GOOGL']
  const { entries } = selectUniverse(
    symbols.map((symbol) => row(symbol, { exchange: symbol === 'GOOGL' ? 'NASDAQ' : 'NYSE' })),
    RULES,
  )
  expect(entries.map(({ symbol }) => symbol)).toEqual(symbols.toSorted())
})

test.each([
  ['ZZZ', 'test_symbol'],
  ['ZTST', 'test_symbol'],
  ['ZZK', 'test_symbol'],
  ['ZVZZT', 'test_symbol'],
  ['ZWZZT', 'test_symbol'],
  ['ZXZZT', 'test_symbol'],
  ['ZAZZT', 'test_symbol'],
  ['ZBZZT', 'test_symbol'],
  ['ZCZZT', 'test_symbol'],
  ['ZJZZT', 'test_symbol'],
  ['NTEST', 'test_symbol'],
  ['NTEST-H', 'test_symbol'],
  ['ZXYZ-A', 'test_symbol'],
  ['AAPL:BAT', 'second_venue'],
  ['BAC-P-B:BAT', 'second_venue'],
  ['AAC-WS', 'warrant'],
  ['NE-WS-A', 'warrant'],
  ['MRP-W', 'warrant'],
  ['AAC-U', 'unit'],
  ['AIIA-R', 'right'],
  ['BHK-R-W', 'right'],
  ['BAC-P-B', 'preferred'],
  ['EP-P', 'preferred'],
  ['BC/PB', 'preferred'],
  ['JNJ-WD', 'when_issued'],
  ['-P-HIZ', 'malformed'],
  ['AKO - PR-U', 'unit'],
  ['NXT(EXP20091224)', 'malformed'],
  ['', 'malformed'],
])('%s is left out as %s', (symbol, reason) => {
  expect(exclusionOf(row(symbol), RULES)).toBe(reason)
})

test("NASDAQ's fifth letter marks warrants, units and rights; NYSE's does not", () => {
  const on = (exchange: string) => (symbol: string) => exclusionOf(row(symbol, { exchange }), RULES)
  expect(['KBONW', 'ONCHU', 'RANGR', 'GOOGL'].map(on('NASDAQ'))).toEqual(['warrant', 'unit', 'right', null])
  expect(['KBONW', 'ONCHU', 'RANGR'].map(on('NYSE'))).toEqual([null, null, null])
})

test('what a name says outright is believed', () => {
  expect(exclusionOf(row('CBX', { name: 'NYSE LISTED TEST' }), RULES)).toBe('test_symbol')
  expect(exclusionOf(row('OPENZ', { name: 'Opendoor - Warrants - Series Z' }), RULES)).toBe('warrant')
  expect(exclusionOf(row('HSCS', { name: 'Heart Test Laboratories Inc' }), RULES)).toBeNull()
  expect(exclusionOf(row('AEHR', { name: 'Aehr Test Systems' }), RULES)).toBeNull()
})

test('other exchanges, other kinds and what is delisted stay out, each counted', () => {
  const rows = [
    row('A'),
    row('SPY', { exchange: 'NYSE ARCA', assetType: 'ETF' }),
    row('QQQ', { exchange: 'NASDAQ', assetType: 'ETF' }),
    row('OLD', { status: 'Delisted' }),
    row('A'),
  ]
  const { entries, excluded } = selectUniverse(rows, RULES)
  expect(entries.map(({ symbol }) => symbol)).toEqual(['A'])
  expect(excluded).toMatchObject({ other_exchange: 1, other_asset_type: 1, not_active: 1, repeated: 1 })
})

test.skipIf(!existsSync(LISTING))(
  'of the recorded listing (skipped without it) every row is in the universe or counted under one reason',
  () => {
    const rows = readFileSync(LISTING, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => {
        const [symbol = '', name = '', exchange = '', assetType = '', ipoDate, , status = ''] =
          line.split(',')
        return row(symbol, { name, exchange, assetType, ipoDate: ipoDate as MarketDate, status })
      })
    const { entries, excluded } = selectUniverse(rows, RULES)
    const counts = EXCLUSIONS.map((reason) => excluded[reason])
    expect(rows.length).toBe(13_411)
    expect(entries.length + counts.reduce((sum, count) => sum + count, 0)).toBe(13_411)
    const symbols = new Set(entries.map(({ symbol }) => symbol))
    for (const symbol of ['A', 'AAPL', 'NA', 'BRK-B', 'GOOGL', 'MSFT']) expect(symbols).toContain(symbol)
    expect(entries.filter(({ name }) => /\btest (stock|ticker)|warrant/i.test(name))).toEqual([])
    expect(entries.filter(({ symbol }) => !/^[A-Z0-9]+(-[A-Z])?$/.test(symbol))).toEqual([])
    expect({ kept: entries.length, excluded }).toMatchInlineSnapshot(`
      {
        "excluded": {
          "malformed": 2,
          "not_active": 0,
          "other_asset_type": 1468,
          "other_exchange": 4329,
          "preferred": 336,
          "repeated": 0,
          "right": 175,
          "second_venue": 54,
          "test_symbol": 30,
          "unit": 386,
          "warrant": 629,
          "when_issued": 1,
        },
        "kept": 6001,
      }
    `)
  },
)

test('a diff tells what was listed, what was delisted and what only changed its symbol', () => {
  const facebook = { name: 'Meta Platforms Inc', ipoDate: '2012-05-18' as MarketDate }
  const before = [entry('A'), entry('OLD', { ipoDate: null }), entry('FB', facebook)]
  const after = [entry('A'), entry('META', { ...facebook, name: 'META PLATFORMS INC' }), entry('NEW')]
  expect(universeDiff(before, after)).toEqual({
    listed: ['NEW'],
    delisted: ['OLD'],
    renamed: [{ from: 'FB', to: 'META' }],
  })
})

test('two share classes that go and come together are not taken for each other', () => {
  const alike = { name: 'Twice Inc', ipoDate: '2012-05-18' as MarketDate }
  const diff = universeDiff(
    [entry('T-A', alike), entry('T-B', alike)],
    [entry('U-A', alike), entry('U-B', alike)],
  )
  expect(diff).toEqual({ listed: ['U-A', 'U-B'], delisted: ['T-A', 'T-B'], renamed: [] })
})

test('an empty universe, or one that lost more than a fifth, is refused', () => {
  const before = Array.from({ length: 100 }, (_, at) => entry(`S${at}`))
  expect(() => refuseShrunken(before, [])).toThrow(/no symbol is left.*the one before stays/)
  expect(() => refuseShrunken([], [])).toThrow(/no symbol is left/)
  expect(() => refuseShrunken(before, before.slice(21))).toThrow(/79 symbols are left of 100/)
  expect(() => refuseShrunken(before, before.slice(20))).not.toThrow()
  expect(() => refuseShrunken([], before)).not.toThrow()
})

test('the newest universe is in force, and a second one of a date takes the place of the first', () => {
  const dir = mkdtempSync(join(tmpdir(), 'chandler-universe-'))
  dirs.push(dir)
  const of = (date: string, ...symbols: readonly string[]): UniverseFile => ({
    schema: 'chandler.universe.v1',
    date: date as MarketDate,
    fetchedAtMs: 0 as UnixMs,
    listing: 'raw/us/x.csv.zst',
    excluded: selectUniverse([], RULES).excluded,
    since: null,
    diff: { listed: [], delisted: [], renamed: [] },
    entries: symbols.map((symbol) => entry(symbol)),
  })
  expect(readUniverse(dir)).toBeNull()
  writeUniverse(dir, of('2026-05-10', 'A'))
  writeUniverse(dir, of('2026-05-17', 'A', 'B'))
  writeUniverse(dir, of('2026-05-17', 'A', 'C'))
  expect(universeDates(dir)).toEqual(['2026-05-10', '2026-05-17'])
  expect(readUniverse(dir)!.entries.map(({ symbol }) => symbol)).toEqual(['A', 'C'])
  expect(readUniverse(dir, '2026-05-17' as MarketDate)!.date).toBe('2026-05-10')
  expect(readdirSync(dir).toSorted()).toEqual(['2026-05-10.json', '2026-05-17.json'])
  writeFileSync(join(dir, '2026-05-18.json'), '{"schema":"chandler.universe.v9"}')
  expect(() => readUniverse(dir)).toThrow(/does not know; use the version that wrote it/)
})
