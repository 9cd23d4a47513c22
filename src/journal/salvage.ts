/**
 * How are whole frames behind a torn place saved? They were received and are facts, but their place in
 * the sequence is lost, so they are numbered anew, in their old order, into a segment of their own. It
 * appears under its name complete, sealed and durable, before the torn tail is cut off: a crash in
 * between leaves both, and the next start sees that the new segment supersedes the tail.
 */
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { renameInto, writeNewFile } from '../platform/durable.ts'
import type { SegmentHead } from './format.ts'
import {
  buildFrame,
  completeFrame,
  encodeSeal,
  encodeSegmentHead,
  SEAL_SALVAGED,
  TYPE_RECOVERY,
  TYPE_SEAL,
  viewOf,
} from './format.ts'
import { segmentName } from './segments.ts'
import type { FramePlace } from './survey.ts'

/** Returns the hash in the new segment's seal. */
export function publishSalvage(
  dir: string,
  head: Omit<SegmentHead, 'salt'>,
  source: Uint8Array,
  islands: readonly FramePlace[],
): Uint8Array {
  const salt = randomBytes(4).readUInt32LE()
  const before = head.firstSeq - 1
  const note = JSON.stringify({ salvaged: islands.map((island) => island.seq) })
  const parts: Uint8Array[] = [
    encodeSegmentHead({ ...head, salt }),
    buildFrame(TYPE_RECOVERY, 0, new TextEncoder().encode(note), before, before, salt),
  ]
  for (const [i, island] of islands.entries()) {
    const frame = source.slice(island.at, island.at + island.sizeBytes)
    completeFrame(frame, viewOf(frame), 0, head.firstSeq + i, before, salt)
    parts.push(frame)
  }
  const content = Buffer.concat(parts)
  const sha256 = createHash('sha256').update(content).digest()
  const seal = encodeSeal(sha256, content.byteLength, head.createdWallMs)
  const lastSeq = before + islands.length
  // The seal may state its own segment durable: the file gets its name only after the whole is.
  const sealFrame = buildFrame(TYPE_SEAL, SEAL_SALVAGED, seal, lastSeq, lastSeq, salt)
  const path = join(dir, segmentName(head.segment))
  writeNewFile(`${path}.tmp`, Buffer.concat([content, sealFrame]))
  renameInto(`${path}.tmp`, path)
  return sha256
}
