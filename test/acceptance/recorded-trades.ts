/**
 * Do candles made here equal candles that nobody here made? Recorded consolidated-tape trades are played
 * tick by tick by the stand-in, over a real socket in the vendor's binary protocol, through the worker to
 * Parquet, and every candle is compared with the tape vendor's own minute of the same trades.
 *
 * New York's 09:30 is played as Mumbai's 09:15: both continuous sessions have minutes enough.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { credentialsOf, fileIn, RunningCommand, run, tempDir } from '../simulation/processes.ts'

export const TRADES_DIR = '../shared/data/us-trades-2013-10'
/** Days of the tape, and the NSE sessions (of July 2026 and before) as which they are played. */
export const DAYS: Readonly<Record<string, string>> = { '20131007': '2026-06-29', '20131008': '2026-06-30' }
const SYMBOLS = ['bac', 'spy'] as const
const TOKENS: Readonly<Record<string, string>> = { bac: '1002', spy: '1001' }
const IST_OFFSET_MS = 19_800_000
const MINUTE_MS = 60_000
const NEW_YORK_OPEN_MS = (9 * 60 + 30) * MINUTE_MS
const MUMBAI_OPEN_MS = (9 * 60 + 15) * MINUTE_MS
const SESSION_MINUTES = 375
/** The vendor's first two minutes hold the opening auction's prints by a rule of its own. */
const FIRST_COMPARED_MINUTE = 2
const START_UP_MS = 3_000

type Trade = {
  readonly timeMs: number
  readonly symbol: string
  readonly price: string
  readonly size: number
}
type Ohlc = readonly [open: number, high: number, low: number, close: number]

export type Difference = {
  readonly symbol: string
  readonly minute: number
  readonly vendor: Ohlc
  readonly ours: Ohlc | null
  readonly reason: string
}

export type DayComparison = {
  readonly day: string
  readonly tradeCount: number
  readonly comparedCount: number
  readonly equalCount: number
  readonly differences: readonly Difference[]
  /** Minutes whose volume is not the sum of the recorded sizes. */
  readonly wrongVolumes: readonly string[]
  readonly lateCount: number
  readonly rejectedCount: number
  readonly unbalanced: readonly string[]
  readonly replayDifferentCount: number
}

export type PlayOptions = {
  readonly speed: number
  readonly graceMs: number
  /** Which candles are compared. Settled ones do not depend on how loaded this machine is. */
  readonly compared: 'live' | 'settled'
}

export async function compareDay(day: string, options: PlayOptions): Promise<DayComparison> {
  const date = DAYS[day]!
  const trades = SYMBOLS.flatMap((symbol) => readTrades(symbol, day)).sort((a, b) => a.timeMs - b.timeMs)
  const dir = tempDir('recorded')
  const recording = writeRecording(dir, trades, date)
  const played = await play(dir, recording, date, options)
  const candles = await readCandles(dir, date, options.compared)
  const differences: Difference[] = []
  let comparedCount = 0
  for (const symbol of SYMBOLS) {
    for (const [minute, vendor] of readVendor(symbol, day)) {
      if (minute < FIRST_COMPARED_MINUTE || minute >= SESSION_MINUTES) continue
      comparedCount++
      const ours = candles.get(`${symbol} ${minute}`)?.ohlc ?? null
      if (ours?.every((price, at) => Math.abs(price - vendor[at]!) < 1e-9)) continue
      differences.push({ symbol, minute, vendor, ours, reason: reasonOf(trades, symbol, minute, vendor) })
    }
  }
  const wrongVolumes = compareVolumes(trades, candles)
  const equalCount = comparedCount - differences.length
  return { day, tradeCount: trades.length, comparedCount, equalCount, differences, wrongVolumes, ...played }
}

/** Trades of the regular session that set a price; time is ms since the open. */
function readTrades(symbol: string, day: string): Trade[] {
  const text = gunzipSync(readFileSync(join(TRADES_DIR, `${symbol}-${day}-trades.csv.gz`))).toString()
  const trades: Trade[] = []
  for (const line of text.trimEnd().split('\n').slice(1)) {
    const [sinceMidnightMs, price, size, , setsPrice] = line.split(',')
    const timeMs = Number(sinceMidnightMs) - NEW_YORK_OPEN_MS
    if (setsPrice !== '1' || timeMs < 0 || timeMs >= SESSION_MINUTES * MINUTE_MS) continue
    trades.push({ timeMs, symbol, price: price!, size: Number(size) })
  }
  return trades
}

/** The vendor's minutes by their number since the open. */
function readVendor(symbol: string, day: string): Map<number, Ohlc> {
  const text = readFileSync(join(TRADES_DIR, `${symbol}-${day}-minute-bars.csv`), 'utf8')
  const rows = text.trimEnd().split('\n').slice(1)
  return new Map(
    rows.map((row) => {
      const [startMs, open, high, low, close] = row.split(',').map(Number)
      return [(startMs! - NEW_YORK_OPEN_MS) / MINUTE_MS, [open!, high!, low!, close!]]
    }),
  )
}

function openMsOf(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) - IST_OFFSET_MS + MUMBAI_OPEN_MS
}

function writeRecording(dir: string, trades: readonly Trade[], date: string): string {
  const openMs = openMsOf(date)
  const lines = trades.map(
    ({ timeMs, symbol, price, size }) => `${openMs + timeMs},NSE,${TOKENS[symbol]},${price},${size}`,
  )
  const path = join(dir, 'recording.csv')
  writeFileSync(path, `time_ms,exchange,token,price,size\n${lines.join('\n')}\n`)
  return path
}

