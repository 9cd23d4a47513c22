/**
 * Which chain, calendar, proxy set and policy belong to a market, and up to when has the outside told us
 * anything? What the commands of truth are given, for each market alike; nothing of one market is read for
 * another, but its epoch by gate 3.
 */
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describeChain } from '../bus/verify-chain.ts'
import { type Calendar, isSession } from '../calendars/calendar.ts'
import { lastFinalDate } from '../calendars/finality.ts'
import type { Config } from '../config.ts'
import { messageOf, OperatingError } from '../domain/error.ts'
import type { ProxySet } from '../domain/proxy-set.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'
import { type PolicyReading, readPolicy } from '../gates/policy.ts'
import { parseProxySet } from '../gates/proxy-set.ts'
import type { MarketEpoch } from '../gates/sync-gate.ts'
import type { Clock } from '../platform/clock.ts'
import { listNames } from '../platform/durable.ts'
import type { Log } from '../platform/log.ts'
import { readTextFile } from '../platform/text-file.ts'
import { checkedDate } from '../store/lake.ts'
import { verifyAudit } from './audit.ts'
import { openMarketChain } from './chain.ts'
import { INDIA, indiaCalendar } from './india-day.ts'
import { MarketTruth } from './truth.ts'
import { FileShelf } from './truth-shelf.ts'
import { US, usCalendar } from './us-market.ts'
import { journalDates } from './verify.ts'

export type Market = 'in' | 'us'
export const MARKETS: readonly Market[] = [INDIA, US]

export type TruthContext = { readonly config: Config; readonly clock: Clock; readonly log: Log }

/** Throws USAGE for a market that is none. */
export function marketOf(text: string): Market {
  const market = MARKETS.find((known) => known === text)
  if (market !== undefined) return market
  throw new OperatingError(`reading --market: "${text}" is no market; use ${MARKETS.join(' or ')}`, {
    code: 'USAGE',
  })
}

export function otherMarkets(market: Market): readonly Market[] {
  return MARKETS.filter((other) => other !== market)
}

export function calendarOf(config: Config, market: Market): Calendar {
  return market === INDIA ? indiaCalendar(config) : usCalendar(config)
}

export function truthOf({ config, clock, log }: TruthContext, market: Market): MarketTruth {
  const { dataDir } = config
  return new MarketTruth({
    market,
    clock,
    chain: openMarketChain({ dataDir, market, clock, note: (text) => log.warn(text, { market }) }),
    shelf: new FileShelf(join(dataDir, 'truth', market)),
  })
}

/**
 * Nothing is judged on a chain that is not what it was. Throws GATE_REFUSED. A torn tail is no damage: the
 * line never became an event, and the next append sets it aside.
 */
export function requireSoundChain({ config }: TruthContext, market: Market, doing: string): void {
  const report = verifyAudit({ dataDir: config.dataDir, market })
  if (report.status === 'VERIFIED' || report.status === 'TORN_TAIL') return
  throw new OperatingError(
    `${doing}: the event chain is ${describeChain(report)}; nothing was moved, ` +
      `run chandler audit verify --market ${market}`,
    { code: 'GATE_REFUSED' },
  )
}

/**
 * A market as gate 3 sees it. `session` undefined: its TE as its chain has it, read without a lock; else
 * that one.
 */
export function marketEpochOf(
  context: TruthContext,
  market: Market,
  session: MarketDate | null | undefined,
): MarketEpoch {
  const calendar = calendarOf(context.config, market)
  const epoch = session === undefined ? truthOf(context, market).read().state().epoch : null
  return {
    market,
    session: session === undefined ? (epoch?.session ?? null) : session,
    isSession: (date) => isSession(calendar.sessionOn(date)),
  }
}

/** Turns a chain that cannot be folded into a refusal, for commands that move TE. */
export function refusingBroken<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof OperatingError) || error.code !== 'CHAIN_BROKEN') throw error
    throw new OperatingError(error.message, { code: 'GATE_REFUSED', cause: error })
  }
}

