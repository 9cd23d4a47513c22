/**
 * In which phase of the day does a moment lie? For each class of instruments the day is cut into
 * consecutive segments (before, continuous, between, closing auction, after); the hot path asks for the
 * segment's number, and two moments with the same number have no other phase between them.
 */
import type { Phases } from '../domain/session.ts'

export const KIND_PRE_OPEN = 0
export const KIND_CONTINUOUS = 1
export const KIND_CLOSING_AUCTION = 2
export const KIND_OTHER = 3

/** Segments of one class: `starts[n]` is where segment n begins; the first begins before all time. */
type Segments = { readonly starts: Float64Array; readonly kinds: Uint8Array }

export class PhaseTable {
  readonly #classes: readonly Segments[]
  /** When the first trade of the day can happen in any class, Unix ms. */
  readonly tradedSinceMs: number
  /** First and last minute of any continuous session; the timer runs from one to the other. */
  readonly continuousFromMs: number
  readonly continuousToMs: number

  /** `used`: the classes that some instrument is of; only they say when the day's sessions begin and end. */
  constructor(phases: readonly Phases[], used: ReadonlySet<number> = new Set(phases.keys())) {
    if (phases.length === 0 || phases.some(({ continuous }) => continuous.length === 0)) {
      throw new Error('a session needs a continuous phase')
    }
    this.#classes = phases.map(segmentsOf)
    const inUse = phases.filter((_, phaseClass) => used.has(phaseClass))
    const continuous = inUse.flatMap((one) => one.continuous)
    this.continuousFromMs = Math.min(...continuous.map(({ fromMs }) => fromMs))
    this.continuousToMs = Math.max(...continuous.map(({ toMs }) => toMs))
    this.tradedSinceMs = Math.min(
      this.continuousFromMs,
      ...inUse.flatMap(({ preOpen }) => (preOpen === null ? [] : [preOpen.fromMs])),
    )
  }

  segmentAt(phaseClass: number, timeMs: number): number {
    const { starts } = this.#classes[phaseClass]!
    let segment = 0
    while (segment + 1 < starts.length && timeMs >= starts[segment + 1]!) segment++
    return segment
  }

  isContinuous(phaseClass: number, timeMs: number): boolean {
    return this.kindOf(phaseClass, this.segmentAt(phaseClass, timeMs)) === KIND_CONTINUOUS
  }

  kindOf(phaseClass: number, segment: number): number {
    return this.#classes[phaseClass]!.kinds[segment]!
  }
}

function segmentsOf(phases: Phases): Segments {
  const starts = [Number.NEGATIVE_INFINITY]
  const kinds = [KIND_PRE_OPEN]
  const push = (startMs: number, kind: number): void => {
    if (starts.at(-1) === startMs) kinds[kinds.length - 1] = kind
    else {
      starts.push(startMs)
      kinds.push(kind)
    }
  }
  for (const { fromMs, toMs } of phases.continuous) {
    push(fromMs, KIND_CONTINUOUS)
    push(toMs, KIND_OTHER)
  }
  if (phases.closingAuction !== null) {
    push(phases.closingAuction.fromMs, KIND_CLOSING_AUCTION)
    push(phases.closingAuction.toMs, KIND_OTHER)
  }
  return { starts: Float64Array.from(starts), kinds: Uint8Array.from(kinds) }
}