type Played = Pick<DayComparison, 'lateCount' | 'rejectedCount' | 'unbalanced' | 'replayDifferentCount'>

async function play(dir: string, recording: string, date: string, options: PlayOptions): Promise<Played> {
  const { speed, graceMs } = options
  const instantMs = openMsOf(date) - 18 * MINUTE_MS
  const clock = `${new Date(instantMs).toISOString()}@${Date.now() + START_UP_MS}x${speed}`
  const env = { CHANDLER_CLOCK: clock, ...credentialsOf('RECORDED') }
  const exchange = new RunningCommand(['sim', 'smartapi', '--recording', recording], env)
  try {
    const { restUrl, streamUrl } = await exchange.firstAnswer<{ restUrl: string; streamUrl: string }>()
    const rows = SYMBOLS.map((symbol) => `NSE,${TOKENS[symbol]},${symbol}`)
    const instruments = fileIn(dir, 'instruments.csv', `exchange,token,symbol\n${rows.join('\n')}\n`)
    const silence = { socketSilenceMs: 600_000, dataSilenceMs: 600_000 }
    const stream = { restUrl, streamUrl, graceMs, ...silence }
    const journal = { ballastBytes: 0 }
    const config = fileIn(dir, 'chandler.yaml', { markets: { in: { instruments, stream, journal } } })
    const ask = async <Answer>(...args: string[]): Promise<Answer> => {
      const ended = await run([...args, '--market', 'in', '--json', '--config', config], env, dir)
      if (ended.status !== 0)
        throw new Error(`${args.join(' ')} ended with ${ended.status}:\n${ended.stderr}`)
      return JSON.parse(ended.stdout) as Answer
    }
    const { summary } = await ask<{ summary: { lateCount: number; rejected: Record<string, number> } }>(
      'stream',
    )
    const report = await ask<{ conservation: { symbol: string; balanced: boolean }[] }>(
      'settle',
      '--date',
      date,
    )
    const replayed = await ask<{ different: string[]; unlisted: string[] }>('replay', '--date', date)
    return {
      lateCount: summary.lateCount,
      rejectedCount: Object.values(summary.rejected).reduce((sum, count) => sum + count, 0),
      unbalanced: report.conservation.filter(({ balanced }) => !balanced).map(({ symbol }) => symbol),
      replayDifferentCount: replayed.different.length + replayed.unlisted.length,
    }
  } finally {
    await exchange.end('SIGTERM')
  }
}

type ReadCandle = { readonly ohlc: Ohlc; readonly volume: number }

/** Read by a reader that is not ours, by symbol and minute since the open. */
async function readCandles(
  dir: string,
  date: string,
  compared: PlayOptions['compared'],
): Promise<Map<string, ReadCandle>> {
  const connection = await (await DuckDBInstance.create()).connect()
  const folder = compared === 'live' ? 'staging/in/candles' : 'analytics/in/candles/frequency=1m'
  const glob = join(dir, 'data', folder, `date=${date}`, '*.parquet')
  const answer = await connection.runAndReadAll(
    `SELECT symbol, epoch_ms(timestamp)::DOUBLE, open, high, low, close, volume::DOUBLE
     FROM read_parquet('${glob}') WHERE source = 'ticks'`,
  )
  connection.closeSync()
  const candles = new Map<string, ReadCandle>()
  for (const [symbol, startMs, open, high, low, close, volume] of answer.getRows()) {
    const minute = (Number(startMs) - openMsOf(date)) / MINUTE_MS
    const ohlc = [Number(open), Number(high), Number(low), Number(close)] as const
    candles.set(`${String(symbol)} ${minute}`, { ohlc, volume: Number(volume) })
  }
  return candles
}

function compareVolumes(trades: readonly Trade[], candles: ReadonlyMap<string, ReadCandle>): string[] {
  const sizes = new Map<string, number>()
  for (const { symbol, timeMs, size } of trades) {
    const key = `${symbol} ${Math.floor(timeMs / MINUTE_MS)}`
    sizes.set(key, (sizes.get(key) ?? 0) + size)
  }
  const keys = new Set([...sizes.keys(), ...candles.keys()])
  return [...keys].filter((key) => sizes.get(key) !== candles.get(key)?.volume)
}

/** Why the vendor's minute cannot be had from the trades that set a price, as far as they can tell. */
function reasonOf(trades: readonly Trade[], symbol: string, minute: number, vendor: Ohlc): string {
  const own = trades.filter((one) => one.symbol === symbol && Math.floor(one.timeMs / MINUTE_MS) === minute)
  const prices = new Set(own.map(({ price }) => Number(price)))
  const names = ['open', 'high', 'low', 'close'] as const
  const foreign = names.filter((_, at) => !prices.has(vendor[at]!))
  if (foreign.length > 0) return `the vendor's ${foreign.join(', ')} is in no trade that sets a price`
  const tape = [own[0]?.price, own.at(-1)?.price].map(Number)
  const edges = names.filter((name, at) =>
    name === 'open' || name === 'close' ? tape[at === 0 ? 0 : 1] !== vendor[at] : false,
  )
  return edges.length > 0
    ? `the tape's first or last trade is not the vendor's ${edges.join(', ')}`
    : 'the prices are in the trades; the difference is ours'
}
