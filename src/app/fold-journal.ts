/** What does a day's journal say? Feeds its entries, in order, to one or more folds. */
import type { CandleFold } from '../candles/fold.ts'
import { OperatingError } from '../domain/error.ts'
import { decodeFact, ENTRY_FACT, type Fact } from '../domain/fact.ts'
import type { MarketDate } from '../domain/time.ts'
import type { JournalPlace } from '../journal/place.ts'
import { type Damage, readSegments } from '../journal/reader.ts'
import type { Log } from '../platform/log.ts'
import { indiaJournalDir } from './india-day.ts'
import type { IndiaContext } from './vendor.ts'

export type JournalRead = {
  readonly entryCount: number
  readonly lastSeq: number
  /** Where entries are damaged or missing; the folds saw everything else, and took the rest for a gap. */
  readonly damages: readonly Damage[]
}

export type JournalReadOptions = {
  /** Called before each entry is folded. */
  readonly onEntry?: (seq: number) => void
  /** Called after a fact is folded; packets are not told. */
  readonly onFact?: (fact: Fact) => void
  /** Only the entries after this one, which recovery has found in its place: the folds know the others. */
  readonly after?: JournalPlace | undefined
}

export function foldJournal(
  dir: string,
  folds: readonly CandleFold[],
  options: JournalReadOptions = {},
): JournalRead {
  const damages: Damage[] = []
  const onDamage = (damage: Damage): void => {
    damages.push(damage)
    if (damage.missing !== null) for (const fold of folds) fold.missed()
  }
  let entryCount = 0
  let lastSeq = options.after?.seq ?? 0
  for (const frame of readSegments(dir, { onDamage, after: options.after })) {
    options.onEntry?.(frame.seq)
    const { type, count, bytes, view, payloadOffset, payloadLength } = frame
    for (const fold of folds) fold.entry(type, count, bytes, view, payloadOffset, payloadLength)
    if (type === ENTRY_FACT && options.onFact !== undefined) {
      options.onFact(decodeFact(bytes.subarray(payloadOffset, payloadOffset + payloadLength)))
    }
    entryCount++
    lastSeq = frame.seq
  }
  return { entryCount, lastSeq, damages }
}

/**
 * The same for a command that is about the day. Damage is told and read over; throws JOURNAL_MISSING where
 * there is no journal, and JOURNAL_CORRUPT where no beginning of a run is readable.
 */
export function foldDay(
  context: IndiaContext,
  date: MarketDate,
  folds: readonly CandleFold[],
  options: JournalReadOptions = {},
): JournalRead {
  const { config, log } = context
  const dir = indiaJournalDir(config, date)
  const read = foldJournal(dir, folds, options)
  tellDamages(log, read)
  if (read.entryCount === 0) {
    throw new OperatingError(
      `reading the journal of ${date}: there is none under ${config.dataDir}; check --date and --data-dir`,
      { code: 'JOURNAL_MISSING' },
    )
  }
  if (folds.some((fold) => fold.startFact() === null)) {
    throw new OperatingError(
      `reading the journal of ${date} in ${dir}: no entry that begins a run is readable, so nobody can say ` +
        'whose packets these are; run `chandler verify`',
      { code: 'JOURNAL_CORRUPT' },
    )
  }
  return read
}

export function tellDamages(log: Log, { damages }: JournalRead): void {
  for (const damage of damages) log.error('journal damaged', { ...damage, missing: String(damage.missing) })
}
