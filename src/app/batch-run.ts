/**
 * How does a job get through its symbols? One after the other, each wish at most once: what is known is
 * passed over, what comes is kept before it counts, what fails goes to the queue under its own name, and a
 * function that the key may not ask for is replaced by another. Everything is durable step by step, so the
 * loop may be cut down anywhere and begun again.
 *
 * It ends early, without a failure, when it is asked to stop, when the day's permits are spent, or when the
 * key is not entitled to what every symbol needs; and as a failure when the key is refused or when one
 * symbol after the other meets nothing but an outage: then it is not the symbols that are at fault.
 *
 * In an outage the vendor may also call every symbol unknown. So one that it calls unknown waits in the queue
 * like any other, and is parked only when another symbol was answered before so many were refused in a row.
 */
import type { Asked, Asking } from '../batch/asking.ts'
import type { RawAnswers } from '../batch/raw-answers.ts'
import type { RetryQueue } from '../batch/retry-queue.ts'
import type { BatchRefusal, BatchRefusalKind, BatchVenue, BatchWish } from '../domain/batch.ts'
import { OperatingError } from '../domain/error.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Entitlements } from './batch-entitlement.ts'
import type { KnownAnswers } from './batch-known.ts'

export type RunTools = {
  readonly asking: Pick<Asking, 'ask'>
  readonly raw: Pick<RawAnswers, 'keep'>
  readonly queue: Pick<RetryQueue, 'add' | 'park' | 'settle'>
  readonly known: KnownAnswers
  readonly rights: Entitlements
  readonly venue: Pick<BatchVenue, 'readDaily'>
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

export type SymbolWork = {
  readonly symbol: string
  /** What is wanted by what is known of the key; asked for again when that has changed. */
  readonly wishes: () => readonly BatchWish[]
  /** A kept answer that is not older will do. */
  readonly sinceMs: UnixMs
  /** Prices without a candle of this session do not complete the symbol; absent: any answer does. */
  readonly session?: MarketDate
}

/** Why the loop ended before its last symbol; null: it did not. */
export type EarlyEnd =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'spent'; readonly untilMs: UnixMs | null }
  | { readonly kind: 'outage'; readonly message: string }
  /** What every symbol needs may not be asked for with this key: so each would cost a permit for nothing. */
  | { readonly kind: 'not_entitled'; readonly message: string }

/** So many symbols in a row without one answer are the vendor's outage. */
const OUTAGES_MAX = 10
/** Adjusted, then plain and whole, then plain and short. */
const SWITCHES_MAX = 3

/** A wish whose symbol was called unknown, till an answer shows that the vendor is there. */
type Suspect = { readonly wish: BatchWish; readonly refusal: BatchRefusal; readonly atMs: UnixMs }

type WishEnd = 'had' | 'switch' | { readonly failed: BatchRefusal; readonly isLast: boolean }

export class BatchRun {
  readonly #tools: RunTools
  readonly failed: Map<string, BatchRefusal> = new Map()
  /** Symbols that were answered without the session that was wanted. */
  readonly withoutSession: string[] = []
  askedCount = 0
  keptCount = 0
  completeCount = 0
  earlyEnd: EarlyEnd | null = null
  /** Symbols in a row that failed by an outage, or were called unknown. */
  #outageCount = 0
  #suspects: Suspect[] = []

  constructor(tools: RunTools) {
    this.#tools = tools
  }

  /** Rejects with KEY_REFUSED, or when the disk does not take what is to be kept. */
  async askAll(works: readonly SymbolWork[], onProgress: (doneCount: number) => void): Promise<void> {
    for (const [index, work] of works.entries()) {
      if (this.#tools.signal.aborted) this.earlyEnd = { kind: 'stopped' }
      if (this.earlyEnd === null) await this.#askSymbol(work)
      if (this.earlyEnd !== null) return
      onProgress(index + 1)
    }
    if (this.keptCount > 0 && this.earlyEnd === null) this.#parkSuspects()
  }

  /** The symbols of `works` that were not come to. */
  unaskedCount(works: readonly SymbolWork[]): number {
    return works.length - this.completeCount - this.withoutSession.length - this.failed.size
  }

  async #askSymbol(work: SymbolWork): Promise<void> {
    const { symbol, wishes, session } = work
    const keptBefore = this.keptCount
    let failure: BatchRefusal | null = null
    for (let switchCount = 0; switchCount <= SWITCHES_MAX; switchCount++) {
      failure = null
      const end = await this.#askWishes(wishes(), work)
      if (this.earlyEnd !== null) return
      if (end === 'had') break
      failure = end === 'switch' ? { kind: 'not_entitled', message: 'refused in every form' } : end.failed
      if (end !== 'switch') break
    }
    if (failure !== null) this.failed.set(symbol, failure)
    else if (this.#isWithout(wishes(), session)) this.withoutSession.push(symbol)
    else this.completeCount += 1
    // Of the vendor, what was known before says nothing.
    if (failure !== null || this.keptCount > keptBefore) this.#watchOutages(failure)
  }

  #isWithout(wishes: readonly BatchWish[], session: MarketDate | undefined): boolean {
    return session !== undefined && wishes.some((wish) => this.#tools.known.isWithout(wish, session))
  }

  async #askWishes(wishes: readonly BatchWish[], { sinceMs, session }: SymbolWork): Promise<WishEnd> {
    let end: WishEnd = 'had'
    for (const [at, wish] of wishes.entries()) {
      if (this.#tools.known.has(wish, sinceMs, session)) continue
      const asked = await this.ask(wish, session)
      if (this.earlyEnd !== null || asked === 'switch') return asked
      if (asked === 'had') continue
      end = asked
      if (this.#mustWait(wishes.slice(at + 1), asked.failed) || asked.isLast) break
    }
    return end
  }

  /** Prices that we adjust ourselves wait for the splits and dividends before them, and not in silence. */
  #mustWait(rest: readonly BatchWish[], refusal: BatchRefusal): boolean {
    // What is held of splits and dividends still holds; and of no symbol there are no prices either.
    if (refusal.kind === 'no_data' || refusal.kind === 'bad_symbol') return false
    const prices = rest.filter(isPrices)
    for (const wish of prices) this.#tools.queue.add(wish, refusal, this.#tools.clock.wallMs())
    return prices.length > 0
  }

  /** One wish, asked for and settled with all that follows from it. */
  async ask(wish: BatchWish, session?: MarketDate): Promise<WishEnd> {
    const { asking, signal } = this.#tools
    let asked: Asked
    try {
      asked = await asking.ask(wish)
    } catch (error) {
      if (!signal.aborted || error instanceof OperatingError) throw error
      this.earlyEnd = { kind: 'stopped' }
      return 'had'
    }
    this.askedCount += asked.tries
    if (asked.ok) {
      const answered = { ...wish, format: asked.format ?? wish.format }
      this.#noteWithout(answered, asked.body, asked.fetchedAtMs, session)
      this.#keep(answered, asked.body, asked.fetchedAtMs)
      return 'had'
    }
    return this.#refused(wish, asked)
  }

  /** The answer first: a queue that forgot a wish whose answer is not there would lose it. */
  #keep(wish: BatchWish, body: string, fetchedAtMs: UnixMs): void {
    const { raw, known, queue, rights } = this.#tools
    known.add(raw.keep(wish, body, fetchedAtMs))
    queue.settle(wish)
    rights.grant(wish)
    this.keptCount += 1
  }

