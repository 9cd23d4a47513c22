/**
 * Which rows does a CSV of prices hold? The whole history of a market is read again every day, 2.5 million
 * rows, and a general CSV parser makes a text of every cell before a number is made of it. These files have
 * no quotes and no escapes, so numbers are read where they stand: digits are gathered into a whole number,
 * which a power of ten then divides. Up to 15 digits both are exact, so the one rounding of the division
 * gives the same number as `Number` would; longer ones (adjusted closes have 17) go through `Number`.
 */
import { decimal } from './decimal.ts'
import { plainName } from './words.ts'

/** What is wanted of each row, by plain name; a column of the file that nobody wants is skipped. */
export type Column = { readonly name: string; readonly isRequired: boolean }

/**
 * Takes a row, answers what is wrong with it or null. `cells` are in the order of the columns, NaN where the
 * answer does not tell the column; the array is the same for every row.
 */
export type TakeRow = (stamp: string, cells: Float64Array) => string | null

const STAMP_NAMES: ReadonlySet<string> = new Set(['timestamp', 'time', 'date'])
const STAMP = -1
const SKIPPED = -2

const COMMA = 44
const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const MINUS = 45
const POINT = 46
const ZERO = 48
const EXACT_DIGITS = 15
const POWERS_OF_TEN: readonly number[] = Array.from({ length: EXACT_DIGITS + 1 }, (_, power) => 10 ** power)

/** Lines end in LF or CR LF. Answers what is wrong, with the number of the line, or null. */
export function readCsvRows(body: string, columns: readonly Column[], take: TakeRow): string | null {
  const cursor = new CellCursor(body)
  const roles = rolesOf(cursor.header(), columns)
  if (typeof roles === 'string') return roles
  const cells = new Float64Array(columns.length).fill(Number.NaN)
  for (let line = 2; cursor.hasLine(); line += 1) {
    if (cursor.skipBlankLine()) continue
    const problem = readRow(cursor, roles, cells) ?? take(cursor.stamp, cells)
    if (problem !== null) return `line ${line}: ${problem}`
  }
  return null
}

/** For each column of the file where its number goes, or what is wrong with the header. */
function rolesOf(header: string, columns: readonly Column[]): readonly number[] | string {
  const names = header.split(',').map(plainName)
  if (new Set(names).size !== names.length) return 'a header that names a column twice'
  const missing = columns.filter(({ name, isRequired }) => isRequired && !names.includes(name))
  if (missing.length > 0) return `a header without ${missing.map(({ name }) => name).join(', ')}`
  const roles = names.map((name) => {
    if (STAMP_NAMES.has(name)) return STAMP
    const index = columns.findIndex((column) => column.name === name)
    return index < 0 ? SKIPPED : index
  })
  return roles.filter((role) => role === STAMP).length === 1 ? roles : 'a header without one column of times'
}

function readRow(cursor: CellCursor, roles: readonly number[], cells: Float64Array): string | null {
  const last = roles.length - 1
  for (let position = 0; position <= last; position += 1) {
    const role = roles[position]!
    if (role === STAMP) cursor.readStamp()
    else if (role === SKIPPED) cursor.skipCell()
    else {
      const value = cursor.readNumber()
      if (Number.isNaN(value)) return `column ${position + 1} is not a number`
      cells[role] = value
    }
    if (position === last ? !cursor.endLine() : !cursor.passComma()) return 'not as many cells as the header'
  }
  return null
}

/** Walks over the text cell by cell. After each it stands on what ends it. */
class CellCursor {
  stamp: string = ''
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
    if (text.charCodeAt(0) === 0xfeff) this.#at = 1
  }

  header(): string {
    const end = this.#text.indexOf('\n', this.#at)
    const header = this.#text.slice(this.#at, end < 0 ? this.#text.length : end)
    this.#at = end < 0 ? this.#text.length : end + 1
    return header.trimEnd()
  }

  hasLine(): boolean {
    return this.#at < this.#text.length
  }

  skipBlankLine(): boolean {
    const code = this.#text.charCodeAt(this.#at)
    return (code === LINE_FEED || code === CARRIAGE_RETURN) && this.endLine()
  }

  passComma(): boolean {
    if (this.#text.charCodeAt(this.#at) !== COMMA) return false
    this.#at += 1
    return true
  }

  /** The end of the text ends a line too. */
  endLine(): boolean {
    if (this.#text.charCodeAt(this.#at) === CARRIAGE_RETURN) this.#at += 1
    if (this.#at < this.#text.length && this.#text.charCodeAt(this.#at) !== LINE_FEED) return false
    this.#at += 1
    return true
  }

  readStamp(): void {
    const start = this.#at
    this.skipCell()
    this.stamp = this.#text.slice(start, this.#at)
  }

  skipCell(): void {
    const text = this.#text
    let at = this.#at
    while (at < text.length && !isCellEnd(text.charCodeAt(at))) at += 1
    this.#at = at
  }

  /** NaN where no number stands. */
  readNumber(): number {
    const text = this.#text
    const start = this.#at
    let at = start
    const isNegative = text.charCodeAt(at) === MINUS
    if (isNegative) at += 1
    let whole = 0
    let digitCount = 0
    let pointDigit = -1
    for (; ; at += 1) {
      const code = text.charCodeAt(at)
      const digit = code - ZERO
      if (digit >= 0 && digit <= 9) {
        whole = whole * 10 + digit
        digitCount += 1
      } else if (code === POINT && pointDigit < 0) pointDigit = digitCount
      else break
    }
    this.#at = at
    const isCell = at >= text.length || isCellEnd(text.charCodeAt(at))
    if (!isCell || digitCount > EXACT_DIGITS) return this.#readOddNumber(start)
    if (digitCount === 0 || pointDigit === 0 || pointDigit === digitCount) return Number.NaN
    const value = pointDigit < 0 ? whole : whole / POWERS_OF_TEN[digitCount - pointDigit]!
    return isNegative ? 0 - value : value
  }

  #readOddNumber(start: number): number {
    this.skipCell()
    return decimal(this.#text.slice(start, this.#at))
  }
}

function isCellEnd(code: number): boolean {
  return code === COMMA || code === LINE_FEED || code === CARRIAGE_RETURN
}
