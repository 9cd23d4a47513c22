/**
 * What goes wrong with the batch vendor, and when? A faults file (YAML or JSON) holds a list:
 *
 *     - {at: "16:45:00", for: 120, kind: 502_html}
 *     - {kind: truncated_json, symbols: [QAAB], times: 2}
 *     - {at: 60000, every: 600, for: 30, kind: slow, by: 20, share: 0.5}
 *     - {kind: restated, symbols: [QAAC]}
 *
 * `at` is a time of New York's day on which the stand-in began, or a number of ms after it began (default 0);
 * `every` repeats it each so many seconds; `for` is how long it lasts, in seconds, without it until the end.
 * `symbols` and `functions` say which questions it meets, `times` how many of them at most, `share` (default
 * 1) which part, chosen by seed. All times are those of the stand-in's clock.
 */
import { parse } from 'yaml'
import { z } from 'zod'
import { BATCH_FUNCTIONS, type BatchFunction } from '../../domain/batch.ts'
import { messageOf, OperatingError } from '../../domain/error.ts'
import { readTextFile } from '../../platform/text-file.ts'

/** In place of an answer. */
export const REPLY_KINDS = [
  '502_html',
  '503',
  'truncated_json',
  'endless_body',
  'burst',
  'day_limit',
  'premium',
  'key_echo', // the day's limit in the words that repeat the key
  'empty', // {}
  'garbage',
] as const

/** The answer comes, and something is wrong in it. */
export const ANSWER_KINDS = [
  'header_only',
  'wrong_symbol', // another company's prices, under its own name where JSON tells one
  'nan_values',
  'negative_price',
  'duplicate_rows',
  'restated', // one session in ten says something else, from now on
] as const

const seconds = z.number().positive()
const when = {
  at: z
    .union([z.string().regex(/^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$/, 'not HH:MM:SS'), z.number().min(0)])
    .default(0),
  every: seconds.optional(),
  for: seconds.optional(),
  symbols: z.array(z.string()).min(1).optional(),
  functions: z.array(z.enum(BATCH_FUNCTIONS)).min(1).optional(),
  times: z.int().positive().optional(),
  share: z.number().gt(0).max(1).default(1),
}

type When = {
  readonly at: string | number
  readonly every?: number | undefined
  readonly for?: number | undefined
  readonly symbols?: readonly string[] | undefined
  readonly functions?: readonly BatchFunction[] | undefined
  readonly times?: number | undefined
  readonly share: number
}
type ReplyKind = (typeof REPLY_KINDS)[number]
type AnswerKind = (typeof ANSWER_KINDS)[number]

export type BatchFault =
  | (When & { readonly kind: ReplyKind | AnswerKind })
  | (When & { readonly kind: 'slow'; readonly by: number })
export type BatchFaultKind = BatchFault['kind']

const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum([...REPLY_KINDS, ...ANSWER_KINDS]), ...when }),
  /** The answer comes `by` seconds later. */
  z.strictObject({ kind: z.literal('slow'), ...when, by: seconds }),
])

const faultsSchema = z.array(faultSchema).superRefine((faults, context) => {
  for (const [at, fault] of faults.entries()) {
    if (fault.every === undefined || (fault.for !== undefined && fault.for < fault.every)) continue
    context.addIssue({ code: 'custom', path: [at, 'for'], message: 'must be given and shorter than every' })
  }
})

/** `origin` is named in the error: FAULTS_INVALID with the path of every key that is wrong. */
export function checkBatchFaults(value: unknown, origin: string): readonly BatchFault[] {
  const checked = faultsSchema.safeParse(value ?? [])
  if (checked.success) return checked.data
  throw invalid(origin, z.prettifyError(checked.error).replace(/\s*\n\s*/g, ' '))
}

/** Throws FAULTS_INVALID. */
export function loadBatchFaults(path: string): readonly BatchFault[] {
  let value: unknown
  try {
    value = parse(readTextFile(path))
  } catch (error) {
    throw invalid(path, messageOf(error), error)
  }
  return checkBatchFaults(value, path)
}

function invalid(origin: string, what: string, cause?: unknown): OperatingError {
  return new OperatingError(
    `reading the faults ${origin}: ${what}; correct the file, it is a list of {kind, at, every, for, …}`,
    { code: 'FAULTS_INVALID', cause },
  )
}
