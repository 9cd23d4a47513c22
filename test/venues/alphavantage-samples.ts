/** Which wishes, keys and answers do the tests of Alpha Vantage use? Made up, but of the right shape. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BatchAnswer, BatchFunction, BatchWish } from '../../src/domain/batch.ts'
import { Secret } from '../../src/domain/secret.ts'
import type { HttpReply } from '../../src/domain/venue.ts'

const DATA_DIR = join(import.meta.dirname, '../../../shared/data/alphavantage')
export const AV_DATA_ABSENT: boolean = !existsSync(DATA_DIR)
/** To be put into the name of a test that needs the recorded data. */
export const needsAvData: string = AV_DATA_ABSENT ? ' (skipped: ../shared/data/alphavantage is absent)' : ''

export function recorded(path: string): string {
  return readFileSync(join(DATA_DIR, path), 'utf8')
}

export function recordedDir(): string {
  return DATA_DIR
}

export const KEY: Secret = new Secret('SAMPLEKEY0000001')

const USUAL_VARIANT: Readonly<Record<BatchFunction, string>> = {
  LISTING_STATUS: 'active',
  TIME_SERIES_DAILY: 'compact',
  TIME_SERIES_DAILY_ADJUSTED: 'full',
  TIME_SERIES_INTRADAY: 'recent',
  SPLITS: '',
  DIVIDENDS: '',
}

export function wishFor(
  name: BatchFunction,
  symbol: string = name === 'LISTING_STATUS' ? '' : 'IBM',
  format: 'csv' | 'json' = 'csv',
  variant: string = USUAL_VARIANT[name],
): BatchWish {
  return { function: name, symbol, variant, format }
}

export function replyOf(body: unknown, status = 200): HttpReply {
  return { status, headers: {}, body: typeof body === 'string' ? body : JSON.stringify(body) }
}

export function read<Value>(answer: BatchAnswer<Value>): Value {
  if (!answer.ok) throw new Error(`refused as ${answer.refusal.kind}: ${answer.refusal.message}`)
  return answer.value
}

/** The class of a refusal; `ok` for none. */
export function kindOf(answer: BatchAnswer<unknown>): string {
  return answer.ok ? 'ok' : answer.refusal.kind
}

export const DAILY_CSV: string =
  'timestamp,open,high,low,close,volume\n' +
  '2026-05-15,218.2000,220.9100,217.6150,219.3000,6154450\n' +
  '2026-05-14,215.5450,220.9600,215.0000,218.3700,5906199\n'

export const ADJUSTED_CSV: string =
  'timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient\n' +
  '2026-05-08,229.73,230.705,224.83,229.76,229.76,5332800,1.6900,1.0\n' +
  '2026-05-07,227.5,231.82,227.41,231.31,229.62102225102612,5485545,0.0000,1.0\n'

export const INTRADAY_CSV: string =
  'timestamp,open,high,low,close,volume\n' +
  '2026-01-05 15:55:00,10.1000,10.3000,10.0000,10.2000,900\n' +
  '2026-01-05 09:35:00,10.0000,10.1000,9.9000,10.0500,400\n' +
  '2026-01-05 09:30:00,9.9000,10.0000,9.8000,10.0000,700\n'

export const SPLITS_CSV: string = 'effective_date,split_factor\n2021-11-04,1.0460\n1999-05-27,2.0000\n'

export const DIVIDENDS_CSV: string =
  'ex_dividend_date,declaration_date,record_date,payment_date,amount\n' +
  '2026-05-08,2026-04-22,2026-05-08,2026-06-10,1.69\n' +
  '1999-02-08,None,None,None,0.22\n'

export const LISTING_CSV: string =
  'symbol,name,exchange,assetType,ipoDate,delistingDate,status\n' +
  'NA,Nano Labs Ltd ,NASDAQ,Stock,2022-07-12,null,Active\n' +
  'NAN,,NYSE,Stock,1999-05-27,null,Active\n' +
  'TRUE,TrueCar Inc,NASDAQ,Stock,2014-05-16,2026-01-21,Delisted\n' +
  'QQ,"Quoted, Inc",NYSE,Stock,null,null,Active\n'

export function dailyJson(symbol = 'IBM', refreshed = '2026-05-15'): string {
  const row = (values: readonly string[]): object =>
    Object.fromEntries(
      ['1. open', '2. high', '3. low', '4. close', '5. volume'].map((key, at) => [key, values[at]]),
    )
  return JSON.stringify({
    'Meta Data': {
      '1. Information': 'Daily Prices (open, high, low, close) and Volumes',
      '2. Symbol': symbol,
      '3. Last Refreshed': refreshed,
      '4. Output Size': 'Compact',
      '5. Time Zone': 'US/Eastern',
    },
    'Time Series (Daily)': {
      '2026-05-15': row(['218.2000', '220.9100', '217.6150', '219.3000', '6154450']),
      '2026-05-14': row(['215.5450', '220.9600', '215.0000', '218.3700', '5906199']),
    },
  })
}
