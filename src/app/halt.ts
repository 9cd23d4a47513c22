/**
 * How does a person stop a market's evaluation, look into it, and let it go on? A halt stops every move of
 * TE and every start of an evaluation. It does not stop collecting, nor gate 1: what was missing arrives
 * through them, and a halt whose cause cannot be removed while it lasts could only be lifted blindly.
 *
 * Inspection mode is the softer brake: somebody is looking, so gate 2 fails until they have finished.
 */
import { OperatingError } from '../domain/error.ts'
import type { Halt } from '../domain/truth.ts'
import { operatorName, statedReason } from '../gates/justification.ts'
import type { ClearedRecord, HaltRecord, InspectionRecord } from '../gates/payloads.ts'
import type { Justified } from './epoch-moves.ts'
import { operatorActor } from './truth.ts'
import { type Market, type TruthContext, truthOf } from './truth-market.ts'

/** Returns the halt that was lifted. Throws NOT_FOUND where there is none. */
export function clearHalt(context: TruthContext, market: Market, by: Justified): Halt {
  const { operator, reason } = checked(by)
  return truthOf(context, market).decide(null, (desk) => {
    const { halt } = desk.state()
    if (halt === null) {
      throw new OperatingError(`lifting the halt of ${market}: it is not halted; nothing was changed`, {
        code: 'NOT_FOUND',
      })
    }
    const record: ClearedRecord = { haltId: halt.id, operator, reason }
    desk.record('halt.cleared', operatorActor(operator), record)
    return halt
  })
}

/** Returns the halt that is in force: an earlier one stays. */
export function raiseHalt(context: TruthContext, market: Market, by: Justified): Halt {
  const { operator, reason } = checked(by)
  return truthOf(context, market).decide(null, (desk) => {
    const { halt, eventCount } = desk.state()
    if (halt !== null) return halt
    const record: HaltRecord = { haltId: `H-${eventCount}`, reason, failedChecks: [], causeEvent: null }
    desk.record('halt.raised', operatorActor(operator), record)
    return desk.state().halt!
  })
}

/** Returns whether anything changed: doing it twice is harmless. */
export function setInspection(context: TruthContext, market: Market, on: boolean, by: Justified): boolean {
  const { operator, reason } = checked(by)
  return truthOf(context, market).decide(null, (desk) => {
    if (desk.state().inspection === on) return false
    const record: InspectionRecord = { on, operator, reason }
    desk.record('inspection.changed', operatorActor(operator), record)
    return true
  })
}

function checked({ operator, reason }: Justified): Justified {
  return { operator: operatorName(operator), reason: statedReason(reason) }
}
