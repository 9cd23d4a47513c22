/**
 * Which generation of the chain is this? The first, until an operator sets a chain aside that is not intact
 * and begins another one (`renew-chain.ts`). Generations share a folder and nothing else: each has a name of
 * its own in its checkpoints, so that what was signed of one is no evidence for or against another.
 */
import { join } from 'node:path'
import { listNames } from '../platform/durable.ts'
import { eventsPath, readingFile, sizeOf, storedLines } from './chain-file.ts'

const ASIDE = /^events\.jsonl\.generation-([1-9]\d*)$/
const FIRST_LINE_BYTES_MAX = 65_536

/** What the first event says; of a chain whose first event is not readable, what was set aside before it. */
export function generationOf(dir: string): number {
  return readingFile(eventsPath(dir), null, generationAt) ?? 1 + asideCount(dir)
}

/** Null where the first line is not whole or does not say it. */
function generationAt(fd: number): number | null {
  for (const { text, isWhole } of storedLines(fd, 0, Math.min(sizeOf(fd), FIRST_LINE_BYTES_MAX))) {
    const match = /"payload":\{[^{}]*"generation":([1-9]\d{0,8})[,}]/.exec(text ?? '')
    return isWhole && match !== null ? Number(match[1]) : null
  }
  return null
}

/** The highest number of a generation that was set aside; 0 for none. */
export function asideCount(dir: string): number {
  return listNames(dir).reduce((most, name) => Math.max(most, Number(ASIDE.exec(name)?.[1] ?? 0)), 0)
}

export function asidePath(dir: string, generation: number): string {
  return `${eventsPath(dir)}.generation-${generation}`
}

export function checkpointsPath(dir: string, generation: number): string {
  return join(dir, generation === 1 ? 'checkpoints.jsonl' : `checkpoints-${generation}.jsonl`)
}

/** The first line of a checkpoint, and the name of the key that signs it. */
export function originOf(market: string, generation: number): string {
  const origin = `chandler/events/${market}`
  return generation === 1 ? origin : `${origin}/${generation}`
}