  /** Before the answer is kept: one that was kept and not noted would count as had. */
  #noteWithout(wish: BatchWish, body: string, atMs: UnixMs, session: MarketDate | undefined): void {
    if (session === undefined || !isPrices(wish)) return
    const { venue, known } = this.#tools
    const read = venue.readDaily(wish, body)
    if (!read.ok || read.value.bars.some(({ date }) => date === session)) return
    known.addWithout(wish, session, atMs)
  }

  #refused(wish: BatchWish, asked: Extract<Asked, { readonly ok: false }>): WishEnd {
    const { queue, known, rights, clock } = this.#tools
    const { refusal, next, untilMs } = asked
    const nowMs = clock.wallMs()
    switch (next) {
      case 'stop':
        if (refusal.kind === 'key_refused') throw keyRefused(refusal)
        this.earlyEnd = { kind: 'spent', untilMs }
        return 'had'
      case 'switch':
        rights.refuse(wish, nowMs)
        queue.settle(wish)
        this.#tellSwitch(wish, refusal)
        if (canSwitch(wish)) return 'switch'
        this.earlyEnd = { kind: 'not_entitled', message: `${wish.function}: ${refusal.message}` }
        return 'had'
      case 'mark':
        queue.add(wish, refusal, nowMs)
        this.#suspects.push({ wish, refusal, atMs: nowMs })
        return { failed: refusal, isLast: true }
      case 'accept':
        if (!mayBeEmpty(wish)) break
        known.addEmpty(wish, nowMs)
        queue.settle(wish)
        return 'had'
      case 'queue':
        break
    }
    queue.add(wish, refusal, nowMs)
    return { failed: refusal, isLast: refusal.kind === 'no_data' && isPrices(wish) }
  }

  #tellSwitch(wish: BatchWish, refusal: BatchRefusal): void {
    const what = `${wish.function} ${wish.variant}`.trim()
    this.#tools.log.info('the key is not entitled to it; asked again in a week', {
      what,
      why: refusal.message,
    })
  }

  #watchOutages(failure: BatchRefusal | null): void {
    const isUnknown = failure?.kind === 'bad_symbol'
    this.#outageCount = isUnknown || failure?.kind === 'outage' ? this.#outageCount + 1 : 0
    if (failure === null) this.#parkSuspects()
    if (this.#outageCount < OUTAGES_MAX) return
    const message = failure?.message ?? ''
    const unknown = `it calls ${OUTAGES_MAX} symbols in a row unknown: ${message}`
    this.earlyEnd = { kind: 'outage', message: isUnknown ? unknown : message }
  }

  #parkSuspects(): void {
    for (const { wish, refusal, atMs } of this.#suspects) this.#tools.queue.park(wish, refusal, atMs)
    this.#suspects = []
  }
}

export function failedByKind(run: BatchRun): Readonly<Partial<Record<BatchRefusalKind, number>>> {
  const counts: Partial<Record<BatchRefusalKind, number>> = {}
  for (const { kind } of run.failed.values()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** Most companies never split their shares, and many pay no dividend. */
function mayBeEmpty({ function: name }: BatchWish): boolean {
  return name === 'SPLITS' || name === 'DIVIDENDS'
}

export function isPrices({ function: name }: BatchWish): boolean {
  return name.startsWith('TIME_SERIES_DAILY')
}

function canSwitch({ function: name, variant }: BatchWish): boolean {
  return name === 'TIME_SERIES_DAILY_ADJUSTED' || (name === 'TIME_SERIES_DAILY' && variant === 'full')
}

function keyRefused({ message }: BatchRefusal): OperatingError {
  return new OperatingError(
    `asking alphavantage: the key is refused (${message}); check ALPHAVANTAGE_API_KEY`,
    { code: 'KEY_REFUSED' },
  )
}
