/**
 * What does the India market's day look like from the outside of a worker: which session, which
 * instruments in which phases, where its files lie? Shared by every command that speaks of one day.
 */
import { join } from 'node:path'
import type { Calendar } from '../calendars/calendar.ts'
import { loadCalendar } from '../calendars/calendar.ts'
import { readCalendarOverride } from '../calendars/override.ts'
import type { Config } from '../config.ts'
import type { Instrument } from '../domain/instrument.ts'
import type { Phases, Session } from '../domain/session.ts'
import type { MarketDate } from '../domain/time.ts'
import { type Lock, takeLock } from '../platform/lock.ts'
import { checkedDate, journalDir, type LakeDay } from '../store/lake.ts'
import { smartapi } from '../venues/smartapi/index.ts'

/** The market of this pipeline; nothing of it is shared with another. */
export const INDIA = 'in'
export const venue: typeof smartapi = smartapi

export function indiaCalendar(config: Config): Calendar {
  const { calendar, calendarOverride } = config.markets.in
  return loadCalendar(
    calendar,
    calendarOverride === null ? undefined : readCalendarOverride(calendarOverride),
  )
}

export function indiaDay(date: string): LakeDay {
  return { market: INDIA, date: checkedDate(date) }
}

export function indiaJournalDir(config: Config, date: MarketDate): string {
  return join(config.dataDir, journalDir({ market: INDIA, date }))
}

/** One process at a time writes the market's data. */
export function lockIndia(config: Config): Lock {
  return takeLock(lockDir(config.dataDir), INDIA)
}

export function lockDir(dataDir: string): string {
  return join(dataDir, '.lock')
}

/** Instruments grouped into classes that share their phases. */
export function classify(
  calendar: Calendar,
  session: Session,
  instruments: readonly Instrument[],
): { readonly phases: readonly Phases[]; readonly phaseOf: readonly number[] } {
  const phases: Phases[] = []
  const classOf = new Map<string, number>()
  const phaseOf = instruments.map((instrument) => {
    const own = calendar.phasesFor(session, instrument)
    const key = JSON.stringify(own)
    const known = classOf.get(key)
    if (known !== undefined) return known
    classOf.set(key, phases.length)
    phases.push(own)
    return phases.length - 1
  })
  return { phases, phaseOf }
}
