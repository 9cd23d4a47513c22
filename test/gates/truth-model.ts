/**
 * What should be true after any history? A naive model beside the fold: it keeps who passed what as sets and
 * finds CTT by looking through all of it each time, and it keeps TE as an operator would on paper. The steps
 * drive the real desk over a chain in memory that may lose the process before any durable step.
 */
import * as fc from 'fast-check'
import { expect } from 'vitest'
import { advance, override, rollBack } from '../../src/app/epoch-moves.ts'
import { type EpochMeans, recordVerdict } from '../../src/app/gate-epoch.ts'
import { GATE_ACTOR } from '../../src/app/truth.ts'
import { OperatingError } from '../../src/domain/error.ts'
import type { ProxySet } from '../../src/domain/proxy-set.ts'
import type { MarketDate } from '../../src/domain/time.ts'
import type { TruthState } from '../../src/domain/truth.ts'
import { snapshotsOf } from '../../src/gates/snapshots.ts'
import { foldTruth } from '../../src/gates/state.ts'
import { Crash, MemoryLake, policy, proxySet, session } from './kit.ts'

const SYMBOLS = ['SPY', 'QQQ', 'IWM']
export const SETS: readonly ProxySet[] = [
  proxySet(['SPY', 'QQQ'], '1.0.0'),
  proxySet(['SPY'], '1.1.0'),
  proxySet(['QQQ', 'IWM'], '2.0.0'),
]
const POLICY = policy()
const BY = { operator: 'asha', reason: 'a reason of enough substance' }

export type Step =
  | { readonly kind: 'receive' }
  | {
      readonly kind: 'ingest'
      readonly index: number
      readonly verdict: 'pass' | 'fail' | 'review' | 'wait'
      readonly symbols: readonly string[]
      readonly evidence: number
    }
  | { readonly kind: 'decide'; readonly at: number; readonly decision: 'accept' | 'reject' }
  | { readonly kind: 'gate' | 'advance' | 'rollback'; readonly index: number }
  | { readonly kind: 'override'; readonly index: number; readonly carries: number }
  | { readonly kind: 'clear' | 'raise' | 'inspect' | 'alert' | 'resolve' }
  | { readonly kind: 'proxySet'; readonly at: number }

const SESSIONS = 8
const index = fc.integer({ min: 0, max: SESSIONS })
const symbols = fc.oneof(
  { weight: 4, arbitrary: fc.constant(SYMBOLS) },
  { weight: 1, arbitrary: fc.subarray(SYMBOLS) },
)
const verdict = fc.constantFrom<'pass' | 'fail' | 'review' | 'wait'>(
  'pass',
  'pass',
  'pass',
  'review',
  'fail',
  'wait',
)
const bare = (
  ...kinds: readonly ('clear' | 'raise' | 'inspect' | 'alert' | 'resolve')[]
): fc.Arbitrary<Step> => fc.constantFrom(...kinds).map((kind) => ({ kind }))
const one = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ kind: 'receive' }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('ingest' as const),
      index,
      verdict,
      symbols,
      evidence: fc.integer({ min: 0, max: 1 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('decide' as const),
      at: fc.nat(3),
      decision: fc.constantFrom<'accept' | 'reject'>('accept', 'accept', 'reject'),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom<'gate' | 'advance'>('gate', 'advance', 'advance'), index }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rollback' as const), index }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('override' as const),
      index,
      carries: fc.integer({ min: 0, max: 2 }),
    }),
  },
  { weight: 4, arbitrary: bare('clear') },
  { weight: 1, arbitrary: bare('raise', 'inspect', 'inspect', 'alert', 'resolve', 'resolve') },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('proxySet' as const), at: fc.nat(SETS.length - 1) }),
  },
)

/** A step, and after how many durable steps the process is lost within it; null: it is not. */
export type Doomed = { readonly step: Step; readonly crashAfter: number | null }
const crashAfter = fc.oneof({ weight: 7, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(5) })
export const history: fc.Arbitrary<readonly Doomed[]> = fc.array(
  fc.record({ step: one as fc.Arbitrary<Step>, crashAfter }),
  { minLength: 12, maxLength: 24, size: 'max' },
)

const passed = (at: number): Step => ({
  kind: 'ingest',
  index: at * 2 + 1,
  verdict: 'pass',
  symbols: SYMBOLS,
  evidence: 0,
})
/** A market that has been running for a while, so that random steps meet more than its first day. */
export const PRELUDE: readonly Doomed[] = [
  ...Array.from({ length: 5 }, (): Step => ({ kind: 'receive' })),
  passed(0),
  passed(1),
  { kind: 'advance', index: 2 },
  passed(2),
  { kind: 'advance', index: 2 },
].map((step) => ({ step: step as Step, crashAfter: null }))

