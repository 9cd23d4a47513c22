/**
 * What does the worker do at this moment? The screen of `demo` and `stream`: one pure function from a
 * snapshot to text. Narrow screens stack the panels in two rows, wide ones have them side by side; the
 * rows that remain belong to the symbols and, below them, to the log.
 */
import { firstLines, rejectedCountOf, rejectionParts, screenText } from './facts.ts'
import {
  formatBytes,
  formatChange,
  formatCount,
  formatDuration,
  formatLatency,
  formatMarketSecond,
  formatPrice,
  plural,
  priceDigitsOf,
} from './figures.ts'
import { createInk, type Ink, type Style } from './ink.ts'
import {
  besideLines,
  cleanText,
  fitLine,
  fitRight,
  headingLine,
  spreadLine,
  visibleWidth,
  wrapParts,
} from './line.ts'
import type { LivePhase, LiveShard, LiveSnapshot, LiveSymbol, ShardState } from './live-snapshot.ts'
import { meterBar, sparkline } from './meter.ts'

export type LiveViewOptions = {
  readonly widthColumns: number
  readonly heightRows: number
  readonly color: boolean
  /** True unless given. */
  readonly unicode?: boolean
}

type Context = Required<LiveViewOptions> & { readonly ink: Ink }

const WIDE_COLUMNS = 132
const PANEL_GAP_COLUMNS = 3
const PANEL_FACTS = 4
const LOG_ROWS_MIN = 3
/** From this height on an empty line stands between the blocks. */
const AIRY_ROWS = 30

/** At most `heightRows` lines, none wider than `widthColumns`. No final line end. */
export function renderLiveView(snapshot: LiveSnapshot, options: LiveViewOptions): string {
  const context: Context = { unicode: true, ...options, ink: createInk(options.color) }
  const air = options.heightRows >= AIRY_ROWS ? [''] : []
  const head = [titleLine(snapshot, context), sessionLine(snapshot, context)]
  const panels = panelLines(snapshot, context, air)
  const restRows = options.heightRows - head.length - panels.length - 3 * air.length
  const symbolRows = Math.max(0, Math.min(restRows - LOG_ROWS_MIN - 1, symbolRowCount(snapshot, context) + 1))
  const symbols = symbolLines(snapshot, context).slice(0, symbolRows)
  const log = logLines(snapshot, context, restRows - symbols.length)
  const lines = [...head, ...air, ...panels, ...air, ...symbols, ...air, ...log]
  return screenText(lines.slice(0, Math.max(1, options.heightRows)), options.widthColumns)
}

/** One line for an output that is no terminal. */
export function liveLine(snapshot: LiveSnapshot): string {
  const { journal } = snapshot
  const liveCount = snapshot.shards.filter((shard) => shard.state === 'live').length
  const time = formatMarketSecond(snapshot.atMs, snapshot.utcOffsetMs)
  return [
    `${time} ${cleanText(snapshot.market)} ${cleanText(snapshot.phase)}`,
    `shards ${liveCount}/${snapshot.shards.length} live`,
    `${formatCount(Math.round(snapshot.packetsPerSecond))} packets/s`,
    `${formatCount(snapshot.acceptedCount)} ticks`,
    `${formatCount(rejectedCountOf(snapshot.rejected))} rejected`,
    `${formatCount(snapshot.lateTickCount)} late`,
    `${formatCount(snapshot.candleCount)} candles in ${plural(snapshot.minuteCount, 'minute')}`,
    `gaps ${formatCount(snapshot.openGapCount)} open of ${formatCount(snapshot.gapCount)}`,
    `journal durable ${formatCount(journal.durableSeq)} of ${formatCount(journal.writtenSeq)}`,
  ].join(', ')
}

const PHASE_STYLES: Readonly<Record<LivePhase, Style>> = {
  before: 'dim',
  'pre-open': 'warn',
  continuous: 'good',
  break: 'dim',
  'closing auction': 'warn',
  after: 'dim',
}

function titleLine(snapshot: LiveSnapshot, context: Context): string {
  const { ink, unicode } = context
  const name = `${cleanText(snapshot.title)} ${cleanText(snapshot.market)} ${cleanText(snapshot.date)}`
  const dot = ink(
    PHASE_STYLES[snapshot.phase] ?? 'plain',
    `${unicode ? '●' : '*'} ${cleanText(snapshot.phase)}`,
  )
  const time = ink('bold', formatMarketSecond(snapshot.atMs, snapshot.utcOffsetMs))
  const speed =
    snapshot.speed === 1 ? '' : ink('dim', ` ${unicode ? '×' : 'x'}${formatSpeed(snapshot.speed)} simulated`)
  return spreadLine(`${ink('bold', 'CHANDLER')}  ${name}`, `${dot}   ${time}${speed}`, context.widthColumns)
}

function formatSpeed(speed: number): string {
  return String(Number(speed.toFixed(speed < 10 ? 1 : 0)))
}