/** Throws PROXY_SET_INVALID. */
export function proxySetOf(config: Config, market: Market): ProxySet {
  const path = orShipped(config.markets[market].proxySet, `${market}.json`, 'proxy-sets', market)
  return parseProxySet(textOf(path, 'PROXY_SET_INVALID', 'the proxy set'), path, market)
}

/** Throws POLICY_INVALID for a file that is absent or no JSON; what it states is for the gate to judge. */
export function policyOf(config: Config, market: Market): PolicyReading {
  const path = orShipped(config.markets[market].gates.policy, `policy.${market}.json`, 'policies', market)
  return readPolicy(textOf(path, 'POLICY_INVALID', 'the policy'), path)
}

/**
 * A newcomer who configured nothing gets what is shipped; a file that somebody chose must be there. The name
 * tells the two apart: it is the default's, and nobody has put a file there.
 */
function orShipped(path: string, defaultName: string, folder: string, market: Market): string {
  if (existsSync(path) || basename(path) !== defaultName) return path
  return fileURLToPath(new URL(`../../${folder}/${market}.json`, import.meta.url))
}

function textOf(path: string, code: 'PROXY_SET_INVALID' | 'POLICY_INVALID', what: string): string {
  try {
    return readTextFile(path)
  } catch (error) {
    throw new OperatingError(
      `reading ${what} ${path}: ${messageOf(error)}; check the path in the configuration, nothing was moved`,
      { code, cause: error },
    )
  }
}

const RAW_STAMP = /_(\d{8})T?(\d{6})(\d{3})?Z?\.(?:csv|json)\.zst$/

/**
 * The newest session of which the outside has given us anything, and when it did; measured from what lies in
 * `raw`, never decided. A moment is known for the US only, where each answer's name holds it.
 */
export function rawSessionOf(config: Config, market: Market): MarketDate | null {
  if (market === INDIA) return journalDates(config).at(-1) ?? null
  const fetchedMs = rawTimeMsOf(config)
  return fetchedMs === null ? null : lastFinalDate(usCalendar(config), fetchedMs)
}

/** When the newest answer of the US vendor was received. */
export function rawTimeMsOf(config: Config): UnixMs | null {
  const root = join(config.dataDir, 'raw', US)
  const dates = listNames(root).filter((name) => /^\d{4}-\d{2}-\d{2}$/.test(name))
  for (const date of dates.toSorted().reverse()) {
    const stamps = listNames(join(root, date)).flatMap((name) => {
      const match = RAW_STAMP.exec(name)
      return match === null ? [] : [`${match[1]}${match[2]}${match[3] ?? '000'}`]
    })
    const newest = stamps.toSorted().at(-1)
    if (newest === undefined) continue
    const [, year, month, day, hour, minute, second, ms] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})$/
      .exec(newest)!
      .map(Number) as number[]
    return Date.UTC(year!, month! - 1, day!, hour!, minute!, second!, ms!) as UnixMs
  }
  return null
}

/**
 * A session that may be asked about: it exists, and something of it was received. Throws USAGE for a text
 * that is no date, GATE_REFUSED for a date without a session or without data. None of these is a verdict, so
 * none halts.
 */
export function checkedTarget(
  { config }: TruthContext,
  market: Market,
  text: string,
  ctt: MarketDate | null,
  doing: string,
): MarketDate {
  const date = checkedDate(text)
  const refuse = (why: string): OperatingError =>
    new OperatingError(`${doing}: ${why}; nothing was moved`, { code: 'GATE_REFUSED' })
  const day = calendarOf(config, market).sessionOn(date)
  if (!isSession(day)) {
    throw refuse(`${date} has no session (${day.reason}), the next one is ${day.nextDate}`)
  }
  const raw = rawSessionOf(config, market)
  const newest = raw === null || (ctt !== null && ctt > raw) ? ctt : raw
  if (newest === null) throw refuse(`nothing was ever received of ${market}`)
  if (date > newest) throw refuse(`nothing was received of ${date} yet, the newest data are of ${newest}`)
  return date
}
