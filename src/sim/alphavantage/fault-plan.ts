/**
 * Which faults meet this question? Whether it is met by chance depends on the seed, the fault and how many
 * questions came before, so that the same questions in the same order meet the same faults.
 */
import { DAY_MS, SECOND_MS, type UnixMs } from '../../domain/time.ts'
import { chanceOf } from '../prng.ts'
import type { BatchFault, BatchFaultKind } from './faults.ts'
import { newYork } from './trading-days.ts'

export type Asked = { readonly symbol: string; readonly function: string }

type Scheduled = { readonly fault: BatchFault; readonly firstMs: number; metCount: number }

export class BatchFaultPlan {
  readonly #all: readonly Scheduled[]
  readonly #seed: number
  #questionCount = 0

  constructor(faults: readonly BatchFault[], startMs: UnixMs, seed: number) {
    this.#seed = seed
    this.#all = faults.map((fault) => ({ fault, firstMs: firstMsOf(fault, startMs), metCount: 0 }))
  }

  /**
   * The first fault of the plan that meets the question, for each kind. To be asked once for each question.
   */
  meet(asked: Asked, nowMs: UnixMs): ReadonlyMap<BatchFaultKind, BatchFault> {
    this.#questionCount += 1
    const met = new Map<BatchFaultKind, BatchFault>()
    for (const [position, scheduled] of this.#all.entries()) {
      const { fault } = scheduled
      if (met.has(fault.kind) || !isActive(scheduled, nowMs) || !isMeant(fault, asked)) continue
      if (scheduled.metCount >= (fault.times ?? Number.POSITIVE_INFINITY)) continue
      if (chanceOf(this.#seed + position * 7_919, this.#questionCount, 0) >= fault.share) continue
      scheduled.metCount += 1
      met.set(fault.kind, fault)
    }
    return met
  }

  /** When a fault began to act. */
  firstMsOf(fault: BatchFault): UnixMs {
    const scheduled = this.#all.find((one) => one.fault === fault)
    if (scheduled === undefined) throw new Error('a fault of another plan')
    return scheduled.firstMs as UnixMs
  }
}

function firstMsOf({ at }: BatchFault, startMs: UnixMs): number {
  if (typeof at === 'number') return startMs + at
  const momentMs = newYork.utcOf(`${newYork.dateOf(startMs)} ${at}`)
  // The hour that a spring change skips: nothing happens in it.
  return momentMs ?? startMs + DAY_MS
}

function isActive({ fault, firstMs }: Scheduled, nowMs: number): boolean {
  const sinceMs = nowMs - firstMs
  if (sinceMs < 0) return false
  const inRoundMs = fault.every === undefined ? sinceMs : sinceMs % (fault.every * SECOND_MS)
  return fault.for === undefined || inRoundMs < fault.for * SECOND_MS
}

function isMeant(fault: BatchFault, asked: Asked): boolean {
  if (fault.symbols !== undefined && !fault.symbols.includes(asked.symbol)) return false
  return fault.functions === undefined || fault.functions.some((name) => name === asked.function)
}
