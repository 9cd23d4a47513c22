/** Does the venue ask rightly, and read what is written and nothing else? Hand-written answers. */
import { expect, test } from 'vitest'
import { Secret } from '../../src/domain/secret.ts'
import { alphavantage } from '../../src/venues/alphavantage/index.ts'
import {
  ADJUSTED_CSV,
  DAILY_CSV,
  DIVIDENDS_CSV,
  dailyJson,
  INTRADAY_CSV,
  KEY,
  kindOf,
  LISTING_CSV,
  read,
  replyOf,
  SPLITS_CSV,
  wishFor,
} from './alphavantage-samples.ts'

const DAILY = wishFor('TIME_SERIES_DAILY')
const DAILY_JSON = wishFor('TIME_SERIES_DAILY', 'IBM', 'json')
const INTRADAY = wishFor('TIME_SERIES_INTRADAY')

test('every wish is one query with the key at its end', () => {
  const pathOf = (...wish: Parameters<typeof wishFor>): string =>
    alphavantage.request(wishFor(...wish), KEY).path
  expect(pathOf('TIME_SERIES_DAILY', 'BRK-B')).toBe(
    '/query?function=TIME_SERIES_DAILY&symbol=BRK-B&outputsize=compact&datatype=csv&apikey=SAMPLEKEY0000001',
  )
  expect(pathOf('TIME_SERIES_INTRADAY', 'A&B', 'json', '2026-01')).toBe(
    '/query?function=TIME_SERIES_INTRADAY&symbol=A%26B&interval=5min&adjusted=false&extended_hours=false' +
      '&outputsize=full&month=2026-01&datatype=json&apikey=SAMPLEKEY0000001',
  )
  expect(pathOf('TIME_SERIES_INTRADAY')).not.toContain('month')
  expect(pathOf('LISTING_STATUS', '', 'csv', 'delisted')).toBe(
    '/query?function=LISTING_STATUS&state=delisted&apikey=SAMPLEKEY0000001',
  )
  expect(pathOf('SPLITS')).toBe('/query?function=SPLITS&symbol=IBM&datatype=csv&apikey=SAMPLEKEY0000001')
})

test('a wish in words holds no key', () => {
  expect(alphavantage.describe(wishFor('TIME_SERIES_DAILY', 'AAPL'))).toBe('TIME_SERIES_DAILY AAPL compact')
  expect(alphavantage.describe(wishFor('LISTING_STATUS'))).toBe('LISTING_STATUS active')
  expect(alphavantage.describe(wishFor('SPLITS'))).toBe('SPLITS IBM')
})

test('a variant that the function does not have is a mistake of the program', () => {
  for (const variant of ['', 'all', '2026-13', '2026-1', 'full']) {
    expect(() => alphavantage.request(wishFor('TIME_SERIES_INTRADAY', 'IBM', 'csv', variant), KEY)).toThrow()
  }
})

test('each kind of answer is read, ascending, with its values', () => {
  expect(read(alphavantage.readDaily(DAILY, DAILY_CSV)).bars.map(({ date }) => date)).toEqual([
    '2026-05-14',
    '2026-05-15',
  ])
  expect(read(alphavantage.readDaily(wishFor('TIME_SERIES_DAILY_ADJUSTED'), ADJUSTED_CSV)).bars).toEqual([
    {
      date: '2026-05-07',
      open: 227.5,
      high: 231.82,
      low: 227.41,
      close: 231.31,
      volume: 5_485_545,
      adjustedClose: 229.62102225102612,
      dividend: 0,
      split: 1,
    },
    {
      date: '2026-05-08',
      open: 229.73,
      high: 230.705,
      low: 224.83,
      close: 229.76,
      volume: 5_332_800,
      adjustedClose: 229.76,
      dividend: 1.69,
      split: 1,
    },
  ])
  expect(read(alphavantage.readSplits(wishFor('SPLITS'), SPLITS_CSV))).toEqual([
    { date: '1999-05-27', factor: 2 },
    { date: '2021-11-04', factor: 1.046 },
  ])
  expect(read(alphavantage.readDividends(wishFor('DIVIDENDS'), DIVIDENDS_CSV))).toEqual([
    { exDate: '1999-02-08', amount: 0.22 },
    { exDate: '2026-05-08', amount: 1.69 },
  ])
})

