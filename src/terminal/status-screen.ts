/** How does it stand, on one screen? What `chandler status` shows; the same report is its `--json`. */
import type { JobStatus, MarketStatus, StatusReport, TruthState } from '../domain/status.ts'
import { factLine, firstLines, gapLine, rejectedCountOf, rejectionParts, screenText } from './facts.ts'
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMarketDate,
  formatMarketMinute,
  formatMarketSecond,
  plural,
  UNKNOWN,
} from './figures.ts'
import { createInk, type Ink, type Style } from './ink.ts'
import { cleanText, headingLine, spreadLine, wrapParts } from './line.ts'
import { meterBar } from './meter.ts'

export type StatusOptions = {
  readonly widthColumns: number
  readonly color: boolean
  readonly unicode: boolean
}

type Context = StatusOptions & { readonly ink: Ink; readonly atMs: number; readonly separator: string }

const NAME_COLUMNS = 9
const GAPS_SHOWN_MAX = 4
const NO_GATE = 'not yet: no gate has run'

/** No final line end; no line is wider than `widthColumns`. */
export function renderStatus(status: StatusReport, options: StatusOptions): string {
  const separator = options.unicode ? ' · ' : ', '
  const context: Context = { ...options, ink: createInk(options.color), atMs: status.atMs, separator }
  const names = Object.keys(status.markets)
  const markets = names.flatMap((name) => ['', ...marketLines(name, status.markets[name]!, context)])
  const at = `${formatMarketDate(status.atMs, 0)} ${formatMarketSecond(status.atMs, 0)} UTC`
  const lines = [
    spreadLine(
      `${context.ink('bold', 'chandler status')}  ${cleanText(status.dataDir)}`,
      at,
      options.widthColumns,
    ),
    diskLine(status, context),
    ...(names.length === 0 ? ['', 'no market is configured'] : markets),
  ]
  return screenText(lines, options.widthColumns)
}

/** Below this share of free space the figure is a warning. */
const FREE_RATIO_LOW = 0.1

function diskLine({ disk }: StatusReport, context: Context): string {
  if (disk === null) return fact('disk', UNKNOWN, context)
  const freeRatio = disk.totalBytes > 0 ? disk.freeBytes / disk.totalBytes : 0
  const style = freeRatio < FREE_RATIO_LOW ? 'bad' : 'good'
  const bar = meterBar(1 - freeRatio, 16, context.unicode)
  const framed = context.unicode ? `▕${context.ink(style, bar)}▏` : `[${bar}]`
  const free = context.ink(style, `${formatBytes(disk.freeBytes)} free`)
  return fact('disk', `${framed} ${free} of ${formatBytes(disk.totalBytes)}`, context)
}

function marketLines(name: string, market: MarketStatus, context: Context): string[] {
  const session = market.sessionDate === null ? 'no session yet' : `session ${cleanText(market.sessionDate)}`
  const { ink, separator } = context
  return [
    headingLine(`${cleanText(name).toUpperCase()}  ${session}`, context.widthColumns, ink, context.unicode),
    fact('feed', feedText(market, context), context),
    fact('RDT', rawTimeText(market, context), context),
    fact(
      'CTT',
      `${truthText(market.times.canonicalTruthTime, context)}   ${stateText(market, context)}`,
      context,
    ),
    fact('TE', `${truthText(market.times.truthEpoch, context)}${epochMarks(market, context)}`, context),
    ...truthLines(market, context),
    fact('journal', journalText(market, separator), context),
    fact('candles', candleText(market, context), context),
    ...rejectedLines(market, context),
    ...gapLines(market, context),
    ...jobLines(market, context),
    ...queueLines(market, context),
    ...permitLines(market, context),
  ]
}

