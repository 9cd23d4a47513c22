/**
 * What is to be seen of one market, in so many rows? Facts in a fixed order, so that the eye finds each where
 * it was; where the rows do not suffice, the least important facts give way, each first losing its further
 * lines. Alarms are the last to.
 */
import { factLine, firstLines, gapLine, rejectedCountOf } from './facts.ts'
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatLatency,
  formatMarketDate,
  formatMarketMinute,
  formatMarketSecond,
  plural,
} from './figures.ts'
import type { Style } from './ink.ts'
import { cleanText, cutLine, visibleWidth, wrapParts } from './line.ts'
import { meterBar, sparkline } from './meter.ts'
import { type BlockOptions, jobLines } from './watch-jobs.ts'
import type { WatchMarket, WatchWorker } from './watch-snapshot.ts'

/** `rank`: 0 is the last to give way. */
type Fact = { readonly rank: number; readonly lines: readonly string[] }

export type Alarm = { readonly style: 'bad' | 'warn'; readonly text: string }

const NAME_COLUMNS = 8
const VALUE_COLUMNS_MIN = 10
/** Where the times of truth begin to say how old they are. */
const TIME_COLUMNS = 21
const GAPS_MAX = 6
const SUGGESTIONS_MAX = 4
const EVENTS_MAX = 12
/** Without a tick for so long while the market is open, the eye is to stay there. */
const SILENT_MS = 30_000
const SPARK_COLUMNS = 24
const BAR_COLUMNS_MAX = 60

/** At most `heightRows` lines, and no more than there is to say. */
export function marketBlock(market: WatchMarket, options: BlockOptions): readonly string[] {
  const inner = { ...options, widthColumns: valueColumns(options) }
  const facts = [
    { rank: 0, lines: alarmLines(market, options) },
    { rank: 11, lines: sessionLines(market, options) },
    { rank: 4, lines: [rawLine(market, options)] },
    { rank: 1, lines: [canonicalLine(market, options)] },
    { rank: 2, lines: [epochLine(market, options)] },
    ...streamFacts(market, options),
    { rank: 5, lines: named('jobs', jobLines(market, inner), options) },
    { rank: 8, lines: requestLines(market, options) },
    { rank: 10, lines: suggestionLines(market, options) },
    { rank: 12, lines: chainLines(market, options) },
  ]
  const lines = fitted(facts, options.heightRows - 1)
  return [headLine(market, options), ...lines].slice(0, Math.max(0, options.heightRows))
}

/** A line for each fact by rank while there are rows, then their further lines, again by rank. */
function fitted(facts: readonly Fact[], rowCount: number): readonly string[] {
  const shown = facts.map(() => 0)
  const ranked = [...facts.keys()].sort((a, b) => facts[a]!.rank - facts[b]!.rank)
  let left = rowCount
  for (const upTo of [1, Number.POSITIVE_INFINITY]) {
    for (const at of ranked) {
      const { rank, lines } = facts[at]!
      // Alarms are not for the second round.
      const wanted = Math.min(lines.length, rank === 0 ? lines.length : upTo) - shown[at]!
      const taken = Math.max(0, Math.min(wanted, left))
      shown[at]! += taken
      left -= taken
    }
  }
  return facts.flatMap(({ rank, lines }, at) =>
    rank === 0 ? firstLines(lines, shown[at]!, 'alarms').slice(0, shown[at]!) : lines.slice(0, shown[at]!),
  )
}

/** What needs a person, the gravest first. */
export function alarmsOf({ status, daemon, chain, reviews, suggestions }: WatchMarket): readonly Alarm[] {
  const { truth } = status
  const bad = (text: string): Alarm => ({ style: 'bad', text })
  const warn = (text: string): Alarm => ({ style: 'warn', text })
  const isKnown = (reason: string): boolean => /^(halted|the event chain)/.test(reason)
  return [
    ...(truth === undefined || truth.chainFault === '' ? [] : [bad(`CHAIN ${truth.chainFault}`)]),
    ...(truth?.chainFault === '' && chain.status === 'TORN_TAIL' ? [warn(`chain ${chain.says}`)] : []),
    ...(truth?.halt ? [bad(`HALT ${truth.halt.id}: ${truth.halt.reason}`)] : []),
    ...(daemon.kind === 'answers'
      ? daemon.reasons.filter((reason) => !isKnown(reason)).map((reason) => bad(reason))
      : []),
    ...(daemon.kind === 'silent' ? [bad(`the daemon runs and does not answer: ${daemon.why}`)] : []),
    ...suggestions.filter(({ isUrgent }) => isUrgent).map((one) => bad(suggestionText(one))),
    ...(truth?.criticalAlertCount ? [bad(plural(truth.criticalAlertCount, 'critical alert'))] : []),
    ...reviews.map((review) => warn(`REVIEW ${review}`)),
    ...(truth?.isEpochInvalidated ? [bad('TE is INVALIDATED: the proxy set is another')] : []),
    ...(truth?.isEpochOverridden ? [warn('TE stands on an override')] : []),
    ...(truth?.overrideExpiredAfter ? [bad(`the override expired after ${truth.overrideExpiredAfter}`)] : []),
    ...(truth?.isInspected ? [warn('inspection mode is on')] : []),
  ]
}

