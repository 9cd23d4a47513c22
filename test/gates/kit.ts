/**
 * What the tests of truth share: a chain in memory, verdicts, definitions; sessions are consecutive dates.
 */

import { MarketTruth, type TruthPorts, type TruthShelf } from '../../src/app/truth.ts'
import { ingestAppender } from '../../src/app/truth-ingest.ts'
import type { ChainMark } from '../../src/bus/chain.ts'
import type { ChainEvent, EventDraft, EventPayload, EventType, Json } from '../../src/domain/event.ts'
import type { ProxySet } from '../../src/domain/proxy-set.ts'
import type { MarketDate, UnixMs } from '../../src/domain/time.ts'
import type { VerdictWord } from '../../src/domain/verdict.ts'
import { digestOf } from '../../src/gates/digest.ts'
import { type PolicyReading, readPolicy } from '../../src/gates/policy.ts'
import { parseProxySet } from '../../src/gates/proxy-set.ts'
import { ManualClock } from '../support/manual-clock.ts'

export const MARKET = 'us'
const FIRST_MS = Date.UTC(2026, 0, 1)

/** Session number `index`, from 0 on: every date is one. */
export function session(index: number): MarketDate {
  return new Date(FIRST_MS + index * 86_400_000).toISOString().slice(0, 10) as MarketDate
}

export function proxySet(required: readonly string[], version = '1.0.0', market: string = MARKET): ProxySet {
  const roles = [{ role: 'equity_core', symbols: required }]
  return parseProxySet(
    JSON.stringify({ schema: 'chandler.proxy_set.v1', market, version, roles }),
    'kit.json',
    market,
  )
}

export function policy(
  change: { readonly [key: string]: Json } = {},
  market: string = MARKET,
): PolicyReading {
  return readPolicy(
    JSON.stringify({
      schema: 'chandler.policy.v1',
      market,
      version: '1.0.0',
      strategies: [{ id: 'observe', eligible: true, mode: 'shadow', roles: ['equity_core'] }],
      limits: {
        riskPerPositionRatio: 0.01,
        riskTotalRatio: 0.05,
        positionsMax: 20,
        positionSizeRatioMax: 0.1,
        grossExposureRatioMax: 1,
      },
      ...change,
    }),
    'policy.json',
  )
}

export type VerdictChange = {
  readonly verdict?: VerdictWord
  readonly symbols?: readonly string[]
  /** Another number is other evidence. */
  readonly evidence?: number
  readonly previous?: MarketDate | null
  readonly market?: string
}

/** A verdict on session number `index`, as gate 1 writes it into the chain. */
export function ingestPayload(index: number, set: ProxySet, change: VerdictChange = {}): EventPayload {
  const { verdict = 'pass', symbols = set.required, evidence = 0, market = MARKET } = change
  const previousSession = change.previous === undefined ? session(index - 1) : change.previous
  const { version, sha256, required } = set
  return {
    gate: 'ingest',
    rules: 'test',
    market,
    session: session(index),
    previousSession,
    verdict,
    checks: [{ check: 'schema', outcome: verdict, says: `it is ${verdict}` }],
    files: [],
    symbols,
    evidenceSha256: digestOf({ index, verdict, symbols, evidence, previousSession, required }),
    proxySet: { version, sha256, required },
  }
}

export function ingestDraft(index: number, set: ProxySet, change: VerdictChange = {}): EventDraft {
  return {
    type: 'gate.ingest',
    atMs: Date.parse(`${session(index)}T21:00:00Z`) as UnixMs,
    actor: 'system:gate',
    payload: ingestPayload(index, set, change),
  }
}

/** Where a crash was told to happen. */
export class Crash extends Error {}

/**
 * A chain and a shelf in memory. `crashAfter` counts down durable steps (an event, a snapshot): when none is
 * left, the next step does not happen and everything after it neither, as after kill -9.
 */
export class MemoryLake {
  readonly events: ChainEvent[] = []
  readonly files: Map<string, string> = new Map()
  readonly clock: ManualClock = new ManualClock(FIRST_MS)
  readonly market: string
  crashAfter: number = Number.POSITIVE_INFINITY
  stepCount = 0

  constructor(market: string = MARKET) {
    this.market = market
  }

  append(draft: EventDraft): ChainEvent {
    this.#step()
    const { type, atMs, actor, payload } = draft
    const event = memoryEvent(this.market, this.events.length, type, payload, actor, atMs)
    this.events.push(event)
    return event
  }

  ports(): TruthPorts {
    const shelf: TruthShelf = {
      read: (name) => this.files.get(name) ?? null,
      put: (name, text) => {
        this.#step()
        this.files.set(name, text)
      },
      remove: (name) => {
        this.#step()
        this.files.delete(name)
      },
    }
    const events = this.events
    const mark = (): ChainMark => ({ eventIndex: events.length - 1, checksum: '', sizeBytes: events.length })
    return {
      market: this.market,
      clock: this.clock,
      shelf,
      chain: {
        exclusively: (work) => work((draft) => this.append(draft)),
        *events(after?: ChainMark) {
          yield* events.slice((after?.eventIndex ?? -1) + 1)
        },
        head: mark,
        writeSnapshot: (fold) => {
          const text = JSON.stringify(fold)
          if (this.files.get('state-snapshot.json') === text) return
          this.#step()
          this.files.set('state-snapshot.json', text)
        },
      },
    }
  }

  truth(): MarketTruth {
    return new MarketTruth(this.ports())
  }

  ingest(index: number, set: ProxySet, change: VerdictChange = {}): ChainEvent {
    return ingestAppender(this.truth(), set)(ingestDraft(index, set, { market: this.market, ...change }))
  }

  #step(): void {
    if (this.crashAfter <= 0) throw new Crash()
    this.crashAfter--
    this.stepCount++
  }
}

/** Not linked by checksums: the fold does not look at them, the chain's own tests do. */
export function memoryEvent(
  market: string,
  index: number,
  type: EventType,
  payload: EventPayload,
  actor = 'system:test',
  atMs: number = FIRST_MS,
): ChainEvent {
  const text = JSON.stringify(payload)
  return {
    schema_version: 'chandler.event.v1',
    event_index: index,
    event_id: `${market}-${index}`,
    event_type: type,
    market,
    event_time: new Date(atMs).toISOString(),
    recorded_at: new Date(atMs).toISOString(),
    actor,
    payload: JSON.parse(text) as EventPayload,
    previous_checksum: '',
    checksum: `checksum-${index}`,
  }
}
