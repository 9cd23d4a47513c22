/**
 * May a monitor act? Only with an entry of the decision ledger: a file that people write, review and sign, in
 * which each graduation is named with its evidence. The ledger that is shipped has none, and nothing in this
 * program acts on a suggestion, so an entry alone changes nothing either: it is the permission, not the deed.
 */
import { z } from 'zod'
import { OperatingError } from '../domain/error.ts'
import { MONITORS, type MonitorName } from './monitors.ts'

export type Graduation = {
  readonly monitor: MonitorName
  readonly decidedOn: string
  readonly decidedBy: string
  /** At least seven days in which every suggestion was right. */
  readonly passiveDays: number
  readonly accuracyRatio: number
  readonly reason: string
}

const names = Object.keys(MONITORS) as [MonitorName, ...MonitorName[]]

const Ledger = z.strictObject({
  schema: z.literal('chandler.decision_ledger.v1'),
  graduations: z.array(
    z.strictObject({
      monitor: z.enum(names),
      decidedOn: z.iso.date(),
      decidedBy: z.string().min(1),
      passiveDays: z.number().min(7),
      accuracyRatio: z.literal(1),
      reason: z.string().min(20),
    }),
  ),
})

/** Throws POLICY_INVALID naming the first thing that is wrong. */
export function readLedger(text: string, file: string): readonly Graduation[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw invalid(file, 'it is not JSON', error)
  }
  const result = Ledger.safeParse(value)
  if (result.success) return result.data.graduations
  const issue = result.error.issues[0]!
  throw invalid(file, `${issue.path.join('.') || 'the file'}: ${issue.message}`)
}

/** Throws POLICY_INVALID unless the ledger lets this monitor act. Whoever would act asks this first. */
export function requireGraduation(monitor: MonitorName, ledger: readonly Graduation[]): void {
  if (ledger.some((entry) => entry.monitor === monitor)) return
  throw new OperatingError(
    `acting on a suggestion of ${monitor}: the decision ledger has no entry that lets it act; ` +
      'run the suggested command by hand',
    { code: 'POLICY_INVALID' },
  )
}

function invalid(file: string, what: string, cause?: unknown): OperatingError {
  return new OperatingError(`reading the decision ledger ${file}: ${what}; correct the entry`, {
    code: 'POLICY_INVALID',
    cause,
  })
}
