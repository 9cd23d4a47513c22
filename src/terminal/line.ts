/**
 * How does text become one line of a given width? Widths are counted in columns as the eye sees them:
 * colour sequences take none, every other character takes one.
 *
 * Text from outside (symbols, vendor messages, log lines) goes through `cleanText` before it is shown:
 * a control character in it could move the cursor, change the window title or hide what follows.
 */
import { stripVTControlCharacters } from 'node:util'
import type { Ink } from './ink.ts'

// Controls; formats (zero width, bidirectional); line and paragraph separators; and what lies beyond the
// basic plane, because it is two units long and two columns wide or none, and would break every width.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u{10000}-\u{10ffff}]/gu
const BLANKS = /[\t\n\r\v\f]+/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape that our own ink writes
const INK_SEQUENCE = /\u001b\[[0-9;]*m/g

/** Text without anything that a terminal could obey. Line ends and tabs become blanks. */
export function cleanText(text: string): string {
  return stripVTControlCharacters(text.replace(BLANKS, ' ')).replace(UNSAFE, '')
}

/** Removes the colours that `Ink` wrote. */
export function stripInk(line: string): string {
  return line.replace(INK_SEQUENCE, '')
}

export function visibleWidth(line: string): number {
  return stripInk(line).length
}

/** Cuts `line` to `widthColumns`, showing the cut with `…`; colours are closed after a cut. */
export function cutLine(line: string, widthColumns: number): string {
  if (visibleWidth(line) <= widthColumns) return line
  if (widthColumns <= 0) return ''
  let kept = ''
  let columns = 0
  let inked = false
  for (let at = 0; at < line.length && columns < widthColumns - 1; ) {
    INK_SEQUENCE.lastIndex = at
    const match = line[at] === '\u001b' ? INK_SEQUENCE.exec(line) : null
    if (match !== null && match.index === at) {
      kept += match[0]
      inked = true
      at += match[0].length
    } else {
      kept += line[at]!
      columns += 1
      at += 1
    }
  }
  return `${kept}…${inked ? '\u001b[0m' : ''}`
}

/** Cut and filled with blanks: exactly `widthColumns` wide. */
export function fitLine(line: string, widthColumns: number): string {
  const cut = cutLine(line, widthColumns)
  return cut + ' '.repeat(Math.max(0, widthColumns - visibleWidth(cut)))
}

export function fitRight(line: string, widthColumns: number): string {
  const cut = cutLine(line, widthColumns)
  return ' '.repeat(Math.max(0, widthColumns - visibleWidth(cut))) + cut
}

/** `left` and `right` at the two ends of the line; where they do not fit, `left` is cut. */
export function spreadLine(left: string, right: string, widthColumns: number): string {
  const room = widthColumns - visibleWidth(right)
  if (room < 8) return cutLine(left, widthColumns)
  return fitLine(left, right === '' ? room : room - 1) + (right === '' ? '' : ` ${right}`)
}

/** Panels side by side, each with its width, `gapColumns` between them; short ones are filled. */
export function besideLines(
  panels: readonly { readonly lines: readonly string[]; readonly widthColumns: number }[],
  gapColumns: number,
): string[] {
  const rowCount = Math.max(0, ...panels.map((panel) => panel.lines.length))
  return Array.from({ length: rowCount }, (_, row) =>
    panels
      .map((panel) => fitLine(panel.lines[row] ?? '', panel.widthColumns))
      .join(' '.repeat(gapColumns))
      .trimEnd(),
  )
}

/** Joins `parts` into as few lines as fit; a part alone wider than the line is cut. */
export function wrapParts(parts: readonly string[], separator: string, widthColumns: number): string[] {
  const lines: string[] = []
  for (const part of parts) {
    const last = lines.at(-1)
    const joined = last === undefined ? part : last + separator + part
    if (last !== undefined && visibleWidth(joined) <= widthColumns) lines[lines.length - 1] = joined
    else lines.push(cutLine(part, widthColumns))
  }
  return lines
}

/** A heading with a thin rule behind it, `widthColumns` wide. */
export function headingLine(title: string, widthColumns: number, ink: Ink, unicode = true): string {
  const head = cutLine(cleanText(title), widthColumns)
  const ruleColumns = widthColumns - head.length - 1
  return (
    ink('bold', head) + (ruleColumns > 0 ? ` ${ink('dim', (unicode ? '─' : '-').repeat(ruleColumns))}` : '')
  )
}
