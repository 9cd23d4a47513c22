/**
 * How does the bus's `seq` survive a restart without a write for every event? It is reserved in blocks: the
 * file holds a number that no event has exceeded, and is moved ahead before that stops being true. After a
 * crash the seqs go on behind the block, so they may jump but never repeat. One write in a million events.
 */
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { OperatingError, systemCodeOf } from '../domain/error.ts'
import { fileError, makeDir, removeFile, renameInto, writeNewFile } from '../platform/durable.ts'
import type { SeqSource } from './event-bus.ts'

const BLOCK_COUNT = 1_000_000

/** One process at a time: the market's lock sees to that. Throws OperatingError if the file is not ours. */
export function openSeqFile(path: string, blockCount: number = BLOCK_COUNT): SeqSource {
  const startSeq = readSeq(path)
  return {
    startSeq,
    reserve(seq) {
      const reserved = seq - 1 + blockCount
      writeSeq(path, reserved)
      return reserved
    },
  }
}

function readSeq(path: string): number {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return 0
    throw fileError('reading the seq of the bus', path, error)
  }
  const seq = Number(text)
  if (/^\d+\n$/.test(text) && Number.isSafeInteger(seq)) return seq
  throw new OperatingError(
    `reading the seq of the bus ${path}: it holds no number; write one into it that is ` +
      `above every seq so far`,
    { code: 'DIR_UNUSABLE' },
  )
}

function writeSeq(path: string, seq: number): void {
  const temp = `${path}.tmp`
  try {
    makeDir(dirname(path))
    removeFile(temp)
    writeNewFile(temp, Buffer.from(`${seq}\n`))
    renameInto(temp, path)
  } catch (error) {
    throw fileError('writing the seq of the bus', path, error)
  }
}
