/** What is in a text that was promised to be an answer? Questions that have an answer for any text at all. */
import type { BatchRefusal, BatchRefusalKind } from '../../domain/batch.ts'
import type { Secret } from '../../domain/secret.ts'

export type JsonObject = Readonly<Record<string, unknown>>
export type Refused = { readonly ok: false; readonly refusal: BatchRefusal }

const MESSAGE_LENGTH_MAX = 200
/** Long enough for every message, short enough that no pattern below has much to search. */
const SCANNED_LENGTH_MAX = 2_000
const REDACTED = '[redacted]'

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

/**
 * The vendor numbers its names ("5. volume" here, "6. volume" there), and blanks become underscores in CSV:
 * both are taken off, so that a field is known by its name alone.
 */
export function plainName(name: string): string {
  return name
    .trim()
    .replace(/^\d+\.\s*/, '')
    .replace(/\s+/g, '_')
    .toLowerCase()
}

/** The text under a name, whatever its number; null where there is none. */
export function namedText(object: JsonObject, name: string): string | null {
  for (const [key, value] of Object.entries(object)) {
    if (typeof value === 'string' && plainName(key) === name) return value
  }
  return null
}

export function refuse(kind: BatchRefusalKind, message: string): Refused {
  return { ok: false, refusal: { kind, message: oneLine(message) } }
}

/** Vendor text as one short line: no markup, no control characters, no key that it was asked with. */
export function oneLine(text: string): string {
  return text
    .slice(0, SCANNED_LENGTH_MAX)
    .replace(/<(script|style)[^>]*>[^<]*/gi, ' ')
    .replace(/<[^<>]*>?/g, ' ')
    .replace(/\b(api key as |apikey=)[^\s&]+/gi, `$1${REDACTED}`)
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
    .slice(0, MESSAGE_LENGTH_MAX)
    .toWellFormed()
}

/** As a word only: a short key such as `demo` may be part of a company's name. */
export function redacted(text: string, key: Secret): string {
  const secret = key.reveal()
  if (secret === '' || !text.includes(secret)) return text
  const pattern = secret.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return text.replace(new RegExp(`(?<![A-Za-z0-9])${pattern}(?![A-Za-z0-9])`, 'g'), REDACTED)
}
