/**
 * Does the journal still give the candles that were published? Folds a day's journal again, as live did,
 * and publishes into another lake (`--out`) or a temporary one; the same journal gives the same bytes,
 * and every difference from what the lake's manifest lists is named.
 */
import { CandleFold } from '../candles/fold.ts'
import type { CandleColumns } from '../domain/candle.ts'
import { OperatingError } from '../domain/error.ts'
import type { MarketDate, Minute } from '../domain/time.ts'
import { makeTempDir, removeDir } from '../platform/durable.ts'
import { entriesByPath, readManifest } from '../store/manifest.ts'
import { createPublisher, type Publisher } from '../store/publish.ts'
import { foldJournal } from './fold-journal.ts'
import { INDIA, indiaDay, indiaJournalDir, venue } from './india-day.ts'
import { Publication } from './publication.ts'
import type { IndiaContext } from './vendor.ts'

export type ReplayOptions = {
  readonly date: string
  /** Root of another lake to write into; undefined for a comparison only. */
  readonly outDir: string | undefined
  readonly onProgress: (doneCount: number, totalCount: number) => void
}

export type ReplayResult = {
  readonly date: MarketDate
  readonly entryCount: number
  readonly packetCount: number
  readonly candleCount: number
  readonly minuteCount: number
  /** Files whose bytes equal what the lake lists; that differ; that the lake does not list. */
  readonly equalCount: number
  readonly different: readonly string[]
  readonly unlisted: readonly string[]
  /** Places where journal entries are damaged or missing. */
  readonly damageCount: number
  readonly outDir: string | null
}

/** Throws JOURNAL_MISSING when the day has no journal. Does not need the lock: it changes nothing. */
export async function replayDay(context: IndiaContext, options: ReplayOptions): Promise<ReplayResult> {
  const { config, log } = context
  const day = indiaDay(options.date)
  const outDir = options.outDir ?? makeTempDir('chandler-replay-')
  const publisher = await createPublisher({ dataDir: outDir, market: INDIA, note: (text) => log.warn(text) })
  try {
    const minutes: ReplayedMinute[] = []
    const fold = new CandleFold({
      venue,
      lateness: 'live',
      onCandles: (minute, columns) => minutes.push({ minute, columns, journalSeq: seq }),
    })
    let seq = 0
    const read = foldJournal(indiaJournalDir(config, day.date), [fold], { onEntry: (next) => (seq = next) })
    if (read.entryCount === 0) throw noJournal(context, day.date)
    await publishMinutes(fold, minutes, publisher, options)
    const compared = compare(config.dataDir, outDir, day)
    return {
      date: day.date,
      entryCount: read.entryCount,
      packetCount: fold.packetCount(),
      candleCount: minutes.reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0),
      minuteCount: minutes.length,
      ...compared,
      damageCount: read.damages.length,
      outDir: options.outDir ?? null,
    }
  } finally {
    await publisher.end()
    if (options.outDir === undefined) removeDir(outDir)
  }
}

type ReplayedMinute = {
  readonly minute: Minute
  readonly columns: CandleColumns
  readonly journalSeq: number
  rowCount?: number
}

export function noJournal(context: IndiaContext, date: MarketDate): OperatingError {
  return new OperatingError(
    `reading the journal of ${date}: there is none under ${context.config.dataDir}; ` +
      'check --date and --data-dir',
    { code: 'JOURNAL_MISSING' },
  )
}

async function publishMinutes(
  fold: CandleFold,
  minutes: readonly ReplayedMinute[],
  publisher: Publisher,
  options: ReplayOptions,
): Promise<void> {
  let failure: unknown
  let doneCount = 0
  const start = fold.startFact()!
  const publication = new Publication({
    day: indiaDay(options.date),
    utcOffsetMs: start.utcOffsetMs,
    publisher,
    whenDurable: () => Promise.resolve(),
    published: new Set(),
    onPublished: () => options.onProgress(++doneCount, minutes.length),
    onFailure: (error) => {
      failure ??= error
    },
  })
  publication.setInstruments(fold.instruments())
  const first = fold.minuteRange().from
  for (const one of minutes) {
    one.rowCount = one.columns.rowCount
    publication.add({ ...one, minutesBefore: one.minute - first })
    // One at a time: the columns of a whole day would wait in memory otherwise.
    await publication.drained()
  }
  if (failure !== undefined) throw failure
}

function compare(
  liveDir: string,
  replayDir: string,
  day: ReturnType<typeof indiaDay>,
): Pick<ReplayResult, 'equalCount' | 'different' | 'unlisted'> {
  const live = entriesByPath(readManifest(liveDir, day))
  const replayed = entriesByPath(readManifest(replayDir, day))
  let equalCount = 0
  const different: string[] = []
  const unlisted: string[] = []
  for (const [path, entry] of replayed) {
    const listed = live.get(path)
    if (listed === undefined) unlisted.push(path)
    else if (listed.sha256 === entry.sha256) equalCount++
    else different.push(path)
  }
  return { equalCount, different, unlisted }
}
