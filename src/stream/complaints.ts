/**
 * What does the vendor say in text? A refused subscription is not fatal, the other instruments go on, but
 * it must be seen: as a fact for the candles, as an error for the operator. Anything we do not know
 * is kept as a note, within limits.
 */
import type { FeedSink } from '../domain/feed.ts'
import { instrumentKey } from '../domain/instrument.ts'
import type { UnixMs } from '../domain/time.ts'
import type { TextFrame } from '../domain/venue.ts'
import type { Log } from '../platform/log.ts'
import type { Link } from './link.ts'

export type ComplaintsOptions = {
  readonly shard: number
  /** By instrument key: position in the start fact's list. */
  readonly indexOf: ReadonlyMap<string, number>
  readonly sink: FeedSink
  readonly log: Log
  readonly nowMs: () => UnixMs
  /** Removes known secrets from text that the vendor sent. */
  readonly scrub: (text: string) => string
}

/** Per socket: a talkative vendor must not fill the journal. */
const NOTES_MAX = 100
const NOTE_LENGTH_MAX = 2_000
const NAMED_MAX = 5

export class Complaints {
  readonly #options: ComplaintsOptions
  #refusedCount = 0

  constructor(options: ComplaintsOptions) {
    this.#options = options
  }

  /** Instruments refused so far, counted again at every refusal. */
  get refusedCount(): number {
    return this.#refusedCount
  }

  error(link: Link, frame: Extract<TextFrame, { kind: 'error' }>): void {
    const { shard, indexOf, sink, log, nowMs, scrub } = this.#options
    const { code, correlationId } = frame
    const message = scrub(frame.message)
    const asked = link.asked.get(correlationId)
    if (asked === undefined) {
      log.error('the vendor refuses a message', { shard, code, said: message })
      this.note(link, `${code} ${message} (${correlationId})`)
      return
    }
    const { instruments } = asked
    const indices = instruments.flatMap((instrument) => indexOf.get(instrumentKey(instrument)) ?? [])
    this.#refusedCount += instruments.length
    sink.fact({ kind: 'refused', instruments: indices, code, message, atMs: nowMs() })
    const first = instruments.slice(0, NAMED_MAX).map((instrument) => instrument.symbol)
    const count = instruments.length
    log.error('the vendor refuses instruments', { shard, code, said: message, count, first: first.join(' ') })
  }

  note(link: Link, text: string): void {
    link.noteCount += 1
    if (link.noteCount > NOTES_MAX) return
    const { sink, nowMs, scrub } = this.#options
    sink.fact({ kind: 'note', text: scrub(text).slice(0, NOTE_LENGTH_MAX), atMs: nowMs() })
  }
}
