/** How are the facts that several screens share put into words? Names and values, gaps, rejections. */
import type { LostReason } from '../domain/fact.ts'
import type { Gap } from '../domain/gap.ts'
import { formatCount, formatDuration, formatMarketSecond } from './figures.ts'
import type { Ink } from './ink.ts'
import { cleanText, cutLine, fitLine } from './line.ts'

/** `name   value`, the value where the eye finds it again in the next line. */
export function factLine(name: string, value: string, ink: Ink, nameColumns: number): string {
  return `${ink('dim', fitLine(name, nameColumns))} ${value}`
}

const REASON_WORDS: Readonly<Record<LostReason, string>> = {
  disconnected: 'disconnected',
  stalled: 'stalled',
  mute: 'no ticks',
  asleep: 'process asleep',
  overflow: 'overflow',
  stopped: 'worker stopped',
  refused: 'refused by vendor',
  damaged: 'journal damaged',
}

/** `09:41:07 → 09:43:30   2 min 23 s   shard 1   disconnected: …`; an open gap lasts until `atMs`. */
export function gapLine(gap: Gap, utcOffsetMs: number, atMs: number | null, unicode: boolean): string {
  const from = formatMarketSecond(gap.fromMs, utcOffsetMs)
  const to = gap.toMs === null ? 'open    ' : formatMarketSecond(gap.toMs, utcOffsetMs)
  const endMs = gap.toMs ?? atMs
  const duration = endMs === null ? '' : formatDuration(endMs - gap.fromMs)
  const reason = REASON_WORDS[gap.reason] ?? cleanText(gap.reason)
  const detail = gap.detail === '' ? '' : `: ${cleanText(gap.detail)}`
  const span = `${from} ${unicode ? '→' : '->'} ${to}  ${duration.padStart(12)}`
  return `${span}  shard ${gap.shard}  ${reason}${detail}`
}

/** Rejections that occurred, most frequent first: `sequence 12 · stale 3`, or `none`. */
export function rejectionParts(rejected: Readonly<Record<string, number | undefined>>): string[] {
  return Object.entries(rejected)
    .map(([reason, count]) => ({ reason, count: count ?? 0 }))
    .filter(({ reason, count }) => count > 0 && reason !== 'accepted')
    .sort((a, b) => b.count - a.count)
    .map(({ reason, count }) => `${cleanText(reason).replaceAll('_', ' ')} ${formatCount(count)}`)
}

export function rejectedCountOf(rejected: Readonly<Record<string, number | undefined>>): number {
  return Object.entries(rejected).reduce(
    (sum, [reason, count]) => sum + (reason === 'accepted' ? 0 : (count ?? 0)),
    0,
  )
}

export function totalGapMs(gaps: readonly Gap[], atMs: number | null): number {
  return gaps.reduce((sum, gap) => sum + Math.max(0, (gap.toMs ?? atMs ?? gap.fromMs) - gap.fromMs), 0)
}

/** At most `linesMax` of `lines`; the last one then says how many are not shown. */
export function firstLines(lines: readonly string[], linesMax: number, rest: string): string[] {
  if (lines.length <= linesMax) return [...lines]
  const kept = lines.slice(0, Math.max(0, linesMax - 1))
  return [...kept, `${formatCount(lines.length - kept.length)} more ${rest}`]
}

/** A whole screen: every line cut to the width, blanks at line ends removed. */
export function screenText(lines: readonly string[], widthColumns: number): string {
  return lines.map((line) => cutLine(line.trimEnd(), widthColumns)).join('\n')
}
