/**
 * How is a value known by its content? SHA-256 of its canonical JSON (RFC 8785): order of keys does not
 * matter.
 */
import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { Json } from '../domain/event.ts'

/** Lower-case hex. `value` must be plain JSON: an undefined inside is a defect of the caller. */
export function digestOf(value: Json): string {
  return createHash('sha256').update(canonicalText(value)).digest('hex')
}

export function canonicalText(value: Json): string {
  const text = canonicalize(value)
  if (text === undefined) throw new Error('a digest of nothing was asked for')
  return text
}
