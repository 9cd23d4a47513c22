/**
 * How does the vendor decide about one question? In its order: what is broken in front of it, the key, the
 * rate, what the key may have, whether there is such a symbol; then the answer, recorded or made up.
 */

import type { MarketDate, UnixMs } from '../../domain/time.ts'
import { SECOND_MS } from '../../domain/time.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import type { ServerReply, ServerRequest } from '../../platform/server.ts'
import { tableFor } from './answers.ts'
import type { Company } from './companies.ts'
import { Counts } from './counts.ts'
import { damaged, replyInstead, truncatedJson } from './damage.ts'
import type { BatchFaultPlan } from './fault-plan.ts'
import type { BatchFault, BatchFaultKind } from './faults.ts'
import type { Market } from './market.ts'
import { type Question, questionText, readQuestion } from './question.ts'
import type { Limits, OverLimit, Quota } from './quota.ts'
import type { Recordings } from './recording.ts'
import * as refusals from './refusals.ts'
import { csvReply, jsonReply, type Table } from './tables.ts'
import { newYork } from './trading-days.ts'

export type DeskOptions = {
  readonly clock: Clock
  readonly market: Market
  readonly recordings: Recordings | null
  readonly quota: Quota
  readonly limits: Limits
  readonly plan: BatchFaultPlan
  /** Null: any key but none is good. */
  readonly key: string | null
  readonly entitlement: 'free' | 'premium'
  readonly stamps: 'start' | 'end'
  /** From a question to its answer, in ms of the clock. */
  readonly latencyMs: number
  readonly signal: AbortSignal
  readonly log: Log
}

type Faults = ReadonlyMap<BatchFaultKind, BatchFault>
type Verdict =
  | { readonly refusedAs: string; readonly reply: ServerReply }
  | { readonly refusedAs: null; readonly reply: ServerReply }

/** What the published text names where a plan has no such limit. */
const PER_DAY_NAMED = 25

export class Desk {
  readonly counts: Counts = new Counts()
  readonly #options: DeskOptions
  readonly #perDay: number

  constructor(options: DeskOptions) {
    this.#options = options
    this.#perDay = options.limits.perDay ?? PER_DAY_NAMED
  }

  async answer(request: ServerRequest): Promise<ServerReply> {
    const { clock, plan, latencyMs, signal } = this.#options
    const nowMs = clock.wallMs()
    const asked = askedBy(request.query)
    const faults = plan.meet(asked, nowMs)
    for (const kind of faults.keys()) this.counts.fault(kind)
    const question = readQuestion(request.query)
    const verdict = this.#decide(request.query, question, faults, nowMs)
    const text = question === null ? asked.function : questionText(question)
    if (verdict.refusedAs === null) this.counts.served(asked.function, text, asked.symbol)
    else this.counts.refused(verdict.refusedAs, text, asked.symbol)
    const slow = faults.get('slow')
    const lateMs = latencyMs + (slow?.kind === 'slow' ? slow.by * SECOND_MS : 0)
    if (lateMs > 0) await clock.sleep(lateMs, signal)
    return verdict.reply
  }

  #decide(query: URLSearchParams, question: Question | null, faults: Faults, nowMs: UnixMs): Verdict {
    const key = query.get('apikey') ?? ''
    for (const kind of faults.keys()) {
      const reply = replyInstead(kind, key, this.#perDay)
      if (reply !== null) return { refusedAs: kind, reply }
    }
    const { key: goodKey } = this.#options
    if (key === '' || (goodKey !== null && key !== goodKey)) {
      return { refusedAs: 'key_refused', reply: refusals.keyRefused() }
    }
    const over = this.#options.quota.take(key, nowMs)
    if (over !== null) return { refusedAs: over, reply: this.#overLimit(over) }
    if (question === null) return badCall(query.get('function') ?? '')
    const notEntitled = this.#notEntitled(question)
    if (notEntitled !== null) return { refusedAs: 'not_entitled', reply: notEntitled }
    return this.#decideAnswer(question, faults, nowMs)
  }

  #decideAnswer(question: Question, faults: Faults, nowMs: UnixMs): Verdict {
    const recorded = this.#options.recordings?.find(question) ?? null
    if (recorded !== null) return { refusedAs: null, reply: recordedReply(question, recorded) }
    const company = this.#companyFor(question, faults, nowMs)
    if (company === null && question.function !== 'LISTING_STATUS') return badCall(question.function)
    const table = this.#tableFor(question, company, faults, nowMs)
    if (faults.has('truncated_json')) return { refusedAs: 'truncated_json', reply: truncatedJson(table) }
    return { refusedAs: null, reply: replyOf(question, table) }
  }

  #tableFor(question: Question, company: Company | null, faults: Faults, nowMs: UnixMs): Table {
    const { market, stamps } = this.#options
    const restatedBefore = this.#restatedBefore(faults)
    const table = tableFor({ market, question, company, nowMs, restatedBefore, stamps })
    return [...faults.keys()].reduce(damaged, table)
  }

  #companyFor(question: Question, faults: Faults, nowMs: UnixMs): Company | null {
    const { companies } = this.#options.market
    const today = newYork.dateOf(nowMs)
    const meant = companies.find(question.symbol, today)
    if (meant === null || !faults.has('wrong_symbol')) return meant
    return companies.listed('active', today).find(({ symbol }) => symbol !== meant.symbol) ?? meant
  }

  #restatedBefore(faults: Faults): MarketDate | null {
    const fault = faults.get('restated')
    return fault === undefined ? null : newYork.dateOf(this.#options.plan.firstMsOf(fault))
  }

  #overLimit(over: OverLimit): ServerReply {
    if (over === 'burst') return refusals.burst(this.#perDay)
    if (over === 'day_limit') return refusals.dayLimit(this.#perDay)
    return refusals.minuteLimit(this.#options.limits.perMinute ?? 0, this.#perDay)
  }

  #notEntitled({ function: name, outputSize }: Question): ServerReply | null {
    if (this.#options.entitlement === 'premium') return null
    if (name === 'TIME_SERIES_DAILY_ADJUSTED' || name === 'TIME_SERIES_INTRADAY') {
      return refusals.premiumEndpoint()
    }
    return name === 'TIME_SERIES_DAILY' && outputSize === 'full' ? refusals.premiumOutputSize(name) : null
  }
}

function askedBy(query: URLSearchParams): { readonly symbol: string; readonly function: string } {
  return { symbol: query.get('symbol') ?? '', function: query.get('function') ?? '' }
}

function badCall(name: string): Verdict {
  return { refusedAs: 'bad_symbol', reply: refusals.invalidCall(name) }
}

function replyOf(question: Question, table: Table): ServerReply {
  const isCsv = question.format === 'csv' || question.function === 'LISTING_STATUS'
  return isCsv ? csvReply(table) : jsonReply(table.json(table.rows))
}

function recordedReply(question: Question, body: string): ServerReply {
  const isCsv = question.format === 'csv' || question.function === 'LISTING_STATUS'
  return {
    status: 200,
    headers: { 'Content-Type': isCsv ? 'application/x-download' : 'application/json' },
    body,
  }
}
