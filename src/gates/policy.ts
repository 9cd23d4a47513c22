/**
 * What does the operator hold an evaluation to? A declared file, `chandler.policy.v1`: which strategies may
 * be evaluated and on which roles, within which limits of risk and size, and which other markets must be in
 * step.
 *
 * Two kinds of wrong are told apart. A file that cannot be read as JSON is no statement at all: bad input,
 * the command ends before the gate (POLICY_INVALID). A file that states something that cannot be allowed (an
 * unknown key, a ratio above 1, no eligible strategy, a mode other than shadow) is evidence, and gate 2
 * fails on it.
 *
 * Mode is `shadow` and nothing else: every execution path ends in a log, so a file that asks for more asks
 * for what this program must never do.
 */
import { z } from 'zod'
import { messageOf, OperatingError } from '../domain/error.ts'
import type { Json } from '../domain/event.ts'
import type { ProxySet } from '../domain/proxy-set.ts'
import { digestOf } from './digest.ts'

export type Strategy = {
  readonly id: string
  readonly eligible: boolean
  readonly mode: 'shadow'
  /** Roles of the proxy set that it looks at. */
  readonly roles: readonly string[]
}

/** All but `positionsMax` are shares of the capital. */
export type PolicyLimits = {
  /** What one position may lose, and all together. */
  readonly riskPerPositionRatio: number
  readonly riskTotalRatio: number
  readonly positionsMax: number
  /** What one position may hold, and all together. */
  readonly positionSizeRatioMax: number
  readonly grossExposureRatioMax: number
}

export type Policy = {
  readonly schema: 'chandler.policy.v1'
  readonly market: string
  readonly version: string
  readonly description: string
  readonly strategies: readonly Strategy[]
  readonly limits: PolicyLimits
  /** Markets whose epoch must be in step (gate 3) before this one may advance. */
  readonly dependsOn: readonly string[]
}

const POSITIONS_MAX = 10_000
const ratio = (max: number): z.ZodNumber => z.number().positive().max(max)

const Shape: z.ZodType<Policy> = z.strictObject({
  schema: z.literal('chandler.policy.v1'),
  market: z.string().min(1),
  version: z.string().min(1),
  description: z.string().default(''),
  strategies: z.array(
    z.strictObject({
      id: z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/, 'a lower-case name'),
      eligible: z.boolean(),
      mode: z.literal('shadow'),
      roles: z.array(z.string()).min(1),
    }),
  ),
  limits: z.strictObject({
    riskPerPositionRatio: ratio(0.1),
    riskTotalRatio: ratio(0.5),
    positionsMax: z.int().min(1).max(POSITIONS_MAX),
    positionSizeRatioMax: ratio(1),
    grossExposureRatioMax: ratio(4),
  }),
  dependsOn: z.array(z.string()).default([]),
})

/** What a policy file said. `policy` is null where it cannot be allowed as a whole; `faults` say why. */
export type PolicyReading = {
  readonly file: string
  readonly sha256: string
  readonly policy: Policy | null
  readonly faults: readonly string[]
}

/** Throws POLICY_INVALID for a text that is no JSON. `file` is only named, not read. */
export function readPolicy(text: string, file: string): PolicyReading {
  let value: Json
  let sha256: string
  try {
    value = JSON.parse(text) as Json
    sha256 = digestOf(value)
  } catch (error) {
    throw new OperatingError(
      `reading the policy ${file}: not JSON (${messageOf(error)}); correct the file, nothing was moved`,
      { code: 'POLICY_INVALID', cause: error },
    )
  }
  const result = Shape.safeParse(value)
  if (result.success) return { file, sha256, policy: result.data, faults: [] }
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`)
  return { file, sha256, policy: null, faults }
}

/** Limits that contradict each other, in words. */
export function limitFaults({ limits }: Policy): readonly string[] {
  const { riskPerPositionRatio, riskTotalRatio, positionSizeRatioMax, grossExposureRatioMax } = limits
  const relations: readonly (readonly [boolean, string])[] = [
    [riskPerPositionRatio <= riskTotalRatio, 'riskPerPositionRatio must be at most riskTotalRatio'],
    // More cannot be lost by a position than what is in it; shorts are not foreseen.
    [
      riskPerPositionRatio <= positionSizeRatioMax,
      'riskPerPositionRatio must be at most positionSizeRatioMax',
    ],
    [
      positionSizeRatioMax <= grossExposureRatioMax,
      'positionSizeRatioMax must be at most grossExposureRatioMax',
    ],
  ]
  return relations.filter(([holds]) => !holds).map(([, words]) => words)
}

/** What keeps the declared strategies from being evaluated with this proxy set, in words. */
export function strategyFaults(policy: Policy, proxySet: ProxySet): readonly string[] {
  const roles = new Set(proxySet.roles.map(({ role }) => role))
  const ids = policy.strategies.map(({ id }) => id)
  const faults = policy.strategies
    .filter(({ eligible }) => eligible)
    .flatMap(({ id, roles: wanted }) =>
      wanted
        .filter((role) => !roles.has(role))
        .map((role) => `${id} needs the role ${role}, which nobody has`),
    )
  const twice = ids.find((id, index) => ids.indexOf(id) !== index)
  if (twice !== undefined) faults.push(`the strategy ${twice} stands there twice`)
  if (!policy.strategies.some(({ eligible }) => eligible)) faults.push('no strategy is eligible')
  if (policy.market !== proxySet.market) faults.push(`it is of the market ${policy.market}`)
  if (policy.dependsOn.includes(policy.market)) faults.push('the market depends on itself')
  return faults
}
