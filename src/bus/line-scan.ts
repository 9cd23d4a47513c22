/**
 * Is this line sound? The same question as `readLine` answers, for a verifier that reads millions: straight
 * from the bytes of a block, without a text, without a parsed value. It only ever says yes; whatever it does
 * not take for sound, and the rare event of the chain about itself, is `readLine`'s to judge and to name.
 *
 * A line has its eleven members in one order, so it is compared with their names and only the values are
 * looked at. Its two hashes are made over pieces of it that are put together in one buffer.
 */
import { hash } from 'node:crypto'
import { EVENT_SCHEMA } from '../domain/event.ts'
import { canonicalEnd, literalEnd, stringEnd } from './canonical-scan.ts'
import { isDay, LINE_BYTES_MAX } from './chain-line.ts'

const HEX = 64
const TIME = 24
const DAY = 10
const QUOTE = 0x22
const ZERO = 0x30

const ACTOR = Buffer.from('{"actor":')
const OF_CHAIN = Buffer.from('"system:chain"')
const CHECKSUM = Buffer.from(',"checksum":"')
const ID = Buffer.from('","event_id":"')
const INDEX = Buffer.from('","event_index":')
const EVENT_TIME = Buffer.from(',"event_time":"')
const TYPE = Buffer.from('","event_type":')
const PREVIOUS = Buffer.from(',"previous_checksum":"')
const RECORDED = Buffer.from('","recorded_at":"')
const SCHEMA = Buffer.from(`","schema_version":"${EVENT_SCHEMA}"}\n`)
const FACTS_END = Buffer.from(`,"schema_version":"${EVENT_SCHEMA}"}`)
const COMMA_BYTES = 1
/** What is hashed is put together here; nothing of it is kept. */
const PIECES = Buffer.allocUnsafeSlow(LINE_BYTES_MAX + FACTS_END.length)

export class LineScan {
  eventIndex = -1
  checksum = ''
  previousChecksum = ''
  /** As JSON writes it, with its quotes. */
  typeText = ''
  /** Behind the newline. */
  endAt = 0
  readonly #market: string
  readonly #marketAndPayload: Buffer
  /** Of the neighbours, for each of the two times: they mostly share it, so it is looked at once. */
  #eventDay = ''
  #recordedDay = ''
  // Places in the bytes of the line at hand.
  #startAt = 0
  #actorEnd = 0
  #idAt = 0
  #indexAt = 0
  #payloadEnd = 0

  constructor(market: string) {
    this.#market = market
    this.#marketAndPayload = Buffer.from(`,"market":${JSON.stringify(market)},"payload":`)
  }

