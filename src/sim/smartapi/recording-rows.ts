/**
 * What stands in a recording? One trade a line, under the header `time_ms,exchange,token,price,size`.
 * Times rise; a time below one day counts from midnight of the market date. Whatever is wrong is told
 * with file and line, because the file was made by somebody's script.
 */
import { messageOf, OperatingError } from '../../domain/error.ts'
import { EXCHANGES, type Exchange } from '../../domain/instrument.ts'
import { DAY_MS, type UnixMs } from '../../domain/time.ts'
import { readLineBlocks } from '../../platform/text-file.ts'

export type RecordedTrade = {
  readonly timeMs: UnixMs
  readonly exchange: Exchange
  readonly token: string
  /** Paise. */
  readonly price: number
  /** Shares; 0 is a quote without a trade. */
  readonly size: number
}

const HEADER = 'time_ms,exchange,token,price,size'
const TOKEN_LENGTH_MAX = 25

/** Throws RECORDING_INVALID. `midnightMs` begins the market date that short times count from. */
export async function* readRecording(
  path: string,
  midnightMs: UnixMs,
): AsyncGenerator<readonly RecordedTrade[], void, void> {
  let lineNumber = 0
  let newestMs = 0
  let rowCount = 0
  for await (const lines of linesOf(path)) {
    const rows: RecordedTrade[] = []
    for (const line of lines) {
      lineNumber += 1
      if (lineNumber === 1) checkHeader(path, line)
      else if (line !== '') {
        const row = readRow(path, lineNumber, line, midnightMs)
        if (row.timeMs < newestMs) throw invalid(path, lineNumber, `its time is before that of the row above`)
        newestMs = row.timeMs
        rows.push(row)
      }
    }
    rowCount += rows.length
    yield rows
  }
  if (rowCount === 0) throw invalid(path, Math.max(1, lineNumber), 'the recording holds no trade')
}

async function* linesOf(path: string): AsyncGenerator<readonly string[], void, void> {
  try {
    yield* readLineBlocks(path)
  } catch (error) {
    throw new OperatingError(
      `reading the recording ${path}: ${messageOf(error)}; check that the file is there and whole`,
      { code: 'RECORDING_INVALID', cause: error },
    )
  }
}

function checkHeader(path: string, line: string): void {
  // A byte-order mark is a habit of spreadsheets.
  if (line.replace(/^\uFEFF/, '') === HEADER) return
  throw invalid(path, 1, `the header is "${line.slice(0, 80)}"`)
}

function readRow(path: string, lineNumber: number, line: string, midnightMs: UnixMs): RecordedTrade {
  const cells = line.split(',')
  if (cells.length !== 5) throw invalid(path, lineNumber, `it has ${cells.length} values, not 5`)
  const [timeText, exchange, token, priceText, sizeText] = cells as [string, string, string, string, string]
  const timeMs = numberOf(timeText)
  const price = Math.round(numberOf(priceText) * 100)
  const size = numberOf(sizeText)
  if (!Number.isSafeInteger(timeMs) || timeMs < 0) throw invalid(path, lineNumber, `time_ms is "${timeText}"`)
  if (!(EXCHANGES as readonly string[]).includes(exchange)) {
    throw invalid(path, lineNumber, `exchange is "${exchange}", not one of ${EXCHANGES.join(' ')}`)
  }
  if (!/^[\x21-\x7e]+$/.test(token) || token.length > TOKEN_LENGTH_MAX) {
    throw invalid(path, lineNumber, `token is "${token}"`)
  }
  if (!(price > 0) || !Number.isSafeInteger(price)) {
    throw invalid(path, lineNumber, `price is "${priceText}", not a positive amount`)
  }
  if (!Number.isSafeInteger(size) || size < 0) throw invalid(path, lineNumber, `size is "${sizeText}"`)
  return {
    timeMs: (timeMs < DAY_MS ? midnightMs + timeMs : timeMs) as UnixMs,
    exchange: exchange as Exchange,
    token,
    price,
    size,
  }
}

/** Unlike `Number`, does not read nothing as zero. */
function numberOf(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text)
}

function invalid(path: string, lineNumber: number, what: string): OperatingError {
  return new OperatingError(
    `reading the recording ${path}:${lineNumber}: ${what}; ` +
      `a recording is a CSV file (or .csv.gz) with the header ${HEADER}, sorted by time, prices in currency`,
    { code: 'RECORDING_INVALID' },
  )
}
