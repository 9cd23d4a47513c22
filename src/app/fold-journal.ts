/** What does a day's journal say? Feeds its entries, in order, to one or more folds. */
import type { CandleFold } from '../candles/fold.ts'
import { type Damage, readSegments } from '../journal/reader.ts'

export type JournalRead = {
  readonly entryCount: number
  readonly lastSeq: number
  /** Where entries are damaged or missing; the folds saw everything else. */
  readonly damages: readonly Damage[]
}

export type JournalReadOptions = {
  /** Called before each entry is folded. */
  readonly onEntry?: (seq: number) => void
}

export function foldJournal(
  dir: string,
  folds: readonly CandleFold[],
  options: JournalReadOptions = {},
): JournalRead {
  const damages: Damage[] = []
  let entryCount = 0
  let lastSeq = 0
  for (const frame of readSegments(dir, { onDamage: (damage) => damages.push(damage) })) {
    options.onEntry?.(frame.seq)
    const { type, count, bytes, view, payloadOffset, payloadLength } = frame
    for (const fold of folds) fold.entry(type, count, bytes, view, payloadOffset, payloadLength)
    entryCount++
    lastSeq = frame.seq
  }
  return { entryCount, lastSeq, damages }
}
