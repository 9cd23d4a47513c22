/** Is that a number that the option can take? For commander's options; throws USAGE. */
import { OperatingError } from '../domain/error.ts'

const PORT_MAX = 65_535

export function whole(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw notNumber(text, 'a whole number')
  return Number(text)
}

/** 0 stands for any free port. */
export function port(text: string): number {
  const number = whole(text)
  if (number > PORT_MAX) throw notNumber(text, `a port, 0 to ${PORT_MAX}`)
  return number
}

export function positive(text: string): number {
  const number = Number(text)
  if (!(number > 0) || !Number.isFinite(number)) throw notNumber(text, 'a number above 0')
  return number
}

function notNumber(text: string, wanted: string): OperatingError {
  return new OperatingError(`reading the options: "${text}" is not ${wanted}; chandler --help shows more`, {
    code: 'USAGE',
  })
}
