/**
 * Which symbols are listed? The weekly job: one listing of the vendor, kept as it came, becomes the universe
 * of its date, with what changed since the one before. A listing that lost too much is kept, too, and
 * refused.
 */
import { listRawAnswers, readRawAnswer } from '../batch/raw-answers.ts'
import { selectUniverse, type Universe } from '../batch/universe.ts'
import { refuseShrunken, universeDiff } from '../batch/universe-diff.ts'
import { readUniverse, type UniverseFile, writeUniverse } from '../batch/universe-file.ts'
import type { BatchWish, RawAnswer } from '../domain/batch.ts'
import { OperatingError } from '../domain/error.ts'
import type { EventPayload } from '../domain/event.ts'
import { type JobWork, runBatchJob } from './batch-job.ts'
import type { BatchOutcome } from './batch-outcome.ts'
import type { UsContext, UsDesk } from './us-desk.ts'
import { usVenue } from './us-market.ts'
import { universeDir } from './us-universe.ts'

const LISTING: BatchWish = { function: 'LISTING_STATUS', symbol: '', variant: 'active', format: 'csv' }

export async function runSymbols(context: UsContext): Promise<BatchOutcome> {
  return await runBatchJob(context, { job: 'symbols', alerts: false }, (desk) => chooseUniverse(desk))
}

async function chooseUniverse(desk: UsDesk): Promise<JobWork> {
  const nowMs = desk.context.clock.wallMs()
  const work = { symbol: '', wishes: () => [LISTING], sinceMs: nowMs }
  const run = desk.newRun()
  await run.askAll([work], () => {})
  const refusal = run.failed.get('')
  if (refusal !== undefined) {
    // Run again it asks for a newer one; the second pass through the queue has no use for it.
    desk.queue.settle(LISTING)
    throw new OperatingError(
      `choosing the universe: the listing was not had (${refusal.kind}: ${refusal.message}), so the ` +
        'universe before stays in force; run the job again later',
      { code: 'BATCH_FAILED', retryable: true },
    )
  }
  if (run.earlyEnd !== null) return { run, works: [work] }
  const file = universeOf(desk, newestListing(desk))
  writeUniverse(universeDir(desk.context.config), file)
  return { run, works: [work], says: saysOf(file), details: detailsOf(file) }
}

function newestListing({ context, calendar }: UsDesk): RawAnswer {
  const listings = listRawAnswers(context.config.dataDir, calendar.zone).answers.filter(
    ({ wish }) => wish.function === LISTING.function && wish.variant === LISTING.variant,
  )
  const newest = listings.toSorted((a, b) => a.fetchedAtMs - b.fetchedAtMs).at(-1)
  if (newest === undefined) throw new Error('the listing was kept and is not there')
  return newest
}

function universeOf({ context, calendar }: UsDesk, listing: RawAnswer): UniverseFile {
  const { config } = context
  const read = usVenue.readListing(listing.wish, readRawAnswer(config.dataDir, listing))
  if (!read.ok) {
    throw new OperatingError(
      `choosing the universe: ${listing.path} cannot be read (${read.refusal.message}); ` +
        'the universe before stays in force; run the job again later',
      { code: 'BATCH_FAILED', retryable: true },
    )
  }
  const universe: Universe = selectUniverse(read.value, config.markets.us.batch)
  const date = calendar.dateOf(listing.fetchedAtMs)
  const before = readUniverse(universeDir(config))
  refuseShrunken(before?.entries ?? [], universe.entries)
  // A second run on a date tells the change since the date before, like the first.
  const since = before?.date === date ? readUniverse(universeDir(config), date) : before
  return {
    schema: 'chandler.universe.v1',
    date,
    fetchedAtMs: listing.fetchedAtMs,
    listing: listing.path,
    excluded: universe.excluded,
    since: since?.date ?? null,
    diff: universeDiff(since?.entries ?? [], universe.entries),
    entries: universe.entries,
  }
}

function saysOf({ entries, since, diff }: UniverseFile): string {
  const { listed, delisted, renamed } = diff
  const change =
    since === null
      ? 'the first universe'
      : `since ${since} ${listed.length} listed, ${delisted.length} delisted, ${renamed.length} renamed`
  return `${entries.length} symbols; ${change}`
}

function detailsOf({ entries, date, since, excluded, diff }: UniverseFile): EventPayload {
  return {
    universe: date,
    symbolCount: entries.length,
    since,
    excluded: { ...excluded },
    listedCount: diff.listed.length,
    delistedCount: diff.delisted.length,
    renamed: diff.renamed.map(({ from, to }) => `${from} -> ${to}`),
  }
}
