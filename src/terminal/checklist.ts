/**
 * How does a checklist look to a person in a hurry? One line an item: a mark, a name, what was seen; below
 * what is not as it should be, the command that mends it. The last line says whether the day may go on.
 */
import type { Checklist, ChecklistItem, ChecklistKind, ItemOutcome } from '../domain/checklist.ts'
import { screenText } from './facts.ts'
import { formatMarketMinute, formatUtcOffset, plural } from './figures.ts'
import { createInk, type Ink, type Style } from './ink.ts'
import { cleanText, fitLine, headingLine } from './line.ts'

export type ChecklistOptions = {
  readonly widthColumns: number
  readonly color: boolean
  readonly unicode: boolean
}

const TITLES: Readonly<Record<ChecklistKind, string>> = { sod: 'Start of day', eod: 'End of day' }
const STYLES: Readonly<Record<ItemOutcome, Style>> = { ok: 'good', warn: 'warn', fail: 'bad' }
/** The mark alone says it, without colour too. */
const MARKS: Readonly<Record<ItemOutcome, { readonly unicode: string; readonly ascii: string }>> = {
  ok: { unicode: '✓', ascii: 'ok  ' },
  warn: { unicode: '!', ascii: 'warn' },
  fail: { unicode: '✗', ascii: 'FAIL' },
}
const NAME_COLUMNS = 12
const DETAILS_MAX = 12

/** No final line end; only commands may be wider than `widthColumns`, because they are to be copied. */
export function renderChecklist(list: Checklist, options: ChecklistOptions): string {
  const { widthColumns, color, unicode } = options
  const ink = createInk(color)
  const at = `${formatMarketMinute(list.atMs, list.utcOffsetMs)} ${formatUtcOffset(list.utcOffsetMs)}`
  const title = `${TITLES[list.kind]}  ${list.market.toUpperCase()}  ${list.session}  ${at}`
  const lines = list.items.flatMap((item) => itemLines(item, options, ink))
  return [
    headingLine(title, widthColumns, ink, unicode),
    ...lines,
    screenText([lastLine(list, ink)], widthColumns),
  ].join('\n')
}

function itemLines(item: ChecklistItem, options: ChecklistOptions, ink: Ink): readonly string[] {
  const { widthColumns, unicode } = options
  const mark = MARKS[item.outcome][unicode ? 'unicode' : 'ascii']
  const indent = ' '.repeat(mark.length + 1 + NAME_COLUMNS + 1)
  const textColumns = Math.max(20, widthColumns - indent.length)
  const shown = (text: string): string => (unicode ? cleanText(text) : asciiOf(cleanText(text)))
  const [first = '', ...rest] = wrapWords(shown(item.says), textColumns)
  const head = `${ink(STYLES[item.outcome], mark)} ${fitLine(item.name, NAME_COLUMNS)} ${first}`
  const details = shownDetails(item).flatMap((detail) =>
    wrapWords(shown(detail), textColumns - 2).map((line, at) => (at === 0 ? `- ${line}` : `  ${line}`)),
  )
  const arrow = unicode ? '→' : '->'
  const mend = item.mend === null ? [] : [`${indent}${ink('accent', `${arrow} ${shown(item.mend)}`)}`]
  return [
    head.trimEnd(),
    ...rest.map((line) => indent + line),
    ...details.map((line) => indent + ink('dim', line)),
    ...mend,
  ]
}

function shownDetails({ details }: ChecklistItem): readonly string[] {
  if (details.length <= DETAILS_MAX) return details
  return [...details.slice(0, DETAILS_MAX), `${details.length - DETAILS_MAX} more: see --json`]
}

function lastLine({ kind, items, outcome, completed }: Checklist, ink: Ink): string {
  const name = kind.toUpperCase()
  const count = (word: ItemOutcome): number => items.filter((item) => item.outcome === word).length
  if (outcome === 'fail') {
    const warned = count('warn') === 0 ? '' : `, ${plural(count('warn'), 'warning')}`
    return ink('bad', `${name} not complete: ${plural(count('fail'), 'failure')}${warned}`)
  }
  const seen = outcome === 'warn' ? `, ${plural(count('warn'), 'warning')}` : ''
  if (completed === null) return `${name} can be signed${seen}: add --operator NAME`
  const { operator, eventIndex, isNew } = completed
  const when = isNew ? '' : ', signed before'
  return ink('good', `${name} complete${seen}: ${cleanText(operator)}, event ${eventIndex}${when}`)
}

function asciiOf(text: string): string {
  return text.replaceAll('×', 'x').replaceAll('→', '->')
}

/** Breaks at blanks; a word that is longer than a line has one of its own, uncut: it may be a path. */
function wrapWords(text: string, widthColumns: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(/ +/)) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= widthColumns) {
      lines[lines.length - 1] = `${last} ${word}`
    } else lines.push(word)
  }
  return lines
}
