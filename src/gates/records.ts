/**
 * Up to which session is the record without a gap? For each symbol, and over the required ones for the
 * market.
 *
 * No calendar is needed: each accepted verdict says which session it is and which one was before it, so the
 * sessions form a line of their own. A symbol's record is one run of sessions that follow each other; its
 * first accepted session begins it. A session accepted out of order waits until the run reaches it, from
 * below or, when history is filled in later, from above. The newest verdict on a session says what was
 * before it: a holiday that the calendar learned of later closes the line when the gate is run again.
 *
 * The market's CTT is a ratchet over the runs. It starts at the newest session that all required symbols
 * have, and then goes from session to session, each of which all required symbols of that moment must have.
 * It never falls: another proxy set does not unsay what was canonical under the earlier one, but it cannot
 * be passed beyond until each of its own symbols is there, and gate 2 asks for each of them by name (a
 * symbol without a record holds the market back; that is what "required" means).
 */
import type { MarketDate } from '../domain/time.ts'

/** Sessions that follow each other, both ends included. */
type Span = { since: MarketDate; until: MarketDate }

type Run = Span & {
  /**
   * Accepted sessions that do not touch the run yet, as spans; null for none, which is the rule. A symbol
   * that rested once waits for ever: a span for each rest is little, a session for each session is not.
   */
  waiting: Span[] | null
}

export class Records {
  readonly #previous = new Map<MarketDate, MarketDate | null>()
  readonly #next = new Map<MarketDate, MarketDate>()
  readonly #runs = new Map<string, Run>()
  readonly #waiting = new Set<Run>()
  #ctt: MarketDate | null = null

  /** Newest session of the market without a gap before it; null while there is none. */
  get ctt(): MarketDate | null {
    return this.#ctt
  }

  /** Every symbol that has a record, with its first and last session. */
  *runs(): Generator<readonly [string, { readonly since: MarketDate; readonly until: MarketDate }]> {
    yield* this.#runs
  }

  covers(symbol: string, session: MarketDate): boolean {
    const run = this.#runs.get(symbol)
    return run !== undefined && run.since <= session && session <= run.until
  }

  /** `previous` is null where no calendar reaches; then the session can only begin a record. */
  accept(session: MarketDate, previous: MarketDate | null, symbols: readonly string[]): void {
    this.#link(session, previous)
    for (const symbol of symbols) {
      const run = this.#runs.get(symbol)
      if (run === undefined) this.#runs.set(symbol, { since: session, until: session, waiting: null })
      // The rule, without a set for each of thousands of symbols: the session follows on the run's last.
      else if (run.until === previous && run.waiting === null) run.until = session
      else if (!holds(run, session)) this.#wait(run, session, previous)
    }
    for (const run of this.#waiting) {
      // Only a run that this session touches can have come to a span that waits.
      const isAfter = run.until === previous
      if (isAfter || run.since === session || this.#previous.get(run.since) === session) this.#join(run)
    }
  }

  /** To be asked after each accepted session, with the symbols required then. An empty list moves nothing. */
  advance(required: readonly string[]): void {
    if (required.length === 0) return
    if (this.#ctt === null) {
      this.#ctt = this.#firstShared(required)
      if (this.#ctt === null) return
    }
    for (;;) {
      const next = this.#next.get(this.#ctt)
      if (next === undefined || !required.every((symbol) => this.covers(symbol, next))) return
      this.#ctt = next
    }
  }

  #firstShared(required: readonly string[]): MarketDate | null {
    const runs = required.map((symbol) => this.#runs.get(symbol))
    let session: MarketDate | null = null
    for (const run of runs) {
      if (run === undefined) return null
      if (session === null || run.until < session) session = run.until
    }
    return runs.every((run) => run!.since <= session!) ? session : null
  }

  #link(session: MarketDate, previous: MarketDate | null): void {
    const before = this.#previous.get(session)
    if (before !== undefined && before !== null && this.#next.get(before) === session) {
      this.#next.delete(before)
    }
    this.#previous.set(session, previous)
    if (previous !== null) this.#next.set(previous, session)
  }

  #wait(run: Run, session: MarketDate, previous: MarketDate | null): void {
    run.waiting ??= []
    this.#waiting.add(run)
    if (run.waiting.some((span) => holds(span, session))) return
    const before = run.waiting.findLast(({ until }) => until === previous)
    if (before === undefined) run.waiting.push({ since: session, until: session })
    else before.until = session
  }

  #join(run: Run): void {
    const waiting = run.waiting!
    for (let at = this.#touching(run, waiting); at >= 0; at = this.#touching(run, waiting)) {
      const [span] = waiting.splice(at, 1)
      if (span!.since > run.until) run.until = span!.until
      else run.since = span!.since
    }
    if (waiting.length > 0) return
    run.waiting = null
    this.#waiting.delete(run)
  }

  /** Which of the spans goes on from the run's last session, or ends before its first; -1: none. */
  #touching({ since, until }: Run, waiting: readonly Span[]): number {
    const next = this.#next.get(until)
    const previous = this.#previous.get(since) ?? null
    return waiting.findIndex((span) => span.since === next || span.until === previous)
  }
}

function holds({ since, until }: Span, session: MarketDate): boolean {
  return since <= session && session <= until
}
