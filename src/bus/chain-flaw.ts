/**
 * What happened to the chain, by the first line that does not fit? A line that fits nowhere was changed; for
 * one that is sound but stands at the wrong place, the lines behind it tell whether an event was removed,
 * added or moved.
 */
import type { ChainEvent, ChainHead } from '../domain/event.ts'
import type { StoredLine } from './chain-file.ts'
import { isFlaw, readLine } from './chain-line.ts'
import type { Step, StepFlaw } from './chain-walk.ts'

export type ChainFlawKind =
  | Exclude<StepFlaw['kind'], 'wrong-index'>
  | 'deletion'
  | 'insertion'
  | 'reorder'
  | 'torn-tail'
  | 'cut'
  | 'rewrite'
  | 'bad-checkpoint'

export type ChainFlaw = {
  /** The event of the first damage: also the number of its line, from 0. */
  readonly index: number
  readonly kind: ChainFlawKind
  /** One sentence for the operator. */
  readonly says: string
}

/** `before` is the last sound event, `rest` are the lines behind the one that does not fit. */
export function flawAt(
  { event, flaw }: Extract<Step, { readonly flaw: StepFlaw }>,
  before: ChainHead,
  rest: Iterable<StoredLine>,
): ChainFlaw {
  const index = before.eventIndex + 1
  if (event !== null && flaw.kind === 'wrong-index') return misplaced(event, before, rest)
  const next = event === null ? firstSound(rest) : null
  if (next?.event_index === index && next.previous_checksum === before.checksum) {
    return { index, kind: 'insertion', says: 'a line stands before it that is no event' }
  }
  return { index, kind: flaw.kind as ChainFlawKind, says: flaw.says }
}

function misplaced(found: ChainEvent, before: ChainHead, rest: Iterable<StoredLine>): ChainFlaw {
  const index = before.eventIndex + 1
  const stray = found.event_index
  if (stray === before.eventIndex && found.checksum !== before.checksum) {
    return { index: stray, kind: 'insertion', says: `there are two different events ${stray}` }
  }
  if (stray < index) return { index, kind: 'insertion', says: `event ${stray} stands there again` }
  let isExpectedLater = false
  let isStrayLater = false
  for (const { text } of rest) {
    const read = text === null ? null : readLine(text)
    if (read === null || isFlaw(read)) continue
    isExpectedLater ||= read.event_index === index
    isStrayLater ||= read.event_index === stray
  }
  if (!isExpectedLater) {
    const missing = stray === index + 1 ? `event ${index} is` : `events ${index} to ${stray - 1} are`
    return { index, kind: 'deletion', says: `${missing} missing` }
  }
  return isStrayLater
    ? { index, kind: 'insertion', says: `event ${stray} stands there too` }
    : { index, kind: 'reorder', says: `event ${stray} stands there, and event ${index} further behind` }
}

function firstSound(lines: Iterable<StoredLine>): ChainEvent | null {
  for (const { text } of lines) {
    const read = text === null ? null : readLine(text)
    if (read !== null && !isFlaw(read)) return read
  }
  return null
}
