/**
 * Does an operator's justification say anything? Nobody can test whether a reason is good. What can be
 * refused is the text that was typed to get past the question: too short, one key held down, one word again
 * and again, or nothing but digits and dots. What is left is read by whoever reads the chain.
 */
import { OperatingError } from '../domain/error.ts'

export const REASON_CHARACTERS_MIN = 20
const REASON_CHARACTERS_MAX = 2_000
const WORDS_MIN = 3
const LETTERS_MIN = 12
const DIFFERENT_LETTERS_MIN = 6
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,63}$/u

/** The reason without blanks around it, on one line. Throws USAGE. */
export function substantialReason(text: string): string {
  const reason = oneLine(text)
  const letters = [...reason.toLowerCase()].filter((character) => /\p{L}/u.test(character))
  const words = new Set(reason.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])
  const isSubstantial =
    [...reason].length >= REASON_CHARACTERS_MIN &&
    words.size >= WORDS_MIN &&
    letters.length >= LETTERS_MIN &&
    new Set(letters).size >= DIFFERENT_LETTERS_MIN
  if (!isSubstantial) {
    throw refused(
      '--reason',
      `it must say why, in at least ${REASON_CHARACTERS_MIN} characters and ${WORDS_MIN} different words`,
    )
  }
  return reason
}

/** A reason where the act itself is small; it must not be empty. Throws USAGE. */
export function statedReason(text: string): string {
  const reason = oneLine(text)
  if (reason === '') throw refused('--reason', 'it is empty; say why')
  return reason
}

/** Throws USAGE for what cannot be a person's name or login. */
export function operatorName(text: string): string {
  const name = text.trim()
  if (NAME.test(name)) return name
  throw refused('--operator', 'it must be the name of a person: letters, digits, blanks and . _ @ - only')
}

function oneLine(text: string): string {
  const reason = text.trim().replace(/\s+/g, ' ')
  if (/\p{Cc}/u.test(reason) || !reason.isWellFormed())
    throw refused('--reason', 'it holds control characters')
  if ([...reason].length > REASON_CHARACTERS_MAX) {
    throw refused('--reason', `it is longer than ${REASON_CHARACTERS_MAX} characters`)
  }
  return reason
}

function refused(flag: string, what: string): OperatingError {
  return new OperatingError(`reading ${flag}: ${what}; nothing was moved`, { code: 'USAGE' })
}
