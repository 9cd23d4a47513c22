/**
 * Which faults act on this packet, this socket, this moment? Whether a packet is met depends on the
 * seed, the fault and the packet alone, so the same packets are met in every run.
 */
import { DAY_MS, SECOND_MS, type UnixMs } from '../../domain/time.ts'
import { chanceOf } from '../prng.ts'
import type { Fault, FaultKind } from './faults.ts'
import { istDateOf, istMidnight } from './ist.ts'

export type FaultCounts = Readonly<Partial<Record<FaultKind, number>>>

type Scheduled = {
  readonly fault: Fault
  readonly position: number
  readonly firstMs: number
  readonly everyMs: number | null
  readonly lengthMs: number
}

/** Kinds that happen at a moment instead of lasting. */
const MOMENTARY: ReadonlySet<FaultKind> = new Set(['disconnect', 'token_expiry'])
const PACKET_KINDS: ReadonlySet<FaultKind> = new Set([
  'drop',
  'mute',
  'stall',
  'duplicate',
  'reorder',
  'late',
  'corrupt',
  'wrong_length',
  'falling_volume',
])

export type Moment = { readonly atMs: number; readonly position: number; readonly fault: Fault }

export class FaultPlan {
  /** Whether any fault could ever act on a packet: spares the question for each. */
  readonly touchesPackets: boolean
  readonly #lasting: readonly Scheduled[]
  readonly #onPackets: readonly Scheduled[]
  readonly #momentary: { scheduled: Scheduled; nextMs: number }[]
  readonly #seed: number
  readonly #counts: Partial<Record<FaultKind, number>> = {}

  constructor(faults: readonly Fault[], startMs: UnixMs, seed: number) {
    const all = faults.map((fault, position) => schedule(fault, position, startMs))
    this.#seed = seed
    this.#lasting = all.filter(({ fault }) => !MOMENTARY.has(fault.kind))
    this.#onPackets = all.filter(({ fault }) => PACKET_KINDS.has(fault.kind))
    this.#momentary = all
      .filter(({ fault }) => MOMENTARY.has(fault.kind))
      .map((scheduled) => ({ scheduled, nextMs: firstFrom(scheduled, startMs) }))
    this.touchesPackets = this.#onPackets.length > 0
  }

  counts(): FaultCounts {
    return { ...this.#counts }
  }

  count(kind: FaultKind, by = 1): void {
    this.#counts[kind] = (this.#counts[kind] ?? 0) + by
  }

  /** The first fault of the kind that acts at the moment. */
  active<Kind extends FaultKind>(kind: Kind, atMs: number): Extract<Fault, { readonly kind: Kind }> | null {
    for (const scheduled of this.#lasting) {
      if (scheduled.fault.kind === kind && isActive(scheduled, atMs)) {
        return scheduled.fault as Extract<Fault, { readonly kind: Kind }>
      }
    }
    return null
  }

  /** Faults that meet this packet, in the file's order. `identity` tells an instrument's packets apart. */
  onPacket(atMs: number, token: string, instrument: number, identity: number): readonly Fault[] {
    let met: Fault[] | null = null
    for (const scheduled of this.#onPackets) {
      const { fault, position } = scheduled
      if (!isActive(scheduled, atMs)) continue
      if ('tokens' in fault && fault.tokens !== undefined && !fault.tokens.includes(token)) continue
      if ('share' in fault && this.chance(position, identity, instrument) >= fault.share) continue
      met ??= []
      met.push(fault)
    }
    return met ?? NONE
  }

  chance(position: number, first: number, second: number): number {
    return chanceOf(this.#seed + position * 7_919, first, second)
  }

  /** When the next momentary fault is due, Infinity without one. */
  nextMomentMs(): number {
    let nextMs = Number.POSITIVE_INFINITY
    for (const momentary of this.#momentary) nextMs = Math.min(nextMs, momentary.nextMs)
    return nextMs
  }

  /** Takes the momentary faults that are due at `atMs`, each once. */
  takeMoments(atMs: number): readonly Moment[] {
    const due: Moment[] = []
    for (const momentary of this.#momentary) {
      while (momentary.nextMs <= atMs) {
        const { fault, position, everyMs } = momentary.scheduled
        due.push({ atMs: momentary.nextMs, position, fault })
        momentary.nextMs = everyMs === null ? Number.POSITIVE_INFINITY : momentary.nextMs + everyMs
      }
    }
    return due.sort((a, b) => a.atMs - b.atMs)
  }
}

const NONE: readonly Fault[] = []

function schedule(fault: Fault, position: number, startMs: UnixMs): Scheduled {
  const forSeconds = 'for' in fault ? fault.for : undefined
  return {
    fault,
    position,
    firstMs: typeof fault.at === 'number' ? startMs + fault.at : momentOfDay(fault.at, startMs),
    everyMs: fault.every === undefined ? null : fault.every * SECOND_MS,
    lengthMs: forSeconds === undefined ? Number.POSITIVE_INFINITY : forSeconds * SECOND_MS,
  }
}

function momentOfDay(text: string, startMs: UnixMs): number {
  const timeMs = Date.parse(`1970-01-01T${text}Z`)
  return istMidnight(istDateOf(startMs)) + (timeMs % DAY_MS)
}

/** A moment that had passed before the stand-in began does not happen. */
function firstFrom({ firstMs, everyMs }: Scheduled, startMs: number): number {
  if (firstMs >= startMs) return firstMs
  if (everyMs === null) return Number.POSITIVE_INFINITY
  return firstMs + Math.ceil((startMs - firstMs) / everyMs) * everyMs
}

function isActive({ firstMs, everyMs, lengthMs }: Scheduled, atMs: number): boolean {
  const sinceMs = atMs - firstMs
  if (sinceMs < 0) return false
  return (everyMs === null ? sinceMs : sinceMs % everyMs) < lengthMs
}
