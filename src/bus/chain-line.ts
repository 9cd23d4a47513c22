/**
 * What is one line of the chain? An event as canonical JSON; see FORMAT.md. Made and judged here, by itself:
 * whether it fits the line before is `chain-walk.ts`.
 *
 * A line is judged in two independent ways. Its checksum is compared with the hash of the bytes as they are
 * stored, and the line must be the very text that its parsed value is written as. The first alone would
 * accept a line with a duplicate key, of which readers disagree what it says; the second alone any edit.
 *
 * All eleven members are known, so the line is written from a template instead of sorted: this is where the
 * verifier gets its speed, and an additional member of an unknown name cannot hide.
 */
import { hash } from 'node:crypto'
import { type ChainEvent, EVENT_SCHEMA, type EventDraft, type Json } from '../domain/event.ts'
import type { UnixMs } from '../domain/time.ts'
import { canonicalText, canonicalTextOfParsed } from './canonical.ts'

export const ZERO_CHECKSUM: string = '0'.repeat(64)

/** A longer one is a programmer's error: evidence is a sample and digests, never the data. */
export const LINE_BYTES_MAX: number = 1_048_576

export type LineFlawKind =
  | 'mutation' // the stored bytes do not have the stored checksum
  | 'duplicate-key'
  | 'not-canonical'
  | 'wrong-shape' // a member is missing, additional or of another type
  | 'wrong-id'
  | 'time'

export type LineFlaw = { readonly kind: LineFlawKind; readonly says: string }

export type LinePlace = {
  readonly market: string
  readonly eventIndex: number
  readonly previousChecksum: string
  readonly recordedAtMs: UnixMs
}

/**
 * The event and its line with the newline. Throws a plain Error for a draft that canonical JSON cannot
 * say.
 */
export function sealEvent(draft: EventDraft, place: LinePlace): { event: ChainEvent; line: string } {
  const payloadText = canonicalText(draft.payload)
  canonicalText([draft.type, draft.actor, place.market])
  const open: ChainEvent = {
    schema_version: EVENT_SCHEMA,
    event_index: place.eventIndex,
    event_id: '',
    event_type: draft.type,
    market: place.market,
    event_time: new Date(draft.atMs).toISOString(),
    recorded_at: new Date(place.recordedAtMs).toISOString(),
    actor: draft.actor,
    payload: JSON.parse(payloadText) as ChainEvent['payload'],
    previous_checksum: place.previousChecksum,
    checksum: '',
  }
  const named = { ...open, event_id: eventIdOf(open, payloadText) }
  const event = { ...named, checksum: hash('sha256', lineOf(named, payloadText, '')) }
  const line = `${lineOf(event, payloadText, checksumMember(event.checksum))}\n`
  if (Buffer.byteLength(line) > LINE_BYTES_MAX) {
    throw new Error(
      `appending ${draft.type}: its line has ${Buffer.byteLength(line)} bytes; give digests, not data`,
    )
  }
  return { event, line }
}

/**
 * Derived from what happened, not from when it was written down nor from what stands before it: the same
 * fact at the same place has the same id in any copy of the chain.
 */
function eventIdOf(event: ChainEvent, payloadText: string): string {
  const { actor, event_index, event_time, event_type, market, schema_version } = event
  const facts =
    `{"actor":${JSON.stringify(actor)},"event_index":${event_index},"event_time":"${event_time}",` +
    `"event_type":${JSON.stringify(event_type)},"market":${JSON.stringify(market)},` +
    `"payload":${payloadText},` +
    `"schema_version":${JSON.stringify(schema_version)}}`
  return `${market}-${event_index}-${hash('sha256', facts).slice(0, 16)}`
}

const CHECKSUM_NAME = '"checksum":"'

function checksumMember(checksum: string): string {
  return `${CHECKSUM_NAME}${checksum}",`
}

