/**
 * What is a row of the fault matrix? Something that is broken on purpose, and what must hold all the same.
 */
import type { Need } from './needs.ts'
import type { Place } from './place.ts'

export type Figures = Readonly<Record<string, number | string | boolean | null>>

export type Outcome = {
  readonly figures: Figures
  /** Promises that did not hold, in words; none when all did. */
  readonly broken: readonly string[]
}

export type FaultRow = {
  /** As the matrix counts them. */
  readonly row: number
  readonly name: string
  readonly injects: string
  readonly mustHold: string
  readonly needs: readonly Need[]
  /** Fit for every change: a few seconds. */
  readonly isQuick: boolean
  readonly run: (place: Place) => Promise<Outcome>
}

/** Words say what is broken where their value is false. */
export function brokenOf(promises: Readonly<Record<string, boolean>>): readonly string[] {
  return Object.entries(promises).flatMap(([words, holds]) => (holds ? [] : [words]))
}
