/**
 * What is true, given what happened? The state of one market as the pure fold of its chain: CTT, TE, halt,
 * reviews, alerts, overrides. Nothing else decides any of them; files under `truth/` are caches of this
 * fold.
 *
 * One line, one move. A verdict and what follows from it stand in the same event: `gate.ingest` with `pass`
 * moves CTT, `gate.epoch` with `fail` halts, `epoch.advanced` moves TE. A crash falls before a line or after
 * it, so there is no verdict without its effect and no effect without its verdict.
 *
 * The fold is strict. Writers only append what the rules allow, so a line that breaks a rule (TE beyond CTT,
 * TE moved without its gate, the same evidence judged twice, a halt cleared that nobody raised) shows a
 * defect of a writer, or a chain that was made by hand. Then the fold ends with CHAIN_BROKEN and the index
 * of the line; it never bends the line into something allowed, because everything after it was decided on
 * top.
 *
 * Time: `recorded_at` is never read, `event_time` neither. Order in the chain and sessions are all the time
 * there is.
 */
import { OperatingError } from '../domain/error.ts'
import type { ChainEvent } from '../domain/event.ts'
import type { MarketDate } from '../domain/time.ts'
import type { Alert, Halt, Review, TruthState } from '../domain/truth.ts'
import { EpochLine, liveOverrides } from './epoch-line.ts'
import {
  type AdvancedRecord,
  alertIdOf,
  alertOf,
  type ClearedRecord,
  type EpochGateRecord,
  type HaltRecord,
  type IngestRecord,
  isStrict,
  type OverriddenRecord,
  type RecordOf,
  type ReviewRecord,
  readPayload,
  type StrictType,
} from './payloads.ts'
import { Records } from './records.ts'

const NO_HEAD = '0'.repeat(64)

/** A verdict that waits for an operator, with what becomes canonical when it is accepted. */
type PendingReview = { readonly review: Review; readonly record: IngestRecord }
type Recorded<Record> = { readonly record: Record; readonly eventIndex: number }

export function foldTruth(market: string, events: Iterable<ChainEvent>): TruthFold {
  const fold = new TruthFold(market)
  for (const event of events) fold.apply(event)
  return fold
}

export function reviewIdOf(session: MarketDate, evidenceSha256: string): string {
  return `R-${session}-${evidenceSha256.slice(0, 8)}`
}

export class TruthFold {
  readonly market: string
  readonly #records = new Records()
  readonly #line = new EpochLine()
  readonly #reviews = new Map<string, PendingReview>()
  readonly #alerts = new Map<string, Alert>()
  /** The newest verdict on each session. */
  readonly #ingested = new Map<MarketDate, IngestRecord>()
  /** Sessions that were accepted at least once; those of them that the newest word on them does not hold. */
  readonly #accepted = new Set<MarketDate>()
  readonly #rejected = new Set<MarketDate>()
  #gate: Recorded<EpochGateRecord> | null = null
  #halt: Halt | null = null
  #isAnnounced = true
  #inspection = false
  #eventCount = 0
  #cttEvent: number | null = null
  #head = NO_HEAD
  #isBroken = false

  constructor(market: string) {
    this.market = market
  }

