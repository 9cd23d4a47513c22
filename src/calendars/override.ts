/**
 * What does the operator know that the shipped calendar does not? Exchanges announce holidays and special
 * sessions at any time of the year; the override file carries them until the next release does:
 *
 *     verifiedThrough: 2027-12-31          # optional: silences the warning up to that date
 *     holidays:
 *       - { date: 2027-01-26, note: Republic Day }
 *     sessions:
 *       - { date: 2026-11-08, note: muhurat, continuous: [['18:15', '19:15']] }
 *       - { date: 2027-02-06, note: budget }        # without times: normal hours
 *       - { date: 2027-07-02, note: closed early, continuous: [['09:30', '13:00']] }
 *
 * Times are market time. YAML or JSON: the one contains the other.
 */
import { readFileSync } from 'node:fs'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { messageOf, OperatingError } from '../domain/error.ts'
import { type SpecialSession, spansOf } from './data.ts'
import { isMarketDate } from './dates.ts'

export type CalendarOverride = {
  readonly verifiedThrough?: string | undefined
  readonly holidays: readonly { readonly date: string; readonly note: string }[]
  readonly sessions: readonly SpecialSession[]
}

const Day = z.string().refine(isMarketDate, 'not a date that exists, written YYYY-MM-DD')
const Continuous = z
  .array(z.array(z.string()))
  .refine((list) => spansOf(list) !== null, 'not [start, end] pairs of HH:MM in order, without overlap')

const Shape = z
  .strictObject({
    verifiedThrough: Day.optional(),
    holidays: z.array(z.strictObject({ date: Day, note: z.string().default('holiday') })).default([]),
    sessions: z
      .array(
        z.strictObject({
          date: Day,
          note: z.string().default('special session'),
          continuous: Continuous.optional(),
        }),
      )
      .default([]),
  })
  .superRefine((shape, context) => {
    const seen = new Set<string>()
    for (const { date } of [...shape.holidays, ...shape.sessions]) {
      if (seen.has(date)) context.addIssue({ code: 'custom', message: `${date} stands here twice` })
      seen.add(date)
    }
  })

/** Throws CONFIG_INVALID with the file and the path of the key. `file` is only named, not read. */
export function parseCalendarOverride(text: string, file: string): CalendarOverride {
  const document = parseDocument(text, { prettyErrors: false })
  const fault = document.errors[0] ?? document.warnings[0]
  if (fault !== undefined) throw invalid(file, `not YAML: ${fault.message}`)
  let value: unknown
  try {
    value = document.toJS() ?? {}
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error // a YAML alias without its anchor
    throw invalid(file, messageOf(error), error)
  }
  const result = Shape.safeParse(value)
  if (result.success) return result.data as CalendarOverride
  const issue = result.error.issues[0]!
  throw invalid(file, `${issue.path.join('.') || 'the file'}: ${issue.message}`)
}

export function readCalendarOverride(path: string): CalendarOverride {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw invalid(path, messageOf(error), error)
  }
  return parseCalendarOverride(text, path)
}

function invalid(file: string, what: string, cause?: unknown): OperatingError {
  return new OperatingError(`reading the calendar override ${file}: ${what}; correct the file`, {
    code: 'CONFIG_INVALID',
    cause,
  })
}
