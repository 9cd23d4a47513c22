/**
 * What did settling the day find? The report as text: what was made, what is missing, and whether every
 * share is accounted for. Of the instruments only those are shown that ask for attention; `--json` has all.
 */
import type { ConservationRow, SettleReport } from '../domain/settle-report.ts'
import {
  factLine,
  firstLines,
  gapLine,
  rejectedCountOf,
  rejectionParts,
  screenText,
  totalGapMs,
} from './facts.ts'
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatShortCount,
  formatUtcOffset,
  plural,
  UNKNOWN,
} from './figures.ts'
import { createInk, type Ink } from './ink.ts'
import { cleanText, headingLine, visibleWidth, wrapParts } from './line.ts'
import { meterBar } from './meter.ts'
import { renderTable } from './table.ts'

export type ReportOptions = {
  readonly widthColumns: number
  readonly color: boolean
  readonly unicode: boolean
  /** Gaps and instruments shown of each kind; 10 unless given. */
  readonly rowsMax?: number
}

type Context = Required<ReportOptions> & { readonly ink: Ink; readonly separator: string }

const NAME_COLUMNS = 14
const ROWS_MAX = 10

/** No final line end; no line is wider than `widthColumns`. */
export function renderSettleReport(report: SettleReport, options: ReportOptions): string {
  const context: Context = {
    ...options,
    rowsMax: options.rowsMax ?? ROWS_MAX,
    ink: createInk(options.color),
    separator: options.unicode ? ' · ' : ', ',
  }
  const title = `settled ${cleanText(report.market)} ${cleanText(report.date)}`
  const blocks = [
    [headingLine(title, options.widthColumns, context.ink, options.unicode), ...candleLines(report, context)],
    gapLines(report, context),
    tickLines(report, context),
    conservationLines(report, context),
    fileLines(report, context),
  ]
  const lines = blocks.flatMap((block, at) => (at === 0 || block.length === 0 ? block : ['', ...block]))
  return screenText(lines, options.widthColumns)
}

function candleLines({ candles, instrumentCount, minuteCount }: SettleReport, context: Context): string[] {
  const { ink } = context
  const count = (value: number, style: 'warn' | 'accent'): string =>
    value === 0 ? '0' : ink(style, formatCount(value))
  const possible = instrumentCount * minuteCount
  const ratio = candles.total === 0 ? 0 : candles.ticksComplete / candles.total
  const complete = `${formatCount(candles.ticksComplete)} complete`
  const parts = [
    complete,
    `${count(candles.ticksIncomplete, 'warn')} incomplete`,
    `${count(candles.vendor, 'accent')} vendor`,
    `${formatCount(candles.revised)} revised by late ticks`,
  ]
  const silent = Math.max(0, possible - candles.total)
  return [
    fact(
      'scope',
      `${plural(instrumentCount, 'instrument')} × ${plural(minuteCount, 'minute')} of the session`,
      context,
    ),
    fact(
      'candles',
      `${ink('bold', formatCount(candles.total))}  ${meter(ratio, context)} ${percentOf(ratio)} complete`,
      context,
    ),
    ...parted(parts, context),
    fact('', `${plural(silent, 'instrument minute')} without a candle`, context),
  ]
}

function gapLines({ gaps, utcOffsetMs }: SettleReport, context: Context): string[] {
  const { ink, unicode, rowsMax } = context
  if (gaps.length === 0) return [fact('gaps', ink('good', 'none'), context)]
  const sorted = [...gaps].sort((a, b) => a.fromMs - b.fromMs)
  const total = formatDuration(totalGapMs(gaps, null))
  return [
    fact(
      'gaps',
      `${ink('warn', formatCount(gaps.length))}, ${total} of shard time, ${formatUtcOffset(utcOffsetMs)}`,
      context,
    ),
    ...firstLines(
      sorted.map((gap) => gapLine(gap, utcOffsetMs, null, unicode)),
      rowsMax,
      'gaps',
    ).map((line) => `  ${line}`),
  ]
}

function tickLines(report: SettleReport, context: Context): string[] {
  const { history } = report
  const rejected = rejectedCountOf(report.rejected)
  const failed =
    history.failedCount === 0 ? '0 failed' : context.ink('bad', `${formatCount(history.failedCount)} failed`)
  const asked = [
    `asked ${formatCount(history.askedCount)}`,
    failed,
    `${plural(history.usedBarCount, 'vendor bar')} used`,
  ]
  const failures = firstLines(history.failures.map(cleanText), 3, 'failures')
  return [
    fact(
      'ticks',
      `${formatCount(report.acceptedCount)} accepted, ${formatCount(report.lateTickCount)} late`,
      context,
    ),
    fact('rejected', rejected === 0 ? '0' : formatCount(rejected), context),
    ...parted(rejectionParts(report.rejected), context),
    fact('history', asked.join(context.separator), context),
    ...failures.map((line) => fact('', line, context)),
  ]
}

