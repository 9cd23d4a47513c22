/**
 * How does one wish become one answer? A permit, a request, the venue's judgement; and again where trying
 * again can help. Each class of refusal has its own patience:
 *
 *     outage, not_understood       a few times, later each time
 *     burst, minute_limit          the whole stream pauses (permits.ts), then the same wish, a few times
 *     bad_symbol                   once more: the vendor says it also when it means an outage
 *     not_entitled, no_data        never: the answer will be the same
 *     day_limit, key_refused       never, and nothing else is asked either
 *
 * Every try takes a permit of its own, because the vendor counts every one. p-retry keeps the count of tries;
 * its own timer is not used, for waits are in the clock's time.
 */
import pRetry from 'p-retry'
import type { BatchAnswer, BatchRefusal, BatchRefusalKind, BatchVenue, BatchWish } from '../domain/batch.ts'
import { messageOf, OperatingError } from '../domain/error.ts'
import type { Secret } from '../domain/secret.ts'
import { SECOND_MS, type UnixMs } from '../domain/time.ts'
import type { Clock } from '../platform/clock.ts'
import type { SendRequest } from '../platform/http.ts'
import type { Log } from '../platform/log.ts'
import type { Permits, StreamLimit, Tried } from './permits.ts'

export type AskingOptions = {
  readonly venue: BatchVenue
  readonly key: Secret
  readonly send: SendRequest
  readonly permits: Permits
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  readonly signal: AbortSignal
}

/** What the caller does after a refusal. */
export type NextStep = 'stop' | 'switch' | 'mark' | 'accept' | 'queue'

export type Asked =
  /** `body` as the venue's `judge` gave it: verbatim, without the key. `tries` counts permits taken. */
  | {
      readonly ok: true
      readonly body: string
      readonly fetchedAtMs: UnixMs
      readonly tries: number
      /** In which format it came, where that is another than was wished. */
      readonly format?: BatchWish['format']
    }
  | {
      readonly ok: false
      readonly refusal: BatchRefusal
      /**
       * What the caller does next: `stop` the whole job (day_limit, key_refused); `switch` to another
       * function (not_entitled); `mark` the symbol (bad_symbol, refused twice); `accept` that there is
       * nothing (no_data); `queue` it for later (everything else).
       */
      readonly next: NextStep
      /** With day_limit: when the vendor's next day begins, so far as we know. */
      readonly untilMs: UnixMs | null
      readonly tries: number
    }

type Patience = { readonly retriesMax: number; readonly baseMs: number; readonly next: NextStep }

const OUTAGE: Patience = { retriesMax: 3, baseMs: 2 * SECOND_MS, next: 'queue' }
/** Each of these tries costs a permit of a day that may have 25. */
const SPEED: Patience = { retriesMax: 4, baseMs: 0, next: 'queue' }

const PATIENCE: Readonly<Record<BatchRefusalKind, Patience>> = {
  outage: OUTAGE,
  not_understood: OUTAGE,
  burst: SPEED,
  minute_limit: SPEED,
  bad_symbol: { retriesMax: 1, baseMs: 0, next: 'mark' },
  not_entitled: { retriesMax: 0, baseMs: 0, next: 'switch' },
  no_data: { retriesMax: 0, baseMs: 0, next: 'accept' },
  day_limit: { retriesMax: 0, baseMs: 0, next: 'stop' },
  key_refused: { retriesMax: 0, baseMs: 0, next: 'stop' },
}
/** Whatever the mixture of refusals, a wish gets no more permits than this. */
const RETRIES_MAX = 6

/** Carries a refusal through p-retry. */
class Refused extends Error {
  readonly refusal: BatchRefusal
  readonly untilMs: UnixMs | null

  constructor(refusal: BatchRefusal, untilMs: UnixMs | null) {
    super(refusal.message)
    this.refusal = refusal
    this.untilMs = untilMs
  }
}

type Answered = { readonly body: string; readonly fetchedAtMs: UnixMs }

export class Asking {
  readonly #options: AskingOptions

  constructor(options: AskingOptions) {
    this.#options = options
  }