function feedText({ workerRunning, feed }: MarketStatus, { ink, unicode }: Context): string {
  if (!workerRunning) return `${ink('dim', unicode ? '○' : 'o')} no worker is running`
  if (feed === null) return `${ink('warn', unicode ? '◌' : '?')} the worker runs, its feed has not spoken yet`
  const all = feed.liveCount === feed.shardCount
  const dot = ink(all ? 'good' : 'bad', unicode ? '●' : '*')
  return `${dot} ${formatCount(feed.liveCount)} of ${plural(feed.shardCount, 'shard')} live`
}

function rawTimeText({ times, utcOffsetMs }: MarketStatus, { atMs }: Context): string {
  if (times.rawDataTimeMs === null) return 'nothing received yet'
  const at = times.rawDataTimeMs
  const text = `${formatMarketDate(at, utcOffsetMs)} ${formatMarketSecond(at, utcOffsetMs)}`
  return `${text}  (${formatDuration(atMs - at)} ago)`
}

function truthText(date: string | null, { ink }: Context): string {
  return date === null ? ink('dim', NO_GATE) : cleanText(date)
}

/** What an operator must know of an epoch before trusting it. */
function epochMarks({ truth }: MarketStatus, { ink }: Context): string {
  if (truth === undefined) return ''
  const { isEpochInvalidated, isEpochOverridden, overrideExpiredAfter } = truth
  const marks = [
    ...(isEpochInvalidated ? ['INVALIDATED: another proxy set'] : []),
    ...(isEpochOverridden ? ['by an override'] : []),
    ...(overrideExpiredAfter === null ? [] : [`expired after ${overrideExpiredAfter}`]),
  ]
  return marks.length === 0 ? '' : `   ${ink('bad', marks.join(', '))}`
}

/** Nothing where nothing needs a person: a halt must not drown in a list of zeros. */
function truthLines({ truth }: MarketStatus, context: Context): string[] {
  if (truth === undefined) return []
  const { chainFault, halt, reviewCount, criticalAlertCount, isInspected } = truth
  const bad = (text: string): string => context.ink('bad', cleanText(text))
  const waiting = [
    ...(reviewCount === 0 ? [] : [plural(reviewCount, 'review')]),
    ...(criticalAlertCount === 0 ? [] : [plural(criticalAlertCount, 'critical alert')]),
    ...(isInspected ? ['inspection mode is on'] : []),
  ]
  return [
    ...(chainFault === '' ? [] : [fact('chain', bad(chainFault), context)]),
    ...(halt === null ? [] : [fact('HALT', bad(`${halt.id}: ${halt.reason}`), context)]),
    ...(waiting.length === 0
      ? []
      : [fact('waiting', context.ink('warn', waiting.join(context.separator)), context)]),
  ]
}

const STATE_STYLES: Readonly<Record<TruthState, Style>> = {
  SYNCHRONISED: 'good',
  PENDING_INGESTION: 'warn',
  PENDING_EVALUATION: 'warn',
  DRIFTING: 'bad',
}

function stateText({ times }: MarketStatus, { ink }: Context): string {
  return times.state === null ? '' : ink(STATE_STYLES[times.state] ?? 'plain', cleanText(times.state))
}

function journalText({ journal }: MarketStatus, separator: string): string {
  if (journal === null) return 'none'
  const parts = [
    `seq ${formatCount(journal.lastSeq)}`,
    formatBytes(journal.sizeBytes),
    plural(journal.segmentCount, 'segment'),
  ]
  return parts.join(separator)
}

function candleText({ partCount, settled }: MarketStatus, { ink }: Context): string {
  const state = settled ? ink('good', 'settled') : ink('warn', 'not settled')
  return `${plural(partCount, 'part')} published, ${state}`
}

function rejectedLines({ rejected }: MarketStatus, context: Context): string[] {
  const count = rejectedCountOf(rejected)
  if (count === 0) return [fact('rejected', '0', context)]
  const parts = [formatCount(count), ...rejectionParts(rejected)]
  return wrapParts(parts, context.separator, Math.max(10, context.widthColumns - NAME_COLUMNS - 1)).map(
    (line, at) => fact(at === 0 ? 'rejected' : '', line, context),
  )
}

