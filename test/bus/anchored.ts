/** A long chain with its checkpoints, as appending it would have made, without a sync for each event. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { keyPath, openSigningKey } from '../../src/bus/checkpoint.ts'
import { appendCheckpoint } from '../../src/bus/checkpoint-file.ts'
import { checkpointsPath, originOf } from '../../src/bus/generation.ts'
import { GrowingTree } from '../../src/bus/tree.ts'
import type { EventDraft } from '../../src/domain/event.ts'
import { draftOf, linesOf } from './lines.ts'

const CHECKPOINT_EVENTS = 64

export function writeAnchoredChain(dir: string, count: number): void {
  mkdirSync(dir, { recursive: true })
  const origin = originOf('in', 1)
  const key = openSigningKey(keyPath(dir), origin)
  const payload = { generation: 1, checkpoint_key: key.verifier }
  const first: EventDraft = { ...draftOf(0), type: 'chain.started', actor: 'system:chain', payload }
  const lines = linesOf(count, (i) => (i === 0 ? first : draftOf(i)))
  writeFileSync(join(dir, 'events.jsonl'), lines.join(''))
  const tree = new GrowingTree()
  let sizeBytes = 0
  for (const [i, line] of lines.entries()) {
    const head = line.slice(line.indexOf('"checksum":"') + 12).slice(0, 64)
    tree.add(head)
    sizeBytes += Buffer.byteLength(line)
    if ((i + 1) % CHECKPOINT_EVENTS !== 0) continue
    const note = key.sign({ origin, eventCount: i + 1, root: tree.root(), head, sizeBytes })
    appendCheckpoint(checkpointsPath(dir, 1), note, tree.frontier(), 'unsynced')
  }
}
