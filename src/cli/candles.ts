/** `chandler candles SYMBOL`: reads candles back, as a table, CSV, JSON, Arrow, or a chart. */
import type { Command } from 'commander'
import { type CandleWords, queryCandles } from '../app/candles-query.ts'
import { OperatingError } from '../domain/error.ts'
import { toArrowIpc } from '../store/arrow.ts'
import { renderCandlestickChart } from '../terminal/chart.ts'
import { priceDigitsOf } from '../terminal/figures.ts'
import { sizeOf } from '../terminal/output.ts'
import { candlesToCsv, candlesToJson, renderCandleTable } from '../terminal/table.ts'
import { FORMATS, type Format, formatOf, ROWS_BELOW_CHART } from './candles-format.ts'
import { showUsCandles } from './candles-us.ts'
import { createRuntime, print, type Runtime } from './runtime.ts'

type CandlesFlags = {
  readonly market: string
  readonly date?: string
  readonly from?: string
  readonly to?: string
  readonly every?: string
  readonly format: string
  readonly live: boolean
  readonly adjusted: boolean
  readonly asOf?: string
}

export function addCandles(program: Command): void {
  program
    .command('candles')
    .description(
      'read candles back: in: the settled day where there is one, else the live parts; us: history',
    )
    .argument('<symbol>', 'as in the instruments or symbols file')
    .option('--market <market>', 'in | us', 'in')
    .option('--date <date>', 'one market date (default: in: the last one there is, us: the last year)')
    .option('--from <from>', 'in: from this market time on (hh:mm); us: from this date on')
    .option('--to <to>', 'in: up to this market time, itself excluded; us: up to this date, itself included')
    .option('--every <width>', 'in: minutes, counted from the open (1m); us: 1d, 1w or 5m (1d)')
    .option('--format <format>', FORMATS.join(' | '), 'table')
    .option('--live', 'in: the live parts even where the day is settled', false)
    .option('--adjusted', 'us: all prices as they compare across splits and dividends', false)
    .option('--as-of <date>', 'us: what was known at the end of that date')
    .action(async (symbol: string, flags: CandlesFlags, command: Command) => {
      refuseForeignFlags(flags)
      const runtime = createRuntime(command)
      const format = runtime.json ? 'json' : formatOf(flags.format)
      const words = { ...flags, symbol }
      if (flags.market === 'us') await showUsCandles(runtime, words, format)
      else await showIndiaCandles(runtime, { ...words, every: flags.every ?? '1m' }, format)
    })
}

/** A flag that would be passed over silently is refused. */
function refuseForeignFlags({ market, live, adjusted, asOf }: CandlesFlags): void {
  const refuse = (what: string): never => {
    throw new OperatingError(`reading ${what}`, { code: 'USAGE' })
  }
  if (market !== 'in' && market !== 'us') refuse(`--market: "${market}" is no market; use in or us`)
  if (market === 'us' && live) refuse('--live: the US market has no live parts; leave it out')
  if (market === 'in' && adjusted) refuse('--adjusted: it is for --market us; leave it out')
  if (market === 'in' && asOf !== undefined) refuse('--as-of: it is for --market us; leave it out')
}

async function showIndiaCandles(runtime: Runtime, words: CandleWords, format: Format): Promise<void> {
  const found = await queryCandles(runtime, words)
  if (format === 'arrow') process.stdout.write(toArrowIpc(found.table))
  else print(render(found, format, runtime))
}

function render(
  found: Awaited<ReturnType<typeof queryCandles>>,
  format: Exclude<Format, 'arrow'>,
  runtime: Runtime,
): string {
  const { candles, utcOffsetMs, title, intervals, minutes } = found
  switch (format) {
    case 'csv':
      return candlesToCsv(candles)
    case 'json':
      return candlesToJson(candles)
    case 'table':
      return renderCandleTable(candles, utcOffsetMs)
    case 'chart': {
      const { widthColumns, heightRows } = sizeOf(process.stdout)
      return renderCandlestickChart(candles, {
        ...runtime,
        widthColumns,
        heightRows: heightRows - ROWS_BELOW_CHART,
        utcOffsetMs,
        title,
        priceDigits: priceDigitsOf(candles.flatMap(({ open, high, low, close }) => [open, high, low, close])),
        intervals,
        minutesPerCandle: minutes,
      })
    }
  }
}
