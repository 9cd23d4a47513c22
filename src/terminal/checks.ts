/** How is a verdict shown? One line for each check: what it found, by name, in words. */
import type { CheckOutcome } from '../domain/verdict.ts'

export function renderChecks(checks: readonly CheckOutcome[]): string {
  const columns = Math.max(...checks.map(({ check }) => check.length))
  return checks
    .map(({ check, outcome, says }) => `${outcome.padEnd(6)} ${check.padEnd(columns)}  ${says}`)
    .join('\n')
}
