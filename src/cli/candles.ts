/** `chandler candles SYMBOL`: reads candles back, as a table, CSV, JSON, Arrow, or a chart. */
import type { Command } from 'commander'
import { queryCandles } from '../app/candles-query.ts'
import { OperatingError } from '../domain/error.ts'
import { toArrowIpc } from '../store/arrow.ts'
import { renderCandlestickChart } from '../terminal/chart.ts'
import { priceDigitsOf } from '../terminal/figures.ts'
import { sizeOf } from '../terminal/output.ts'
import { candlesToCsv, candlesToJson, renderCandleTable } from '../terminal/table.ts'
import { createRuntime, onlyIndia, print, type Runtime } from './runtime.ts'

type CandlesFlags = {
  readonly market: string
  readonly date?: string
  readonly from?: string
  readonly to?: string
  readonly every: string
  readonly format: string
  readonly live: boolean
}

const FORMATS = ['table', 'csv', 'json', 'arrow', 'chart'] as const
type Format = (typeof FORMATS)[number]

/** Charts are looked at whole: as high as the terminal, without pushing the prompt out of it. */
const ROWS_BELOW_CHART = 2

export function addCandles(program: Command): void {
  program
    .command('candles')
    .description('read candles back: the settled day where there is one, else the live parts')
    .argument('<symbol>', 'as in the instruments file')
    .option('--market <market>', 'in', 'in')
    .option('--date <date>', 'market date (default: the last one there is)')
    .option('--from <hh:mm>', 'from this market time on')
    .option('--to <hh:mm>', 'up to this market time, itself excluded')
    .option('--every <minutes>', 'wider candles, counted from the open: 5m', '1m')
    .option('--format <format>', FORMATS.join(' | '), 'table')
    .option('--live', 'the live parts even where the day is settled', false)
    .action(async (symbol: string, flags: CandlesFlags, command: Command) => {
      onlyIndia(flags.market)
      const runtime = createRuntime(command)
      const format = runtime.json ? 'json' : formatOf(flags.format)
      const found = await queryCandles(runtime.config, { ...flags, symbol })
      if (format === 'arrow') process.stdout.write(toArrowIpc(found.table))
      else print(render(found, format, runtime))
    })
}

function formatOf(text: string): Format {
  const format = FORMATS.find((known) => known === text)
  if (format !== undefined) return format
  throw new OperatingError(`reading --format: "${text}" is no format; use ${FORMATS.join(', ')}`, {
    code: 'USAGE',
  })
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
