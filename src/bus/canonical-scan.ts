/**
 * Are these bytes the one text of their value (RFC 8785)? Answered by looking at each byte once, without
 * making the value: a verifier that parses a line, writes it again and compares is three times as slow.
 *
 * The answer is one-sided, and that is what makes it easy to be right: an end means that the text is
 * canonical; -1 means that it is not, or that the case is rare (a key that is not plain ASCII, a nesting
 * beyond all that we write) and the slow way of `canonical.ts` has to decide. A number that is more than a
 * short integer is compared with what the engine writes, which is the definition.
 *
 * The bytes must be UTF-8 and have a newline somewhere behind the value: no canonical text contains one, so
 * no loop needs a bound.
 */
const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
const COLON = 0x3a
const BRACKET_OPEN = 0x5b
const BACKSLASH = 0x5c
const BRACKET_END = 0x5d
const BRACE_OPEN = 0x7b
const BRACE_END = 0x7d

/** So many digits are always exact, and are written as they stand. */
const SHORT_DIGITS = 15
const DEPTH_MAX = 64

const TRUE: Buffer = Buffer.from('true')
const FALSE: Buffer = Buffer.from('false')
const NULL: Buffer = Buffer.from('null')

/** 1: stands for itself in a string. 2: so too, but not ASCII, where bytes do not sort as UTF-16 does. */
const PLAIN: Uint8Array = new Uint8Array(256).map((_, byte) => {
  if (byte < 0x20 || byte === QUOTE || byte === BACKSLASH) return 0
  return byte < 0x80 ? 1 : 2
})
const SHORT_ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\bfnrt'))
/** The control characters that have no short escape, by the last two digits of theirs. */
const LONG_ESCAPES: ReadonlySet<string> = new Set(
  Array.from({ length: 0x20 }, (_, code) => code)
    .filter((code) => ![0x08, 0x09, 0x0a, 0x0c, 0x0d].includes(code))
    .map((code) => code.toString(16).padStart(2, '0')),
)

/** Where the value that begins at `at` ends, if it is surely canonical; else -1. */
export function canonicalEnd(bytes: Buffer, at: number, depth: number = 0): number {
  const first = bytes[at]!
  if (first === QUOTE) return stringEnd(bytes, at)
  if (first === BRACE_OPEN) return depth < DEPTH_MAX ? objectEnd(bytes, at + 1, depth + 1) : -1
  if (first === BRACKET_OPEN) return depth < DEPTH_MAX ? arrayEnd(bytes, at + 1, depth + 1) : -1
  if (first === TRUE[0]) return literalEnd(bytes, at, TRUE)
  if (first === FALSE[0]) return literalEnd(bytes, at, FALSE)
  if (first === NULL[0]) return literalEnd(bytes, at, NULL)
  return numberEnd(bytes, at)
}

/** Behind `literal`, if it stands at `at`; else -1. */
export function literalEnd(bytes: Buffer, at: number, literal: Uint8Array): number {
  for (let i = 0; i < literal.length; i++) if (bytes[at + i] !== literal[i]) return -1
  return at + literal.length
}

/** `at` is that of the first quote. */
export function stringEnd(bytes: Buffer, at: number): number {
  if (bytes[at] !== QUOTE) return -1
  let end = at + 1
  for (;;) {
    while (PLAIN[bytes[end]!]! > 0) end++
    if (bytes[end] === QUOTE) return end + 1
    if (bytes[end] !== BACKSLASH) return -1
    end = escapeEnd(bytes, end)
    if (end < 0) return -1
  }
}

function escapeEnd(bytes: Buffer, at: number): number {
  if (SHORT_ESCAPES.has(bytes[at + 1]!)) return at + 2
  const isLong =
    bytes.toString('latin1', at + 1, at + 4) === 'u00' &&
    LONG_ESCAPES.has(bytes.toString('latin1', at + 4, at + 6))
  return isLong ? at + 6 : -1
}

function numberEnd(bytes: Buffer, at: number): number {
  let end = at
  while (isDigit(bytes[end]!)) end++
  const digits = end - at
  const next = bytes[end]!
  const isShort = digits > 0 && digits <= SHORT_DIGITS && (bytes[at] !== ZERO || digits === 1)
  const isWhole = next === COMMA || next === BRACE_END || next === BRACKET_END
  return isShort && isWhole ? end : rareNumberEnd(bytes, at)
}

function rareNumberEnd(bytes: Buffer, at: number): number {
  let end = at
  while (isOfNumber(bytes[end]!)) end++
  const text = bytes.toString('latin1', at, end)
  return text !== '' && String(Number(text)) === text ? end : -1
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE
}

/** A digit, or one of `+ - . e`. */
function isOfNumber(byte: number): boolean {
  return isDigit(byte) || byte === MINUS || byte === 0x2b || byte === 0x2e || byte === 0x65
}

function arrayEnd(bytes: Buffer, at: number, depth: number): number {
  if (bytes[at] === BRACKET_END) return at + 1
  for (let item = at; ; ) {
    const end = canonicalEnd(bytes, item, depth)
    if (end < 0) return -1
    if (bytes[end] === BRACKET_END) return end + 1
    if (bytes[end] !== COMMA) return -1
    item = end + 1
  }
}

function objectEnd(bytes: Buffer, at: number, depth: number): number {
  if (bytes[at] === BRACE_END) return at + 1
  let before = -1
  for (let name = at; ; ) {
    const nameEnd = plainNameEnd(bytes, name)
    if (nameEnd < 0 || bytes[nameEnd] !== COLON) return -1
    if (before >= 0 && !isSorted(bytes, before, name)) return -1
    before = name
    const end = canonicalEnd(bytes, nameEnd + 1, depth)
    if (end < 0) return -1
    if (bytes[end] === BRACE_END) return end + 1
    if (bytes[end] !== COMMA) return -1
    name = end + 1
  }
}

function plainNameEnd(bytes: Buffer, at: number): number {
  if (bytes[at] !== QUOTE) return -1
  let end = at + 1
  while (PLAIN[bytes[end]!] === 1) end++
  return bytes[end] === QUOTE ? end + 1 : -1
}

/** Two plain names, by the places of their first quotes. Equal ones are a duplicate key, and not sorted. */
function isSorted(bytes: Buffer, before: number, name: number): boolean {
  for (let i = 1; ; i++) {
    const low = bytes[before + i]!
    const high = bytes[name + i]!
    if (low === high && low !== QUOTE) continue
    // The end of a name sorts before everything, though a quote does not.
    if (low === QUOTE) return high !== QUOTE
    return high !== QUOTE && low < high
  }
}
