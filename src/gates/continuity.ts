/**
 * May an evaluation start? Whoever evaluates asks here first, with the proxy set that it will read through.
 * The epoch answers for one definition of the market's proxies only; under another one there is no line from
 * the earlier evaluations to this one, and that break must be made by an operator, never by a file that was
 * edited.
 */
import { OperatingError } from '../domain/error.ts'
import type { ProxySet } from '../domain/proxy-set.ts'
import type { MarketDate } from '../domain/time.ts'
import type { Epoch, TruthState } from '../domain/truth.ts'

/**
 * The epoch under which the evaluation runs. Throws HALTED; GATE_REFUSED where no epoch was advanced, or
 * where it stands on an override that has expired; DISCONTINUITY where the proxy set is another than the
 * epoch's.
 */
export function requireContinuity(state: TruthState, proxySet: ProxySet): Epoch {
  const { market, epoch, halt } = state
  const doing = `starting an evaluation of ${market}`
  if (halt !== null) throw halted(doing, state)
  if (epoch === null) {
    throw new OperatingError(
      `${doing}: no truth epoch was advanced yet; ` +
        `chandler epoch advance --market ${market} --to DATE --operator NAME`,
      { code: 'GATE_REFUSED' },
    )
  }
  if (epoch.status === 'INVALIDATED' || epoch.proxySetSha256 !== proxySet.sha256) {
    const { proxySetVersion, proxySetSha256 } = epoch
    throw new OperatingError(
      `${doing}: ${epoch.epochId} was made with proxy set ${proxySetVersion} ` +
        `(${proxySetSha256.slice(0, 12)}), and this is ${proxySet.version} ` +
        `(${proxySet.sha256.slice(0, 12)}); advance a new epoch`,
      { code: 'DISCONTINUITY' },
    )
  }
  const expired = expiredOverride(state)
  if (expired !== null) {
    throw new OperatingError(
      `${doing}: ${epoch.epochId} stands on an override that carried it until ${expired}, ` +
        `and CTT is ${state.ctt}; ` +
        'advance an epoch through the gate',
      { code: 'GATE_REFUSED' },
    )
  }
  return epoch
}

/**
 * The last session that an override carried, where the epoch stands on it and CTT went past it; else null.
 */
export function expiredOverride({ epoch, overrides, ctt }: TruthState): MarketDate | null {
  if (epoch === null || !epoch.overridden) return null
  const override = overrides.findLast(({ to }) => to === epoch.session)
  return override !== undefined && ctt !== null && ctt > override.expiresAfter ? override.expiresAfter : null
}

export function halted(doing: string, { market, halt }: TruthState): OperatingError {
  return new OperatingError(
    `${doing}: ${market} is halted (${halt?.id}: ${halt?.reason}); remove the cause, then ` +
      `chandler halt clear --market ${market} --operator NAME --reason TEXT`,
    { code: 'HALTED' },
  )
}
