/**
 * Who signed the checklist? Its completion is an event with the operator's name, once for a session and
 * kind.
 */
import type { Checklist } from '../domain/checklist.ts'
import type { EventPayload } from '../domain/event.ts'
import type { UnixMs } from '../domain/time.ts'
import { operatorName } from '../gates/justification.ts'
import { openMarketChain } from './chain.ts'
import { worstOf } from './checklist-items.ts'
import { operatorActor } from './truth.ts'
import type { TruthContext } from './truth-market.ts'

export type ChecklistLook = Omit<Checklist, 'schema' | 'outcome' | 'completed'>

/**
 * Throws USAGE for what cannot be a name; before anything is looked at, so that nothing is looked at twice.
 */
export function signerOf(operator: string | undefined): string | null {
  return operator === undefined ? null : operatorName(operator)
}

/** The checklist of what was seen; signed where an operator is named and nothing failed. */
export function completeChecklist(
  context: TruthContext,
  look: ChecklistLook,
  operator: string | null,
  payload: EventPayload = {},
): Checklist {
  const outcome = worstOf(look.items)
  const unsigned: Checklist = { schema: 'chandler.checklist.v1', ...look, outcome, completed: null }
  if (operator === null || outcome === 'fail') return unsigned
  return { ...unsigned, completed: sign(context, unsigned, operator, payload) }
}

function sign(
  { config, clock, log }: TruthContext,
  { market, kind, session, atMs, outcome, items }: Checklist,
  operator: string,
  payload: EventPayload,
): Checklist['completed'] {
  const note = (text: string): void => log.warn(text, { market })
  const chain = openMarketChain({ dataDir: config.dataDir, market, clock, note })
  return chain.exclusively((append) => {
    for (const event of chain.events()) {
      const { event_type, event_index, payload: known } = event
      if (event_type !== 'checklist.completed' || known.kind !== kind || known.session !== session) continue
      const by = typeof known.operator === 'string' ? known.operator : ''
      return { operator: by, eventIndex: event_index, isNew: false }
    }
    const event = append({
      type: 'checklist.completed',
      atMs: atMs as UnixMs,
      actor: operatorActor(operator),
      payload: {
        text: `${kind.toUpperCase()} complete`,
        kind,
        session,
        operator,
        outcome,
        items: items.map(({ name, outcome: word, says }) => ({ name, outcome: word, says })),
        ...payload,
      },
    })
    return { operator, eventIndex: event.event_index, isNew: true }
  })
}
