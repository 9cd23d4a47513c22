/**
 * Is it really this symbol's history? A CSV of prices names no symbol, so the answer to another question, or
 * another company's rows, cannot be told from the right one by looking at it. JSON names its symbol. So a
 * CSV, which is a fifth of the size, is believed where it goes on from what is held: most closes of the dates
 * that both have must be the same. Where nothing is held, or most of it differs, the same is asked as JSON,
 * and what is said there under the symbol's own name holds: a history that the vendor restated from end to
 * end is a new vintage, one of another company is refused like any answer that is not understood. Splits and
 * dividends are few lines with nothing to compare: they are always asked as JSON.
 *
 * Answers are also read here once, before they are kept. One that curation could not read would count as had,
 * and nobody would ask for it again.
 */
import type { Asked, Asking } from '../batch/asking.ts'
import type { BatchAnswer, BatchRefusal, BatchVenue, BatchWish, RawAnswer } from '../domain/batch.ts'
import type { Log } from '../platform/log.ts'
import type { KnownAnswers } from './batch-known.ts'

export type IdentityOptions = {
  readonly asking: Pick<Asking, 'ask'>
  readonly venue: BatchVenue
  readonly known: Pick<KnownAnswers, 'newestLike'>
  readonly readBody: (answer: RawAnswer) => string
  readonly log: Log
}

/** Of the closes that both have, as traded: a restatement touches few of them, and these by little. */
const SAME_SHARE_MIN = 0.5
const SAME_CLOSE_RATIO = 0.001

/** Close of each time that an answer tells; the newest one may still have been growing. */
type Closes = ReadonlyMap<string | number, number>

export class IdentifiedAsking {
  readonly #options: IdentityOptions

  constructor(options: IdentityOptions) {
    this.#options = options
  }

  /** As `Asking.ask`; the format of the wish is chosen here. */
  async ask(wish: BatchWish): Promise<Asked> {
    const { asking, known, log, venue } = this.#options
    if (wish.function === 'LISTING_STATUS') return await asking.ask(wish)
    const held = known.newestLike(wish)
    const first = await this.#askAs({ ...wish, format: isSeries(wish) && held !== null ? 'csv' : 'json' })
    if (!first.ok) return held === null ? first : keepingWhatIsHeld(first)
    const doubt = this.#doubtOf({ ...wish, format: first.format! }, first.body, held)
    if (doubt === null) return first
    log.warn('an answer is doubted, asking again as JSON', { what: venue.describe(wish), why: doubt.message })
    const second = await this.#askAs({ ...wish, format: 'json' })
    const tries = first.tries + second.tries
    if (!second.ok) return { ...second, tries }
    const unread = unreadable(this.#closesOf({ ...wish, format: 'json' }, second.body))
    if (unread === null) return { ...second, tries }
    const refusal = { ...unread, message: `${venue.describe(wish)}: ${unread.message}` }
    return { ok: false, refusal, next: 'queue', untilMs: null, tries }
  }

  async #askAs(wish: BatchWish): Promise<Asked> {
    const asked = await this.#options.asking.ask(wish)
    return asked.ok ? { ...asked, format: wish.format } : asked
  }

  /** Null: it can be read, and is the symbol's. */
  #doubtOf(wish: BatchWish, body: string, held: RawAnswer | null): BatchRefusal | null {
    const told = this.#closesOf(wish, body)
    if (!told.ok) return told.refusal
    if (wish.format === 'json' || held === null) return null
    const before = this.#closesOf(held.wish, this.#options.readBody(held))
    if (before.ok && isSameHistory(told.value, before.value)) return null
    return { kind: 'not_understood', message: 'most of it is not what is held of this symbol' }
  }

  /** Of splits and dividends none: that they can be read is all that is asked of them. */
  #closesOf(wish: BatchWish, body: string): BatchAnswer<Closes> {
    const { venue } = this.#options
    switch (wish.function) {
      case 'TIME_SERIES_DAILY':
      case 'TIME_SERIES_DAILY_ADJUSTED':
        return mapped(venue.readDaily(wish, body), ({ bars }) => bars.map(({ date, close }) => [date, close]))
      case 'TIME_SERIES_INTRADAY':
        return mapped(venue.readIntraday(wish, body), ({ bars }) =>
          bars.map(({ timestampMs, close }) => [timestampMs, close]),
        )
      case 'SPLITS':
        return mapped(venue.readSplits(wish, body), () => [])
      case 'DIVIDENDS':
        return mapped(venue.readDividends(wish, body), () => [])
      case 'LISTING_STATUS':
        return mapped(venue.readListing(wish, body), () => [])
    }
  }
}

function isSeries({ function: name }: BatchWish): boolean {
  return name !== 'SPLITS' && name !== 'DIVIDENDS'
}

/** That there is nothing is no answer where there was something: it is asked again later. */
function keepingWhatIsHeld(asked: Extract<Asked, { readonly ok: false }>): Asked {
  return asked.next === 'accept' ? { ...asked, next: 'queue' } : asked
}

function isSameHistory(told: Closes, held: Closes): boolean {
  let [sameCount, comparedCount] = [0, 0]
  for (const [at, close] of told) {
    const before = held.get(at)
    if (before === undefined) continue
    comparedCount += 1
    if (Math.abs(close - before) <= SAME_CLOSE_RATIO * before) sameCount += 1
  }
  return comparedCount > 0 && sameCount >= SAME_SHARE_MIN * comparedCount
}

function mapped<Value>(
  read: BatchAnswer<Value>,
  closesOf: (value: Value) => readonly (readonly [string | number, number])[],
): BatchAnswer<Closes> {
  return read.ok ? { ok: true, value: new Map(closesOf(read.value)) } : read
}

function unreadable(read: BatchAnswer<Closes>): BatchRefusal | null {
  return read.ok ? null : read.refusal
}