test('JSON and CSV of one series say the same, and only JSON says how fresh it is', () => {
  const json = read(alphavantage.readDaily(DAILY_JSON, dailyJson('IBM', '2026-05-15 14:07:03')))
  const csv = read(alphavantage.readDaily(DAILY, DAILY_CSV))
  expect(json.bars).toEqual(csv.bars)
  expect([json.refreshed, csv.refreshed]).toEqual(['2026-05-15 14:07:03', null])
})

test('splits and dividends are read from JSON too', () => {
  const splits = { symbol: 'IBM', data: [{ effective_date: '1999-05-27', split_factor: '2.0000' }] }
  expect(read(alphavantage.readSplits(wishFor('SPLITS', 'IBM', 'json'), JSON.stringify(splits)))).toEqual([
    { date: '1999-05-27', factor: 2 },
  ])
  const payment = { ex_dividend_date: '2025-02-10', payment_date: 'None', amount: '1.67' }
  const dividends = JSON.stringify({ symbol: 'IBM', data: [payment] })
  expect(read(alphavantage.readDividends(wishFor('DIVIDENDS', 'IBM', 'json'), dividends))).toEqual([
    { exDate: '2025-02-10', amount: 1.67 },
  ])
})

test('names that look like values stay names, and a missing date is no date', () => {
  const rows = read(alphavantage.readListing(wishFor('LISTING_STATUS'), LISTING_CSV))
  expect(
    rows.map(({ symbol, name, ipoDate, delistingDate }) => [symbol, name, ipoDate, delistingDate]),
  ).toEqual([
    ['NA', 'Nano Labs Ltd', '2022-07-12', null],
    ['NAN', '', '1999-05-27', null],
    ['TRUE', 'TrueCar Inc', '2014-05-16', '2026-01-21'],
    ['QQ', 'Quoted, Inc', null, null],
  ])
})

test('line ends, the order of columns and of rows, and unknown columns change nothing', () => {
  const expected = alphavantage.readDaily(DAILY, DAILY_CSV)
  const [header, first, second] = DAILY_CSV.split('\n') as [string, string, string]
  const turned = [header, first, second].map((line) => `extra,${line.split(',').toReversed().join(',')}`)
  for (const body of [
    DAILY_CSV.replaceAll('\n', '\r\n'),
    DAILY_CSV.trimEnd(),
    `\ufeff${DAILY_CSV}\n\n`,
    [header, second, first].join('\n'),
    [header.replace('timestamp', 'time'), first, second].join('\n'),
    turned.join('\r\n'),
  ]) {
    expect(alphavantage.readDaily(DAILY, body)).toEqual(expected)
  }
})

test('a row that stands there twice is one row; two rows of one date that differ are not understood', () => {
  const [, row] = DAILY_CSV.split('\n') as [string, string]
  expect(alphavantage.readDaily(DAILY, `${DAILY_CSV}${row}\n`)).toEqual(
    alphavantage.readDaily(DAILY, DAILY_CSV),
  )
  const other = row.replace('6154450', '6154451')
  expect(kindOf(alphavantage.readDaily(DAILY, `${DAILY_CSV}${other}\n`))).toBe('not_understood')
  const json = dailyJson().replace('"2026-05-14":', '"2026-05-15":')
  expect(kindOf(alphavantage.readDaily(DAILY_JSON, json))).toBe('not_understood')
})

test('two different payments on one ex-date add up, one that stands there twice counts once', () => {
  const special = '2026-05-08,None,None,None,5\n'
  const body = `${DIVIDENDS_CSV}${special}${special}`
  expect(read(alphavantage.readDividends(wishFor('DIVIDENDS'), body)).at(-1)).toEqual({
    exDate: '2026-05-08',
    amount: 6.69,
  })
})

