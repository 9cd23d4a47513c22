/** Where is painted? The part of a stream that the terminal room uses; `process.stdout` is one. */

export type TerminalOutput = {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  readonly rows?: number | undefined
  write(text: string): unknown
}

export type TerminalSize = { readonly widthColumns: number; readonly heightRows: number }

/** What a terminal is that does not say its size. */
const WIDTH_COLUMNS_DEFAULT = 80
const HEIGHT_ROWS_DEFAULT = 24

export function sizeOf(output: TerminalOutput): TerminalSize {
  return {
    widthColumns: output.columns || WIDTH_COLUMNS_DEFAULT,
    heightRows: output.rows || HEIGHT_ROWS_DEFAULT,
  }
}

/** Colour and glyphs for `output`, from the environment as configuration gives it (never read here). */
export function abilitiesOf(
  output: TerminalOutput,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly color: boolean; readonly unicode: boolean } {
  const { NO_COLOR, FORCE_COLOR, TERM, LC_ALL, LC_CTYPE, LANG } = environment
  const forced = FORCE_COLOR !== undefined && FORCE_COLOR !== '' && FORCE_COLOR !== '0'
  const allowed = (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb'
  // The first of the three that is set decides, as in POSIX; when none is, UTF-8 is what we meet.
  const locale = [LC_ALL, LC_CTYPE, LANG].find((value) => value !== undefined && value !== '')
  const ascii = locale !== undefined && !/utf-?8/i.test(locale)
  return {
    color: allowed && (forced || output.isTTY === true),
    unicode: !ascii && TERM !== 'dumb' && TERM !== 'linux',
  }
}
