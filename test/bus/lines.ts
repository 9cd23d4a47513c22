/** What does a sound chain look like, made without a disk? For tests and benchmarks. */
import { sealEvent, ZERO_CHECKSUM } from '../../src/bus/chain-line.ts'
import type { EventDraft } from '../../src/domain/event.ts'
import type { UnixMs } from '../../src/domain/time.ts'

export const AT = 1_782_877_500_000 as UnixMs

export function draftOf(i: number): EventDraft {
  const payload = {
    count: i,
    reason: i % 3 === 0 ? 'verbindung „verloren“' : 'lost',
    symbols: ['A', `B${i}`],
  }
  return { type: 'gap.recorded', atMs: (AT + i * 1_000) as UnixMs, actor: 'system:stream', payload }
}

/** The lines of a sound chain without checkpoints, made without a disk. */
export function linesOf(count: number, draft: (i: number) => EventDraft = draftOf): readonly string[] {
  const lines: string[] = []
  let previousChecksum = ZERO_CHECKSUM
  for (let i = 0; i < count; i++) {
    const place = { market: 'in', eventIndex: i, previousChecksum, recordedAtMs: AT }
    const { event, line } = sealEvent(draft(i), place)
    lines.push(line)
    previousChecksum = event.checksum
  }
  return lines
}