test('what is no number, no date or no whole row is not understood, in CSV and in JSON', () => {
  for (const bad of [
    '',
    ' ',
    'NaN',
    'Infinity',
    '1e400',
    '0x10',
    '1,5',
    '.5',
    '5.',
    '1_0',
    'null',
    '+1',
    '1 ',
  ]) {
    const csv = DAILY_CSV.replace('217.6150', bad)
    expect(`"${bad}" ${kindOf(alphavantage.readDaily(DAILY, csv))}`).toBe(`"${bad}" not_understood`)
    const json = dailyJson().replace('217.6150', bad)
    expect(`"${bad}" ${kindOf(alphavantage.readDaily(DAILY_JSON, json))}`).toBe(`"${bad}" not_understood`)
  }
  for (const [found, put] of [
    ['6154450', '-6154450'],
    ['2026-05-15', '2026-02-29'],
    ['2026-05-15', '2026-5-15'],
    ['2026-05-15', '2026-05-15 00:00:00'],
    ['2026-05-15', ''],
    [',6154450', ''],
    [',6154450', ',6154450,1'],
    ['timestamp', 'day'],
    ['volume', 'turnover'],
    ['high', 'open'],
  ] as const) {
    const answer = alphavantage.readDaily(DAILY, DAILY_CSV.replace(found, put))
    expect(`${found} -> ${put} ${kindOf(answer)}`).toBe(`${found} -> ${put} not_understood`)
  }
})

test('a small number in scientific notation is read, and a negative price is left to the checks', () => {
  const small = ADJUSTED_CSV.replace('229.62102225102612', '5.1e-05')
  const wish = wishFor('TIME_SERIES_DAILY_ADJUSTED')
  expect(read(alphavantage.readDaily(wish, small)).bars[0]?.adjustedClose).toBe(0.000051)
  const negative = DAILY_CSV.replace('215.5450', '-215.5450')
  expect(read(alphavantage.readDaily(DAILY, negative)).bars[0]?.open).toBe(-215.545)
})

test('the adjusted function must tell the adjustment', () => {
  const wish = wishFor('TIME_SERIES_DAILY_ADJUSTED')
  expect(kindOf(alphavantage.readDaily(wish, DAILY_CSV))).toBe('not_understood')
  expect(kindOf(alphavantage.judge(wish, replyOf(DAILY_CSV), KEY))).toBe('not_understood')
})

test('an answer for another symbol is not understood, another spelling is', () => {
  expect(kindOf(alphavantage.judge(DAILY_JSON, replyOf(dailyJson('MSFT')), KEY))).toBe('not_understood')
  expect(kindOf(alphavantage.readDaily(DAILY_JSON, dailyJson('MSFT')))).toBe('not_understood')
  const wish = wishFor('TIME_SERIES_DAILY', 'BRK-B', 'json')
  expect(kindOf(alphavantage.judge(wish, replyOf(dailyJson('brk.b')), KEY))).toBe('ok')
})

test('that another symbol never split, or an empty object, says nothing of ours', () => {
  const wish = wishFor('SPLITS', 'AAPL', 'json')
  const kindFor = (body: object) => kindOf(alphavantage.judge(wish, replyOf(JSON.stringify(body)), KEY))
  expect(kindFor({ symbol: 'AAPL', data: [] })).toBe('no_data')
  expect(kindFor({ symbol: 'MSFT', data: [] })).toBe('not_understood')
  expect(kindFor({})).toBe('not_understood')
})

const HEADER = 'timestamp,open,high,low,close,volume\n'

/** One bar per label, all of the same price. */
function intraday(labels: readonly (readonly [string, number])[], date = '2026-01-05'): string {
  return HEADER + labels.map(([label, volume]) => `${date} ${label}:00,10,11,9,10,${volume}\n`).join('')
}