/** Whole, over as many lines as it takes: the command at its end is what the operator came for. */
function alarmLines(market: WatchMarket, { ink, unicode, widthColumns }: BlockOptions): readonly string[] {
  const mark = unicode ? '▲' : '!'
  return alarmsOf(market).flatMap(({ style, text }) => {
    const words = cleanText(text).split(' ')
    const lines = wrapParts(words, ' ', Math.max(VALUE_COLUMNS_MIN, widthColumns - 2))
    return lines.map((line, at) => cutLine(ink(style, `${at === 0 ? mark : ' '} ${line}`), widthColumns))
  })
}

function suggestionText({ text, command }: { readonly text: string; readonly command: string }): string {
  return command === '' ? text : `${text}; run: ${command}`
}

const DAEMON_MARKS: Readonly<Record<string, readonly [unicode: string, ascii: string, style: Style]>> = {
  well: ['●', '*', 'good'],
  failing: ['▲', '!', 'bad'],
  silent: ['◌', '?', 'bad'],
  none: ['○', 'o', 'dim'],
}

function headLine(market: WatchMarket, options: BlockOptions): string {
  const { ink, unicode, widthColumns, nowMs } = options
  const { daemon, status, name } = market
  const word = daemon.kind === 'answers' ? (daemon.isWell ? 'well' : 'failing') : daemon.kind
  const [glyph, ascii, style] = DAEMON_MARKS[word]!
  const says = word === 'none' ? 'no daemon' : `daemon ${word}`
  const right = ink(style, `${unicode ? glyph : ascii} ${says}`)
  const time = formatMarketSecond(nowMs, status.utcOffsetMs)
  const left = `${ink('bold', `${cleanText(name).toUpperCase()}  ${time}`)}  ${sessionText(market, options)}`
  const ruleColumns = widthColumns - visibleWidth(left) - visibleWidth(right) - 2
  return `${left} ${ink('dim', (unicode ? '─' : '-').repeat(Math.max(0, ruleColumns)))} ${right}`
}

function sessionText({ session, status }: WatchMarket, { ink, nowMs, unicode }: BlockOptions): string {
  const minute = (timeMs: number): string => formatMarketMinute(timeMs, status.utcOffsetMs)
  const { fromMs, toMs, date, isToday, isOpen } = session
  if (isOpen) {
    const left = `until ${minute(toMs)}, ${formatDuration(toMs - nowMs)} left`
    return `${ink('good', `${unicode ? '●' : '*'} open`)} ${left}`
  }
  const mark = ink('dim', `${unicode ? '○' : 'o'} closed`)
  if (nowMs >= toMs) {
    const next = `${formatMarketDate(session.nextFromMs, status.utcOffsetMs)} ${minute(session.nextFromMs)}`
    return `${mark} since ${minute(toMs)}, opens ${next}`
  }
  const opens = formatDuration(fromMs - nowMs)
  return isToday
    ? `${mark}, opens ${minute(fromMs)}, in ${opens}`
    : `${mark}, opens ${date} ${minute(fromMs)}`
}

/** How much of it is over; only while it is on. */
function sessionLines({ session, status }: WatchMarket, options: BlockOptions): readonly string[] {
  const { fromMs, toMs, isOpen } = session
  if (!isOpen || toMs <= fromMs) return []
  const { ink, nowMs, unicode } = options
  const ratio = Math.max(0, Math.min(1, (nowMs - fromMs) / (toMs - fromMs)))
  const ends = [fromMs, toMs].map((at) => formatMarketMinute(at, status.utcOffsetMs))
  const percent = `${Math.floor(ratio * 100)} %`
  const columns = Math.min(BAR_COLUMNS_MAX, valueColumns(options) - 24)
  if (columns < 8) return []
  const bar = ink('accent', meterBar(ratio, columns, unicode))
  const framed = unicode ? `▕${bar}▏` : `[${bar}]`
  return [fact('session', `${ends[0]} ${framed} ${ends[1]}  ${percent}`, options)]
}

