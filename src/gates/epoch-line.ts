/**
 * How may the truth epoch move? The rules of the line of epochs, apart from the evidence that each move
 * needs.
 *
 * A generation is a line of epochs whose sessions only go forward under one proxy set. A rollback begins a
 * new generation, and so does the first epoch after the proxy set changed: the same session may then be
 * authorised again, and its id still names one epoch only (`TE-2026-01-30`, `TE-2026-01-30.g2`). Nothing is
 * ever removed.
 *
 * TE beyond CTT is refused here for every kind of move, overrides included. An override lets an operator
 * answer for a judgement (an alert that is understood, a policy that does not fit). It cannot answer for
 * data that is not there: beyond CTT no gate has looked, so an evaluation would read rows that may still
 * change or that do not exist, and no signature makes them canonical. What is needed then is `review accept`
 * on the session itself, which is also an operator's hand, but one that says which rows it vouches for.
 */
import type { MarketDate } from '../domain/time.ts'
import type { Epoch, Override } from '../domain/truth.ts'
import type { AdvancedRecord, OverriddenRecord, ProxySetName, RolledBackRecord } from './payloads.ts'

/** Where a move of the line would end, and under which name. */
export type NextEpoch = {
  readonly epochId: string
  readonly generation: number
  readonly from: MarketDate | null
  readonly to: MarketDate
}

export function epochIdOf(session: MarketDate, generation: number): string {
  return generation === 1 ? `TE-${session}` : `TE-${session}.g${generation}`
}

/** The epoch that an advance, or an override, to `to` would make. */
export function nextEpoch(epoch: Epoch | null, to: MarketDate): NextEpoch {
  const generation = epoch === null ? 1 : epoch.generation + (epoch.status === 'INVALIDATED' ? 1 : 0)
  return { epochId: epochIdOf(to, generation), generation, from: epoch?.session ?? null, to }
}

export function rolledBackEpoch(epoch: Epoch, to: MarketDate): NextEpoch {
  const generation = epoch.generation + 1
  return { epochId: epochIdOf(to, generation), generation, from: epoch.session, to }
}

/** Why the line cannot go forward to `to`, in words; null: it can. */
export function forwardFault(
  epoch: Epoch | null,
  to: MarketDate,
  ctt: MarketDate | null,
): 'no session is canonical' | 'it lies beyond CTT' | 'it does not lie after TE' | null {
  if (ctt === null) return 'no session is canonical'
  if (to > ctt) return 'it lies beyond CTT'
  if (epoch === null) return null
  const isForward = epoch.status === 'INVALIDATED' ? to >= epoch.session : to > epoch.session
  return isForward ? null : 'it does not lie after TE'
}

/** The epoch to which `to` may be rolled back: the newest one of that session; null where there was none. */
export function rollbackTarget(epoch: Epoch | null, epochs: readonly Epoch[], to: MarketDate): Epoch | null {
  if (epoch === null || to >= epoch.session) return null
  return epochs.findLast(({ session }) => session === to) ?? null
}

/** An override in force when `session` would be evaluated. */
export function liveOverrides(overrides: readonly Override[], session: MarketDate): readonly Override[] {
  return overrides.filter(({ expiresAfter }) => expiresAfter >= session)
}

export class EpochLine {
  #epoch: Epoch | null = null
  readonly #epochs: Epoch[] = []
  readonly #overrides: Override[] = []

  get epoch(): Epoch | null {
    return this.#epoch
  }

  get epochs(): readonly Epoch[] {
    return this.#epochs
  }

  get overrides(): readonly Override[] {
    return this.#overrides
  }

  /** Each move returns why it breaks the rules, or null when it was made. */
  advance(record: AdvancedRecord, ctt: MarketDate | null, eventIndex: number): string | null {
    const fault = this.#forwardFault(record, ctt)
    if (fault === null) this.#move(record, eventIndex, false)
    return fault
  }

  override(record: OverriddenRecord, ctt: MarketDate | null, eventIndex: number): string | null {
    const fault = this.#forwardFault(record, ctt)
    if (fault !== null) return fault
    // Counted from what is canonical: else an override to an older session would be over before it began.
    if (ctt === null || record.expiresAfter < ctt) return 'the override expired before it began'
    const { operator, reason, from, to, failedChecks, expiresAfter } = record
    this.#overrides.push({ operator, reason, from, to, failedChecks, expiresAfter, eventIndex })
    this.#move(record, eventIndex, true)
    return null
  }

  rollBack(record: RolledBackRecord, eventIndex: number): string | null {
    const target = rollbackTarget(this.#epoch, this.#epochs, record.to)
    if (target === null || target.epochId !== record.restores) return 'it restores what was no earlier epoch'
    if (target.proxySetSha256 !== record.proxySet.sha256) return 'it restores another proxy set'
    if (target.overridden !== record.overridden) return 'it loses the mark of an override'
    const fault = nameFault(record, rolledBackEpoch(this.#epoch!, record.to))
    if (fault === null) this.#move(record, eventIndex, record.overridden)
    return fault
  }

  invalidate(epochId: string, was: ProxySetName, proxySet: ProxySetName): string | null {
    const epoch = this.#epoch
    if (epoch === null || epoch.epochId !== epochId) return 'it invalidates what is not the epoch'
    if (epoch.status === 'INVALIDATED') return 'the epoch is invalidated already'
    if (epoch.proxySetSha256 !== was.sha256 || was.sha256 === proxySet.sha256) {
      return 'the proxy set is not another one'
    }
    this.#epoch = { ...epoch, status: 'INVALIDATED' }
    this.#epochs[this.#epochs.length - 1] = this.#epoch
    return null
  }

  #forwardFault(record: AdvancedRecord | OverriddenRecord, ctt: MarketDate | null): string | null {
    const epoch = this.#epoch
    const fault = forwardFault(epoch, record.to, ctt)
    if (fault !== null) return fault
    if (epoch?.status === 'CANONICAL' && epoch.proxySetSha256 !== record.proxySet.sha256) {
      return 'the proxy set changed without epoch.invalidated'
    }
    return nameFault(record, nextEpoch(epoch, record.to))
  }

  #move(
    record: NextEpoch & { operator: string; proxySet: ProxySetName },
    at: number,
    overridden: boolean,
  ): void {
    this.#epoch = {
      epochId: record.epochId,
      session: record.to,
      generation: record.generation,
      proxySetVersion: record.proxySet.version,
      proxySetSha256: record.proxySet.sha256,
      status: 'CANONICAL',
      overridden,
      operator: record.operator,
      eventIndex: at,
    }
    this.#epochs.push(this.#epoch)
  }
}

function nameFault(record: NextEpoch, expected: NextEpoch): string | null {
  if (record.from !== expected.from)
    return `TE was ${expected.from ?? 'nowhere'}, not ${record.from ?? 'nowhere'}`
  const isNamed = record.epochId === expected.epochId && record.generation === expected.generation
  return isNamed ? null : `its name is ${expected.epochId}, not ${record.epochId}`
}
