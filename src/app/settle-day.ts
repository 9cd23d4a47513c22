/**
 * What are the final candles of a day? Reads the journal with hindsight, asks the vendor for the minutes
 * that gaps left open, and publishes one file and one report. The vendor's answers are journalled
 * first, so that settling again asks for nothing that is known and gives the same bytes.
 */
import type { Chain } from '../bus/chain.ts'
import { CandleFold } from '../candles/fold.ts'
import { byMinute, historyNeeds, type Settled, settle } from '../candles/settle.ts'
import type { CandleColumns, VendorCandle } from '../domain/candle.ts'
import { messageOf, OperatingError } from '../domain/error.ts'
import { ENTRY_FACT, encodeFact, type Fact } from '../domain/fact.ts'
import type { SettleReport } from '../domain/settle-report.ts'
import {
  type MarketDate,
  type Minute,
  minuteEnd,
  minuteOf,
  minuteStart,
  type UnixMs,
} from '../domain/time.ts'
import { openJournal } from '../journal/journal.ts'
import { journalFloor, readManifest } from '../store/manifest.ts'
import { createPublisher } from '../store/publish.ts'
import type { PublishFacts } from '../store/publish-steps.ts'
import { fetchHistory, type HistoryFact, type HistoryWish } from '../stream/history.ts'
import { chainHeadMember, openMarketChain } from './chain.ts'
import { type LiveFact, recordDay } from './day-events.ts'
import { foldDay } from './fold-journal.ts'
import { INDIA, indiaCalendar, indiaDay, indiaJournalDir, lockIndia, venue } from './india-day.ts'
import { warnOfDate } from './market-date.ts'
import { type HistoryOutcome, settleReport } from './settle-facts.ts'
import { connectVendor, type IndiaContext } from './vendor.ts'

export type SettleOptions = {
  readonly date: string
  readonly onProgress: (doneCount: number, totalCount: number) => void
}

/**
 * Publishes in any case what can be said; a report whose `history.failedCount` is not 0 is of a day that
 * is not fully settled, and settling again asks again for what failed.
 */
export async function settleDay(context: IndiaContext, options: SettleOptions): Promise<SettleReport> {
  const { config } = context
  const { date } = indiaDay(options.date)
  warnOfDate(indiaCalendar(config), date, context.log)
  const lock = lockIndia(config)
  try {
    const live = new Map<Minute, CandleColumns>()
    const replayed = new CandleFold({
      venue,
      lateness: 'live',
      onCandles: (minute, columns) => live.set(minute, columns),
    })
    const fold = new CandleFold({ venue, lateness: 'settle' })
    const lives: LiveFact[] = []
    const onFact = (fact: Fact): void => {
      if (fact.kind === 'live') lives.push(fact)
    }
    const { lastSeq } = foldDay(context, date, [replayed, fold], { onFact })
    fold.end()
    refuseEarly(context, fold, date)
    const { outcome, journalToSeq } = await completeHistory(context, fold, { ...options, lastSeq })
    const settled = settle({ fold, live, vendor: vendorCandles(fold) })
    const report = settleReport(fold, settled, { history: outcome, lateTickCount: replayed.lateCount() })
    const origin = { journalToSeq, ...chainHeadMember(context, INDIA) }
    const published = await publish(context, settled, report, fold, origin)
    const sessionEndMs = minuteStart(fold.minuteRange().to)
    recordDay(indiaChain(context), published, lives, sessionEndMs)
    return published
  } finally {
    lock.release()
  }
}

function indiaChain({ config, clock, log }: IndiaContext): Chain {
  return openMarketChain({ dataDir: config.dataDir, market: INDIA, clock, note: (text) => log.warn(text) })
}

function refuseEarly(context: IndiaContext, fold: CandleFold, date: MarketDate): void {
  const endMs = fold.minuteRange().to * 60_000
  if (context.clock.wallMs() >= endMs) return
  throw new OperatingError(
    `settling ${date}: its session is not over before ${new Date(endMs).toISOString()}; ` +
      'settle after the close',
    { code: 'NOT_FOUND', retryable: true },
  )
}

type Completed = {
  readonly outcome: HistoryOutcome
  /** The last entry that the day rests on. */
  readonly journalToSeq: number
}

/** Fetches and journals what is needed and not yet known; the fold holds it afterwards. */
async function completeHistory(
  context: IndiaContext,
  fold: CandleFold,
  options: SettleOptions & { readonly lastSeq: number },
): Promise<Completed> {
  const wishes = wishesOf(fold)
  if (wishes.length === 0) {
    return { outcome: { askedCount: 0, failedCount: 0, failures: [] }, journalToSeq: options.lastSeq }
  }
  const facts: HistoryFact[] = []
  let failures: readonly string[]
  let journalToSeq = options.lastSeq
  try {
    failures = await askVendor(context, wishes, (fact) => facts.push(fact), options.onProgress)
  } finally {
    // Also when the operator lost patience: what was answered need not be asked again.
    if (facts.length > 0) journalToSeq = await journalHistory(context, fold.date()!, facts)
  }
  for (const fact of facts) fold.fact(fact)
  const outcome = { askedCount: wishes.length, failedCount: wishes.length - facts.length, failures }
  return { outcome, journalToSeq }
}