  /** Rejects with the signal's reason, or with an OperatingError when the permits cannot be written. */
  async ask(wish: BatchWish): Promise<Asked> {
    const failures = new Map<Patience, number>()
    let tries = 0
    try {
      const answered = await pRetry(
        async () => {
          const answer = await this.#try(wish, () => {
            tries += 1
          })
          return answer
        },
        {
          retries: RETRIES_MAX,
          minTimeout: 0,
          // Not its `signal`: it would drop an answer in flight, whose permit is spent. The waits have it.
          shouldRetry: ({ error, retriesLeft }) => this.#waitToRetry(wish, error, failures, retriesLeft),
        },
      )
      return { ok: true, ...answered, tries }
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      const { refusal, untilMs } = error
      return { ok: false, refusal, next: PATIENCE[refusal.kind].next, untilMs, tries }
    }
  }

  /** False where trying again is no use; otherwise true, after the wait that belongs to it. */
  async #waitToRetry(
    wish: BatchWish,
    error: Error,
    failures: Map<Patience, number>,
    retriesLeft: number,
  ): Promise<boolean> {
    if (!(error instanceof Refused)) return false
    const { venue, clock, log, random, signal } = this.#options
    const { kind, message } = error.refusal
    const patience = PATIENCE[kind]
    const failureCount = failures.get(patience) ?? 0
    failures.set(patience, failureCount + 1)
    const mayRetry = failureCount < patience.retriesMax && retriesLeft > 0
    const told = { what: venue.describe(wish), kind, says: message, again: mayRetry }
    // What most companies' answer is must not bury what somebody should read.
    if (isOrdinary(wish, kind)) log.info('nothing to tell', told)
    else log.warn('refused', told)
    if (!mayRetry) return false
    // At least the doubled base; chance lengthens it, so that many who fell together do not return so.
    await clock.sleep(patience.baseMs * 2 ** failureCount * (1 + random()), signal)
    return true
  }

  async #try(wish: BatchWish, onPermit: () => void): Promise<Answered> {
    const { permits, signal } = this.#options
    const permitted = await permits.use(() => {
      onPermit()
      return this.#send(wish)
    }, signal)
    if (!permitted.granted) {
      const message = `the permits of the vendor's day are spent until ${isoOf(permitted.untilMs)}`
      throw new Refused({ kind: 'day_limit', message }, permitted.untilMs)
    }
    const { answer, fetchedAtMs } = permitted.value
    if (answer.ok) return { body: answer.value, fetchedAtMs }
    const isDayOver = answer.refusal.kind === 'day_limit'
    throw new Refused(answer.refusal, isDayOver ? permits.status().nextFreeMs : null)
  }

  async #send(wish: BatchWish): Promise<Tried<{ answer: BatchAnswer<string>; fetchedAtMs: UnixMs }>> {
    const { venue, key, clock } = this.#options
    const answer = await this.#answerTo(wish)
    const fetchedAtMs = clock.wallMs()
    if (answer.ok) return { value: { answer, fetchedAtMs }, limit: null }
    // The venue has scrubbed its own words; the network's are ours to scrub.
    const message = withoutKey(answer.refusal.message, key)
    const refusal = { kind: answer.refusal.kind, message: `${venue.describe(wish)}: ${message}` }
    return { value: { answer: { ok: false, refusal }, fetchedAtMs }, limit: limitOf(refusal.kind) }
  }

  async #answerTo(wish: BatchWish): Promise<BatchAnswer<string>> {
    const { venue, key, send } = this.#options
    try {
      return venue.judge(wish, await send(venue.request(wish, key)), key)
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error
      return { ok: false, refusal: { kind: 'outage', message: messageOf(error) } }
    }
  }
}

/** Most companies never split their shares, and many pay no dividend. */
function isOrdinary({ function: name }: BatchWish, kind: BatchRefusalKind): boolean {
  return kind === 'no_data' && (name === 'SPLITS' || name === 'DIVIDENDS')
}

function limitOf(kind: BatchRefusalKind): StreamLimit | null {
  return kind === 'burst' || kind === 'minute_limit' || kind === 'day_limit' ? kind : null
}

function withoutKey(text: string, key: Secret): string {
  const value = key.reveal()
  if (value === '') return text
  return text.replaceAll(value, '[redacted]').replaceAll(encodeURIComponent(value), '[redacted]')
}

function isoOf(atMs: UnixMs): string {
  return new Date(atMs).toISOString()
}
