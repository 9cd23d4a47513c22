/** Where does which character stand, in which colour? A grid of cells that becomes lines of text. */
import type { Ink, Style } from './ink.ts'

export class Canvas {
  readonly widthColumns: number
  readonly heightRows: number
  readonly #glyphs: string[][]
  readonly #styles: Style[][]

  constructor(widthColumns: number, heightRows: number) {
    this.widthColumns = widthColumns
    this.heightRows = heightRows
    this.#glyphs = Array.from({ length: heightRows }, () => Array.from({ length: widthColumns }, () => ' '))
    this.#styles = Array.from({ length: heightRows }, () =>
      Array.from({ length: widthColumns }, (): Style => 'plain'),
    )
  }

  /** What lies outside the grid is cut off. Blanks in `text` leave what was there. */
  put(row: number, column: number, text: string, style: Style): void {
    const glyphs = this.#glyphs[row]
    const styles = this.#styles[row]
    if (glyphs === undefined || styles === undefined) return
    for (let at = 0; at < text.length; at += 1) {
      const target = column + at
      if (text[at] === ' ' || target < 0 || target >= this.widthColumns) continue
      glyphs[target] = text[at]!
      styles[target] = style
    }
  }

  /** Lines of exactly `widthColumns`; neighbours of one colour share one colour sequence. */
  lines(ink: Ink): string[] {
    return this.#glyphs.map((glyphs, row) => inkRuns(glyphs, this.#styles[row]!, ink))
  }
}

function inkRuns(glyphs: readonly string[], styles: readonly Style[], ink: Ink): string {
  let line = ''
  let run = ''
  let style: Style = 'plain'
  glyphs.forEach((glyph, at) => {
    const wanted = glyph === ' ' ? 'plain' : styles[at]!
    if (wanted !== style) {
      line += ink(style, run)
      run = ''
      style = wanted
    }
    run += glyph
  })
  return line + ink(style, run)
}