test('the stamp convention is found in each answer', () => {
  const cases: readonly (readonly [string, readonly (readonly [string, number])[]])[] = [
    // Regular hours: a closing auction at 16:00 does not make an end.
    [
      'start',
      [
        ['09:30', 9],
        ['15:55', 9],
      ],
    ],
    [
      'start',
      [
        ['09:30', 9],
        ['15:55', 9],
        ['16:00', 99],
      ],
    ],
    [
      'end',
      [
        ['09:35', 9],
        ['16:00', 9],
      ],
    ],
    [
      'unknown',
      [
        ['09:35', 9],
        ['15:55', 9],
      ],
    ],
    [
      'unknown',
      [
        ['09:40', 9],
        ['16:00', 9],
      ],
    ],
    ['unknown', [['12:00', 9]]],
    // Extended hours.
    [
      'start',
      [
        ['04:00', 1],
        ['19:55', 1],
      ],
    ],
    [
      'end',
      [
        ['04:05', 1],
        ['20:00', 1],
      ],
    ],
    [
      'unknown',
      [
        ['04:00', 1],
        ['20:00', 1],
      ],
    ],
    [
      'start',
      [
        ['07:00', 1],
        ['09:30', 9],
        ['09:35', 2],
      ],
    ],
    [
      'end',
      [
        ['07:00', 1],
        ['09:30', 2],
        ['09:35', 9],
        ['19:55', 1],
      ],
    ],
    [
      'start',
      [
        ['12:00', 1],
        ['19:55', 1],
      ],
    ],
    [
      'end',
      [
        ['04:05', 1],
        ['12:00', 1],
      ],
    ],
    [
      'unknown',
      [
        ['04:05', 1],
        ['19:55', 1],
      ],
    ],
    [
      'unknown',
      [
        ['08:00', 1],
        ['18:00', 1],
      ],
    ],
  ]
  for (const [convention, labels] of cases) {
    const series = read(alphavantage.readIntraday(INTRADAY, intraday(labels)))
    expect({ labels, convention: series.convention }).toEqual({ labels, convention })
    expect(series.bars).toHaveLength(convention === 'unknown' ? 0 : labels.length)
  }
})

test('a company that seldom trades early, but in every closing auction, does not show a convention', () => {
  const dates = ['2026-01-05', '2026-01-06', '2026-01-07']
  const closes = dates.map((date) => intraday([['16:00', 50]], date).slice(HEADER.length)).join('')
  const conventionWith = (days: number): string => {
    const early = dates.slice(0, days).map((date) => intraday([['09:35', 5]], date).slice(HEADER.length))
    return read(alphavantage.readIntraday(INTRADAY, HEADER + early.join('') + closes)).convention
  }
  expect([0, 1, 2, 3].map(conventionWith)).toEqual(['unknown', 'unknown', 'end', 'end'])
})

test('bars are told by their start in UTC, in winter and in summer, whatever was stamped', () => {
  const startsOf = (labels: readonly string[], date: string): readonly string[] =>
    read(
      alphavantage.readIntraday(
        INTRADAY,
        intraday(
          labels.map((label) => [label, 5]),
          date,
        ),
      ),
    ).bars.map(({ timestampMs }) => new Date(timestampMs).toISOString().slice(11, 16))
  expect(startsOf(['09:30', '15:55'], '2026-01-05')).toEqual(['14:30', '20:55'])
  expect(startsOf(['09:30', '15:55'], '2026-07-06')).toEqual(['13:30', '19:55'])
  expect(startsOf(['09:35', '16:00'], '2026-07-06')).toEqual(['13:30', '19:55'])
  // The days on which the clocks change are Sundays; a stamp of one is still exact.
  expect(startsOf(['01:00', '04:00'], '2026-03-08')).toEqual(['06:00', '08:00'])
  expect(startsOf(['00:00', '04:00'], '2026-11-01')).toEqual(['04:00', '09:00'])
})

test('a time that never was, or that is no whole minute, is not understood', () => {
  for (const stamp of [
    '2026-03-08 02:30:00',
    '2026-01-05 09:30:01',
    '2026-01-05 24:00:00',
    '2026-01-05 09:30',
  ]) {
    const answer = alphavantage.readIntraday(INTRADAY, INTRADAY_CSV.replace('2026-01-05 09:30:00', stamp))
    expect(`${stamp} ${kindOf(answer)}`).toBe(`${stamp} not_understood`)
  }
})

test('a burst is a burst although its text holds the limit of the day', () => {
  const text =
    'Please consider spreading out your free API requests more sparingly (1 request per second). You may ' +
    'subscribe to lift the free key rate limit (25 requests per day) and unlock all premium endpoints'
  expect(kindOf(alphavantage.judge(DAILY, replyOf({ Information: text }), KEY))).toBe('burst')
})