/** Resolves with one line for each failure; rejects only with the reason of the signal, or for a defect. */
async function askVendor(
  context: IndiaContext,
  wishes: readonly HistoryWish[],
  onFact: (fact: HistoryFact) => void,
  onProgress: SettleOptions['onProgress'],
): Promise<readonly string[]> {
  const { config, clock, log, scrubber } = context
  // They become a file of the lake, and a vendor's words may repeat what it was sent.
  const told = (failure: string): string => scrubber.scrub(failure)
  try {
    const vendor = connectVendor(context, indiaCalendar(config).zone.offsetMs(clock.wallMs()))
    const { failed } = await fetchHistory(wishes, { ...context, ...vendor, venue, onFact, onProgress })
    return failed.map(({ instrument, refusal }) =>
      told(`${instrument.symbol}: ${refusal.code || refusal.kind} ${refusal.message}`),
    )
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error
    log.warn('vendor history not to be had', { why: error.message })
    return [told(messageOf(error))]
  }
}

/** One wish an instrument, from its first open minute to its last, unless the journal knows them all. */
function wishesOf(fold: CandleFold): readonly HistoryWish[] {
  const known = historyByInstrument(fold)
  const wishes: HistoryWish[] = []
  for (const [index, minutes] of historyNeeds(fold)) {
    const instrument = fold.instruments()[index]!
    const facts = known.get(index) ?? []
    const unknown = minutes.filter((minute) => !facts.some((fact) => isAnswerFor(fact, minute)))
    if (unknown.length === 0) continue
    const fromMs = minuteStart(unknown[0]!)
    wishes.push({ instrument, fromMs, toMs: minuteEnd(unknown.at(-1)!) })
  }
  return wishes
}

function historyByInstrument(fold: CandleFold): ReadonlyMap<number, readonly HistoryFact[]> {
  const facts = new Map<number, HistoryFact[]>()
  for (const fact of fold.history) {
    const index = fold.indexOf(fact.instrument)
    if (index === undefined) continue
    const known = facts.get(index)
    if (known === undefined) facts.set(index, [fact])
    else known.push(fact)
  }
  return facts
}

/**
 * Asked so soon after a minute's end, the vendor may not have the minute yet, or not all of it: such an
 * answer is used where there is no better one, but it does not stop us from asking again.
 */
const VENDOR_READY_MS = 60_000

function isAnswerFor({ fromMs, toMs, atMs }: HistoryFact, minute: Minute): boolean {
  const startMs = minuteStart(minute)
  return fromMs <= startMs && startMs < toMs && atMs >= minuteEnd(minute) + VENDOR_READY_MS
}

/** Resolves with the last entry's number when all are durable. */
async function journalHistory(
  context: IndiaContext,
  date: MarketDate,
  facts: readonly HistoryFact[],
): Promise<number> {
  const { config, simulation } = context
  const { appender } = await openJournal({
    dir: indiaJournalDir(config, date),
    floorSeq: journalFloor(readManifest(config.dataDir, { market: INDIA, date })),
    ballastBytes: 0,
    ...(simulation === undefined ? {} : { simulation }),
  })
  for (const fact of facts) {
    const payload = encodeFact(fact)
    await appender.whenRoom(payload.byteLength)
    if (appender.append(ENTRY_FACT, payload) < 0) throw new Error('the journal had room and took nothing')
  }
  await appender.close()
  return appender.committedSeq()
}

function vendorCandles(fold: CandleFold): ReadonlyMap<number, ReadonlyMap<Minute, VendorCandle>> {
  const candles = new Map<number, Map<Minute, VendorCandle>>()
  for (const fact of fold.history) {
    const index = fold.indexOf(fact.instrument)
    const answer = venue.parseHistory({ status: 200, headers: {}, body: fact.body })
    if (index === undefined || !answer.ok) continue
    // The answer may hold more than was asked for: some vendors want a longer span for a single minute.
    const closed = answer.value.filter(
      ({ timestampMs }) =>
        fact.fromMs <= timestampMs && timestampMs < fact.toMs && isWhole(timestampMs, fact.atMs),
    )
    const known = candles.get(index) ?? new Map<Minute, VendorCandle>()
    for (const [minute, candle] of byMinute(closed)) known.set(minute, candle)
    candles.set(index, known)
  }
  return candles
}

/** The vendor also answers with the candle of the minute that is still running; it is not a candle yet. */
function isWhole(timestampMs: UnixMs, askedMs: UnixMs): boolean {
  return minuteEnd(minuteOf(timestampMs)) <= askedMs
}

/** The day first, then the report that names it. */
async function publish(
  context: IndiaContext,
  settled: Settled,
  facts: SettleReport,
  fold: CandleFold,
  origin: PublishFacts,
): Promise<SettleReport> {
  const { config, log } = context
  const day = indiaDay(facts.date)
  const publisher = await createPublisher({
    dataDir: config.dataDir,
    market: INDIA,
    note: (text) => log.warn(text),
  })
  try {
    publisher.setInstruments(fold.instruments())
    const { columns } = settled
    const file = await publisher.publish({ file: { kind: 'day', day }, columns, ...origin })
    const { path, sizeBytes, rowCount, sha256 } = file
    const report: SettleReport = { ...facts, file: { path, sizeBytes, rowCount, sha256: sha256! } }
    await publisher.publish({ file: { kind: 'report', day }, report, ...origin })
    return report
  } finally {
    await publisher.end()
  }
}