function sessionLine({ session, atMs, utcOffsetMs }: LiveSnapshot, context: Context): string {
  const { ink, unicode, widthColumns } = context
  const spanMs = session.toMs - session.fromMs
  const ratio = spanMs > 0 ? Math.max(0, Math.min(1, (atMs - session.fromMs) / spanMs)) : 0
  const from = formatMarketSecond(session.fromMs, utcOffsetMs).slice(0, 5)
  const to = formatMarketSecond(session.toMs, utcOffsetMs).slice(0, 5)
  const left =
    atMs < session.fromMs
      ? `opens in ${formatDuration(session.fromMs - atMs)}`
      : leftText(session.toMs - atMs)
  const tail = `${to}  ${String(Math.floor(ratio * 100)).padStart(3)} %  ${left}`
  const barColumns = Math.max(4, widthColumns - from.length - visibleWidth(tail) - 4)
  const bar = ink('accent', meterBar(ratio, barColumns, unicode))
  return unicode ? `${from} ${ink('dim', '▕')}${bar}${ink('dim', '▏')} ${tail}` : `${from} [${bar}] ${tail}`
}

function leftText(leftMs: number): string {
  return leftMs > 0 ? `${formatDuration(leftMs)} left` : 'over'
}

type Panel = { readonly title: string; readonly lines: (widthColumns: number) => string[] }

function panelLines(snapshot: LiveSnapshot, context: Context, air: readonly string[]): string[] {
  const feed: Panel = { title: 'feed', lines: () => feedLines(snapshot, context) }
  const ticks: Panel = { title: 'ticks', lines: (width) => tickLines(snapshot, context, width) }
  const candles: Panel = { title: 'candles', lines: () => candleLines(snapshot, context) }
  const journal: Panel = { title: 'journal', lines: () => journalLines(snapshot, context) }
  if (context.widthColumns >= WIDE_COLUMNS) return panelRow([feed, ticks, candles, journal], context)
  return [...panelRow([feed, ticks], context), ...air, ...panelRow([candles, journal], context)]
}

function panelRow(panels: readonly Panel[], context: Context): string[] {
  const widthColumns = Math.max(
    1,
    Math.floor((context.widthColumns - PANEL_GAP_COLUMNS * (panels.length - 1)) / panels.length),
  )
  const drawn = panels.map(({ title, lines }) => ({
    widthColumns,
    lines: [headingLine(title, widthColumns, context.ink, context.unicode), ...lines(widthColumns)],
  }))
  return besideLines(drawn, PANEL_GAP_COLUMNS)
}

const SHARD_MARKS: Readonly<Record<ShardState, readonly [unicode: string, ascii: string, style: Style]>> = {
  live: ['●', '*', 'good'],
  connecting: ['◌', '~', 'warn'],
  'backing off': ['◌', '~', 'warn'],
  lost: ['○', 'o', 'bad'],
}

function feedLines({ shards, atMs }: LiveSnapshot, context: Context): string[] {
  if (shards.length === 0) return ['no shard yet']
  // What is not well comes first, because with many shards not all can be shown.
  const sorted = [...shards].sort(
    (a, b) => Number(a.state === 'live') - Number(b.state === 'live') || a.shard - b.shard,
  )
  const rowsMax = context.heightRows >= AIRY_ROWS ? PANEL_FACTS * 2 : PANEL_FACTS
  return firstLines(
    sorted.map((shard) => shardLine(shard, atMs, context)),
    rowsMax,
    'shards',
  )
}

function shardLine(shard: LiveShard, atMs: number, { ink, unicode }: Context): string {
  const [glyph, ascii, style] = SHARD_MARKS[shard.state]
  const state = ink(style, `${unicode ? glyph : ascii} ${fitLine(shard.state, 11)}`)
  const since = formatDuration(atMs - shard.sinceMs)
  return `${shard.shard} ${state} ${fitRight(since, 11)} ${ink('dim', plural(shard.connectCount, 'connect'))}`
}

const FACT_NAME_COLUMNS = 12

function fact(name: string, value: string, { ink }: Context): string {
  return `${ink('dim', fitLine(name, FACT_NAME_COLUMNS))} ${value}`
}

const COUNT_COLUMNS = 12

function tickLines(snapshot: LiveSnapshot, context: Context, widthColumns: number): string[] {
  const { ink } = context
  const number = (count: number): string => formatCount(Math.round(count)).padStart(COUNT_COLUMNS)
  const sparkColumns = Math.max(0, Math.min(24, widthColumns - FACT_NAME_COLUMNS - COUNT_COLUMNS - 3))
  const spark = ink('accent', sparkline(snapshot.packetRates, sparkColumns, context.unicode))
  const late = ink(
    snapshot.lateTickCount > 0 ? 'warn' : 'plain',
    `${formatCount(snapshot.lateTickCount)} late`,
  )
  const rejected = rejectedCountOf(snapshot.rejected)
  return [
    fact('packets/s', `${number(snapshot.packetsPerSecond)}  ${spark}`, context),
    fact('accepted', number(snapshot.acceptedCount), context),
    fact('rejected', `${number(rejected)}  ${late}`, context),
    ...wrapParts(rejectionParts(snapshot.rejected), ', ', widthColumns)
      .slice(0, context.heightRows >= AIRY_ROWS ? PANEL_FACTS : 1)
      .map((line) => ink('dim', line)),
  ]
}

