/** In which forms are candles written out, whatever the market? */
import { OperatingError } from '../domain/error.ts'

export const FORMATS = ['table', 'csv', 'json', 'arrow', 'chart'] as const
export type Format = (typeof FORMATS)[number]

/** Charts are looked at whole: as high as the terminal, without pushing the prompt out of it. */
export const ROWS_BELOW_CHART = 2
/** Adjusted prices have as many digits as a double; a chart needs few of them. */
export const CHART_DIGITS_MAX = 4

export function formatOf(text: string): Format {
  const format = FORMATS.find((known) => known === text)
  if (format !== undefined) return format
  throw new OperatingError(`reading --format: "${text}" is no format; use ${FORMATS.join(', ')}`, {
    code: 'USAGE',
  })
}