export type Tally = {
  events: number
  crashes: number
  refusals: number
  advanced: number
  overridden: number
  rolledBack: number
  halts: number
  invalidated: number
}

export function emptyTally(): Tally {
  return {
    events: 0,
    crashes: 0,
    refusals: 0,
    advanced: 0,
    overridden: 0,
    rolledBack: 0,
    halts: 0,
    invalidated: 0,
  }
}

export class World {
  readonly lake: MemoryLake = new MemoryLake()
  #set = SETS[0]!
  /** How many sessions the outside has given us: RDT. */
  #receivedCount = 0
  #checked: TruthState | null = null

  get means(): EpochMeans {
    return { proxySet: this.#set, policy: POLICY, syncsAt: () => [] }
  }

  /** Runs a step as a process would that may be killed within it. */
  run({ step, crashAfter }: Doomed, tally: Tally): void {
    this.lake.crashAfter = crashAfter ?? Number.POSITIVE_INFINITY
    try {
      this.#apply(step)
    } catch (error) {
      if (error instanceof Crash) tally.crashes++
      else if (error instanceof OperatingError && error.code !== 'CHAIN_BROKEN') tally.refusals++
      else throw error
    }
    this.lake.crashAfter = Number.POSITIVE_INFINITY
  }

  /** What must hold whatever happened, half-way through a crash too. */
  check(): TruthState {
    const { lake } = this
    // A step that wrote nothing leaves the same chain, and so the same state.
    if (this.#checked?.eventCount === lake.events.length) return this.#checked
    const state = foldTruth(lake.market, lake.events).state()
    const received = this.#receivedCount === 0 ? null : session(this.#receivedCount - 1)
    // Plain comparisons: they run a hundred thousand times.
    if (state.ctt !== null && (received === null || state.ctt > received)) {
      throw new Error(`CTT ${state.ctt} is beyond RDT ${received}`)
    }
    if (state.epoch !== null && (state.ctt === null || state.epoch.session > state.ctt)) {
      throw new Error(`TE ${state.epoch.session} is beyond CTT ${state.ctt}`)
    }
    const [ctt, te] = [modelCtt(lake), modelEpoch(lake)]
    if (state.ctt !== ctt) throw new Error(`CTT is ${state.ctt}, by the model ${ctt}`)
    if ((state.epoch?.session ?? null) !== te)
      throw new Error(`TE is ${state.epoch?.session}, by the model ${te}`)
    this.#checked = state
    return state
  }

  /** Any turn, even one that decides nothing, makes the files what the fold says. */
  heal(): void {
    this.lake.truth().decide(null, () => {})
    const fold = foldTruth(this.lake.market, this.lake.events)
    for (const { name, text } of snapshotsOf(fold.state(), fold.cttEvent())) {
      expect(this.lake.files.get(name) ?? null).toBe(text)
    }
    expect(fold.owesHaltEvent()).toBe(false)
  }

  /** Mostly where an operator would go, sometimes anywhere. */
  #target(index: number, { ctt, epoch }: TruthState): MarketDate {
    if (index % 4 === 0) return session(index)
    const next = epoch === null ? ctt : (after(epoch.session) as MarketDate)
    return (index % 4 === 1 ? next : ctt) ?? session(index)
  }

  #apply(step: Step): void {
    const { lake } = this
    const truth = lake.truth()
    const state = this.check()
    // Often an operator lifts the halt before going on.
    if (state.halt !== null && 'index' in step && step.index % 2 === 1) this.#brake('clear', state)
    switch (step.kind) {
      case 'receive':
        this.#receivedCount = Math.min(SESSIONS, this.#receivedCount + 1)
        return
      case 'ingest':
        // Mostly the session that is next in line, sometimes any other.
        {
          const next = state.ctt === null ? 0 : numberOf(state.ctt) + 1
          const at = step.index % 2 === 0 ? step.index : next
          if (at < this.#receivedCount) lake.ingest(at, this.#set, step)
        }
        return
      case 'decide': {
        const review = state.reviews[step.at]
        if (review === undefined) return
        const { id: reviewId, session: date, evidenceSha256 } = review
        const record = { reviewId, decision: step.decision, session: date, evidenceSha256, ...BY }
        truth.decide(null, (desk) => desk.record('review.decided', 'operator:asha', record))
        return
      }
      case 'gate':
        truth.decide(this.#set, (desk) => recordVerdict(desk, this.means, this.#target(step.index, state)))
        return
      case 'advance':
        truth.decide(this.#set, (desk) =>
          advance(desk, this.means, this.#target(step.index, state), 'asha', 'advancing'),
        )
        return
      case 'override': {
        const target = this.#target(step.index, state)
        const until = session(numberOf(state.ctt ?? target) + step.carries)
        truth.decide(this.#set, (desk) => override(desk, this.means, target, BY, until, 'overriding'))
        return
      }
      case 'rollback': {
        const target =
          state.epochs[step.index % Math.max(1, state.epochs.length)]?.session ?? session(step.index)
        truth.decide(this.#set, (desk) => rollBack(desk, this.#set, target, BY, 'rolling back'))
        return
      }
      case 'proxySet':
        this.#set = SETS[step.at]!
        return
      default:
        this.#brake(step.kind, state)
    }
  }

  #brake(
    kind: 'clear' | 'raise' | 'inspect' | 'alert' | 'resolve',
    { halt, inspection, alerts }: TruthState,
  ): void {
    const truth = this.lake.truth()
    truth.decide(null, (desk) => {
      if (kind === 'clear' && halt !== null)
        desk.record('halt.cleared', 'operator:asha', { haltId: halt.id, ...BY })
      if (kind === 'inspect') desk.record('inspection.changed', 'operator:asha', { on: !inspection, ...BY })
      if (kind === 'alert') desk.record('alert.raised', GATE_ACTOR, { severity: 'critical', text: 'disk' })
      if (kind === 'resolve' && alerts[0] !== undefined) {
        desk.record('alert.resolved', 'operator:asha', { id: alerts[0].id })
      }
      if (kind === 'raise' && halt === null) {
        const record = {
          haltId: `H-${desk.state().eventCount}`,
          reason: 'stop',
          failedChecks: [],
          causeEvent: null,
        }
        desk.record('halt.raised', 'operator:asha', record)
      }
    })
  }
}

/**
 * By looking through everything: sessions are numbers, so what comes before which one is known without
 * links.
 */
function modelCtt({ events }: MemoryLake): string | null {
  const passed = new Map<string, Set<string>>()
  const began = new Map<string, string>()
  const pending = new Map<
    string,
    { readonly date: string; readonly symbols: readonly string[]; required: string[] }
  >()
  let ctt: string | null = null
  const has = (symbol: string, date: string): boolean => {
    const dates = passed.get(symbol)
    if (dates === undefined) return false
    // Without a gap between the session that began the record and this one, in whichever direction.
    const [from, to] = [date, began.get(symbol)!].toSorted() as [string, string]
    for (let each = from; each <= to; each = after(each)) if (!dates.has(each)) return false
    return true
  }
  const accept = (date: string, symbols: readonly string[], required: readonly string[]): void => {
    for (const symbol of symbols) {
      if (!began.has(symbol)) began.set(symbol, date)
      passed.set(symbol, (passed.get(symbol) ?? new Set()).add(date))
    }
    const dates = Array.from({ length: SESSIONS }, (_, at) => session(at) as string)
    if (ctt === null) {
      const shared = dates.filter((each) => required.every((symbol) => has(symbol, each)))
      // Where one required symbol has ended, only what all still have counts.
      ctt = shared.at(-1) ?? null
    }
    while (ctt !== null && required.every((symbol) => has(symbol, after(ctt!)))) ctt = after(ctt)
  }
  for (const { event_type: type, payload } of events) {
    const date = payload.session as string
    if (type === 'gate.ingest') {
      const symbols = payload.symbols as string[]
      const { required } = payload.proxySet as unknown as { required: string[] }
      for (const [id, review] of pending) if (review.date === date) pending.delete(id)
      if (payload.verdict === 'pass') accept(date, symbols, required)
      if (payload.verdict === 'review')
        pending.set(String(payload.evidenceSha256), { date, symbols, required })
    }
    if (type === 'review.decided') {
      const review = pending.get(String(payload.evidenceSha256))!
      pending.delete(String(payload.evidenceSha256))
      if (payload.decision === 'accept') accept(date, review.symbols, review.required)
    }
  }
  return ctt
}

function modelEpoch({ events }: MemoryLake): string | null {
  const moves = ['epoch.advanced', 'epoch.overridden', 'epoch.rolled_back']
  return (
    (events.findLast(({ event_type }) => moves.includes(event_type))?.payload.to as string | undefined) ??
    null
  )
}

function numberOf(date: string): number {
  return (Date.parse(`${date}T00:00:00Z`) - Date.parse(`${session(0)}T00:00:00Z`)) / 86_400_000
}

function after(date: string): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10)
}

export function count({ events }: MemoryLake, tally: Tally): void {
  const of = (type: string): number => events.filter(({ event_type }) => event_type === type).length
  tally.events += events.length
  tally.advanced += of('epoch.advanced')
  tally.overridden += of('epoch.overridden')
  tally.rolledBack += of('epoch.rolled_back')
  tally.halts += of('halt.raised')
  tally.invalidated += of('epoch.invalidated')
}
