/** How does long work show itself? On stderr, so that stdout stays the command's answer. */
import { createProgress, type Progress } from '../terminal/progress.ts'
import type { Runtime } from './runtime.ts'

export type CommandProgress = {
  readonly update: (doneCount: number, totalCount: number) => void
  readonly stop: () => void
}

/** The bar appears with the first step, when the total is known. */
export function progressOf(runtime: Runtime, label: string, unit: string): CommandProgress {
  let progress: Progress | undefined
  return {
    update: (doneCount, totalCount) => {
      progress ??= createProgress({ ...runtime, output: process.stderr, label, unit, totalCount })
      progress.update(doneCount)
    },
    stop: () => progress?.stop(),
  }
}
