/** Does a line follow from the line before? One step of everything that reads the chain. */
import type { ChainEvent, ChainHead } from '../domain/event.ts'
import type { StoredLine } from './chain-file.ts'
import { isFlaw, type LineFlaw, readLine, ZERO_CHECKSUM } from './chain-line.ts'

/** A place in the chain's file from which reading can go on. */
export type ChainMark = ChainHead & {
  /** Bytes of the file up to and with that event's newline. */
  readonly sizeBytes: number
}

export const CHAIN_START: ChainMark = { eventIndex: -1, checksum: ZERO_CHECKSUM, sizeBytes: 0 }

export type StepFlaw =
  | LineFlaw
  | { readonly kind: 'wrong-index' | 'wrong-link' | 'wrong-market'; readonly says: string }

export type Step =
  | { readonly event: ChainEvent }
  | { readonly flaw: StepFlaw; readonly event: ChainEvent | null }

/** `before` is where the chain stands; the line must be a whole one. */
export function stepOver(line: StoredLine, before: ChainHead, market: string): Step {
  if (line.text === null) {
    return { event: null, flaw: { kind: 'mutation', says: 'its bytes are no UTF-8' } }
  }
  const read = readLine(line.text)
  if (isFlaw(read)) return { event: null, flaw: read }
  const flaw = misfitOf(read, before, market)
  return flaw === null ? { event: read } : { event: read, flaw }
}

function misfitOf(event: ChainEvent, before: ChainHead, market: string): StepFlaw | null {
  if (event.event_index !== before.eventIndex + 1) {
    return { kind: 'wrong-index', says: `event ${event.event_index} stands in its place` }
  }
  if (event.previous_checksum !== before.checksum) {
    return { kind: 'wrong-link', says: 'it was linked to another event than the one before it' }
  }
  if (event.market !== market) return { kind: 'wrong-market', says: `it is of the market ${event.market}` }
  return null
}

export function markOf(event: ChainEvent, line: StoredLine): ChainMark {
  return { eventIndex: event.event_index, checksum: event.checksum, sizeBytes: line.endByte }
}