/** The newest are shown: an open one is what the operator came for. */
function gapLines({ gaps, utcOffsetMs }: MarketStatus, context: Context): string[] {
  if (gaps.length === 0) return [fact('gaps', 'none', context)]
  const openCount = gaps.filter((gap) => gap.toMs === null).length
  const open = openCount === 0 ? '0 open' : context.ink('bad', `${formatCount(openCount)} open`)
  const sorted = [...gaps].sort(
    (a, b) => Number(b.toMs === null) - Number(a.toMs === null) || b.fromMs - a.fromMs,
  )
  const lines = sorted.map((gap) => gapLine(gap, utcOffsetMs, context.atMs, context.unicode))
  return [
    fact('gaps', `${open}, ${formatCount(gaps.length)} in all`, context),
    ...firstLines(lines, GAPS_SHOWN_MAX, 'gaps, see --json').map((line) => fact('', line, context)),
  ]
}

const OUTCOME_STYLES: Readonly<Record<NonNullable<JobStatus['outcome']>, Style>> = {
  done: 'good',
  failed: 'bad',
  running: 'accent',
  skipped: 'dim',
}

function jobLines({ jobs, utcOffsetMs }: MarketStatus, context: Context): string[] {
  if (jobs.length === 0) return [fact('jobs', 'none', context)]
  const nameColumns = Math.min(20, Math.max(...jobs.map((job) => cleanText(job.name).length)))
  return jobs.map((job, at) => {
    const { outcome } = job
    const state =
      outcome === null
        ? context.ink('dim', 'never ran')
        : context.ink(OUTCOME_STYLES[outcome] ?? 'plain', cleanText(outcome))
    const last = job.lastRunMs === null ? '' : ` ${formatDuration(context.atMs - job.lastRunMs)} ago`
    const next = job.nextRunMs === null ? '' : `, next ${momentText(job.nextRunMs, utcOffsetMs)}`
    const detail = job.detail === '' ? '' : `  ${cleanText(job.detail)}`
    return fact(
      at === 0 ? 'jobs' : '',
      `${cleanText(job.name).padEnd(nameColumns)}  ${state}${last}${next}${detail}`,
      context,
    )
  })
}

function momentText(timeMs: number, utcOffsetMs: number): string {
  return `${formatMarketDate(timeMs, utcOffsetMs)} ${formatMarketMinute(timeMs, utcOffsetMs)}`
}

function queueLines({ queue }: MarketStatus, context: Context): string[] {
  if (queue === null) return [fact('queue', 'none', context)]
  const failed =
    queue.failedCount === 0 ? '0 failed' : context.ink('bad', `${formatCount(queue.failedCount)} failed`)
  const parts = [
    `${formatCount(queue.waitingCount)} waiting`,
    `${formatCount(queue.runningCount)} running`,
    failed,
    ...(queue.parkedCount === undefined ? [] : [parkedText(queue.parkedCount, context)]),
  ]
  return [fact('queue', parts.join(context.separator), context)]
}

function parkedText(parkedCount: number, { ink }: Context): string {
  const text = `${formatCount(parkedCount)} parked`
  return parkedCount === 0 ? text : ink('warn', text)
}

function permitLines({ permits }: MarketStatus, context: Context): string[] {
  if (permits === undefined) return []
  const { takenCount, leftCount, date } = permits
  const left = `${formatCount(leftCount)} left`
  const parts = [leftCount === 0 ? context.ink('warn', left) : left, `${formatCount(takenCount)} taken`]
  return [fact('permits', `${parts.join(context.separator)} on ${cleanText(date)}`, context)]
}

function fact(name: string, value: string, { ink }: Context): string {
  return factLine(name, value, ink, NAME_COLUMNS)
}
