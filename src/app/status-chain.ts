/**
 * What does a market's chain say, to somebody who looks again and again? Read and verified when it has grown
 * since the last look, and not otherwise.
 */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type ChainReport, verifyChain } from '../bus/verify-chain.ts'
import type { ChainEvent } from '../domain/event.ts'
import type { JobRecord } from '../domain/job.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'
import type { TruthState } from '../domain/truth.ts'
import { foldTruth } from '../gates/state.ts'
import type { WatchSuggestion } from '../terminal/watch-snapshot.ts'
import { chainDir } from './chain.ts'
import { recordOf } from './job-plan.ts'
import { type Market, type TruthContext, truthOf } from './truth-market.ts'

export type ChainLook = {
  readonly report: ChainReport
  /** Null where the chain cannot be folded. */
  readonly truth: TruthState | null
  /** How each planned job ended, by its id. */
  readonly records: ReadonlyMap<string, JobRecord>
  /** The first session of which there is such a record. */
  readonly firstSession: MarketDate | null
  /** Oldest first. */
  readonly suggestions: readonly WatchSuggestion[]
  /** The last few, newest first. */
  readonly events: readonly { readonly atMs: UnixMs; readonly text: string }[]
}

const EVENTS_SHOWN = 40

export class ChainReading {
  readonly #context: TruthContext
  readonly #market: Market
  #sizeBytes = -1
  #look: ChainLook | null = null

  constructor(context: TruthContext, market: Market) {
    this.#context = context
    this.#market = market
  }

  look(): ChainLook {
    const dir = chainDir(this.#context.config.dataDir, this.#market)
    const file = join(dir, 'events.jsonl')
    const sizeBytes = existsSync(file) ? statSync(file).size : 0
    if (this.#look !== null && this.#sizeBytes === sizeBytes) return this.#look
    const report = verifyChain({ dir, market: this.#market })
    // A line that is being written is no event yet; what stands before it is sound.
    const isSound = report.status === 'VERIFIED' || report.status === 'TORN_TAIL'
    const events = isSound ? truthOf(this.#context, this.#market).events() : []
    this.#sizeBytes = sizeBytes
    const records = events.flatMap((event) => recordOf(event) ?? [])
    const [firstSession = null] = records.map(({ session }) => session).toSorted()
    this.#look = {
      report,
      truth: isSound ? foldTruth(this.#market, events).state() : null,
      records: new Map(records.map((record) => [record.id, record])),
      firstSession,
      suggestions: events.flatMap(suggestionOf),
      events: events.slice(-EVENTS_SHOWN).toReversed().map(lineOf),
    }
    return this.#look
  }
}

function suggestionOf({ event_type, event_time, payload }: ChainEvent): readonly WatchSuggestion[] {
  const { text, command, urgent } = payload
  if (event_type !== 'suggestion' || typeof text !== 'string') return []
  const atMs = Date.parse(event_time) as UnixMs
  return [{ atMs, isUrgent: urgent === true, text, command: typeof command === 'string' ? command : '' }]
}

/** What kind of fact it is, and of what its payload says the words that name its matter. */
function lineOf({ event_type, event_time, payload }: ChainEvent): ChainLook['events'][number] {
  const words = ['planned', 'job', 'symbol', 'session', 'epochId', 'verdict', 'outcome', 'reason', 'text']
  const said = words.map((word) => payload[word]).filter((value) => typeof value === 'string')
  const isRepeated = typeof payload.planned === 'string'
  const told = isRepeated ? said.filter((value) => value !== payload.session) : said
  return { atMs: Date.parse(event_time) as UnixMs, text: [event_type, ...told].join(' ') }
}