function conservationLines({ conservation }: SettleReport, context: Context): string[] {
  const { ink } = context
  const wrong = conservation.filter((row) => !row.balanced).sort(byImbalance)
  const verdict =
    wrong.length === 0
      ? ink('good', `balanced for all ${plural(conservation.length, 'instrument')}`)
      : ink(
          'bad',
          `NOT BALANCED for ${formatCount(wrong.length)} of ${plural(conservation.length, 'instrument')}`,
        )
  const open = conservation.filter((row) => row.balanced && row.unattributedVolume > 0)
  const shown = [...wrong, ...open.sort((a, b) => b.unattributedVolume - a.unattributedVolume)].slice(
    0,
    context.rowsMax,
  )
  const exact = conservationTable(conservation, shown, formatCount, context)
  const fits = exact.split('\n').every((line) => visibleWidth(line) <= context.widthColumns)
  const table = fits ? exact : conservationTable(conservation, shown, shortCount, context)
  const restCount = wrong.length + open.length - shown.length
  const rest =
    restCount > 0 ? [`${formatCount(restCount)} more with unbalanced or unattributed volume: see --json`] : []
  return [fact('volume', verdict, context), ...table.split('\n'), ...rest]
}

type CountText = (count: number | null) => string

function shortCount(count: number | null): string {
  return count === null ? UNKNOWN : formatShortCount(count)
}

const CONSERVATION_COLUMNS = [
  { title: 'symbol', align: 'left' },
  { title: 'off by', align: 'right' },
  { title: 'candles', align: 'right' },
  { title: 'pre-open', align: 'right' },
  { title: 'auction', align: 'right' },
  { title: 'other', align: 'right' },
  { title: 'unattributed', align: 'right' },
  { title: 'day volume', align: 'right' },
] as const

function conservationTable(
  all: readonly ConservationRow[],
  shown: readonly ConservationRow[],
  countText: CountText,
  { color, unicode }: Context,
): string {
  // Instruments without volume would make the day's sum unknown, and have nothing to add to it.
  const counted = all.filter((row) => row.lastDayVolume !== null)
  const parts = counted
    .map(partsOf)
    .reduce((sum, row) => sum.map((value, at) => value + row[at]!), [0, 0, 0, 0, 0])
  const day = counted.reduce((sum, row) => sum + (row.lastDayVolume ?? 0), 0)
  const rows = [
    ...shown.map((row) => [row.symbol, ...volumeCells(partsOf(row), row.lastDayVolume, countText)]),
    ['total', ...volumeCells(parts, day, countText)],
  ]
  return renderTable(CONSERVATION_COLUMNS, rows, { color, unicode })
}

function partsOf(row: ConservationRow): number[] {
  const { preOpen, closingAuction, other } = row.outsideVolume
  return [row.candleVolume, preOpen, closingAuction, other, row.unattributedVolume]
}

/** What balances must be seen exactly, whatever is shortened. */
function volumeCells(parts: readonly number[], dayVolume: number | null, countText: CountText): string[] {
  const sum = parts.reduce((total, part) => total + part, 0)
  const offBy = dayVolume === null ? UNKNOWN : formatCount(sum - dayVolume)
  return [offBy, ...parts.map(countText), countText(dayVolume)]
}

function byImbalance(a: ConservationRow, b: ConservationRow): number {
  return imbalanceOf(b) - imbalanceOf(a)
}

function imbalanceOf(row: ConservationRow): number {
  const sum = partsOf(row).reduce((total, part) => total + part, 0)
  return Math.abs(sum - (row.lastDayVolume ?? sum))
}

function fileLines({ file }: SettleReport, context: Context): string[] {
  if (file === null) return [fact('file', context.ink('warn', 'nothing was published'), context)]
  return [
    fact('file', cleanText(file.path), context),
    fact('', `${plural(file.rowCount, 'row')}, ${formatBytes(file.sizeBytes)}`, context),
    fact('sha256', cleanText(file.sha256), context),
  ]
}

function fact(name: string, value: string, { ink }: Context): string {
  return factLine(name, value, ink, NAME_COLUMNS)
}

/** Parts under the value of the fact above. */
function parted(parts: readonly string[], context: Context): string[] {
  const lines = wrapParts(parts, context.separator, Math.max(10, context.widthColumns - NAME_COLUMNS - 1))
  return lines.map((line) => fact('', line, context))
}

function meter(ratio: number, { ink, unicode }: Context): string {
  const bar = meterBar(ratio, 20, unicode)
  return unicode ? `${ink('dim', '▕')}${ink('good', bar)}${ink('dim', '▏')}` : `[${bar}]`
}

function percentOf(ratio: number): string {
  // Rounded down, so that 100 % means all.
  return `${(Math.floor(ratio * 1_000) / 10).toFixed(1)} %`
}