/** In the order that RFC 8785 gives to the eleven names. */
function lineOf(event: ChainEvent, payloadText: string, checksum: string): string {
  return (
    `{"actor":${JSON.stringify(event.actor)},${checksum}"event_id":${JSON.stringify(event.event_id)},` +
    `"event_index":${event.event_index},"event_time":"${event.event_time}",` +
    `"event_type":${JSON.stringify(event.event_type)},"market":${JSON.stringify(event.market)},` +
    `"payload":${payloadText},"previous_checksum":"${event.previous_checksum}",` +
    `"recorded_at":"${event.recorded_at}","schema_version":${JSON.stringify(event.schema_version)}}`
  )
}

/** `text` is a line without its newline. Its event, or what is wrong with it. */
export function readLine(text: string): ChainEvent | LineFlaw {
  const at = text.indexOf(CHECKSUM_NAME)
  const checksum = text.slice(at + CHECKSUM_NAME.length, at + CHECKSUM_NAME.length + 64)
  const rest = text.slice(at + CHECKSUM_NAME.length + 66)
  if (at < 0 || hash('sha256', text.slice(0, at) + rest) !== checksum) {
    return { kind: 'mutation', says: 'its bytes do not have the checksum that it states' }
  }
  let event: ChainEvent
  try {
    event = JSON.parse(text) as ChainEvent
  } catch {
    // Somebody gave bytes that are no JSON a fitting checksum; the error of the parser adds nothing.
    return { kind: 'not-canonical', says: 'it is no JSON' }
  }
  if (!hasShape(event)) return { kind: 'wrong-shape', says: 'its members are not those of an event' }
  const payloadText = canonicalTextOfParsed(event.payload)
  if (payloadText === null || lineOf(event, payloadText, checksumMember(checksum)) !== text) {
    return flawOfText(event, text)
  }
  if (!isTime(event.event_time) || !isTime(event.recorded_at)) {
    return { kind: 'time', says: 'a time in it is none' }
  }
  if (event.event_id !== eventIdOf(event, payloadText)) {
    return { kind: 'wrong-id', says: 'its id is not that of its content' }
  }
  return event
}

export function isFlaw(read: ChainEvent | LineFlaw): read is LineFlaw {
  return 'kind' in read
}

function hasShape(event: ChainEvent): boolean {
  return (
    typeof event === 'object' &&
    event !== null &&
    event.schema_version === EVENT_SCHEMA &&
    Number.isSafeInteger(event.event_index) &&
    typeof event.event_id === 'string' &&
    typeof event.event_type === 'string' &&
    typeof event.market === 'string' &&
    typeof event.event_time === 'string' &&
    typeof event.recorded_at === 'string' &&
    typeof event.actor === 'string' &&
    typeof event.payload === 'object' &&
    event.payload !== null &&
    !Array.isArray(event.payload) &&
    typeof event.previous_checksum === 'string' &&
    typeof event.checksum === 'string'
  )
}

/** The text is not the one that its value is written as: why? Slow, and only for damage. */
function flawOfText(event: ChainEvent, text: string): LineFlaw {
  const canonical = canonicalTextOfParsed(event as unknown as Json)
  if (canonical === text) return { kind: 'wrong-shape', says: 'it has members that no event has' }
  if (hasDuplicateKey(text)) return { kind: 'duplicate-key', says: 'a key stands in it twice' }
  return { kind: 'not-canonical', says: 'it is not in canonical form' }
}

/** A text whose keys are counted has more of them than the value that the parser makes of it. */
function hasDuplicateKey(text: string): boolean {
  const keyCount = [...text.matchAll(/"(?:[^"\\]|\\.)*"\s*(:)?/g)].filter(([, colon]) => colon !== undefined)
  let memberCount = 0
  JSON.parse(text, (name: string, value: unknown) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      memberCount += Object.keys(value).length
    }
    return name === '' ? undefined : value
  })
  return keyCount.length > memberCount
}

const TIME_OF_DAY = /^T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/

/** ISO 8601, UTC, with milliseconds, of a day that exists. */
function isTime(text: string): boolean {
  return TIME_OF_DAY.test(text.slice(10)) && isDay(text.slice(0, 10))
}

/** `YYYY-MM-DD` of a day that exists. */
export function isDay(text: string): boolean {
  const ms = Date.parse(`${text}T00:00:00.000Z`)
  return !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 10) === text
}