test('refusals are known by their words, others by their shape or status', () => {
  const cases: readonly (readonly [unknown, number, string])[] = [
    [{ Information: 'our standard API rate limit is 25 requests per day' }, 200, 'day_limit'],
    [{ Information: 'Our standard API rate limit is 75 requests per minute.' }, 200, 'minute_limit'],
    [{ Note: 'frequency is 5 calls per minute and 500 calls per day' }, 200, 'minute_limit'],
    [{ Information: 'The outputsize=full parameter value is a premium feature' }, 200, 'not_entitled'],
    [{ 'Error Message': 'the parameter apikey is invalid or missing.' }, 200, 'key_refused'],
    [{ 'Error Message': 'Invalid API call. Please retry' }, 200, 'bad_symbol'],
    [{ Information: 'a new sentence' }, 200, 'not_understood'],
    [{ detail: 'Internal problem' }, 200, 'outage'],
    [{}, 200, 'no_data'],
    [{ 'Meta Data': {}, 'Time Series (Daily)': {} }, 200, 'no_data'],
    [HEADER, 200, 'no_data'],
    [HEADER.trimEnd(), 200, 'no_data'],
    [`${HEADER}\r\n \n`, 200, 'no_data'],
    ['', 200, 'outage'],
    ['<html><body>502 Bad Gateway</body></html>', 502, 'outage'],
    ['<html><body>Maintenance</body></html>', 200, 'outage'],
    ['', 503, 'outage'],
    ['', 504, 'outage'],
    ['<html>Attention Required! | Cloudflare</html>', 403, 'outage'],
    ['error code: 1015', 429, 'minute_limit'],
    ['', 301, 'outage'],
    ['', 400, 'not_understood'],
    [{ Information: 'our standard API rate limit is 25 requests per day' }, 429, 'day_limit'],
    [dailyJson().slice(0, 300), 200, 'outage'],
    ['{"a":}', 200, 'not_understood'],
    ['hello', 200, 'not_understood'],
    ['[1,2]', 200, 'not_understood'],
  ]
  for (const [body, status, kind] of cases) {
    const answer = alphavantage.judge(DAILY, replyOf(body, status), KEY)
    expect({ body, status, kind: kindOf(answer) }).toEqual({ body, status, kind })
  }
  expect(kindOf(alphavantage.judge(DAILY, replyOf(dailyJson()), KEY))).toBe('not_understood')
})

test('good answers mention information in their meta data and are no refusals', () => {
  expect(kindOf(alphavantage.judge(DAILY_JSON, replyOf(dailyJson()), KEY))).toBe('ok')
})

test('the key leaves neither in a body nor in a message', () => {
  const key = new Secret('ABCDEFGH12345678')
  const limit = {
    Information: `We have detected your API key as ${key.reveal()} and our limit is 25 requests per day`,
  }
  const said = [
    alphavantage.judge(DAILY, replyOf(limit), key),
    alphavantage.judge(DAILY, replyOf(`<html>/query?apikey=${key.reveal()}</html>`, 502), key),
    alphavantage.judge(DAILY, replyOf(`${DAILY_CSV}# ${key.reveal()}`), key),
    alphavantage.judge(DAILY, replyOf(`{"a":"${key.reveal()}"}`), key),
    // Not the key that we asked with, but somebody's.
    alphavantage.judge(DAILY, replyOf(limit), new Secret('another')),
  ]
  expect(said.map(kindOf)).toEqual(['day_limit', 'outage', 'ok', 'not_understood', 'day_limit'])
  expect(JSON.stringify(said)).not.toContain(key.reveal())
  expect(JSON.stringify(said)).toContain('[redacted]')
})

test('a key that is a word of the data does not change the data', () => {
  const body = `${LISTING_CSV}DEMO,demography Inc,NYSE,Stock,2020-01-02,null,Active\n`
  expect(alphavantage.judge(wishFor('LISTING_STATUS'), replyOf(body), new Secret('demo'))).toEqual({
    ok: true,
    value: body,
  })
})
