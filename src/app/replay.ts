/**
 * Does the journal still give the candles that were published? Folds a day's journal again, as live did,
 * and publishes into another lake (`--out`) or a temporary one; the same journal gives the same bytes,
 * and every difference from what the lake's manifest lists is named.
 */
import { CandleFold } from '../candles/fold.ts'
import type { CandleColumns } from '../domain/candle.ts'
import type { MarketDate, Minute } from '../domain/time.ts'
import { makeTempDir, removeDir } from '../platform/durable.ts'
import { takeLock } from '../platform/lock.ts'
import { entriesByPath, type ManifestEntry, readManifest } from '../store/manifest.ts'
import { createPublisher, type Publisher } from '../store/publish.ts'
import { foldDay } from './fold-journal.ts'
import { INDIA, indiaCalendar, indiaDay, lockDir, venue } from './india-day.ts'
import { warnOfDate } from './market-date.ts'
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
  /**
   * Files whose bytes equal what the lake lists; that differ, or that the lake lists and the journal does not
   * give; that the lake does not list.
   */
  readonly equalCount: number
  readonly different: readonly string[]
  readonly unlisted: readonly string[]
  /** Places where journal entries are damaged or missing. */
  readonly damageCount: number
  readonly outDir: string | null
}

/**
 * Throws JOURNAL_MISSING when the day has no journal. Needs no lock to compare; to write into a lake it takes
 * that lake's, and so can give a lake its missing parts back.
 */
export async function replayDay(context: IndiaContext, options: ReplayOptions): Promise<ReplayResult> {
  const { outDir } = options
  if (outDir === undefined) {
    const tempDir = makeTempDir('chandler-replay-')
    try {
      return await replayInto(context, options, tempDir)
    } finally {
      removeDir(tempDir)
    }
  }
  const lock = takeLock(lockDir(outDir), INDIA)
  try {
    return await replayInto(context, options, outDir)
  } finally {
    lock.release()
  }
}

async function replayInto(context: IndiaContext, options: ReplayOptions, dir: string): Promise<ReplayResult> {
  const { config, log } = context
  const day = indiaDay(options.date)
  warnOfDate(indiaCalendar(config), day.date, log)
  // Before the journal is read: beside a worker, every file listed here then stems from an entry read below.
  const listed = entriesByPath(readManifest(config.dataDir, day))
  const minutes: ReplayedMinute[] = []
  let seq = 0
  const fold = new CandleFold({
    venue,
    lateness: 'live',
    onCandles: (minute, columns) => {
      const minutesBefore = minute - fold.minuteRange().from
      minutes.push({ minute, columns, journalSeq: seq, minutesBefore, rowCount: columns.rowCount })
    },
  })
  const read = foldDay(context, day.date, [fold], { onEntry: (next) => (seq = next) })
  const publisher = await createPublisher({ dataDir: dir, market: INDIA, note: (text) => log.warn(text) })
  try {
    await publishMinutes(fold, minutes, publisher, options)
  } finally {
    await publisher.end()
  }
  return {
    date: day.date,
    entryCount: read.entryCount,
    packetCount: fold.packetCount(),
    candleCount: minutes.reduce((sum, { rowCount }) => sum + rowCount, 0),
    minuteCount: minutes.length,
    ...compare(listed, entriesByPath(readManifest(dir, day))),
    damageCount: read.damages.length,
    outDir: options.outDir ?? null,
  }
}

type ReplayedMinute = {
  readonly minute: Minute
  readonly columns: CandleColumns
  readonly journalSeq: number
  readonly minutesBefore: number
  /** The columns are empty once they were handed over. */
  readonly rowCount: number
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
  for (const one of minutes) {
    publication.add(one)
    // One at a time: the columns of a whole day would wait in memory otherwise.
    await publication.drained()
  }
  if (failure !== undefined) throw failure
}

type Listed = ReadonlyMap<string, ManifestEntry>

function compare(
  live: Listed,
  replayed: Listed,
): Pick<ReplayResult, 'equalCount' | 'different' | 'unlisted'> {
  let equalCount = 0
  const different: string[] = []
  const unlisted: string[] = []
  for (const [path, { kind, sha256 }] of replayed) {
    if (!isOfMinute(kind)) continue
    const listed = live.get(path)
    if (listed === undefined) unlisted.push(path)
    else if (listed.sha256 === sha256) equalCount++
    else different.push(path)
  }
  for (const [path, { kind }] of live) if (isOfMinute(kind) && !replayed.has(path)) different.push(path)
  return { equalCount, different, unlisted }
}

function isOfMinute(kind: ManifestEntry['kind']): boolean {
  return kind === 'part' || kind === 'momentum'
}
