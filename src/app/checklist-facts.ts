/** What do both checklists read from the disk? Locks, chain, truth, disk; nothing is changed. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { verifyChain } from '../bus/verify-chain.ts'
import { OperatingError } from '../domain/error.ts'
import type { ChainEvent } from '../domain/event.ts'
import type { MarketDate } from '../domain/time.ts'
import type { TruthState } from '../domain/truth.ts'
import { foldTruth, type TruthFold } from '../gates/state.ts'
import { freeBytesAt, listNames } from '../platform/durable.ts'
import { takeLock } from '../platform/lock.ts'
import { pathOf } from '../store/lake.ts'
import { chainDir } from './chain.ts'
import type { ChainFacts, DiskFacts, IngestWord } from './checklist-items.ts'
import { INDIA, lockDir } from './india-day.ts'
import { type Market, rawSessionOf, type TruthContext, truthOf } from './truth-market.ts'
import { usLockDir } from './us-market.ts'

export type Truth = {
  readonly chain: ChainFacts
  /** Empty where the chain cannot be trusted. */
  readonly events: readonly ChainEvent[]
  readonly state: TruthState | null
  wordOn(session: MarketDate): IngestWord
}

export function readTruth(context: TruthContext, market: Market): Truth {
  const { flaw, status, eventCount } = verifyChain({
    dir: chainDir(context.config.dataDir, market),
    market,
  })
  const says = flaw === null ? '' : `event ${flaw.index}: ${flaw.says}`
  const chain = { status, eventCount, says }
  if (status !== 'VERIFIED' && status !== 'TORN_TAIL')
    return { chain, events: [], state: null, wordOn: () => null }
  const events = truthOf(context, market).events()
  const fold = foldTruth(market, events)
  return { chain, events, state: fold.state(), wordOn: (session) => wordOf(fold, session) }
}

function wordOf(fold: TruthFold, session: MarketDate): IngestWord {
  const verdict = fold.ingestVerdictOf(session)
  if (verdict === null) return null
  const { ctt, reviews } = fold.state()
  const isWaiting = reviews.some((review) => review.session === session)
  // The fold keeps the gate's own word: a review that was accepted shows in CTT only.
  const isAccepted = verdict.verdict === 'review' && !isWaiting && ctt !== null && ctt >= session
  return {
    verdict: isAccepted ? 'pass' : verdict.verdict,
    says: verdict.checks.flatMap(({ outcome, says }) => (outcome === 'pass' ? [] : [`${outcome}: ${says}`])),
  }
}

/** Of the disk that the lake will be made on where there is none yet. */
export function diskFacts({ config }: TruthContext): DiskFacts {
  const { dataDir, markets } = config
  const { diskWarnBytes: warnBytes, diskStopBytes: stopBytes } = markets.in.journal
  return { freeBytes: freeBytesAt(existingOf(dataDir)), warnBytes, stopBytes }
}

function existingOf(dir: string): string {
  return existsSync(dir) || dirname(dir) === dir ? dir : existingOf(dirname(dir))
}

/** Whether somebody works on the market's data: the worker, a settle, a batch job. */
export function isMarketHeld({ config }: TruthContext, market: Market): boolean {
  return market === INDIA ? isHeld(lockDir(config.dataDir), INDIA) : isHeld(usLockDir(config), market)
}

export function isDaemonHeld({ config }: TruthContext, market: Market): boolean {
  return isHeld(lockDir(config.dataDir), `daemon-${market}`)
}

/** Tries the lock and gives it back: a kernel lock has no file to look at. */
function isHeld(dir: string, name: string): boolean {
  if (!listNames(dir).includes(`${name}.lock`)) return false
  try {
    takeLock(dir, name).release()
    return false
  } catch (error) {
    if (error instanceof OperatingError && error.code === 'LOCK_HELD') return true
    throw error
  }
}

/** India: the settled file lies there. US: the vendor answered after that session's candle was final. */
export function isSettled({ config }: TruthContext, market: Market, session: MarketDate): boolean {
  if (market === INDIA) {
    return existsSync(join(config.dataDir, pathOf({ kind: 'day', day: { market, date: session } })))
  }
  const newest = rawSessionOf(config, market)
  return newest !== null && newest >= session
}
