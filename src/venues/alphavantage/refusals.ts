/**
 * What does the vendor mean by an answer that is no data? It refuses under status 200, in English, and in
 * JSON also where CSV was asked for. The words decide, in an order: the text about bursts also holds the text
 * of the day's limit, and the old text about minutes holds a limit for days.
 */
import type { BatchRefusalKind } from '../../domain/batch.ts'
import type { HttpReply } from '../../domain/venue.ts'
import { isObject, type JsonObject, parseJson, type Refused, refuse } from './words.ts'

const KIND_OF_WORDS: readonly (readonly [RegExp, BatchRefusalKind])[] = [
  [/spreading out your|request per second|per-second burst/i, 'burst'],
  [/apikey is invalid or missing|api key is for demo purposes/i, 'key_refused'],
  [/is a premium (endpoint|feature)/i, 'not_entitled'],
  [/(calls|requests) per minute/i, 'minute_limit'],
  [/(calls|requests) per day|detected your api key/i, 'day_limit'],
  [/invalid api call|invalid inputs/i, 'bad_symbol'],
]

/** Where the vendor, or the framework in front of it, says why there is no data. */
const KEYS = ['Information', 'Note', 'Error Message', 'detail', 'message'] as const

/** A list of rows, or an object of them, under any key but the ones of refusals and of meta data. */
const HELD_ELSEWHERE: ReadonlySet<string> = new Set([...KEYS, 'Meta Data'])

/** Null for a status that promised a good answer. */
export function refusalOfStatus(reply: HttpReply): Refused | null {
  const { status, body } = reply
  if (status >= 200 && status < 300) return null
  const words = body.slice(0, 2_000)
  const said = kindOfWords(words)
  if (said !== null) return refuse(said, textOfBody(body))
  return refuse(kindOfStatus(status), `HTTP ${status}: ${words}`)
}

function kindOfStatus(status: number): BatchRefusalKind {
  if (status === 429) return 'minute_limit'
  // A 403 is the shield in front of the vendor, a 404 a gateway without its upstream: the path is right.
  if (status === 403 || status === 404 || status === 408 || status >= 500) return 'outage'
  return status >= 400 ? 'not_understood' : 'outage'
}

/** Null where the text may be data in the format: its rows are for the reader to judge. */
export function refusalOfBody(body: string, format: 'csv' | 'json'): Refused | null {
  const first = /\S/.exec(body)?.[0]
  if (first === undefined) return refuse('outage', 'an empty body')
  if (first === '<') return refuse('outage', `HTML in place of data: ${body.slice(0, 2_000)}`)
  if (first === '{') return refusalOfJson(body, format)
  if (format === 'json') return refuse('not_understood', 'not a JSON object')
  return null
}

function refusalOfJson(body: string, format: 'csv' | 'json'): Refused | null {
  const object = parseJson(body)
  if (object === undefined) {
    const isWhole = body.trimEnd().endsWith('}')
    return isWhole ? refuse('not_understood', 'not JSON') : refuse('outage', 'JSON that was cut off')
  }
  if (!isObject(object)) return refuse('not_understood', 'not a JSON object')
  return refusalOfObject(object) ?? (format === 'json' ? null : csvExpected())
}

/** Null for an object that may be data. */
export function refusalOfObject(object: JsonObject): Refused | null {
  for (const key of KEYS) {
    const said = Object.hasOwn(object, key) ? object[key] : undefined
    if (said === undefined) continue
    const text = typeof said === 'string' ? said : JSON.stringify(said)
    // Sample rows under "this is a premium endpoint" are made up: what is said goes before what is held.
    const kind = kindOfWords(text)
    if (kind !== null) return refuse(kind, text)
    return refuse(key === 'detail' ? 'outage' : 'not_understood', `${key}: ${text}`)
  }
  return isEmpty(object) ? refuse('no_data', 'an answer without data') : null
}

/** `{}`, `{"Global Quote":{}}`, `{"symbol":"X","data":[]}`, also beside meta data. */
function isEmpty(object: JsonObject): boolean {
  const held = Object.entries(object).filter(([key]) => !HELD_ELSEWHERE.has(key))
  const rows = held.filter(([, value]) => typeof value === 'object' && value !== null)
  if (rows.length === 0) return held.length === 0
  return rows.every(([, value]) => Object.keys(value as object).length === 0)
}

function csvExpected(): Refused {
  return refuse('not_understood', 'JSON in place of CSV')
}

function kindOfWords(text: string): BatchRefusalKind | null {
  const words = text.slice(0, 2_000)
  return KIND_OF_WORDS.find(([pattern]) => pattern.test(words))?.[1] ?? null
}

/** The vendor's sentence without the JSON around it. */
function textOfBody(body: string): string {
  const object = parseJson(body)
  const said = isObject(object)
    ? KEYS.map((key) => object[key]).find((text) => typeof text === 'string')
    : null
  return typeof said === 'string' ? said : body
}