  /** Throws CHAIN_BROKEN for an event that cannot be; the fold is of no use afterwards. */
  apply(event: ChainEvent): void {
    if (this.#isBroken) throw new Error('a broken fold was asked to go on')
    const fault = this.#orderFault(event) ?? this.#effectFault(event) ?? this.#stateFault()
    if (fault !== null) {
      this.#isBroken = true
      throw defect(event, fault)
    }
    this.#eventCount++
    this.#head = event.checksum
  }

  /** A value of its own: later events do not change it. */
  state(): TruthState {
    if (this.#isBroken) throw new Error('a broken fold was asked for its state')
    const runs = [...this.#records.runs()]
    return {
      market: this.market,
      eventCount: this.#eventCount,
      head: this.#head,
      ctt: this.#records.ctt,
      cttBySymbol: new Map(runs.map(([symbol, { until }]) => [symbol, until])),
      sinceBySymbol: new Map(runs.map(([symbol, { since }]) => [symbol, since])),
      rejected: [...this.#rejected].toSorted(),
      epoch: this.#line.epoch,
      epochs: [...this.#line.epochs],
      halt: this.#halt,
      reviews: [...this.#reviews.values()].map(({ review }) => review),
      alerts: [...this.#alerts.values()],
      overrides: [...this.#line.overrides],
      inspection: this.#inspection,
    }
  }

  /** The newest verdict on a session, for whoever would record another one. */
  ingestVerdictOf(session: MarketDate): IngestRecord | null {
    return this.#ingested.get(session) ?? null
  }

  epochVerdict(): Recorded<EpochGateRecord> | null {
    return this.#gate
  }

  /** True where a halt followed from a verdict and its own event is still to be written. */
  owesHaltEvent(): boolean {
    return this.#halt !== null && !this.#isAnnounced
  }

  /** Index of the event that made anything canonical last; null while none did. */
  cttEvent(): number | null {
    return this.#cttEvent
  }

  #orderFault({ event_index, market }: ChainEvent): string | null {
    if (event_index !== this.#eventCount) return `event ${this.#eventCount} was to be next`
    return market === this.market ? null : `it is of the market ${market}`
  }

  #stateFault(): string | null {
    const { epoch } = this.#line
    const { ctt } = this.#records
    return epoch !== null && (ctt === null || epoch.session > ctt)
      ? `TE ${epoch.session} is beyond CTT`
      : null
  }

  #effectFault(event: ChainEvent): string | null {
    const { event_type: type, payload } = event
    if (type === 'alert.raised') this.#alerts.set(alertOf(event).id, alertOf(event))
    if (type === 'alert.resolved') this.#alerts.delete(alertIdOf(payload) ?? '')
    if (!isStrict(type)) return null
    const read = readPayload(type, payload)
    return 'fault' in read ? read.fault : this.#strictFault(type, read.record, event.event_index)
  }

  #strictFault<Type extends StrictType>(type: Type, record: RecordOf<Type>, at: number): string | null {
    const effects: { readonly [Each in StrictType]: (record: RecordOf<Each>) => string | null } = {
      'gate.ingest': (each) => this.#ingest(each, at),
      'review.decided': (each) => this.#decide(each, at),
      'gate.epoch': (each) => this.#judge(each, at),
      'epoch.advanced': (each) => this.#advance(each, at),
      'epoch.overridden': (each) => this.#override(each, at),
      'epoch.rolled_back': (each) => this.#haltFault() ?? this.#line.rollBack(each, at),
      'epoch.invalidated': ({ epochId, was, proxySet }) => this.#line.invalidate(epochId, was, proxySet),
      'halt.raised': (each) => this.#raise(each, at),
      'halt.cleared': (each) => this.#clear(each),
      'inspection.changed': ({ on }) => this.#inspect(on),
    }
    return effects[type](record)
  }

  #ingest(record: IngestRecord, at: number): string | null {
    const { session, previousSession, evidenceSha256, verdict } = record
    if (previousSession !== null && previousSession >= session)
      return 'the session before it is not before it'
    const before = this.#ingested.get(session)
    if (before !== undefined && isSameIngest(before, record)) {
      return before.verdict === verdict
        ? 'the same evidence was judged twice'
        : 'the same evidence was judged anew'
    }
    this.#ingested.set(session, record)
    // What an operator would accept is what was asked about, and that is no longer what lies there.
    for (const [id, { review }] of this.#reviews) if (review.session === session) this.#reviews.delete(id)
    if (verdict === 'pass') this.#accept(record, at)
    // `wait` says nothing about what was accepted: its evidence is not there yet.
    if (verdict === 'fail' || verdict === 'review') this.#reject(session)
    if (verdict === 'review') {
      const id = reviewIdOf(session, evidenceSha256)
      const says = record.checks.filter(({ outcome }) => outcome === 'review').map((check) => check.says)
      this.#reviews.set(id, { review: { id, session, evidenceSha256, says, eventIndex: at }, record })
    }
    return null
  }

  #accept({ session, previousSession, symbols, proxySet }: IngestRecord, at: number): void {
    this.#records.accept(session, previousSession, symbols)
    this.#records.advance(proxySet.required)
    this.#accepted.add(session)
    this.#rejected.delete(session)
    this.#cttEvent = at
  }

  /** CTT is a ratchet and stays; what may not be evaluated any more is for gate 2 to see. */
  #reject(session: MarketDate): void {
    if (this.#accepted.has(session)) this.#rejected.add(session)
  }

  #decide({ reviewId, decision, session, evidenceSha256 }: ReviewRecord, at: number): string | null {
    const pending = this.#reviews.get(reviewId)
    if (pending === undefined) return `no review ${reviewId} waits for a decision`
    const { review, record } = pending
    if (review.session !== session || review.evidenceSha256 !== evidenceSha256)
      return 'it is about other evidence'
    this.#reviews.delete(reviewId)
    if (decision === 'accept') this.#accept(record, at)
    else this.#reject(session)
    return null
  }

  #judge(record: EpochGateRecord, at: number): string | null {
    const { target, verdict, checks, evidenceSha256 } = record
    if (this.#gate?.record.evidenceSha256 === evidenceSha256) return 'the same evidence was judged twice'
    const failed = checks.filter(({ outcome }) => outcome !== 'pass').map(({ check }) => check)
    if ((failed.length === 0) !== (verdict === 'pass'))
      return `its verdict ${verdict} is not that of its checks`
    const against = verdict === 'pass' ? this.#against(record) : null
    if (against !== null) return `it passed although ${against}`
    this.#gate = { record, eventIndex: at }
    if (verdict === 'pass' || this.#halt !== null) return null
    const reason = `the intelligence gate failed on ${target}: ${failed.join(', ')}`
    this.#halt = { id: `H-${at}`, reason, failedChecks: failed, eventIndex: at }
    this.#isAnnounced = false
    return null
  }

  /** What the chain itself knows against a target; null: nothing. */
  #against({ target, proxySet }: EpochGateRecord): string | null {
    const missing = proxySet.required.find((symbol) => !this.#records.covers(symbol, target))
    if (missing !== undefined) return `${missing} is not canonical up to ${target}`
    const { ctt } = this.#records
    if (ctt === null || ctt < target) return `${target} is beyond CTT`
    const alert = this.#alerts.values().find(({ severity }) => severity === 'critical')
    if (alert !== undefined) return `the alert ${alert.id} was not resolved`
    if (this.#inspection) return 'inspection mode was on'
    return liveOverrides(this.#line.overrides, target).length > 0 ? 'an override was in force' : null
  }

  #advance(record: AdvancedRecord, at: number): string | null {
    const gate = this.#gate
    const isItsGate =
      gate?.eventIndex === record.gateEvent &&
      gate.record.verdict === 'pass' &&
      gate.record.target === record.to &&
      gate.record.evidenceSha256 === record.evidenceSha256 &&
      gate.record.proxySet.sha256 === record.proxySet.sha256
    if (!isItsGate) return 'TE was moved without its gate'
    const against = this.#against(gate.record)
    if (against !== null) return `TE was moved although ${against}`
    return this.#haltFault() ?? this.#line.advance(record, this.#records.ctt, at)
  }

  #override(record: OverriddenRecord, at: number): string | null {
    return this.#haltFault() ?? this.#line.override(record, this.#records.ctt, at)
  }

  #haltFault(): string | null {
    return this.#halt === null ? null : `TE was moved while ${this.#halt.id} halted the market`
  }

  /** The first reason stays: a halt is lifted once, by somebody who read why it began. */
  #raise({ haltId, reason, failedChecks, causeEvent }: HaltRecord, at: number): string | null {
    if (this.#halt === null) this.#halt = { id: haltId, reason, failedChecks, eventIndex: causeEvent ?? at }
    this.#isAnnounced = true
    return null
  }

  #clear({ haltId }: ClearedRecord): string | null {
    if (this.#halt?.id !== haltId) return `no halt ${haltId} was in force`
    this.#halt = null
    this.#isAnnounced = true
    return null
  }

  #inspect(on: boolean): string | null {
    if (this.#inspection === on) return `inspection mode was ${on ? 'on' : 'off'} already`
    this.#inspection = on
    return null
  }
}

/** Whether two verdicts on one session looked at the same: data, limits, calendar and proxy set. */
export function isSameIngest(
  a: Pick<IngestRecord, 'evidenceSha256' | 'previousSession' | 'proxySet'>,
  b: Pick<IngestRecord, 'evidenceSha256' | 'previousSession' | 'proxySet'>,
): boolean {
  return (
    a.evidenceSha256 === b.evidenceSha256 &&
    a.previousSession === b.previousSession &&
    a.proxySet.sha256 === b.proxySet.sha256
  )
}

function defect({ event_index, event_type, market }: ChainEvent, says: string): OperatingError {
  return new OperatingError(
    `folding the chain of ${market}: event ${event_index} (${event_type}) cannot be: ${says}; ` +
      'nothing is decided on top of it, report it and keep the file as it is',
    { code: 'CHAIN_BROKEN' },
  )
}
