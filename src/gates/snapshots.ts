/**
 * How does the fold look as files? Caches for whoever has no reader of chains at hand: notebooks,
 * dashboards, a person with `cat`. They are written after the event is durable and compared whenever a gate
 * opens the chain, so what a crash left behind heals; nothing of chandler ever decides by them.
 *
 * Their bytes depend on what they show, not on the moment: an event that moves neither CTT nor TE changes
 * neither file.
 */
import type { Json } from '../domain/event.ts'
import type { TruthState } from '../domain/truth.ts'
import { expiredOverride } from './continuity.ts'

/** `text` null: there must be no such file. Names are relative to `truth/<market>`. */
export type Snapshot = { readonly name: string; readonly text: string | null }

export function snapshotsOf(state: TruthState, cttEvent: number | null): readonly Snapshot[] {
  const epoch = epochSnapshot(state)
  return [
    { name: 'ctt.json', text: cttEvent === null ? null : lineOf(cttSnapshot(state, cttEvent)) },
    { name: 'truth_epoch.json', text: epoch === null ? null : lineOf(epoch) },
  ]
}

function cttSnapshot({ market, ctt, cttBySymbol }: TruthState, cttEvent: number): Json {
  return {
    schema: 'chandler.ctt.v1',
    market: market.toUpperCase(),
    ctt,
    symbols: Object.fromEntries([...cttBySymbol].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    event_seq: cttEvent,
  }
}

/** The form of the contract; what stands behind `event_seq` was added to it. */
function epochSnapshot(state: TruthState): Json {
  const { market, epoch, overrides } = state
  if (epoch === null) return null
  const override = epoch.overridden ? overrides.findLast(({ to }) => to === epoch.session) : undefined
  return {
    schema: 'chandler.truth_epoch.v1',
    market: market.toUpperCase(),
    epoch: { epoch_id: epoch.epochId, timestamp: epoch.session },
    validity_context: {
      proxy_set_version: epoch.proxySetVersion,
      proxy_set_sha256: epoch.proxySetSha256,
      proxy_status: epoch.status,
    },
    event_seq: epoch.eventIndex,
    generation: epoch.generation,
    operator: epoch.operator,
    overridden: epoch.overridden,
    ...(override === undefined
      ? {}
      : {
          override: {
            operator: override.operator,
            reason: override.reason,
            failed_checks: override.failedChecks,
            expires_after: override.expiresAfter,
            expired: expiredOverride(state) !== null,
          },
        }),
  }
}

/** The whole state, for `state-snapshot.json`. */
export function stateSnapshot(state: TruthState): Json {
  const { cttBySymbol, sinceBySymbol, ...rest } = state
  return {
    schema: 'chandler.truth_state.v1',
    ...rest,
    cttBySymbol: Object.fromEntries(cttBySymbol),
    sinceBySymbol: Object.fromEntries(sinceBySymbol),
  } as Json
}

function lineOf(value: Json): string {
  return `${JSON.stringify(value)}\n`
}
