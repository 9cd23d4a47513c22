/** How do a session's jobs look on a line or two? Each with its time, and a mark of how it ended. */
import { formatMarketMinute } from './figures.ts'
import type { Ink, Style } from './ink.ts'
import { cleanText, wrapParts } from './line.ts'
import type { WatchJob, WatchJobState, WatchMarket } from './watch-snapshot.ts'

/** What every part of a market's block is drawn with. */
export type BlockOptions = {
  readonly nowMs: number
  readonly widthColumns: number
  readonly heightRows: number
  readonly unicode: boolean
  readonly ink: Ink
}

type Mark = readonly [unicode: string, ascii: string, style: Style]

const MARKS: Readonly<Record<WatchJobState, Mark>> = {
  done: ['✓', '+', 'good'],
  refused: ['!', '!', 'warn'],
  failed: ['✗', 'x', 'bad'],
  skipped: ['–', '-', 'warn'],
  running: ['●', '*', 'accent'],
  due: ['◌', '?', 'warn'],
  later: ['·', '.', 'dim'],
  none: ['-', '-', 'dim'],
}
const TOLD: readonly WatchJobState[] = ['refused', 'failed', 'skipped']
const WAITING: readonly WatchJobState[] = ['running', 'due', 'later']

/**
 * `✓ stream 09:00  ● settle 15:45  · gate 15:45`, those that run many times a day as one:
 * `✓✓●··· intraday 12:00`. Below them what those that did not simply end well had to say.
 */
export function jobLines(market: WatchMarket, options: BlockOptions): readonly string[] {
  const { jobs, session, status } = market
  const { ink, unicode, widthColumns } = options
  if (jobs.length === 0) return ['none']
  const markOf = ({ state }: WatchJob): string => {
    const [glyph, ascii, style] = MARKS[state]
    return ink(style, unicode ? glyph : ascii)
  }
  const minute = ({ dueMs }: WatchJob): string => formatMarketMinute(dueMs, status.utcOffsetMs)
  const groups = [...Map.groupBy(jobs, ({ name }) => name)].map(([name, runs]) => {
    const next = runs.find(({ state }) => WAITING.includes(state)) ?? runs.at(-1)!
    const marks = runs.map(markOf).join('')
    return `${marks} ${cleanText(name)} ${minute(next)}`.trimStart()
  })
  const told = jobs.filter(({ state, says }) => TOLD.includes(state) && says !== '')
  return [
    ...wrapParts(session.isToday ? groups : [`${session.date}:`, ...groups], '  ', widthColumns),
    ...told
      .toReversed()
      .map(
        (job) => `${markOf(job)} ${cleanText(job.name)} ${minute(job)} ${job.state}: ${cleanText(job.says)}`,
      ),
  ]
}
