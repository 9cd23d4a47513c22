/** What was asked and what came of it? For tests that must know whether anything was asked twice. */
import type { BatchFaultKind } from './faults.ts'

export type QuestionCount = { readonly asked: number; readonly served: number }

export type StandInCounts = {
  readonly askedCount: number
  readonly servedCount: number
  /** By function. */
  readonly served: Readonly<Record<string, number>>
  /** By kind: of the refusal, or of the fault that stood in place of an answer. */
  readonly refused: Readonly<Record<string, number>>
  /** By `TIME_SERIES_DAILY AAPL compact`. */
  readonly questions: Readonly<Record<string, QuestionCount>>
  /** By symbol, over all functions. */
  readonly symbols: Readonly<Record<string, QuestionCount>>
  /** Faults that met a question, by kind. */
  readonly faults: Readonly<Partial<Record<BatchFaultKind, number>>>
}

export class Counts {
  readonly #served = new Map<string, number>()
  readonly #refused = new Map<string, number>()
  readonly #questions = new Map<string, QuestionCount>()
  readonly #symbols = new Map<string, QuestionCount>()
  readonly #faults = new Map<string, number>()

  served(name: string, question: string, symbol: string): void {
    add(this.#served, name)
    this.#ask(question, symbol, 1)
  }

  refused(kind: string, question: string, symbol: string): void {
    add(this.#refused, kind)
    this.#ask(question, symbol, 0)
  }

  fault(kind: BatchFaultKind): void {
    add(this.#faults, kind)
  }

  all(): StandInCounts {
    const servedCount = sum(this.#served)
    return {
      askedCount: servedCount + sum(this.#refused),
      servedCount,
      served: Object.fromEntries(this.#served),
      refused: Object.fromEntries(this.#refused),
      questions: Object.fromEntries(this.#questions),
      symbols: Object.fromEntries(this.#symbols),
      faults: Object.fromEntries(this.#faults),
    }
  }

  #ask(question: string, symbol: string, served: number): void {
    addTo(this.#questions, question, served)
    if (symbol !== '') addTo(this.#symbols, symbol, served)
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

function addTo(counts: Map<string, QuestionCount>, name: string, served: number): void {
  const before = counts.get(name) ?? { asked: 0, served: 0 }
  counts.set(name, { asked: before.asked + 1, served: before.served + served })
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0)
}
