/**
 * What should an operator look at? Passive automation only: a monitor is a pure function from facts to
 * suggestions. It has no file, no clock, no bus and no way to act, and that is the whole enforcement: what a
 * suggestion recommends is done by a person, or not at all. The chain keeps each suggestion once; its `key`
 * says what it is about, so that looking a hundred times leaves the record of looking once.
 *
 * A monitor may become an automator only by an entry of the decision ledger (`ledger.ts`). None has one.
 */
import type { Json } from '../domain/event.ts'
import type { MarketDate, UnixMs } from '../domain/time.ts'

/** Facts of one market at one moment; null means not known, and nothing is suggested about it. */
export type MonitorFacts = {
  readonly market: string
  readonly atMs: UnixMs
  /** The session that is on; null between sessions. */
  readonly session: MarketDate | null
  /** Today in the market, with or without a session. */
  readonly today: MarketDate
  readonly feed: {
    readonly shardCount: number
    readonly liveCount: number
    /** Since anything at all arrived. */
    readonly silentMs: number
    /** Since a tick arrived. */
    readonly tickSilentMs: number
    readonly silentMaxMs: number
    readonly tickSilentMaxMs: number
    readonly openGaps: readonly { readonly fromMs: UnixMs; readonly reason: string }[]
    readonly packetCount: number
    readonly lateCount: number
  } | null
  /** Ours minus the vendor's, as its answers are dated; whole seconds at best. */
  readonly clockDriftMs: number | null
  readonly disk: { readonly freeBytes: number; readonly warnBytes: number; readonly stopBytes: number } | null
  readonly permits: { readonly leftToday: number; readonly perDay: number; readonly wishCount: number } | null
  readonly queue: {
    readonly waitingCount: number
    readonly parkedCount: number
    readonly universeCount: number
  } | null
  readonly calendar: { readonly verifiedThrough: MarketDate; readonly daysLeft: number }
  readonly chain: { readonly status: string; readonly says: string } | null
  /** How many sessions CTT is ahead of TE. */
  readonly truth: {
    readonly driftSessions: number
    readonly driftSessionsMax: number
    readonly halted: boolean
  } | null
}

export type Suggestion = {
  readonly monitor: MonitorName
  /** What it is about, without numbers that change: the same matter has the same key. */
  readonly key: string
  readonly level: 'info' | 'warn'
  /** True: look now. An escalation, and still only a word. */
  readonly isUrgent: boolean
  readonly text: string
  /** What the operator may run. */
  readonly command: string
  readonly evidence: { readonly [name: string]: Json }
}

export type MonitorName =
  | 'feed_stalled'
  | 'feed_mute'
  | 'gap_open'
  | 'lateness_rising'
  | 'clock_drift'
  | 'disk_filling'
  | 'permits_low'
  | 'queue_growing'
  | 'calendar_ending'
  | 'chain_unverified'
  | 'truth_drifting'

type Finding = Omit<Suggestion, 'monitor'>
type Monitor = (facts: MonitorFacts) => Finding | null

const LATE_RATIO_MAX = 0.01
const LATE_PACKETS_MIN = 1_000
const CLOCK_DRIFT_MAX_MS = 2_000
/** A TOTP code lives for 30 s: logins fail from here on. */
const CLOCK_DRIFT_URGENT_MS = 20_000
const GAP_URGENT_MS = 120_000
const QUEUE_RATIO_MAX = 0.1
const CALENDAR_DAYS_MIN = 45
const CALENDAR_DAYS_URGENT = 7

