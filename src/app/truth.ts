/**
 * How is a decision about truth made, and made only once? `MarketTruth` is the one way to the chain for
 * whatever moves CTT or TE, halts, or reviews: nobody else appends those types (a test holds that).
 *
 * A decision is one turn at the desk, during which no other process can append: read the chain, fold it,
 * decide on the state, append, and only then show the effect. So what was decided on is still true when it
 * is written, two operators cannot both advance the same epoch, and no alert slips in between a verdict and
 * its move.
 *
 * Each turn begins by paying what an interrupted one owes: the `halt.raised` of a verdict that halted, and
 * `epoch.invalidated` where the proxy set is another than the epoch's. Snapshots are compared with the fold
 * before and after the work and rewritten where they differ, so a kill between an event and its snapshot
 * heals itself. The definition of the proxy set is kept, durably, before the first event that names its
 * hash.
 */
import type { Chain } from '../bus/chain.ts'
import type { AppendEvent, ChainEvent, EventPayload, EventType, Json } from '../domain/event.ts'
import type { ProxySet } from '../domain/proxy-set.ts'
import type { UnixMs } from '../domain/time.ts'
import type { TruthState } from '../domain/truth.ts'
import type { HaltRecord, InvalidatedRecord } from '../gates/payloads.ts'
import { proxySetText } from '../gates/proxy-set.ts'
import { snapshotsOf, stateSnapshot } from '../gates/snapshots.ts'
import { foldTruth, type TruthFold } from '../gates/state.ts'
import type { Clock } from '../platform/clock.ts'

/** Where snapshots and definitions lie; names are relative to the market's folder. */
export interface TruthShelf {
  /** Null where there is no such file. */
  read(name: string): string | null
  /** Atomic and durable when it returns. */
  put(name: string, text: string): void
  remove(name: string): void
}

export type TruthPorts = {
  readonly market: string
  readonly clock: Clock
  readonly chain: Pick<Chain, 'exclusively' | 'events' | 'head' | 'writeSnapshot'>
  readonly shelf: TruthShelf
}

export const GATE_ACTOR = 'system:gate'

export function operatorActor(operator: string): string {
  return `operator:${operator}`
}

export class MarketTruth {
  readonly market: string
  readonly #ports: TruthPorts

  constructor(ports: TruthPorts) {
    this.market = ports.market
    this.#ports = ports
  }

  /** As the chain stands now, without a lock; writes nothing. Throws CHAIN_BROKEN. */
  read(): TruthFold {
    return foldTruth(this.market, this.eachEvent())
  }

  /** Every event, oldest first. Throws CHAIN_BROKEN. */
  events(): readonly ChainEvent[] {
    return [...this.eachEvent()]
  }

  /** The same one at a time: all events of some years, held at once, are more than a gate may take. */
  eachEvent(): Iterable<ChainEvent> {
    return this.#ports.chain.events()
  }

  /**
   * One turn. `proxySet` is null for what must work although the definition cannot be read (lifting a halt,
   * deciding a review). Refusals that follow from what was recorded are for the caller to throw after the
   * turn, so that snapshots are true by then. Throws CHAIN_BROKEN, LOCK_HELD, or what `work` throws.
   */
  decide<Result>(proxySet: ProxySet | null, work: (desk: Desk) => Result): Result {
    const { chain, shelf } = this.#ports
    return chain.exclusively((append) => {
      const desk = new Desk(this.#ports, append, proxySet)
      if (proxySet !== null) keepDefinition(shelf, proxySet)
      desk.payDebts()
      desk.showState()
      const result = work(desk)
      desk.showState()
      return result
    })
  }
}

/** What one turn works with. */
export class Desk {
  readonly proxySet: ProxySet | null
  readonly fold: TruthFold
  readonly #ports: TruthPorts
  readonly #append: AppendEvent
  #mark: ReturnType<Chain['head']>

  constructor(ports: TruthPorts, append: AppendEvent, proxySet: ProxySet | null) {
    this.#ports = ports
    this.#append = append
    this.proxySet = proxySet
    this.fold = foldTruth(ports.market, ports.chain.events())
    this.#mark = ports.chain.head()
  }

  state(): TruthState {
    return this.fold.state()
  }

  /**
   * Durable, and folded, when it returns. `atMs` is the moment that the event is about: that of an
   * operator's act unless said otherwise. The chain may have put events of its own before this one.
   */
  record(type: EventType, actor: string, payload: EventPayload, atMs?: UnixMs): ChainEvent {
    const event = this.#append({ type, atMs: atMs ?? this.#ports.clock.wallMs(), actor, payload })
    for (const each of this.#ports.chain.events(this.#mark)) this.fold.apply(each)
    this.#mark = this.#ports.chain.head()
    return event
  }

  /** What the newest comparison with another market looked at; null: there was none. */
  syncEvidence(other: string): string | null {
    let digest: Json | undefined
    for (const { event_type, payload } of this.#ports.chain.events()) {
      if (event_type === 'gate.sync' && payload.other === other) digest = payload.evidenceSha256
    }
    return typeof digest === 'string' ? digest : null
  }

  payDebts(): void {
    const { halt, epoch } = this.state()
    if (halt !== null && this.fold.owesHaltEvent()) {
      const { id, reason, failedChecks, eventIndex } = halt
      this.record('halt.raised', GATE_ACTOR, {
        haltId: id,
        reason,
        failedChecks,
        causeEvent: eventIndex,
      } satisfies HaltRecord)
    }
    const set = this.proxySet
    if (set === null || epoch === null || epoch.status === 'INVALIDATED') return
    if (epoch.proxySetSha256 === set.sha256) return
    this.record('epoch.invalidated', GATE_ACTOR, {
      epochId: epoch.epochId,
      was: { version: epoch.proxySetVersion, sha256: epoch.proxySetSha256 },
      proxySet: { version: set.version, sha256: set.sha256 },
    } satisfies InvalidatedRecord)
  }

  /** Writes what differs: a repetition costs reads only. */
  showState(): void {
    const { chain, shelf } = this.#ports
    const state = this.state()
    for (const { name, text } of snapshotsOf(state, this.fold.cttEvent())) {
      if (shelf.read(name) === text) continue
      if (text === null) shelf.remove(name)
      else shelf.put(name, text)
    }
    if (state.eventCount > 0) chain.writeSnapshot(stateSnapshot(state), this.#mark)
  }
}

function keepDefinition(shelf: TruthShelf, proxySet: ProxySet): void {
  const name = `proxy-sets/${proxySet.sha256}.json`
  const text = proxySetText(proxySet)
  if (shelf.read(name) !== text) shelf.put(name, text)
}