function rawLine({ status }: WatchMarket, options: BlockOptions): string {
  const { times, utcOffsetMs } = status
  const at = times.rawDataTimeMs
  if (at === null) return fact('RDT', 'nothing received yet', options)
  const moment = `${formatMarketDate(at, utcOffsetMs)} ${formatMarketSecond(at, utcOffsetMs)}`
  return fact('RDT', `${moment.padEnd(TIME_COLUMNS)}${formatDuration(options.nowMs - at)} ago`, options)
}

const STATE_STYLES: Readonly<Record<string, Style>> = {
  SYNCHRONISED: 'good',
  PENDING_INGESTION: 'warn',
  PENDING_EVALUATION: 'warn',
  DRIFTING: 'bad',
}

function canonicalLine({ status, cttAgeSessions }: WatchMarket, options: BlockOptions): string {
  const { canonicalTruthTime, state } = status.times
  const word = state === null ? '' : `   ${options.ink(STATE_STYLES[state] ?? 'plain', cleanText(state))}`
  return fact('CTT', `${datedText(canonicalTruthTime, cttAgeSessions, options)}${word}`, options)
}

function epochLine({ status, epochAgeSessions }: WatchMarket, options: BlockOptions): string {
  return fact('TE', datedText(status.times.truthEpoch, epochAgeSessions, options), options)
}

function datedText(date: string | null, ageSessions: number | null, { ink }: BlockOptions): string {
  if (date === null) return ink('dim', 'not yet: no gate has run')
  const age =
    ageSessions === null
      ? ''
      : ageSessions === 0
        ? ink('dim', 'the last session')
        : ink('warn', `${plural(ageSessions, 'session')} behind`)
  return `${cleanText(date).padEnd(TIME_COLUMNS)}${age}`
}

/** Only where something is listened to. */
function streamFacts(market: WatchMarket, options: BlockOptions): readonly Fact[] {
  if (!market.jobs.some(({ name }) => name === 'stream')) return []
  return [
    { rank: 3, lines: named('feed', feedLines(market, options), options) },
    { rank: 7, lines: named('candles', candleLines(market, options), options) },
    { rank: 6, lines: named('gaps', gapLines(market, options), options) },
    { rank: 9, lines: named('journal', journalLines(market, options), options) },
  ]
}

function feedLines({ daemon, session, status }: WatchMarket, options: BlockOptions): readonly string[] {
  const { ink, unicode } = options
  const worker = daemon.kind === 'answers' ? daemon.worker : null
  if (worker !== null) return [workerText(worker, session.isOpen, options)]
  if (!status.workerRunning) return [`${ink('dim', unicode ? '○' : 'o')} no worker is running`]
  if (status.feed === null)
    return [`${ink('warn', unicode ? '◌' : '?')} the worker's feed has not spoken yet`]
  return [shardText(status.feed.liveCount, status.feed.shardCount, options)]
}

function shardText(liveCount: number, shardCount: number, { ink, unicode }: BlockOptions): string {
  const isLive = liveCount === shardCount
  const dot = ink(isLive ? 'good' : 'bad', unicode ? (isLive ? '●' : '▲') : isLive ? '*' : '!')
  return `${dot} ${formatCount(liveCount)} of ${plural(shardCount, 'shard')} live`
}

function tickText(silentMs: number, isOpen: boolean, { ink }: BlockOptions): string {
  const style = isOpen && silentMs > SILENT_MS ? 'warn' : 'plain'
  return ink(style, `tick ${formatDuration(silentMs)} ago`)
}

function workerText(worker: WatchWorker, isOpen: boolean, options: BlockOptions): string {
  const { liveCount, shardCount, tickSilentMs, packetsPerSecond, packetRates } = worker
  const rate = packetsPerSecond === null ? '' : `${formatCount(Math.round(packetsPerSecond))} packets/s`
  const parts = [
    shardText(liveCount ?? 0, shardCount ?? 0, options),
    ...(tickSilentMs === null ? [] : [tickText(tickSilentMs, isOpen, options)]),
    ...(rate === '' ? [] : [rate]),
  ]
  const text = parts.join(dotOf(options))
  const sparkColumns = Math.min(
    SPARK_COLUMNS,
    valueColumns(options) - visibleWidth(text) - 2,
    packetRates.length,
  )
  if (sparkColumns < 4) return text
  return `${text}  ${options.ink('accent', sparkline(packetRates, sparkColumns, options.unicode))}`
}

function candleLines({ daemon, status }: WatchMarket, options: BlockOptions): readonly string[] {
  const { ink } = options
  const worker = daemon.kind === 'answers' ? daemon.worker : null
  const rejected = rejectedCountOf(status.rejected)
  const parts =
    worker === null
      ? [
          `${plural(status.partCount, 'minute')} published`,
          status.settled ? ink('good', 'settled') : ink('warn', 'not settled'),
          `${formatCount(rejected)} rejected`,
        ]
      : [
          `${ink('bold', formatCount(worker.candleCount))} in ${plural(worker.minuteCount ?? 0, 'minute')}`,
          `p50 ${formatLatency(worker.finaliseP50Ms)}`,
          `p99 ${formatLatency(worker.finaliseP99Ms)}`,
          ink(worker.lateCount ? 'warn' : 'plain', `${formatCount(worker.lateCount)} late`),
          `${formatCount(worker.rejectedCount)} rejected`,
        ]
  return wrapParts(parts, dotOf(options), valueColumns(options))
}

