/**
 * What stands in a small CSV file that a person wrote? A spreadsheet's byte order mark, CRLF, blanks and
 * empty lines are accepted; each row keeps the number of its line, so that an error can name it.
 */
import { CsvError, type InfoRecord, parse } from 'csv-parse/sync'

export type CsvLine = { readonly line: number; readonly fields: readonly string[] }

/** `refuse` makes the error to throw of what is not CSV; it is given `path:line: not CSV: …`. */
export function csvLines(
  text: string,
  path: string,
  refuse: (what: string, cause: unknown) => Error,
): readonly CsvLine[] {
  try {
    const records = parse(text, {
      bom: true,
      info: true,
      record_delimiter: ['\r\n', '\n'],
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
    }) as unknown as readonly { readonly info: InfoRecord; readonly record: readonly string[] }[]
    return records.map(({ info, record }) => ({ line: info.lines, fields: record }))
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw refuse(`${path}:${String(error.lines)}: not CSV: ${error.message}; correct the line`, error)
  }
}
