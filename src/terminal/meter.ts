/** How do numbers look as a bar or a sparkline? Eighths of a cell where the terminal has them. */

export const EIGHTHS_UP: readonly string[] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
const EIGHTHS_RIGHT: readonly string[] = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█']
const ASCII_UP: readonly string[] = [' ', '.', '.', ':', ':', '=', '=', '#', '#']

/** A bar of exactly `widthColumns`; `ratio` is kept within 0 and 1, and NaN is 0. */
export function meterBar(ratio: number, widthColumns: number, unicode: boolean): string {
  const within = ratio > 0 ? Math.min(1, ratio) : 0
  // Rounded down: a bar that is full means that the work is done.
  const eighths = Math.floor(within * widthColumns * 8)
  if (!unicode) return '#'.repeat(Math.floor(eighths / 8)).padEnd(widthColumns, '.')
  const full = '█'.repeat(Math.floor(eighths / 8))
  return (full + EIGHTHS_RIGHT[eighths % 8]!).padEnd(widthColumns, ' ')
}

/**
 * The last `widthColumns` values, lowest to highest over the height of one line. A null is a blank:
 * nothing was there. Equal values make a line at half height.
 */
export function sparkline(
  values: readonly (number | null)[],
  widthColumns: number,
  unicode: boolean,
): string {
  const shown = widthColumns > 0 ? values.slice(-widthColumns) : []
  const known = shown.filter((value) => value !== null && Number.isFinite(value)) as number[]
  const low = Math.min(...known)
  const span = Math.max(...known) - low
  const glyphs = unicode ? EIGHTHS_UP : ASCII_UP
  return shown
    .map((value) => {
      if (value === null || !Number.isFinite(value)) return ' '
      return glyphs[span > 0 ? 1 + Math.round(((value - low) / span) * 7) : 4]!
    })
    .join('')
    .padEnd(widthColumns, ' ')
}

/** One column of a bar chart as `rowCount` glyphs, top first. Any value above 0 shows at least a trace. */
export function columnGlyphs(ratio: number, rowCount: number, unicode: boolean): string[] {
  const within = ratio > 0 ? Math.min(1, ratio) : 0
  const eighths = within === 0 ? 0 : Math.max(1, Math.round(within * rowCount * 8))
  const glyphs = unicode ? EIGHTHS_UP : ASCII_UP
  return Array.from({ length: rowCount }, (_, row) => {
    const below = (rowCount - 1 - row) * 8
    return glyphs[Math.max(0, Math.min(8, eighths - below))]!
  })
}