function journalLines({ daemon, status }: WatchMarket, options: BlockOptions): readonly string[] {
  const { journal } = status
  if (journal === null) return []
  const worker = daemon.kind === 'answers' ? daemon.worker : null
  const parts = [
    `seq ${formatCount(journal.lastSeq)}`,
    formatBytes(journal.sizeBytes),
    ...(worker?.journalLagBytes == null ? [] : [`${formatBytes(worker.journalLagBytes)} not durable`]),
    ...(worker === null ? [] : [`fsync p99 ${formatLatency(worker.syncP99Ms)}`]),
    ...(worker?.rssBytes == null ? [] : [`worker ${formatBytes(worker.rssBytes)}`]),
  ]
  return wrapParts(parts, dotOf(options), valueColumns(options))
}

/** Open ones first, then the newest. */
function gapLines({ status }: WatchMarket, { ink, unicode, nowMs }: BlockOptions): readonly string[] {
  const { gaps, utcOffsetMs } = status
  if (gaps.length === 0) return ['none']
  const openCount = gaps.filter(({ toMs }) => toMs === null).length
  const open =
    openCount === 0 ? '0 open' : ink('bad', `${unicode ? '▲' : '!'} ${formatCount(openCount)} open`)
  const sorted = gaps.toSorted(
    (a, b) => Number(b.toMs === null) - Number(a.toMs === null) || b.fromMs - a.fromMs,
  )
  const lines = sorted.map((gap) => gapLine(gap, utcOffsetMs, nowMs, unicode))
  return [`${open}, ${formatCount(gaps.length)} in all`, ...firstLines(lines, GAPS_MAX, 'gaps')]
}

function requestLines({ status }: WatchMarket, options: BlockOptions): readonly string[] {
  const { queue, permits } = status
  const { ink } = options
  if (queue === null && permits === undefined) return []
  const parts = [
    ...(permits === undefined
      ? []
      : [
          ink(permits.leftCount === 0 ? 'warn' : 'plain', `${plural(permits.leftCount, 'permit')} left`),
          `${formatCount(permits.takenCount)} taken on ${cleanText(permits.date)}`,
        ]),
    ...(queue === null ? [] : [`${formatCount(queue.waitingCount)} waiting`]),
    ...(queue?.parkedCount ? [ink('warn', `${formatCount(queue.parkedCount)} parked`)] : []),
  ]
  return named('requests', wrapParts(parts, dotOf(options), valueColumns(options)), options)
}

function suggestionLines({ suggestions }: WatchMarket, options: BlockOptions): readonly string[] {
  const { unicode, ink } = options
  const calm = suggestions.filter(({ isUrgent }) => !isUrgent)
  const lines = calm.map((one) => `${ink('warn', unicode ? '→' : '>')} ${cleanText(suggestionText(one))}`)
  return named('advice', firstLines(lines, SUGGESTIONS_MAX, 'suggestions of the last day'), options)
}

/** Then what it was told last, where there are rows for it. */
function chainLines({ chain, events, status }: WatchMarket, options: BlockOptions): readonly string[] {
  const { ink } = options
  const style = chain.status === 'VERIFIED' ? 'good' : 'bad'
  const lines = events.map(({ atMs, text }) => {
    const at = `${formatMarketDate(atMs, status.utcOffsetMs)} ${formatMarketMinute(atMs, status.utcOffsetMs)}`
    return `${ink('dim', at)}  ${cleanText(text)}`
  })
  const state = `${ink(style, cleanText(chain.status))}, ${plural(chain.eventCount, 'event')}`
  return named('chain', [state, ...firstLines(lines, EVENTS_MAX, 'events')], options)
}

function valueColumns({ widthColumns }: BlockOptions): number {
  return Math.max(VALUE_COLUMNS_MIN, widthColumns - NAME_COLUMNS - 1)
}

function dotOf({ unicode }: BlockOptions): string {
  return unicode ? ' · ' : ', '
}

function named(name: string, lines: readonly string[], options: BlockOptions): readonly string[] {
  return lines.map((line, at) => fact(at === 0 ? name : '', line, options))
}

function fact(name: string, value: string, { ink }: BlockOptions): string {
  return factLine(name, value, ink, NAME_COLUMNS)
}
