/**
 * Which file does a row of US history lie in? The key of a row (symbol and time) alone decides, for ever: no
 * row moves, so a glob over the lake meets each row once, whatever was published a moment ago.
 *
 * Two forces shape the files. A new session touches every symbol at the end of time; a dividend touches one
 * symbol and all of its past, because `adj_close` is adjusted backwards. One file per year would be rewritten
 * whole for a single dividend; one file per symbol would be rewritten 8,000 times for a single session. So
 * daily candles lie in a grid: 256 groups of symbols (about 31 of 8,000) by era. All years to 2025 are one
 * era, because they change only when a symbol's past does; each later year is its own. A day in the life of
 * 8,000 symbols with 20 years then rewrites the running year (at most 2 M rows) and the groups of some 80
 * symbols with an ex-date (27 % of the past), instead of 40 M rows. Bars of 5 minutes are not adjusted: 32
 * groups by month.
 *
 * Staging is laid out by the hour (UTC) of the fetch: an hour is staged whole and never again unless a later
 * answer of the same hour appears. Nothing depends on when curation ran, so a rebuild gives the same files.
 */
import { crc32 } from 'node:zlib'
import { HOUR_MS, type MarketDate, type UnixMs } from '../domain/time.ts'

export type FrequencyName = '1d' | '5m'

export type Frequency = {
  readonly name: FrequencyName
  /** Neighbouring groups of symbols that share the file of an era: files are `GROUP_COUNT` by it, by eras. */
  readonly groupsPerSlot: number
  readonly barMs: number
  /** SQL: the era of a time in unix ms. */
  readonly eraSql: (column: string) => string
}

export const GROUP_COUNT = 256
/** Parts in which a large fold is done. */
export const UNIT_COUNT = 16

const YEARLY_SINCE_MS = Date.UTC(2026, 0, 1)

export const DAILY: Frequency = {
  name: '1d',
  groupsPerSlot: 1,
  barMs: 24 * HOUR_MS,
  eraSql: (column) =>
    `case when ${column} < ${YEARLY_SINCE_MS} then 'to-2025'
          else strftime(make_timestamp(${column} * 1000), '%Y') end`,
}

export const FIVE_MINUTES: Frequency = {
  name: '5m',
  groupsPerSlot: 8,
  barMs: 300_000,
  eraSql: (column) => `strftime(make_timestamp(${column} * 1000), '%Y-%m')`,
}

export const FREQUENCIES: readonly Frequency[] = [DAILY, FIVE_MINUTES]

export function groupOf(symbol: string): number {
  return crc32(symbol) % GROUP_COUNT
}

export function slotOf(group: number, { groupsPerSlot }: Frequency): number {
  return Math.floor(group / groupsPerSlot)
}

/** `2026-01-02/20260102T21`: the date of the fetch in the market, the hour of the fetch in UTC. */
export type BatchName = string

export function batchNameOf(date: MarketDate, fetchedAtMs: UnixMs): BatchName {
  const hour = new Date(fetchedAtMs).toISOString().slice(0, 13).replaceAll('-', '')
  return `${date}/${hour}`
}

export type StagedKind = 'answers' | 'actions' | FrequencyName

export function stagedPath(market: string, kind: StagedKind, batch: BatchName): string {
  const room = kind === '1d' || kind === '5m' ? `ohlcv/frequency=${kind}` : kind
  return `staging/${market}/${room}/fetched=${batch}.parquet`
}

/** One file of the grid. */
export type Slot = { readonly era: string; readonly slot: number }

export function slotRoot(market: string, kind: 'candles' | 'vintages', frequency: Frequency): string {
  return `analytics/${market}/${kind}/frequency=${frequency.name}`
}

export function slotPath(
  market: string,
  kind: 'candles' | 'vintages',
  frequency: Frequency,
  at: Slot,
): string {
  return `${slotRoot(market, kind, frequency)}/${at.era}/${String(at.slot).padStart(3, '0')}.parquet`
}

export function actionsPath(market: string): string {
  return `analytics/${market}/actions/actions.parquet`
}

export function claimsPath(market: string): string {
  return `analytics/${market}/vintages/actions/claims.parquet`
}

export function findingsPath(market: string): string {
  return `analytics/${market}/findings/findings.parquet`
}

export function reportPath(market: string, name: 'findings' | 'restatements'): string {
  return `analytics/${market}/${name}.json`
}

export function markerPath(market: string): string {
  return `analytics/${market}/curation.json`
}

export function curationTempDir(market: string): string {
  return `.tmp/${market}/curation`
}
