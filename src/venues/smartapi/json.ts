/** What is in a text that was promised to be JSON? Questions that have an answer for any text at all. */

export type JsonObject = Readonly<Record<string, unknown>>

/** `undefined` (which JSON cannot say) where the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined
    throw error
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The text under the first of `names` that holds one, else ''. */
export function textOf(object: JsonObject, ...names: readonly string[]): string {
  for (const name of names) {
    const value = object[name]
    if (typeof value === 'string' && value !== '') return value
  }
  return ''
}

/** A finite number, written as a number or (as some of the vendor's answers do) as text; else null. */
export function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : null
}

const MESSAGE_LENGTH_MAX = 200
/** Long enough for every message, short enough that no pattern below has much to search. */
const SCANNED_LENGTH_MAX = 2_000
/** Login tokens are JWTs; nothing readable is an unbroken run this long. */
const OPAQUE = /eyJ[\w.+/=-]*|[\w.+/=-]{40,}/g

/** Vendor text as one short line: no markup, no control characters, nothing that looks like a token. */
export function oneLine(text: string): string {
  return text
    .slice(0, SCANNED_LENGTH_MAX)
    .replace(/<(script|style)[^>]*>[^<]*/gi, ' ')
    .replace(/<[^<>]*>?/g, ' ')
    .replace(OPAQUE, '[redacted]')
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
    .slice(0, MESSAGE_LENGTH_MAX)
    .toWellFormed()
}