function candleLines(snapshot: LiveSnapshot, context: Context): string[] {
  const { ink } = context
  const open = ink(snapshot.openGapCount > 0 ? 'bad' : 'plain', `${formatCount(snapshot.openGapCount)} open`)
  const gaps = `${open}, ${formatCount(snapshot.gapCount)} in all`
  return [
    fact(
      'finalised',
      `${ink('bold', formatCount(snapshot.candleCount))} in ${plural(snapshot.minuteCount, 'minute')}`,
      context,
    ),
    fact('p50 latency', formatLatency(snapshot.finaliseP50Ms), context),
    fact('p99 latency', formatLatency(snapshot.finaliseP99Ms), context),
    fact('gaps', gaps, context),
  ]
}

function journalLines({ journal }: LiveSnapshot, context: Context): string[] {
  const behind = journal.writtenSeq - journal.durableSeq
  return [
    fact('written', `seq ${formatCount(journal.writtenSeq)}`, context),
    fact('durable', `seq ${formatCount(journal.durableSeq)}`, context),
    fact(
      'lag',
      behind <= 0 ? 'none' : `${formatBytes(journal.lagBytes)} in ${plural(behind, 'entry', 'entries')}`,
      context,
    ),
    fact('size', formatBytes(journal.sizeBytes), context),
  ]
}

const SYMBOL_COLUMNS = 14
const PRICE_COLUMNS = 12
const CHANGE_COLUMNS = 9

/** Symbols stand in two columns where there is room. */
function symbolsAcross({ widthColumns }: Context): number {
  return widthColumns >= WIDE_COLUMNS ? 2 : 1
}

function symbolRowCount({ symbols }: LiveSnapshot, context: Context): number {
  return Math.ceil(symbols.length / symbolsAcross(context))
}

function symbolLines(snapshot: LiveSnapshot, context: Context): string[] {
  const across = symbolsAcross(context)
  const widthColumns = Math.floor((context.widthColumns - PANEL_GAP_COLUMNS * (across - 1)) / across)
  const rowCount = symbolRowCount(snapshot, context)
  const panels = Array.from({ length: across }, (_, at) => ({
    widthColumns,
    lines: snapshot.symbols
      .slice(at * rowCount, (at + 1) * rowCount)
      .map((symbol) => symbolLine(symbol, widthColumns, context)),
  }))
  return [
    headingLine('symbols', context.widthColumns, context.ink, context.unicode),
    ...besideLines(panels, PANEL_GAP_COLUMNS),
  ]
}

function symbolLine(symbol: LiveSymbol, widthColumns: number, context: Context): string {
  const { lastPrice, referencePrice, closes } = symbol
  const change =
    lastPrice === null || referencePrice === null || referencePrice === 0
      ? null
      : lastPrice / referencePrice - 1
  const style: Style = change === null || change === 0 ? 'flat' : change > 0 ? 'up' : 'down'
  const price = formatPrice(lastPrice, priceDigitsOf(lastPrice === null ? [] : [lastPrice]))
  const figures = [
    fitLine(cleanText(symbol.symbol), SYMBOL_COLUMNS),
    fitRight(price, PRICE_COLUMNS),
    context.ink(style, fitRight(formatChange(change), CHANGE_COLUMNS)),
  ].join(' ')
  const sparkColumns = Math.max(0, widthColumns - visibleWidth(figures) - 2)
  const spark = sparkline(thinned(closes, sparkColumns), sparkColumns, context.unicode)
  return `${figures}  ${context.ink(style, spark)}`
}

/** The whole session in `columns` values: of neighbours that share a place the last known one is shown. */
function thinned(values: readonly (number | null)[], columns: number): (number | null)[] {
  if (values.length <= columns || columns <= 0) return [...values]
  return Array.from({ length: columns }, (_, at) => {
    const from = Math.floor((at * values.length) / columns)
    const to = Math.floor(((at + 1) * values.length) / columns)
    return values.slice(from, to).findLast((value) => value !== null) ?? null
  })
}

function logLines({ logLines }: LiveSnapshot, context: Context, rowCount: number): string[] {
  if (rowCount < 2) return []
  const shown = logLines.slice(-(rowCount - 1)).map((line) => context.ink('dim', cleanText(line)))
  return [headingLine('log', context.widthColumns, context.ink, context.unicode), ...shown]
}
