/**
 * Where does what lie? The layout of the lake as pure functions. Every path is relative to the data
 * directory, with forward slashes, so that a manifest stays true when the directory moves. A market,
 * a date or a minute that could leave its folder is refused here, once, for everybody.
 */
import { OperatingError } from '../domain/error.ts'
import { type MarketDate, MINUTE_MS, type Minute } from '../domain/time.ts'

/** One market date of one market: what a manifest and a settle are about. */
export type LakeDay = { readonly market: string; readonly date: MarketDate }

/** A minute as finalised live. `hhmm` is the minute's start in market time. */
export type PartFile = { readonly kind: 'part'; readonly day: LakeDay; readonly hhmm: string }
export type MomentumFile = { readonly kind: 'momentum'; readonly day: LakeDay; readonly hhmm: string }
/** The settled day: the only Parquet file that a later revision may replace. */
export type DayFile = { readonly kind: 'day'; readonly day: LakeDay }
/** The settle report, JSON. */
export type ReportFile = { readonly kind: 'report'; readonly day: LakeDay }
export type LakeFile = PartFile | MomentumFile | DayFile | ReportFile

const PART_NAME = /^(\d{4})\.parquet$/
const DATE_FOLDER = /^date=(\d{4}-\d{2}-\d{2})$/

export function pathOf(file: LakeFile): string {
  switch (file.kind) {
    case 'part':
      return `${partsDir(file.day)}/${checkedHhmm(file.hhmm)}.parquet`
    case 'momentum':
      return `${momentumDir(file.day)}/${checkedHhmm(file.hhmm)}.parquet`
    case 'day':
      return `${settledDir(file.day)}/candles.parquet`
    case 'report': {
      const { market, date } = checkedDay(file.day)
      return `analytics/${market}/reports/date=${date}/settle.json`
    }
  }
}

/** True where a later revision may take the place of the file; a live part is never rewritten. */
export function isReplaceable(file: LakeFile): boolean {
  return file.kind === 'day' || file.kind === 'report'
}

export function partsDir(day: LakeDay): string {
  return `${partsRoot(day.market)}/date=${checkedDay(day).date}`
}

export function momentumDir(day: LakeDay): string {
  const { market, date } = checkedDay(day)
  return `staging/${market}/momentum/date=${date}`
}

export function settledDir(day: LakeDay): string {
  return `${settledRoot(day.market)}/date=${checkedDay(day).date}`
}

/** Holds one folder per date with live parts. */
export function partsRoot(market: string): string {
  return `staging/${checkedMarket(market)}/candles`
}

/** Holds one folder per settled date. */
export function settledRoot(market: string): string {
  return `analytics/${checkedMarket(market)}/candles/frequency=1m`
}

export function journalDir(day: LakeDay): string {
  const { market, date } = checkedDay(day)
  return `raw/${market}/journal/${date}`
}

export function manifestPath(day: LakeDay): string {
  return `${manifestDir(day.market)}/${checkedDay(day).date}.jsonl`
}

export function manifestDir(market: string): string {
  return `raw/${checkedMarket(market)}/manifest`
}

/** On the file system of the lake, or a link could not publish; outside every folder a reader globs. */
export function tempDir(market: string): string {
  return `.tmp/${checkedMarket(market)}`
}

/** The name of a minute's part: its start as HHMM of the market's wall clock. */
export function hhmmOf(minute: Minute, utcOffsetMs: number): string {
  const minutes = minute + Math.round(utcOffsetMs / MINUTE_MS)
  const hour = Math.floor(minutes / 60) % 24
  return String(hour).padStart(2, '0') + String(minutes % 60).padStart(2, '0')
}

/** The HHMM of a part's file name, or null for any other file. */
export function hhmmOfName(name: string): string | null {
  return PART_NAME.exec(name)?.[1] ?? null
}

/** The date of a folder `date=YYYY-MM-DD`, or null for any other folder. */
export function dateOfFolder(name: string): MarketDate | null {
  const date = DATE_FOLDER.exec(name)?.[1]
  return date === undefined ? null : (date as MarketDate)
}

/** Throws USAGE unless `text` is a real date, so that no date names a path outside its folder. */
export function checkedDate(text: string): MarketDate {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || !isRealDate(text)) {
    throw new OperatingError(
      `reading the date ${JSON.stringify(text)}: it is not a date; write it as 2026-07-01`,
      { code: 'USAGE' },
    )
  }
  return text as MarketDate
}

function isRealDate(text: string): boolean {
  const timeMs = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(timeMs) && new Date(timeMs).toISOString().startsWith(text)
}

function checkedDay(day: LakeDay): LakeDay {
  checkedMarket(day.market)
  checkedDate(day.date)
  return day
}

function checkedMarket(market: string): string {
  if (!/^[a-z]{2,8}$/.test(market)) {
    throw new OperatingError(
      `reading the market ${JSON.stringify(market)}: it is not a market; write two to eight small letters`,
      { code: 'USAGE' },
    )
  }
  return market
}

/** A wrong minute can only come from our own code. */
function checkedHhmm(hhmm: string): string {
  if (!/^([01]\d|2[0-3])[0-5]\d$/.test(hhmm)) throw new Error(`not a minute of a day: ${hhmm}`)
  return hhmm
}