export const MONITORS: Readonly<Record<MonitorName, Monitor>> = {
  feed_stalled({ feed, session, market }) {
    if (feed === null || session === null || feed.silentMs <= feed.silentMaxMs) return null
    return {
      key: session,
      level: 'warn',
      isUrgent: feed.silentMs > 4 * feed.silentMaxMs,
      text: `the feed has been silent for ${seconds(feed.silentMs)} (limit ${seconds(feed.silentMaxMs)})`,
      command: `chandler status --market ${market}`,
      evidence: { silent_ms: Math.round(feed.silentMs), limit_ms: feed.silentMaxMs },
    }
  },

  feed_mute({ feed, session, market }) {
    if (feed === null || session === null || feed.tickSilentMs <= feed.tickSilentMaxMs) return null
    // A feed that is silent altogether is the other monitor's matter.
    if (feed.silentMs > feed.silentMaxMs) return null
    return {
      key: session,
      level: 'warn',
      isUrgent: feed.tickSilentMs > 4 * feed.tickSilentMaxMs,
      text: `the feed answers but sent no tick for ${seconds(feed.tickSilentMs)}; a holiday, or a halt?`,
      command: `chandler status --market ${market}`,
      evidence: { tick_silent_ms: Math.round(feed.tickSilentMs), limit_ms: feed.tickSilentMaxMs },
    }
  },

  gap_open({ feed, session, atMs, market }) {
    const oldest = feed?.openGaps[0]
    if (session === null || oldest === undefined) return null
    const openMs = atMs - oldest.fromMs
    return {
      key: `${session} ${new Date(oldest.fromMs).toISOString()}`,
      level: 'warn',
      isUrgent: openMs > GAP_URGENT_MS,
      text: `a gap (${oldest.reason}) is open for ${seconds(openMs)}; its minutes will not say complete`,
      command: `chandler status --market ${market}`,
      evidence: { reason: oldest.reason, open_count: feed!.openGaps.length },
    }
  },

  lateness_rising({ feed, session, market }) {
    if (feed === null || session === null || feed.packetCount < LATE_PACKETS_MIN) return null
    const ratio = feed.lateCount / feed.packetCount
    if (ratio <= LATE_RATIO_MAX) return null
    return {
      key: session,
      level: 'warn',
      isUrgent: ratio > 10 * LATE_RATIO_MAX,
      text: `${(ratio * 100).toFixed(1)} % of the packets came after their minute was finalised`,
      command: `chandler status --market ${market}`,
      evidence: { late: feed.lateCount, packets: feed.packetCount },
    }
  },

  clock_drift({ clockDriftMs, today }) {
    if (clockDriftMs === null || Math.abs(clockDriftMs) <= CLOCK_DRIFT_MAX_MS) return null
    return {
      key: today,
      level: 'warn',
      isUrgent: Math.abs(clockDriftMs) > CLOCK_DRIFT_URGENT_MS,
      text:
        `this clock is ${seconds(Math.abs(clockDriftMs))} ${clockDriftMs > 0 ? 'ahead of' : 'behind'} ` +
        "the vendor's; candles end by our clock",
      command: 'timedatectl status',
      evidence: { drift_ms: Math.round(clockDriftMs) },
    }
  },

  disk_filling({ disk, today }) {
    if (disk === null || disk.freeBytes >= disk.warnBytes) return null
    return {
      key: today,
      level: 'warn',
      isUrgent: disk.freeBytes < 2 * disk.stopBytes,
      text: `${mebibytes(disk.freeBytes)} free; ingestion ends below ${mebibytes(disk.stopBytes)}`,
      command: 'chandler eod',
      evidence: { free_bytes: disk.freeBytes, warn_bytes: disk.warnBytes },
    }
  },

  permits_low({ permits, today, market }) {
    if (permits === null || permits.wishCount <= permits.leftToday) return null
    return {
      key: today,
      level: 'info',
      isUrgent: false,
      text: `${permits.wishCount} requests wanted, ${permits.leftToday} of ${permits.perDay} left today`,
      command: `chandler status --market ${market}`,
      evidence: { wanted: permits.wishCount, left: permits.leftToday },
    }
  },

  queue_growing({ queue, today, market }) {
    if (queue === null) return null
    const { waitingCount, parkedCount, universeCount } = queue
    const isMany = waitingCount > QUEUE_RATIO_MAX * universeCount
    if (!isMany && parkedCount === 0) return null
    return {
      key: `${today} ${parkedCount === 0 ? 'waiting' : 'parked'}`,
      level: isMany ? 'warn' : 'info',
      isUrgent: false,
      text: `${waitingCount} failed requests wait for the retry pass, ${parkedCount} are parked`,
      command: `chandler batch retry --market ${market}`,
      evidence: { waiting: waitingCount, parked: parkedCount, universe: universeCount },
    }
  },

  calendar_ending({ calendar }) {
    if (calendar.daysLeft >= CALENDAR_DAYS_MIN) return null
    return {
      key: calendar.verifiedThrough,
      level: 'warn',
      isUrgent: calendar.daysLeft < CALENDAR_DAYS_URGENT,
      text: `the calendar is verified through ${calendar.verifiedThrough} only; then weekdays count as open`,
      command: 'chandler sod',
      evidence: { verified_through: calendar.verifiedThrough },
    }
  },

  chain_unverified({ chain, market }) {
    if (chain === null || chain.status === 'VERIFIED') return null
    return {
      key: `${chain.status} ${chain.says}`,
      level: 'warn',
      isUrgent: true,
      text: `the event chain is ${chain.status}: ${chain.says}`,
      command: `chandler audit verify --market ${market}`,
      evidence: { status: chain.status },
    }
  },

  truth_drifting({ truth, today, market }) {
    if (truth === null || truth.driftSessions <= truth.driftSessionsMax) return null
    return {
      key: today,
      level: truth.halted ? 'warn' : 'info',
      isUrgent: false,
      text: `canonical data is ${truth.driftSessions} sessions ahead of the truth epoch`,
      command: `chandler epoch status --market ${market}`,
      evidence: { sessions: truth.driftSessions, limit: truth.driftSessionsMax },
    }
  },
}

/** What all monitors find, in the order of their names' table. */
export function suggestionsOf(facts: MonitorFacts): readonly Suggestion[] {
  return Object.entries(MONITORS).flatMap(([monitor, look]) => {
    const finding = look(facts)
    return finding === null ? [] : [{ ...finding, monitor: monitor as MonitorName }]
  })
}

/**
 * Those that the chain does not hold yet. `known` holds `identityOf` of what was suggested before: the same
 * matter is told again only when it became urgent.
 */
export function newSuggestions(
  suggestions: readonly Suggestion[],
  known: ReadonlySet<string>,
): readonly Suggestion[] {
  return suggestions.filter((suggestion) => !known.has(identityOf(suggestion)))
}

export function identityOf({
  monitor,
  key,
  isUrgent,
}: Pick<Suggestion, 'monitor' | 'key' | 'isUrgent'>): string {
  return JSON.stringify([monitor, key, isUrgent])
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / 1_048_576).toLocaleString('en')} MiB`
}