  /** `bytes` are UTF-8 and end with a newline. True: the line at `startAt` is sound, and was read. */
  isSound(bytes: Buffer, startAt: number): boolean {
    this.#startAt = startAt
    const payloadAt = this.#headEnd(bytes, startAt)
    if (payloadAt < 0 || bytes[payloadAt] !== 0x7b) return false
    this.#payloadEnd = canonicalEnd(bytes, payloadAt)
    if (this.#payloadEnd < 0) return false
    this.endAt = this.#tailEnd(bytes, this.#payloadEnd)
    if (this.endAt < 0 || this.endAt - startAt > LINE_BYTES_MAX) return false
    return this.#hasItsChecksum(bytes) && this.#hasItsId(bytes)
  }

  /** From the actor to the payload, whose place is returned; -1 where a member is not as it should be. */
  #headEnd(bytes: Buffer, startAt: number): number {
    const actorAt = literalEnd(bytes, startAt, ACTOR)
    if (actorAt < 0 || literalEnd(bytes, actorAt, OF_CHAIN) >= 0) return -1
    this.#actorEnd = stringEnd(bytes, actorAt)
    if (this.#actorEnd < 0) return -1
    const checksumAt = literalEnd(bytes, this.#actorEnd, CHECKSUM)
    if (checksumAt < 0) return -1
    this.checksum = bytes.toString('latin1', checksumAt, checksumAt + HEX)
    this.#idAt = literalEnd(bytes, checksumAt + HEX, ID)
    return this.#idAt < 0 ? -1 : this.#factsEnd(bytes)
  }

  #factsEnd(bytes: Buffer): number {
    const idEnd = stringEnd(bytes, this.#idAt - 1) - 1
    if (idEnd < 0) return -1
    this.#indexAt = literalEnd(bytes, idEnd, INDEX)
    if (this.#indexAt < 0) return -1
    const indexEnd = this.#readIndex(bytes, this.#indexAt)
    const timeAt = literalEnd(bytes, indexEnd, EVENT_TIME)
    if (timeAt < 0 || !isTime(bytes, timeAt)) return -1
    const day = bytes.toString('latin1', timeAt, timeAt + DAY)
    if (day !== this.#eventDay && !isDay(day)) return -1
    this.#eventDay = day
    const typeAt = literalEnd(bytes, timeAt + TIME, TYPE)
    const typeEnd = typeAt < 0 ? -1 : stringEnd(bytes, typeAt)
    if (typeEnd < 0) return -1
    this.typeText = bytes.toString('utf8', typeAt, typeEnd)
    return literalEnd(bytes, typeEnd, this.#marketAndPayload)
  }

  #tailEnd(bytes: Buffer, at: number): number {
    const previousAt = literalEnd(bytes, at, PREVIOUS)
    if (previousAt < 0 || !isHex(bytes, previousAt)) return -1
    this.previousChecksum = bytes.toString('latin1', previousAt, previousAt + HEX)
    const recordedAt = literalEnd(bytes, previousAt + HEX, RECORDED)
    if (recordedAt < 0 || !isTime(bytes, recordedAt)) return -1
    const day = bytes.toString('latin1', recordedAt, recordedAt + DAY)
    if (day !== this.#recordedDay && !isDay(day)) return -1
    this.#recordedDay = day
    return literalEnd(bytes, recordedAt + TIME, SCHEMA)
  }

  /** No leading zero and no more digits than are exact: else nothing that follows will fit. */
  #readIndex(bytes: Buffer, at: number): number {
    let index = 0
    let end = at
    for (; bytes[end]! >= ZERO && bytes[end]! <= 0x39; end++) index = index * 10 + bytes[end]! - ZERO
    this.eventIndex = index
    return end === at || end - at > 15 || (bytes[at] === ZERO && end - at > 1) ? at : end
  }

  #hasItsChecksum(bytes: Buffer): boolean {
    const headBytes = bytes.copy(PIECES, 0, this.#startAt, this.#actorEnd + COMMA_BYTES)
    // From `"event_id"` on, without the newline.
    const restAt = this.#idAt - ID.length + '",'.length
    const restBytes = bytes.copy(PIECES, headBytes, restAt, this.endAt - 1)
    return hash('sha256', PIECES.subarray(0, headBytes + restBytes)) === this.checksum
  }

  /** The id is of the same members, without those that say when and behind what it was written down. */
  #hasItsId(bytes: Buffer): boolean {
    const headBytes = bytes.copy(PIECES, 0, this.#startAt, this.#actorEnd + COMMA_BYTES)
    const factsAt = this.#indexAt - INDEX.length + '",'.length
    const factsEnd = headBytes + bytes.copy(PIECES, headBytes, factsAt, this.#payloadEnd)
    PIECES.set(FACTS_END, factsEnd)
    const digest = hash('sha256', PIECES.subarray(0, factsEnd + FACTS_END.length))
    const idEnd = this.#indexAt - INDEX.length
    const id = `${this.#market}-${this.eventIndex}-${digest.slice(0, 16)}`
    return bytes.toString('utf8', this.#idAt, idEnd) === id
  }
}

/** `Thh:mm:ss.mmmZ` behind ten bytes that should be a day, and the quote. */
function isTime(bytes: Buffer, at: number): boolean {
  return (
    bytes[at + DAY] === 0x54 &&
    isBelow(bytes, at + 11, 24) &&
    bytes[at + 13] === 0x3a &&
    isBelow(bytes, at + 14, 60) &&
    bytes[at + 16] === 0x3a &&
    isBelow(bytes, at + 17, 60) &&
    bytes[at + 19] === 0x2e &&
    isBelow(bytes, at + 20, 100) &&
    isDigit(bytes[at + 22]!) &&
    bytes[at + 23] === 0x5a &&
    bytes[at + TIME] === QUOTE
  )
}

/** A whole checksum. */
function isHex(bytes: Buffer, at: number): boolean {
  for (let i = at; i < at + HEX; i++) {
    const byte = bytes[i]!
    if (!isDigit(byte) && !(byte >= 0x61 && byte <= 0x66)) return false
  }
  return true
}

/** Two digits that are a number below `limit`. */
function isBelow(bytes: Buffer, at: number, limit: number): boolean {
  const [high, low] = [bytes[at]!, bytes[at + 1]!]
  return isDigit(high) && isDigit(low) && (high - ZERO) * 10 + low - ZERO < limit
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39
}
