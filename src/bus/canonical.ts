/**
 * What is the one text of a JSON value? RFC 8785: sorted keys, no white space, shortest numbers, UTF-8.
 *
 * `canonicalize` writes it, but silently drops what JSON cannot say: `undefined` and functions vanish, a Map
 * becomes `{}`, an integer beyond 2^53 becomes another one. A record that may have to be proved must say what
 * was given, so all of that is refused first, as the programmer's error that it is.
 */
import canonicalize from 'canonicalize'
import type { Json } from '../domain/event.ts'

const DEPTH_MAX = 64

/** Throws a plain Error, naming the place, for whatever would not come back equal from the text. */
export function canonicalText(value: Json): string {
  refuseUnfaithful(value, '$', 0)
  return canonicalize(value)!
}

function refuseUnfaithful(value: unknown, place: string, depth: number): void {
  if (value === null || typeof value === 'boolean') return
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw refusal(place, 'a string with half a character')
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refusal(place, String(value))
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      throw refusal(place, 'an integer beyond 2^53, which must be a string')
    }
    if (Object.is(value, -0)) throw refusal(place, '-0, which would come back as 0')
  } else if (typeof value !== 'object') throw refusal(place, `a ${typeof value}`)
  else if (depth === DEPTH_MAX) throw refusal(place, 'a circle, or too deep')
  else if (Array.isArray(value)) refuseUnfaithfulItems(value, place, depth)
  else refuseUnfaithfulMembers(value, place, depth)
}

function refuseUnfaithfulItems(items: readonly unknown[], place: string, depth: number): void {
  if (Object.keys(items).length !== items.length) throw refusal(place, 'an array with gaps or names')
  for (let i = 0; i < items.length; i++) refuseUnfaithful(items[i], `${place}[${i}]`, depth + 1)
}

function refuseUnfaithfulMembers(value: object, place: string, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw refusal(place, 'not a plain object')
  const names = Object.keys(value)
  if (names.length !== Reflect.ownKeys(value).length) throw refusal(place, 'hidden or symbol members')
  for (const name of names) {
    const member = `${place}.${name}`
    // Two such names can become one when they are written as UTF-8.
    if (!name.isWellFormed()) throw refusal(member, 'a name with half a character')
    if (name === '__proto__') throw refusal(member, 'a name that readers may take for the prototype')
    refuseUnfaithful((value as Readonly<Record<string, unknown>>)[name], member, depth + 1)
  }
}

function refusal(place: string, what: string): Error {
  return new Error(`making canonical JSON: ${place} is ${what}`)
}

/**
 * The canonical text of what `JSON.parse` gave, or null where there is none. In nearly every case the
 * engine's own writer gives the canonical text already: its strings and numbers are those of RFC 8785 by
 * definition, and keys stand in the order in which they were read. So it remains to see that they were
 * sorted, and that no half character hides behind an escape; else `canonicalize` decides.
 */
export function canonicalTextOfParsed(value: Json): string | null {
  const text = JSON.stringify(value)
  if (isSorted(value) && !text.includes('\\ud')) return text
  try {
    return canonicalize(value) ?? null
  } catch {
    // It refuses half characters only, and of these there is no canonical text.
    return null
  }
}

function isSorted(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isSorted(value[i])) return false
    return true
  }
  let before: string | null = null
  for (const name in value) {
    if (before !== null && name <= before) return false
    before = name
    const member = (value as { readonly [key: string]: Json })[name]!
    if (typeof member === 'object' && member !== null && !isSorted(member)) return false
  }
  return true
}
