/**
 * How do the markets stand, for somebody who glances at it all day? One pure function from a snapshot to a
 * screen. Markets stand below each other, or side by side where the terminal is wide; each has the same share
 * of it, and within that share what needs a person comes first and is never the part that is left out.
 */
import { screenText } from './facts.ts'
import { formatBytes, formatCount, formatDuration, formatMarketDate, formatMarketSecond } from './figures.ts'
import { createInk, type Ink } from './ink.ts'
import { besideLines, cleanText, spreadLine } from './line.ts'
import { meterBar } from './meter.ts'
import { alarmsOf, marketBlock } from './watch-market.ts'
import type { WatchMarket, WatchSnapshot } from './watch-snapshot.ts'

export type WatchOptions = {
  /** Of the moment that is painted; the snapshot may be some seconds older. */
  readonly nowMs: number
  readonly widthColumns: number
  readonly heightRows: number
  readonly color: boolean
  readonly unicode: boolean
}

/** From this width on two markets stand side by side. */
const WIDE_COLUMNS = 144
const GAP_COLUMNS = 3
/** A look that is older says so. */
const FRESH_MS = 15_000
const FREE_RATIO_LOW = 0.1

/** At most `heightRows` lines, none wider than `widthColumns`. No final line end. */
export function renderWatch(snapshot: WatchSnapshot, options: WatchOptions): string {
  const { widthColumns, heightRows } = options
  const ink = createInk(options.color)
  const head = headLines(snapshot, options, ink)
  const rows = Math.max(0, heightRows - head.length)
  const { markets } = snapshot
  const isBeside = markets.length > 1 && widthColumns >= WIDE_COLUMNS
  const blockColumns = isBeside
    ? Math.floor((widthColumns - GAP_COLUMNS * (markets.length - 1)) / markets.length)
    : widthColumns
  const blockOf = (market: WatchMarket, blockRows: number): readonly string[] =>
    marketBlock(market, { ...options, ink, widthColumns: blockColumns, heightRows: blockRows })
  const body = isBeside
    ? besideLines(
        markets.map((market) => ({ lines: blockOf(market, rows), widthColumns: blockColumns })),
        GAP_COLUMNS,
      )
    : stacked(markets, rows, blockOf)
  const text = screenText([...head, ...body].slice(0, Math.max(1, heightRows)), widthColumns)
  return options.unicode ? text : text.replaceAll('…', '~').replaceAll('–', '-')
}

/** Each gets its share of the rows and what others do not need; what is left is for an empty line. */
function stacked(
  markets: readonly WatchMarket[],
  rows: number,
  blockOf: (market: WatchMarket, blockRows: number) => readonly string[],
): readonly string[] {
  const wanted = markets.map((market) => blockOf(market, rows).length)
  const shares = wanted.map(() => 0)
  let left = rows
  // Those that want least are served first: the others share what they leave.
  const order = [...wanted.keys()].sort((a, b) => wanted[a]! - wanted[b]!)
  order.forEach((at, served) => {
    shares[at] = Math.min(wanted[at]!, Math.floor(left / (order.length - served)))
    left -= shares[at]
  })
  const air = left >= markets.length - 1 ? [''] : []
  return markets.flatMap((market, at) => [...(at === 0 ? [] : air), ...blockOf(market, shares[at]!)])
}

function headLines(snapshot: WatchSnapshot, options: WatchOptions, ink: Ink): readonly string[] {
  const { nowMs, widthColumns, unicode } = options
  const speed = snapshot.speed === 1 ? '' : ink('dim', ` ${unicode ? '×' : 'x'}${snapshot.speed} simulated`)
  const at = `${formatMarketDate(nowMs, 0)} ${ink('bold', formatMarketSecond(nowMs, 0))} UTC${speed}`
  const ageMs = (nowMs - snapshot.atMs) / snapshot.speed
  const age = ageMs > FRESH_MS ? ink('warn', `seen ${formatDuration(ageMs)} ago   `) : ''
  const title = `${ink('bold', 'CHANDLER')}  ${cleanText(snapshot.dataDir)}`
  return [
    spreadLine(title, at, widthColumns),
    spreadLine(diskText(snapshot, unicode, ink), `${age}${ink('dim', 'q quits')}`, widthColumns),
    ...(snapshot.trouble === '' ? [] : [ink('bad', `could not look: ${cleanText(snapshot.trouble)}`)]),
  ]
}

function diskText({ disk }: WatchSnapshot, unicode: boolean, ink: Ink): string {
  if (disk === null) return ink('dim', 'there is no data directory yet')
  const freeRatio = disk.totalBytes > 0 ? disk.freeBytes / disk.totalBytes : 0
  const style = freeRatio < FREE_RATIO_LOW ? 'bad' : 'good'
  const bar = ink(style, meterBar(1 - freeRatio, 16, unicode))
  const framed = unicode ? `▕${bar}▏` : `[${bar}]`
  const [free, total] = [disk.freeBytes, disk.totalBytes].map(formatBytes)
  return `${ink('dim', 'disk')} ${framed} ${free} free of ${total}`
}

/** One line for an output that is no terminal. */
export function watchLine(snapshot: WatchSnapshot): string {
  const at = `${formatMarketDate(snapshot.atMs, 0)}T${formatMarketSecond(snapshot.atMs, 0)}Z`
  const trouble = snapshot.trouble === '' ? [] : [`could not look: ${cleanText(snapshot.trouble)}`]
  return [at, ...trouble, ...snapshot.markets.map(marketText)].join('  ')
}

function marketText(market: WatchMarket): string {
  const { status, daemon, jobs, name } = market
  const { times, gaps } = status
  const worker = daemon.kind === 'answers' ? daemon.worker : null
  const countOf = (state: string): number => jobs.filter((job) => job.state === state).length
  const parts = [
    times.state ?? 'no gate has run',
    `ctt ${times.canonicalTruthTime ?? 'none'}`,
    `te ${times.truthEpoch ?? 'none'}`,
    `daemon ${daemon.kind === 'answers' ? (daemon.isWell ? 'well' : 'failing') : daemon.kind}`,
    ...(worker === null
      ? []
      : [
          `shards ${formatCount(worker.liveCount)}/${formatCount(worker.shardCount)} live`,
          `${formatCount(worker.packetCount)} packets`,
          `${formatCount(worker.candleCount)} candles`,
        ]),
    `gaps ${gaps.filter(({ toMs }) => toMs === null).length} open of ${gaps.length}`,
    `jobs ${countOf('done')} done ${countOf('failed')} failed of ${jobs.length}`,
    ...alarmsOf(market).map(({ text }) => text),
  ]
  return `${cleanText(name)}: ${parts.map(cleanText).join(', ')}`
}
